//! Parts of an object that are written on their own: scale, binding, eviction, a namespace's finalizers.

use http::StatusCode;
use serde_json::{Value, json};

use super::delete::{DeleteOptions, begin};
use super::{Writer, Written, standing};
use crate::api::patch::Patch;
use crate::api::route::Target;
use crate::api::status::Failure;
use crate::api::{Api, admission, decode};
use crate::store::{Key, Object};

/// The `Scale` of a workload.
pub(crate) fn scale(object: &Object) -> Value {
    let spec = &object.value["spec"];
    let labels = spec["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object.name(), "namespace": object.namespace(), "uid": object.uid(),
            "resourceVersion": object.version.to_string(), "creationTimestamp": object.meta("creationTimestamp"),
        },
        "spec": { "replicas": spec["replicas"] },
        "status": {
            "replicas": object.value["status"]["replicas"].as_i64().unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}

/// What writes a scale: a whole one, or a patch of it.
#[derive(Clone, Debug)]
pub(crate) enum ScaleChange {
    Whole(Value),
    Patch(Patch),
}

impl Api {
    pub(crate) fn write_scale(
        &self,
        writer: &Writer,
        target: &Target,
        change: ScaleChange,
    ) -> Result<Written, Failure> {
        self.store.write(|tx| {
            let (key, before) = standing(tx, target)?;
            let now = scale(&before);
            let wanted = match change {
                ScaleChange::Whole(wanted) => wanted,
                ScaleChange::Patch(patch) => patch.applied(target.kind, &now)?,
            };
            let version = wanted["metadata"]["resourceVersion"].as_str().unwrap_or_default();
            if !version.is_empty() && version != before.version.to_string() {
                return Err(Failure::stale(target.kind, &target.name));
            }
            let mut object = before.value.clone();
            object["spec"]["replicas"] = wanted["spec"]["replicas"].as_i64().unwrap_or_default().into();
            let object = self.change_in(tx, writer, target, &key, &before, object, None)?;
            Ok(Written {
                object,
                code: StatusCode::OK,
                warnings: Vec::new(),
            })
        })
    }

    /// Puts a pod on a node.
    pub(crate) fn bind(&self, writer: &Writer, target: &Target, binding: &Value) -> Result<Value, Failure> {
        let node = binding["target"]["name"].as_str().unwrap_or_default();
        self.store.write(|tx| {
            let (key, before) = standing(tx, target)?;
            if before.value["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty()) {
                let why = format!(
                    "pod {} is already assigned to node {}",
                    target.name, before.value["spec"]["nodeName"]
                );
                let mut failure = Failure::conflict(target.kind, &target.name, &why);
                failure.message = failure.message.replacen("on pods ", "on pods/binding ", 1);
                return Err(failure);
            }
            let mut object = before.value.clone();
            object["spec"]["nodeName"] = node.into();
            let scheduled = serde_json::json!({
                "type": "PodScheduled", "status": "True", "lastProbeTime": null,
                "lastTransitionTime": crate::api::meta::now(),
            });
            match object["status"]["conditions"].as_array_mut() {
                Some(all) => {
                    all.retain(|one| one["type"] != "PodScheduled");
                    all.push(scheduled);
                }
                None => object["status"]["conditions"] = serde_json::json!([scheduled]),
            }
            self.change_in(tx, writer, target, &key, &before, object, None)?;
            Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }))
        })
    }

    /// Deletes a pod on behalf of `kubectl drain`, which asks first.
    pub(crate) fn evict(&self, target: &Target, eviction: &Value) -> Result<Value, Failure> {
        let options = DeleteOptions::read(&eviction["deleteOptions"], &crate::api::route::Query::default())?;
        self.store.write(|tx| {
            let (key, pod) = standing(tx, target)?;
            admission::disruption::check(tx, &pod)?;
            begin(tx, &key, &options);
            Ok(json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 }))
        })
    }

    /// Writes a namespace's own finalizers.
    pub(crate) fn finalize(&self, target: &Target, mut body: Value) -> Result<Written, Failure> {
        decode::check_place(target, &mut body)?;
        self.store.write(|tx| {
            let (key, before) = standing(tx, target)?;
            let mut object = before.value.clone();
            object["spec"]["finalizers"] = body["spec"]["finalizers"].clone();
            let object = tx.put(&key, object);
            super::delete::finish(tx, &Key::new(target.kind, "", &target.name));
            Ok(Written {
                object,
                code: StatusCode::OK,
                warnings: Vec::new(),
            })
        })
    }
}
