//! A set of fields, as `fieldsV1` writes it: `f:name`, `k:{"name":"x"}`, `v:"x"`, and `.` for the thing
//! itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::api::schema::{Keys, ListType, is_always_there, is_atomic, list_type};
use crate::resources::Kind;

/// Fields nobody owns: they say which object it is, or the server decides them.
const UNOWNED: [&str; 9] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
];

/// A set of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The field itself, not only some below it.
    is_member: bool,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    fn leaf() -> Self {
        Self {
            is_member: true,
            below: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.is_member && self.below.is_empty()
    }

    /// Every field of an object.
    pub(crate) fn of(kind: Kind, object: &Value) -> Self {
        owned(&without_identity(object), |part, path| {
            Self::of_value(kind, part, path)
        })
    }

    /// The fields of `after` that `before` has not, or with another value.
    pub(crate) fn changed(kind: Kind, before: &Value, after: &Value) -> Self {
        let before = without_identity(before);
        owned(&without_identity(after), |part, path| {
            Self::difference(kind, Some(&before), part, path)
        })
    }

    fn of_value(kind: Kind, value: &Value, path: &mut Vec<String>) -> Self {
        Self::difference(kind, None, value, path)
    }

    fn difference(kind: Kind, before: Option<&Value>, after: &Value, path: &mut Vec<String>) -> Self {
        if before == Some(after) {
            return Self::default();
        }
        match after {
            Value::Object(fields) if !fields.is_empty() && !is_atomic(path) => {
                let mut tree = Self {
                    // What was not there before is news itself; some parts are always there.
                    is_member: !before.is_some_and(Value::is_object) && !is_always_there(path),
                    below: BTreeMap::new(),
                };
                for (key, value) in fields {
                    path.push(key.clone());
                    tree.add(
                        format!("f:{key}"),
                        Self::difference(kind, before.and_then(|b| b.get(key)), value, path),
                    );
                    path.pop();
                }
                tree
            }
            Value::Array(items) => match list_type(kind, path) {
                ListType::Atomic => Self::leaf(),
                ListType::Set => Self::of_set(before, items),
                ListType::Map(keys) => Self::of_items(kind, before, items, &keys, path),
            },
            _ => Self::leaf(),
        }
    }

    fn of_set(before: Option<&Value>, items: &[Value]) -> Self {
        let had = before.and_then(Value::as_array);
        let mut tree = Self {
            is_member: had.is_none(),
            below: BTreeMap::new(),
        };
        for item in items
            .iter()
            .filter(|item| !had.is_some_and(|had| had.contains(item)))
        {
            tree.add(format!("v:{item}"), Self::leaf());
        }
        tree
    }

    fn of_items(
        kind: Kind,
        before: Option<&Value>,
        items: &[Value],
        keys: &Keys,
        path: &mut Vec<String>,
    ) -> Self {
        let had = before.and_then(Value::as_array);
        let mut tree = Self {
            is_member: had.is_none() && !is_always_there(path),
            below: BTreeMap::new(),
        };
        for item in items {
            let old = had
                .into_iter()
                .flatten()
                .find(|old| crate::api::schema::is_same_item(keys, old, item));
            let mut below = Self::difference(kind, old, item, path);
            below.is_member = old.is_none();
            tree.add(item_key(item, keys), below);
        }
        tree
    }

    fn add(&mut self, key: String, below: Self) {
        if !below.is_empty() {
            self.below.insert(key, below);
        }
    }

    pub(crate) fn parse(fields: &Value) -> Self {
        let Some(fields) = fields.as_object() else {
            return Self::default();
        };
        let mut tree = Self {
            is_member: fields.is_empty() || fields.contains_key("."),
            below: BTreeMap::new(),
        };
        for (key, value) in fields.iter().filter(|(key, _)| *key != ".") {
            tree.below.insert(key.clone(), Self::parse(value));
        }
        tree
    }

    pub(crate) fn json(&self) -> Value {
        let mut fields = Map::new();
        if self.is_member && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        fields.extend(self.below.iter().map(|(key, below)| (key.clone(), below.json())));
        Value::Object(fields)
    }

    /// Both sets together.
    pub(crate) fn with(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.is_member |= other.is_member;
        for (key, below) in &other.below {
            let mine = all.below.remove(key).unwrap_or_default();
            all.below.insert(key.clone(), mine.with(below));
        }
        all
    }

    /// What is not in `other`.
    pub(crate) fn without(&self, other: &Self) -> Self {
        let mut rest = Self {
            is_member: self.is_member && !other.is_member,
            below: BTreeMap::new(),
        };
        for (key, below) in &self.below {
            match other.below.get(key) {
                Some(gone) => rest.add(key.clone(), below.without(gone)),
                None => rest.add(key.clone(), below.clone()),
            }
        }
        rest
    }

    /// What is also in `other`.
    pub(crate) fn within(&self, other: &Self) -> Self {
        let mut both = Self {
            is_member: self.is_member && !other.is_empty(),
            below: BTreeMap::new(),
        };
        for (key, below) in &self.below {
            if let Some(there) = other.below.get(key) {
                both.add(key.clone(), below.within(there));
            }
        }
        both
    }

    /// What is in both, each field itself.
    pub(crate) fn common(&self, other: &Self) -> Self {
        let mut both = Self {
            is_member: self.is_member && other.is_member,
            below: BTreeMap::new(),
        };
        for (key, below) in &self.below {
            if let Some(there) = other.below.get(key) {
                both.add(key.clone(), below.common(there));
            }
        }
        both
    }

    /// Without the maps and lists themselves: an apply owns what stands in them, and their items.
    pub(crate) fn without_maps(&self) -> Self {
        let below = self.below.iter().map(|(key, below)| {
            let mut inner = below.without_maps();
            inner.is_member = below.is_member && (below.below.is_empty() || key.starts_with("k:"));
            (key.clone(), inner)
        });
        Self {
            is_member: self.is_member,
            below: below.collect(),
        }
    }

    pub(crate) fn is_member(&self) -> bool {
        self.is_member
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.below.iter().map(|(key, below)| (key.as_str(), below))
    }

    /// Each field as messages write it: `.spec.ports[port=80].name`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.collect("", &mut all);
        all
    }

    fn collect(&self, prefix: &str, all: &mut Vec<String>) {
        if self.is_member {
            all.push(prefix.to_owned());
        }
        for (key, below) in &self.below {
            let step = match key.split_once(':') {
                Some(("f", name)) => format!(".{name}"),
                Some(("k", keys)) => format!(
                    "[{}]",
                    keys.trim_matches(['{', '}']).replace("\":", "=").replace('"', "")
                ),
                Some((_, value)) => format!("[={value}]"),
                None => String::new(),
            };
            below.collect(&format!("{prefix}{step}"), all);
        }
    }
}

/// The name of a list's item in a tree.
pub(crate) fn item_key(item: &Value, keys: &Keys) -> String {
    let named = keys.apply.iter().map(|(key, default)| {
        let value = match &item[*key] {
            Value::Null => default.map_or(Value::Null, Value::from),
            found => found.clone(),
        };
        ((*key).to_owned(), value)
    });
    format!("k:{}", Value::Object(named.collect()))
}

fn owned(object: &Value, tree: impl FnOnce(&Value, &mut Vec<String>) -> Tree) -> Tree {
    let mut all = tree(object, &mut Vec::new());
    // The object itself is nobody's field.
    all.is_member = false;
    all
}

fn without_identity(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(fields) = object.as_object_mut() {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        UNOWNED.iter().for_each(|field| drop(meta.remove(*field)));
        if meta.is_empty()
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("metadata");
        }
    }
    object
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_written_as_kubernetes_writes_them() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "api", "labels": { "app": "x" } },
            "spec": { "selector": { "app": "api" }, "ports": [{ "port": 80, "name": "http" }] },
        });
        assert_eq!(
            Tree::of(Kind::known("", "Service"), &service).json(),
            json!({
                "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
                "f:spec": {
                    "f:selector": {},
                    "f:ports": { ".": {}, "k:{\"port\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:name": {}, "f:port": {} } },
                },
            })
        );
    }

    #[test]
    fn a_tree_survives_its_json() {
        let json = json!({ "f:data": { ".": {}, "f:a": {} } });
        assert_eq!(Tree::parse(&json).json(), json);
    }

    #[test]
    fn sets_can_be_added_and_taken_away() {
        let tree = |keys: &[&str]| {
            let map: Map<String, Value> = keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect();
            Tree::parse(&json!({ "f:data": map }))
        };
        assert_eq!(tree(&["a"]).with(&tree(&["b"])), tree(&["a", "b"]));
        assert_eq!(tree(&["a", "b"]).without(&tree(&["b"])), tree(&["a"]));
        assert_eq!(tree(&["a", "b"]).common(&tree(&["b", "c"])).paths(), [".data.b"]);
    }
}
