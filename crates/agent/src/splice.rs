//! One connection from NGINX: to the laptop, and to the origin where the laptop will not have it.
//!
//! What NGINX sends goes to the laptop at once, and a bounded copy stays here until the laptop says that
//! its program has the request. Until then nothing was delivered, so a refusal sends the copy to the
//! origin. Once the laptop may have delivered something, a broken relay ends the connection: nothing is ever sent twice.
//! A stream that has served a request rests, and is asked first with the next one; its refusal just means a new stream.

mod pump;
mod resting;
mod undecided;

use std::net::SocketAddr;

use intercept_protocol::exchange::Exchange;
use intercept_protocol::ids::{InterceptId, SessionId};
use intercept_protocol::mux::Stream;
use intercept_protocol::relay::{StreamOpen, TraceStep, encode};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Duration, Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::origin;
use crate::relay::Opening;
use crate::warning;
use pump::{Answered, Far, splice};
use resting::{Resting, is_silent};
use undecided::{Decision, Undecided};

/// NGINX asks the backup when it is cut off within the millisecond in which it connected, even if the request
/// was read. A connection that ends without an answer therefore ends later than that.
const NOT_A_REFUSAL: Duration = Duration::from_millis(20);
/// How long a probe to a port where the server may speak first has for its first bytes.
const FIRST_BYTES: Duration = Duration::from_millis(100);
const FIRST_READ: usize = 16 * 1024;
/// A stream opens at once, or waits for the laptop to notice those before it.
const OPENS_WITHIN: Duration = Duration::from_secs(1);

/// Where the connections of one gate go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose connections they are.
    pub intercept: InterceptId,
    /// Whose laptop takes them.
    pub session: SessionId,
    /// Where they go otherwise.
    pub origins: Vec<SocketAddr>,
    /// Whether a connection begins with bytes of the client, as HTTP does.
    pub client_speaks_first: bool,
}

/// What is left once a request was answered.
struct Kept {
    client: UnixStream,
    /// The other end, where that may serve the next request.
    resting: Option<Resting>,
    /// What came of the next request already.
    next: Vec<u8>,
}

/// Carries what comes from `client` to the laptop of `route`, or to the origin; one request after the other where
/// NGINX keeps the connection. Each is decided anew, so a kept connection never has to be closed because a gate
/// shuts: NGINX could be sending the next request at that moment, and would lose it.
pub async fn carry(agent: &Agent, client: UnixStream, route: &Route, shut: &CancellationToken) {
    let mut kept = Kept {
        client,
        resting: None,
        next: Vec::new(),
    };
    while let Some(first) = next_bytes(agent, &mut kept, route, shut).await {
        let request = Request::new(agent, route, first);
        match request.serve(kept.client, kept.resting).await {
            Some(again) => kept = again,
            None => return,
        }
    }
    if let Some(resting) = kept.resting {
        resting.part(agent);
    }
}

/// The beginning of the next request; nothing when NGINX closed the connection. Meanwhile what rests may end: a local
/// program closes a connection that rests for long.
async fn next_bytes(
    agent: &Agent,
    kept: &mut Kept,
    route: &Route,
    shut: &CancellationToken,
) -> Option<Vec<u8>> {
    if !kept.next.is_empty() {
        return Some(std::mem::take(&mut kept.next));
    }
    if !route.client_speaks_first {
        return first_bytes(agent, &kept.client).await;
    }
    let mut first = Vec::with_capacity(FIRST_READ);
    loop {
        let read = tokio::select! {
            biased;
            read = kept.client.read_buf(&mut first) => read,
            () = Resting::ended(&mut kept.resting, shut) => {
                if let Some(resting) = kept.resting.take() {
                    resting.part(agent);
                }
                continue;
            }
        };
        return read.is_ok_and(|length| length > 0).then_some(first);
    }
}

/// What the client of a port sends first where the server may speak first: nothing, mostly.
async fn first_bytes(agent: &Agent, client: &UnixStream) -> Option<Vec<u8>> {
    let mut first = Vec::with_capacity(FIRST_READ);
    if agent.probes.is_any() {
        // Not before the first bytes, or a probe could not be told from a connection.
        let _ = timeout(FIRST_BYTES, client.ready(Interest::READABLE)).await;
    }
    match client.try_read_buf(&mut first) {
        Ok(0) => None,
        Ok(_) => Some(first),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Some(first),
        Err(_) => None,
    }
}

/// One request, or a whole connection where requests cannot be told apart.
struct Request<'a> {
    agent: &'a Agent,
    route: &'a Route,
    first: Vec<u8>,
    read_at: Instant,
    /// Set where it is a probe: the agent's own, and none of the origin's business.
    probe: Option<u64>,
}

/// A stream to the laptop.
struct ToLaptop {
    stream: Stream,
    relay: u64,
    /// Where the laptop has yet to hear of it.
    new: Option<Opening>,
}

impl ToLaptop {
    fn new(stream: Stream, opening: Opening) -> Self {
        let (relay, new) = (opening.relay(), Some(opening));
        Self { stream, relay, new }
    }
}

/// How asking the laptop ended.
enum Asked {
    /// With an answer, or with the end of the connection.
    Over(Option<Kept>),
    /// Nothing was delivered.
    Refused(UnixStream),
}

impl<'a> Request<'a> {
    fn new(agent: &'a Agent, route: &'a Route, first: Vec<u8>) -> Self {
        let probe = agent.probes.claim(&first);
        if let Some(nonce) = probe {
            agent.traces.step(nonce, TraceStep::AtGate);
        }
        let read_at = Instant::now();
        Self {
            agent,
            route,
            first,
            read_at,
            probe,
        }
    }

    async fn serve(mut self, mut client: UnixStream, resting: Option<Resting>) -> Option<Kept> {
        let (laptop, origin) = self.usable(resting);
        if let Some(kept) = laptop {
            match self.ask(client, kept).await {
                Asked::Over(kept) => return kept,
                Asked::Refused(back) => client = back,
            }
        }
        if let Some(new) = self.open().await {
            match self.ask(client, new).await {
                Asked::Over(kept) => return kept,
                Asked::Refused(back) => client = back,
            }
        }
        self.ask_origin(client, origin).await
    }

    /// The resting stream, if requests go to its relay still; or the resting origin.
    fn usable(&self, resting: Option<Resting>) -> (Option<ToLaptop>, Option<TcpStream>) {
        match resting {
            Some(Resting::Laptop { stream, relay }) => {
                let is_newest = self.is_held() && self.agent.relays.is_newest(&self.route.session, relay);
                if is_newest && self.probe.is_none() {
                    let new = None;
                    return (Some(ToLaptop { stream, relay, new }), None);
                }
                Resting::Laptop { stream, relay }.part(self.agent);
                (None, None)
            }
            Some(Resting::Origin(origin)) => (None, Some(origin).filter(is_silent)),
            None => (None, None),
        }
    }

    /// Whether the intercept is still in the record.
    fn is_held(&self) -> bool {
        let record = self.agent.record.borrow();
        let mut intercepts = record.iter().flat_map(|record| &record.intercepts);
        intercepts.any(|one| one.id == self.route.intercept)
    }

    /// A new stream; a relay that has just ended may still be listed for a moment. One that takes no more streams is
    /// no laptop for this request.
    async fn open(&self) -> Option<ToLaptop> {
        let relays = &self.agent.relays;
        let newest = self
            .is_held()
            .then(|| relays.newest(&self.route.session))
            .flatten()?;
        match timeout(OPENS_WITHIN, newest.stream()).await {
            Ok(Ok(stream)) => return Some(ToLaptop::new(stream, newest)),
            Ok(Err(_)) => drop(newest),
            Err(_) => return None,
        }
        let another = relays.newest(&self.route.session)?;
        let stream = timeout(OPENS_WITHIN, another.stream()).await.ok()?.ok()?;
        Some(ToLaptop::new(stream, another))
    }

    fn opening(&self) -> StreamOpen {
        let intercept = self.route.intercept.clone();
        match self.probe {
            Some(nonce) => StreamOpen::Probe { nonce },
            None if self.route.client_speaks_first => StreamOpen::Requests { intercept },
            None => StreamOpen::Connection { intercept },
        }
    }

    async fn ask(&mut self, client: UnixStream, laptop: ToLaptop) -> Asked {
        let ToLaptop { stream, relay, new } = laptop;
        let opening = new.as_ref().map_or_else(Vec::new, |_| encode(&self.opening()));
        let mut undecided = Undecided::new(client, (stream, new), &opening, &self.first);
        let decision = undecided.decide().await;
        self.read_at = undecided.read_at();
        match decision {
            Decision::Accepted => Asked::Over(self.accepted(undecided, relay).await),
            Decision::Refused => {
                let (client, copy) = undecided.refused();
                self.first = copy;
                Asked::Refused(client)
            }
            Decision::Lost => {
                let intercept = &self.route.intercept;
                warning!(
                    "a laptop or its program was lost with a request of intercept {intercept} under way"
                );
                end(undecided.refused().0, self.read_at).await;
                Asked::Over(None)
            }
            Decision::ClientLeft => Asked::Over(None),
        }
    }

    async fn accepted(&self, undecided: Undecided, relay: u64) -> Option<Kept> {
        if let Some(nonce) = self.probe {
            self.agent.probes.taken(nonce);
            self.agent.traces.step(nonce, TraceStep::Delivered);
        }
        let exchange = self.exchange(undecided.seen());
        let (client, stream, unsent, client_ended) = undecided.accepted();
        let answered = splice(client, stream, exchange, unsent, client_ended, self.read_at).await?;
        let mut kept = answered.kept(|stream| Resting::Laptop { stream, relay });
        if self.probe.is_some() {
            // Whoever answers probes answers nothing else.
            if let Some(resting) = kept.resting.take() {
                resting.part(self.agent);
            }
        }
        Some(kept)
    }

    /// Without a laptop that takes it.
    async fn ask_origin(self, client: UnixStream, kept: Option<TcpStream>) -> Option<Kept> {
        if self.probe.is_some() {
            end(client, self.read_at).await;
            return None;
        }
        self.agent.traffic.fell_back(&self.route.intercept, &self.first);
        let origin = match kept {
            Some(origin) => origin,
            None => match origin::connect(&self.route.origins).await {
                Ok(origin) => origin,
                Err(error) => {
                    let origins = &self.route.origins;
                    warning!("the origin {origins:?} does not take a connection: {error}");
                    end(client, self.read_at).await;
                    return None;
                }
            },
        };
        let exchange = self.exchange(&self.first);
        let answered = splice(client, origin, exchange, self.first, false, self.read_at).await?;
        Some(answered.kept(Resting::Origin))
    }

    /// Follows the request from its first byte, where requests can be told apart.
    fn exchange(&self, seen: &[u8]) -> Option<Exchange> {
        self.route.client_speaks_first.then(|| {
            let mut exchange = Exchange::default();
            // NGINX sends one request after the other; if not, the splice ends with the first byte too many.
            exchange.follow_request(seen);
            exchange
        })
    }
}

impl<F> Answered<F> {
    fn kept(self, rest: impl FnOnce(F) -> Resting) -> Kept {
        Kept {
            client: self.client,
            resting: self.far.map(rest),
            next: self.next,
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
