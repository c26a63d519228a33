//! What every object has: names made up, uids, timestamps, generations.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::access::random_hex;
use super::status::{Cause, Failure};
use crate::resources::Kind;
use crate::store::Object;

/// No vowels and no look-alikes, as in Kubernetes.
const SUFFIX: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const LONGEST_BASE: usize = 58;

/// A moment as Kubernetes writes it: whole seconds, UTC.
pub(crate) fn stamp(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn now() -> String {
    stamp(Timestamp::now())
}

pub(crate) fn uid() -> String {
    let hex = random_hex(16);
    // Version 4: 13th digit 4, 17th one of 8, 9, a, b.
    let variant = ["8", "9", "a", "b"][usize::from(hex.as_bytes()[16] % 4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

pub(crate) fn suffix() -> String {
    let mut random = [0_u8; 5];
    getrandom::fill(&mut random).expect("the system must have random bytes");
    random
        .iter()
        .map(|byte| char::from(SUFFIX[usize::from(*byte) % SUFFIX.len()]))
        .collect()
}

/// The name an object asks for with `generateName`.
pub(crate) fn generated(prefix: &str) -> String {
    let end = prefix
        .char_indices()
        .map(|(at, _)| at)
        .find(|at| *at >= LONGEST_BASE)
        .unwrap_or(prefix.len());
    format!("{}{}", &prefix[..end], suffix())
}

/// Fills in what the server decides about a new object.
pub(crate) fn begin(object: &mut Value, kind: Kind, namespace: &str) {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let meta = &mut object["metadata"];
    if kind.is_namespaced {
        meta["namespace"] = namespace.into();
    } else if let Some(meta) = meta.as_object_mut() {
        meta.remove("namespace");
    }
    meta["uid"] = uid().into();
    meta["creationTimestamp"] = now().into();
    for decided in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "selfLink",
    ] {
        if let Some(meta) = meta.as_object_mut() {
            meta.remove(decided);
        }
    }
    if kind.has_generation() {
        meta["generation"] = 1.into();
    }
    drop_empty(meta);
}

/// What holds nothing is not stored: after the last annotation goes, there are none, rather than an empty map.
fn drop_empty(meta: &mut Value) {
    for field in ["labels", "annotations", "finalizers", "ownerReferences"] {
        let is_empty = match &meta[field] {
            Value::Object(fields) => fields.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => true,
        };
        if is_empty && let Some(meta) = meta.as_object_mut() {
            meta.remove(field);
        }
    }
}

/// Keeps what only the server decides, and checks what the writer claims about the object it read.
pub(crate) fn carry_over(object: &mut Value, before: &Object, kind: Kind) -> Result<(), Failure> {
    let name = before.name();
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    let meta = &mut object["metadata"];
    if let Some(version) = meta["resourceVersion"].as_str()
        && !version.is_empty()
        && version != before.version.to_string()
    {
        return Err(Failure::stale(kind, name));
    }
    if let Some(uid) = meta["uid"].as_str()
        && !uid.is_empty()
        && uid != before.uid()
    {
        return Err(Failure::wrong_uid(kind, name, uid, before.uid()));
    }
    for field in [
        "name",
        "generateName",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
    ] {
        match before.meta(field) {
            Value::Null => drop(meta.as_object_mut().and_then(|meta| meta.remove(field))),
            kept => meta[field] = kept.clone(),
        }
    }
    drop_empty(meta);
    Ok(())
}

/// Counts a change of the spec.
pub(crate) fn count_generation(object: &mut Value, before: &Object, kind: Kind) {
    if !kind.has_generation() {
        return;
    }
    let is_same = |field: &str| object.get(field) == before.value.get(field);
    let unchanged = match kind.kind {
        "EndpointSlice" => is_same("endpoints") && is_same("ports"),
        // Where a pod runs is not what was wanted of it.
        "Pod" => {
            let mut bound = before.value["spec"].clone();
            bound["nodeName"] = object["spec"]["nodeName"].clone();
            is_same("spec") || object["spec"] == bound
        }
        _ => is_same("spec"),
    };
    if !unchanged {
        let generation = before.meta("generation").as_i64().unwrap_or(1);
        object["metadata"]["generation"] = (generation + 1).into();
    }
}

/// What is wrong with an object's name, labels and annotations.
pub(crate) fn check(object: &Value, kind: Kind) -> Vec<Cause> {
    let meta = &object["metadata"];
    let mut causes = Vec::new();
    let name = meta["name"].as_str().unwrap_or_default();
    let rule = match (kind.group, kind.kind) {
        ("", "Service") => super::names::label_1035,
        ("", "Namespace") => super::names::label_1123,
        ("rbac.authorization.k8s.io", _) => super::names::path_segment,
        _ => super::names::subdomain_1123,
    };
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if let Some(why) = rule(name) {
        causes.push(Cause::invalid("metadata.name", &meta["name"], &why));
    }
    causes.extend(check_labels("metadata.labels", &meta["labels"]));
    for key in meta["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        if let Some(why) = super::names::qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", &json!(key), &why));
        }
    }
    for owner in meta["ownerReferences"].as_array().into_iter().flatten() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().is_none_or(str::is_empty) {
                let place = format!("metadata.ownerReferences.{field}");
                causes.push(Cause::invalid(place, &json!(""), "must not be empty"));
            }
        }
    }
    causes
}

/// What is wrong with a set of labels.
pub(crate) fn check_labels(place: &str, labels: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        if let Some(why) = super::names::qualified(key) {
            causes.push(Cause::invalid(place, &json!(key), &why));
        }
        if let Some(why) = super::names::label_value(value.as_str().unwrap_or_default()) {
            causes.push(Cause::invalid(place, value, &why));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_uuid_of_version_four() {
        let uid = uid();
        let parts: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(uid.as_bytes()[14], b'4');
    }

    #[test]
    fn a_generated_name_fits_into_a_label() {
        let name = generated(&"x".repeat(80));
        assert_eq!(name.len(), 63);
        assert_ne!(generated("a-"), generated("a-"));
    }
}
