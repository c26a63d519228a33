//! A scripted API server, and the shop that stands behind it.

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

use crate::cluster::Cluster;
use crate::discover::unix_now;

pub(super) const LIMIT: Duration = Duration::from_secs(20);
pub(super) const SERVICES: &str = "/api/v1/services";
pub(super) const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";
pub(super) const MAPS: &str = "/api/v1/configmaps";
pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// An API server that answers lists by path and keeps watches open for the test to feed.
#[derive(Clone, Default)]
pub(super) struct FakeApi(pub(super) Arc<Mutex<Script>>);

#[derive(Default)]
pub(super) struct Script {
    pub(super) lists: HashMap<String, Vec<Value>>,
    pub(super) refused: HashMap<String, u16>,
    pub(super) allowed: Vec<String>,
    // test → open watches
    pub(super) watch_txs: HashMap<String, mpsc::UnboundedSender<Value>>,
    pub(super) requests: Vec<String>,
}

type ChunkBody = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

impl FakeApi {
    pub(super) fn list(&self, path: &str, items: Vec<Value>) -> &Self {
        self.0.lock().unwrap().lists.insert(path.to_owned(), items);
        self
    }

    pub(super) fn refuse(&self, path: &str, code: u16) -> &Self {
        self.0.lock().unwrap().refused.insert(path.to_owned(), code);
        self
    }

    pub(super) fn accept(&self, path: &str) {
        self.0.lock().unwrap().refused.remove(path);
    }

    /// Sends an event to the open watch of `path`, as soon as there is one.
    pub(super) async fn event(&self, path: &str, kind: &str, mut object: Value) {
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
    pub(super) fn cut(&self, path: &str) {
        self.0.lock().unwrap().watch_txs.remove(path);
    }

    pub(super) fn cluster(&self) -> Cluster {
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

pub(super) fn respond(code: u16, body: &Value) -> Response<ChunkBody> {
    let body = http_body_util::Full::new(Bytes::from(body.to_string()));
    Response::builder()
        .status(code)
        .body(body.boxed_unsync())
        .unwrap()
}

pub(super) fn service(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": "2"}, "spec": spec})
}

pub(super) fn plain(name: &str) -> Value {
    let ports = json!([{"name": "http", "port": 80, "targetPort": "web", "appProtocol": "http"}, {"port": 81, "protocol": "UDP"}]);
    service(
        name,
        &json!({"selector": {"app": name}, "clusterIP": "10.0.0.1", "ports": ports}),
    )
}

/// `api` as it stands while intercepted.
pub(super) fn intercepted() -> Value {
    let mut service = plain("api");
    service["spec"]["selector"] = json!({"intercept.dev/proxy": "api"});
    service["metadata"]["annotations"] = json!({"intercept.dev/original-selector": "{\"app\":\"api\"}"});
    service
}

pub(super) fn origin() -> Value {
    let mut origin = service(
        "api-intercept-origin",
        &json!({"selector": {"app": "api"}, "ports": [{"port": 80}]}),
    );
    origin["metadata"]["labels"] =
        json!({"app.kubernetes.io/managed-by": "intercept", "intercept.dev/service": "api"});
    origin
}

pub(super) fn slice(name: &str, service: &str, pods: &[(&str, Option<bool>)]) -> Value {
    let endpoint = |(pod, ready): &(&str, Option<bool>)| json!({"addresses": [format!("ip-of-{pod}")], "conditions": {"ready": ready}, "targetRef": {"name": pod}});
    let endpoints: Vec<Value> = pods.iter().map(endpoint).collect();
    json!({
        "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4", "endpoints": endpoints,
    })
}

pub(super) fn deployment(name: &str, labels: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {}, "template": {"metadata": {"labels": labels}}},
    })
}

pub(super) const SESSION: &str = "00000000000000aa";

/// The record of one intercept on `api`, whose session gave its last sign `age` seconds ago.
pub(super) fn record(age: i64) -> Value {
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

pub(super) fn shop() -> FakeApi {
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
