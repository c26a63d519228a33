//! A small API server in memory: get, watch, merge and JSON patch, delete, with resource versions.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use intercept_agent::Agent;
use intercept_agent::settings::Settings;
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::names;
use intercept_protocol::record::{Intercept, Listener, Owner, PortProtocol, Record};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

pub(crate) const RECORD: &str = "/api/v1/namespaces/shop/configmaps/api-intercept-proxy";
pub(crate) const SERVICE: &str = "/api/v1/namespaces/shop/services/api";
pub(crate) const ORIGIN: &str = "/api/v1/namespaces/shop/services/api-intercept-origin";
pub(crate) const PROXY: &str = "/apis/apps/v1/namespaces/shop/deployments/api-intercept-proxy";

/// The objects, and whoever answers for them.
#[derive(Clone)]
pub(crate) struct Cluster {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    pub(crate) address: SocketAddr,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    requests: Vec<String>,
    forbidden: bool,
    /// How many patches are answered with a conflict first.
    conflicts: usize,
}

impl Cluster {
    /// An intercepted Service with `record`, as the engine leaves it.
    pub(crate) async fn start(record: &Record) -> (Self, JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let cluster = Self {
            state: Arc::default(),
            changed: watch::Sender::new(0),
            address: listener.local_addr().unwrap(),
        };
        cluster.put(RECORD, json!({ "data": { names::RECORD_KEY: record.to_json() } }));
        cluster.put(
            SERVICE,
            json!({
                "metadata": { "annotations": { names::ORIGINAL_SELECTOR_ANNOTATION: "{\"app\":\"api\"}", "theirs": "1" } },
                "spec": { "selector": { names::PROXY_LABEL: "api" } },
            }),
        );
        cluster.put(
            ORIGIN,
            json!({
                "metadata": { "ownerReferences": [{ "kind": "Deployment", "name": "x", "uid": "d" }] },
                "spec": { "selector": { "app": "api" } },
            }),
        );
        cluster.put(PROXY, json!({ "metadata": { "uid": "d" } }));
        let serving = cluster.serve(listener);
        (cluster, serving)
    }

    /// Answers on `listener` until aborted; connections end with it.
    pub(crate) fn serve(&self, listener: TcpListener) -> JoinHandle<()> {
        let cluster = self.clone();
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (io, _) = listener.accept().await.unwrap();
                let cluster = cluster.clone();
                connections.spawn(async move { cluster.answer(io).await });
            }
        })
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        let version = {
            let mut state = self.state.lock().unwrap();
            state.version += 1;
            let version = state.version;
            let mut object = object;
            object["metadata"]["resourceVersion"] = version.to_string().into();
            state.objects.insert(path.into(), object);
            version
        };
        self.changed.send_replace(version);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().unwrap().objects.get(path).cloned()
    }

    pub(crate) fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.get(path).unwrap();
        edit(&mut object);
        self.put(path, object);
    }

    pub(crate) fn record(&self) -> Record {
        let object = self.get(RECORD).unwrap();
        Record::parse(object["data"][names::RECORD_KEY].as_str().unwrap()).unwrap()
    }

    pub(crate) fn beat(&self, session: &SessionId, value: u64) {
        let key = format!("{}{session}", names::HEARTBEAT_ANNOTATION_PREFIX);
        self.edit(RECORD, |object| {
            object["metadata"]["annotations"][key] = value.to_string().into();
        });
    }

    pub(crate) fn forbid(&self) {
        self.state.lock().unwrap().forbidden = true;
    }

    pub(crate) fn conflict(&self, times: usize) {
        self.state.lock().unwrap().conflicts = times;
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    async fn answer(&self, io: TcpStream) {
        let mut io = BufReader::new(io);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let Ok(byte) = io.read_u8().await else { return };
            head.push(char::from(byte));
        }
        assert!(
            head.to_lowercase().contains("authorization: bearer secret"),
            "{head}"
        );
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(": ")?;
                found.eq_ignore_ascii_case(name).then(|| value.to_owned())
            })
        };
        let length = header("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        io.read_exact(&mut body).await.unwrap();
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if query.contains("watch=true") {
            return self.stream(io, path, query).await;
        }
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let kind = header("content-type").unwrap_or_default();
        let (status, object) = self.handle(method, path, &kind, &body);
        let text = object.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        let _ = io.get_mut().write_all(answer.as_bytes()).await;
    }

    fn handle(&self, method: &str, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        let found = {
            let mut state = self.state.lock().unwrap();
            state.requests.push(format!("{method} {path}"));
            if state.forbidden {
                return (403, json!({ "message": "forbidden" }));
            }
            if method == "PATCH" && state.conflicts > 0 {
                state.conflicts -= 1;
                return (409, json!({ "message": "conflict" }));
            }
            state.objects.get(path).cloned()
        };
        let Some(mut object) = found else {
            return (404, json!({ "message": "not found" }));
        };
        match method {
            "PATCH" => {
                let version = &body["metadata"]["resourceVersion"];
                if !version.is_null() && *version != object["metadata"]["resourceVersion"] {
                    return (409, json!({ "message": "conflict" }));
                }
                let is_done = match kind {
                    "application/merge-patch+json" => {
                        merge(&mut object, body);
                        true
                    }
                    "application/json-patch+json" => patch(&mut object, body),
                    _ => return (415, json!({})),
                };
                if !is_done {
                    return (422, json!({ "message": "test failed" }));
                }
                self.put(path, object.clone());
                (200, object)
            }
            "DELETE" => {
                assert_eq!(body["propagationPolicy"], "Background");
                if body["preconditions"]["uid"] != object["metadata"]["uid"] {
                    return (409, json!({ "message": "uid" }));
                }
                self.state.lock().unwrap().objects.remove(path);
                (200, object)
            }
            _ => (200, object),
        }
    }

    async fn stream(&self, mut io: BufReader<TcpStream>, collection: &str, query: &str) {
        let field = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
                .unwrap()
                .to_owned()
        };
        let name = field("fieldSelector");
        let path = format!("{collection}/{}", name.strip_prefix("metadata.name%3D").unwrap());
        let mut sent = field("resourceVersion");
        let mut changed_rx = self.changed.subscribe();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        io.get_mut().write_all(head.as_bytes()).await.unwrap();
        loop {
            let Some(object) = self.get(&path) else { return };
            let version = object["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
            if version != sent {
                sent = version;
                let line = format!("{}\n", json!({ "type": "MODIFIED", "object": object }));
                let chunk = format!("{:x}\r\n{line}\r\n", line.len());
                if io.get_mut().write_all(chunk.as_bytes()).await.is_err() {
                    return;
                }
            }
            if changed_rx.changed().await.is_err() {
                return;
            }
        }
    }
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    for (key, value) in fields {
        if value.is_null() {
            if let Some(object) = target.as_object_mut() {
                object.remove(key);
            }
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

fn patch(target: &mut Value, operations: &Value) -> bool {
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        match operation["op"].as_str().unwrap() {
            "test" if target.pointer(path) != Some(&operation["value"]) => return false,
            "test" => {}
            "replace" => *target.pointer_mut(path).unwrap() = operation["value"].clone(),
            "remove" => {
                let (parent, key) = path.rsplit_once('/').unwrap();
                let key = key.replace("~1", "/").replace("~0", "~");
                target
                    .pointer_mut(parent)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(&key)
                    .unwrap();
            }
            other => panic!("unexpected operation {other}"),
        }
    }
    true
}

/// A record with one intercept for each session, and a grace time of `grace_seconds`.
pub(crate) fn record(sessions: &[&SessionId], grace_seconds: u32) -> Record {
    Record {
        format: 1,
        namespace: "shop".into(),
        service: "api".into(),
        origin: Ipv4Addr::LOCALHOST.into(),
        listeners: vec![Listener {
            port: 8080,
            service_port: 80,
            protocol: PortProtocol::Http,
            direct: Vec::new(),
        }],
        relay_port: 1,
        health_port: 2,
        grace_seconds,
        forwarded_headers: false,
        intercepts: sessions.iter().map(|session| intercept(session)).collect(),
    }
}

pub(crate) fn intercept(session: &SessionId) -> Intercept {
    Intercept {
        id: InterceptId::random(),
        port: 8080,
        rule: Match::new(Mark::All),
        owner: Owner {
            user: "dev".into(),
            host: "laptop".into(),
        },
        session: session.clone(),
        token_hash: Token::random().hash(),
        target: String::new(),
        created: 0,
        expires: None,
    }
}

/// An agent of a pod in `cluster`.
pub(crate) fn agent(cluster: &Cluster) -> (Arc<Agent>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "secret\n").unwrap();
    let folder = dir.path().display().to_string();
    let settings = Settings::read(|name| match name {
        "INTERCEPT_NAMESPACE" => Some("shop".into()),
        "INTERCEPT_SERVICE" => Some("api".into()),
        "INTERCEPT_POD" => Some("pod".into()),
        "INTERCEPT_POD_UID" => Some("p".into()),
        "INTERCEPT_API_SERVER" => Some(format!("http://{}", cluster.address)),
        "INTERCEPT_RUN_DIR" | "INTERCEPT_RECORD_DIR" | "INTERCEPT_ACCOUNT_DIR" => Some(folder.clone()),
        _ => None,
    });
    (Agent::new(settings.unwrap()), dir)
}

/// Asks until it is so, within `limit`.
pub(crate) async fn await_condition(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let all = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(limit, all)
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}
