//! OpenAPI, as far as kubectl needs it: which kinds there are, and that the server itself checks fields.
//!
//! Deliberately absent: schemas. `kubectl explain` has nothing to tell here, and kubectl merges with what it
//! knows of the built-in kinds.

use serde_json::{Value, json};

use crate::resources::{Kind, api_version};

/// `/openapi/v3`: where each group's document is.
pub(super) fn index() -> Value {
    let mut paths = serde_json::Map::new();
    for kind in Kind::all() {
        let path = match kind.group {
            "" => format!("api/{}", kind.version),
            group => format!("apis/{group}/{}", kind.version),
        };
        paths
            .entry(path.clone())
            .or_insert_with(|| json!({ "serverRelativeURL": format!("/openapi/v3/{path}?hash=1") }));
    }
    json!({ "paths": paths })
}

/// One group's document.
pub(super) fn document(group: &str, version: &str) -> Option<Value> {
    let mut paths = serde_json::Map::new();
    for kind in Kind::all().filter(|kind| kind.group == group && kind.version == version) {
        let root = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        let place = if kind.is_namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let operation = |verb: &str| {
            json!({
                "operationId": format!("{verb}{}", kind.kind),
                "parameters": [
                    parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation"),
                ],
                "responses": { "200": { "description": "OK" } },
                "x-kubernetes-action": verb,
                "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind.kind },
            })
        };
        let collection = format!("{root}{place}/{}", kind.plural);
        let one = json!({ "patch": operation("patch"), "put": operation("put") });
        paths.insert(format!("{collection}/{{name}}"), one);
        paths.insert(collection, json!({ "post": operation("post") }));
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": super::discovery::VERSION },
            "paths": paths, "components": { "schemas": {} },
        })
    })
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } })
}

/// The group and version that `/openapi/v3/…` names.
pub(super) fn at(path: &str) -> Option<Value> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["api", version] => document("", version),
        ["apis", group, version] => document(group, version),
        _ => None,
    }
}

/// All groups, as `group → api versions`, in the table's order.
pub(super) fn groups() -> Vec<(&'static str, String)> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for kind in Kind::all() {
        if !all.iter().any(|(group, _)| *group == kind.group) {
            all.push((kind.group, api_version(kind.group, kind.version)));
        }
    }
    all
}
