//! Where the record comes from.

use std::time::{Duration, Instant};

use intercept_agent::record_source::{self, Observed};
use intercept_protocol::ids::SessionId;
use intercept_protocol::names;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::fake::{Cluster, ORIGIN, RECORD, agent, await_condition, record};

const LIMIT: Duration = Duration::from_secs(10);

fn text(observed_rx: &watch::Receiver<Option<Observed>>) -> String {
    let seen = observed_rx.borrow();
    seen.as_ref()
        .and_then(|seen| seen.text.clone())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_change_arrives_within_milliseconds() {
    let (cluster, _serving) = Cluster::start(&record(&[], 60)).await;
    let (agent, _dir) = agent(&cluster);
    let observed = watch::Sender::new(None);
    let observed_rx = observed.subscribe();
    tokio::spawn(record_source::follow(agent, observed));
    await_condition("the first record", LIMIT, || !text(&observed_rx).is_empty()).await;
    let before = Instant::now();
    cluster.edit(RECORD, |object| {
        object["data"][names::RECORD_KEY] = "changed".into();
    });
    await_condition("the change", LIMIT, || text(&observed_rx) == "changed").await;
    assert!(
        before.elapsed() < Duration::from_millis(500),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn an_api_server_that_restarts_is_survived() {
    let (cluster, serving) = Cluster::start(&record(&[], 60)).await;
    let (agent, _dir) = agent(&cluster);
    let observed = watch::Sender::new(None);
    let observed_rx = observed.subscribe();
    tokio::spawn(record_source::follow(agent, observed));
    await_condition("the first record", LIMIT, || !text(&observed_rx).is_empty()).await;
    let first = observed_rx.borrow().as_ref().unwrap().synced_at;
    serving.abort();
    let _ = serving.await;
    cluster.edit(RECORD, |object| {
        object["data"][names::RECORD_KEY] = "after".into();
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_ne!(text(&observed_rx), "after");
    let _serving = cluster.serve(TcpListener::bind(cluster.address).await.unwrap());
    await_condition("the change", LIMIT, || text(&observed_rx) == "after").await;
    assert_ne!(
        observed_rx.borrow().as_ref().unwrap().synced_at,
        first,
        "the outage must be known"
    );
}

#[tokio::test]
async fn without_the_right_to_read_it_the_record_comes_through_the_volume() {
    let (cluster, _serving) = Cluster::start(&record(&[], 60)).await;
    cluster.forbid();
    let (agent, dir) = agent(&cluster);
    std::fs::write(dir.path().join(names::RECORD_KEY), "mounted").unwrap();
    let observed = watch::Sender::new(None);
    let observed_rx = observed.subscribe();
    tokio::spawn(record_source::follow(agent, observed));
    await_condition("the mounted record", LIMIT, || text(&observed_rx) == "mounted").await;
    std::fs::write(dir.path().join(names::RECORD_KEY), "mounted anew").unwrap();
    await_condition("its change", LIMIT, || text(&observed_rx) == "mounted anew").await;
    assert_eq!(observed_rx.borrow().as_ref().unwrap().synced_at, None);
}

#[tokio::test]
async fn heartbeats_are_seen_by_session() {
    let session = SessionId::random();
    let (cluster, _serving) = Cluster::start(&record(&[&session], 60)).await;
    let (agent, _dir) = agent(&cluster);
    let observed = watch::Sender::new(None);
    let observed_rx = observed.subscribe();
    tokio::spawn(record_source::follow(agent, observed));
    cluster.beat(&session, 7);
    await_condition("the heartbeat", LIMIT, || {
        let seen = observed_rx.borrow();
        seen.as_ref()
            .and_then(|seen| seen.heartbeats.get(session.as_str()).cloned())
            == Some("7".into())
    })
    .await;
}

#[tokio::test]
async fn the_pod_becomes_one_more_owner_of_the_origin() {
    let (cluster, _serving) = Cluster::start(&record(&[], 60)).await;
    cluster.conflict(2);
    let (agent, _dir) = agent(&cluster);
    intercept_agent::ownership::adopt(agent.clone()).await;
    intercept_agent::ownership::adopt(agent).await;
    let owners = cluster.get(ORIGIN).unwrap()["metadata"]["ownerReferences"].clone();
    let uids: Vec<_> = owners
        .as_array()
        .unwrap()
        .iter()
        .map(|owner| owner["uid"].as_str().unwrap())
        .collect();
    assert_eq!(uids, ["d", "p"]);
    assert_eq!(owners[1]["kind"], "Pod");
}
