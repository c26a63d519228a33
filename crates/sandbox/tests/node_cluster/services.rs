//! Deployments become pods, and Services lead to them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use intercept_sandbox::{Cluster, ClusterOptions};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::rig::{api, app, ask, await_true, cluster, create, deployment, service, who, with};

#[tokio::test]
async fn an_empty_cluster_starts_and_leaves_nothing() {
    let begun = Instant::now();
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let took = begun.elapsed();
    eprintln!("started in {took:?}");
    assert!(took < Duration::from_millis(900), "{took:?}");
    let folder = cluster.node().folder().to_owned();
    cluster.stop().await;
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_deployment_becomes_pods_behind_its_service() {
    let cluster = cluster().await;
    let begun = Instant::now();
    app(&cluster, "api", 2).await;
    eprintln!("answered after {:?}", begun.elapsed());
    let address = cluster.service_address("default", "api", 8080).unwrap();
    await_true("both pods answer", async || {
        let mut pods = BTreeSet::new();
        for _ in 0..8 {
            let answer = ask(address, "/", &[]).await.unwrap();
            pods.insert(answer.body["pod"].as_str().unwrap_or_default().to_owned());
        }
        pods.len() == 2
    })
    .await;
    await_true("the Deployment says so", async || {
        let status = api::<Deployment>(&cluster)
            .get("api")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let is_available = status
            .conditions
            .iter()
            .flatten()
            .any(|one| one.type_ == "Available" && one.status == "True");
        is_available && status.ready_replicas == Some(2) && status.updated_replicas == Some(2)
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_changed_template_rolls_without_a_lost_request() {
    let cluster = cluster().await;
    let mut patient = deployment("api", 2);
    let spec = &mut patient["spec"]["template"]["spec"];
    // As anywhere: a program that ends at once is still sent requests for a moment.
    spec["containers"][0]["lifecycle"] = json!({ "preStop": { "sleep": { "seconds": 1 } } });
    spec["terminationGracePeriodSeconds"] = json!(2);
    create::<Deployment>(&cluster, patient).await;
    create::<Service>(&cluster, service("api")).await;
    await_true("the Service answers", async || {
        who(&cluster, "api", &[]).await == "original"
    })
    .await;
    let address = cluster.service_address("default", "api", 8080).unwrap();
    let patch = json!({ "spec": { "template": { "spec": { "containers": [
        { "name": "echo", "env": [{ "name": "ANSWER_BY", "value": "new" }] },
    ] } } } });
    let deployments = api::<Deployment>(&cluster);
    let strategic = Patch::Strategic(patch);
    deployments
        .patch("api", &PatchParams::default(), &strategic)
        .await
        .unwrap();
    await_true("only new pods answer", async || {
        let mut is_new = true;
        for _ in 0..6 {
            let answer = ask(address, "/", &[]).await.unwrap();
            is_new &= answer.body["by"] == "new";
        }
        is_new
    })
    .await;
    await_true("the old pods are gone", async || {
        api::<Pod>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len()
            == 2
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_service_follows_its_selector_and_leaves_connections_alone() {
    let cluster = cluster().await;
    app(&cluster, "one", 1).await;
    let mut other = deployment("two", 1);
    other["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "HTTP_PORTS", "value": "8081" }, { "name": "ANSWER_BY", "value": "two" }]);
    create::<Deployment>(&cluster, other).await;
    create::<Service>(&cluster, service("two")).await;
    await_true("two answers", async || who(&cluster, "two", &[]).await == "two").await;

    let address = cluster.service_address("default", "one", 8080).unwrap();
    let mut kept = BufReader::new(TcpStream::connect(address).await.unwrap());
    let patch = Patch::Merge(json!({ "spec": { "selector": { "app": "two" } } }));
    let begun = Instant::now();
    api::<Service>(&cluster)
        .patch("one", &PatchParams::default(), &patch)
        .await
        .unwrap();
    await_true("the Service leads to the other pod", async || {
        who(&cluster, "one", &[]).await == "two"
    })
    .await;
    eprintln!("followed after {:?}", begun.elapsed());

    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut lines = kept.lines();
    let mut text = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        text.push_str(&line);
    }
    assert!(text.contains("\"by\":\"original\""), "{text}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_service_without_pods_refuses() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let patch = Patch::Merge(json!({ "spec": { "replicas": 0 } }));
    api::<Deployment>(&cluster)
        .patch("api", &PatchParams::default(), &patch)
        .await
        .unwrap();
    let address = cluster.service_address("default", "api", 8080).unwrap();
    await_true("connections are refused", async || {
        let refused = TcpStream::connect(address).await;
        refused.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn slices_name_their_pods_and_go_with_their_service() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let labels = ListParams::default().labels("kubernetes.io/service-name=api");
    let slices = api::<EndpointSlice>(&cluster).list(&labels).await.unwrap().items;
    let endpoint = &slices[0].endpoints[0];
    let pod = endpoint.target_ref.as_ref().unwrap();
    let found = api::<Pod>(&cluster)
        .get(pod.name.as_deref().unwrap())
        .await
        .unwrap();
    assert_eq!(found.metadata.uid, pod.uid);
    assert_eq!(slices[0].ports.as_ref().unwrap()[0].port, Some(8081));
    api::<Service>(&cluster)
        .delete("api", &DeleteParams::default())
        .await
        .unwrap();
    await_true("the slices are gone", async || {
        api::<EndpointSlice>(&cluster)
            .list(&labels)
            .await
            .unwrap()
            .items
            .is_empty()
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn two_sandboxes_stand_side_by_side() {
    let (one, other) = tokio::join!(cluster(), cluster());
    tokio::join!(app(&one, "api", 1), app(&other, "api", 1));
    let address = |cluster: &Cluster| cluster.service_address("default", "api", 8080).unwrap();
    assert_ne!(address(&one), address(&other));
    one.stop().await;
    assert_eq!(who(&other, "api", &[]).await, "original");
    other.stop().await;
}

#[tokio::test]
async fn a_large_cluster_can_be_made() {
    let cluster = cluster().await;
    let begun = Instant::now();
    let objects = intercept_sandbox::shop::scale(300);
    let count = cluster.sandbox().insert_many(objects).unwrap();
    eprintln!("{count} objects in {:?}", begun.elapsed());
    let slices: kube::Api<EndpointSlice> = kube::Api::all(crate::rig::client(&cluster));
    await_true("each Service has its endpoints", async || {
        let slices = slices.list(&ListParams::default()).await.unwrap().items;
        slices.iter().filter(|slice| slice.endpoints.len() == 5).count() == 300
    })
    .await;
    eprintln!("followed after {:?}", begun.elapsed());
    app(&cluster, "api", 1).await;
    cluster.stop().await;
}

#[tokio::test]
async fn the_node_goes_on_when_the_api_server_comes_back() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    cluster.sandbox().restart(Duration::from_millis(100)).await;
    assert_eq!(who(&cluster, "api", &[]).await, "original");
    let begun = Instant::now();
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    api::<Deployment>(&cluster)
        .patch("api", &PatchParams::default(), &patch)
        .await
        .unwrap();
    await_true("the second pod is there", async || {
        let status = api::<Deployment>(&cluster).get("api").await.unwrap().status;
        status.and_then(|status| status.ready_replicas) == Some(2)
    })
    .await;
    eprintln!("went on after {:?}", begun.elapsed());
    cluster.stop().await;
}

#[tokio::test]
async fn a_proxy_of_services_can_be_as_slow_as_a_real_one() {
    let slow = Duration::from_millis(400);
    let cluster = with(|options| options.node.service_proxy_interval = slow).await;
    app(&cluster, "one", 1).await;
    let mut other = deployment("two", 1);
    other["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "HTTP_PORTS", "value": "8081" }, { "name": "ANSWER_BY", "value": "two" }]);
    create::<Deployment>(&cluster, other).await;
    create::<Service>(&cluster, service("two")).await;
    await_true("two answers", async || who(&cluster, "two", &[]).await == "two").await;
    // Its last change was a moment ago, so the next one waits.
    let patch = Patch::Merge(json!({ "spec": { "selector": { "app": "two" } } }));
    let begun = Instant::now();
    api::<Service>(&cluster)
        .patch("one", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(who(&cluster, "one", &[]).await, "original");
    await_true("the Service leads to the other pod", async || {
        who(&cluster, "one", &[]).await == "two"
    })
    .await;
    assert!(begun.elapsed() > slow / 2, "{:?}", begun.elapsed());
    cluster.stop().await;
}

#[tokio::test]
async fn a_fuse_burns_down_with_what_it_owns() {
    let cluster = cluster().await;
    let fuse = create::<Job>(&cluster, json!({
        "metadata": { "generateName": "fuse-" },
        "spec": { "parallelism": 0, "completions": 1, "activeDeadlineSeconds": 1, "ttlSecondsAfterFinished": 0,
            "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "never", "image": "nginx" }] } } },
    }))
    .await;
    let owner = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": fuse.metadata.name, "uid": fuse.metadata.uid }]);
    let owned = json!({ "metadata": { "name": "owned", "ownerReferences": owner } });
    create::<ConfigMap>(&cluster, owned).await;
    await_true("the Job is gone", async || {
        api::<Job>(&cluster)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    })
    .await;
    await_true("and what it owned", async || {
        api::<ConfigMap>(&cluster)
            .get_opt("owned")
            .await
            .unwrap()
            .is_none()
    })
    .await;
    cluster.stop().await;
}
