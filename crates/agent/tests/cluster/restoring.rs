//! The dead-man's switch: what goes, what stays, and when nothing may be touched.

use std::sync::Arc;
use std::time::Duration;

use intercept_agent::{Agent, deadman, record_source, restore};
use intercept_protocol::ids::SessionId;
use intercept_protocol::names;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fake::{Cluster, PROXY, RECORD, SERVICE, agent, await_condition, intercept, record};

const LIMIT: Duration = Duration::from_secs(15);

/// The parts of an agent that watch over the record of `cluster`.
fn start(cluster: &Cluster) -> (Arc<Agent>, JoinSet<()>, TempDir) {
    let (agent, dir) = agent(cluster);
    let observed = watch::Sender::new(None);
    let mut tasks = JoinSet::new();
    tasks.spawn(deadman::watch(agent.clone(), observed.subscribe()));
    tasks.spawn(record_source::follow(agent.clone(), observed));
    (agent, tasks, dir)
}

fn is_restored(cluster: &Cluster) -> bool {
    cluster.get(SERVICE).unwrap()["spec"]["selector"] == json!({ "app": "api" })
}

#[tokio::test]
async fn the_last_one_out_restores_the_service_and_deletes_everything() {
    let (cluster, _serving) = Cluster::start(&record(&[&SessionId::random()], 1)).await;
    let (_agent, _tasks, _dir) = start(&cluster);
    await_condition("the proxy is deleted", LIMIT, || cluster.get(PROXY).is_none()).await;
    assert!(is_restored(&cluster));
    let annotations = cluster.get(SERVICE).unwrap()["metadata"]["annotations"].clone();
    assert_eq!(annotations, json!({ "theirs": "1" }));
    let order: Vec<_> = cluster
        .requests()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    let expected = [
        format!("PATCH {RECORD}"),
        format!("PATCH {SERVICE}"),
        format!("DELETE {PROXY}"),
    ];
    assert_eq!(order, expected);
}

#[tokio::test]
async fn a_session_that_beats_stays_when_another_is_removed() {
    let (dead, alive) = (SessionId::random(), SessionId::random());
    let (cluster, _serving) = Cluster::start(&record(&[&dead, &alive], 2)).await;
    cluster.beat(&dead, 1);
    let (_agent, _tasks, _dir) = start(&cluster);
    let mut beat = 0;
    await_condition("the dead one is removed", LIMIT, || {
        beat += 1;
        if beat % 50 == 0 {
            cluster.beat(&alive, beat);
        }
        cluster.record().intercepts.len() == 1
    })
    .await;
    assert_eq!(cluster.record().intercepts[0].session, alive);
    assert!(!is_restored(&cluster) && cluster.get(PROXY).is_some());
    let annotations = cluster.get(RECORD).unwrap()["metadata"]["annotations"].clone();
    assert!(
        annotations
            .get(format!("{}{dead}", names::HEARTBEAT_ANNOTATION_PREFIX))
            .is_none()
    );
}

#[tokio::test]
async fn a_lifetime_that_is_over_ends_an_intercept_whose_laptop_lives() {
    let session = SessionId::random();
    let mut with_end = record(&[&session, &session], 600);
    with_end.intercepts[0].expires = Some(1);
    let (cluster, _serving) = Cluster::start(&with_end).await;
    cluster.conflict(2);
    let (_agent, _tasks, _dir) = start(&cluster);
    await_condition("it is removed", LIMIT, || cluster.record().intercepts.len() == 1).await;
    assert_eq!(cluster.record().intercepts[0].id, with_end.intercepts[1].id);
}

#[tokio::test]
async fn a_selector_that_somebody_put_back_is_left_alone() {
    let (cluster, _serving) = Cluster::start(&record(&[&SessionId::random()], 1)).await;
    cluster.edit(SERVICE, |service| {
        service["spec"]["selector"] = json!({ "app": "new" });
    });
    let (_agent, _tasks, _dir) = start(&cluster);
    await_condition("the proxy is deleted", LIMIT, || cluster.get(PROXY).is_none()).await;
    assert_eq!(
        cluster.get(SERVICE).unwrap()["spec"]["selector"],
        json!({ "app": "new" })
    );
}

#[tokio::test]
async fn a_lost_annotation_is_made_up_for_by_the_origin() {
    let (cluster, _serving) = Cluster::start(&record(&[], 1)).await;
    cluster.edit(SERVICE, |service| service["metadata"]["annotations"] = json!({}));
    let (agent, _dir) = agent(&cluster);
    restore::finish(agent.api.as_ref().unwrap(), &agent.settings)
        .await
        .unwrap();
    assert!(is_restored(&cluster) && cluster.get(PROXY).is_none());
    // Again, with everything done: nothing to do.
    restore::finish(agent.api.as_ref().unwrap(), &agent.settings)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_proxy_is_never_deleted_before_its_service_is_restored() {
    let (cluster, _serving) = Cluster::start(&record(&[], 1)).await;
    cluster.edit(SERVICE, |service| service["metadata"]["annotations"] = json!({}));
    cluster.edit(crate::fake::ORIGIN, |origin| origin["spec"] = json!({}));
    let (agent, _dir) = agent(&cluster);
    let failed = restore::finish(agent.api.as_ref().unwrap(), &agent.settings).await;
    assert!(matches!(failed, Err(restore::RestoreError::NoOriginal)));
    assert!(cluster.get(PROXY).is_some());
}

#[tokio::test]
async fn a_proxy_that_somebody_makes_meanwhile_is_not_deleted() {
    let (cluster, _serving) = Cluster::start(&record(&[], 1)).await;
    let (agent, _dir) = agent(&cluster);
    let replaced = async {
        await_condition("the Service is restored", LIMIT, || is_restored(&cluster)).await;
        cluster.edit(PROXY, |proxy| proxy["metadata"]["uid"] = json!("another"));
    };
    let finished = restore::finish(agent.api.as_ref().unwrap(), &agent.settings);
    let (finished, ()) = tokio::join!(finished, replaced);
    finished.unwrap();
    assert!(cluster.get(PROXY).is_some());
}

#[tokio::test]
async fn a_session_that_came_back_is_not_removed() {
    let session = SessionId::random();
    let before = record(&[&session], 1);
    let (cluster, _serving) = Cluster::start(&before).await;
    cluster.beat(&session, 9);
    let (agent, _dir) = agent(&cluster);
    let over = [before.intercepts[0].id.clone()].into();
    let seen = [(session.to_string(), "8".to_owned())].into();
    restore::remove(agent.api.as_ref().unwrap(), &agent.settings, &over, &seen)
        .await
        .unwrap();
    assert_eq!(cluster.record().intercepts.len(), 1);
    assert!(!is_restored(&cluster));
}

#[tokio::test]
async fn somebody_who_joins_in_the_last_moment_keeps_the_proxy() {
    let (gone, joining) = (SessionId::random(), SessionId::random());
    let before = record(&[&gone], 1);
    let (cluster, _serving) = Cluster::start(&before).await;
    let mut joined = before.clone();
    joined.intercepts.push(intercept(&joining));
    cluster.edit(RECORD, |object| {
        object["data"][names::RECORD_KEY] = joined.to_json().into();
    });
    let (agent, _dir) = agent(&cluster);
    let over = [before.intercepts[0].id.clone()].into();
    restore::remove(
        agent.api.as_ref().unwrap(),
        &agent.settings,
        &over,
        &Default::default(),
    )
    .await
    .unwrap();
    assert_eq!(cluster.record().intercepts.len(), 1);
    assert!(!is_restored(&cluster) && cluster.get(PROXY).is_some());
}
