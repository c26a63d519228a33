//! Trouble with pods, in Kubernetes' words.

use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use kube::api::{DeleteParams, ListParams, LogParams, Patch, PatchParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::rig::{api, app, await_true, cluster, create, deployment, with};

fn pod(name: &str, image: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "terminationGracePeriodSeconds": 1, "containers": [{ "name": "c", "image": image }] },
    })
}

fn waiting(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let mut states = status
        .container_statuses
        .into_iter()
        .flatten()
        .filter_map(|one| one.state?.waiting?.reason);
    states.next().unwrap_or_default()
}

#[tokio::test]
async fn an_image_that_is_not_there_cannot_be_pulled() {
    let cluster = cluster().await;
    create::<Pod>(&cluster, pod("p", "registry.example/none:1")).await;
    for reason in ["ErrImagePull", "ImagePullBackOff"] {
        await_true(reason, async || {
            waiting(&api::<Pod>(&cluster).get("p").await.unwrap()) == reason
        })
        .await;
    }
    await_true("an Event says so", async || {
        let events = api::<Event>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        events
            .iter()
            .any(|one| one.reason.as_deref() == Some("Failed") && one.type_.as_deref() == Some("Warning"))
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_program_that_crashes_is_started_again_and_its_last_words_are_kept() {
    let cluster = cluster().await;
    create::<Pod>(&cluster, pod("p", "sandbox/trouble/crash")).await;
    await_true("it crashes in a loop", async || {
        waiting(&api::<Pod>(&cluster).get("p").await.unwrap()) == "CrashLoopBackOff"
    })
    .await;
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    let log = api::<Pod>(&cluster).logs("p", &previous).await.unwrap();
    assert!(log.contains("crashes on order"), "{log}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_for_another_node_is_not_scheduled_and_says_why() {
    let cluster = cluster().await;
    let mut wanted = pod("p", "sandbox/echo");
    wanted["spec"]["nodeSelector"] = json!({ "disk": "fast" });
    create::<Pod>(&cluster, wanted).await;
    await_true("it is unschedulable", async || {
        let status = api::<Pod>(&cluster)
            .get("p")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let mut conditions = status.conditions.into_iter().flatten();
        conditions.any(|one| {
            one.reason.as_deref() == Some("Unschedulable")
                && one
                    .message
                    .is_some_and(|text| text.starts_with("0/1 nodes are available"))
        })
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_pod_that_never_gets_ready_is_no_endpoint_and_its_deployment_says_so() {
    let cluster = cluster().await;
    let mut never = deployment("never", 1);
    never["spec"]["template"]["spec"]["containers"][0]["image"] = json!("sandbox/trouble/never-ready");
    create::<Deployment>(&cluster, never).await;
    await_true("the pod runs and is not ready", async || {
        let pods = api::<Pod>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        pods.iter()
            .any(|pod| pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running"))
    })
    .await;
    let status = api::<Deployment>(&cluster)
        .get("never")
        .await
        .unwrap()
        .status
        .unwrap();
    let available = status
        .conditions
        .into_iter()
        .flatten()
        .find(|one| one.type_ == "Available")
        .unwrap();
    assert_eq!(available.reason.as_deref(), Some("MinimumReplicasUnavailable"));
    cluster.stop().await;
}

#[tokio::test]
async fn a_missing_config_map_keeps_a_pod_from_starting_until_it_is_there() {
    let cluster = cluster().await;
    let mut wanted = pod("p", "sandbox/echo");
    wanted["spec"]["volumes"] = json!([{ "name": "settings", "configMap": { "name": "late" } }]);
    create::<Pod>(&cluster, wanted).await;
    await_true("an Event says FailedMount", async || {
        let events = api::<Event>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        events.iter().any(|one| {
            one.reason.as_deref() == Some("FailedMount")
                && one
                    .message
                    .as_deref()
                    .is_some_and(|text| text.contains("configmap \"late\" not found"))
        })
    })
    .await;
    create::<ConfigMap>(&cluster, json!({ "metadata": { "name": "late" } })).await;
    await_ready(&cluster, "p").await;
    cluster.stop().await;
}

async fn await_ready(cluster: &intercept_sandbox::Cluster, name: &str) {
    await_true("the pod is ready", async || {
        let status = api::<Pod>(cluster)
            .get(name)
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let mut conditions = status.conditions.into_iter().flatten();
        conditions.any(|one| one.type_ == "Ready" && one.status == "True")
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_ignores_its_end_is_killed_after_its_grace() {
    let cluster = cluster().await;
    create::<Pod>(&cluster, pod("p", "sandbox/trouble/ignores-stop")).await;
    await_ready(&cluster, "p").await;
    api::<Pod>(&cluster)
        .delete("p", &DeleteParams::default())
        .await
        .unwrap();
    let going = api::<Pod>(&cluster).get("p").await.unwrap();
    assert!(going.metadata.deletion_timestamp.is_some());
    await_true("the pod is gone", async || {
        api::<Pod>(&cluster).get_opt("p").await.unwrap().is_none()
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_port_forward_reaches_the_pod() {
    let cluster = cluster().await;
    create::<Pod>(&cluster, pod("p", "sandbox/echo")).await;
    await_ready(&cluster, "p").await;
    let mut forward = api::<Pod>(&cluster).portforward("p", &[8080]).await.unwrap();
    let mut io = forward.take_stream(8080).unwrap();
    io.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    io.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("\"pod\":\"p\""), "{text}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_log_can_be_followed() {
    let cluster = cluster().await;
    create::<Pod>(&cluster, pod("p", "sandbox/echo")).await;
    await_ready(&cluster, "p").await;
    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let log = api::<Pod>(&cluster).log_stream("p", &follow).await.unwrap();
    let reading = tokio::spawn(async move {
        use futures::AsyncBufReadExt as _;
        log.lines().try_collect::<Vec<String>>().await.unwrap()
    });
    api::<Pod>(&cluster)
        .delete("p", &DeleteParams::default())
        .await
        .unwrap();
    let lines = tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .unwrap()
        .unwrap();
    assert!(
        lines.iter().any(|line| line.contains("listening on")),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line.contains("asked to stop")),
        "{lines:?}"
    );
    cluster.stop().await;
}

#[tokio::test]
async fn stateful_pods_come_in_order_and_keep_their_names() {
    let cluster = cluster().await;
    let mut set = deployment("db", 2);
    set["spec"]["serviceName"] = json!("db");
    create::<StatefulSet>(&cluster, set).await;
    await_ready_or_absent(&cluster, "db-1").await;
    let patch = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
    api::<StatefulSet>(&cluster)
        .patch("db", &PatchParams::default(), &patch)
        .await
        .unwrap();
    await_true("the last one goes", async || {
        api::<Pod>(&cluster).get_opt("db-1").await.unwrap().is_none()
    })
    .await;
    assert!(api::<Pod>(&cluster).get_opt("db-0").await.unwrap().is_some());
    cluster.stop().await;
}

async fn await_ready_or_absent(cluster: &intercept_sandbox::Cluster, name: &str) {
    await_true("the pod is there", async || {
        api::<Pod>(cluster).get_opt(name).await.unwrap().is_some()
    })
    .await;
    await_ready(cluster, name).await;
}

#[tokio::test]
async fn quota_that_refuses_a_pod_shows_on_the_deployment() {
    let cluster = with(|_| {}).await;
    app(&cluster, "api", 1).await;
    let quota = json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "1" } } });
    create::<k8s_openapi::api::core::v1::ResourceQuota>(&cluster, quota).await;
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    api::<Deployment>(&cluster)
        .patch("api", &PatchParams::default(), &patch)
        .await
        .unwrap();
    await_true("ReplicaFailure shows", async || {
        let status = api::<Deployment>(&cluster)
            .get("api")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let mut conditions = status.conditions.into_iter().flatten();
        conditions.any(|one| one.type_ == "ReplicaFailure" && one.reason.as_deref() == Some("FailedCreate"))
    })
    .await;
    cluster.stop().await;
}
