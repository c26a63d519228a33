//! The parts of Kubernetes objects that the agent reads, and where the objects are.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// Where one object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    collection: String,
    name: String,
}

impl Path {
    /// A ConfigMap.
    pub fn config_map(namespace: &str, name: &str) -> Self {
        Self::new(format!("/api/v1/namespaces/{namespace}/configmaps"), name)
    }

    /// A Service.
    pub fn service(namespace: &str, name: &str) -> Self {
        Self::new(format!("/api/v1/namespaces/{namespace}/services"), name)
    }

    /// A Deployment.
    pub fn deployment(namespace: &str, name: &str) -> Self {
        Self::new(format!("/apis/apps/v1/namespaces/{namespace}/deployments"), name)
    }

    fn new(collection: String, name: &str) -> Self {
        Self {
            collection,
            name: name.to_owned(),
        }
    }

    /// A watch is of a collection; a Role with resource names allows it with exactly this selector.
    pub(super) fn to_watch(&self, version: &str, seconds: u64) -> String {
        format!(
            "{}?watch=true&fieldSelector=metadata.name%3D{}&resourceVersion={version}&timeoutSeconds={seconds}",
            self.collection, self.name
        )
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.collection, self.name)
    }
}

/// What every object has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Identity across deletion and creation.
    pub uid: String,
    /// Changes with every change.
    pub resource_version: String,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Owners, as they stand; the agent adds one and keeps the others as they are.
    pub owner_references: Vec<Value>,
}

/// Any object, of which only the metadata and the selector matter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Object {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its spec, whatever it holds.
    pub spec: Value,
}

/// A ConfigMap.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ConfigMap {
    /// Its metadata.
    pub metadata: Metadata,
    /// Its texts.
    pub data: BTreeMap<String, String>,
}

/// One event of a watch.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object, or a Status.
    pub object: Value,
}

/// The words of a Status, bounded; or the body's beginning where it is none.
pub(super) fn message(body: &[u8]) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let words = status.as_ref().and_then(|status| status["message"].as_str());
    let text = words.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.chars().take(300).collect()
}
