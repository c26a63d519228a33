use super::*;
use crate::api::status::Failure;

#[expect(clippy::needless_pass_by_value, reason = "they come straight from `json!`")]
fn words(group: &str, kind: &str, object: Value, before: Option<Value>) -> String {
    let kind = Kind::known(group, kind);
    let causes = check(kind, &object, before.as_ref());
    if causes.is_empty() {
        String::new()
    } else {
        Failure::invalid(kind, "x", &causes).message
    }
}

#[expect(clippy::needless_pass_by_value, reason = "they come straight from `json!`")]
fn service(spec: Value) -> Value {
    json!({ "metadata": { "name": "api" }, "spec": spec })
}

#[expect(clippy::needless_pass_by_value, reason = "they come straight from `json!`")]
fn cluster_ip(ports: Value) -> Value {
    service(json!({ "type": "ClusterIP", "sessionAffinity": "None", "ports": ports }))
}

#[test]
fn a_service_without_ports_is_refused() {
    let object = service(json!({ "type": "ClusterIP", "sessionAffinity": "None" }));
    assert_eq!(
        words("", "Service", object, None),
        "Service \"x\" is invalid: spec.ports: Required value"
    );
}

#[test]
fn several_ports_need_names_and_differ() {
    let ports = json!([{ "port": 80, "protocol": "TCP" }, { "port": 80, "protocol": "TCP", "name": "b" }]);
    let words = words("", "Service", cluster_ip(ports), None);
    assert!(words.contains("spec.ports[0].name: Required value"), "{words}");
    assert!(words.contains("spec.ports[1]: Duplicate value"), "{words}");
}

#[test]
fn a_services_name_follows_rfc_1035() {
    let mut object = cluster_ip(json!([{ "port": 80, "protocol": "TCP" }]));
    assert_eq!(words("", "Service", object.clone(), None), "");
    object["metadata"]["name"] = json!("2api");
    assert!(words("", "Service", object, None).contains("a DNS-1035 label must consist of"));
}

#[test]
fn what_is_immutable_stays() {
    let deployment = |app: &str| {
        json!({ "metadata": { "name": "d" }, "spec": {
            "selector": { "matchLabels": { "app": app } },
            "template": { "metadata": { "labels": { "app": app } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } },
        } })
    };
    assert_eq!(
        words("apps", "Deployment", deployment("a"), Some(deployment("a"))),
        ""
    );
    assert!(
        words("apps", "Deployment", deployment("b"), Some(deployment("a"))).contains("field is immutable")
    );
    let map = |data: &str| json!({ "metadata": { "name": "m" }, "immutable": true, "data": { "k": data } });
    assert_eq!(
        words("", "ConfigMap", map("2"), Some(map("1"))),
        "ConfigMap \"x\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
}

#[test]
fn a_selector_must_match_its_template() {
    let object = json!({ "metadata": { "name": "d" }, "spec": {
        "selector": { "matchLabels": { "app": "a" } },
        "template": { "metadata": { "labels": { "app": "b" } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } },
    } });
    assert!(
        words("apps", "Deployment", object, None).contains("`selector` does not match template `labels`")
    );
}

#[test]
fn a_container_needs_a_name_an_image_and_volumes_that_exist() {
    let object = json!({ "metadata": { "name": "p" }, "spec": { "containers": [
        { "volumeMounts": [{ "name": "gone", "mountPath": "/x" }] },
    ] } });
    let words = words("", "Pod", object, None);
    for wanted in [
        "spec.containers[0].name: Required value",
        "spec.containers[0].image: Required value",
        "spec.containers[0].volumeMounts[0].name: Not found: \"gone\"",
    ] {
        assert!(words.contains(wanted), "{words}");
    }
}

#[test]
fn a_config_map_is_a_mebibyte_at_most() {
    let object = json!({ "metadata": { "name": "m" }, "data": { "k": "x".repeat(1024 * 1024 + 1) } });
    assert!(words("", "ConfigMap", object, None).contains("Too long: may not be more than 1048576 bytes"));
}
