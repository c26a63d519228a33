//! A cluster for one test, and questions to its Services.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use intercept_sandbox::node::{NginxInUse, NodeOptions};
use intercept_sandbox::{Cluster, ClusterOptions};
use k8s_openapi::NamespaceResourceScope;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// An empty cluster.
pub(crate) async fn cluster() -> Cluster {
    with(|_| {}).await
}

/// An empty cluster with other options.
pub(crate) async fn with(change: impl FnOnce(&mut ClusterOptions)) -> Cluster {
    let node = NodeOptions {
        nginx: std::env::var_os("INTERCEPT_NGINX").map(PathBuf::from),
        crash_backoff: Duration::from_millis(100),
        ..NodeOptions::default()
    };
    let mut options = ClusterOptions {
        node,
        ..ClusterOptions::default()
    };
    change(&mut options);
    Cluster::start(options).await.expect("the cluster must start")
}

/// Whether pods with a real NGINX can be tested here.
pub(crate) fn has_nginx(cluster: &Cluster) -> bool {
    if let NginxInUse::None { reason } = cluster.node().nginx() {
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        assert!(
            !is_ci,
            "{reason}: set INTERCEPT_NGINX; under CI=true these tests must run"
        );
        eprintln!("NOT RUN: {reason}");
        return false;
    }
    true
}

pub(crate) fn client(cluster: &Cluster) -> Client {
    cluster.sandbox().client().expect("a client must be made")
}

/// Objects of one kind in the namespace `default`.
pub(crate) fn api<K>(cluster: &Cluster) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    Api::namespaced(client(cluster), "default")
}

pub(crate) async fn create<K>(cluster: &Cluster, object: Value) -> K
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let object: K = serde_json::from_value(object).expect("an object must have its kind's shape");
    api::<K>(cluster)
        .create(&PostParams::default(), &object)
        .await
        .expect("an object must be taken")
}

/// A Deployment of the echo.
pub(crate) fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": {
            "metadata": { "labels": { "app": name } },
            "spec": { "terminationGracePeriodSeconds": 1, "containers": [{
                "name": "echo", "image": "sandbox/echo:1",
                "ports": [{ "name": "web", "containerPort": 8081 }],
                "env": [{ "name": "HTTP_PORTS", "value": "8081" }],
                "readinessProbe": { "tcpSocket": { "port": "web" }, "periodSeconds": 1 },
            }] },
        } },
    })
}

/// A Service in front of it.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 8080, "targetPort": "web" }] },
    })
}

/// Asks until it is so.
pub(crate) async fn await_true(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let all = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, all)
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Answer, String> {
    let asked = async {
        let io = TcpStream::connect(address)
            .await
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io))
            .await
            .map_err(|error| error.to_string())?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let mut request = Request::get(path).header("host", address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Full::<Bytes>::default())
            .expect("a request must be one");
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
        Ok(Answer { status, body })
    };
    timeout(PATIENCE, asked)
        .await
        .unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

/// Who answered at a Service of `default`; the error where nobody did.
pub(crate) async fn who(cluster: &Cluster, service: &str, headers: &[(&str, &str)]) -> String {
    let Some(address) = cluster.service_address("default", service, 8080) else {
        return "no such Service".to_owned();
    };
    match ask(address, "/", headers).await {
        Ok(answer) => answer.body["by"].as_str().unwrap_or("nobody of ours").to_owned(),
        Err(error) => error,
    }
}

/// A Deployment and its Service, answering.
pub(crate) async fn app(cluster: &Cluster, name: &str, replicas: u32) {
    create::<k8s_openapi::api::apps::v1::Deployment>(cluster, deployment(name, replicas)).await;
    create::<k8s_openapi::api::core::v1::Service>(cluster, service(name)).await;
    await_true("the Service answers", async || {
        who(cluster, name, &[]).await == "original"
    })
    .await;
}

/// Processes of this machine that live below `folder`.
pub(crate) fn processes_below(folder: &std::path::Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let below = entries.filter(|entry| {
        // As text: a folder that was removed meanwhile is still named.
        let place = std::fs::read_link(entry.path().join("cwd"));
        place.is_ok_and(|place| place.display().to_string().starts_with(&folder))
    });
    let commands = below.map(|entry| std::fs::read(entry.path().join("cmdline")).unwrap_or_default());
    commands
        .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
        .collect()
}
