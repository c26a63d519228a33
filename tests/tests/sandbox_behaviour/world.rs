//! One cluster in this process, whose proxy pods go at once when they are told to: draining is not the subject.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use intercept_protocol::names;
use intercept_sandbox::faults::{Effect, Ordered};
use intercept_sandbox::node::NodeOptions;
use intercept_sandbox::{Cluster, ClusterOptions, User};
use intercept_tests::{Laptop, await_true};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tempfile::TempDir;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::place::Place;
use crate::steps::Step;

/// Longer than anything here may take on a machine that does much else; what takes longer hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// How long a call that hangs does so.
const HANGS_FOR: Duration = Duration::from_millis(100);

/// A cluster, the developers' local program, and what both need on this machine.
pub(crate) struct World {
    cluster: Cluster,
    /// Sees and may do everything, and is neither remembered nor struck by faults.
    pub(crate) client: Client,
    pub(crate) laptop: Laptop,
    folder: TempDir,
    places: AtomicU64,
    _hurry: AbortOnDropHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let node = NodeOptions {
            without_nginx: true,
            crash_backoff: Duration::from_millis(100),
            ..NodeOptions::default()
        };
        let options = ClusterOptions {
            node,
            ..ClusterOptions::default()
        };
        let cluster = Cluster::start(options).await.expect("the cluster must start");
        let client = client(&cluster, "system:witness");
        let hurry = tokio::spawn(hurry(client.clone()));
        Self {
            cluster,
            client,
            laptop: Laptop::start("laptop").await,
            folder: tempfile::tempdir().expect("a folder must be possible"),
            places: AtomicU64::new(0),
            _hurry: AbortOnDropHandle::new(hurry),
        }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A namespace with one Service, whose pod is ready.
    pub(crate) async fn place(&self) -> Place<'_> {
        let number = self.places.fetch_add(1, Ordering::Relaxed);
        Place::make(self, format!("place-{number}")).await
    }

    /// A kubeconfig of a user who may do everything.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        let file = self.folder.path().join(format!("{user}.kubeconfig"));
        let text = self.cluster.sandbox().kubeconfig_for(User::admin(user));
        std::fs::write(&file, text).expect("a kubeconfig must be written");
        file
    }

    /// Where a developer's machine keeps its sessions' locks.
    pub(crate) fn locks(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("{user}.locks"))
    }

    /// What this user called so far.
    pub(crate) fn steps_of(&self, user: &str) -> Vec<Step> {
        let calls = self.cluster.sandbox().faults().calls_of(user);
        Step::of_calls(calls.into_iter())
    }

    /// Waits until a program that says it is ready has done all that it does at first: its watches stand, its first
    /// heartbeat is written. Only then is the next call one of its way out.
    pub(crate) async fn await_rest(&self, user: &str, case: &str) {
        let watched = ["configmaps", "services", "pods"];
        await_true(LIMIT, case, async || {
            let steps = self.steps_of(user);
            let last = |resource: &str| {
                steps
                    .iter()
                    .rev()
                    .find(|step| step.is_of(resource) && step.is_look())
            };
            let has_beaten = steps.iter().any(Step::is_heartbeat);
            has_beaten && watched.iter().all(|one| last(one).is_some_and(Step::is_watch))
        })
        .await;
    }

    /// Orders a fault for one call of one user.
    pub(crate) fn order(&self, step: &Step, effect: &Effect, user: &str) -> Struck {
        let fault = self
            .cluster
            .sandbox()
            .faults()
            .order(step.fault(effect.clone(), user));
        let releasing = (*effect == Effect::Hang).then(|| {
            let fault = fault.clone();
            AbortOnDropHandle::new(tokio::spawn(async move {
                fault.first_strike().await;
                tokio::time::sleep(HANGS_FOR).await;
                fault.release();
            }))
        });
        Struck {
            fault,
            _releasing: releasing,
        }
    }

    /// Orders that one call hangs until the answer is dropped.
    pub(crate) fn hold(&self, step: &Step, user: &str) -> Struck {
        let fault = self
            .cluster
            .sandbox()
            .faults()
            .order(step.fault(Effect::Hang, user));
        Struck {
            fault,
            _releasing: None,
        }
    }

    pub(crate) async fn stop(self) {
        drop(self._hurry);
        self.cluster.stop().await;
    }
}

/// An ordered fault, taken back when dropped.
pub(crate) struct Struck {
    fault: Ordered,
    _releasing: Option<AbortOnDropHandle<()>>,
}

impl Struck {
    pub(crate) fn has_struck(&self) -> bool {
        self.fault.struck() > 0
    }

    /// Waits until it has struck.
    pub(crate) async fn strikes(&self, case: &str) {
        let struck = timeout(LIMIT, self.fault.first_strike()).await;
        struck.unwrap_or_else(|_| panic!("{case}: the call never came"));
    }

    pub(crate) fn release(&self) {
        self.fault.release();
    }
}

impl Drop for Struck {
    fn drop(&mut self) {
        self.fault.cancel();
    }
}

/// A client for one of the cluster's own components.
fn client(cluster: &Cluster, name: &str) -> Client {
    let client = cluster.sandbox().client_for(User::admin(name));
    client.expect("a client must be made")
}

/// Ends the proxy's pods as soon as they shall go.
async fn hurry(client: Client) {
    let config = watcher::Config::default().labels(names::PROXY_LABEL);
    let pods = watcher(Api::<Pod>::all(client.clone()), config).default_backoff();
    let mut pods = std::pin::pin!(pods.touched_objects());
    while let Some(found) = pods.next().await {
        let Ok(pod) = found else { continue };
        if pod.metadata.deletion_timestamp.is_none() {
            continue;
        }
        let own: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
        // Gone already is as good.
        let _ = own
            .delete(&pod.name_any(), &DeleteParams::default().grace_period(0))
            .await;
    }
}
