//! OpenAPI, as far as kubectl needs it: which kinds there are, what fields they have, and that the server itself
//! checks fields.

mod schemas;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::resources::{Kind, api_version};

/// A group's document, and what tells it from any other: clients keep documents by that.
struct Document {
    value: Value,
    hash: String,
}

/// By their paths; made when somebody first asks.
fn documents() -> &'static BTreeMap<String, Document> {
    static DOCUMENTS: OnceLock<BTreeMap<String, Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let groups = groups().into_iter().map(|(group, api_version)| {
            let path = match group {
                "" => format!("api/{api_version}"),
                _ => format!("apis/{api_version}"),
            };
            let version = api_version.rsplit('/').next().unwrap_or_default();
            let value = document(group, version);
            let digest = Sha256::digest(value.to_string());
            let hash = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            (path, Document { value, hash })
        });
        groups.collect()
    })
}

/// `/openapi/v3`: where each group's document is.
pub(super) fn index() -> Value {
    let paths = documents().iter().map(|(path, document)| {
        let place = format!("/openapi/v3/{path}?hash={}", document.hash);
        (path.clone(), json!({ "serverRelativeURL": place }))
    });
    json!({ "paths": paths.collect::<serde_json::Map<_, _>>() })
}

/// One group's document.
fn document(group: &str, version: &str) -> Value {
    let mut paths = serde_json::Map::new();
    let kinds: Vec<Kind> = Kind::all()
        .filter(|kind| kind.group == group && kind.version == version)
        .collect();
    for kind in &kinds {
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
                "responses": { "200": {
                    "description": "OK", "content": { "application/json": { "schema": schemas::reference(*kind) } },
                } },
                "x-kubernetes-action": verb,
                "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind.kind },
            })
        };
        let collection = format!("{root}{place}/{}", kind.plural);
        let one = json!({ "patch": operation("patch"), "put": operation("put") });
        paths.insert(format!("{collection}/{{name}}"), one);
        paths.insert(collection, json!({ "post": operation("post") }));
    }
    json!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": super::discovery::VERSION },
        "paths": paths, "components": { "schemas": schemas::of(&kinds) },
    })
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } })
}

/// What stands at `/openapi/v3/…`.
pub(super) fn at(path: &str) -> Option<Value> {
    documents().get(path).map(|document| document.value.clone())
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
