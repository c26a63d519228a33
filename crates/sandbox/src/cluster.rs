//! A whole small cluster: the API server, a node, and the sample shop where it is wanted.

mod fate;
mod thread;

use std::net::{Ipv4Addr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use crate::node::{Node, NodeOptions, NodeSite, NodeStartError};
use crate::shop::{self, ShopOptions};
use crate::{ClientError, Options, Sandbox, ServiceAddresses, StartError, User};
pub use fate::{Fate, FateError};
use thread::Thread;

/// What a cluster starts with.
#[derive(Clone, Default)]
pub struct ClusterOptions {
    /// The API server. Its Service addresses are the node's, whatever stands here.
    pub api: Options,
    /// The node.
    pub node: NodeOptions,
    /// The sample shop; absent for an empty cluster, which knows the shop's images all the same.
    pub shop: Option<ShopOptions>,
}

/// A cluster that did not start. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum ClusterStartError {
    /// There is no thread for it.
    #[error("the sandbox has no thread")]
    Thread(#[source] std::io::Error),
    /// The API server did not.
    #[error("the sandbox's API server did not start")]
    Api(#[from] StartError),
    /// The node has no client.
    #[error("the sandbox's node has no client")]
    Client(#[from] ClientError),
    /// The node did not.
    #[error("the sandbox's node did not start")]
    Node(#[from] NodeStartError),
    /// The API server has no Service.
    #[error("the Service of the sandbox's API server could not be made")]
    OwnService(#[source] kube::Error),
    /// The shop's objects were refused.
    #[error("the sample shop could not be set up")]
    Shop(#[source] kube::Error),
}

/// An API server and a node, on a thread of their own. Dropped rather than stopped, its processes end all the same.
pub struct Cluster {
    sandbox: Sandbox,
    node: Node,
    thread: Thread,
}

impl Cluster {
    /// Starts all of it. Pods come by themselves after that.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterStartError> {
        let thread = Thread::start().map_err(ClusterStartError::Thread)?;
        let (sandbox, node) = thread.run(assembled(options)).await?;
        Ok(Self {
            sandbox,
            node,
            thread,
        })
    }

    /// The API server: kubeconfig, clients, users, faults.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The node: which NGINX it runs, where its folder is.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Where this machine's programs reach a Service's port, by a name as pods use it.
    pub fn service_address(&self, namespace: &str, host: &str, port: u16) -> Option<SocketAddr> {
        self.node.service_address(namespace, host, port)
    }

    /// Ends it and waits: no process, no folder and no task is left.
    pub async fn stop(self) {
        self.thread.run(ended(self.sandbox, self.node)).await;
    }
}

async fn assembled(mut options: ClusterOptions) -> Result<(Sandbox, Node), ClusterStartError> {
    shop::images(&mut options.node.images);
    let site = NodeSite::prepare(options.node).await?;
    let (first, last) = site.range().services();
    options.api.service_addresses = ServiceAddresses { first, last };
    let sandbox = Sandbox::start(options.api).await?;
    sandbox.set_node(site.access());
    // A component's name: faults on order are not meant for it.
    let client = sandbox.client_for(User::admin("system:node:sandbox"))?;
    let node = site.start(client.clone(), sandbox.address()).await?;
    own_service(&client, first, sandbox.address())
        .await
        .map_err(ClusterStartError::OwnService)?;
    if let Some(shop) = options.shop
        && let Err(error) = shop::open(&sandbox.client()?, shop).await
    {
        ended(sandbox, node).await;
        return Err(ClusterStartError::Shop(error));
    }
    Ok((sandbox, node))
}

async fn ended(sandbox: Sandbox, node: Node) {
    node.stop().await;
    sandbox.stop().await;
}

/// The Service `kubernetes`, by which pods of any cluster find the API server.
async fn own_service(client: &Client, address: Ipv4Addr, server: SocketAddr) -> Result<(), kube::Error> {
    let labels = json!({ "component": "apiserver", "provider": "kubernetes" });
    let service: Service = serde_json::from_value(json!({
        "metadata": { "name": "kubernetes", "labels": labels },
        "spec": { "clusterIP": address, "ports": [{ "name": "https", "port": 443, "targetPort": server.port() }] },
    }))
    .map_err(kube::Error::SerdeError)?;
    let slice: EndpointSlice = serde_json::from_value(json!({
        "metadata": { "name": "kubernetes", "labels": { "kubernetes.io/service-name": "kubernetes" } },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": [server.ip()], "conditions": { "ready": true } }],
        "ports": [{ "name": "https", "port": server.port(), "protocol": "TCP" }],
    }))
    .map_err(kube::Error::SerdeError)?;
    let post = PostParams::default();
    Api::default_namespaced(client.clone())
        .create(&post, &service)
        .await?;
    Api::default_namespaced(client.clone())
        .create(&post, &slice)
        .await?;
    Ok(())
}
