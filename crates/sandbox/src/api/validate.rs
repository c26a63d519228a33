//! What is wrong with an object, in Kubernetes' words: as far as clients run into it.

mod immutable;
mod pod;
mod service;

use serde_json::{Value, json};

use super::meta;
use super::status::Cause;
use crate::resources::Kind;

/// Everything wrong with a new or changed object.
pub(crate) fn check(kind: Kind, object: &Value, before: Option<&Value>) -> Vec<Cause> {
    let mut causes = meta::check(object, kind);
    match (kind.group, kind.kind) {
        ("", "Service") => causes.extend(service::check(object)),
        ("", "Pod") => causes.extend(pod::check("spec", &object["spec"])),
        ("", "ConfigMap" | "Secret") => causes.extend(data(object)),
        ("apps", _) => causes.extend(workload(&object["spec"])),
        ("batch", "Job") => causes.extend(job(&object["spec"])),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => causes.extend(rules(object)),
        ("rbac.authorization.k8s.io", _) => causes.extend(binding(object)),
        ("discovery.k8s.io", _) => causes.extend(slice(object)),
        _ => {}
    }
    if let Some(before) = before {
        causes.extend(immutable::check(kind, object, before));
    }
    causes
}

/// A list that may be missing.
fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn data(object: &Value) -> Vec<Cause> {
    const MOST_BYTES: usize = 1024 * 1024;
    let mut causes = Vec::new();
    let mut size = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in object[field].as_object().into_iter().flatten() {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if key.is_empty() || !key.bytes().all(is_plain) {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
                causes.push(Cause::invalid(format!("{field}[{key}]"), &json!(key), why));
            }
            let length = value.as_str().map_or(0, str::len);
            // Base64 is a third longer than what it stands for.
            size += if field == "binaryData" {
                length / 4 * 3
            } else {
                length
            };
        }
    }
    if size > MOST_BYTES {
        causes.push(Cause::too_long("[]", MOST_BYTES));
    }
    causes
}

fn workload(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec["replicas"].as_i64().is_some_and(|count| count < 0) {
        causes.push(Cause::invalid(
            "spec.replicas",
            &spec["replicas"],
            "must be greater than or equal to 0",
        ));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    let wanted = spec["selector"]["matchLabels"].as_object();
    let has_expressions = items(&spec["selector"]["matchExpressions"]).next().is_some();
    let is_empty = wanted.is_none_or(serde_json::Map::is_empty) && !has_expressions;
    if is_empty {
        causes.push(Cause::required("spec.selector", ""));
    }
    let mismatch = wanted
        .into_iter()
        .flatten()
        .any(|(key, value)| labels.get(key) != Some(value));
    if mismatch || is_empty {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
    causes.extend(meta::check_labels(
        "spec.template.labels",
        &spec["template"]["metadata"]["labels"],
    ));
    causes.extend(pod::check("spec.template.spec", &spec["template"]["spec"]));
    let restart = spec["template"]["spec"]["restartPolicy"]
        .as_str()
        .unwrap_or("Always");
    if restart != "Always" {
        causes.push(Cause::not_supported(
            "spec.template.spec.restartPolicy",
            restart,
            &["Always"],
        ));
    }
    causes
}

fn job(spec: &Value) -> Vec<Cause> {
    let mut causes = pod::check("spec.template.spec", &spec["template"]["spec"]);
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ] {
        if spec[field].as_i64().is_some_and(|count| count < 0) {
            let why = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], why));
        }
    }
    let restart = spec["template"]["spec"]["restartPolicy"]
        .as_str()
        .unwrap_or("Always");
    if restart == "Always" {
        let place = "spec.template.spec.restartPolicy";
        causes.push(Cause::not_supported(place, restart, &["OnFailure", "Never"]));
    }
    causes
}

fn rules(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, rule) in items(&object["rules"]) {
        let has = |field: &str| items(&rule[field]).next().is_some();
        if !has("verbs") {
            causes.push(Cause::required(
                format!("rules[{index}].verbs"),
                "verbs must contain at least one value",
            ));
        }
        if !has("nonResourceURLs") && !has("resources") {
            let why = "resource rules must supply at least one resource";
            causes.push(Cause::required(format!("rules[{index}].resources"), why));
        }
        if !has("nonResourceURLs") && !has("apiGroups") {
            let why = "resource rules must supply at least one api group";
            causes.push(Cause::required(format!("rules[{index}].apiGroups"), why));
        }
    }
    causes
}

fn binding(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if object["roleRef"]["name"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("roleRef.name", ""));
    }
    let kind = object["roleRef"]["kind"].as_str().unwrap_or_default();
    if !matches!(kind, "Role" | "ClusterRole") {
        causes.push(Cause::not_supported(
            "roleRef.kind",
            kind,
            &["Role", "ClusterRole"],
        ));
    }
    for (index, subject) in items(&object["subjects"]) {
        if subject["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("subjects[{index}].name"), ""));
        }
        if subject["kind"] == "ServiceAccount" && subject["namespace"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("subjects[{index}].namespace"), ""));
        }
    }
    causes
}

fn slice(object: &Value) -> Vec<Cause> {
    let kind = object["addressType"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if kind.is_empty() {
        causes.push(Cause::required("addressType", ""));
    } else if !matches!(kind, "IPv4" | "IPv6" | "FQDN") {
        causes.push(Cause::not_supported(
            "addressType",
            kind,
            &["FQDN", "IPv4", "IPv6"],
        ));
    }
    for (index, endpoint) in items(&object["endpoints"]) {
        if items(&endpoint["addresses"]).next().is_none() {
            let place = format!("endpoints[{index}].addresses");
            causes.push(Cause::required(place, "must contain at least 1 address"));
        }
    }
    causes
}

#[cfg(test)]
mod tests;
