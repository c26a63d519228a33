//! What befalls a cluster on order: pods die, and everything sleeps.
//!
//! A sandbox cannot set the clock of other programs, nor its own without theirs. What it can do is sleep: its one
//! thread is held and its processes are stopped, so that no byte moves and no timer runs, and when it goes on, every
//! clock it looks at is ahead. That is what programs in a cluster see whose machine slept, and what their callers see.

use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Preconditions};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::Cluster;
use crate::faults::{Happening, What, Which};
use crate::{ClientError, User};

/// Pods of a sandbox that has just started run within this.
const LOOKS_FOR: Duration = Duration::from_secs(10);

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Killed, and gone.
    Died {
        /// The pod, as `namespace/name`.
        pod: String,
    },
    /// Killed, and started again.
    Crashed {
        /// The pod, as `namespace/name`.
        pod: String,
    },
    /// All of it falls asleep now, for so long.
    Sleeps(Duration),
    /// And is awake again.
    Awake,
}

/// Why it could not happen.
#[derive(Debug, thiserror::Error)]
pub enum FateError {
    /// None of the kind, or none yet.
    #[error("no pod {which} runs")]
    NoPod {
        /// Which was meant.
        which: Which,
    },
    /// The API server did not say which pods there are.
    #[error("the pod could not be looked for")]
    Look(#[source] watcher::Error),
    /// The API server did not take it away.
    #[error("pod {pod} could not be taken away")]
    Remove {
        /// The pod, as `namespace/name`.
        pod: String,
        /// Why.
        #[source]
        source: kube::Error,
    },
    /// Nobody may ask.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Cluster {
    /// Lets it happen, at its time and as often as ordered; returns after the last time. Not waited for any longer,
    /// it does not happen again.
    pub async fn befall(&self, happening: &Happening, tell: impl Fn(Result<Fate, FateError>)) {
        sleep(happening.after).await;
        let mut times = 0;
        loop {
            self.happen(&happening.what, &tell).await;
            times += 1;
            match happening.every {
                Some(every) if happening.count.is_none_or(|count| times < count) => sleep(every).await,
                _ => return,
            }
        }
    }

    async fn happen(&self, what: &What, tell: &impl Fn(Result<Fate, FateError>)) {
        match what {
            What::Dies(which) => tell(self.kill(which).await),
            What::Crashes(which) => tell(self.crash(which).await),
            What::Sleep(time) => {
                self.sleep_telling(*time, || tell(Ok(Fate::Sleeps(*time)))).await;
                tell(Ok(Fate::Awake));
            }
        }
    }

    /// Holds everything for so long: nothing answers, no byte moves, no timer runs. Not waited for any longer, it
    /// wakes up.
    pub async fn sleep(&self, time: Duration) {
        self.sleep_telling(time, || ()).await;
    }

    async fn sleep_telling(&self, time: Duration, asleep: impl FnOnce()) {
        let pods = self.node.pods();
        let (asleep_tx, asleep_rx) = oneshot::channel();
        // this → the held thread, which goes on when the sender is gone
        let (wake_tx, wake_rx) = mpsc::channel::<()>();
        let (awake_tx, awake_rx) = oneshot::channel();
        self.thread.seize(move || {
            let stopped = pods.stopped();
            let _ = asleep_tx.send(());
            let _ = wake_rx.recv();
            drop(stopped);
            let _ = awake_tx.send(());
        });
        // Errors would mean that the thread has ended: then nothing is left to sleep.
        let _ = asleep_rx.await;
        asleep();
        sleep(time).await;
        drop(wake_tx);
        let _ = awake_rx.await;
    }

    async fn kill(&self, which: &Which) -> Result<Fate, FateError> {
        let client = self.component()?;
        let found = find(&client, which).await?;
        let pod = title(&found);
        let now = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: found.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let pods: Api<Pod> = Api::namespaced(client, &found.namespace().unwrap_or_default());
        match pods.delete(&found.name_any(), &now).await {
            Ok(_) => Ok(Fate::Died { pod }),
            Err(source) => Err(FateError::Remove { pod, source }),
        }
    }

    async fn crash(&self, which: &Which) -> Result<Fate, FateError> {
        let found = find(&self.component()?, which).await?;
        self.node
            .pods()
            .kill(&found.namespace().unwrap_or_default(), &found.name_any());
        Ok(Fate::Crashed { pod: title(&found) })
    }

    /// Not a target of faults on order.
    fn component(&self) -> Result<Client, ClientError> {
        self.sandbox.client_for(User::admin("system:fate"))
    }
}

/// The first that runs, waited for a while.
async fn find(client: &Client, which: &Which) -> Result<Pod, FateError> {
    let api: Api<Pod> = match &which.namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let config = watcher::Config::default();
    let config = if which.pod.contains('=') {
        config.labels(&which.pod)
    } else {
        config.fields(&format!("metadata.name={}", which.pod))
    };
    let running = watcher(api, config)
        .applied_objects()
        .try_filter(|pod| std::future::ready(runs(pod)));
    let mut running = pin!(running);
    let no_pod = || FateError::NoPod { which: which.clone() };
    match timeout(LOOKS_FOR, running.next()).await {
        Ok(Some(found)) => found.map_err(FateError::Look),
        Ok(None) | Err(_) => Err(no_pod()),
    }
}

fn runs(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && phase == Some("Running")
}

fn title(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any())
}
