//! Waiting for the tunnel, and probes.

use std::time::Duration;

use intercept_protocol::relay::{PROBE_HEADER, Status, StreamOpen, ToAgent, ToLaptop, Verdict, write_frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::fake::{Echo, FakeAgent, Pods, Rig, SOON, verdict};
use crate::tunnel::{PodStage, Traffic, TunnelError};

#[tokio::test(start_paused = true)]
async fn an_intercept_is_open_once_its_gate_is_and_nginx_routes_it() {
    let mut rig = Rig::new();
    let io = rig.dialled().await;
    let agent = FakeAgent::welcome(io).await;
    let half = Status {
        open: Vec::new(),
        ..rig.routed()
    };
    agent.say(&ToLaptop::Status(half));
    let waited = rig.pool.await_open(&rig.intercept, Duration::from_secs(2)).await;
    assert!(matches!(waited, Err(TunnelError::NotOpen { .. })), "{waited:?}");
    agent.say(&ToLaptop::Status(rig.routed()));
    rig.pool.await_open(&rig.intercept, SOON).await.unwrap();
    assert!(rig.pool.is_open(&rig.intercept));
}

#[tokio::test(start_paused = true)]
async fn nginxs_refusal_ends_the_wait_with_its_words() {
    let mut rig = Rig::new();
    let io = rig.dialled().await;
    let agent = FakeAgent::welcome(io).await;
    let rejected = Status {
        rejected: Some("unknown directive".into()),
        ..Status::default()
    };
    agent.say(&ToLaptop::Status(rejected));
    match rig.pool.await_open(&rig.intercept, SOON).await {
        Err(TunnelError::Rejected { words, .. }) => assert_eq!(words, "unknown directive"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_an_older_record_does_not_end_the_wait() {
    let mut rig = Rig::new();
    let io = rig.dialled().await;
    let agent = FakeAgent::welcome(io).await;
    let rejected = Status {
        rejected: Some("old".into()),
        ..Status::default()
    };
    agent.say(&ToLaptop::Status(rejected));
    let routed = ToLaptop::Status(rig.routed());
    let newer = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        agent.say(&routed);
    };
    let (waited, ()) = tokio::join!(rig.pool.await_open(&rig.intercept, SOON), newer);
    waited.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_pod_is_enough_when_another_never_follows() {
    let mut rig = Rig::new();
    let pods = ["pod-a", "pod-b"].map(|pod| (pod.into(), PodStage::Running));
    rig.pods_tx.send_replace(Pods::from(pods));
    let (first, _never) = (rig.dialled().await, rig.dialled().await);
    let agent = FakeAgent::welcome(first).await;
    agent.say(&ToLaptop::Status(rig.routed()));
    rig.pool
        .await_open(&rig.intercept, Duration::from_secs(1))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_pod_the_wait_says_so() {
    let rig = Rig::new();
    rig.pods_tx.send_replace(Pods::new());
    let error = rig
        .pool
        .await_open(&rig.intercept, Duration::from_secs(30))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no proxy pod"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_reports_where_it_stopped() {
    let mut rig = Rig::new();
    let mut agent = rig.open().await;
    let answer = async {
        let Some(ToAgent::Probe { nonce, .. }) = agent.heard_rx.recv().await else {
            panic!("must probe")
        };
        agent.say(&ToLaptop::Probed {
            nonce,
            failure: Some("the gate is shut".into()),
        });
    };
    let (probed, ()) = tokio::join!(rig.pool.probe(&rig.intercept, SOON), answer);
    assert!(matches!(probed, Err(TunnelError::ProbeFailed { failure, .. }) if failure == "the gate is shut"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_without_an_answer_is_lost() {
    let mut rig = Rig::new();
    let _agent = rig.open().await;
    let probed = rig.pool.probe(&rig.intercept, Duration::from_secs(1)).await;
    assert!(matches!(probed, Err(TunnelError::ProbeLost { .. })), "{probed:?}");
    drop(_agent);
    rig.await_state(|state| !matches!(state, Some(crate::tunnel::RelayState::Open { .. })))
        .await;
    let probed = rig.pool.probe(&rig.intercept, Duration::from_secs(1)).await;
    assert!(matches!(probed, Err(TunnelError::NoRelay)), "{probed:?}");
}

#[tokio::test(start_paused = true)]
async fn the_laptop_answers_probes_itself() {
    let mut rig = Rig::new();
    let agent = rig.open().await;
    let mut stream = agent.mux.open().await.unwrap();
    write_frame(&mut stream, &StreamOpen::Probe { nonce: 42 })
        .await
        .unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    assert_eq!(verdict(&mut stream).await, Verdict::Accepted as u8);
    stream.write_all(b"\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(answer.contains(&format!("{PROBE_HEADER}: 42\r\n")), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn unrouted_means_that_nothing_comes_and_nothing_is_served() {
    let mut rig = Rig::new();
    rig.routes.insert(rig.intercept.clone(), Echo);
    let agent = rig.open().await;
    let mut stream = agent.connection(&rig.intercept, b"x").await;
    verdict(&mut stream).await;
    let unrouted = rig.pool.await_unrouted(&rig.intercept);
    let leave = async {
        agent.say(&ToLaptop::Status(Status::default()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let open = rig.routes.traffic(&rig.intercept).unwrap().open;
        drop(stream);
        open
    };
    let ((), open) = tokio::join!(
        async { tokio::time::timeout(SOON, unrouted).await.unwrap() },
        leave
    );
    assert_eq!(open, 1, "must have waited for what was being served");
    let Traffic {
        connections,
        open,
        resets,
        ..
    } = rig.routes.traffic(&rig.intercept).unwrap();
    assert_eq!((connections, open, resets), (1, 0, 1));
}
