//! Waiting for the tunnel: until requests can come, until none come any more, and proof by a probe.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::connector::{ConnectError, PodName};
use super::pool::RelayPool;
use super::relay::{Order, States};
use super::state::{RelayError, RelayState};

/// Once one pod carries an intercept, the others get so long to follow before it counts as open.
const OTHERS_FOLLOW: Duration = Duration::from_millis(250);
/// NGINX's refusal may be of an older record than the one waited for; a newer word comes within this.
const REJECTION_STANDS: Duration = Duration::from_millis(750);

/// Why requests cannot come through the tunnel.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TunnelError {
    /// NGINX refused the configuration.
    #[error("NGINX in pod {pod} refused the configuration: {words}")]
    Rejected {
        /// The pod.
        pod: PodName,
        /// NGINX's words.
        words: String,
    },
    /// Another version of Intercept made the proxy.
    #[error("the tunnel to pod {pod} cannot be opened")]
    Incompatible {
        /// The pod.
        pod: PodName,
        /// Which versions.
        #[source]
        source: Arc<RelayError>,
    },
    /// Port-forwards are not allowed.
    #[error("the tunnel to pod {pod} may not be opened")]
    Forbidden {
        /// The pod.
        pod: PodName,
        /// Kubernetes' words.
        #[source]
        source: Arc<RelayError>,
    },
    /// Nothing decisive happened in time.
    #[error("the tunnel did not open within {} s; {standing}", .within.as_secs_f32())]
    NotOpen {
        /// How long was waited.
        within: Duration,
        /// How each pod's relay stands.
        standing: String,
    },
    /// A probe stopped on its way.
    #[error("a probe through pod {pod} did not arrive: {failure}")]
    ProbeFailed {
        /// The pod.
        pod: PodName,
        /// Where it stopped, in the agent's words.
        failure: String,
    },
    /// A probe was not answered in time.
    #[error("a probe through pod {pod} was not answered within {} s", .within.as_secs_f32())]
    ProbeLost {
        /// The pod.
        pod: PodName,
        /// How long was waited.
        within: Duration,
    },
    /// No pod carries the intercept at this moment.
    #[error("no relay is open")]
    NoRelay,
    /// The pool was stopped meanwhile.
    #[error("the tunnel was closed")]
    Stopped,
}

impl TunnelError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Rejected { .. } => {
                "Start it with another match; and please report this one, with NGINX's words."
            }
            Self::Incompatible { .. } => {
                "Use the version of those who intercept this Service already, or start when they have left."
            }
            Self::Forbidden { .. } => {
                "Ask whoever gives rights in this namespace for `create` on `pods/portforward`."
            }
            Self::NotOpen { .. }
            | Self::ProbeFailed { .. }
            | Self::ProbeLost { .. }
            | Self::NoRelay
            | Self::Stopped => {
                "Try again; if it stays, see `kubectl logs -c agent -l app.kubernetes.io/managed-by=intercept`."
            }
        }
    }
}

impl RelayPool {
    /// Whether some pod carries the intercept's requests now.
    pub fn is_open(&self, intercept: &InterceptId) -> bool {
        self.states_rx
            .borrow()
            .values()
            .any(|state| state.carries(intercept))
    }

    /// Waits until requests of the intercept can come: through every pod that is there, or through some
    /// and the others had a moment to follow.
    ///
    /// # Errors
    /// As soon as it is certain that none will come, or when `within` is over.
    pub async fn await_open(&self, intercept: &InterceptId, within: Duration) -> Result<(), TunnelError> {
        let deadline = Instant::now() + within;
        let mut states_rx = self.states();
        let carried_or_rejected = self.await_states(&mut states_rx, deadline, |states| {
            let carries = states.values().any(|state| state.carries(intercept));
            (carries || rejection(states).is_some()).then_some(carries)
        });
        if !carried_or_rejected.await? {
            let stands = deadline.min(Instant::now() + REJECTION_STANDS);
            let carried = self.await_states(&mut states_rx, stands, |states| {
                states
                    .values()
                    .any(|state| state.carries(intercept))
                    .then_some(())
            });
            if let Err(error) = carried.await {
                return Err(rejection(&self.states_rx.borrow()).unwrap_or(error));
            }
        }
        let follow = deadline.min(Instant::now() + OTHERS_FOLLOW);
        let everywhere = self.await_states(&mut states_rx, follow, |states| {
            let mut awaited = states
                .values()
                .filter(|state| !matches!(state, RelayState::Draining));
            awaited.all(|state| state.carries(intercept)).then_some(())
        });
        // One pod is enough to go on; requests at the others go to the original pods until they follow.
        let _ = everywhere.await;
        Ok(())
    }

    /// Waits until no pod sends the intercept's requests any more and those that came have been served.
    /// Unbounded: a request may take its time.
    pub async fn await_unrouted(&self, intercept: &InterceptId) {
        let mut states_rx = self.states();
        let is_routed = |state: &RelayState| matches!(state, RelayState::Open { status: Some(status) } if status.routed.contains(intercept));
        // An error is a stopped pool, which sends nothing either.
        let _ = states_rx.wait_for(|states| !states.values().any(is_routed)).await;
        if let Some(route) = self.routes.find(intercept) {
            route.counters.await_idle().await;
        }
    }

    /// Waits until no NGINX asks an original pod by an address that is not among `known`; whether that came true.
    pub async fn await_direct(&self, known: &[SocketAddr], within: Duration) -> bool {
        let mut states_rx = self.states();
        let is_known = |state: &RelayState| match state {
            RelayState::Open { status: Some(status) } => status.direct.iter().all(|one| known.contains(one)),
            _ => true,
        };
        let all = states_rx.wait_for(|states| states.values().all(is_known));
        timeout(within, all).await.is_ok_and(|found| found.is_ok())
    }

    /// Sends a request through proxy and tunnel that the laptop answers itself; how long that took.
    ///
    /// # Errors
    /// Where it stopped.
    pub async fn probe(&self, intercept: &InterceptId, within: Duration) -> Result<Duration, TunnelError> {
        let pod = self.carrier(intercept).ok_or(TunnelError::NoRelay)?;
        let began = Instant::now();
        let (outcome_tx, outcome_rx) = oneshot::channel();
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed);
        let order = Order::Probe {
            intercept: intercept.clone(),
            nonce,
            outcome_tx,
        };
        self.order_tx
            .send((pod.clone(), order))
            .await
            .map_err(|_| TunnelError::Stopped)?;
        match timeout(within, outcome_rx).await {
            Ok(Ok(None)) => Ok(began.elapsed()),
            Ok(Ok(Some(failure))) => Err(TunnelError::ProbeFailed { pod, failure }),
            // Dropped unanswered: the relay was lost.
            Ok(Err(_)) => Err(TunnelError::NoRelay),
            Err(_) => Err(TunnelError::ProbeLost { pod, within }),
        }
    }

    fn carrier(&self, intercept: &InterceptId) -> Option<PodName> {
        let states = self.states_rx.borrow();
        let mut carriers = states.iter().filter(|(_, state)| state.carries(intercept));
        carriers.next().map(|(pod, _)| pod.clone())
    }

    /// Waits until `found` finds something. What can never be mended ends the wait.
    async fn await_states<T>(
        &self,
        states_rx: &mut tokio::sync::watch::Receiver<States>,
        deadline: Instant,
        found: impl Fn(&States) -> Option<T>,
    ) -> Result<T, TunnelError> {
        let began = Instant::now();
        let wait = async {
            loop {
                {
                    let states = states_rx.borrow_and_update();
                    if let Some(found) = found(&states) {
                        return Ok(found);
                    }
                    if let Some(error) = hopeless(&states) {
                        return Err(error);
                    }
                }
                states_rx.changed().await.map_err(|_| TunnelError::Stopped)?;
            }
        };
        match timeout_at(deadline, wait).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.not_open(began.elapsed())),
        }
    }

    fn not_open(&self, within: Duration) -> TunnelError {
        let states = self.states_rx.borrow();
        let each: Vec<String> = states
            .iter()
            .map(|(pod, state)| format!("pod {pod}: {state}"))
            .collect();
        let standing = if each.is_empty() {
            "no proxy pod is there".to_owned()
        } else {
            each.join(", ")
        };
        TunnelError::NotOpen { within, standing }
    }
}

fn rejection(states: &States) -> Option<TunnelError> {
    states.iter().find_map(|(pod, state)| {
        let words = state.rejected()?.to_owned();
        Some(TunnelError::Rejected {
            pod: pod.clone(),
            words,
        })
    })
}

/// Waiting longer helps only while some pod's relay is open or may yet open.
fn hopeless(states: &States) -> Option<TunnelError> {
    let mut first = None;
    for (pod, state) in states {
        let pod = pod.clone();
        let error = match state {
            RelayState::Incompatible { reason } => TunnelError::Incompatible {
                pod,
                source: Arc::clone(reason),
            },
            RelayState::Lost { reason, .. } if is_forbidden(reason) => TunnelError::Forbidden {
                pod,
                source: Arc::clone(reason),
            },
            RelayState::Draining => continue,
            _ => return None,
        };
        first.get_or_insert(error);
    }
    first
}

fn is_forbidden(reason: &RelayError) -> bool {
    matches!(reason, RelayError::Connect(ConnectError::Forbidden(_)))
}
