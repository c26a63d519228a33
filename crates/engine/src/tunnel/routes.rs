//! Which intercept's connections go where on the laptop, and what has passed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use intercept_protocol::ids::InterceptId;
use tokio::sync::Notify;

use super::arrival::Acceptor;

/// A shared table; intercepts can join and leave while relays are open.
#[derive(Clone, Default)]
pub struct Routes(Arc<RwLock<HashMap<InterceptId, Route>>>);

#[derive(Clone)]
pub(super) struct Route {
    pub(super) acceptor: Arc<dyn Acceptor>,
    pub(super) counters: Arc<Counters>,
}

impl Routes {
    /// Sends the intercept's connections to `acceptor` from now on.
    pub fn insert(&self, intercept: InterceptId, acceptor: impl Acceptor) {
        let route = Route {
            acceptor: Arc::new(acceptor),
            counters: Arc::default(),
        };
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(intercept, route);
    }

    /// Refuses new connections of the intercept from now on; those that are served go on.
    pub fn remove(&self, intercept: &InterceptId) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(intercept);
    }

    /// What has passed for the intercept; absent when it is not routed.
    pub fn traffic(&self, intercept: &InterceptId) -> Option<Traffic> {
        self.find(intercept).map(|route| route.counters.read())
    }

    pub(super) fn find(&self, intercept: &InterceptId) -> Option<Route> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(intercept)
            .cloned()
    }
}

/// What has passed for one intercept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that went back to the original pods because they could not be served here.
    pub refused: u64,
    /// Accepted connections that ended with a reset instead of in order.
    pub resets: u64,
    /// Accepted connections that have not ended.
    pub open: u64,
    /// Bytes from the cluster to the laptop.
    pub bytes_in: u64,
    /// Bytes from the laptop to the cluster.
    pub bytes_out: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    connections: AtomicU64,
    refused: AtomicU64,
    resets: AtomicU64,
    ended: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    is_down: AtomicBool,
    has_ended: Notify,
}

impl Counters {
    pub(super) fn accepted(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.is_down.store(false, Ordering::Relaxed);
    }

    /// Whether this is the first refusal since something was accepted: the one worth telling.
    pub(super) fn refused(&self) -> bool {
        self.refused.fetch_add(1, Ordering::Relaxed);
        !self.is_down.swap(true, Ordering::Relaxed)
    }

    pub(super) fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, is_reset: bool) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.resets.fetch_add(u64::from(is_reset), Ordering::Relaxed);
        self.has_ended.notify_waiters();
    }

    /// Waits until nothing is being served.
    pub(super) async fn await_idle(&self) {
        loop {
            let has_ended = self.has_ended.notified();
            if self.read().open == 0 {
                return;
            }
            has_ended.await;
        }
    }

    fn read(&self) -> Traffic {
        let ended = self.ended.load(Ordering::Relaxed);
        let connections = self.connections.load(Ordering::Relaxed);
        Traffic {
            connections,
            refused: self.refused.load(Ordering::Relaxed),
            resets: self.resets.load(Ordering::Relaxed),
            open: connections.saturating_sub(ended),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }
}
