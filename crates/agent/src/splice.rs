//! One connection from NGINX: to the laptop, and to the origin where the laptop will not have it.
//!
//! What NGINX sends goes to the laptop at once, and a bounded copy stays here until the laptop says that
//! its program took the connection. Until then nothing was delivered, so a refusal sends the copy to the
//! origin. Once the laptop may have delivered something, a broken relay ends the connection: nothing is ever sent twice.

mod pump;
mod undecided;

use std::net::SocketAddr;

use intercept_protocol::ids::{InterceptId, SessionId};
use intercept_protocol::mux::Stream;
use intercept_protocol::relay::StreamOpen;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use crate::agent::Agent;
use crate::warning;
use pump::{Far, splice};
use undecided::{Decision, Undecided};

/// NGINX asks the backup when it is cut off within the millisecond in which it connected, even if the request
/// was read. A connection that ends without an answer therefore ends later than that.
const NOT_A_REFUSAL: Duration = Duration::from_millis(20);
/// How long a probe to a port where the server may speak first has for its first bytes.
const FIRST_BYTES: Duration = Duration::from_millis(100);
const FIRST_READ: usize = 16 * 1024;

/// Where the connections of one gate go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose connections they are.
    pub intercept: InterceptId,
    /// Whose laptop takes them.
    pub session: SessionId,
    /// Where they go otherwise.
    pub origin: SocketAddr,
    /// Whether a connection begins with bytes of the client, as HTTP does.
    pub client_speaks_first: bool,
}

/// Carries `client` to the laptop of `route`, or to the origin.
pub async fn to_laptop(agent: &Agent, mut client: UnixStream, route: &Route) {
    let Some(first) = first_bytes(agent, &mut client, route).await else {
        return;
    };
    let read_at = Instant::now();
    let probe = agent.probes.claim(&first);
    let opening = match probe {
        Some(nonce) => StreamOpen::Probe { nonce },
        None => StreamOpen::Connection {
            intercept: route.intercept.clone(),
        },
    };
    let Some(stream) = open(agent, &route.session).await else {
        return refused(client, route, first, read_at, probe.is_some()).await;
    };
    let mut undecided = Undecided::new(client, stream, &opening, &first);
    let decision = undecided.decide().await;
    if decision == Decision::Accepted
        && let Some(nonce) = probe
    {
        agent.probes.taken(nonce);
    }
    let read_at = undecided.read_at();
    match decision {
        Decision::Accepted => {
            let (client, mut stream, unsent, client_ended) = undecided.accepted();
            if stream.write_all(&unsent).await.is_ok() {
                splice(client, stream, client_ended, read_at).await;
            } else {
                end(client, read_at).await;
            }
        }
        Decision::Refused => {
            let (client, copy) = undecided.refused();
            refused(client, route, copy, read_at, probe.is_some()).await;
        }
        Decision::Lost => {
            warning!(
                "a laptop was lost with a request of intercept {} under way",
                route.intercept
            );
            end(undecided.refused().0, read_at).await;
        }
        Decision::ClientLeft => {}
    }
}

/// Carries `client` to the origin.
pub async fn to_origin(client: UnixStream, route: &Route) {
    replay(client, route, Vec::new(), Instant::now()).await;
}

/// What the client sends first; nothing when it left without a word.
async fn first_bytes(agent: &Agent, client: &mut UnixStream, route: &Route) -> Option<Vec<u8>> {
    let mut first = Vec::with_capacity(FIRST_READ);
    if !route.client_speaks_first {
        if agent.probes.is_any() {
            // Not before the first bytes, or a probe could not be told from a connection.
            let _ = timeout(FIRST_BYTES, client.ready(Interest::READABLE)).await;
        }
        match client.try_read_buf(&mut first) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        return Some(first);
    }
    loop {
        client.readable().await.ok()?;
        match client.try_read_buf(&mut first) {
            Ok(0) => return None,
            Ok(_) => return Some(first),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

/// A stream on the newest live relay; a relay that has just ended may still be listed for a moment.
async fn open(agent: &Agent, session: &SessionId) -> Option<Stream> {
    let relay = agent.relays.newest(session)?;
    if let Ok(stream) = relay.mux.open().await {
        return Some(stream);
    }
    let another = agent.relays.newest(session)?;
    another.mux.open().await.ok()
}

/// The laptop did not take it. A probe is the agent's own and none of the origin's business.
async fn refused(client: UnixStream, route: &Route, copy: Vec<u8>, read_at: Instant, is_probe: bool) {
    if is_probe {
        end(client, read_at).await;
    } else {
        replay(client, route, copy, read_at).await;
    }
}

async fn replay(client: UnixStream, route: &Route, copy: Vec<u8>, read_at: Instant) {
    let connected = async {
        let mut origin = TcpStream::connect(route.origin).await?;
        origin.set_nodelay(true)?;
        origin.write_all(&copy).await?;
        std::io::Result::Ok(origin)
    };
    match connected.await {
        Ok(origin) => {
            drop(copy);
            splice(client, origin, false, read_at).await;
        }
        Err(error) => {
            warning!("the origin {} does not take a connection: {error}", route.origin);
            end(client, read_at).await;
        }
    }
}

/// Ends a connection that got no answer, no sooner than NGINX takes it for what it is.
async fn end(client: UnixStream, read_at: Instant) {
    sleep_until(read_at + NOT_A_REFUSAL).await;
    drop(client);
}

impl Far for Stream {
    fn was_reset(&self) -> bool {
        self.get_ref().is_closed()
    }
}

impl Far for TcpStream {
    fn was_reset(&self) -> bool {
        // A reset is an error of the read itself.
        false
    }
}
