//! Original pods and their Service: the sample program of `tests/cluster/sample`, under Pod Security *restricted*.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ListParams;
use kube::runtime::conditions::is_deployment_completed;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::http::{Address, Ask, send};
use crate::{Namespace, await_true, cluster};

const READY_LIMIT: Duration = Duration::from_secs(60);
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// An application that a test sets up: a Deployment, and a Service of the same name.
#[derive(Clone, Debug)]
pub struct App {
    name: String,
    replicas: u32,
    ports: Vec<Port>,
    is_headless: bool,
}

#[derive(Clone, Debug)]
struct Port {
    name: String,
    service: u16,
    container: u16,
    /// The container port's name, where the Service says that instead of its number.
    target_name: Option<String>,
    is_http: bool,
}

impl App {
    /// One pod without ports.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            replicas: 1,
            ports: Vec::new(),
            is_headless: false,
        }
    }

    /// So many pods.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// An HTTP port whose target is a number.
    #[must_use]
    pub fn http(self, service: u16, container: u16) -> Self {
        self.port(&format!("http-{service}"), service, container, None, true)
    }

    /// An HTTP port with a name, whose target is a name.
    #[must_use]
    pub fn http_named(self, name: &str, service: u16, target: &str, container: u16) -> Self {
        self.port(name, service, container, Some(target.to_owned()), true)
    }

    /// A port where raw TCP is echoed, after a line with the pod's name.
    #[must_use]
    pub fn tcp(self, service: u16, container: u16) -> Self {
        self.port(&format!("tcp-{service}"), service, container, None, false)
    }

    /// Its Service has no ClusterIP.
    #[must_use]
    pub fn headless(mut self) -> Self {
        self.is_headless = true;
        self
    }

    fn port(
        mut self,
        name: &str,
        service: u16,
        container: u16,
        target_name: Option<String>,
        is_http: bool,
    ) -> Self {
        self.ports.push(Port {
            name: name.to_owned(),
            service,
            container,
            target_name,
            is_http,
        });
        self
    }

    /// Makes both, and waits until the pods are available and the Service answers.
    pub async fn create(&self, namespace: &Namespace) {
        namespace.create::<Deployment>(self.deployment()).await;
        namespace.create::<Service>(self.service()).await;
        await_available(namespace, &self.name).await;
        let answering = self
            .ports
            .iter()
            .find(|port| port.is_http)
            .filter(|_| !self.is_headless);
        if let Some(port) = answering {
            let address = namespace.address(&self.name, port.service).await;
            await_true(READY_LIMIT, "the Service to be routed", async || {
                address.is_routed().await
            })
            .await;
            let ask = Ask::get("/");
            await_true(READY_LIMIT, "the Service to answer", async || {
                send(&address, &ask).await.is_ok()
            })
            .await;
        }
    }

    /// Its Service as it will be created.
    pub fn service(&self) -> Value {
        let ports = self.ports.iter().map(|port| {
            let target = port
                .target_name
                .as_ref()
                .map_or_else(|| json!(port.container), |name| json!(name));
            json!({ "name": port.name, "port": port.service, "targetPort": target })
        });
        let ports: Vec<_> = ports.collect();
        let mut spec = json!({ "selector": { "app": self.name }, "ports": ports });
        if self.is_headless {
            spec["clusterIP"] = json!("None");
        }
        json!({ "metadata": { "name": self.name }, "spec": spec })
    }

    /// Its Deployment as it will be created.
    pub fn deployment(&self) -> Value {
        let labels = json!({ "app": self.name });
        json!({
            "metadata": { "name": self.name },
            "spec": {
                "replicas": self.replicas,
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": self.pod() },
            },
        })
    }

    fn pod(&self) -> Value {
        let container_ports = self.ports.iter().map(|port| match &port.target_name {
            Some(name) => json!({ "containerPort": port.container, "name": name }),
            None => json!({ "containerPort": port.container }),
        });
        let container_ports: Vec<_> = container_ports.collect();
        let mut security = json!({ "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } });
        if self
            .ports
            .iter()
            .any(|port| port.container < FIRST_UNPRIVILEGED_PORT)
        {
            security["sysctls"] = json!([{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }]);
        }
        json!({
            "terminationGracePeriodSeconds": 1,
            "securityContext": security,
            "containers": [{
                "name": "sample",
                "image": cluster::sample_image(),
                "imagePullPolicy": "IfNotPresent",
                "env": [
                    { "name": "HTTP_PORTS", "value": self.numbers(true) },
                    { "name": "ECHO_PORTS", "value": self.numbers(false) },
                ],
                "ports": container_ports,
                "resources": { "requests": { "cpu": "1m", "memory": "8Mi" }, "limits": { "cpu": "2", "memory": "128Mi" } },
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        })
    }

    fn numbers(&self, is_http: bool) -> String {
        let of_kind = self.ports.iter().filter(|port| port.is_http == is_http);
        of_kind
            .map(|port| port.container.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// Waits until a Deployment has all its pods available, in its newest form.
pub async fn await_available(namespace: &Namespace, deployment: &str) {
    let waiting = await_condition(
        namespace.api::<Deployment>(),
        deployment,
        is_deployment_completed(),
    );
    let outcome = timeout(READY_LIMIT, waiting).await;
    let outcome =
        outcome.unwrap_or_else(|_| panic!("Deployment {deployment} is not available after {READY_LIMIT:?}"));
    outcome.expect("a Deployment must be watchable");
}

impl Namespace {
    /// Where a Service answers on one of its ports: its ClusterIP, through kube-proxy.
    pub async fn address(&self, service: &str, port: u16) -> Address {
        let service = self
            .api::<Service>()
            .get(service)
            .await
            .expect("the Service must be there");
        let host = service
            .spec
            .and_then(|spec| spec.cluster_ip)
            .expect("the Service must have a ClusterIP");
        Address::new(host, port, self.reach.clone())
    }

    /// Where a pod of these labels answers, past every Service.
    pub async fn pod_address(&self, labels: &str, port: u16) -> Address {
        let pods = self
            .api::<Pod>()
            .list(&ListParams::default().labels(labels))
            .await;
        let pods = pods.expect("pods must be listable").items;
        let host = pods.into_iter().find_map(|pod| pod.status?.pod_ip);
        Address::new(
            host.expect("a pod must have an address"),
            port,
            self.reach.clone(),
        )
    }
}
