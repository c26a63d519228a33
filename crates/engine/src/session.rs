//! One intercept from open to closed: the only façade for whoever shows or commands it.
//!
//! ```text
//! Planning → Applying → Active ⇄ Reconnecting
//!     │          │         ├──► Displaced ──► Active
//!     │          │         └──► Closing ──► Closed
//!     └──────────┴── revert ──────────────► Closed
//! ```
//!
//! A session is told to close and then awaited; both are safe at any moment, also twice. Deliberately
//! absent: words for people, which the events' receivers choose.

mod active;
mod callers;
mod engage;
mod lock;
mod why;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::Owner;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::apply::{ApplyError, Progress};
use crate::cluster::Cluster;
use crate::plan::{Plan, Refusal};
use crate::record_store::RecordStoreError;
use crate::revert::{Left, RevertError};
use crate::snapshot::SnapshotError;
use crate::spec::{InterceptSpec, ProxySettings};
use crate::tap::{Level, Mocks, Recorder, Recording};
use crate::target::TargetError;
use crate::traffic::TrafficView;
use crate::tunnel::RelayEvent;

pub use why::Prober;

/// Events nobody reads are dropped rather than waited for: a stuck listener must not stop a session.
const EVENTS: usize = 1024;

/// What a session is opened with.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// The intercept.
    pub spec: InterceptSpec,
    /// How the proxy is built.
    pub settings: ProxySettings,
    /// Name and version of this program, for the agent's log.
    pub program: String,
    /// Folder of the locks by which this user's programs know each other's sessions.
    pub locks: PathBuf,
    /// Where requests are recorded; absent where none are.
    pub record: Option<Record>,
    /// What answers before the local program is asked.
    pub mocks: Mocks,
}

/// How a session's requests are recorded.
#[derive(Clone)]
pub struct Record {
    /// By whom.
    pub recorder: Arc<Recorder>,
    /// How much of them, to begin with.
    pub level: Level,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Record({:?})", self.level)
    }
}

/// Where a session stands.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "phase")]
pub enum Phase {
    /// Reads the cluster. Failing here has nothing to undo.
    Planning,
    /// Carries out the plan. Failing here undoes what was done.
    Applying,
    /// Requests that match come to the laptop.
    Active,
    /// No relay is open: the original pods answer everything meanwhile.
    Reconnecting,
    /// Somebody changed the Service's selector: nothing arrives until it is the proxy's again.
    Displaced {
        /// Who, from managedFields.
        by: String,
    },
    /// Undoes.
    Closing {
        /// Why.
        why: CloseReason,
    },
    /// The end.
    Closed,
}

/// Why a session closes.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CloseReason {
    /// It was asked to.
    Asked,
    /// Its lifetime is over.
    Expired,
    /// Its intercept was taken out of the record: by `session close`, or by the agent after a long silence.
    RemovedByOther,
    /// No proxy pod was ready for some seconds: the Service goes back first.
    ProxyLost,
}

/// What a session tells.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The phase changed.
    Phase(Phase),
    /// The plan, before it is carried out.
    Planned(Box<Plan>),
    /// A step of it.
    Progress(Progress),
    /// Requests can arrive; so long after the session was opened.
    Ready {
        /// Since opening.
        took: Duration,
    },
    /// Something about the tunnel.
    Relay(RelayEvent),
    /// Somebody else was faster and everything is planned again.
    PlannedAgain,
}

/// How a session ended.
#[derive(Debug)]
pub enum Outcome {
    /// It was active, and is undone.
    Closed {
        /// Why.
        why: CloseReason,
        /// What undoing it came to.
        left: Result<Left, RevertError>,
    },
    /// It never got active; what was begun is undone.
    Failed {
        /// Why.
        error: SessionError,
        /// Whether undoing worked.
        reverted: Result<(), RevertError>,
    },
    /// The same owner holds this intercept in another session: nothing was changed.
    AlreadyHeld {
        /// That intercept.
        intercept: InterceptId,
        /// Its owner.
        owner: Owner,
    },
}

/// Why a session never got active.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Reasons against it; nothing was changed.
    #[error("this Service cannot be intercepted as asked")]
    Refused(Vec<Refusal>),
    /// The cluster could not be read.
    #[error("the cluster could not be read")]
    Snapshot(#[from] SnapshotError),
    /// The target cannot be used.
    #[error("the local target cannot be used")]
    Target(#[from] TargetError),
    /// What an earlier intercept left could not be removed.
    #[error("what an earlier intercept left could not be removed")]
    Residue(#[source] RevertError),
    /// The record could not be read.
    #[error("the record could not be read")]
    Record(#[from] RecordStoreError),
    /// A step failed.
    #[error("the intercept could not be started")]
    Apply(#[from] ApplyError),
    /// Everybody at once, all the time.
    #[error("others changed the intercepts of this Service {tries} times while it was planned")]
    Contended {
        /// How often it was planned.
        tries: usize,
    },
}

/// A running session.
pub struct Session {
    recording: Option<Recording>,
    events: mpsc::Receiver<SessionEvent>,
    phase: watch::Receiver<Phase>,
    traffic: watch::Receiver<TrafficView>,
    prober: Prober,
    cancel: CancellationToken,
    task: JoinHandle<Outcome>,
}

impl Session {
    /// Starts to open an intercept. Everything after this is told by events.
    pub fn open(cluster: &Cluster, request: SessionRequest) -> Self {
        // session task → whoever shows it
        let (event_tx, events) = mpsc::channel(EVENTS);
        let (phase_tx, phase) = watch::channel(Phase::Planning);
        let cancel = CancellationToken::new();
        let teller = Teller { event_tx, phase_tx };
        let recording = request
            .record
            .as_ref()
            .map(|record| record.recorder.recording(record.level));
        let place = (cluster.client(), cluster.context().to_owned());
        let tap = recording.clone();
        let (why, prober, traffic) = why::ends(phase.clone());
        let told = (teller, why);
        let task = tokio::spawn(engage::run(place, request, tap, told, cancel.clone()));
        Self {
            recording,
            events,
            phase,
            traffic,
            prober,
            cancel,
            task,
        }
    }

    /// How its requests are recorded; absent where none are.
    pub fn recording(&self) -> Option<&Recording> {
        self.recording.as_ref()
    }

    /// The next event; `None` when the session has ended. Safe to cancel.
    pub async fn event(&mut self) -> Option<SessionEvent> {
        self.events.recv().await
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// What passed the Service, and why requests did not arrive; ends with the session.
    pub fn traffic(&self) -> watch::Receiver<TrafficView> {
        self.traffic.clone()
    }

    /// Asks where a request stops, for as long as the session lives.
    pub fn prober(&self) -> Prober {
        self.prober.clone()
    }

    /// Where it stands, for somebody who waits for changes.
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.clone()
    }

    /// Tells it to close; what is to be undone is undone.
    pub fn close(&self) {
        self.cancel.cancel();
    }

    /// A handle by which somebody else can tell it to close.
    pub fn closer(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Waits for its end. Bounded once it was told to close.
    pub async fn ended(self) -> Outcome {
        // Nobody reads events any more; a session never waits for a reader.
        drop(self.events);
        match self.task.await {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Tells events and phases.
#[derive(Clone)]
struct Teller {
    event_tx: mpsc::Sender<SessionEvent>,
    phase_tx: watch::Sender<Phase>,
}

impl Teller {
    fn tell(&self, event: SessionEvent) {
        if self.event_tx.try_send(event).is_err() {
            tracing::trace!("an event found no listener");
        }
    }

    /// The one place where a phase changes.
    fn enter(&self, phase: Phase) {
        tracing::info!(?phase, "session");
        self.phase_tx.send_replace(phase.clone());
        self.tell(SessionEvent::Phase(phase));
    }
}

impl SessionError {
    /// What to do about it; nothing where the user wanted it so.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Refused(refusals) => return refusals.first().map(Refusal::hint),
            Self::Apply(error) => return error.hint(),
            Self::Snapshot(error) => error.hint(),
            Self::Record(error) => error.hint().to_owned(),
            Self::Target(_) => "Name a target that can be connected to: a port, host:port, or a URL.".into(),
            Self::Residue(_) => "See what is left and why: interceptctl session close --dry-run".into(),
            Self::Contended { .. } => "Try again in a moment: others are busy with this Service.".into(),
        })
    }
}
