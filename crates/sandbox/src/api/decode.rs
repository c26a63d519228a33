//! From a body to an object of its kind: names checked, unknown fields found, what does not fit refused.

use serde_json::Value;

use super::route::{Query, Target};
use super::status::Failure;
use crate::resources::Kind;

/// What happens to fields that the kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    Strict,
    Warn,
    Ignore,
}

impl Unknown {
    pub(crate) fn from_query(query: &Query) -> Result<Self, Failure> {
        match query.get("fieldValidation") {
            Some("Strict") => Ok(Self::Strict),
            Some("Warn") | None => Ok(Self::Warn),
            Some("Ignore") => Ok(Self::Ignore),
            Some(other) => Err(Failure::bad_request(format!(
                "fieldValidation: Unsupported value: {other:?}: supported values: \"Ignore\", \"Strict\", \"Warn\""
            ))),
        }
    }
}

/// Reads a body in whichever form it comes.
pub(crate) fn body(content_type: &str, body: &[u8]) -> Result<Value, Failure> {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => json(body),
        "application/vnd.kubernetes.protobuf" => {
            super::protobuf::read(body).map_err(|error| Failure::bad_request(error.to_string()))
        }
        _ => Err(Failure::unsupported_media_type(
            "application/json, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// Reads a body as JSON.
pub(crate) fn json(body: &[u8]) -> Result<Value, Failure> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Failure::bad_request(
            "couldn't get version/kind; json parse error: the body is not an object",
        )),
        Err(error) => Err(Failure::bad_request(format!(
            "couldn't get version/kind; json parse error: {error}"
        ))),
    }
}

/// Makes a value an object of its kind; warnings come back.
pub(crate) fn typed(kind: Kind, mut value: Value, unknown: Unknown) -> Result<(Value, Vec<String>), Failure> {
    check_kind(kind, &mut value)?;
    quantities(&mut value);
    let given = value.clone();
    let typed = (kind.shape)(value).map_err(|error| {
        let (place, why) = (error.path().to_string(), error.inner().to_string());
        cannot_be(kind, &format!("json: {place}: {why}"))
    })?;
    if unknown == Unknown::Ignore {
        return Ok((typed, Vec::new()));
    }
    let mut extra = Vec::new();
    lost(&given, &typed, "", &mut extra);
    let words: Vec<String> = extra
        .iter()
        .map(|place| format!("unknown field {place:?}"))
        .collect();
    if unknown == Unknown::Strict && !words.is_empty() {
        return Err(cannot_be(
            kind,
            &format!("strict decoding error: {}", words.join(", ")),
        ));
    }
    Ok((typed, words))
}

fn cannot_be(kind: Kind, why: &str) -> Failure {
    let name = kind.kind;
    Failure::bad_request(format!(
        "{name} in version {:?} cannot be handled as a {name}: {why}",
        kind.version
    ))
}

/// A body may leave its kind out; another one is a mistake.
fn check_kind(kind: Kind, value: &mut Value) -> Result<(), Failure> {
    let wanted = kind.api_version();
    if value["apiVersion"].as_str().is_none_or(str::is_empty) {
        value["apiVersion"] = wanted.clone().into();
    }
    if value["kind"].as_str().is_none_or(str::is_empty) {
        value["kind"] = kind.kind.into();
    }
    let (version, name) = (
        value["apiVersion"].as_str().unwrap_or_default(),
        value["kind"].as_str().unwrap_or_default(),
    );
    if version != wanted {
        return Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({wanted})"
        )));
    }
    if name != kind.kind {
        return Err(Failure::bad_request(format!(
            "the kind in the data ({name}) does not match the expected kind ({})",
            kind.kind
        )));
    }
    Ok(())
}

/// Name and namespace must be those of the URL; where a body has none, it gets them.
pub(crate) fn check_place(target: &Target, value: &mut Value) -> Result<(), Failure> {
    if !value["metadata"].is_object() {
        value["metadata"] = serde_json::json!({});
    }
    let meta = &mut value["metadata"];
    if target.kind.is_namespaced {
        match meta["namespace"].as_str().unwrap_or_default() {
            "" => meta["namespace"] = target.namespace.clone().into(),
            given if given != target.namespace => {
                return Err(Failure::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
            _ => {}
        }
    }
    if target.name.is_empty() {
        return Ok(());
    }
    match meta["name"].as_str().unwrap_or_default() {
        "" => meta["name"] = target.name.clone().into(),
        given if given != target.name => {
            return Err(Failure::bad_request(format!(
                "the name of the object ({given}) does not match the name on the URL ({})",
                target.name
            )));
        }
        _ => {}
    }
    Ok(())
}

/// Amounts may be written as numbers; they are kept as text.
pub(crate) fn quantities(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let holds_amounts = matches!(
                    key.as_str(),
                    "limits" | "requests" | "hard" | "used" | "capacity" | "allocatable"
                );
                if let (true, Value::Object(amounts)) = (holds_amounts, &mut *value) {
                    for amount in amounts.values_mut().filter(|amount| amount.is_number()) {
                        *amount = amount.to_string().into();
                    }
                }
                quantities(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(quantities),
        _ => {}
    }
}

/// The places that were given and are not in what was understood.
fn lost(given: &Value, understood: &Value, place: &str, all: &mut Vec<String>) {
    match (given, understood) {
        (Value::Object(given), Value::Object(understood)) => {
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let at = if place.is_empty() {
                    key.clone()
                } else {
                    format!("{place}.{key}")
                };
                match understood.get(key) {
                    Some(there) => lost(value, there, &at, all),
                    None => all.push(at),
                }
            }
        }
        (Value::Array(given), Value::Array(understood)) => {
            for (index, (value, there)) in given.iter().zip(understood).enumerate() {
                lost(value, there, &format!("{place}[{index}]"), all);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pods() -> Kind {
        Kind::known("", "Pod")
    }

    #[test]
    fn unknown_fields_are_told_or_refused() {
        let pod = json!({ "spec": { "containers": [{ "name": "a", "wings": 2 }], "legs": null } });
        let (_, warnings) = typed(pods(), pod.clone(), Unknown::Warn).unwrap();
        assert_eq!(warnings, ["unknown field \"spec.containers[0].wings\""]);
        let failure = typed(pods(), pod, Unknown::Strict).unwrap_err();
        assert_eq!(
            failure.message,
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown field \
             \"spec.containers[0].wings\""
        );
    }

    #[test]
    fn another_kind_is_refused() {
        let failure = typed(
            pods(),
            json!({ "apiVersion": "apps/v1", "kind": "Pod" }),
            Unknown::Warn,
        )
        .unwrap_err();
        assert_eq!(
            failure.message,
            "the API version in the data (apps/v1) does not match the expected API version (v1)"
        );
        assert!(typed(pods(), json!({ "kind": "Service" }), Unknown::Warn).is_err());
    }

    #[test]
    fn amounts_may_be_numbers() {
        let pod =
            json!({ "spec": { "containers": [{ "name": "a", "resources": { "limits": { "cpu": 1 } } }] } });
        let (pod, _) = typed(pods(), pod, Unknown::Strict).unwrap();
        assert_eq!(pod["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
    }
}
