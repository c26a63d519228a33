//! Schemas of the kinds, out of the table that bodies in protobuf are read by: field names, types, and how lists
//! merge, which `kubectl apply` asks before it patches. Deliberately absent: descriptions, and what a status holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use crate::api::protobuf::{self, Shape};
use crate::api::schema::{ListType, list_type};
use crate::resources::Kind;

/// No object of the API is deeper; a type may hold itself.
const DEEPEST: usize = 16;

/// By message and field.
type MergeKeys = HashMap<(&'static str, &'static str), &'static str>;

/// Schemas of these kinds, and of everything in them.
pub(super) fn of(kinds: &[Kind]) -> Value {
    let mut merge_keys = MergeKeys::new();
    let mut needed: BTreeSet<&'static str> = BTreeSet::new();
    let mut tops: BTreeMap<&'static str, Kind> = BTreeMap::new();
    for kind in kinds {
        let Some(message) = protobuf::message_of(&kind.api_version(), kind.kind) else {
            continue;
        };
        tops.insert(message, *kind);
        visit(*kind, message, &mut Vec::new(), &mut needed, &mut merge_keys);
    }
    let schemas = needed.iter().map(|message| {
        let schema = schema(message, tops.get(message).copied(), &merge_keys);
        (public_name(message), schema)
    });
    Value::Object(schemas.collect())
}

/// What a request about this kind carries.
pub(super) fn reference(kind: Kind) -> Option<Value> {
    protobuf::message_of(&kind.api_version(), kind.kind).map(refer)
}

/// Notes all messages below this one, and the keys of their lists.
fn visit(
    kind: Kind,
    message: &'static str,
    path: &mut Vec<String>,
    needed: &mut BTreeSet<&'static str>,
    merge_keys: &mut MergeKeys,
) {
    needed.insert(message);
    if path.len() > DEEPEST {
        return;
    }
    for (name, of, shape) in protobuf::fields_of(message) {
        path.push(name.to_owned());
        if shape == Shape::List
            && let ListType::Map(keys) = list_type(kind, path)
        {
            merge_keys.insert((message, name), keys.patch);
        }
        if let Some(below) = protobuf::known(of) {
            visit(kind, below, path, needed, merge_keys);
        }
        path.pop();
    }
}

fn schema(message: &'static str, top: Option<Kind>, merge_keys: &MergeKeys) -> Value {
    let mut properties = Map::new();
    for (name, of, shape) in protobuf::fields_of(message) {
        let mut property = match shape {
            Shape::List => json!({ "type": "array", "items": value(of) }),
            Shape::Map => json!({ "type": "object", "additionalProperties": value(of) }),
            _ => value(of),
        };
        if let Some(key) = merge_keys.get(&(message, name)) {
            property["x-kubernetes-patch-strategy"] = "merge".into();
            property["x-kubernetes-patch-merge-key"] = (*key).into();
        }
        properties.insert(name.to_owned(), property);
    }
    let mut schema = json!({ "type": "object" });
    if let Some(kind) = top {
        for field in ["apiVersion", "kind"] {
            properties.insert(field.to_owned(), json!({ "type": "string" }));
        }
        if kind.has_subresource("status") {
            properties.insert("status".to_owned(), json!({ "type": "object" }));
        }
        schema["x-kubernetes-group-version-kind"] =
            json!([{ "group": kind.group, "version": kind.version, "kind": kind.kind }]);
    }
    schema["properties"] = Value::Object(properties);
    schema
}

fn value(of: &'static str) -> Value {
    match of {
        "string" | "quantity" => json!({ "type": "string" }),
        "bool" => json!({ "type": "boolean" }),
        "int32" | "int64" => json!({ "type": "integer", "format": of }),
        "time" => json!({ "type": "string", "format": "date-time" }),
        "bytes" => json!({ "type": "string", "format": "byte" }),
        "int-or-string" => json!({ "type": "string", "format": "int-or-string" }),
        "texts" => json!({ "type": "array", "items": { "type": "string" } }),
        of => match protobuf::known(of) {
            Some(message) => json!({ "allOf": [refer(message)] }),
            None => json!({ "type": "object" }),
        },
    }
}

fn refer(message: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{}", public_name(message)) })
}

fn public_name(message: &str) -> String {
    if message.starts_with("meta.") {
        format!("io.k8s.apimachinery.pkg.apis.{message}")
    } else {
        format!("io.k8s.api.{message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_says_which_fields_there_are_and_how_their_lists_merge() {
        let schemas = of(&[Kind::known("apps", "Deployment"), Kind::known("", "Service")]);
        let containers = &schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        let ports = |of: &str| schemas[of]["properties"]["ports"]["x-kubernetes-patch-merge-key"].clone();
        assert_eq!(ports("io.k8s.api.core.v1.Container"), "containerPort");
        assert_eq!(ports("io.k8s.api.core.v1.ServiceSpec"), "port");
        let deployment = &schemas["io.k8s.api.apps.v1.Deployment"];
        assert_eq!(
            deployment["x-kubernetes-group-version-kind"][0]["kind"],
            "Deployment"
        );
        assert_eq!(
            deployment["properties"]["spec"]["allOf"][0]["$ref"],
            "#/components/schemas/io.k8s.api.apps.v1.DeploymentSpec"
        );
    }

    #[test]
    fn every_kind_has_a_schema_and_every_reference_leads_somewhere() {
        let kinds: Vec<Kind> = Kind::all().collect();
        let schemas = of(&kinds);
        for kind in kinds {
            let reference = reference(kind).unwrap_or_else(|| panic!("{} has no schema", kind.kind));
            let name = reference["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(schemas[name].is_object(), "{name}");
        }
        let text = schemas.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(schemas[name].is_object(), "{name}");
        }
    }
}
