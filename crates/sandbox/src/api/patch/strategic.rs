//! Strategic merge patch: like a merge patch, but lists of named things merge by their keys.
//!
//! With the directives that kubectl sends: `$patch`, `$retainKeys`, `$setElementOrder/…`,
//! `$deleteFromPrimitiveList/…`.

use serde_json::{Map, Value};

use crate::api::schema::{Keys, ListType, list_type};
use crate::api::status::Failure;
use crate::resources::Kind;

const ORDER: &str = "$setElementOrder/";
const DELETE_VALUES: &str = "$deleteFromPrimitiveList/";

pub(super) fn merge(kind: Kind, target: &mut Value, patch: &Value) -> Result<(), Failure> {
    merge_value(kind, &mut Vec::new(), target, patch)
}

fn merge_value(kind: Kind, path: &mut Vec<String>, target: &mut Value, patch: &Value) -> Result<(), Failure> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let plain = patch.iter().filter(|(key, _)| *key != "$patch");
            *target = Value::Object(plain.map(|(key, value)| (key.clone(), value.clone())).collect());
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(unknown_directive(other)),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return Ok(());
    };
    if let Some(Value::Array(kept)) = patch.get("$retainKeys") {
        fields.retain(|key, _| kept.iter().any(|one| one == key.as_str()));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix(DELETE_VALUES) {
            delete_values(fields, list, value);
        } else if !key.starts_with('$') {
            merge_field(
                kind,
                path,
                fields,
                (key, value),
                patch.get(&format!("{ORDER}{key}")),
            )?;
        }
    }
    Ok(())
}

fn merge_field(
    kind: Kind,
    path: &mut Vec<String>,
    fields: &mut Map<String, Value>,
    (key, value): (&str, &Value),
    order: Option<&Value>,
) -> Result<(), Failure> {
    if value.is_null() {
        fields.remove(key);
        return Ok(());
    }
    path.push(key.to_owned());
    let place = fields.entry(key).or_insert(Value::Null);
    let outcome = match value {
        Value::Array(items) => merge_list(kind, path, place, items, order),
        _ => merge_value(kind, path, place, value),
    };
    let is_deleted = value.get("$patch").is_some_and(|one| one == "delete");
    path.pop();
    if is_deleted {
        fields.remove(key);
    }
    outcome
}

fn merge_list(
    kind: Kind,
    path: &mut Vec<String>,
    target: &mut Value,
    items: &[Value],
    order: Option<&Value>,
) -> Result<(), Failure> {
    let is_replaced = items
        .iter()
        .any(|item| item["$patch"] == "replace" && item.as_object().is_some_and(|o| o.len() == 1));
    let plain = || -> Vec<Value> {
        items
            .iter()
            .filter(|item| item.get("$patch").is_none())
            .cloned()
            .collect()
    };
    let list_type = list_type(kind, path);
    if is_replaced || list_type == ListType::Atomic {
        *target = Value::Array(plain());
        return Ok(());
    }
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Some(list) = target.as_array_mut() else {
        return Ok(());
    };
    let order = order.and_then(Value::as_array).map_or(items, Vec::as_slice);
    match list_type {
        ListType::Map(keys) => {
            for item in items {
                merge_item(kind, path, list, item, &keys)?;
            }
            reorder(list, order, |item, wanted| item[keys.patch] == wanted[keys.patch]);
        }
        _ => {
            let new: Vec<Value> = items
                .iter()
                .filter(|item| !list.contains(item))
                .cloned()
                .collect();
            list.extend(new);
            reorder(list, order, |item, wanted| item == wanted);
        }
    }
    Ok(())
}

fn merge_item(
    kind: Kind,
    path: &mut Vec<String>,
    list: &mut Vec<Value>,
    item: &Value,
    keys: &Keys,
) -> Result<(), Failure> {
    let key = &item[keys.patch];
    if key.is_null() {
        let message = format!("map: {item} does not contain declared merge key: {}", keys.patch);
        return Err(Failure::unexplained(message));
    }
    // A string and a number may name the same port.
    let found = list.iter().position(|one| one[keys.patch] == *key);
    match (item.get("$patch").and_then(Value::as_str), found) {
        (Some("delete"), _) => list.retain(|one| one[keys.patch] != *key),
        (_, Some(at)) => merge_value(kind, path, &mut list[at], item)?,
        (_, None) => {
            let mut new = Value::Null;
            merge_value(kind, path, &mut new, item)?;
            list.push(new);
        }
    }
    Ok(())
}

/// Items that the patch names come in its order. Each of the others goes before the first of those that stood
/// behind it.
fn reorder(list: &mut Vec<Value>, order: &[Value], is: impl Fn(&Value, &Value) -> bool) {
    let rank = |item: &Value| order.iter().position(|wanted| is(item, wanted));
    let before = std::mem::take(list).into_iter().enumerate();
    let (mut ordered, others): (Vec<_>, Vec<_>) = before.partition(|(_, item)| rank(item).is_some());
    ordered.sort_by_key(|(_, item)| rank(item));
    let mut others = others.into_iter().peekable();
    for (place, item) in ordered {
        while let Some((_, other)) = others.next_if(|(other, _)| *other < place) {
            list.push(other);
        }
        list.push(item);
    }
    list.extend(others.map(|(_, item)| item));
}

fn delete_values(fields: &mut Map<String, Value>, list: &str, values: &Value) {
    if let (Some(Value::Array(have)), Value::Array(gone)) = (fields.get_mut(list), values) {
        have.retain(|one| !gone.contains(one));
    }
}

fn unknown_directive(directive: &str) -> Failure {
    Failure::bad_request(format!("unknown patch type found: {directive}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "they come straight from `json!`")]
    fn merged(group: &str, kind: &str, mut target: Value, patch: Value) -> Value {
        merge(Kind::known(group, kind), &mut target, &patch).unwrap();
        target
    }

    #[test]
    fn owners_merge_by_uid() {
        let target = json!({ "metadata": { "ownerReferences": [{ "uid": "a", "name": "one" }] } });
        let patch =
            json!({ "metadata": { "ownerReferences": [{ "uid": "b" }, { "uid": "a", "name": "two" }] } });
        assert_eq!(
            merged("", "ConfigMap", target, patch)["metadata"]["ownerReferences"],
            json!([{ "uid": "b" }, { "uid": "a", "name": "two" }])
        );
    }

    #[test]
    fn containers_and_their_env_merge_by_name() {
        let target = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "a", "image": "1", "env": [{ "name": "X", "value": "1" }] }, { "name": "b" },
        ] } } } });
        let patch = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "a", "env": [{ "name": "Y", "value": "2" }] }, { "name": "b", "$patch": "delete" },
        ] } } } });
        assert_eq!(
            merged("apps", "Deployment", target, patch)["spec"]["template"]["spec"]["containers"],
            json!([{ "name": "a", "image": "1", "env": [{ "name": "X", "value": "1" }, { "name": "Y", "value": "2" }] }])
        );
    }

    #[test]
    fn lists_without_keys_are_replaced() {
        let target = json!({ "rules": [{ "verbs": ["get"] }] });
        let patch = json!({ "rules": [{ "verbs": ["list"] }] });
        assert_eq!(
            merged("rbac.authorization.k8s.io", "Role", target, patch)["rules"],
            json!([{ "verbs": ["list"] }])
        );
    }

    #[test]
    fn directives_of_kubectl_are_understood() {
        let target = json!({ "metadata": { "finalizers": ["a", "b"] }, "spec": {
            "strategy": { "type": "RollingUpdate", "rollingUpdate": {} }, "ports": [{ "port": 1 }, { "port": 2 }],
        } });
        let patch = json!({
            "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"] },
            "spec": {
                "strategy": { "$retainKeys": ["type"], "type": "Recreate" },
                "$setElementOrder/ports": [{ "port": 3 }, { "port": 2 }, { "port": 1 }], "ports": [{ "port": 3 }],
            },
        });
        let after = merged("", "Service", target, patch);
        assert_eq!(after["metadata"]["finalizers"], json!(["b"]));
        assert_eq!(after["spec"]["strategy"], json!({ "type": "Recreate" }));
        assert_eq!(
            after["spec"]["ports"],
            json!([{ "port": 3 }, { "port": 2 }, { "port": 1 }])
        );
    }

    #[test]
    fn a_map_can_be_replaced_or_deleted_as_a_whole() {
        let target = || json!({ "spec": { "selector": { "app": "api", "tier": "x" } } });
        let replaced = json!({ "spec": { "selector": { "$patch": "replace", "app": "web" } } });
        assert_eq!(
            merged("", "Service", target(), replaced)["spec"]["selector"],
            json!({ "app": "web" })
        );
        let deleted = json!({ "spec": { "selector": { "$patch": "delete" } } });
        assert_eq!(merged("", "Service", target(), deleted)["spec"], json!({}));
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        let mut target = json!({});
        let patch = json!({ "spec": { "ports": [{ "name": "http" }] } });
        assert!(merge(Kind::known("", "Service"), &mut target, &patch).is_err());
    }
}
