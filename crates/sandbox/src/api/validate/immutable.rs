//! What may not change once it is set.

use serde_json::Value;

use crate::api::status::Cause;
use crate::resources::Kind;

pub(super) fn check(kind: Kind, object: &Value, before: &Value) -> Vec<Cause> {
    let at = |pointer: &str| {
        (
            object.pointer(pointer).unwrap_or(&Value::Null),
            before.pointer(pointer).unwrap_or(&Value::Null),
        )
    };
    let fixed = |pointer: &str, place: &str| {
        let (now, was) = at(pointer);
        (now != was).then(|| Cause::invalid(place, now, "field is immutable"))
    };
    match (kind.group, kind.kind) {
        ("", "Service") => service(object, before),
        ("", "ConfigMap" | "Secret") => {
            let mut causes = constant(kind, object, before);
            if kind.kind == "Secret" {
                causes.extend(fixed("/type", "type"));
            }
            causes
        }
        ("apps", _) => fixed("/spec/selector", "spec.selector").into_iter().collect(),
        ("batch", "Job") => [
            fixed("/spec/selector", "spec.selector"),
            fixed("/spec/completions", "spec.completions"),
            fixed("/spec/template", "spec.template"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            let (now, was) = at("/roleRef");
            let cannot = (now != was).then(|| Cause::invalid("roleRef", now, "cannot change roleRef"));
            cannot.into_iter().collect()
        }
        ("discovery.k8s.io", _) => fixed("/addressType", "addressType").into_iter().collect(),
        ("", "Pod") => pod(object, before),
        _ => Vec::new(),
    }
}

fn service(object: &Value, before: &Value) -> Vec<Cause> {
    let (now, was) = (&object["spec"]["clusterIP"], &before["spec"]["clusterIP"]);
    let becomes_external =
        object["spec"]["type"] == "ExternalName" || before["spec"]["type"] == "ExternalName";
    if becomes_external || now == was || was.is_null() {
        return Vec::new();
    }
    let mut causes = vec![Cause::invalid(
        "spec.clusterIPs[0]",
        &object["spec"]["clusterIPs"],
        "may not change once set",
    )];
    if now.as_str().is_none_or(str::is_empty) {
        causes = vec![Cause::invalid(
            "spec.clusterIPs[0]",
            now,
            "primary clusterIP can not be unset",
        )];
    }
    causes
}

/// Says so itself, once.
fn constant(kind: Kind, object: &Value, before: &Value) -> Vec<Cause> {
    if before["immutable"] != true {
        return Vec::new();
    }
    let mut causes = Vec::new();
    if object["immutable"] != true {
        causes.push(Cause::forbidden(
            "immutable",
            "field is immutable when `immutable` is set",
        ));
    }
    for field in ["data", "binaryData"] {
        if object[field] != before[field] && (field == "data" || kind.kind == "ConfigMap") {
            causes.push(Cause::forbidden(
                field,
                "field is immutable when `immutable` is set",
            ));
        }
    }
    causes
}

/// A pod's spec is fixed but for its images, its deadline, its grace period and added tolerations.
fn pod(object: &Value, before: &Value) -> Vec<Cause> {
    let fixed = |pod: &Value| {
        let mut spec = pod["spec"].clone();
        if let Some(fields) = spec.as_object_mut() {
            for free in [
                "activeDeadlineSeconds",
                "terminationGracePeriodSeconds",
                "tolerations",
                "nodeName",
                "schedulingGates",
            ] {
                fields.remove(free);
            }
        }
        for list in ["containers", "initContainers"] {
            for container in spec
                .get_mut(list)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                drop(
                    container
                        .as_object_mut()
                        .and_then(|fields| fields.remove("image")),
                );
            }
        }
        spec
    };
    let is_moved =
        before["spec"]["nodeName"].is_string() && object["spec"]["nodeName"] != before["spec"]["nodeName"];
    if fixed(object) == fixed(before) && !is_moved {
        return Vec::new();
    }
    let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    vec![Cause::forbidden("spec", why)]
}
