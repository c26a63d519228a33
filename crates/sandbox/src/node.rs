//! A node: the controllers that make pods, the scheduler that places them, the kubelet that runs them as tasks
//! and processes of this machine, and the proxy that leads to them. All of it a client of the API server.
//!
//! ```text
//! caches ◄── watches ── API server ◄── status, Events ── kubelet ── worker (one a pod) ── containers
//!    │                                                      │
//!    ├─► controllers, scheduler                             └─► logs, port-forward (node_access)
//!    └─► service proxy ── connections ──► pods
//! ```
//!
//! Deliberately absent: cgroups, namespaces, users: a sandbox is no place for programs one does not trust.

pub(crate) mod cache;
mod container;
mod env;
pub(crate) mod events;
mod folder;
pub mod image;
mod kubelet;
pub mod logs;
mod mounts;
mod nginx;
mod objects;
mod path_map;
mod patience;
pub(crate) mod pod;
mod pod_run;
mod probe;
#[cfg(unix)]
mod process;
pub(crate) mod queue;
#[cfg(target_os = "linux")]
mod stand_in;
mod volume;
mod worker;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::controllers::{self, Caches};
use crate::network::names::Names;
use crate::network::service_proxy::{Carrier, ServiceProxy};
use crate::network::{AddressRange, Loopback, RangeError};
use crate::node_access::NodeAccess;
use folder::Folder;
pub use image::{Image, Images};
use kubelet::Kubelet;
pub(crate) use kubelet::Pods;
pub use nginx::NginxInUse;

/// The one node's name.
pub(crate) const NODE_NAME: &str = "sandbox";
/// What the node says it is.
pub(crate) const VERSION: &str = "v1.35.0";

/// How the node behaves. The defaults are a real node's, save for what only costs time.
#[derive(Clone)]
pub struct NodeOptions {
    /// What images there are.
    pub images: Images,
    /// An NGINX to use rather than the machine's.
    pub nginx: Option<PathBuf>,
    /// Uses the stand-in even where an NGINX could run.
    pub without_nginx: bool,
    /// How late a changed ConfigMap reaches the pods that mount it, unless the pod is touched.
    pub config_map_delay: Duration,
    /// How long a crashed container or a failed pull waits at first; doubled each time, 30 times as long at most.
    pub crash_backoff: Duration,
    /// How long after one change of a Service the next one waits, as kube-proxy's `--iptables-min-sync-period`.
    pub service_proxy_interval: Duration,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            images: Images::new(),
            nginx: None,
            without_nginx: false,
            config_map_delay: Duration::from_secs(60),
            crash_backoff: Duration::from_secs(10),
            service_proxy_interval: Duration::ZERO,
        }
    }
}

/// A node that could not be prepared or started.
#[derive(Debug, thiserror::Error)]
pub enum NodeStartError {
    /// No addresses.
    #[error("the sandbox has no addresses")]
    Addresses(#[from] RangeError),
    /// No folder.
    #[error("the sandbox has no folder of its own")]
    Folder(#[source] io::Error),
    /// The API server did not take the node.
    #[error("the node could not be registered")]
    Register(#[source] kube::Error),
}

/// What a node needs before there is an API server: addresses, a folder, NGINX.
pub struct NodeSite {
    options: NodeOptions,
    range: AddressRange,
    network: Loopback,
    folder: Folder,
    nginx: NginxInUse,
    pods: Arc<Pods>,
}

impl NodeSite {
    /// Takes addresses and a folder, and looks for NGINX.
    ///
    /// # Errors
    /// When either is not to be had.
    pub async fn prepare(mut options: NodeOptions) -> Result<Self, NodeStartError> {
        let range = AddressRange::claim()?;
        let network = Loopback::of_this_machine();
        let folder = Folder::make().map_err(NodeStartError::Folder)?;
        let mut nginx = if options.without_nginx {
            let reason = "none is wanted".to_owned();
            NginxInUse::None { reason }
        } else {
            nginx::find(options.nginx.as_deref()).await
        };
        if let NginxInUse::Binary { path, .. } = &nginx
            && let Err(error) = nginx::programs(&folder.programs(), path)
        {
            nginx = NginxInUse::None {
                reason: format!("NGINX cannot be used here: {error}"),
            };
        }
        if matches!(nginx, NginxInUse::None { .. }) {
            options.images.without_nginx();
        }
        Ok(Self {
            options,
            range,
            pods: Arc::new(Pods::new(network.clone())),
            network,
            folder,
            nginx,
        })
    }

    /// The node as the API server sees it: port-forwards and logs.
    pub fn access(&self) -> Arc<dyn NodeAccess> {
        self.pods.clone()
    }

    /// Addresses of this sandbox; ClusterIPs must come from [`AddressRange::services`].
    pub fn range(&self) -> &AddressRange {
        &self.range
    }

    /// Which NGINX pods will run.
    pub fn nginx(&self) -> &NginxInUse {
        &self.nginx
    }

    /// Starts everything; `client` asks the API server at `api`.
    ///
    /// # Errors
    /// When the API server does not take the node.
    pub async fn start(self, client: Client, api: SocketAddr) -> Result<Node, NodeStartError> {
        let caches = Caches::default();
        let names = Names {
            services: caches.services.clone(),
            slices: caches.slices.clone(),
        };
        let host_path = std::env::var("PATH").unwrap_or_default();
        let stopping = CancellationToken::new();
        let kubelet = Arc::new(Kubelet {
            client: client.clone(),
            network: self.network.clone(),
            range: self.range.clone(),
            names: names.clone(),
            recorder: events::Recorder::new(client.clone(), "kubelet"),
            folder: self.folder.path().to_owned(),
            api,
            search_path: format!("{}:{host_path}", self.folder.programs().display()),
            stopping: stopping.clone(),
            containers: TaskTracker::new(),
            workers: TaskTracker::new(),
            used_images: Mutex::new(BTreeSet::new()),
            pods: self.pods.clone(),
            numbers: AtomicU64::new(0),
            options: self.options.clone(),
        });
        kubelet.register().await.map_err(NodeStartError::Register)?;
        let mut tasks = JoinSet::new();
        let connections = TaskTracker::new();
        controllers::start(&client, &caches, &mut tasks);
        let proxy = ServiceProxy {
            carrier: Carrier {
                network: self.network.clone(),
                connections: connections.clone(),
                stopping: stopping.clone(),
            },
            services: caches.services.clone(),
            slices: caches.slices.clone(),
            min_interval: self.options.service_proxy_interval,
            recorder: events::Recorder::new(client.clone(), "kube-proxy"),
        };
        tasks.spawn(proxy.run());
        let running = tokio::spawn(kubelet.run(caches.pods.clone()));
        caches.follow(&client, &mut tasks);
        Ok(Node {
            site: self,
            names,
            stopping,
            running,
            tasks,
            connections,
        })
    }
}

/// A running node. Dropped without [`Node::stop`], its pods end too, and nobody waits for it.
pub struct Node {
    site: NodeSite,
    names: Names,
    stopping: CancellationToken,
    running: tokio::task::JoinHandle<()>,
    tasks: JoinSet<()>,
    connections: TaskTracker,
}

impl Node {
    /// Which NGINX its pods run.
    pub fn nginx(&self) -> &NginxInUse {
        &self.site.nginx
    }

    /// What runs on it.
    pub(crate) fn pods(&self) -> Arc<Pods> {
        self.site.pods.clone()
    }

    /// Where this machine's programs reach a Service's port, by the names that pods use.
    pub fn service_address(&self, namespace: &str, host: &str, port: u16) -> Option<SocketAddr> {
        let address = self.names.resolve(namespace, host, port)?;
        self.site.network.reach(address)
    }

    /// The folder of its pods; gone once it has stopped.
    pub fn folder(&self) -> &std::path::Path {
        self.site.folder.path()
    }

    /// Ends every pod at once, and waits until nothing is left: no process, no connection, no folder.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Err(error) = (&mut self.running).await {
            tracing::error!(%error, "the kubelet did not end in order");
        }
        self.tasks.shutdown().await;
        self.connections.close();
        self.connections.wait().await;
        self.site.folder.remove().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Whoever does not wait still leaves no pod running.
        self.stopping.cancel();
    }
}

/// The labels by which pods choose a node.
pub(crate) fn node_labels() -> BTreeMap<String, String> {
    [
        ("kubernetes.io/hostname", NODE_NAME),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture()),
        ("beta.kubernetes.io/os", "linux"),
        ("beta.kubernetes.io/arch", architecture()),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// This machine's, in Kubernetes' words.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
