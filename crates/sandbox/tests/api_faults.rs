//! Faults on order, as a real client meets them.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use std::time::Duration;

use api::{config_map, running_pod, sandbox, status};
use futures::FutureExt as _;
use intercept_sandbox::User;
use intercept_sandbox::faults::{Effect, Fault};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::{ListParams, PostParams};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn an_ordered_status_is_answered_and_nothing_happens() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    for code in [403, 409, 422, 500] {
        let fault = sandbox
            .faults()
            .order(Fault::parse(&format!("create configmaps/a {code} x1")).unwrap());
        assert_eq!(
            status(maps.create(&PostParams::default(), &config_map("a")).await).code,
            code
        );
        assert_eq!(fault.struck(), 1);
        assert!(maps.get_opt("a").await.unwrap().is_none());
    }
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_client_that_is_told_when_to_come_back_does() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let fault = sandbox
        .faults()
        .order(Fault::parse("list configmaps 429 retry 1 x1").unwrap());
    // Some clients retry by themselves; whoever does not is told.
    if let Err(kube::Error::Api(status)) = maps.list(&ListParams::default()).await {
        assert_eq!((status.code, status.reason.as_str()), (429, "TooManyRequests"));
        assert_eq!(status.details.unwrap().retry_after_seconds, 1);
    }
    assert_eq!(fault.struck(), 1);
}

#[tokio::test]
async fn an_answer_that_is_lost_was_still_a_change() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    for (name, effect) in [("lost", Effect::Lost), ("cut", Effect::Cut)] {
        sandbox
            .faults()
            .order(Fault::new("create", "configmaps", effect).times(1));
        assert!(
            maps.create(&PostParams::default(), &config_map(name))
                .await
                .is_err(),
            "{name}"
        );
        assert!(maps.get_opt(name).await.unwrap().is_some(), "{name}");
    }
    sandbox
        .faults()
        .order(Fault::new("create", "configmaps", Effect::Drop).times(1));
    assert!(
        maps.create(&PostParams::default(), &config_map("dropped"))
            .await
            .is_err()
    );
    assert!(maps.get_opt("dropped").await.unwrap().is_none());
}

#[tokio::test]
async fn what_hangs_goes_on_when_it_is_released() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let fault = sandbox
        .faults()
        .order(Fault::parse("create configmaps hang").unwrap());
    let creating = tokio::spawn({
        let maps = maps.clone();
        async move { maps.create(&PostParams::default(), &config_map("a")).await }
    });
    api::until(|| async { fault.struck() == 1 }).await;
    assert!(maps.get_opt("a").await.unwrap().is_none());
    fault.release();
    creating.await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_are_remembered_without_the_components_own() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let component: Api<ConfigMap> =
        Api::default_namespaced(sandbox.client_for(User::admin("system:sandbox-node")).unwrap());
    sandbox.faults().order(Fault::parse("* * 500 after 1").unwrap());
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    component.get("a").await.unwrap();
    assert_eq!(status(maps.get("a").await).code, 500);
    let calls: Vec<String> = sandbox
        .faults()
        .calls()
        .iter()
        .map(|call| format!("{} {} {}", call.verb, call.resource, call.name))
        .collect();
    assert_eq!(calls, ["create configmaps a", "get configmaps a"]);
}

async fn forwarded(sandbox: &intercept_sandbox::Sandbox, port: u16) -> kube::api::Portforwarder {
    let pods: Api<Pod> = Api::default_namespaced(sandbox.client().unwrap());
    pods.portforward("echo", &[port]).await.unwrap()
}

#[tokio::test]
async fn a_port_forward_carries_bytes_and_half_of_an_error() {
    let sandbox = sandbox().await;
    running_pod(&sandbox, "echo").await;
    let mut forward = forwarded(&sandbox, 7).await;
    let mut stream = forward.take_stream(7).unwrap();
    stream.write_all(&vec![7; 100_000]).await.unwrap();
    let mut back = vec![0; 100_000];
    stream.read_exact(&mut back).await.unwrap();
    assert!(back.iter().all(|byte| *byte == 7));
    let mut refused = forwarded(&sandbox, 8).await;
    let error = refused.take_error(8).unwrap().await.unwrap();
    assert!(
        error.contains("failed to connect to localhost:8 inside pod"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_forward_can_be_cut_stalled_corrupted_and_refused() {
    let sandbox = sandbox().await;
    running_pod(&sandbox, "echo").await;
    let order = |words: &str| sandbox.faults().order(Fault::parse(words).unwrap());

    let mut forward = forwarded(&sandbox, 7).await;
    let mut stream = forward.take_stream(7).unwrap();
    stream.write_all(b"a").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'a');
    order("portforward pods/echo cut x1");
    assert!(stream.read_u8().await.is_err());

    let mut forward = forwarded(&sandbox, 7).await;
    let mut stream = forward.take_stream(7).unwrap();
    order("portforward pods corrupt x1");
    stream.write_all(b"a").await.unwrap();
    // The order itself wakes the stream, and may be used up by that.
    let stalled = order("portforward pods stall");
    stream.write_all(b"b").await.unwrap();
    let silent = tokio::time::timeout(Duration::from_millis(200), async {
        loop {
            stream.read_u8().await.unwrap();
        }
    });
    assert!(silent.await.is_err() && stalled.struck() > 0);
    sandbox.faults().clear();

    order("portforward pods refuse x1");
    let mut refused = forwarded(&sandbox, 7).await;
    assert!(
        refused
            .take_error(7)
            .unwrap()
            .await
            .unwrap()
            .contains("failed to connect")
    );
}

#[tokio::test]
async fn an_unknown_pod_or_one_without_a_node_is_refused() {
    let sandbox = sandbox().await;
    let pods: Api<Pod> = Api::default_namespaced(sandbox.client().unwrap());
    assert!(pods.portforward("gone", &[7]).await.is_err());
}

#[tokio::test]
async fn a_log_comes_as_it_was_written() {
    let sandbox = sandbox().await;
    running_pod(&sandbox, "echo").await;
    let pods: Api<Pod> = Api::default_namespaced(sandbox.client().unwrap());
    let tail = kube::api::LogParams {
        tail_lines: Some(2),
        ..Default::default()
    };
    assert_eq!(
        pods.logs("echo", &tail).await.unwrap(),
        "main says 2\nmain says 3\n"
    );
    let wrong = kube::api::LogParams {
        container: Some("other".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        status(pods.logs("echo", &wrong).await).message,
        "container other is not valid for pod echo"
    );
}

#[tokio::test]
async fn a_server_that_stops_cuts_what_is_open() {
    let sandbox = sandbox().await;
    running_pod(&sandbox, "echo").await;
    let mut forward = forwarded(&sandbox, 7).await;
    let mut stream = forward.take_stream(7).unwrap();
    sandbox.stop().await;
    assert!(stream.read_u8().now_or_never().is_none() || stream.read_u8().await.is_err());
}

#[tokio::test]
async fn a_stopped_sandbox_leaves_nothing_that_hangs() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let fault = sandbox
        .faults()
        .order(Fault::parse("get configmaps hang").unwrap());
    let hanging = tokio::spawn(async move { maps.get_opt("a").await });
    api::until(|| async { fault.struck() == 1 }).await;
    tokio::time::timeout(Duration::from_secs(5), sandbox.stop())
        .await
        .unwrap();
    // Answered or cut: in any case over.
    drop(hanging.await.unwrap());
}

#[tokio::test]
async fn a_call_can_take_the_server_away_for_a_while() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let fault = sandbox
        .faults()
        .order(Fault::parse("create configmaps restart 50ms x1").unwrap());
    assert!(
        maps.create(&PostParams::default(), &config_map("a"))
            .await
            .is_err()
    );
    assert_eq!(fault.struck(), 1);
    api::until(|| async {
        maps.create(&PostParams::default(), &config_map("a"))
            .await
            .is_ok()
    })
    .await;
}
