//! A pod's defaults, alone or in a template.

use serde_json::{Value, json};

use super::{each, fill, within};

const DEFAULT_MODE: i64 = 0o644;

pub(super) fn fill_in(spec: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("securityContext", json!({})),
        ("containers", json!([])),
    ] {
        fill(spec, field, value);
    }
    if spec["serviceAccountName"].is_string() {
        // The old name of the same field; clients of both read it.
        let name = spec["serviceAccountName"].clone();
        spec["serviceAccount"] = name;
    }
    for list in ["containers", "initContainers"] {
        each(spec, list).for_each(container);
    }
    each(spec, "volumes").for_each(volume);
}

fn container(container: &mut Value) {
    let pull = match container["image"].as_str().unwrap_or_default() {
        image if is_latest(image) => "Always",
        _ => "IfNotPresent",
    };
    for (field, value) in [
        ("imagePullPolicy", json!(pull)),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("resources", json!({})),
    ] {
        fill(container, field, value);
    }
    each(container, "ports").for_each(|port| fill(port, "protocol", "TCP"));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            self::probe(probe);
        }
    }
    for variable in each(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            fill(field, "apiVersion", "v1");
        }
    }
}

/// What is limited and not asked for is asked for: in pods, not in templates.
pub(super) fn requests(spec: &mut Value) {
    for container in each(spec, "containers") {
        let limits = container["resources"]["limits"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        for (name, limit) in limits {
            fill(within(&mut container["resources"], "requests"), &name, limit);
        }
    }
}

/// What admission adds to every pod.
pub(super) fn complete(spec: &mut Value) {
    fill(spec, "priority", 0);
    fill(spec, "preemptionPolicy", "PreemptLowerPriority");
    if !spec["tolerations"].is_array() {
        spec["tolerations"] = json!([]);
    }
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let has = each(spec, "tolerations").any(|one| one["key"] == key);
        if !has && let Some(all) = spec["tolerations"].as_array_mut() {
            all.push(
                json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }),
            );
        }
    }
}

fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or_default();
    !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn probe(probe: &mut Value) {
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        fill(probe, field, value);
    }
    if let Some(http) = probe.get_mut("httpGet") {
        fill(http, "scheme", "HTTP");
        fill(http, "path", "/");
    }
}

fn volume(volume: &mut Value) {
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
            fill(source, "defaultMode", DEFAULT_MODE);
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        fill(path, "type", "");
    }
    for source in volume
        .get_mut("projected")
        .map(|projected| each(projected, "sources"))
        .into_iter()
        .flatten()
    {
        if let Some(token) = source.get_mut("serviceAccountToken") {
            fill(token, "expirationSeconds", 3600);
        }
    }
    let has_source = volume.as_object().is_some_and(|fields| fields.len() > 1);
    if !has_source {
        volume["emptyDir"] = json!({});
    }
}

/// `Guaranteed`, `Burstable` or `BestEffort`.
pub(super) fn quality(spec: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].map(|list| spec[list].as_array());
    let resources: Vec<&Value> = containers
        .into_iter()
        .flatten()
        .flatten()
        .map(|container| &container["resources"])
        .collect();
    let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
    if resources
        .iter()
        .all(|one| is_empty(&one["limits"]) && is_empty(&one["requests"]))
    {
        return "BestEffort";
    }
    let is_fixed = |one: &&Value| {
        ["cpu", "memory"]
            .iter()
            .all(|name| one["limits"][name].is_string() && one["limits"][name] == one["requests"][name])
    };
    if resources.iter().all(is_fixed) {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "they come straight from `json!`")]
    fn filled(container: Value) -> Value {
        let mut spec = json!({ "containers": [container] });
        fill_in(&mut spec);
        requests(&mut spec);
        spec["containers"][0].clone()
    }

    #[test]
    fn only_an_image_without_a_version_is_always_pulled() {
        for (image, pull) in [
            ("nginx", "Always"),
            ("r:5000/nginx:latest", "Always"),
            ("r:5000/n:1", "IfNotPresent"),
        ] {
            assert_eq!(
                filled(json!({ "image": image }))["imagePullPolicy"],
                pull,
                "{image}"
            );
        }
    }

    #[test]
    fn a_limit_is_a_request_too() {
        let container = filled(json!({ "image": "a:1", "resources": { "limits": { "memory": "1Mi" } } }));
        assert_eq!(container["resources"]["requests"], json!({ "memory": "1Mi" }));
    }

    #[test]
    fn a_volume_of_nothing_is_an_empty_folder() {
        let mut spec =
            json!({ "volumes": [{ "name": "run" }, { "name": "c", "configMap": { "name": "x" } }] });
        fill_in(&mut spec);
        assert_eq!(spec["volumes"][0]["emptyDir"], json!({}));
        assert_eq!(spec["volumes"][1]["configMap"]["defaultMode"], 420);
    }
}
