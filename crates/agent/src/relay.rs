//! The relay: laptops connect to it through a port-forward, and it hands their connections out.
//!
//! It listens on the pod's loopback address only, so nothing but a port-forward, which RBAC guards,
//! reaches it; and a connection is a session's only with that session's token.

mod connection;
mod opens;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use intercept_protocol::ids::SessionId;
use intercept_protocol::mux::Mux;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::{info, warning};
use opens::Opens;

pub use opens::Opening;

/// Far more than there are developers on one Service; a port-forward that leaks connections stops here.
const MAX_RELAYS: usize = 256;

/// Live relay connections by session, the newest last.
pub type Live = BTreeMap<SessionId, Vec<Relay>>;

/// One live relay connection.
#[derive(Debug)]
pub struct Relay {
    /// Tells it from every other one.
    number: u64,
    mux: Mux,
    opens: Arc<Opens>,
}

/// The laptops that are connected.
#[derive(Debug)]
pub struct Relays {
    // connections → gates, dead-man's switch
    live: watch::Sender<Live>,
    next: AtomicU64,
}

impl Default for Relays {
    fn default() -> Self {
        Self {
            live: watch::Sender::new(Live::new()),
            next: AtomicU64::new(0),
        }
    }
}

impl Relays {
    /// Adds a connection of `session`; it leaves when the answer is dropped.
    pub fn join(self: &Relays, session: SessionId, mux: Mux) -> Joined<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let opens = Arc::<Opens>::default();
        let relay = Relay {
            number,
            mux,
            opens: Arc::clone(&opens),
        };
        self.live
            .send_modify(|live| live.entry(session.clone()).or_default().push(relay));
        Joined {
            relays: self,
            session,
            number,
            opens,
        }
    }

    /// The newest connection of `session`: a laptop that connects again means that the one before is going.
    /// A stream may be opened on it, and it does not leave before that is done.
    pub fn newest(&self, session: &SessionId) -> Option<Opening> {
        // Begun while the lock is held: whoever takes the relay out meets either this or nobody.
        let live = self.live.borrow();
        let newest = live.get(session)?.last()?;
        Some(newest.opens.begin(newest.number, &newest.mux))
    }

    /// Whether that is the relay with this number.
    pub fn is_newest(&self, session: &SessionId, number: u64) -> bool {
        let live = self.live.borrow();
        let newest = live.get(session).and_then(|connections| connections.last());
        newest.is_some_and(|newest| newest.number == number)
    }

    /// Told of every change.
    pub fn subscribe(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }
}

/// A connection's place among the live ones.
#[derive(Debug)]
pub struct Joined<'a> {
    relays: &'a Relays,
    session: SessionId,
    number: u64,
    opens: Arc<Opens>,
}

impl Joined<'_> {
    /// Leaves; how many streams were opened on it, once all of them have been sent.
    pub async fn leave(self) -> u64 {
        let opens = Arc::clone(&self.opens);
        drop(self);
        opens.over().await
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        self.relays.live.send_modify(|live| {
            if let Some(connections) = live.get_mut(&self.session) {
                connections.retain(|one| one.number != self.number);
                if connections.is_empty() {
                    live.remove(&self.session);
                }
            }
        });
    }
}

/// Accepts relay connections on the port that the first record names.
pub async fn serve(agent: Arc<Agent>) {
    let mut record_rx = agent.record.subscribe();
    let port = match record_rx.wait_for(Option::is_some).await {
        Ok(record) => record.as_ref().map_or(0, |record| record.relay_port),
        Err(_) => return,
    };
    let address = SocketAddr::new(agent.settings.own_address(), port);
    let listener = bind(address).await;
    info!("relay listens on {address}");
    let permits = Arc::new(Semaphore::new(MAX_RELAYS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((io, _)) => {
                let agent = agent.clone();
                connections.spawn(async move {
                    connection::carry(&agent, io).await;
                    drop(permit);
                });
            }
            Err(error) => {
                warning!("a relay connection could not be accepted: {error}");
                // Out of file descriptors, most likely: others must end first.
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// The port is the agent's own; only one that is still being replaced can hold it.
async fn bind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => warning!("the relay cannot listen on {address}: {error}"),
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Small frames must not wait for an acknowledgement: without this a request takes 12 ms instead of 2.
fn without_delay(io: &TcpStream) {
    if let Err(error) = io.set_nodelay(true) {
        warning!("TCP_NODELAY could not be set: {error}");
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use intercept_protocol::mux::Side;

    use super::*;

    fn waits(future: Pin<&mut impl Future>) -> bool {
        future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    fn mux() -> Mux {
        let (io, _) = tokio::io::duplex(64);
        Mux::start(io, Side::Agent).0
    }

    #[tokio::test]
    async fn a_relay_has_left_when_every_stream_was_sent_or_given_up() {
        let (relays, session) = (Relays::default(), SessionId::random());
        let joined = relays.join(session.clone(), mux());
        let (sent, given_up) = (relays.newest(&session).unwrap(), relays.newest(&session).unwrap());
        let mut leaving = pin!(joined.leave());
        assert!(waits(leaving.as_mut()));
        assert!(relays.newest(&session).is_none(), "nobody may begin any more");
        sent.sent();
        assert!(waits(leaving.as_mut()));
        drop(given_up);
        assert_eq!(leaving.await, 1);
    }

    #[tokio::test]
    async fn a_stream_on_one_relay_holds_up_no_other() {
        let (relays, session) = (Relays::default(), SessionId::random());
        let before = relays.join(session.clone(), mux());
        let _opening = relays.newest(&session).unwrap();
        let after = relays.join(session.clone(), mux());
        assert_eq!(after.leave().await, 0);
        let mut leaving = pin!(before.leave());
        assert!(waits(leaving.as_mut()));
    }
}
