//! Which way this pod takes to the origin.
//!
//! A node learns of a new Service when its own proxy gets to it, up to a second later or more where it is busy; until
//! then nobody answers at its ClusterIP. So the record names original pods too, and those are the way until the
//! ClusterIP has taken a connection here once. Where it never does, it may still be hidden from the nodes by a session
//! that died: then the agent shows it.
//!
//! A node remembers a connection to an address nobody answers at, for minutes, and sends later ones from the same port
//! the same way: into nothing. So each look leaves from a port that NGINX's connections never have.

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use intercept_protocol::names;
use intercept_protocol::record::Record;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::agent::Agent;
use crate::api::{Patch, Path};
use crate::log::chain;
use crate::{info, warning};

/// What a configuration waits for the answer, where addresses of pods may be old: a pod that starts much later than
/// its record was written finds the origin Service at once.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A session shows the origin Service right after it switched; later than this it will not any more.
const SHOWN_BY_SESSION: Duration = Duration::from_secs(10);
/// An original pod that is gone never answers, and another one is asked instead.
const CONNECT: Duration = Duration::from_secs(1);
const FIRST_FREE_PORT: u16 = 1024;
/// Ports that are tried for one look.
const AT_ONCE: usize = 16;

/// The record as it is to be carried out here: without the pods' own addresses once they are not needed.
pub async fn reachable(agent: &Agent, record: Arc<Record>) -> Arc<Record> {
    if !record.is_direct() {
        return record;
    }
    if agent.record.borrow().is_none() {
        look(agent, &record, FIRST_LOOK).await;
    }
    if !*agent.origin_known.borrow() {
        return record;
    }
    let mut record = Arc::unwrap_or_clone(record);
    record.forget_direct();
    Arc::new(record)
}

/// Looks until the origin Service takes a connection, or nobody asks any more.
pub async fn find(agent: Arc<Agent>) {
    let mut record_rx = agent.record.subscribe();
    let mut shown_by = None;
    while !*agent.origin_known.borrow() {
        let Some(record) = record_rx
            .borrow_and_update()
            .clone()
            .filter(|record| record.is_direct())
        else {
            if record_rx.changed().await.is_err() {
                return;
            }
            continue;
        };
        look(&agent, &record, LOOK).await;
        let end = *shown_by.get_or_insert_with(|| Instant::now() + SHOWN_BY_SESSION);
        if Instant::now() > end {
            show(&agent).await;
            shown_by = None;
        }
        sleep(LOOK_EVERY).await;
    }
}

async fn look(agent: &Agent, record: &Record, limit: Duration) {
    let asked = record.listeners.iter().filter(|one| !one.direct.is_empty());
    for address in asked.map(|listener| record.origin_service(listener)) {
        if takes_a_connection(address, limit).await {
            info!("the origin Service answers at {address}");
            agent.origin_known.send_replace(true);
            return;
        }
    }
}

async fn takes_a_connection(address: SocketAddr, limit: Duration) -> bool {
    let Some(socket) = PORTS.with_borrow_mut(|ports| ports.socket(address)) else {
        return false;
    };
    timeout(limit, socket.connect(address))
        .await
        .is_ok_and(|connected| connected.is_ok())
}

/// A connection to the origin: each time another of the original pods first, where it is them.
///
/// # Errors
/// When none takes it.
pub async fn connect(origins: &[SocketAddr]) -> io::Result<TcpStream> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed) % origins.len().max(1);
    let (later, first) = origins.split_at(turn);
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in first.iter().chain(later) {
        let connecting = TcpStream::connect(address);
        let connected = match origins {
            // As long as without us.
            [_] => connecting.await,
            _ => timeout(CONNECT, connecting)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        };
        match connected {
            Ok(origin) => {
                // Fails only on a connection that is already broken.
                let _ = origin.set_nodelay(true);
                return Ok(origin);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

thread_local! {
    static PORTS: RefCell<AsidePorts> = RefCell::new(AsidePorts::new(&ephemeral_range()));
}

/// Source ports outside of the range that the system gives to outgoing connections, each used once a round.
struct AsidePorts {
    range: RangeInclusive<u16>,
    next: u16,
}

impl AsidePorts {
    fn new(ephemeral: &RangeInclusive<u16>) -> Self {
        let (below, above) = (
            FIRST_FREE_PORT..=ephemeral.start() - 1,
            ephemeral.end().saturating_add(1)..=u16::MAX,
        );
        let range = if below.len() >= above.len() { below } else { above };
        Self {
            next: *range.start(),
            range,
        }
    }

    fn take(&mut self) -> u16 {
        let port = self.next;
        self.next = if port >= *self.range.end() {
            *self.range.start()
        } else {
            port + 1
        };
        port
    }

    /// A socket from the next port that is not taken.
    fn socket(&mut self, to: SocketAddr) -> Option<TcpSocket> {
        for _ in 0..AT_ONCE {
            let port = self.take();
            let (socket, any) = match to {
                SocketAddr::V4(_) => (TcpSocket::new_v4(), IpAddr::from(Ipv4Addr::UNSPECIFIED)),
                SocketAddr::V6(_) => (TcpSocket::new_v6(), IpAddr::from(Ipv6Addr::UNSPECIFIED)),
            };
            let socket = socket.ok()?;
            if socket.bind((any, port).into()).is_ok() {
                return Some(socket);
            }
        }
        None
    }
}

fn ephemeral_range() -> RangeInclusive<u16> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) if low > FIRST_FREE_PORT => low..=high,
        _ => 32_768..=60_999,
    }
}

/// Lets the nodes see the origin Service, where this pod may.
async fn show(agent: &Agent) {
    let Some(client) = &agent.api else {
        return;
    };
    let settings = &agent.settings;
    let path = Path::service(&settings.namespace, &names::origin(&settings.service));
    let patch = json!({ "metadata": { "labels": { (names::PROXY_NAME_LABEL): Value::Null } } });
    if let Err(error) = client.patch(&path, Patch::Merge, &patch).await {
        warning!(
            "the origin Service cannot be shown to the nodes: {}",
            chain(&error)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_never_leaves_from_a_port_of_ordinary_connections() {
        for ephemeral in [32_768..=60_999, 1025..=60_000, 15_000..=65_535] {
            let mut ports = AsidePorts::new(&ephemeral);
            for _ in 0..3 * ports.range.len() {
                let port = ports.take();
                assert!(!ephemeral.contains(&port) && port >= FIRST_FREE_PORT, "{port}");
            }
        }
    }
}
