//! The kubelet: takes the pods that the scheduler gave this node, and answers for them to the API server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Node as NodeObject, Pod, PodSpec};
use kube::api::Patch;
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cache::{Cache, Change, Key};
use super::events::Recorder;
use super::image::Program;
use super::path_map::PathMap;
use super::pod_run::PodRun;
use super::workload::Handle;
use super::{NODE_NAME, NodeOptions, node_labels, worker};
use crate::controllers::{now, params, post};
use crate::network::names::Names;
use crate::network::{AddressRange, Loopback};
use crate::node_access::{ByteStream, DuplexStream, LogOptions, NodeAccess, NodeError};

/// What the node's parts share.
pub(crate) struct Kubelet {
    pub(crate) client: Client,
    pub(crate) options: NodeOptions,
    pub(crate) network: Loopback,
    pub(crate) range: AddressRange,
    pub(crate) names: Names,
    pub(crate) recorder: Recorder,
    pub(crate) folder: PathBuf,
    /// Where the API server listens, for programs that are told by their environment.
    pub(crate) api: SocketAddr,
    /// `PATH` of processes: the image's own programs first.
    pub(crate) search_path: String,
    pub(crate) stopping: CancellationToken,
    pub(crate) containers: TaskTracker,
    pub(crate) workers: TaskTracker,
    pub(crate) used_images: Mutex<BTreeSet<String>>,
    pub(crate) pods: Arc<Pods>,
    pub(crate) numbers: AtomicU64,
}

/// The pods of the node by name, for whoever asks the node about one.
#[derive(Default)]
pub(crate) struct Pods {
    known: Mutex<BTreeMap<Key, Arc<PodRun>>>,
    network: Loopback,
}

impl Pods {
    pub(crate) fn new(network: Loopback) -> Self {
        Self {
            known: Mutex::default(),
            network,
        }
    }

    fn find(&self, namespace: &str, pod: &str) -> Result<Arc<PodRun>, NodeError> {
        let key = (namespace.to_owned(), pod.to_owned());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).cloned().ok_or_else(|| NodeError::NoPod {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
        })
    }

    fn put(&self, key: Key, run: Arc<PodRun>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, run);
    }

    fn forget(&self, key: &Key, uid: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(key).is_some_and(|run| run.uid == uid) {
            known.remove(key);
        }
    }
}

impl Pods {
    /// Kills what runs in a pod. Its containers start again as after any crash.
    pub(crate) fn kill(&self, namespace: &str, pod: &str) {
        // One that is gone meanwhile has died all the same.
        let handles = self.find(namespace, pod).map(|run| run.handles());
        for handle in handles.unwrap_or_default() {
            handle.kill();
        }
    }

    /// Stops the processes of all pods, until what comes back is dropped.
    pub(crate) fn stopped(&self) -> Stopped {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let handles: Vec<Handle> = known.values().flat_map(|run| run.handles()).collect();
        for handle in &handles {
            handle.stop();
        }
        Stopped(handles)
    }
}

/// Processes that are stopped. Dropped, they go on.
pub(crate) struct Stopped(Vec<Handle>);

impl Drop for Stopped {
    fn drop(&mut self) {
        for handle in &self.0 {
            handle.go_on();
        }
    }
}

impl NodeAccess for Pods {
    fn port_forward<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn DuplexStream>, NodeError>> {
        async move {
            let run = self.find(namespace, pod)?;
            let address = SocketAddr::from((run.ip.ip(), port));
            match self.network.connect(address).await {
                Ok(io) => Ok(Box::new(io) as Box<dyn DuplexStream>),
                Err(source) => Err(NodeError::NotListening {
                    pod: pod.to_owned(),
                    port,
                    source,
                }),
            }
        }
        .boxed()
    }

    fn logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        container: &'a str,
        options: LogOptions,
    ) -> BoxFuture<'a, Result<ByteStream, NodeError>> {
        async move { self.find(namespace, pod)?.log(container, &options) }.boxed()
    }
}

impl Kubelet {
    /// Whether nobody used the image on this node before.
    pub(crate) fn first_use(&self, reference: &str) -> bool {
        let mut used = self.used_images.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(reference.to_owned())
    }

    /// Whether any container of the pod is processes.
    pub(crate) fn runs_processes(&self, spec: &PodSpec) -> bool {
        let mut all = spec.init_containers.iter().flatten().chain(&spec.containers);
        all.any(|one| {
            let found = self.options.images.find(one.image.as_deref().unwrap_or_default());
            found.is_some_and(|image| !matches!(image.program, Program::Task(_)))
        })
    }

    /// What every process finds in its environment, and the agent besides: where its folders really are.
    pub(crate) fn process_env(&self, run: &PodRun, paths: &PathMap) -> BTreeMap<String, String> {
        use intercept_protocol::names::{RECORD_DIR, RUN_DIR};
        let place = |path: &str| paths.place(path).display().to_string();
        let (host, port) = (self.api.ip().to_string(), self.api.port().to_string());
        [
            ("PATH", self.search_path.clone()),
            ("HOSTNAME", run.name.clone()),
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
            ("INTERCEPT_API_SERVER", format!("http://{}", self.api)),
            ("INTERCEPT_POD_ADDRESS", run.ip.ip().to_string()),
            ("INTERCEPT_RUN_DIR", place(RUN_DIR)),
            ("INTERCEPT_RECORD_DIR", place(RECORD_DIR)),
            ("INTERCEPT_ACCOUNT_DIR", place(super::pod_run::ACCOUNT_DIR)),
            // One worker is enough for a machine that runs everything else too.
            ("INTERCEPT_NGINX_CPUS", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Takes pods until it is told to stop, and then until all of them are gone.
    pub(crate) async fn run(self: Arc<Self>, pods: Cache<Pod>) {
        let mut changes = pods.subscribe();
        // kubelet → workers, by uid
        let mut workers: BTreeMap<String, watch::Sender<Option<Arc<Pod>>>> = BTreeMap::new();
        loop {
            let change = tokio::select! {
                () = self.stopping.cancelled() => break,
                change = changes.recv() => change,
            };
            let Some(change) = change else { break };
            self.take(change, &mut workers);
            workers.retain(|_, object| object.receiver_count() > 0);
        }
        self.workers.close();
        self.workers.wait().await;
        self.containers.close();
        self.containers.wait().await;
    }

    fn take(
        self: &Arc<Self>,
        change: Change<Pod>,
        workers: &mut BTreeMap<String, watch::Sender<Option<Arc<Pod>>>>,
    ) {
        let uid = |pod: &Option<Arc<Pod>>| pod.as_ref().and_then(|pod| pod.metadata.uid.clone());
        if let Some(old) = uid(&change.old)
            && uid(&change.new).as_ref() != Some(&old)
            && let Some(worker) = workers.get(&old)
        {
            worker.send_replace(None);
        }
        let Some(pod) = change.new else { return };
        let is_ours = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) == Some(NODE_NAME);
        let Some(uid) = pod.metadata.uid.clone().filter(|_| is_ours) else {
            return;
        };
        if let Some(worker) = workers.get(&uid) {
            worker.send_replace(Some(pod));
            return;
        }
        if super::pod::is_over(&pod) {
            return;
        }
        let Some(ip) = self.range.pod() else {
            tracing::warn!("the node has no address left for another pod");
            return;
        };
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(number.to_string());
        let (object_tx, object_rx) = watch::channel(Some(pod.clone()));
        let run = Arc::new(PodRun::new(self.clone(), ip, folder, pod, object_rx));
        workers.insert(uid, object_tx);
        self.pods.put(change.key.clone(), run.clone());
        let (pods, key) = (self.pods.clone(), change.key);
        self.workers.spawn(async move {
            let uid = run.uid.clone();
            worker::run(run).await;
            pods.forget(&key, &uid);
        });
    }

    /// Makes the Node object, as a kubelet that joins.
    pub(crate) async fn register(&self) -> Result<(), kube::Error> {
        let api: Api<NodeObject> = Api::all(self.client.clone());
        let node: NodeObject = serde_json::from_value(json!({
            "metadata": { "name": NODE_NAME, "labels": node_labels() },
        }))
        .map_err(kube::Error::SerdeError)?;
        match api.create(&post("kubelet"), &node).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            made => drop(made?),
        }
        let room = json!({ "cpu": "8", "memory": "16Gi", "ephemeral-storage": "50Gi", "pods": "1000" });
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({ "type": kind, "status": status, "reason": reason, "message": message,
                    "lastHeartbeatTime": now(), "lastTransitionTime": now() })
        };
        let status = json!({ "status": {
            "capacity": room, "allocatable": room,
            "addresses": [
                { "type": "InternalIP", "address": self.range.node() }, { "type": "Hostname", "address": NODE_NAME },
            ],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "",
                "osImage": "Intercept's sandbox", "containerRuntimeVersion": "sandbox://1",
                "kubeletVersion": super::VERSION, "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": super::architecture(),
            },
        } });
        api.patch_status(NODE_NAME, &params("kubelet"), &Patch::Merge(status))
            .await?;
        Ok(())
    }
}
