//! Discovery against a scripted API server.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::channel::mpsc;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::cluster::FailureKind;

const LIMIT: Duration = Duration::from_secs(20);
const SERVICES: &str = "/api/v1/services";
const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
const MAPS: &str = "/api/v1/configmaps";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// An API server that answers lists by path and keeps watches open for the test to feed.
#[derive(Clone, Default)]
struct FakeApi(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    lists: HashMap<String, Vec<Value>>,
    refused: HashMap<String, u16>,
    allowed: Vec<String>,
    // test → open watches
    watch_txs: HashMap<String, mpsc::UnboundedSender<Value>>,
    requests: Vec<String>,
}

type ChunkBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

impl FakeApi {
    fn list(&self, path: &str, items: Vec<Value>) -> &Self {
        self.0.lock().unwrap().lists.insert(path.to_owned(), items);
        self
    }

    fn refuse(&self, path: &str, code: u16) -> &Self {
        self.0.lock().unwrap().refused.insert(path.to_owned(), code);
        self
    }

    fn accept(&self, path: &str) {
        self.0.lock().unwrap().refused.remove(path);
    }

    /// Sends an event to the open watch of `path`, as soon as there is one.
    async fn event(&self, path: &str, kind: &str, mut object: Value) {
        object["metadata"]["resourceVersion"] = json!("3");
        let open = async {
            loop {
                if let Some(tx) = self.0.lock().unwrap().watch_txs.get(path) {
                    return tx.clone();
                }
                tokio::task::yield_now().await;
            }
        };
        let tx = tokio::time::timeout(LIMIT, open).await.unwrap();
        tx.unbounded_send(json!({"type": kind, "object": object}))
            .unwrap();
    }

    /// Breaks the connection under the watch of `path`.
    fn cut(&self, path: &str) {
        self.0.lock().unwrap().watch_txs.remove(path);
    }

    fn cluster(&self) -> Cluster {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        Cluster::from_client(Client::new(service, "shop"), "test", "http://fake")
    }

    async fn answer(&self, request: Request<Body>) -> Response<ChunkBody> {
        let (head, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let (path, query) = (
            head.uri.path().to_owned(),
            head.uri.query().unwrap_or_default().to_owned(),
        );
        let mut script = self.0.lock().unwrap();
        script.requests.push(format!("{} {path}?{query}", head.method));
        if let Some(code) = script.refused.get(&path) {
            let reason = if *code == 403 { "Forbidden" } else { "" };
            let status =
                json!({"kind": "Status", "code": code, "reason": reason, "message": format!("{path}: no")});
            return respond(*code, &status);
        }
        if head.method == Method::POST {
            let review: Value = serde_json::from_slice(&body).unwrap();
            let namespace = review["spec"]["resourceAttributes"]["namespace"]
                .as_str()
                .unwrap();
            let allowed = script.allowed.iter().any(|one| one == namespace);
            return respond(201, &json!({"spec": {}, "status": {"allowed": allowed}}));
        }
        if query.contains("watch=") {
            let (tx, rx) = mpsc::unbounded::<Value>();
            script.watch_txs.insert(path, tx);
            let frames = rx.map(|event| Ok(Frame::data(Bytes::from(format!("{event}\n")))));
            return Response::new(BodyExt::boxed_unsync(StreamBody::new(frames)));
        }
        let Some(items) = script.lists.get(&path) else {
            return respond(404, &json!({"code": 404}));
        };
        respond(
            200,
            &json!({"metadata": {"resourceVersion": "1"}, "items": items}),
        )
    }
}

fn respond(code: u16, body: &Value) -> Response<ChunkBody> {
    let body = http_body_util::Full::new(Bytes::from(body.to_string()));
    Response::builder()
        .status(code)
        .body(body.boxed_unsync())
        .unwrap()
}

fn service(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": "2"}, "spec": spec})
}

fn plain(name: &str) -> Value {
    let ports = json!([{"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"}, {"port": 81, "protocol": "UDP"}]);
    service(
        name,
        &json!({"selector": {"app": name}, "clusterIP": "10.0.0.1", "ports": ports}),
    )
}

/// `api` as it stands while intercepted.
fn intercepted() -> Value {
    let mut service = plain("api");
    service["spec"]["selector"] = json!({"intercept.dev/proxy": "api"});
    service["metadata"]["annotations"] = json!({"intercept.dev/original-selector": "{\"app\":\"api\"}"});
    service
}

fn origin() -> Value {
    let mut origin = service(
        "api-intercept-origin",
        &json!({"selector": {"app": "api"}, "ports": [{"port": 80}]}),
    );
    origin["metadata"]["labels"] =
        json!({"app.kubernetes.io/managed-by": "intercept", "intercept.dev/service": "api"});
    origin
}

fn slice(name: &str, service: &str, pods: &[(&str, Option<bool>)]) -> Value {
    let endpoint = |(pod, ready): &(&str, Option<bool>)| json!({"addresses": [format!("ip-of-{pod}")], "conditions": {"ready": ready}, "targetRef": {"name": pod}});
    let endpoints: Vec<Value> = pods.iter().map(endpoint).collect();
    json!({
        "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": endpoints,
    })
}

fn deployment(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {}, "template": {"metadata": {"labels": labels}}},
    })
}

const SESSION: &str = "00000000000000aa";

/// The record of one intercept on `api`, whose session gave its last sign `age` seconds ago.
fn record(age: i64) -> Value {
    let now = i64::try_from(unix_now()).unwrap();
    let record = json!({
        "format": 1, "namespace": "shop", "service": "api", "origin": "10.0.0.9",
        "listeners": [{"port": 8080, "servicePort": 80, "protocol": "http"}],
        "relayPort": 1, "healthPort": 2, "graceSeconds": 60,
        "intercepts": [{
            "id": "0000000000000001", "port": 8080, "match": {"mark": "all"},
            "owner": {"user": "ann", "host": "laptop"}, "session": SESSION,
            "tokenHash": "00", "target": "localhost:3000", "created": now - 4000,
        }],
    });
    json!({
        "metadata": {
            "name": "api-intercept-proxy", "namespace": "shop",
            "annotations": {format!("heartbeat.intercept.dev/{SESSION}"): (now - age).to_string()},
        },
        "data": {"record.json": record.to_string()},
    })
}

fn shop() -> FakeApi {
    let api = FakeApi::default();
    api.list(
        SERVICES,
        vec![
            plain("web"),
            intercepted(),
            origin(),
            service("alias", &json!({"type": "ExternalName"})),
        ],
    )
    .list(
        SLICES,
        vec![
            slice(
                "web-4",
                "web",
                &[("web-1", None), ("web-2", Some(true)), ("web-3", Some(false))],
            ),
            slice("web-6", "web", &[("web-1", Some(true))]),
            slice("api-a", "api", &[("proxy-1", Some(true))]),
            slice(
                "origin-a",
                "api-intercept-origin",
                &[("api-1", Some(true)), ("api-2", Some(true))],
            ),
        ],
    )
    .list(MAPS, vec![record(5)])
    .list(
        DEPLOYMENTS,
        vec![
            deployment("web", &json!({"app": "web", "tier": "front"})),
            deployment("other", &json!({"tier": "front"})),
        ],
    )
    .list(
        "/apis/apps/v1/statefulsets",
        vec![deployment("db", &json!({"app": "api"}))],
    )
    .list("/apis/apps/v1/daemonsets", vec![]);
    api
}

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

/// Waits until the inventory fits.
async fn await_inventory(watch: &mut Watch, fits: impl Fn(&Inventory) -> bool) -> Arc<Inventory> {
    let waiting = async {
        loop {
            let current = watch.current();
            if fits(&current) {
                return current;
            }
            assert!(watch.changed().await, "the watch ended: {current:?}");
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .expect("the inventory must come to fit")
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.services.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn a_watch_shows_changes_as_they_happen() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    assert_eq!(watch.current().connection, Connection::Connecting);
    let first = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(names(&first), ["alias", "api", "web"]);
    assert_eq!(
        first.services,
        services(&api.cluster(), None).await.unwrap(),
        "asked once or watched, it is the same"
    );
    api.event(SERVICES, "ADDED", plain("new")).await;
    await_inventory(&mut watch, |now| names(now).contains(&"new")).await;
    api.event(SERVICES, "DELETED", plain("new")).await;
    api.event(SLICES, "MODIFIED", slice("web-4", "web", &[])).await;
    let last = await_inventory(&mut watch, |now| !names(now).contains(&"new")).await;
    await_inventory(&mut watch, |now| now.services[2].ready == 1).await;
    assert_eq!(last.connection, Connection::Live);
    watch.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_watch_is_told_and_comes_back_with_what_changed() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    api.refuse(SERVICES, 500).list(SERVICES, vec![plain("later")]);
    api.event(
        SERVICES,
        "ERROR",
        json!({"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd"}),
    )
    .await;
    let old = await_inventory(&mut watch, |now| now.connection != Connection::Live).await;
    assert!(
        matches!(&old.connection, Connection::Reconnecting { .. }),
        "{old:?}"
    );
    assert_eq!(names(&old), ["alias", "api", "web"], "what was known stays");
    api.accept(SERVICES);
    api.cut(SERVICES);
    let back = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(names(&back), ["later"]);
}

#[tokio::test]
async fn a_watch_without_rights_to_all_namespaces_narrows() {
    let api = FakeApi::default();
    api.refuse(SERVICES, 403)
        .list("/api/v1/namespaces/shop/services", vec![plain("web")]);
    for path in [
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
        "/api/v1/namespaces/shop/configmaps",
    ] {
        api.list(path, vec![]);
    }
    for kind in ["deployments", "statefulsets", "daemonsets"] {
        api.refuse(&format!("/apis/apps/v1/namespaces/shop/{kind}"), 403);
    }
    let mut watch = watch(&api.cluster(), None);
    let narrowed = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(narrowed.namespace.as_deref(), Some("shop"));
    assert_eq!(
        (names(&narrowed), narrowed.notes.len()),
        (vec!["web"], 3),
        "{:?}",
        narrowed.notes
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_signs_stop_while_watched_is_residue_whatever_its_clock() {
    let api = shop();
    // Its clock is hours ahead: only what is seen to happen counts.
    api.list(MAPS, vec![record(-10_000)]);
    let mut watch = watch(&api.cluster(), None);
    let state = |now: &Inventory| now.intercepts.first().map(|one| one.state);
    await_inventory(&mut watch, |now| state(now) == Some(InterceptState::Unknown)).await;
    api.event(MAPS, "MODIFIED", record(-10_020)).await;
    await_inventory(&mut watch, |now| state(now) == Some(InterceptState::Active)).await;
    tokio::time::sleep(Duration::from_secs(175)).await;
    assert_eq!(state(&watch.current()), Some(InterceptState::Active));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(state(&watch.current()), Some(InterceptState::Residue));
}

#[tokio::test]
async fn dropping_a_watch_ends_its_requests() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    api.event(SERVICES, "ADDED", plain("new")).await;
    watch.stop().await;
    let tx = api.0.lock().unwrap().watch_txs[SERVICES].clone();
    let closed = async {
        while !tx.is_closed() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, closed)
        .await
        .expect("the watch's connection must be closed");
}
