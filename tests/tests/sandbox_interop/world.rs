//! A cluster with one Service, and an intercept that records.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use intercept_engine::cluster::Cluster as EngineCluster;
use intercept_engine::inspector::{Inspector, USUAL_BODY};
use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_engine::session::{Outcome, Record, Session, SessionEvent, SessionRequest};
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::tap::Level;
use intercept_engine::target::Target;
use intercept_inspect::store::Limits;
use intercept_protocol::matching::{HeaderName, Mark, Match, Value as MatchValue};
use intercept_protocol::record::Owner;
use intercept_sandbox::node::{NginxInUse, NodeOptions};
use intercept_sandbox::{Cluster, ClusterOptions, User};
use intercept_tests::await_true;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::python::{Python, Serving};
use crate::recorded::Recorded;

const LIMIT: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "interop";
const SERVICE: &str = "api";
const PORT: u16 = 8080;
/// The header that callers mark their requests with.
const HEADER: &str = "X-Dev";

/// A Service whose marked requests reach a Python program.
pub(crate) struct World {
    cluster: Cluster,
    session: Session,
    inspector: Inspector,
    folder: TempDir,
    python: Python,
    serving: Serving,
    program: &'static str,
}

impl World {
    /// Intercepts for the local program of this name; nothing where the machine lacks what that takes.
    pub(crate) async fn start(program: &'static str, mark: &str) -> Option<Self> {
        let (python, cluster) = (Python::find(), start_cluster().await);
        let missing = match (&python, cluster.node().nginx()) {
            (_, NginxInUse::None { reason }) => Some(format!("{reason}: set INTERCEPT_NGINX")),
            (None, _) => Some("no libraries for Python: set INTERCEPT_PYTHON".to_owned()),
            _ => None,
        };
        if let Some(missing) = missing {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{missing}; under CI=true this test must run");
            eprintln!("NOT RUN: {missing}");
            cluster.stop().await;
            return None;
        }
        let python = python?;
        let folder = tempfile::tempdir().unwrap();
        make_service(&cluster).await;
        let serving = python.serve(program).await;
        let inspector = Inspector::open(&folder.path().join("store"), Limits::default(), USUAL_BODY).unwrap();
        let session = open(&cluster, &folder, &inspector, serving.port, mark).await;
        Some(Self {
            cluster,
            session,
            inspector,
            folder,
            python,
            serving,
            program,
        })
    }

    /// Where callers reach the Service.
    fn address(&self) -> SocketAddr {
        let address = self.cluster.service_address(NAMESPACE, SERVICE, PORT);
        address.expect("the Service must have an address")
    }

    /// Lets the caller ask for all its facts.
    pub(crate) async fn ask(&self) {
        let direct = format!("127.0.0.1:{}", self.serving.port);
        self.python
            .ask(self.program, &self.address().to_string(), &direct)
            .await;
    }

    /// Ends everything, and reads what was recorded.
    pub(crate) async fn stop(self) -> (Recorded, TempDir) {
        self.session.close();
        match timeout(LIMIT, self.session.ended()).await {
            Ok(Outcome::Closed { left: Ok(_), .. }) => {}
            other => panic!("{other:?}"),
        }
        self.cluster.stop().await;
        // Its last owner waits until everything is written.
        drop(self.inspector);
        (Recorded::open(&self.folder.path().join("store")), self.folder)
    }
}

async fn start_cluster() -> Cluster {
    let node = NodeOptions {
        nginx: std::env::var_os("INTERCEPT_NGINX").map(PathBuf::from),
        ..NodeOptions::default()
    };
    let options = ClusterOptions {
        node,
        ..ClusterOptions::default()
    };
    Cluster::start(options).await.expect("the cluster must start")
}

async fn open(
    cluster: &Cluster,
    folder: &TempDir,
    inspector: &Inspector,
    target: u16,
    mark: &str,
) -> Session {
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.sandbox().kubeconfig_for(User::admin("ada"))).unwrap();
    let kubeconfigs = Kubeconfigs::load(Some(&kubeconfig)).unwrap();
    let engine = EngineCluster::connect(&kubeconfigs, None).await.unwrap();
    let request = SessionRequest {
        spec: InterceptSpec {
            namespace: NAMESPACE.to_owned(),
            service: SERVICE.to_owned(),
            port: None,
            rule: Match::new(Mark::Header {
                name: HeaderName::new(HEADER).unwrap(),
                value: Some(MatchValue::new(mark).unwrap()),
            }),
            target: Target::localhost(target),
            ttl: None,
            protocol: None,
            owner: Owner {
                user: "ada".to_owned(),
                host: "laptop".to_owned(),
            },
        },
        settings: ProxySettings::default(),
        program: "interop".to_owned(),
        locks: folder.path().join("locks"),
        record: Some(Record {
            recorder: inspector.recorder().clone(),
            level: Level::Bodies,
        }),
        mocks: inspector.mocks().clone(),
    };
    let mut session = Session::open(&engine, request);
    let ready = async {
        while let Some(event) = session.event().await {
            if matches!(event, SessionEvent::Ready { .. }) {
                return true;
            }
        }
        false
    };
    let is_ready = timeout(LIMIT, ready)
        .await
        .expect("the intercept must stand in time");
    if !is_ready {
        panic!("{:?}", session.ended().await);
    }
    session
}

async fn make_service(cluster: &Cluster) {
    let client = cluster
        .sandbox()
        .client_for(User::admin("system:witness"))
        .unwrap();
    let made: Namespace = object(json!({ "metadata": { "name": NAMESPACE } }));
    Api::all(client.clone())
        .create(&PostParams::default(), &made)
        .await
        .unwrap();
    create::<Deployment>(&client, deployment()).await;
    create::<Service>(&client, service()).await;
    let slices: Api<EndpointSlice> = Api::namespaced(client, NAMESPACE);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={SERVICE}"));
    await_true(LIMIT, "the original pod", async || {
        let found = slices.list(&of_service).await.unwrap();
        let mut all = found.items.iter().flat_map(|slice| &slice.endpoints);
        all.any(|one| one.conditions.as_ref().is_some_and(|is| is.ready == Some(true)))
    })
    .await;
}

async fn create<K>(client: &Client, value: Value)
where
    K: kube::Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let all: Api<K> = Api::namespaced(client.clone(), NAMESPACE);
    all.create(&PostParams::default(), &object(value)).await.unwrap();
}

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("an object must have its kind's shape")
}

fn deployment() -> Value {
    json!({
        "metadata": { "name": SERVICE },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": SERVICE } }, "template": {
            "metadata": { "labels": { "app": SERVICE } },
            "spec": { "terminationGracePeriodSeconds": 0, "containers": [{
                "name": "echo", "image": "sandbox/echo:1",
                "ports": [{ "name": "web", "containerPort": 8081 }],
                "env": [{ "name": "HTTP_PORTS", "value": "8081" }],
            }] },
        } },
    })
}

fn service() -> Value {
    json!({
        "metadata": { "name": SERVICE },
        "spec": { "selector": { "app": SERVICE }, "ports": [{ "name": "http", "port": PORT, "targetPort": "web" }] },
    })
}
