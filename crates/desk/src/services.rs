//! The Services that the window shows: watched, and told as what changed.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use intercept_engine::cluster::Cluster;
use intercept_engine::discover::{self, DiscoverError, Inventory, ServiceSummary, Watch};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::CommandError;
use crate::feed::Feed;
use crate::wire::{Connection, DeskEvent, ServicesChange};

/// So long somebody looks at an empty list before it says why.
const FIRST_WITHIN: Duration = Duration::from_secs(10);

/// At most one watch: there is one list.
pub(crate) struct Services {
    feed: Feed,
    watching: Mutex<Option<JoinHandle<()>>>,
}

impl Services {
    pub(crate) fn new(feed: Feed) -> Self {
        Self {
            feed,
            watching: Mutex::default(),
        }
    }

    /// Watches these from now on, and those of before no more. Answers once they are known, or as far as they are.
    pub(crate) async fn watch(
        &self,
        cluster: &Cluster,
        namespace: Option<String>,
    ) -> Result<ServicesChange, CommandError> {
        let mut watching = self.watching.lock().await;
        if let Some(before) = watching.take() {
            before.abort();
        }
        let context = cluster.context().to_owned();
        let mut watch = discover::watch(cluster, namespace);
        let _ = timeout(FIRST_WITHIN, known(&mut watch)).await;
        let first = watch.current();
        // Nothing is known, and why: that is the answer. What is lost later is told as it happens.
        if let discover::Connection::Reconnecting { reason } = &first.connection
            && first.services.is_empty()
        {
            let error = DiscoverError::Services {
                namespace: first.namespace.clone(),
                source: reason.clone(),
            };
            return Err(error.into());
        }
        let answer = whole(&context, &first);
        *watching = Some(tokio::spawn(follow(self.feed.clone(), context, watch, first)));
        Ok(answer)
    }

    /// Watches nothing any more.
    pub(crate) async fn stop(&self) {
        if let Some(before) = self.watching.lock().await.take() {
            before.abort();
        }
    }
}

/// Waits for the first state that is more than nothing.
async fn known(watch: &mut Watch) {
    while watch.current().connection == discover::Connection::Connecting {
        if !watch.changed().await {
            return;
        }
    }
}

async fn follow(feed: Feed, context: String, mut watch: Watch, mut told: Arc<Inventory>) {
    while watch.changed().await {
        let now = watch.current();
        let change = difference(&context, &told, &now);
        told = now;
        feed.tell(&DeskEvent::Services(change));
    }
}

fn whole(context: &str, now: &Inventory) -> ServicesChange {
    ServicesChange {
        is_whole: true,
        changed: now.services.clone(),
        removed: Vec::new(),
        ..head(context, now)
    }
}

fn head(context: &str, now: &Inventory) -> ServicesChange {
    ServicesChange {
        context: context.to_owned(),
        namespace: now.namespace.clone(),
        connection: connection(&now.connection),
        is_whole: false,
        changed: Vec::new(),
        removed: Vec::new(),
        notes: now.notes.clone(),
    }
}

fn connection(connection: &discover::Connection) -> Connection {
    match connection {
        discover::Connection::Connecting => Connection::Connecting,
        discover::Connection::Live => Connection::Live,
        discover::Connection::Reconnecting { reason } => Connection::Reconnecting {
            why: reason.to_string(),
            hint: reason.hint().map(str::to_owned),
        },
    }
}

/// Both lists stand in the same order, so one walk finds what differs.
fn difference(context: &str, before: &Inventory, now: &Inventory) -> ServicesChange {
    let mut change = head(context, now);
    let (mut old, mut new) = (before.services.iter().peekable(), now.services.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return change,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => place(old).cmp(&place(new)),
        };
        let left = if order.is_le() { old.next() } else { None };
        let right = if order.is_ge() { new.next() } else { None };
        match (left, right) {
            (Some(gone), None) => change.removed.push((gone.namespace.clone(), gone.name.clone())),
            (left, Some(one)) if left != Some(one) => change.changed.push(one.clone()),
            _ => {}
        }
    }
}

fn place(service: &ServiceSummary) -> (&str, &str) {
    (&service.namespace, &service.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, ready: usize) -> ServiceSummary {
        ServiceSummary {
            namespace: "shop".to_owned(),
            name: name.to_owned(),
            kind: "ClusterIP".to_owned(),
            cluster_ip: None,
            ports: Vec::new(),
            workload: None,
            ready,
            intercepts: Vec::new(),
            obstacle: None,
        }
    }

    fn inventory(services: &[(&str, usize)]) -> Inventory {
        Inventory {
            namespace: None,
            connection: discover::Connection::Live,
            services: services
                .iter()
                .map(|(name, ready)| service(name, *ready))
                .collect(),
            intercepts: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = inventory(&[("a", 1), ("b", 1), ("d", 1)]);
        let now = inventory(&[("a", 1), ("b", 2), ("c", 1), ("e", 1)]);
        let change = difference("kind", &before, &now);
        let changed: Vec<_> = change.changed.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(changed, ["b", "c", "e"]);
        assert_eq!(change.removed, [("shop".to_owned(), "d".to_owned())]);
        assert!(!change.is_whole);
        let nothing = difference("kind", &now, &now);
        assert!(nothing.changed.is_empty() && nothing.removed.is_empty());
    }
}
