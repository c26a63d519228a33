//! The life of one pod's relay: open it, hold it, lose it, open it again, until the pod or the pool ends.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::relay::{PING_EVERY, SILENCE_LIMIT, ToAgent, ToLaptop, TraceStep};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::connector::{PodConnector, PodName, PodStage};
use super::open::{Credentials, OpenRelay, Said};
use super::state::{RelayError, RelayEvent, RelayState};
use super::streams::Serving;
use super::told::{Clock, Told};

/// A connection that survived the laptop's sleep answers within this.
const AWAKE_LIMIT: Duration = Duration::from_millis(700);

/// An agent that lives answers in a round trip, and what it has opened comes with the answer.
const GOODBYE_LIMIT: Duration = Duration::from_millis(300);

/// Every relay's state, by pod.
pub(super) type States = BTreeMap<PodName, RelayState>;

/// What a pool asks of a relay.
pub(super) enum Order {
    /// Send a request through NGINX; answered with where it stopped, or nothing when it came back.
    Probe {
        intercept: InterceptId,
        nonce: u64,
        outcome_tx: oneshot::Sender<Option<String>>,
    },
    /// Look out for a traced request, or send it; answered with every step that the agent sees.
    Trace {
        intercept: InterceptId,
        nonce: u64,
        to: Option<SocketAddr>,
        steps_tx: mpsc::Sender<(PodName, TraceStep)>,
    },
    /// The laptop slept.
    Awake,
}

/// What all relays of a pool share.
pub(super) struct Shared<C> {
    pub(super) connector: C,
    pub(super) credentials: Credentials,
    // relays → whoever watches
    pub(super) states_tx: watch::Sender<States>,
    pub(super) events_tx: broadcast::Sender<RelayEvent>,
    pub(super) told_tx: broadcast::Sender<Told>,
    pub(super) stop: CancellationToken,
}

/// One pod's relay.
pub(super) struct Relay<C> {
    pub(super) shared: Arc<Shared<C>>,
    pub(super) serving: Serving,
    // pool → relay
    pub(super) order_rx: mpsc::Receiver<Order>,
    /// How far the pod has come; nothing once it is on its way out.
    pub(super) stage_rx: watch::Receiver<Option<PodStage>>,
    pub(super) backoff: Backoff,
}

enum After {
    /// Try again, after a wait.
    Lost(Arc<RelayError>),
    /// Nothing is to be tried any more, but the pod is still there.
    Final(RelayState),
    /// The pod or the pool has ended.
    Over,
}

impl<C: PodConnector> Relay<C> {
    /// Runs until the pod is gone or the pool stops; returns the pod.
    pub(super) async fn run(mut self) -> PodName {
        let pod = self.serving.pod.clone();
        loop {
            let goes_on = match self.open_and_hold().await {
                After::Lost(reason) => self.await_retry(reason).await,
                After::Final(state) => {
                    self.enter(state);
                    self.await_end().await;
                    false
                }
                After::Over => false,
            };
            if !goes_on {
                break;
            }
        }
        self.shared
            .states_tx
            .send_modify(|states| drop(states.remove(&pod)));
        pod
    }

    async fn open_and_hold(&mut self) -> After {
        self.enter(RelayState::Connecting);
        let shared = Arc::clone(&self.shared);
        let opening = OpenRelay::open(
            &shared.connector,
            &self.serving.pod,
            &shared.credentials,
            self.serving.clone(),
        );
        let opened = tokio::select! {
            () = shared.stop.cancelled() => return After::Over,
            () = retired(&mut self.stage_rx) => return After::Over,
            opened = opening => opened,
        };
        match opened {
            Ok(relay) => self.hold(relay).await,
            Err(reason @ RelayError::Incompatible(_)) => {
                tracing::warn!(pod = %self.serving.pod, %reason, "relay");
                After::Final(RelayState::Incompatible {
                    reason: Arc::new(reason),
                })
            }
            Err(RelayError::Draining) => After::Final(RelayState::Draining),
            Err(reason) => After::Lost(Arc::new(reason)),
        }
    }

    async fn hold(&mut self, relay: OpenRelay) -> After {
        let opened_at = Instant::now();
        let pod = self.serving.pod.clone();
        tracing::info!(%pod, agent = %relay.agent, "relay open");
        self.tell(RelayEvent::Opened {
            pod: pod.clone(),
            agent: relay.agent.clone(),
        });
        self.enter(RelayState::Open { status: None });
        let after = Held::new(self, relay).run().await;
        self.backoff.was_open_for(opened_at.elapsed());
        after
    }

    /// Waits until the next try; false when there will be none.
    async fn await_retry(&mut self, reason: Arc<RelayError>) -> bool {
        let retry_in = self.backoff.next();
        tracing::debug!(pod = %self.serving.pod, %reason, ?retry_in, "relay lost");
        self.enter(RelayState::Lost { reason, retry_in });
        let retry_at = Instant::now() + retry_in;
        loop {
            tokio::select! {
                () = self.shared.stop.cancelled() => return false,
                () = sleep_until(retry_at) => return true,
                order = self.order_rx.recv() => match order {
                    Some(Order::Awake) => {
                        self.backoff.reset();
                        return true;
                    }
                    // Dropped, it tells the one who asked that no relay is open.
                    Some(Order::Probe { .. } | Order::Trace { .. }) => {}
                    None => return false,
                },
                changed = self.stage_rx.changed() => {
                    if changed.is_err() || self.stage_rx.borrow_and_update().is_none() {
                        return false;
                    }
                    // The pod got further: its agent may listen now.
                    self.backoff.reset();
                    return true;
                }
            }
        }
    }

    async fn await_end(&mut self) {
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            () = retired(&mut self.stage_rx) => {}
        }
    }

    fn enter(&self, state: RelayState) {
        let pod = &self.serving.pod;
        self.shared
            .states_tx
            .send_modify(|states| drop(states.insert(pod.clone(), state)));
    }

    fn tell(&self, event: RelayEvent) {
        // Nobody may be listening.
        let _ = self.shared.events_tx.send(event);
    }
}

/// Resolves when the pod is on its way out.
async fn retired(stage_rx: &mut watch::Receiver<Option<PodStage>>) {
    // A dropped sender is a pool that has ended.
    let _ = stage_rx.wait_for(Option::is_none).await;
}

/// An open relay being held.
struct Held<'a, C> {
    relay: &'a mut Relay<C>,
    open: OpenRelay,
    probes: HashMap<u64, oneshot::Sender<Option<String>>>,
    traces: HashMap<u64, mpsc::Sender<(PodName, TraceStep)>>,
    clock: Clock,
    is_watching: bool,
    pings: u64,
    is_draining: bool,
    /// When a connection that may not have survived a sleep must have been heard again.
    must_be_heard_by: Option<Instant>,
}

impl<'a, C: PodConnector> Held<'a, C> {
    fn new(relay: &'a mut Relay<C>, open: OpenRelay) -> Self {
        Self {
            relay,
            open,
            probes: HashMap::new(),
            traces: HashMap::new(),
            clock: Clock::default(),
            is_watching: false,
            pings: 0,
            is_draining: false,
            must_be_heard_by: None,
        }
    }

    async fn run(mut self) -> After {
        let stop = self.relay.shared.stop.clone();
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let reason = loop {
            let is_retired = self.relay.stage_rx.borrow().is_none();
            tokio::select! {
                () = stop.cancelled() => {
                    self.end().await;
                    return After::Over;
                }
                said = self.open.said() => match said {
                    Said::Message(message) => self.hear(message),
                    Said::Ended(reason) => break reason,
                },
                _ = ping.tick() => {
                    let silence = self.open.heard.silence();
                    if silence >= SILENCE_LIMIT {
                        break RelayError::Silent { silence };
                    }
                    self.ping();
                }
                () = at(self.must_be_heard_by) => {
                    self.must_be_heard_by = None;
                    if self.open.heard.silence() >= AWAKE_LIMIT {
                        self.relay.backoff.reset();
                        break RelayError::Slept;
                    }
                }
                Some(order) = self.relay.order_rx.recv() => self.obey(order),
                () = retired(&mut self.relay.stage_rx), if !is_retired => self.drain(),
            }
        };
        self.lost(reason)
    }

    fn lost(self, reason: RelayError) -> After {
        let is_retired = self.relay.stage_rx.borrow().is_none();
        match (is_retired, self.is_draining) {
            (true, _) => After::Over,
            (false, true) => After::Final(RelayState::Draining),
            (false, false) => {
                let (pod, reason) = (self.relay.serving.pod.clone(), Arc::new(reason));
                tracing::warn!(%pod, %reason, "relay lost");
                self.relay.tell(RelayEvent::Lost {
                    pod,
                    reason: Arc::clone(&reason),
                });
                After::Lost(reason)
            }
        }
    }

    /// A stream that the agent opens at this moment would be cut off by the close; so it opens no more, all that it
    /// has opened come here and have a verdict, and then we close.
    async fn end(mut self) {
        if self.open.say(ToAgent::Goodbye) {
            match timeout(GOODBYE_LIMIT, self.parted()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(_) => tracing::debug!(pod = %self.relay.serving.pod, "our goodbye took too long"),
            }
        }
        self.open.taken.end().await;
        self.open.close().await;
    }

    /// False when the connection ended instead.
    async fn parted(&mut self) -> bool {
        loop {
            match self.open.said().await {
                Said::Message(ToLaptop::Goodbye { streams }) => {
                    self.open.taken.came(streams).await;
                    return true;
                }
                Said::Message(_) => {}
                Said::Ended(_) => return false,
            }
        }
    }

    fn ping(&mut self) {
        // Reports are asked for once somebody listens for them.
        if !self.is_watching && self.relay.shared.told_tx.receiver_count() > 0 {
            self.is_watching = self.open.say(ToAgent::Watch { traffic: true });
        }
        self.pings += 1;
        self.clock.asked(self.pings);
        self.open.say(ToAgent::Ping { sequence: self.pings });
    }

    fn hear(&mut self, message: ToLaptop) {
        match message {
            ToLaptop::Pong { sequence, at } => self.clock.answered(sequence, at),
            // A goodbye is awaited where it was said.
            ToLaptop::Goodbye { .. } => {}
            ToLaptop::Traffic(report) => {
                let told = Told {
                    pod: self.relay.serving.pod.clone(),
                    report: Arc::new(report),
                    ahead: self.clock.ahead(),
                };
                // Whoever listened may have ended.
                let _ = self.relay.shared.told_tx.send(told);
            }
            ToLaptop::Traced { nonce, step } => {
                if let Some(steps_tx) = self.traces.get(&nonce) {
                    // Whoever asked may have given up.
                    let _ = steps_tx.try_send((self.relay.serving.pod.clone(), step));
                }
            }
            ToLaptop::Status(status) => {
                if let Some(words) = &status.rejected {
                    let pod = self.relay.serving.pod.clone();
                    self.relay.tell(RelayEvent::Rejected {
                        pod,
                        words: words.clone(),
                    });
                }
                if !self.is_draining {
                    self.relay.enter(RelayState::Open { status: Some(status) });
                }
            }
            ToLaptop::Probed { nonce, failure } => {
                if let Some(outcome_tx) = self.probes.remove(&nonce) {
                    // Whoever asked may have given up.
                    let _ = outcome_tx.send(failure);
                }
            }
            ToLaptop::Draining => self.drain(),
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Probe {
                intercept,
                nonce,
                outcome_tx,
            } => {
                self.probes.retain(|_, waiting| !waiting.is_closed());
                if self.open.say(ToAgent::Probe { intercept, nonce }) {
                    self.probes.insert(nonce, outcome_tx);
                }
            }
            Order::Trace {
                intercept,
                nonce,
                to,
                steps_tx,
            } => {
                self.traces.retain(|_, waiting| !waiting.is_closed());
                if self.open.say(ToAgent::Trace { intercept, nonce, to }) {
                    self.traces.insert(nonce, steps_tx);
                }
            }
            Order::Awake => {
                self.ping();
                self.must_be_heard_by = Some(Instant::now() + AWAKE_LIMIT);
            }
        }
    }

    /// Keeps what is open, and opens it no more.
    fn drain(&mut self) {
        if !self.is_draining {
            self.is_draining = true;
            self.relay.tell(RelayEvent::Draining {
                pod: self.relay.serving.pod.clone(),
            });
            self.relay.enter(RelayState::Draining);
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
