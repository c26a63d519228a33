//! Server-side apply: the applied fields become the applier's, what it no longer names goes, and what
//! others own is a conflict unless forced.

use serde_json::{Map, Value};

use crate::api::fields::{Author, Tree, item_key};
use crate::api::schema::{ListType, is_atomic, is_same_item, list_type};
use crate::api::status::{Cause, Failure};
use crate::resources::Kind;

/// What an apply makes of an object, and the fields it names.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) object: Value,
    pub(crate) fields: Tree,
}

/// Applies a configuration to what is there.
pub(crate) fn apply(
    kind: Kind,
    before: &Value,
    configuration: &Value,
    author: &Author<'_>,
    is_forced: bool,
) -> Result<Applied, Failure> {
    let fields = Tree::of(kind, configuration).without_maps();
    let mut object = before.clone();
    merge(kind, &mut Vec::new(), &mut object, configuration);
    let (had, others) = ownership(before, author);
    let changed = Tree::changed(kind, before, &object);
    if !is_forced {
        check_conflicts(&changed, &others)?;
    }
    let mut gone = had.without(&fields);
    for (_, theirs) in &others {
        gone = gone.without(theirs);
    }
    remove(kind, &mut Vec::new(), &mut object, &gone);
    Ok(Applied { object, fields })
}

type Owned = (String, Tree);

/// What the author applied before, and what everybody else owns.
fn ownership(before: &Value, author: &Author<'_>) -> (Tree, Vec<Owned>) {
    let mut had = Tree::default();
    let mut others = Vec::new();
    for entry in before["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let fields = Tree::parse(&entry["fieldsV1"]);
        if author.wrote(entry) {
            had = fields;
        } else {
            others.push((who(entry), fields));
        }
    }
    (had, others)
}

/// As messages name an owner.
fn who(entry: &Value) -> String {
    let manager = &entry["manager"];
    let subresource = match entry["subresource"].as_str() {
        Some(subresource) => format!(" with subresource {subresource:?}"),
        None => String::new(),
    };
    match entry["operation"].as_str() {
        Some("Update") => {
            let version = entry["apiVersion"].as_str().unwrap_or_default();
            format!("{manager}{subresource} using {version}")
        }
        _ => format!("{manager}{subresource}"),
    }
}

fn check_conflicts(changed: &Tree, others: &[Owned]) -> Result<(), Failure> {
    let causes: Vec<Cause> = others
        .iter()
        .flat_map(|(who, theirs)| {
            let paths = changed.common(theirs).paths();
            paths.into_iter().map(move |path| Cause::owned(path, who))
        })
        .collect();
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::apply_conflict(&causes))
    }
}

fn merge(kind: Kind, path: &mut Vec<String>, target: &mut Value, applied: &Value) {
    match applied {
        Value::Object(fields) if !is_atomic(path) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let Some(place) = target.as_object_mut() else {
                return;
            };
            for (key, value) in fields {
                path.push(key.clone());
                merge(kind, path, place.entry(key).or_insert(Value::Null), value);
                path.pop();
            }
        }
        Value::Array(items) => merge_list(kind, path, target, items),
        _ => *target = applied.clone(),
    }
}

fn merge_list(kind: Kind, path: &mut Vec<String>, target: &mut Value, items: &[Value]) {
    let list_type = list_type(kind, path);
    if !target.is_array() || list_type == ListType::Atomic {
        *target = Value::Array(items.to_vec());
        return;
    }
    let Some(list) = target.as_array_mut() else { return };
    for item in items {
        let found = match list_type {
            ListType::Map(keys) => list.iter().position(|one| is_same_item(&keys, one, item)),
            _ => list.iter().position(|one| one == item),
        };
        match found {
            Some(at) => merge(kind, path, &mut list[at], item),
            None => list.push(item.clone()),
        }
    }
}

/// Takes fields out of an object.
fn remove(kind: Kind, path: &mut Vec<String>, target: &mut Value, gone: &Tree) {
    for (key, below) in gone.keys() {
        if let (Some(name), Some(fields)) = (key.strip_prefix("f:"), target.as_object_mut()) {
            if below.keys().next().is_none() {
                fields.remove(name);
                continue;
            }
            let Some(value) = fields.get_mut(name) else {
                continue;
            };
            path.push(name.to_owned());
            remove(kind, path, value, below);
            path.pop();
            // A map or list that was applied goes with the last of what it held.
            if is_empty(value) {
                fields.remove(name);
            }
        } else if let Some(list) = target.as_array_mut() {
            remove_item(kind, path, list, key, below);
        }
    }
}

fn remove_item(kind: Kind, path: &mut Vec<String>, list: &mut Vec<Value>, key: &str, below: &Tree) {
    let is = |item: &Value| match list_type(kind, path) {
        ListType::Map(keys) => item_key(item, &keys) == key,
        _ => format!("v:{item}") == key,
    };
    let Some(at) = list.iter().position(is) else {
        return;
    };
    if below.is_member() {
        list.remove(at);
    } else {
        remove(kind, path, &mut list[at], below);
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::fields::record;

    const ME: Author<'_> = Author {
        manager: "me",
        is_apply: true,
        subresource: None,
    };

    fn applied(before: &Value, configuration: &Value, author: &Author<'_>) -> Result<Value, Failure> {
        let kind = Kind::known("", "ConfigMap");
        let done = apply(kind, before, configuration, author, false)?;
        let mut after = done.object;
        record(kind, Some(before), &mut after, author, Some(done.fields));
        Ok(after)
    }

    #[test]
    fn what_is_no_longer_applied_goes() {
        let first = applied(
            &json!({ "metadata": {} }),
            &json!({ "data": { "a": "1", "b": "2" } }),
            &ME,
        )
        .unwrap();
        let second = applied(&first, &json!({ "data": { "a": "1" } }), &ME).unwrap();
        assert_eq!(second["data"], json!({ "a": "1" }));
    }

    #[test]
    fn what_another_owns_is_a_conflict() {
        let first = applied(&json!({ "metadata": {} }), &json!({ "data": { "a": "1" } }), &ME).unwrap();
        let other = Author {
            manager: "other",
            ..ME
        };
        let failure = applied(&first, &json!({ "data": { "a": "2" } }), &other).unwrap_err();
        assert_eq!(
            failure.message,
            "Apply failed with 1 conflict: conflict with \"me\": .data.a"
        );
        assert_eq!(failure.code.as_u16(), 409);
    }

    #[test]
    fn the_same_value_is_owned_by_both_and_stays_until_both_drop_it() {
        let configuration = json!({ "data": { "a": "1" } });
        let other = Author {
            manager: "other",
            ..ME
        };
        let first = applied(&json!({ "metadata": {} }), &configuration, &ME).unwrap();
        let second = applied(&first, &configuration, &other).unwrap();
        let third = applied(&second, &json!({ "metadata": { "labels": { "x": "y" } } }), &ME).unwrap();
        assert_eq!(third["data"], json!({ "a": "1" }));
    }

    #[test]
    fn force_takes_the_field() {
        let kind = Kind::known("", "ConfigMap");
        let first = applied(&json!({ "metadata": {} }), &json!({ "data": { "a": "1" } }), &ME).unwrap();
        let other = Author {
            manager: "other",
            ..ME
        };
        let done = apply(kind, &first, &json!({ "data": { "a": "2" } }), &other, true).unwrap();
        assert_eq!(done.object["data"], json!({ "a": "2" }));
    }
}
