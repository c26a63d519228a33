//! What is said: requests, answers, refusals.

use intercept_protocol::ids::InterceptId;
use intercept_protocol::matching::Match;
use serde::{Deserialize, Serialize};

use crate::probe::ProbeReport;
use crate::session::Phase;
use crate::tap::{Level, Mock, Standing};
use crate::traffic::TrafficView;

/// Client to program, first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hello {
    /// The client's name and version, for the program's log.
    pub(super) program: String,
}

/// Program to client, in answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Greeting {
    /// Go on with a request.
    Welcome(Welcome),
    /// The connection closes.
    Refused(Refused),
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Welcome {
    /// The program's name and version.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

/// Client to program, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "ask")]
pub enum Request {
    /// What it holds: one [`Answer::Session`] each.
    Sessions,
    /// Record so much of what comes from now on. Answered by the sessions this was done for.
    Record {
        /// Of this intercept; of all without it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        intercept: Option<InterceptId>,
        /// How much.
        level: Level,
    },
    /// Record nothing for a while, or go on. Answered by all sessions.
    Pause {
        /// Whether to stop recording.
        is_paused: bool,
    },
    /// The mocks that are switched on: one [`Answer::Mock`] each.
    Mocks,
    /// Switch a mock on. Answered by it.
    AddMock {
        /// What it does.
        mock: Box<Mock>,
    },
    /// Switch a mock off. Answered by those that remain.
    RemoveMock {
        /// Its number.
        number: u64,
    },
    /// What passed the Service and why the rest did not arrive: one [`Answer::Traffic`] at once, more as things change.
    Why {
        /// Whose session.
        intercept: InterceptId,
    },
    /// Send one request through the Service and say how far it comes. Answered by one [`Answer::Probe`].
    Probe {
        /// Whose session.
        intercept: InterceptId,
    },
    /// Close a session, undoing what it changed. Answered by that session, again whenever its phase changes, to its end.
    Stop {
        /// Whose session.
        intercept: InterceptId,
    },
}

/// One part of what is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// A session, as it is now.
    Session(Box<Held>),
    /// A mock that is switched on. Its body is left at home, which may be far longer than a message.
    Mock(Box<Standing>),
    /// What passed so far; the newest of it, as much as fits.
    Traffic(Box<TrafficView>),
    /// How far a request came.
    Probe(Box<ProbeReport>),
}

/// A session that a running program holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The intercept, once it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intercept: Option<InterceptId>,
    /// The kubeconfig's context.
    pub context: String,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// The Service's port by number, or as it was asked for while that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// Which requests.
    pub rule: Match,
    /// Where they go.
    pub target: String,
    /// Whether any certificate will do there.
    pub accept_any_certificate: bool,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// When it was opened: seconds since 1970 UTC.
    pub since: u64,
    /// How much is recorded; absent where nothing can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Level>,
    /// Whether recording is paused.
    pub is_paused: bool,
}

/// Program to client, any number of times.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reply {
    /// A part of the answer.
    Part(Answer),
    /// There is no more, because of this.
    Refused(Refused),
    /// That was all.
    Done,
}

/// Why a program does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct Refused {
    /// What to decide by.
    pub code: RefusedCode,
    /// What to read.
    pub message: String,
}

/// Sorts of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusedCode {
    /// It holds nothing like that.
    NoSuchSession,
    /// No mock has this number.
    NoSuchMock,
    /// A mock cannot be as it was asked for.
    WrongMock,
    /// It cannot record.
    NoRecorder,
    /// Too many ask at once.
    Busy,
    /// The request says nothing this version knows.
    NotUnderstood,
    /// The answer does not fit.
    TooLong,
    /// It is ending.
    Ending,
    /// Something that a newer version knows.
    #[serde(other)]
    Other,
}

impl Refused {
    /// With words for people.
    pub fn new(code: RefusedCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}
