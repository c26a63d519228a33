//! Reports of what passed, and requests that are followed.

use std::time::Duration;

use intercept_protocol::relay::{ToAgent, ToLaptop, TraceStep};
use intercept_protocol::traffic::Report;
use tokio::time::timeout;

use super::fake::{FakeAgent, Rig};
use crate::tunnel::RelayState;

async fn heard(agent: &mut FakeAgent) -> ToAgent {
    let heard = timeout(Duration::from_secs(5), agent.heard_rx.recv()).await;
    heard.expect("the laptop must say it").unwrap()
}

#[tokio::test(start_paused = true)]
async fn reports_are_asked_for_once_somebody_listens() {
    let mut rig = Rig::new();
    let mut agent = rig.open().await;
    let early = timeout(Duration::from_secs(3), agent.heard_rx.recv()).await;
    assert!(early.is_err(), "{early:?}");
    let mut told_rx = rig.pool.told();
    assert!(matches!(
        heard(&mut agent).await,
        ToAgent::Watch { traffic: true }
    ));
    let report = Report {
        requests: 7,
        ..Report::default()
    };
    agent.say(&ToLaptop::Traffic(report));
    let told = timeout(Duration::from_secs(5), told_rx.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((told.pod.as_str(), told.report.requests), ("pod-a", 7));
    // This agent's clock stands at 1970.
    assert!(
        told.ahead.is_some_and(|ahead| ahead < -1_000_000_000_000_000),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_once_its_agents_look_out_and_every_step_is_told() {
    let mut rig = Rig::new();
    let mut agent = rig.open().await;
    let id = rig.intercept.clone();
    let steps = [
        TraceStep::Connected,
        TraceStep::AtGate,
        TraceStep::Answered {
            line: "HTTP/1.1 204 No Content".into(),
            by_laptop: true,
        },
    ];
    let address = "10.96.0.7:0".parse().unwrap();
    let saying = async {
        let ToAgent::Trace { nonce, to: None, .. } = heard(&mut agent).await else {
            panic!("not looked out")
        };
        let say = |step| agent.say(&ToLaptop::Traced { nonce, step });
        say(TraceStep::Expected);
        let sent = heard(&mut agent).await;
        assert!(
            matches!(&sent, ToAgent::Trace { intercept, to: Some(to), .. } if *intercept == id && *to == address),
            "{sent:?}"
        );
        for step in steps.clone() {
            agent.say(&ToLaptop::Traced { nonce, step });
        }
    };
    let (trace, ()) = tokio::join!(rig.pool.trace(&id, address), saying);
    let seen: Vec<TraceStep> = trace.steps.into_iter().map(|one| one.step).collect();
    assert_eq!(seen, steps);
    assert_eq!(trace.sender.unwrap().as_str(), "pod-a");
    assert!(trace.blind.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_says_nothing_ends_a_trace_in_time_and_is_named() {
    let mut rig = Rig::new();
    let _agent = rig.open().await;
    let address = "10.96.0.7:0".parse().unwrap();
    let trace = timeout(Duration::from_secs(10), rig.pool.trace(&rig.intercept, address)).await;
    let trace = trace.expect("a trace must be bounded");
    assert_eq!(trace.sender, None);
    assert_eq!(trace.blind[0].0.as_str(), "pod-a");
    let states = rig.pool.states();
    assert!(matches!(
        states.borrow().values().next(),
        Some(RelayState::Open { .. })
    ));
}
