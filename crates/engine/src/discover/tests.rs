//! Discovery against a scripted API server.

mod fake_api;
mod watching;

use std::time::Duration;

use serde_json::{Value, json};

use self::fake_api::*;
use super::*;
use crate::cluster::FailureKind;

#[tokio::test]
async fn services_are_listed_with_what_stands_behind_them() {
    let listed = services(&shop().cluster(), None).await.unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["alias", "api", "web"], "ours are hidden");
    let [alias, api, web] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    assert_eq!(alias.kind, "ExternalName");
    assert_eq!(
        alias.obstacle.as_deref(),
        Some(Obstacle::ExternalName.to_string().as_str())
    );
    assert_eq!(web.ready, 2, "a pod in two slices counts once");
    assert_eq!(
        web.workload,
        Some(WorkloadSummary {
            kind: "Deployment".into(),
            name: "web".into()
        })
    );
    assert_eq!(
        (web.kind.as_str(), web.cluster_ip.as_deref()),
        ("ClusterIP", Some("10.0.0.1"))
    );
    assert_eq!(web.ports[0].target, "web");
    assert_eq!(
        (
            web.ports[1].port,
            web.ports[1].target.as_str(),
            web.ports[1].protocol.as_str()
        ),
        (81, "81", "UDP")
    );
    assert_eq!(api.ready, 2, "of the original pods, not of the proxy's");
    assert_eq!(
        api.workload,
        Some(WorkloadSummary {
            kind: "StatefulSet".into(),
            name: "db".into()
        })
    );
    assert_eq!((api.obstacle.as_deref(), api.intercepts.len()), (None, 1));
    let intercept = &api.intercepts[0];
    assert_eq!((intercept.port, intercept.state), (80, InterceptState::Active));
    assert_eq!(intercept.rule, "all traffic");
}

#[tokio::test]
async fn without_rights_to_all_namespaces_the_contexts_one_is_listed() {
    let api = FakeApi::default();
    api.refuse(SERVICES, 403)
        .list("/api/v1/namespaces/shop/services", vec![plain("web")]);
    let listed = services(&api.cluster(), None).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].ready, listed[0].workload.is_none()),
        (1, 0, true)
    );
    let named = services(&api.cluster(), Some("bank")).await.unwrap_err();
    assert_eq!(named.failure().kind, FailureKind::NotFound);
}

#[tokio::test]
async fn what_cannot_be_listed_is_an_error_with_kubernetes_words() {
    let api = shop();
    api.refuse(MAPS, 500);
    let error = intercepts(&api.cluster(), None).await.unwrap_err();
    assert_eq!(error.failure().kind, FailureKind::Server);
    assert!(error.failure().words.contains("no"), "{error:?}");
    // The list of Services does without.
    assert_eq!(services(&api.cluster(), None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn the_agents_binary_is_never_downloaded_for_a_list() {
    let api = shop();
    services(&api.cluster(), None).await.unwrap();
    let requests = api.0.lock().unwrap().requests.clone();
    let maps = requests
        .iter()
        .find(|request| request.contains("/configmaps"))
        .unwrap();
    assert!(maps.contains("intercept.dev%2Fservice"), "{maps}");
}

#[tokio::test]
async fn intercepts_say_what_is_known_of_them() {
    let state = async |change: &dyn Fn(&FakeApi)| {
        let api = shop();
        change(&api);
        intercepts(&api.cluster(), None).await.unwrap()[0].state
    };
    assert_eq!(state(&|_| ()).await, InterceptState::Active);
    let not_switched = |api: &FakeApi| {
        api.list(SERVICES, vec![plain("api")]);
    };
    assert_eq!(state(&not_switched).await, InterceptState::Unfinished);
    let not_ready = |api: &FakeApi| {
        api.list(SLICES, vec![slice("a", "api", &[("p", Some(false))])]);
    };
    assert_eq!(state(&not_ready).await, InterceptState::Unfinished);
    let beat = |age: i64| {
        move |api: &FakeApi| {
            api.list(MAPS, vec![record(age)]);
        }
    };
    assert_eq!(state(&beat(1000)).await, InterceptState::Residue);
    // A clock far ahead, and a sign of life that is none.
    assert_eq!(state(&beat(-1000)).await, InterceptState::Unknown);
    let garbage = |api: &FakeApi| {
        let mut map = record(0);
        map["metadata"]["annotations"][format!("heartbeat.intercept.dev/{SESSION}")] = json!("soon");
        api.list(MAPS, vec![map]);
    };
    assert_eq!(state(&garbage).await, InterceptState::Unknown);
    // Old by the session's clock, but the server saw it written now.
    let written = |api: &FakeApi| {
        let mut map = record(1000);
        let now = k8s_openapi::jiff::Timestamp::now().to_string();
        map["metadata"]["managedFields"] = json!([{"manager": "intercept", "time": now}]);
        api.list(MAPS, vec![map]);
    };
    assert_eq!(state(&written).await, InterceptState::Unknown);
}

#[tokio::test]
async fn records_of_newer_programs_hide_nobody_elses() {
    let api = shop();
    let mut newer = record(0);
    newer["metadata"]["name"] = json!("web-intercept-proxy");
    newer["data"]["record.json"] = json!("{\"format\": 99}");
    api.list(MAPS, vec![newer, record(0)]);
    assert_eq!(intercepts(&api.cluster(), None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn namespaces_come_from_elsewhere_when_listing_is_forbidden() {
    let api = FakeApi::default();
    api.list(
        "/api/v1/namespaces",
        vec![
            json!({"metadata": {"name": "b"}}),
            json!({"metadata": {"name": "a"}}),
        ],
    );
    let all = namespaces(&api.cluster()).await.unwrap();
    assert_eq!(
        all,
        Namespaces {
            names: vec!["a".into(), "b".into()],
            complete: true
        }
    );
    api.refuse("/api/v1/namespaces", 403);
    let project = |name: &str| json!({"metadata": {"name": name}});
    api.list(
        "/apis/project.openshift.io/v1/projects",
        vec![project("mine"), project("theirs")],
    );
    api.0.lock().unwrap().allowed.push("mine".into());
    let known = namespaces(&api.cluster()).await.unwrap();
    assert_eq!(
        known,
        Namespaces {
            names: vec!["mine".into(), "shop".into()],
            complete: false
        }
    );
    api.refuse("/api/v1/namespaces", 500);
    assert!(namespaces(&api.cluster()).await.is_err());
}

#[test]
fn obstacles_are_told_by_the_service_alone() {
    let judge = |value: Value| obstacle(&serde_json::from_value(value).unwrap());
    assert_eq!(judge(plain("web")), None);
    assert_eq!(judge(intercepted()), None, "a second intercept can join");
    assert_eq!(judge(origin()), Some(Obstacle::Ours));
    assert_eq!(
        judge(service(
            "x",
            &json!({"type": "ExternalName", "ports": [{"port": 80}]})
        )),
        Some(Obstacle::ExternalName)
    );
    assert_eq!(
        judge(service("x", &json!({"ports": [{"port": 80}]}))),
        Some(Obstacle::NoSelector)
    );
    let udp = json!({"selector": {"a": "b"}, "ports": [{"port": 53, "protocol": "UDP"}]});
    assert_eq!(judge(service("x", &udp)), Some(Obstacle::NoTcpPort));
    assert_eq!(
        judge(service("x", &json!({"selector": {"a": "b"}}))),
        Some(Obstacle::NoTcpPort)
    );
    let mut going = plain("web");
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(judge(going), Some(Obstacle::Deleting));
}
