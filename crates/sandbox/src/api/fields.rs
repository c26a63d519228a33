//! Who wrote which field: `metadata.managedFields`.
//!
//! Kept for every write, so that a reader can name whoever changed a Service's selector, and so that
//! server-side apply knows whose fields it would take.

mod tree;

use serde_json::{Value, json};

use crate::resources::Kind;
pub(crate) use tree::{Tree, item_key};

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Author<'a> {
    pub(crate) manager: &'a str,
    pub(crate) is_apply: bool,
    pub(crate) subresource: Option<&'a str>,
}

impl Author<'_> {
    fn operation(&self) -> &'static str {
        if self.is_apply { "Apply" } else { "Update" }
    }

    pub(crate) fn wrote(&self, entry: &Value) -> bool {
        entry["manager"] == self.manager
            && entry["operation"] == self.operation()
            && entry["subresource"].as_str() == self.subresource
    }
}

/// Writes the managed fields of `after`, from those of `before` and what the author changed.
/// `applied` are the fields that an apply names, changed or not.
pub(crate) fn record(
    kind: Kind,
    before: Option<&Value>,
    after: &mut Value,
    author: &Author<'_>,
    applied: Option<Tree>,
) {
    let empty = json!({});
    let changed = Tree::changed(kind, before.unwrap_or(&empty), after);
    let all = Tree::of(kind, after);
    let old = before.map_or(&Value::Null, |before| &before["metadata"]["managedFields"]);
    let mut entries: Vec<Value> = Vec::new();
    let mut own: Option<Value> = None;
    for entry in old.as_array().into_iter().flatten() {
        let fields = Tree::parse(&entry["fieldsV1"]);
        if author.wrote(entry) {
            own = Some(entry.clone());
            continue;
        }
        let rest = fields.without(&changed).within(&all);
        if !rest.is_empty() {
            entries.push(with_fields(entry.clone(), &rest));
        }
    }
    let had = own
        .as_ref()
        .map(|entry| Tree::parse(&entry["fieldsV1"]))
        .unwrap_or_default();
    let has = match applied {
        Some(applied) => applied,
        None => had.with(&changed).within(&all),
    };
    if !has.is_empty() {
        let is_news = own.is_none() || has != had || !changed.is_empty();
        let mut entry = own.unwrap_or_else(|| json!({}));
        if is_news {
            entry = json!({
                "manager": author.manager, "operation": author.operation(), "fieldsType": "FieldsV1",
                "apiVersion": kind.api_version(), "time": super::meta::now(),
            });
            if let Some(subresource) = author.subresource {
                entry["subresource"] = subresource.into();
            }
        }
        entries.push(with_fields(entry, &has));
    }
    let meta = &mut after["metadata"];
    if entries.is_empty() {
        drop(meta.as_object_mut().and_then(|meta| meta.remove("managedFields")));
    } else {
        meta["managedFields"] = Value::Array(entries);
    }
}

fn with_fields(mut entry: Value, fields: &Tree) -> Value {
    entry["fieldsV1"] = fields.json();
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECTL: Author<'_> = Author {
        manager: "kubectl",
        is_apply: false,
        subresource: None,
    };

    fn managers(service: &Value, field: &str) -> Vec<String> {
        let entries = service["metadata"]["managedFields"].as_array().unwrap();
        let owns = |entry: &&Value| !entry["fieldsV1"]["f:spec"][field].is_null();
        entries
            .iter()
            .filter(owns)
            .map(|entry| entry["manager"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn whoever_changes_a_field_last_owns_it() {
        let kind = Kind::known("", "Service");
        let mut first = json!({ "metadata": { "name": "api" }, "spec": { "selector": { "a": "1" }, "type": "ClusterIP" } });
        record(kind, None, &mut first, &KUBECTL, None);
        assert_eq!(managers(&first, "f:selector"), ["kubectl"]);
        let mut second = first.clone();
        second["spec"]["selector"] = json!({ "b": "2" });
        let other = Author {
            manager: "intercept",
            ..KUBECTL
        };
        record(kind, Some(&first), &mut second, &other, None);
        assert_eq!(managers(&second, "f:selector"), ["intercept"]);
        assert_eq!(managers(&second, "f:type"), ["kubectl"]);
    }

    #[test]
    fn a_write_that_changes_nothing_is_not_recorded() {
        let kind = Kind::known("", "Service");
        let mut first = json!({ "metadata": { "name": "api" }, "spec": { "selector": { "a": "1" } } });
        record(kind, None, &mut first, &KUBECTL, None);
        let mut second = first.clone();
        record(
            kind,
            Some(&first),
            &mut second,
            &Author {
                manager: "other",
                ..KUBECTL
            },
            None,
        );
        assert_eq!(first, second);
    }
}
