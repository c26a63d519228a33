//! What a real API server fills in where the writer left a field out, as far as clients read it.

mod pod;

use serde_json::{Value, json};

use crate::resources::Kind;

/// Sets `field` where it is not set.
fn fill(object: &mut Value, field: &str, value: impl Into<Value>) {
    if object[field].is_null() {
        object[field] = value.into();
    }
}

/// Makes sure that `field` is an object, to fill in its fields.
fn within<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    if !object[field].is_object() {
        object[field] = json!({});
    }
    &mut object[field]
}

fn each<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

/// Fills in what a writer left out, and owns nevertheless.
pub(crate) fn fill_in(kind: Kind, object: &mut Value) {
    match (kind.group, kind.kind) {
        ("", "Service") => service(within(object, "spec")),
        ("", "Pod") => {
            let spec = within(object, "spec");
            fill(spec, "enableServiceLinks", true);
            pod::fill_in(spec);
            pod::requests(spec);
        }
        ("", "Secret") => secret(object),
        ("", "LimitRange") => each(within(object, "spec"), "limits").for_each(limits),
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            within(within(object, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
        }
        ("apps", _) => workload(kind, within(object, "spec")),
        ("batch", "Job") => job(within(object, "spec")),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            fill(within(object, "roleRef"), "apiGroup", "rbac.authorization.k8s.io");
            for subject in each(object, "subjects") {
                if subject["kind"] != "ServiceAccount" {
                    fill(subject, "apiGroup", "rbac.authorization.k8s.io");
                }
            }
        }
        ("discovery.k8s.io", "EndpointSlice") => {
            for port in each(object, "ports") {
                fill(port, "name", "");
                fill(port, "protocol", "TCP");
            }
        }
        ("", "Endpoints") => {
            for subset in each(object, "subsets") {
                each(subset, "ports").for_each(|port| fill(port, "protocol", "TCP"));
            }
        }
        ("networking.k8s.io", "NetworkPolicy") => network_policy(within(object, "spec")),
        _ => {}
    }
}

/// The most is what a container gets that says nothing, and that is what it asks for; the least it asks for in any case.
fn limits(item: &mut Value) {
    if item["type"] != "Container" {
        return;
    }
    for (from, to) in [
        ("max", "default"),
        ("default", "defaultRequest"),
        ("min", "defaultRequest"),
    ] {
        for (name, amount) in item[from].as_object().cloned().unwrap_or_default() {
            fill(within(item, to), &name, amount);
        }
    }
}

/// Adds what the server itself decides, which nobody owns.
pub(crate) fn complete(kind: Kind, object: &mut Value) {
    if kind.has_subresource("status") {
        within(object, "status");
    }
    match (kind.group, kind.kind) {
        ("", "Service") => {
            families(within(object, "spec"));
            within(within(object, "status"), "loadBalancer");
        }
        ("", "Pod") => {
            let class = pod::quality(&object["spec"]);
            pod::complete(within(object, "spec"));
            let status = within(object, "status");
            fill(status, "phase", "Pending");
            fill(status, "qosClass", class);
        }
        ("", "Namespace") => {
            fill(within(object, "spec"), "finalizers", json!(["kubernetes"]));
            fill(within(object, "status"), "phase", "Active");
        }
        ("batch", "Job") => job_selector(object),
        ("policy", "PodDisruptionBudget") => {
            let status = within(object, "status");
            for count in [
                "currentHealthy",
                "desiredHealthy",
                "disruptionsAllowed",
                "expectedPods",
            ] {
                fill(status, count, 0);
            }
        }
        _ => {}
    }
}

/// All of it, for objects that nobody wrote.
pub(crate) fn all(kind: Kind, object: &mut Value) {
    fill_in(kind, object);
    complete(kind, object);
}

fn families(spec: &mut Value) {
    if spec["type"] != "ExternalName" {
        fill(spec, "ipFamilies", json!(["IPv4"]));
        fill(spec, "ipFamilyPolicy", "SingleStack");
    }
}

fn service(spec: &mut Value) {
    fill(spec, "type", "ClusterIP");
    fill(spec, "sessionAffinity", "None");
    if spec["sessionAffinity"] == "ClientIP" {
        fill(
            within(within(spec, "sessionAffinityConfig"), "clientIP"),
            "timeoutSeconds",
            10800,
        );
    }
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    for port in each(spec, "ports") {
        fill(port, "protocol", "TCP");
        if kind != "ExternalName" {
            let number = port["port"].clone();
            fill(port, "targetPort", number);
        }
    }
    if kind == "ExternalName" {
        return;
    }
    fill(spec, "internalTrafficPolicy", "Cluster");
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        fill(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        fill(spec, "allocateLoadBalancerNodePorts", true);
    }
}

/// `stringData` is for writers only.
fn secret(object: &mut Value) {
    fill(object, "type", "Opaque");
    let plain = object
        .as_object_mut()
        .and_then(|fields| fields.remove("stringData"));
    for (key, text) in plain.as_ref().and_then(Value::as_object).into_iter().flatten() {
        let bytes = k8s_openapi::ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
        within(object, "data")[key] = json!(bytes);
    }
}

fn workload(kind: Kind, spec: &mut Value) {
    if kind.kind != "DaemonSet" {
        fill(spec, "replicas", 1);
    }
    match kind.kind {
        "Deployment" => {
            fill(spec, "revisionHistoryLimit", 10);
            fill(spec, "progressDeadlineSeconds", 600);
            rolling(
                within(spec, "strategy"),
                &[("maxSurge", json!("25%")), ("maxUnavailable", json!("25%"))],
            );
        }
        "StatefulSet" => {
            fill(spec, "revisionHistoryLimit", 10);
            fill(spec, "podManagementPolicy", "OrderedReady");
            rolling(within(spec, "updateStrategy"), &[("partition", json!(0))]);
            fill(
                spec,
                "persistentVolumeClaimRetentionPolicy",
                json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }),
            );
        }
        "DaemonSet" => {
            fill(spec, "revisionHistoryLimit", 10);
            rolling(
                within(spec, "updateStrategy"),
                &[("maxSurge", json!(0)), ("maxUnavailable", json!(1))],
            );
        }
        _ => {}
    }
    template(spec);
}

fn rolling(strategy: &mut Value, fields: &[(&str, Value)]) {
    fill(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = within(strategy, "rollingUpdate");
        fields
            .iter()
            .for_each(|(field, value)| fill(rolling, field, value.clone()));
    }
}

fn template(spec: &mut Value) {
    let template = within(spec, "template");
    // As a real API server answers: an object of its own without a time.
    within(template, "metadata");
    pod::fill_in(within(template, "spec"));
}

fn job(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        fill(spec, "completions", 1);
    }
    fill(spec, "parallelism", 1);
    fill(spec, "backoffLimit", 6);
    fill(spec, "completionMode", "NonIndexed");
    fill(spec, "suspend", false);
    fill(spec, "podReplacementPolicy", "TerminatingOrFailed");
    fill(spec, "manualSelector", false);
    template(spec);
}

/// A Job finds its pods by a label with its own uid.
fn job_selector(object: &mut Value) {
    let uid = object["metadata"]["uid"].clone();
    let name = object["metadata"]["name"].clone();
    let spec = within(object, "spec");
    if spec["manualSelector"] == true || !spec["selector"].is_null() {
        return;
    }
    spec["selector"] = json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
    let labels = json!({
        "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
        "batch.kubernetes.io/job-name": name, "job-name": name,
    });
    let of_pods = within(within(within(spec, "template"), "metadata"), "labels");
    json_patch::merge(of_pods, &labels);
    // The Job shows those of its pods where it has none of its own.
    if object["metadata"]["labels"].is_null() {
        let of_pods = object["spec"]["template"]["metadata"]["labels"].clone();
        object["metadata"]["labels"] = of_pods;
    }
}

fn network_policy(spec: &mut Value) {
    if spec["policyTypes"].is_null() {
        let mut types = vec!["Ingress"];
        if spec["egress"].is_array() {
            types.push("Egress");
        }
        spec["policyTypes"] = json!(types);
    }
    for side in ["ingress", "egress"] {
        for rule in each(spec, side) {
            each(rule, "ports").for_each(|port| fill(port, "protocol", "TCP"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(group: &str, kind: &str, mut object: Value) -> Value {
        all(Kind::known(group, kind), &mut object);
        object
    }

    #[test]
    fn a_service_gets_what_clients_read() {
        let service = filled("", "Service", json!({ "spec": { "ports": [{ "port": 80 }] } }));
        assert_eq!(service["spec"]["type"], "ClusterIP");
        assert_eq!(
            service["spec"]["ports"][0],
            json!({ "port": 80, "protocol": "TCP", "targetPort": 80 })
        );
        let external = filled(
            "",
            "Service",
            json!({ "spec": { "type": "ExternalName", "externalName": "x.y" } }),
        );
        assert_eq!(external["spec"]["ipFamilies"], Value::Null);
    }

    #[test]
    fn a_deployment_gets_its_strategy_and_its_pods_their_defaults() {
        let given = json!({ "spec": {
            "strategy": { "rollingUpdate": { "maxUnavailable": 0 } },
            "template": { "spec": { "containers": [{ "name": "a", "image": "x" }] } },
        } });
        let spec = &filled("apps", "Deployment", given)["spec"];
        assert_eq!(spec["replicas"], 1);
        assert_eq!(
            spec["strategy"]["rollingUpdate"],
            json!({ "maxSurge": "25%", "maxUnavailable": 0 })
        );
        assert_eq!(spec["template"]["spec"]["terminationGracePeriodSeconds"], 30);
    }

    #[test]
    fn what_is_set_stays() {
        let given = json!({ "spec": { "replicas": 0, "strategy": { "type": "Recreate" } } });
        let spec = &filled("apps", "Deployment", given)["spec"];
        assert_eq!(
            (&spec["replicas"], &spec["strategy"]),
            (&json!(0), &json!({ "type": "Recreate" }))
        );
    }

    #[test]
    fn a_secret_hides_its_string_data() {
        let secret = filled("", "Secret", json!({ "stringData": { "k": "hello" } }));
        assert_eq!(secret["data"], json!({ "k": "aGVsbG8=" }));
        assert!(secret.get("stringData").is_none());
    }
}
