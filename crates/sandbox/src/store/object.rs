//! One stored object, immutable: every change makes another.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::Value;

use crate::resources::Kind;

/// Which object, of all there are. Objects without a namespace have an empty one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// An object at one resourceVersion.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) value: Value,
    pub(crate) version: u64,
    /// Written once, sent to every list and watch.
    json: OnceLock<Bytes>,
}

impl Object {
    pub(super) fn new(mut value: Value, version: u64) -> Self {
        value["metadata"]["resourceVersion"] = Value::String(version.to_string());
        Self {
            value,
            version,
            json: OnceLock::new(),
        }
    }

    /// What an object would be, for a dry run: it has the version that stands.
    pub(crate) fn preview(mut value: Value, version: u64) -> Self {
        if version > 0 {
            return Self::new(value, version);
        }
        drop(
            value["metadata"]
                .as_object_mut()
                .and_then(|meta| meta.remove("resourceVersion")),
        );
        Self {
            value,
            version,
            json: OnceLock::new(),
        }
    }

    /// The object as it goes over the wire.
    pub(crate) fn json(&self) -> Bytes {
        let write = || Bytes::from(self.value.to_string());
        self.json.get_or_init(write).clone()
    }

    pub(crate) fn meta(&self, field: &str) -> &Value {
        &self.value["metadata"][field]
    }

    pub(crate) fn name(&self) -> &str {
        self.meta("name").as_str().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.meta("namespace").as_str().unwrap_or_default()
    }

    pub(crate) fn uid(&self) -> &str {
        self.meta("uid").as_str().unwrap_or_default()
    }

    /// Whether somebody has asked for its deletion.
    pub(crate) fn is_going(&self) -> bool {
        self.meta("deletionTimestamp").is_string()
    }

    pub(crate) fn finalizers(&self) -> Vec<&str> {
        let all = self.meta("finalizers").as_array();
        all.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.meta("labels").get(key).and_then(Value::as_str)
    }

    /// `uid → whether deleting that owner in the foreground waits for this object`.
    pub(crate) fn owners(&self) -> BTreeMap<&str, bool> {
        let all = self.meta("ownerReferences").as_array();
        all.into_iter()
            .flatten()
            .filter_map(|owner| Some((owner["uid"].as_str()?, owner["blockOwnerDeletion"] == true)))
            .collect()
    }
}
