//! All relays of one session: one for each proxy pod there is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use intercept_protocol::ids::{SessionId, Token};
use tokio::sync::{Semaphore, broadcast, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::awake::{Awake, LOOK_EVERY, WallClock};
use super::backoff::Backoff;
use super::connector::{PodConnector, PodName, PodStage};
use super::open::Credentials;
use super::relay::{Order, Relay, Shared, States};
use super::routes::Routes;
use super::state::RelayEvent;
use super::streams::Serving;
use super::told::Told;

/// Connections open at once on this machine, over all pods; more go to the original pods.
const SLOTS: usize = 4096;
/// Events a slow listener may lag behind before it misses some.
const EVENTS: usize = 256;
/// What is being served when the pool stops may end within this.
const FINISH_LIMIT: Duration = Duration::from_millis(500);
/// Closing every relay in an orderly way takes less.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// Keeps relays to all proxy pods. Dropped, they end at once; [`RelayPool::stop`] ends them in order.
pub struct RelayPool {
    pub(super) routes: Routes,
    pub(super) states_rx: watch::Receiver<States>,
    // pool's handle → supervisor
    pub(super) order_tx: mpsc::Sender<(PodName, Order)>,
    pub(super) nonces: AtomicU64,
    events_tx: broadcast::Sender<RelayEvent>,
    told_tx: broadcast::Sender<Told>,
    slots: Arc<Semaphore>,
    leaving: CancellationToken,
    stop: CancellationToken,
    supervisor: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl RelayPool {
    /// Starts to keep relays to the connector's pods. `program` is told to the agents for their logs.
    pub fn start(
        connector: impl PodConnector,
        program: String,
        session: SessionId,
        token: Token,
        routes: Routes,
    ) -> Self {
        Self::start_with_clock(
            connector,
            Credentials {
                program,
                session,
                token,
            },
            routes,
            SystemTime::now,
        )
    }

    pub(super) fn start_with_clock(
        connector: impl PodConnector,
        credentials: Credentials,
        routes: Routes,
        wall_clock: WallClock,
    ) -> Self {
        let (states_tx, states_rx) = watch::channel(States::new());
        let (events_tx, _) = broadcast::channel(EVENTS);
        let (told_tx, _) = broadcast::channel(EVENTS);
        let (order_tx, order_rx) = mpsc::channel(16);
        let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
        let slots = Arc::new(Semaphore::new(SLOTS));
        let supervisor = Supervisor {
            pods: connector.pods(),
            serving: ServingParts {
                routes: routes.clone(),
                slots: Arc::clone(&slots),
                leaving: leaving.clone(),
            },
            shared: Arc::new(Shared {
                connector,
                credentials,
                states_tx,
                events_tx: events_tx.clone(),
                told_tx: told_tx.clone(),
                stop: stop.clone(),
            }),
            relays: BTreeMap::new(),
            tasks: JoinSet::new(),
            awake: Awake::new(wall_clock),
        };
        Self {
            routes,
            states_rx,
            order_tx,
            nonces: AtomicU64::new(first_nonce()),
            events_tx,
            told_tx,
            slots,
            leaving,
            stop,
            supervisor: tokio::sync::Mutex::new(Some(tokio::spawn(supervisor.run(order_rx)))),
        }
    }

    /// Every relay's state, now and whenever one changes.
    pub fn states(&self) -> watch::Receiver<States> {
        self.states_rx.clone()
    }

    /// What happens from now on. A listener that lags misses events; states are never missed.
    pub fn events(&self) -> broadcast::Receiver<RelayEvent> {
        self.events_tx.subscribe()
    }

    /// What the agents say of requests, from now on; they are asked once somebody listens. One that lags misses rows,
    /// and no sums.
    pub fn told(&self) -> broadcast::Receiver<Told> {
        self.told_tx.subscribe()
    }

    /// Where the intercepts' connections go.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Ends all relays: new connections go to the original pods, those that are served may finish within
    /// half a second. Bounded; a second call waits for the first.
    pub async fn stop(&self) {
        let mut supervisor = self.supervisor.lock().await;
        let Some(task) = supervisor.as_mut() else { return };
        self.leaving.cancel();
        let all = timeout(FINISH_LIMIT, self.slots.acquire_many(SLOTS as u32)).await;
        let is_idle = all.is_ok();
        self.stop.cancel();
        let is_orderly = timeout(STOP_LIMIT, &mut *task).await.is_ok();
        if !is_orderly {
            task.abort();
        }
        *supervisor = None;
        tracing::info!(is_idle, is_orderly, "relays stopped");
    }
}

impl Drop for RelayPool {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.supervisor.get_mut() {
            task.abort();
        }
    }
}

/// Two programs that use the same agent should not mistake each other's probes.
fn first_nonce() -> u64 {
    let mut bytes = [0; 8];
    // Nonces only have to differ; without a source of randomness they still do within this program.
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes) >> 1
}

/// What every relay serves streams with, but for its pod.
struct ServingParts {
    routes: Routes,
    slots: Arc<Semaphore>,
    leaving: CancellationToken,
}

/// Owns the relays' tasks.
struct Supervisor<C> {
    pods: BoxStream<'static, BTreeMap<PodName, PodStage>>,
    shared: Arc<Shared<C>>,
    serving: ServingParts,
    relays: BTreeMap<PodName, Handle>,
    tasks: JoinSet<PodName>,
    awake: Awake,
}

struct Handle {
    // supervisor → relay
    order_tx: mpsc::Sender<Order>,
    stage_tx: watch::Sender<Option<PodStage>>,
}

impl<C: PodConnector> Supervisor<C> {
    async fn run(mut self, mut order_rx: mpsc::Receiver<(PodName, Order)>) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.shared.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                // A watch that ended leaves the relays there are.
                Some(pods) = self.pods.next() => self.follow(&pods),
                Some((pod, order)) = order_rx.recv() => self.pass(&pod, order),
                Some(ended) = self.tasks.join_next() => self.bury(ended),
                _ = look.tick() => self.look(),
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    fn follow(&mut self, pods: &BTreeMap<PodName, PodStage>) {
        for (pod, stage) in pods {
            match self.relays.get(pod) {
                Some(relay) if !relay.stage_tx.is_closed() => {
                    relay
                        .stage_tx
                        .send_if_modified(|known| known.replace(*stage) != Some(*stage));
                }
                _ => self.spawn(pod.clone(), *stage),
            }
        }
        for (pod, relay) in &self.relays {
            if !pods.contains_key(pod) {
                relay.stage_tx.send_if_modified(|known| known.take().is_some());
            }
        }
    }

    fn spawn(&mut self, pod: PodName, stage: PodStage) {
        let (order_tx, order_rx) = mpsc::channel(16);
        let (stage_tx, stage_rx) = watch::channel(Some(stage));
        let relay = Relay {
            shared: Arc::clone(&self.shared),
            serving: Serving {
                pod: pod.clone(),
                routes: self.serving.routes.clone(),
                events_tx: self.shared.events_tx.clone(),
                slots: Arc::clone(&self.serving.slots),
                leaving: self.serving.leaving.clone(),
            },
            order_rx,
            stage_rx,
            backoff: Backoff::new(),
        };
        self.tasks.spawn(relay.run());
        self.relays.insert(pod, Handle { order_tx, stage_tx });
    }

    /// An order for a relay that is not there, or not listening, is dropped; who asked is told by that.
    fn pass(&self, pod: &PodName, order: Order) {
        if let Some(relay) = self.relays.get(pod) {
            let _ = relay.order_tx.try_send(order);
        }
    }

    fn bury(&mut self, ended: Result<PodName, tokio::task::JoinError>) {
        match ended {
            // A pod that came back under its name has a newer task by now.
            Ok(pod) => {
                if self
                    .relays
                    .get(&pod)
                    .is_some_and(|relay| relay.stage_tx.is_closed())
                {
                    self.relays.remove(&pod);
                }
            }
            Err(error) => tracing::error!(%error, "a relay's task failed"),
        }
    }

    fn look(&mut self) {
        if let Some(duration) = self.awake.look() {
            tracing::info!(?duration, "the laptop slept");
            // Nobody may be listening.
            let _ = self.shared.events_tx.send(RelayEvent::Slept { duration });
            for relay in self.relays.values() {
                // A relay too busy to hear it notices by the silence.
                let _ = relay.order_tx.try_send(Order::Awake);
            }
        }
    }
}
