//! What `start` offers to other commands: recorded requests, and a socket to ask and order it by.
//!
//! An intercept works without either: what cannot be had is said, and left out.

use std::error::Error;
use std::sync::Arc;

use intercept_engine::control::{Hold, Holdings, Server, sockets};
use intercept_engine::inspector::{Inspector, USUAL_BODY};
use intercept_engine::session::{Record, Session};
use intercept_engine::settings::recorded_requests;
use intercept_engine::spec::InterceptSpec;
use intercept_engine::tap::{Level, Mocks, Recorded};
use intercept_inspect::store::Limits;
use tokio::sync::broadcast::Receiver;

use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, warning};
use crate::running::PROGRAM;

/// A recorder and a socket, as far as they could be had.
pub(super) struct Inspect {
    inspector: Option<Inspector>,
    mocks: Mocks,
    holdings: Holdings,
    server: Option<Server>,
}

impl Inspect {
    pub(super) fn open(output: &Output) -> Self {
        let inspector = Inspector::open(&recorded_requests(), Limits::default(), USUAL_BODY);
        let inspector = inspector
            .map_err(|error| missing("Requests are not recorded", &error, output))
            .ok();
        if let Some(aside) = inspector.as_ref().and_then(Inspector::set_aside) {
            output.note(&format!(
                "What was recorded before could not be read ({}) and is now {}",
                aside.why,
                aside.kept.display()
            ));
        }
        let recorder = inspector
            .as_ref()
            .map(|inspector| Arc::clone(inspector.recorder()));
        let mocks = inspector.as_ref().map(|inspector| inspector.mocks().clone());
        let mocks = mocks.unwrap_or_default();
        let holdings = Holdings::new(recorder, mocks.clone());
        let server = Server::open(&sockets(), PROGRAM, Arc::new(holdings.clone()));
        let server = server
            .map_err(|error| missing("Other commands cannot reach this one", &error, output))
            .ok();
        Self {
            inspector,
            mocks,
            holdings,
            server,
        }
    }

    /// How a session's requests are to be recorded.
    pub(super) fn record(&self, level: Level) -> Option<Record> {
        self.inspector.as_ref().map(|inspector| Record {
            recorder: Arc::clone(inspector.recorder()),
            level,
        })
    }

    pub(super) fn mocks(&self) -> Mocks {
        self.mocks.clone()
    }

    /// What is recorded from now on.
    pub(super) fn news(&self) -> Option<Receiver<Recorded>> {
        self.inspector
            .as_ref()
            .map(|inspector| inspector.recorder().news())
    }

    pub(super) fn hold(&self, session: &Session, context: &str, spec: &InterceptSpec) -> Hold {
        self.holdings.hold(session, context, spec)
    }

    /// Lets those who ask hear the end of it.
    pub(super) async fn close(self) {
        if let Some(server) = self.server {
            server.close().await;
        }
    }
}

fn missing(what: &str, error: &(dyn Error + 'static), output: &Output) {
    let mut failure = Failure::new(Exit::Undone, "notRecorded", what);
    failure.caused_by(Some(error));
    output.note(&format!("{} {}", warning("Warning:"), failure.in_short()));
}
