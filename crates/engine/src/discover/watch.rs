//! Keeps an inventory up to date by watching: nothing is polled, and only facts are kept in memory.
//!
//! One task owns all facts. Changes that come close together are published together, and what did not
//! change is not published again.

mod feed;

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll, select_all};
use kube::Client;
use serde::Serialize;
use tokio::sync::watch as channel;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, MissedTickBehavior, interval, sleep_until};

use self::feed::{Feed, Step, observe};
use super::facts::{self, Labels, SliceFacts, World};
use super::intercept::{self, InterceptSummary, RecordFacts};
use super::inventory::{Summary, summarise};
use super::service::{self, ServiceFacts, ServiceSummary};
use super::source::{api, record_labels};
use super::unix_now;
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
                if may_narrow && known.services.is_refused() {
                    return Ended::NotAllowed;
                }
                due.get_or_insert_with(|| Instant::now() + pause);
            }
            () = sleep_until(publish_at), if due.is_some() => {
                due = None;
                pause = known.publish(inventory_tx).saturating_mul(BUSY_SHARE).max(GATHER);
            }
            _ = ages.tick(), if !known.world.records.is_empty() => {
                known.publish(inventory_tx);
            }
        }
    }
}

enum Change {
    Services(Step<ServiceFacts>),
    Slices(Step<SliceFacts>),
    Records(Step<RecordFacts>),
    Deployments(Step<Labels>),
    StatefulSets(Step<Labels>),
    DaemonSets(Step<Labels>),
}

fn changes(client: &Client, namespace: Option<&str>) -> SelectAll<BoxStream<'static, Change>> {
    let client = || client.clone();
    select_all([
        observe(api(client(), namespace), "", service::facts)
            .map(Change::Services)
            .boxed(),
        observe(api(client(), namespace), "", facts::slice)
            .map(Change::Slices)
            .boxed(),
        observe(api(client(), namespace), &record_labels(), intercept::facts)
            .map(Change::Records)
            .boxed(),
        observe(api(client(), namespace), "", facts::deployment)
            .map(Change::Deployments)
            .boxed(),
        observe(api(client(), namespace), "", facts::stateful_set)
            .map(Change::StatefulSets)
            .boxed(),
        observe(api(client(), namespace), "", facts::daemon_set)
            .map(Change::DaemonSets)
            .boxed(),
    ])
}

/// All facts, and how far each kind's watch is.
struct Known {
    namespace: Option<String>,
    world: World,
    services: Feed<ServiceFacts>,
    slices: Feed<SliceFacts>,
    records: Feed<RecordFacts>,
    deployments: Feed<Labels>,
    stateful_sets: Feed<Labels>,
    daemon_sets: Feed<Labels>,
}

impl Known {
    fn new(namespace: Option<String>) -> Self {
        Self {
            namespace,
            world: World::default(),
            services: Feed::default(),
            slices: Feed::default(),
            records: Feed::default(),
            deployments: Feed::default(),
            stateful_sets: Feed::default(),
            daemon_sets: Feed::default(),
        }
    }

    fn take(&mut self, change: Change) {
        let (world, keep) = (&mut self.world, |_: &mut Labels, _: Option<&Labels>| ());
        match change {
            Change::Services(step) => self.services.take(&mut world.services, step, |_, _| ()),
            Change::Slices(step) => self.slices.take(&mut world.slices, step, |_, _| ()),
            Change::Records(step) => {
                let now = Instant::now();
                self.records
                    .take(&mut world.records, step, |new, old| new.watched(old, now));
            }
            Change::Deployments(step) => self.deployments.take(&mut world.deployments, step, keep),
            Change::StatefulSets(step) => self.stateful_sets.take(&mut world.stateful_sets, step, keep),
            Change::DaemonSets(step) => self.daemon_sets.take(&mut world.daemon_sets, step, keep),
        }
    }

    /// Each kind's name, whether its first list is there (or will not come), and its trouble.
    fn feeds(&self) -> [(&'static str, bool, Option<&ApiFailure>); 6] {
        [
            ("Services", self.services.is_settled(), self.services.trouble()),
            (
                "EndpointSlices (ready pods)",
                self.slices.is_settled(),
                self.slices.trouble(),
            ),
            (
                "ConfigMaps (intercepts)",
                self.records.is_settled(),
                self.records.trouble(),
            ),
            (
                "Deployments",
                self.deployments.is_settled(),
                self.deployments.trouble(),
            ),
            (
                "StatefulSets",
                self.stateful_sets.is_settled(),
                self.stateful_sets.trouble(),
            ),
            (
                "DaemonSets",
                self.daemon_sets.is_settled(),
                self.daemon_sets.trouble(),
            ),
        ]
    }

    fn connection(&self) -> Connection {
        if let Some(reason) = self.services.trouble() {
            return Connection::Reconnecting {
                reason: reason.clone(),
            };
        }
        // What may not be listed is a note, not a broken connection.
        let feeds = self.feeds();
        let trouble = feeds
            .iter()
            .filter_map(|(_, _, trouble)| *trouble)
            .find(|trouble| !trouble.is_forbidden());
        trouble.map_or(Connection::Live, |reason| Connection::Reconnecting {
            reason: reason.clone(),
        })
    }

    fn notes(&self) -> Vec<String> {
        let refused = |(what, _, trouble): (&str, bool, Option<&ApiFailure>)| {
            let failure = trouble.filter(|trouble| trouble.is_forbidden())?;
            Some(format!("{what} are not shown: {}", failure.words))
        };
        self.feeds().into_iter().filter_map(refused).collect()
    }

    /// Publishes what is new and tells how long making it took. The first time waits for every kind, so
    /// that nothing is shown that half a second later is not so.
    fn publish(&self, inventory_tx: &channel::Sender<Arc<Inventory>>) -> Duration {
        if !self.feeds().iter().all(|(_, is_settled, _)| *is_settled) {
            return Duration::ZERO;
        }
        let begin = Instant::now();
        let Summary {
            services,
            intercepts,
            notes,
        } = summarise(&self.world, unix_now());
        let connection = self.connection();
        let notes = [self.notes(), notes].concat();
        let inventory = Inventory {
            namespace: self.namespace.clone(),
            connection,
            services,
            intercepts,
            notes,
        };
        inventory_tx.send_if_modified(|standing| {
            let is_new = **standing != inventory;
            if is_new {
                *standing = Arc::new(inventory);
            }
            is_new
        });
        begin.elapsed()
    }
}
