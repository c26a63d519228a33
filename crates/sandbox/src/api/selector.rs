//! Label and field selectors, in Kubernetes' full grammar.

use serde_json::Value;

use super::status::Failure;
use crate::resources::Kind;
use crate::store::Object;

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Missing,
    In(Vec<String>),
    /// Also true where the label is missing.
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    path: String,
    value: String,
    is_equal: bool,
}

impl Selector {
    pub(crate) fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::bad_request(format!("unable to parse requirement: {why}"));
        Ok(Self {
            labels: Parser::new(labels).requirements().map_err(wrong)?,
            fields: parse_fields(kind, fields)?,
        })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that can match, where the field selector says so.
    pub(crate) fn only_name(&self) -> Option<&str> {
        let named = self
            .fields
            .iter()
            .find(|field| field.path == "metadata.name" && field.is_equal);
        named.map(|field| field.value.as_str())
    }

    pub(crate) fn matches(&self, object: &Object) -> bool {
        let labels = self.labels.iter();
        let fields = self.fields.iter();
        labels.clone().all(|one| one.matches(object.label(&one.key)))
            && fields
                .clone()
                .all(|one| (field(&object.value, &one.path) == one.value) == one.is_equal)
    }
}

impl Requirement {
    fn matches(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::Exists => label.is_some(),
            Operator::Missing => label.is_none(),
            Operator::In(values) => label.is_some_and(|label| values.iter().any(|value| value == label)),
            Operator::NotIn(values) => !label.is_some_and(|label| values.iter().any(|value| value == label)),
            Operator::Greater(than) => number().is_some_and(|number| number > *than),
            Operator::Less(than) => number().is_some_and(|number| number < *than),
        }
    }
}

/// Reads `a=b,c in (d,e),!f,g>1`.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn requirements(mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        while !self.rest.is_empty() {
            all.push(self.requirement()?);
            if !self.rest.is_empty() && !self.takes(",") {
                return Err(format!("found '{}', expected: ',' or 'end of string'", self.rest));
            }
        }
        Ok(all)
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_negated = self.takes("!");
        let key = self.word();
        if key.is_empty() {
            return Err(format!(
                "found '{}', expected: !, identifier, or 'end of string'",
                self.rest
            ));
        }
        check_key(key)?;
        let operator = if is_negated {
            Operator::Missing
        } else {
            self.operator()?
        };
        Ok(Requirement {
            key: key.to_owned(),
            operator,
        })
    }

    fn operator(&mut self) -> Result<Operator, String> {
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Operator::Exists);
        }
        for (sign, is_equal) in [("!=", false), ("==", true), ("=", true)] {
            if self.takes(sign) {
                let values = vec![self.value()?];
                return Ok(if is_equal {
                    Operator::In(values)
                } else {
                    Operator::NotIn(values)
                });
            }
        }
        for (sign, is_greater) in [(">", true), ("<", false)] {
            if self.takes(sign) {
                let value = self.word();
                let number = value.parse().map_err(|_| {
                    format!("values[0]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer")
                })?;
                return Ok(if is_greater {
                    Operator::Greater(number)
                } else {
                    Operator::Less(number)
                });
            }
        }
        match self.word() {
            "in" => Ok(Operator::In(self.values()?)),
            "notin" => Ok(Operator::NotIn(self.values()?)),
            other => Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if !self.takes("(") {
            return Err(format!("found '{}', expected: '('", self.rest));
        }
        let mut values = vec![self.value()?];
        while self.takes(",") {
            values.push(self.value()?);
        }
        if self.takes(")") {
            Ok(values)
        } else {
            Err(format!("found '{}', expected: ',' or ')'", self.rest))
        }
    }

    fn value(&mut self) -> Result<String, String> {
        let value = self.word();
        match super::names::label_value(value) {
            Some(why) => Err(format!("values[0]: Invalid value: {value:?}: {why}")),
            None => Ok(value.to_owned()),
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        let rest = self.rest.strip_prefix(sign);
        if let Some(rest) = rest {
            self.rest = rest.trim_start();
        }
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find([',', '=', '!', '<', '>', '(', ')', ' '])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word
    }
}

fn check_key(key: &str) -> Result<(), String> {
    match super::names::qualified(key) {
        Some(why) => Err(format!("key: Invalid value: {key:?}: {why}")),
        None => Ok(()),
    }
}

fn parse_fields(kind: Kind, text: &str) -> Result<Vec<Field>, Failure> {
    let terms = text.split(',').filter(|term| !term.trim().is_empty());
    terms
        .map(|term| {
            let (path, value, is_equal) = split_term(term.trim()).ok_or_else(|| {
                Failure::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'"))
            })?;
            if !supported(kind).contains(&path) && !matches!(path, "metadata.name" | "metadata.namespace") {
                return Err(Failure::bad_request(format!("field label not supported: {path}")));
            }
            Ok(Field {
                path: path.to_owned(),
                value: value.to_owned(),
                is_equal,
            })
        })
        .collect()
}

fn split_term(term: &str) -> Option<(&str, &str, bool)> {
    for (sign, is_equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((path, value)) = term.split_once(sign) {
            return Some((path, value, is_equal));
        }
    }
    None
}

/// Beyond the name and the namespace, which every kind has.
fn supported(kind: Kind) -> &'static [&'static str] {
    match kind.kind {
        "Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "Event" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "regarding.kind",
            "regarding.namespace",
            "regarding.name",
            "regarding.uid",
            "reason",
            "reportingComponent",
            "reportingController",
            "source",
            "type",
        ],
        "Secret" => &["type"],
        "Namespace" => &["status.phase"],
        "Node" => &["spec.unschedulable"],
        "Service" => &["spec.clusterIP", "spec.type"],
        "ReplicaSet" => &["status.replicas"],
        "Job" => &["status.successful"],
        _ => &[],
    }
}

fn field(object: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(object, |value, step| value.get(step));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None if matches!(path, "spec.hostNetwork" | "spec.unschedulable") => {
            "false".to_owned()
        }
        Some(Value::Null) | None => String::new(),
        // An old event's source is an object; selectors mean its component.
        Some(Value::Object(source)) => source
            .get("component")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::store::{Key, Store};

    fn pod() -> Arc<Object> {
        let kind = Kind::known("", "Pod");
        let value = json!({
            "metadata": { "name": "p", "namespace": "shop", "labels": { "app": "api", "tier": "1" } },
            "spec": { "nodeName": "n" },
        });
        Store::new(1).write(|tx| tx.put(&Key::new(kind, "shop", "p"), value))
    }

    fn selects(labels: &str, fields: &str) -> bool {
        Selector::parse(Kind::known("", "Pod"), labels, fields)
            .unwrap()
            .matches(&pod())
    }

    #[test]
    fn every_form_of_a_label_selector_is_understood() {
        for yes in [
            "",
            "app",
            "app=api",
            "app == api",
            "app!=web",
            "!gone",
            "gone!=x",
            "app in (web, api)",
            "app notin (web),tier",
            "tier>0",
            "tier<2",
            "gone notin (x)",
        ] {
            assert!(selects(yes, ""), "{yes}");
        }
        for no in [
            "!app",
            "app=web",
            "app in (web)",
            "app notin (api)",
            "gone",
            "tier>1",
            "app=api,gone",
        ] {
            assert!(!selects(no, ""), "{no}");
        }
    }

    #[test]
    fn fields_are_compared_as_text() {
        assert!(selects(
            "",
            "spec.nodeName=n,metadata.name!=q,metadata.namespace==shop"
        ));
        assert!(!selects("", "status.phase=Running"));
        assert!(selects("", "status.phase!=Running"));
    }

    #[test]
    fn nonsense_is_refused() {
        let kind = Kind::known("", "Pod");
        for labels in ["a b", "=x", "a in x", "a in (b", "a>b", "a=%", "a,,b"] {
            assert!(Selector::parse(kind, labels, "").is_err(), "{labels}");
        }
        assert!(Selector::parse(kind, "", "spec.wings=2").is_err());
        assert!(Selector::parse(kind, "", "nonsense").is_err());
    }
}
