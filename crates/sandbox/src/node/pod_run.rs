//! One pod on the node: what is known of it, shared by the tasks that run its containers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::events::{Severity, about};
use super::kubelet::Kubelet;
use super::logs::Log;
use super::objects::Objects;
use super::path_map::PathMap;
use super::pod::{ContainerState, PodState, Stage, Terminated};
use super::workload::Handle;
use crate::network::addresses::PodAddress;
use crate::node_access::{LogOptions, NodeError};

pub(crate) const ACCOUNT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A pod that the node runs.
pub(crate) struct PodRun {
    pub(crate) kubelet: Arc<Kubelet>,
    pub(crate) objects: Objects,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) ip: PodAddress,
    /// Everything of the pod's on the disk. Short: paths of Unix sockets below it must fit 100 bytes.
    pub(crate) folder: PathBuf,
    /// Cancelled when no container may start again.
    pub(crate) stopping: CancellationToken,
    // kubelet → worker: the pod as the API server has it; nothing once it is gone there
    pub(crate) object: watch::Receiver<Option<Arc<Pod>>>,
    /// The last object there was.
    first: Arc<Pod>,
    // containers → worker
    pub(crate) state: watch::Sender<PodState>,
    runs: Mutex<BTreeMap<String, Runs>>,
}

/// A container's runs as far as somebody can still ask for them.
#[derive(Default)]
struct Runs {
    present: Option<Log>,
    previous: Option<Log>,
    handle: Option<Handle>,
    count: u64,
}

impl PodRun {
    pub(crate) fn new(
        kubelet: Arc<Kubelet>,
        ip: PodAddress,
        folder: PathBuf,
        first: Arc<Pod>,
        object: watch::Receiver<Option<Arc<Pod>>>,
    ) -> Self {
        let objects = Objects {
            client: kubelet.client.clone(),
            namespace: first.metadata.namespace.clone().unwrap_or_default(),
        };
        let spec = first.spec.clone().unwrap_or_default();
        let state = |reason: &'static str| {
            move |one: &Container| {
                ContainerState::new(&one.name, one.image.as_deref().unwrap_or_default(), reason)
            }
        };
        let has_init = spec.init_containers.as_ref().is_some_and(|all| !all.is_empty());
        let state = PodState {
            ip: String::new(),
            host_ip: kubelet.range.node().to_string(),
            started_at: Some(Timestamp::now()),
            init: spec
                .init_containers
                .iter()
                .flatten()
                .map(state("PodInitializing"))
                .collect(),
            containers: spec
                .containers
                .iter()
                .map(state(if has_init {
                    "PodInitializing"
                } else {
                    "ContainerCreating"
                }))
                .collect(),
        };
        Self {
            name: first.metadata.name.clone().unwrap_or_default(),
            uid: first.metadata.uid.clone().unwrap_or_default(),
            objects,
            ip,
            folder,
            stopping: CancellationToken::new(),
            object,
            first,
            state: watch::Sender::new(state),
            runs: Mutex::default(),
            kubelet,
        }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<String, Runs>> {
        // Nothing panics while it is held.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pod as the API server has it, or had it last.
    pub(crate) fn pod(&self) -> Arc<Pod> {
        self.object.borrow().clone().unwrap_or_else(|| self.first.clone())
    }

    /// As messages of a kubelet name a pod.
    pub(crate) fn title(&self) -> String {
        format!("{}_{}({})", self.name, self.objects.namespace, self.uid)
    }

    /// The folder that stands for a container's root.
    pub(crate) fn root(&self, container: &str) -> PathBuf {
        self.folder.join(container)
    }

    /// How a container's paths are rewritten.
    pub(crate) fn paths(&self, container: &Container) -> PathMap {
        let mounts = container
            .volume_mounts
            .iter()
            .flatten()
            .map(|one| one.mount_path.as_str());
        PathMap::new(self.root(&container.name), mounts.chain([ACCOUNT_DIR]))
    }

    /// Writes an Event about the pod, or one of its containers.
    pub(crate) fn tell(&self, container: Option<&str>, severity: Severity, reason: &str, message: String) {
        let pod = self.pod();
        let mut on = about(&*pod);
        if let Some(container) = container {
            let init = pod.spec.as_ref().and_then(|spec| spec.init_containers.clone());
            let is_init = init.iter().flatten().any(|one| one.name == container);
            let field = if is_init { "initContainers" } else { "containers" };
            on.field_path = Some(format!("spec.{field}{{{container}}}"));
        }
        self.kubelet.recorder.tell(on, severity, reason, message);
    }

    fn change(&self, container: &str, change: impl FnOnce(&mut ContainerState)) {
        self.state.send_if_modified(|state| {
            let Some(one) = state.container(container) else {
                return false;
            };
            let before = one.clone();
            change(one);
            *one != before
        });
    }

    /// What a container does now.
    pub(crate) fn stage(&self, container: &str) -> Option<Stage> {
        let state = self.state.borrow();
        let mut all = state.init.iter().chain(&state.containers);
        all.find(|one| one.name == container).map(|one| one.stage.clone())
    }

    /// The container waits, for this reason.
    pub(crate) fn waiting(&self, container: &str, reason: &str, message: &str) {
        self.change(container, |one| {
            if let Stage::Terminated(end) = &one.stage {
                one.last = Some(end.clone());
            }
            one.stage = Stage::waiting(reason, message);
            one.ready = false;
        });
    }

    /// A new run begins: its log, and the one before as the previous.
    pub(crate) fn fresh_log(&self, container: &str) -> Log {
        let log = Log::default();
        let mut all = self.runs();
        let runs = all.entry(container.to_owned()).or_default();
        runs.previous = runs.present.replace(log.clone()).or(runs.previous.take());
        runs.count += 1;
        log
    }

    /// The end of the present run's log.
    pub(crate) fn log_tail(&self, container: &str, lines: usize) -> String {
        let runs = self.runs();
        let log = runs.get(container).and_then(|runs| runs.present.clone());
        drop(runs);
        log.map(|log| log.tail(lines)).unwrap_or_default()
    }

    /// It runs.
    pub(crate) fn running(&self, container: &str, started_at: Timestamp, handle: Handle) {
        let count = {
            let mut all = self.runs();
            let runs = all.entry(container.to_owned()).or_default();
            runs.handle = Some(handle);
            runs.count
        };
        let id = format!("sandbox://{}/{container}/{count}", self.uid);
        self.change(container, |one| {
            if let Stage::Terminated(end) = &one.stage {
                one.last = Some(end.clone());
            }
            one.restarts = u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
            one.stage = Stage::Running { started_at };
            one.id = id;
        });
    }

    /// It is ready, or not any more.
    pub(crate) fn ready(&self, container: &str, is_ready: bool) {
        self.change(container, |one| {
            one.ready = is_ready && matches!(one.stage, Stage::Running { .. });
        });
    }

    /// A run ended.
    pub(crate) fn ended(&self, container: &str, mut end: Terminated) {
        if let Some(runs) = self.runs().get_mut(container) {
            runs.handle = None;
            if let Some(log) = &runs.present {
                log.end();
            }
        }
        self.change(container, |one| {
            end.id.clone_from(&one.id);
            one.stage = Stage::Terminated(end);
            one.ready = false;
        });
    }

    /// An init container is ready when it has completed.
    pub(crate) fn completed(&self, container: &str) {
        self.change(container, |one| one.ready = true);
    }

    /// The handle of a container that runs.
    pub(crate) fn handle(&self, container: &str) -> Option<Handle> {
        self.runs().get(container).and_then(|runs| runs.handle.clone())
    }

    /// The handles of all containers that run.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        self.runs()
            .values()
            .filter_map(|runs| runs.handle.clone())
            .collect()
    }

    /// A container's log.
    pub(crate) fn log(
        &self,
        container: &str,
        options: &LogOptions,
    ) -> Result<crate::node_access::ByteStream, NodeError> {
        let stage = self.stage(container);
        let (pod, container) = (self.name.clone(), container.to_owned());
        let Some(stage) = stage else {
            return Err(NodeError::NoContainer { pod, container });
        };
        let runs = self.runs();
        let runs = runs.get(&container);
        let found = runs.and_then(|runs| {
            if options.previous {
                runs.previous.clone()
            } else {
                runs.present.clone()
            }
        });
        match (found, stage) {
            (Some(log), _) => Ok(log.read(options)),
            (None, _) if options.previous => Err(NodeError::NoPrevious { pod, container }),
            (None, Stage::Waiting { reason, .. }) => Err(NodeError::NotStarted {
                pod,
                container,
                reason,
            }),
            (None, _) => Err(NodeError::NoContainer { pod, container }),
        }
    }
}
