//! kube-proxy's place: each port of a Service listens on its address and leads every new connection to an endpoint.
//!
//! A connection once made stays where it is, whatever becomes of the Service, as with iptables. A port without
//! endpoints refuses. Unlike with iptables an endpoint that refuses is met after the caller was accepted: the
//! caller's connection is then reset rather than refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::loopback::{Listening, Loopback};
use super::routes::{Routes, routes};
use crate::controllers::slices::SERVICE_NAME_LABEL;
use crate::node::cache::{Cache, Change, Key};
use crate::node::events::{Recorder, Severity, about};

const BUFFER: usize = 64 * 1024;
/// A port that another program has: perhaps it goes.
const TRY_AGAIN_FIRST: Duration = Duration::from_millis(4);
const TRY_AGAIN_MOST: Duration = Duration::from_secs(2);

/// The proxy of one node.
pub(crate) struct ServiceProxy {
    pub(crate) carrier: Carrier,
    pub(crate) services: Cache<Service>,
    pub(crate) slices: Cache<EndpointSlice>,
    /// As kube-proxy's `--iptables-min-sync-period`: a change waits until so long after the one before.
    pub(crate) min_interval: Duration,
    pub(crate) recorder: Recorder,
}

/// What carries connections; they outlive the listeners they came by.
#[derive(Clone)]
pub(crate) struct Carrier {
    pub(crate) network: Loopback,
    pub(crate) connections: TaskTracker,
    /// Cancelled when connections end with the node.
    pub(crate) stopping: CancellationToken,
}

struct Port {
    // proxy → listener
    behind: watch::Sender<Vec<SocketAddr>>,
    _task: AbortOnDropHandle<()>,
}

impl ServiceProxy {
    /// Serves until dropped; connections go on.
    pub(crate) async fn run(self) {
        let (mut services, mut slices) = (self.services.subscribe(), self.slices.subscribe());
        let mut ports: BTreeMap<Key, BTreeMap<SocketAddr, Port>> = BTreeMap::new();
        let mut changed: BTreeSet<Key> = BTreeSet::new();
        let mut not_before = Instant::now();
        loop {
            tokio::select! {
                Some(change) = services.recv() => { changed.insert(change.key); }
                Some(change) = slices.recv() => changed.extend(service_of(&change)),
                () = sleep_until(not_before), if !changed.is_empty() => {
                    for key in std::mem::take(&mut changed) {
                        self.apply(&key, &mut ports);
                    }
                    not_before = Instant::now() + self.min_interval;
                }
                else => return,
            }
        }
    }

    fn apply(&self, key: &Key, ports: &mut BTreeMap<Key, BTreeMap<SocketAddr, Port>>) {
        let wanted = self.wanted(key);
        let mut standing = ports.remove(key).unwrap_or_default();
        standing.retain(|address, _| wanted.contains_key(address));
        for (address, behind) in wanted {
            match standing.get(&address) {
                Some(port) => {
                    port.behind.send_replace(behind);
                }
                None => {
                    standing.insert(address, self.open(key, address, behind));
                }
            }
        }
        if !standing.is_empty() {
            ports.insert(key.clone(), standing);
        }
    }

    fn wanted(&self, key: &Key) -> Routes {
        let Some(service) = self.services.get(key) else {
            return Routes::new();
        };
        let slices = self.slices.in_namespace(&key.0);
        let own: Vec<&EndpointSlice> = slices
            .iter()
            .map(AsRef::as_ref)
            .filter(|slice| name_of(slice) == Some(key.1.as_str()))
            .collect();
        routes(&service, &own)
    }

    fn open(&self, key: &Key, address: SocketAddr, behind: Vec<SocketAddr>) -> Port {
        let behind = watch::Sender::new(behind);
        let (carrier, behind_rx) = (self.carrier.clone(), behind.subscribe());
        let (recorder, service) = (self.recorder.clone(), self.services.get(key));
        let task = tokio::spawn(async move {
            let mut wait = TRY_AGAIN_FIRST;
            let listening = loop {
                match carrier.network.listen(address).await {
                    Ok(listening) => break listening,
                    // The listener before is closed in a moment; what lasts longer is told.
                    Err(error) if wait > TRY_AGAIN_FIRST => {
                        refused(&recorder, service.as_deref(), address, &error);
                    }
                    Err(_) => {}
                }
                sleep(wait).await;
                wait = (wait * 8).min(TRY_AGAIN_MOST);
            };
            carrier.serve(&listening, &behind_rx).await;
        });
        Port {
            behind,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

/// Ports below 1024 are not everybody's to listen on: whoever asks why nobody answers finds it with the Service.
fn refused(recorder: &Recorder, service: Option<&Service>, address: SocketAddr, error: &io::Error) {
    tracing::debug!(%address, %error, "a Service's port cannot be listened on");
    if let Some(service) = service {
        let message = format!("nobody can listen on {address}: {error}");
        recorder.tell(about(service), Severity::Warning, "FailedListen", message);
    }
}

fn service_of(change: &Change<EndpointSlice>) -> Option<Key> {
    let slice = change.new.as_ref().or(change.old.as_ref())?;
    name_of(slice).map(|name| (change.key.0.clone(), name.to_owned()))
}

fn name_of(slice: &EndpointSlice) -> Option<&str> {
    let labels = slice.metadata.labels.as_ref()?;
    labels.get(SERVICE_NAME_LABEL).map(String::as_str)
}

impl Carrier {
    async fn serve(&self, listening: &Listening, behind: &watch::Receiver<Vec<SocketAddr>>) {
        let turn = AtomicUsize::new(0);
        loop {
            let near = match listening.accept().await {
                Ok(near) => near,
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    sleep(TRY_AGAIN_FIRST).await;
                    continue;
                }
            };
            let chosen = {
                let behind = behind.borrow();
                let turn = turn.fetch_add(1, Ordering::Relaxed);
                behind.get(turn % behind.len().max(1)).copied()
            };
            let Some(endpoint) = chosen else {
                reset(&near);
                continue;
            };
            let carrier = self.clone();
            self.connections
                .spawn(async move { carrier.carry(near, endpoint).await });
        }
    }

    async fn carry(&self, mut near: TcpStream, endpoint: SocketAddr) {
        let Ok(mut far) = self.network.connect(endpoint).await else {
            return reset(&near);
        };
        let ended_in_order = tokio::select! {
            () = self.stopping.cancelled() => false,
            done = copy_bidirectional_with_sizes(&mut near, &mut far, BUFFER, BUFFER) => done.is_ok(),
        };
        if !ended_in_order {
            // Whichever side was reset, the other one must see that too.
            reset(&near);
            reset(&far);
        }
    }
}

fn reset(io: &TcpStream) {
    if let Err(error) = io.set_zero_linger() {
        tracing::trace!(%error, "a connection is closed rather than reset");
    }
}
