//! All facts that the watches have brought, and what is published of them.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::{BoxStream, SelectAll, select_all};
use kube::Client;
use tokio::sync::watch as channel;
use tokio::time::{Duration, Instant};

use super::feed::{Feed, Step, observe};
use super::{Connection, Inventory};
use crate::cluster::ApiFailure;
use crate::discover::facts::{self, Labels, SliceFacts, World};
use crate::discover::intercept::{self, RecordFacts};
use crate::discover::inventory::{Summary, summarise};
use crate::discover::service::{self, ServiceFacts};
use crate::discover::source::{api, record_labels};
use crate::discover::unix_now;

/// One step of one kind's watch.
pub(super) enum Change {
    Services(Step<ServiceFacts>),
    Slices(Step<SliceFacts>),
    Records(Step<RecordFacts>),
    Deployments(Step<Labels>),
    StatefulSets(Step<Labels>),
    DaemonSets(Step<Labels>),
}

pub(super) fn changes(client: &Client, namespace: Option<&str>) -> SelectAll<BoxStream<'static, Change>> {
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
pub(super) struct Known {
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
    pub(super) fn new(namespace: Option<String>) -> Self {
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

    pub(super) fn take(&mut self, change: Change) {
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

    /// Whether Services may not be listed here.
    pub(super) fn is_refused(&self) -> bool {
        self.services.trouble().is_some_and(ApiFailure::is_forbidden)
    }

    /// Whether there is anything that grows old by itself.
    pub(super) fn has_records(&self) -> bool {
        !self.world.records.is_empty()
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
    pub(super) fn publish(&self, inventory_tx: &channel::Sender<Arc<Inventory>>) -> Duration {
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
