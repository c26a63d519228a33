//! Why a request did or did not arrive, as the engine learns it from the agents.

use std::sync::atomic::AtomicBool;

use intercept_engine::probe::{Place, ProbeReport, State};
use intercept_engine::replay::{Originals, Replay, To};
use intercept_engine::target::Target;
use intercept_engine::traffic::TrafficView;
use intercept_inspect::edit::outgoing;
use intercept_inspect::exchange::{Exchange, Moment};
use intercept_inspect::filter::Filter;
use intercept_inspect::store::Page;
use intercept_protocol::traffic::Miss;
use intercept_sandbox::Cluster;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::timeout;

use crate::intercept::{Engaged, Laptop, MARKED, await_answer, engage, leave, proxied};
use crate::rig::{PATIENCE, api, who};

async fn seen(engaged: &Engaged, is_it: impl FnMut(&TrafficView) -> bool) -> TrafficView {
    let mut traffic = engaged.session.traffic();
    let found = timeout(PATIENCE, traffic.wait_for(is_it)).await;
    let found = found.map(|found| found.unwrap().clone());
    found.unwrap_or_else(|_| {
        panic!(
            "not within {PATIENCE:?}: {:?}",
            engaged.session.traffic().borrow()
        )
    })
}

async fn probed(engaged: &Engaged) -> ProbeReport {
    let report = timeout(PATIENCE, engaged.session.prober().probe()).await;
    report
        .expect("a probe must be bounded")
        .expect("the session must live")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_arrives_and_what_nearly_did_is_shown_with_its_reason() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    // Asked until it is told: the first report has to be asked for first.
    crate::rig::await_true("something matched", async || {
        who(&cluster, "api", &MARKED).await;
        engaged.session.traffic().borrow().sums.matched > 0
    })
    .await;
    assert_eq!(
        who(&cluster, "api", &[("X-C6O-INTERCEPT", "yess")]).await,
        "original"
    );
    let of = |view: &TrafficView, why| view.reasons.iter().find(|one| one.why == why).cloned();
    let view = seen(&engaged, |view| of(view, Miss::OtherValue).is_some()).await;
    let reason = of(&view, Miss::OtherValue).unwrap();
    assert_eq!((reason.count, reason.examples[0].found.as_str()), (1, "yess"));
    assert!(reason.examples[0].address.starts_with("127."), "{reason:?}");
    assert!(view.seconds.iter().any(|second| second.matched > 0), "{view:?}");
    assert!(view.may_be_kept_alive.is_some());
    leave(engaged).await;
    cluster.stop().await;
}

/// The same request, sent to the laptop and to the original pods, is answered by each.
async fn assert_repeated(cluster: &Cluster, recorded: &Exchange, laptop: u16) {
    let replay = Replay {
        outgoing: outgoing(recorded).unwrap(),
        of: recorded.id,
        is_edited: false,
        place: recorded.place.clone(),
        limit: PATIENCE,
    };
    let originals = Originals::new(api::<Service>(cluster).into_client());
    let target = Target::localhost(laptop);
    for (to, by) in [
        (To::Laptop(&target), "laptop"),
        (To::Cluster(&originals), "original"),
    ] {
        let answered = replay.send(to).await;
        let body = answered.response.map(|response| response.message.body.bytes);
        let body: serde_json::Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
        assert_eq!(body["by"], by, "{:?}", answered.outcome);
    }
}

/// The newest recorded exchange that the filter lets pass.
fn recorded(engaged: &Engaged, filter: &str) -> Option<Exchange> {
    let store = engaged.inspector.store().unwrap();
    let filter = Filter::parse(filter).unwrap();
    let page = Page {
        before: None,
        limit: 1,
    };
    let found = store.find(&filter, page, Moment(i64::MAX), &AtomicBool::new(false));
    let id = found.unwrap().summaries.first()?.id;
    store.get(id).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_recorded_with_its_caller_and_also_when_it_fell_back() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    crate::rig::await_true("a request is recorded with its caller", async || {
        who(&cluster, "api", &MARKED).await;
        recorded(&engaged, "is:answered has:source svc:api").is_some()
    })
    .await;
    let answered = recorded(&engaged, "is:answered has:source").unwrap();
    assert!(
        answered
            .source
            .is_some_and(|source| source.address.starts_with("127."))
    );
    // Never by more than the clocks of two programs on one machine differ.
    assert!(
        answered
            .times
            .proxy
            .is_some_and(|at| (-2_000_000..=50_000).contains(&at)),
        "{:?}",
        answered.times
    );
    assert_eq!(
        answered.response.unwrap().message.body.bytes,
        br#"{"by":"laptop"}"#
    );
    assert_repeated(&cluster, &recorded(&engaged, "is:answered").unwrap(), laptop.port).await;
    drop(laptop);
    crate::rig::await_true("what fell back is recorded", async || {
        who(&cluster, "api", &MARKED).await;
        recorded(&engaged, "is:fellback has:source").is_some()
    })
    .await;
    leave(engaged).await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_names_the_place_where_requests_stop() {
    let Some((cluster, before)) = proxied().await else {
        return;
    };
    let laptop = Laptop::start().await;
    let engaged = engage(&cluster, laptop.port).await;
    await_answer(&cluster, &MARKED, "laptop").await;
    let report = probed(&engaged).await;
    assert_eq!(report.stopped_at, None, "{report:?}");
    assert!(
        report.hops.iter().all(|hop| hop.state == State::Passed),
        "{report:?}"
    );

    drop(laptop);
    await_answer(&cluster, &MARKED, "original").await;
    let report = probed(&engaged).await;
    assert_eq!(report.stopped_at, Some(Place::Program), "{report:?}");

    let selector = before.spec.and_then(|spec| spec.selector);
    let mut spec = json!({ "selector": selector });
    let now = api::<Service>(&cluster).get("api").await.unwrap();
    for key in now.spec.and_then(|spec| spec.selector).unwrap_or_default().keys() {
        if !selector.as_ref().is_some_and(|old| old.contains_key(key)) {
            spec["selector"][key] = serde_json::Value::Null;
        }
    }
    let patch = Patch::Merge(json!({ "spec": spec }));
    api::<Service>(&cluster)
        .patch("api", &PatchParams::default(), &patch)
        .await
        .unwrap();
    crate::rig::await_true("the probe stops before the proxy", async || {
        probed(&engaged).await.stopped_at == Some(Place::Proxy)
    })
    .await;
    engaged.session.close();
    let _ = timeout(PATIENCE, engaged.session.ended())
        .await
        .expect("a session must end");
    cluster.stop().await;
}
