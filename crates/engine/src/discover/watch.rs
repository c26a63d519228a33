//! Keeps an inventory up to date by watching: nothing is polled, and only facts are kept in memory.
//!
//! One task owns all facts. Changes that come close together are published together, and what did not
//! change is not published again.

mod feed;
mod known;

use std::sync::Arc;

use futures::StreamExt as _;
use serde::Serialize;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep_until};

use self::known::{Known, changes};
use super::intercept::InterceptSummary;
use super::service::ServiceSummary;
use crate::cluster::{ApiFailure, Cluster};

/// Changes within this time are published together; nobody sees more than thirty a second.
const GATHER: Duration = Duration::from_millis(30);
/// Making summaries takes at most this part of the time, however many Services change.
const BUSY_SHARE: u32 = 10;
/// Signs of life grow old without an event.
const AGE_CHECK: Duration = Duration::from_secs(5);

/// What there is, as far as it is known now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The namespace that is watched, or all: not always the one asked for, where rights are missing.
    pub namespace: Option<String>,
    /// Whether this is how things are, or how they last were.
    pub connection: Connection,
    /// Services, by namespace and name.
    pub services: Vec<ServiceSummary>,
    /// Everybody's intercepts, oldest first.
    pub intercepts: Vec<InterceptSummary>,
    /// What is missing here and why, in sentences.
    pub notes: Vec<String>,
}

/// The state of the watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Connection {
    /// Nothing is known yet.
    Connecting,
    /// Changes show as they happen.
    Live,
    /// What is shown may be old; the watches are being started again.
    Reconnecting {
        /// Why they ended.
        reason: ApiFailure,
    },
}

/// A running watch. Stops when dropped.
#[derive(Debug)]
pub struct Watch {
    // watching task → whoever shows it
    inventory_rx: channel::Receiver<Arc<Inventory>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Waits for an inventory that was not waited for before; false when the watch has ended.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn changed(&mut self) -> bool {
        self.inventory_rx.changed().await.is_ok()
    }

    /// The newest inventory.
    pub fn current(&self) -> Arc<Inventory> {
        self.inventory_rx.borrow().clone()
    }

    /// Stops and waits until nothing of it runs any more.
    pub async fn stop(mut self) {
        self.task.abort();
        // Aborted is what it should be; a panic was reported by the task itself.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches the Services of `namespace`, or of all, and what belongs to them.
///
/// Where all may not be listed, the context's namespace is watched instead. Watches that end are started
/// again with growing pauses, for as long as this lives. Must be called inside of a Tokio runtime.
pub fn watch(cluster: &Cluster, namespace: Option<String>) -> Watch {
    let (inventory_tx, inventory_rx) = channel::channel(Arc::new(Inventory::empty(namespace.clone())));
    let task = tokio::spawn(run(cluster.clone(), namespace, inventory_tx));
    Watch { inventory_rx, task }
}

impl Inventory {
    fn empty(namespace: Option<String>) -> Self {
        Self {
            namespace,
            connection: Connection::Connecting,
            services: Vec::new(),
            intercepts: Vec::new(),
            notes: Vec::new(),
        }
    }
}

async fn run(cluster: Cluster, namespace: Option<String>, inventory_tx: channel::Sender<Arc<Inventory>>) {
    let may_narrow = namespace.is_none();
    if watch_in(&cluster, namespace, may_narrow, &inventory_tx).await == Ended::NotAllowed {
        let own = cluster.default_namespace().to_owned();
        watch_in(&cluster, Some(own), false, &inventory_tx).await;
    }
}

#[derive(PartialEq, Eq)]
enum Ended {
    /// Nobody looks any more.
    Unwatched,
    /// Services may not be listed here, and there is somewhere else to look.
    NotAllowed,
}

async fn watch_in(
    cluster: &Cluster,
    namespace: Option<String>,
    may_narrow: bool,
    inventory_tx: &channel::Sender<Arc<Inventory>>,
) -> Ended {
    let mut changes = changes(&cluster.client(), namespace.as_deref());
    let mut known = Known::new(namespace);
    let mut ages = interval(AGE_CHECK);
    ages.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due: Option<Instant> = None;
    let mut pause = GATHER;
    loop {
        let publish_at = due.unwrap_or_else(Instant::now);
        tokio::select! {
            () = inventory_tx.closed() => return Ended::Unwatched,
            Some(change) = changes.next() => {
                known.take(change);
                if may_narrow && known.is_refused() {
                    return Ended::NotAllowed;
                }
                due.get_or_insert_with(|| Instant::now() + pause);
            }
            () = sleep_until(publish_at), if due.is_some() => {
                due = None;
                pause = known.publish(inventory_tx).saturating_mul(BUSY_SHARE).max(GATHER);
            }
            _ = ages.tick(), if known.has_records() => {
                known.publish(inventory_tx);
            }
        }
    }
}
