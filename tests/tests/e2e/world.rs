//! One test's world: a namespace with a Service `api`, developers with machines of their own, a local program.
//!
//! After every test it proves that the Service is what it was and that nothing of ours is left.

use std::collections::BTreeSet;
use std::ops::AsyncFnOnce;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use intercept_tests::user::User;
use intercept_tests::{
    App, Ask, Ended, Laptop, Machine, Namespace, Running, ServiceBefore, await_true, cluster, send, snapshot,
    with_namespace,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ResourceQuota, Service};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub(crate) const LAPTOP: &str = "laptop";
pub(crate) const ORIGINAL: &str = "original";
/// Draining takes 4 s, the garbage collector its time, and the machine may be busy.
pub(crate) const SETTLES: Duration = Duration::from_secs(60);
/// kube-proxy's `--iptables-min-sync-period` is a second; the machine may be busy.
pub(crate) const FOLLOWS: Duration = Duration::from_secs(3);
pub(crate) const READY: Duration = Duration::from_secs(60);

/// What a developer needs, without the right to make Roles and ServiceAccounts: `(group, resources, verbs)`.
pub(crate) const EDIT_WITHOUT_ROLES: &[(&str, &str, &str)] = &[
    (
        "",
        "services,configmaps,pods",
        "get,list,watch,create,update,patch,delete",
    ),
    ("", "pods/portforward", "create,get"),
    ("discovery.k8s.io", "endpointslices", "get,list,watch"),
    (
        "apps",
        "deployments,replicasets,statefulsets",
        "get,list,watch,create,update,patch,delete",
    ),
];
/// What somebody has who may look at everything an intercept touches.
pub(crate) const VIEW: &[(&str, &str, &str)] = &[
    ("", "services,configmaps,pods", "get,list,watch"),
    ("discovery.k8s.io", "endpointslices", "get,list,watch"),
    ("apps", "deployments,statefulsets", "get,list,watch"),
];

/// Runs one test in a world of its own: 80 has a named target, 81 a numbered one, 9000 speaks raw TCP.
pub(crate) async fn e2e(test: impl AsyncFnOnce(&World)) {
    with_namespace(async |namespace| {
        let app = App::new("api")
            .http_named("web", 80, "http", 8080)
            .http(81, 8081)
            .tcp(9000, 9000);
        app.create(&namespace).await;
        let before = ServiceBefore::take(&namespace, "api").await;
        let world = World {
            laptop: Mutex::new(Laptop::start(LAPTOP).await),
            before,
            namespace,
        };
        test(&world).await;
        world.before.await_untouched(SETTLES).await;
        snapshot::await_no_residue(&world.namespace, SETTLES).await;
    })
    .await;
}

/// One test's world.
pub(crate) struct World {
    pub(crate) namespace: Namespace,
    pub(crate) before: ServiceBefore,
    pub(crate) laptop: Mutex<Laptop>,
}

/// A developer: a machine with a home of its own, a name, a kubeconfig.
pub(crate) struct Developer {
    machine: Machine,
    namespace: String,
}

impl Developer {
    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        self.machine.run(&self.with_namespace(arguments)).await
    }

    /// Starts a command and returns while it runs.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.machine.spawn(&self.with_namespace(arguments))
    }

    /// `interceptctl start …`, until requests can arrive.
    pub(crate) async fn start(&self, arguments: &[&str]) -> Running {
        let mut session = self.spawn(&[&["start"], arguments].concat());
        session.await_line(READY, "Ready in").await;
        session
    }

    fn with_namespace<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["--namespace", &self.namespace], arguments].concat()
    }
}

/// Ctrl-C, the usual end.
pub(crate) async fn interrupt(session: Running) {
    let ended = session.interrupt(SETTLES).await;
    assert_eq!(ended.code, Some(0), "{ended}");
}

impl World {
    /// Somebody with all rights in the cluster.
    pub(crate) fn developer(&self, name: &str) -> Developer {
        self.with_kubeconfig(name, &self.namespace.cluster.kubeconfig)
    }

    /// Somebody with the rights of `user`.
    pub(crate) fn developer_with(&self, name: &str, user: &User) -> Developer {
        self.with_kubeconfig(name, &user.kubeconfig())
    }

    fn with_kubeconfig(&self, name: &str, kubeconfig: &Path) -> Developer {
        let machine = Machine::new(kubeconfig)
            .variable("INTERCEPT_OWNER", name)
            .variable("INTERCEPT_PROXY_IMAGE", &cluster::proxy_image());
        Developer {
            machine,
            namespace: self.namespace.name.clone(),
        }
    }

    /// The local program's port, as `--to` takes it.
    pub(crate) async fn to(&self) -> String {
        self.laptop.lock().await.port().to_string()
    }

    /// Waits until the laptop answers this request. The cluster says that the Service is switched before every
    /// kube-proxy has followed: they gather the changes of a busy cluster for up to a second.
    pub(crate) async fn arrives(&self, ask: Ask) {
        await_true(FOLLOWS, "the laptop to answer", async || {
            self.who(ask.clone()).await == LAPTOP
        })
        .await;
    }

    /// Who answers a request to port 80.
    pub(crate) async fn who(&self, ask: Ask) -> String {
        self.who_on(80, ask).await
    }

    pub(crate) async fn who_on(&self, port: u16, ask: Ask) -> String {
        let address = self.namespace.address("api", port).await;
        match send(&address, &ask).await {
            Ok(answer) => answer.by().to_owned(),
            Err(lost) => format!("nobody: {lost}"),
        }
    }

    /// Sends a line to a raw TCP port and reads what comes back.
    pub(crate) async fn echo(&self, port: u16, line: &str) -> String {
        let address = self.namespace.address("api", port).await;
        let mut stream = address.connect().await.expect("the port must be open");
        stream
            .write_all(format!("{line}\n").as_bytes())
            .await
            .expect("it must take a line");
        stream.shutdown().await.expect("it must take an end");
        let mut back = String::new();
        let read = tokio::time::timeout(SETTLES, stream.read_to_string(&mut back)).await;
        read.expect("it must answer in time").expect("it must answer");
        back
    }

    /// Kind, name and version of everything a plan must not change.
    pub(crate) async fn everything(&self) -> BTreeSet<String> {
        let service = self
            .namespace
            .api::<Service>()
            .get("api")
            .await
            .expect("the Service must stand");
        let mut found: BTreeSet<String> = snapshot::residue(&self.namespace).await.into_iter().collect();
        found.insert(format!(
            "Service api {}",
            service.resource_version().unwrap_or_default()
        ));
        found
    }

    pub(crate) async fn has_proxy(&self) -> bool {
        let proxy = self
            .namespace
            .api::<Deployment>()
            .get_opt("api-intercept-proxy")
            .await;
        proxy.expect("Deployments must be readable").is_some()
    }

    /// The record's text; empty while there is none.
    pub(crate) async fn record(&self) -> String {
        let map = self
            .namespace
            .api::<ConfigMap>()
            .get_opt("api-intercept-proxy")
            .await;
        let map = map.expect("ConfigMaps must be readable");
        map.and_then(|map| map.data)
            .and_then(|mut data| data.remove("record.json"))
            .unwrap_or_default()
    }

    /// Names and restarts of the proxy's pods.
    pub(crate) async fn proxy_pods(&self) -> BTreeSet<String> {
        let pods = self
            .namespace
            .api::<Pod>()
            .list(&of_proxy())
            .await
            .expect("pods must be listable")
            .items;
        let restarts = |pod: &Pod| -> i32 {
            let statuses = pod
                .status
                .iter()
                .flat_map(|status| status.container_statuses.iter().flatten());
            statuses.map(|one| one.restart_count).sum()
        };
        pods.iter()
            .map(|pod| format!("{} {}", pod.name_any(), restarts(pod)))
            .collect()
    }

    pub(crate) async fn delete_proxy_pods(&self) {
        let deleted = self
            .namespace
            .api::<Pod>()
            .delete_collection(&DeleteParams::default(), &of_proxy())
            .await;
        deleted.expect("pods must be deletable");
    }

    /// Sets a quota, and waits until it is in force.
    pub(crate) async fn quota(&self, resource: &str, hard: &str) {
        let quota = json!({ "metadata": { "name": "tight" }, "spec": { "hard": { resource: hard } } });
        self.namespace.create::<ResourceQuota>(quota).await;
        let quotas = self.namespace.api::<ResourceQuota>();
        await_true(SETTLES, "the quota to be counted", async || {
            let quota = quotas.get("tight").await.expect("the quota was just made");
            quota
                .status
                .is_some_and(|status| status.used.is_some_and(|used| used.contains_key(resource)))
        })
        .await;
    }

    /// What a GitOps controller does.
    pub(crate) async fn put_selector_back(&self, manager: &str) {
        let selector = json!({ "spec": { "selector": { "intercept.dev/proxy": null, "app": "api" } } });
        let params = PatchParams {
            field_manager: Some(manager.into()),
            ..PatchParams::default()
        };
        let patched = self
            .namespace
            .api::<Service>()
            .patch("api", &params, &Patch::Merge(selector))
            .await;
        patched.expect("a Service can be patched");
    }
}

fn of_proxy() -> ListParams {
    ListParams::default().labels("intercept.dev/proxy=api")
}

/// A local program that speaks HTTPS with a certificate of its own, one request a connection; its port.
pub(crate) async fn https_program() -> u16 {
    let own =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate must be made");
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("the key must be PKCS #8");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring must have TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .expect("the certificate must fit its key");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port must be free");
    let port = listener
        .local_addr()
        .expect("a bound listener must have an address")
        .port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_tls(acceptor.clone(), stream));
        }
    });
    port
}

async fn answer_tls(acceptor: TlsAcceptor, stream: TcpStream) {
    let Ok(mut stream) = acceptor.accept(stream).await else {
        return;
    };
    let mut seen = Vec::new();
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        if !matches!(stream.read_buf(&mut seen).await, Ok(1..)) {
            return;
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nX-Spoke: TLS\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if stream.write_all(answer).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}
