//! What a session does while its intercept is active: stays alive, watches, and closes.

use std::collections::BTreeMap;
use std::time::Duration;

use intercept_protocol::names;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::Api;
use tokio::time::{Instant, interval, sleep_until, timeout};

use super::engage::{Context, heartbeat_every, now};
use super::{CloseReason, Outcome, Phase, SessionEvent};
use crate::apply::switch::author;
use crate::live::Live;
use crate::record_store::{Change, RecordStore, RecordStoreError};
use crate::revert::{again, leave};
use crate::snapshot::{found_record, is_proxy_selector, is_ready, selector};

/// A rolled proxy has a ready pod again within this; longer means that everybody waits for nothing.
const NO_PROXY_LIMIT: Duration = Duration::from_secs(4);
/// After this every node knows the origin Service, and addresses of single pods only grow old.
const ORIGIN_KNOWN_AFTER: Duration = Duration::from_secs(30);
/// In-flight requests may finish this long after the cluster sends no new ones.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// An intercept that was applied.
pub(super) struct Active {
    pub(super) proxy_uid: Option<String>,
    /// The proxy's, which may be another developer's setting.
    pub(super) grace: Duration,
}

/// What the watches of an active session have found.
struct Watched {
    records: Live<ConfigMap>,
    services: Live<Service>,
    pods: Live<Pod>,
    no_proxy_since: Option<Instant>,
    displaced: Option<String>,
    origin_known_at: Option<Instant>,
}

impl Context {
    /// Stays active until there is a reason to close, and closes.
    pub(super) async fn stay(&self, active: Active) -> Outcome {
        self.teller.tell(SessionEvent::Ready {
            took: self.opened.elapsed(),
        });
        self.enter_by_tunnel(None);
        let why = self.until_closed(heartbeat_every(active.grace)).await;
        self.teller.enter(Phase::Closing { why });
        let spec = &self.request.spec;
        let id = &self.identity.intercept;
        let proxy = active.proxy_uid.as_deref();
        let left = again(|| leave(&self.client, &spec.namespace, &spec.service, id, proxy)).await;
        if left.is_ok() {
            let store = RecordStore::new(&self.client, &spec.namespace, &spec.service);
            // Goes with the record if this was the last intercept; otherwise nobody needs it any more.
            let _ = store.forget(&self.identity.session).await;
            let finished = timeout(FINISH_WITHIN, self.pool.await_unrouted(id)).await;
            tracing::debug!(in_time = finished.is_ok(), "requests in flight");
        }
        Outcome::Closed { why, left }
    }

    async fn until_closed(&self, beat_every: Duration) -> CloseReason {
        let mut watched = self.watched();
        let mut beat = interval(beat_every);
        let mut relays = self.pool.events();
        let mut tunnel = self.pool.states();
        let end = self.request.spec.ttl.map(|ttl| Instant::now() + ttl);
        loop {
            let found = tokio::select! {
                () = self.cancel.cancelled() => Some(CloseReason::Asked),
                () = at(end) => Some(CloseReason::Expired),
                () = at(watched.no_proxy_since.map(|since| since + NO_PROXY_LIMIT)) => Some(CloseReason::ProxyLost),
                () = at(watched.origin_known_at) => {
                    watched.origin_known_at = None;
                    self.forget_direct().await;
                    None
                }
                _ = beat.tick() => { self.beat(beat_every).await; None }
                changed = watched.records.changed() => {
                    changed.is_ok_and(|maps| self.is_removed(maps)).then_some(CloseReason::RemovedByOther)
                }
                changed = watched.services.changed() => {
                    if let Ok(services) = changed {
                        watched.displaced = self.displaced(services);
                        self.enter_by_tunnel(watched.displaced.as_deref());
                    }
                    None
                }
                changed = watched.pods.changed() => {
                    if let Ok(pods) = changed {
                        let none = !pods.values().any(is_ready);
                        watched.no_proxy_since = none.then(|| watched.no_proxy_since.unwrap_or_else(Instant::now));
                    }
                    None
                }
                Ok(event) = relays.recv() => { self.teller.tell(SessionEvent::Relay(event)); None }
                Ok(()) = tunnel.changed() => { self.enter_by_tunnel(watched.displaced.as_deref()); None }
            };
            if let Some(why) = found {
                return why;
            }
        }
    }

    fn watched(&self) -> Watched {
        let (namespace, service) = (&self.request.spec.namespace, &self.request.spec.service);
        let client = &self.client;
        let labels = format!("{}={service}", names::PROXY_LABEL);
        Watched {
            records: Live::named(Api::namespaced(client.clone(), namespace), &names::proxy(service)),
            services: Live::named(Api::namespaced(client.clone(), namespace), service),
            pods: Live::labelled(Api::namespaced(client.clone(), namespace), &labels),
            no_proxy_since: None,
            displaced: None,
            origin_known_at: Some(Instant::now() + ORIGIN_KNOWN_AFTER),
        }
    }

    /// A heartbeat that fails is not the end: the relay shows life too, and the next one may succeed.
    async fn beat(&self, every: Duration) {
        let spec = &self.request.spec;
        let store = RecordStore::new(&self.client, &spec.namespace, &spec.service);
        match timeout(every, store.beat(&self.identity.session, &now().to_string())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a heartbeat failed"),
            Err(_) => tracing::warn!("a heartbeat was not answered in time"),
        }
    }

    /// A proxy pod that starts from now on must not meet pods that are gone. Should this fail, it looks first by itself.
    async fn forget_direct(&self) {
        let spec = &self.request.spec;
        let store = RecordStore::new(&self.client, &spec.namespace, &spec.service);
        let forgotten = store.update(|record| {
            if !record.is_direct() {
                return Ok(Change::Keep(()));
            }
            record.forget_direct();
            Ok::<_, RecordStoreError>(Change::Write(()))
        });
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "the original pods' addresses stay in the record");
        }
    }

    fn is_removed(&self, maps: &BTreeMap<String, ConfigMap>) -> bool {
        let Some(map) = maps.values().next() else {
            return true;
        };
        match found_record(map) {
            Ok(found) => found
                .record
                .intercepts
                .iter()
                .all(|one| one.id != self.identity.intercept),
            // A record somebody broke is not a removed intercept; what stands in the proxy still works.
            Err(_) => false,
        }
    }

    fn displaced(&self, services: &BTreeMap<String, Service>) -> Option<String> {
        match services.values().next() {
            Some(service) if is_proxy_selector(&selector(service), &self.request.spec.service) => None,
            Some(service) => Some(author(service)),
            None => Some("whoever deleted the Service".to_owned()),
        }
    }

    fn enter_by_tunnel(&self, displaced: Option<&str>) {
        let phase = match displaced {
            Some(by) => Phase::Displaced { by: by.to_owned() },
            None if self.pool.is_open(&self.identity.intercept) => Phase::Active,
            None => Phase::Reconnecting,
        };
        let is_same =
            std::mem::discriminant(&*self.teller.phase_tx.borrow()) == std::mem::discriminant(&phase);
        if !is_same {
            self.teller.enter(phase);
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
