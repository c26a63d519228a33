//! What the tests of the API share.
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod node;

use std::sync::Arc;

use intercept_sandbox::{Options, Sandbox};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::core::Status;
use serde_json::json;

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

pub(crate) fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name }, "data": { "k": "1" } })).unwrap()
}

pub(crate) fn service(name: &str) -> Service {
    serde_json::from_value(json!({
        "metadata": { "name": name }, "spec": { "selector": { "app": name }, "ports": [{ "port": 80 }] },
    }))
    .unwrap()
}

pub(crate) fn status<T: std::fmt::Debug>(outcome: Result<T, kube::Error>) -> Box<Status> {
    match outcome {
        Err(kube::Error::Api(status)) => status,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

/// A pod that a node has taken.
pub(crate) async fn running_pod(sandbox: &Sandbox, name: &str) {
    sandbox.set_node(Arc::new(node::EchoNode));
    let pods: kube::Api<Pod> = kube::Api::default_namespaced(sandbox.client().unwrap());
    let pod = serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "app": name } },
        "spec": { "nodeName": "sandbox", "containers": [{ "name": "main", "image": "echo:1" }] },
    }));
    pods.create(&kube::api::PostParams::default(), &pod.unwrap())
        .await
        .unwrap();
}

/// Waits until something holds, for as long as anything may take.
pub(crate) async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), wait)
        .await
        .unwrap();
}
