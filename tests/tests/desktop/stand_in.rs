//! What the window's contexts point at: a cluster that answers, and one where nobody listens.
#![expect(clippy::unwrap_used, reason = "a broken rig is a failed test")]

use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use intercept_engine::kubeconfig::Kubeconfigs;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const STAND_IN: &str = "stand-in";

/// The clusters, and the kubeconfig files that name them.
pub(crate) struct Clusters {
    folder: tempfile::TempDir,
    real: Option<PathBuf>,
    reachable: String,
    /// Ends with it.
    _server: JoinSet<()>,
}

impl Clusters {
    pub(crate) const UNREACHABLE: &str = "nobody-there";

    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answering = format!("http://{}", listener.local_addr().unwrap());
        server.spawn(serve(listener));
        // Bound and let go: nobody listens there now.
        let silent = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap();

        let real = std::env::var_os("INTERCEPT_TEST_KUBECONFIG").map(PathBuf::from);
        let mut contexts = vec![(Self::UNREACHABLE, format!("http://{silent}"))];
        let mut reachable = STAND_IN.to_owned();
        match &real {
            Some(path) => {
                let loaded = Kubeconfigs::load(Some(path)).unwrap();
                reachable = loaded
                    .current()
                    .expect("the test kubeconfig must have a current context")
                    .to_owned();
            }
            None => contexts.push((STAND_IN, answering)),
        }
        std::fs::write(folder.path().join("config"), kubeconfig(&contexts).to_string()).unwrap();
        Self {
            folder,
            real,
            reachable,
            _server: server,
        }
    }

    /// The value of `KUBECONFIG`.
    pub(crate) fn kubeconfig(&self) -> OsString {
        let files = self
            .real
            .iter()
            .cloned()
            .chain([self.folder.path().join("config")]);
        std::env::join_paths(files).unwrap()
    }

    pub(crate) fn reachable(&self) -> &str {
        &self.reachable
    }
}

/// As JSON, which is YAML too.
fn kubeconfig(contexts: &[(&str, String)]) -> Value {
    let named = |key: &str, of: &dyn Fn(&str, &str) -> Value| -> Vec<Value> {
        contexts
            .iter()
            .map(|(name, server)| json!({ "name": name, key: of(name, server) }))
            .collect()
    };
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": contexts.last().map(|(name, _)| name),
        "clusters": named("cluster", &|_, server| json!({ "server": server })),
        "users": named("user", &|_, _| json!({ "token": "made-up" })),
        "contexts": named("context", &|name, _| json!({ "cluster": name, "user": name })),
    })
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // A client that goes away is no news here.
            let _ = http
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let found = match request.uri().path() {
        "/version" => Some(json!({ "major": "1", "minor": "35", "gitVersion": "v1.35.0" })),
        "/api/v1/services" => Some(services()),
        "/apis/discovery.k8s.io/v1/endpointslices" => Some(endpoint_slices()),
        _ => None,
    };
    let status = if found.is_some() {
        StatusCode::OK
    } else {
        StatusCode::FORBIDDEN
    };
    let body = found.unwrap_or_else(|| {
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
                "message": "the stand-in lists Services and their endpoints only" })
    });
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    Ok(response.body(Full::from(body.to_string())).unwrap())
}

fn services() -> Value {
    let service = |namespace: &str, name: &str, kind: &str, ports: Value| {
        json!({
            "metadata": { "namespace": namespace, "name": name, "uid": format!("{namespace}-{name}") },
            "spec": { "type": kind, "selector": { "app": name }, "clusterIP": "10.0.0.1", "ports": ports },
        })
    };
    let http = json!([{ "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }]);
    let dns = json!([{ "name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP" }]);
    json!({
        "kind": "ServiceList", "apiVersion": "v1", "metadata": { "resourceVersion": "1" },
        "items": [
            service("default", "kubernetes", "ClusterIP", json!([{ "name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP" }])),
            service("kube-system", "names", "ClusterIP", dns),
            service("shop", "cart", "ClusterIP", http.clone()),
            service("shop", "catalog", "NodePort", http.clone()),
            service("shop", "web", "LoadBalancer", http),
        ],
    })
}

/// One ready pod behind each Service but `catalog`.
fn endpoint_slices() -> Value {
    let slice = |namespace: &str, service: &str| {
        json!({
            "metadata": {
                "namespace": namespace, "name": format!("{service}-1"),
                "labels": { "kubernetes.io/service-name": service },
            },
            "addressType": "IPv4",
            "endpoints": [{
                "addresses": ["10.0.1.1"], "conditions": { "ready": true },
                "targetRef": { "kind": "Pod", "namespace": namespace, "name": format!("{service}-pod") },
            }],
            "ports": [{ "port": 8080 }],
        })
    };
    json!({
        "kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": { "resourceVersion": "1" },
        "items": [slice("default", "kubernetes"), slice("kube-system", "names"), slice("shop", "cart"), slice("shop", "web")],
    })
}
