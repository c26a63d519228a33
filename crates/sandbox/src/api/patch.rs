//! The four kinds of patch, told apart by their content type.

pub(crate) mod apply;
mod strategic;

use serde_json::Value;

use super::status::Failure;
use crate::resources::Kind;

/// A patch, read but not yet applied.
#[derive(Clone, Debug)]
pub(crate) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    /// Server-side apply.
    Apply(Value),
}

impl Patch {
    pub(crate) fn read(content_type: &str, body: &[u8]) -> Result<Self, Failure> {
        let wrong = |error: serde_json::Error| Failure::bad_request(format!("error decoding patch: {error}"));
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence {
            "application/json-patch+json" => serde_json::from_slice(body).map(Self::Json).map_err(wrong),
            "application/merge-patch+json" => object(body).map(Self::Merge),
            "application/strategic-merge-patch+json" => object(body).map(Self::Strategic),
            // Clients send JSON under this name, which is YAML too.
            "application/apply-patch+yaml" => object(body).map(Self::Apply),
            _ => Err(Failure::unsupported_patch()),
        }
    }

    /// What an object becomes. Apply needs to know who owns what, and is done elsewhere.
    pub(crate) fn applied(&self, kind: Kind, before: &Value) -> Result<Value, Failure> {
        let mut after = before.clone();
        match self {
            Self::Json(patch) => {
                json_patch::patch(&mut after, patch).map_err(|_| Failure::patch_does_not_fit())?;
            }
            Self::Merge(patch) => json_patch::merge(&mut after, patch),
            Self::Strategic(patch) => strategic::merge(kind, &mut after, patch)?,
            Self::Apply(_) => {}
        }
        if after.is_object() {
            Ok(after)
        } else {
            Err(Failure::patch_does_not_fit())
        }
    }
}

fn object(body: &[u8]) -> Result<Value, Failure> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Failure::bad_request(
            "error decoding patch: the patch must be an object",
        )),
        Err(error) => Err(Failure::bad_request(format!("error decoding patch: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service() -> Value {
        json!({ "metadata": { "name": "api" }, "spec": { "selector": { "app": "api" } } })
    }

    #[test]
    fn a_json_patch_whose_test_fails_changes_nothing() {
        let body = br#"[{"op":"test","path":"/spec/selector","value":{"app":"x"}},
                        {"op":"replace","path":"/spec/selector","value":{}}]"#;
        let patch = Patch::read("application/json-patch+json", body).unwrap();
        let failure = patch.applied(Kind::known("", "Service"), &service()).unwrap_err();
        assert_eq!((failure.code.as_u16(), failure.reason), (422, "Invalid"));
    }

    #[test]
    fn a_merge_patch_removes_with_null() {
        let patch = Patch::read(
            "application/merge-patch+json",
            br#"{"spec":{"selector":null,"x":1}}"#,
        )
        .unwrap();
        let after = patch.applied(Kind::known("", "Service"), &service()).unwrap();
        assert_eq!(after["spec"], json!({ "x": 1 }));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (kind, body, code) in [
            ("application/json-patch+json", "{}", 400),
            ("application/merge-patch+json", "[]", 400),
            ("application/merge-patch+json", "{", 400),
            ("application/json", "{}", 415),
            ("", "{}", 415),
        ] {
            let failure = Patch::read(kind, body.as_bytes()).unwrap_err();
            assert_eq!(failure.code.as_u16(), code, "{kind} {body}");
        }
    }
}
