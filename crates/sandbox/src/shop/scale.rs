//! A cluster as large as one likes: Services, their pods and EndpointSlices that stand for a big company's, without
//! anything that runs. To measure lists, searches and windows, not traffic.

use serde_json::{Value, json};

use crate::controllers::slices;

/// Pods of each Service.
const PODS: usize = 5;
/// Services of each namespace.
const PER_NAMESPACE: usize = 200;
/// What teams call things.
const WORDS: [&str; 12] = [
    "account",
    "billing",
    "catalog",
    "delivery",
    "export",
    "fraud",
    "inventory",
    "ledger",
    "notify",
    "order",
    "pricing",
    "search",
];

/// The objects of `services` Services with five pods each, owners before what they own.
pub fn scale(services: usize) -> impl Iterator<Item = Value> {
    let namespaces = (0..services.div_ceil(PER_NAMESPACE)).map(|number| {
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace(number * PER_NAMESPACE) } })
    });
    namespaces.chain((0..services).flat_map(|number| {
        let service = service(number);
        let pods: Vec<Value> = (0..PODS).map(|index| pod(number, index)).collect();
        let slice = slice(&service, &pods);
        [service].into_iter().chain(pods).chain(slice)
    }))
}

fn namespace(number: usize) -> String {
    format!("team-{:03}", number / PER_NAMESPACE)
}

fn name(number: usize) -> String {
    let word = WORDS[number % WORDS.len()];
    format!("{word}-{number:05}")
}

fn uid(kind: u32, number: usize, index: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{:012x}", number * PODS + index)
}

fn service(number: usize) -> Value {
    let name = name(number);
    json!({
        "apiVersion": "v1", "kind": "Service",
        // Nobody answers there, so no proxy of Services need listen for them.
        "metadata": { "name": name, "namespace": namespace(number), "uid": uid(1, number, 0),
            "labels": { "app": name, "service.kubernetes.io/service-proxy-name": "none" } },
        "spec": { "selector": { "app": name }, "ports": [
            { "name": "http", "port": 8080, "targetPort": "http" }, { "name": "metrics", "port": 9100 },
        ] },
    })
}

fn pod(number: usize, index: usize) -> Value {
    let (name, serial) = (name(number), number * PODS + index);
    let ip = format!(
        "10.{}.{}.{}",
        serial >> 16 & 0xff,
        serial >> 8 & 0xff,
        serial & 0xff
    );
    let condition =
        |kind: &str| json!({ "type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("{name}-6d4f9c8b7-{index:05}"), "namespace": namespace(number),
            "uid": uid(2, number, index), "labels": { "app": name, "pod-template-hash": "6d4f9c8b7" } },
        "spec": { "nodeName": format!("node-{:03}", serial % 100), "containers": [{
            "name": "app", "image": format!("registry.example/{name}:1"),
            "ports": [{ "name": "http", "containerPort": 8080 }, { "name": "metrics", "containerPort": 9100 }],
        }] },
        "status": { "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }], "startTime": "2026-01-01T00:00:00Z",
            "conditions": [condition("PodScheduled"), condition("Initialized"), condition("ContainersReady"), condition("Ready")],
            "containerStatuses": [{ "name": "app", "image": format!("registry.example/{name}:1"), "imageID": "", "ready": true,
                "restartCount": 0, "started": true, "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } } }] },
    })
}

/// As the controller would write it, so that it finds nothing to do.
fn slice(service: &Value, pods: &[Value]) -> Option<Value> {
    let service = serde_json::from_value(service.clone()).ok()?;
    let pods: Vec<_> = pods
        .iter()
        .filter_map(|pod| serde_json::from_value(pod.clone()).ok())
        .collect();
    let wanted = slices::wanted(&service, &pods);
    let slices::Action::Create(slice) = slices::actions(&service, wanted, &[]).into_iter().next()? else {
        return None;
    };
    let mut slice = serde_json::to_value(slice).ok()?;
    let prefix = slice["metadata"]["generateName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    slice["metadata"]["name"] = json!(format!("{prefix}0"));
    Some(slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_pods_and_one_slice_that_the_controller_would_not_touch() {
        let objects: Vec<Value> = scale(3).collect();
        assert_eq!(objects.len(), 1 + 3 * (1 + PODS + 1));
        let slice = objects.iter().find(|one| one["kind"] == "EndpointSlice").unwrap();
        assert_eq!(slice["endpoints"].as_array().unwrap().len(), PODS);
        assert_eq!(slice["metadata"]["ownerReferences"][0]["uid"], uid(1, 0, 0));
    }
}
