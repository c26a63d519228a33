//! Pods that die on order, and a whole cluster that sleeps.

use std::sync::Mutex;
use std::time::Duration;

use intercept_engine::session::SessionEvent;
use intercept_engine::tunnel::RelayEvent;
use intercept_sandbox::faults::Order;
use intercept_sandbox::{Cluster, Fate};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::ResourceExt as _;
use kube::api::ListParams;
use tokio::time::timeout;

use crate::intercept::{Engaged, Laptop, MARKED, await_answer, leave, proxied, short_lived};
use crate::rig::{api, app, await_true, cluster, who};

/// Longer than the shortest grace, and than the silence after which either end of a tunnel gives up.
const LONG: Duration = Duration::from_secs(7);

/// What happened, in order.
async fn befall(cluster: &Cluster, words: &str) -> Vec<Fate> {
    let Ok(Order::Happening(happening)) = Order::parse(words) else {
        panic!("{words} must be understood");
    };
    let told = Mutex::new(Vec::new());
    cluster
        .befall(&happening, |fate| told.lock().unwrap().push(fate.unwrap()))
        .await;
    told.into_inner().unwrap()
}

async fn only_pod(cluster: &Cluster) -> Pod {
    let labelled = ListParams::default().labels("app=api");
    api::<Pod>(cluster).list(&labelled).await.unwrap().items.remove(0)
}

fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.iter().flat_map(|status| &status.container_statuses);
    containers.flatten().map(|one| one.restart_count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_dies_is_gone_and_another_takes_its_place() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let first = only_pod(&cluster).await.name_any();
    let told = befall(&cluster, "pod app=api in default dies every 10ms x2").await;
    let [Fate::Died { pod: died }, Fate::Died { pod: second }] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(died, &format!("default/{first}"));
    assert_ne!(second, died);
    await_true("another pod answers", async || {
        who(&cluster, "api", &[]).await == "original"
    })
    .await;
    assert_eq!(api::<Pod>(&cluster).get_opt(&first).await.unwrap(), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_crashes_starts_again_under_its_name() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let name = only_pod(&cluster).await.name_any();
    let told = befall(&cluster, &format!("pod {name} crashes")).await;
    assert_eq!(
        told,
        [Fate::Crashed {
            pod: format!("default/{name}")
        }]
    );
    await_true("it started again", async || {
        let pod = only_pod(&cluster).await;
        pod.name_any() == name && restarts(&pod) == 1
    })
    .await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_sleeps_says_nothing_and_goes_on_when_it_is_awake() {
    let cluster = cluster().await;
    app(&cluster, "api", 1).await;
    let pods = api::<Pod>(&cluster);
    let asleep = cluster.sleep(Duration::from_secs(3600));
    let asked = async {
        // Asked only once everything sleeps: the first answer that is missing says so.
        while timeout(Duration::from_millis(200), pods.list(&ListParams::default()))
            .await
            .is_ok()
        {}
        timeout(Duration::from_millis(200), who(&cluster, "api", &[])).await
    };
    let answer = tokio::select! {
        answer = asked => answer,
        () = asleep => panic!("nobody waits for an hour"),
    };
    assert!(answer.is_err(), "{answer:?}");
    // Not waited for any longer, it is awake.
    assert_eq!(who(&cluster, "api", &[]).await, "original");
    cluster.stop().await;
}

/// Both ends have looked at the clock, and at each other, after this.
async fn await_heartbeats(cluster: &Cluster, count: usize) {
    let record = async || {
        let map = api::<ConfigMap>(cluster)
            .get("api-intercept-proxy")
            .await
            .unwrap();
        map.resource_version()
    };
    for _ in 0..count {
        let before = record().await;
        await_true("a heartbeat comes", async || record().await != before).await;
    }
}

async fn slept(engaged: &mut Engaged) {
    let told = async {
        while let Some(event) = engaged.session.event().await {
            if matches!(event, SessionEvent::Relay(RelayEvent::Slept { .. })) {
                return true;
            }
        }
        false
    };
    assert!(timeout(Duration::from_secs(10), told).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intercept_survives_a_cluster_that_sleeps_longer_than_its_grace() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = short_lived(&cluster, laptop.port).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    cluster.sleep(LONG).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    await_heartbeats(&cluster, 2).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    assert_eq!(who(&cluster, "api", &[]).await, "original");
    leave(engaged).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_intercept_survives_a_sleep_of_the_cluster_and_the_laptop() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    // A thread of its own, which can sleep.
    let machine = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let cluster = std::sync::Arc::new(cluster);
    let laptop = Laptop::start().await;
    let (port, on) = (laptop.port, cluster.clone());
    let engaged = machine.spawn(async move { short_lived(&on, port).await });
    let mut engaged = engaged.await.unwrap();
    await_answer(&cluster, &MARKED, "laptop").await;
    // test → the held thread, which goes on when the sender is gone
    let (wake_tx, wake_rx) = std::sync::mpsc::channel::<()>();
    machine.spawn(async move { wake_rx.recv() });
    cluster.sleep(LONG).await;
    drop(wake_tx);
    slept(&mut engaged).await;
    await_heartbeats(&cluster, 2).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    leave(engaged).await;
    machine.shutdown_background();
}
