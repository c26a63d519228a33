//! What each relay is doing, and what of it is worth telling somebody.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::relay::{FrameError, Status};

use super::connector::{ConnectError, PodName};

/// One pod's relay.
#[derive(Clone, Debug)]
pub enum RelayState {
    /// A connection is being opened. Goes to `Open` or `Lost`.
    Connecting,
    /// The agent is there. Goes to `Lost` or `Draining`.
    Open {
        /// What the pod's NGINX does; absent until the agent's first word.
        status: Option<Status>,
    },
    /// The pod is on its way out: what it still sends is served, and its relay is not opened again.
    Draining,
    /// Will be tried again after a while. Goes to `Connecting`.
    Lost {
        /// Why.
        reason: Arc<RelayError>,
        /// How long until the next try, from when this state began.
        retry_in: Duration,
    },
    /// Will not be tried again: only another version of the program could.
    Incompatible {
        /// Why.
        reason: Arc<RelayError>,
    },
}

impl RelayState {
    /// Whether requests of `intercept` reach the laptop through this pod.
    pub fn carries(&self, intercept: &InterceptId) -> bool {
        matches!(self, Self::Open { status: Some(status) }
            if status.routed.contains(intercept) && status.open.contains(intercept))
    }

    /// NGINX's words, when it refused the newest record.
    pub fn rejected(&self) -> Option<&str> {
        match self {
            Self::Open { status: Some(status) } => status.rejected.as_deref(),
            _ => None,
        }
    }
}

impl fmt::Display for RelayState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => out.write_str("connecting"),
            Self::Open { .. } => out.write_str("open"),
            Self::Draining => out.write_str("draining"),
            Self::Lost { reason, .. } => write!(out, "lost: {reason}"),
            Self::Incompatible { reason } => write!(out, "incompatible: {reason}"),
        }
    }
}

/// Why a relay is not open.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// No connection to the pod.
    #[error("no connection to the pod's relay")]
    Connect(#[source] ConnectError),
    /// Too long without an answer while connecting or greeting.
    #[error("the pod's relay did not answer within {} s", .limit.as_secs())]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
    /// The greeting failed; usual while the agent is about to start.
    #[error("the pod's relay did not greet")]
    Greeting(#[source] FrameError),
    /// Another version of Intercept made the proxy.
    #[error(
        "the proxy was made by another version of Intercept; update Intercept here, or where the proxy was made"
    )]
    Incompatible(#[source] FrameError),
    /// The agent's record does not name this session, or not yet.
    #[error("the agent does not know this session yet")]
    UnknownSession,
    /// The pod drains.
    #[error("the pod is shutting down")]
    Draining,
    /// The control stream ended or said something that is not understood.
    #[error("the relay's control stream failed")]
    Control(#[source] FrameError),
    /// Nothing at all was heard for too long.
    #[error("nothing was heard from the relay for {} s", .silence.as_secs())]
    Silent {
        /// For how long.
        silence: Duration,
    },
    /// The laptop slept, and the connection did not survive it.
    #[error("the connection did not survive the laptop's sleep")]
    Slept,
    /// The connection ended.
    #[error("the relay connection ended")]
    Ended(#[source] Option<std::io::Error>),
}

/// Something about the tunnel that a person may want to see.
#[derive(Clone, Debug)]
pub enum RelayEvent {
    /// A relay opened.
    Opened {
        /// Its pod.
        pod: PodName,
        /// The agent's program and version.
        agent: String,
    },
    /// A relay was lost after it had been open.
    Lost {
        /// Its pod.
        pod: PodName,
        /// Why.
        reason: Arc<RelayError>,
    },
    /// The pod's NGINX refused the newest record.
    Rejected {
        /// Its pod.
        pod: PodName,
        /// NGINX's words.
        words: String,
    },
    /// The pod drains.
    Draining {
        /// Its pod.
        pod: PodName,
    },
    /// A connection could not be served here, so the cluster's original pods got it.
    NotServed {
        /// The intercept.
        intercept: InterceptId,
        /// Why, in words.
        reason: String,
    },
    /// The laptop slept for about this long.
    Slept {
        /// How long.
        duration: Duration,
    },
}
