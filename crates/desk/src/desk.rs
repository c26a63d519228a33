//! The façade: one method for each command of the table, and what holds them together.

use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};

use intercept_engine::control::{Holdings, Server};
use intercept_engine::inspector::{Inspector, USUAL_BODY};
use intercept_engine::session::Record;
use intercept_engine::tap::{Level, Mocks};
use intercept_inspect::redact::{Redaction, Rule};
use intercept_inspect::store::Limits;
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use crate::clusters::Clusters;
use crate::error::{CommandError, ErrorCode};
use crate::feed::{Feed, Listener};
use crate::intercepts::{Intercepts, Means};
use crate::preferences::Kept;
use crate::requests::Requests;
use crate::sandbox::Sandbox;
use crate::services::Services;
use crate::store::Stores;
use crate::timeline::Timeline;
use crate::wire::{DeskEvent, InterceptView, Preferences, TimelineKind};

/// Wishes that are remembered for starting again.
pub(crate) const RECENT: usize = 12;

/// Where a desk finds and keeps things.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name and version, for others.
    pub program: String,
    /// Its version alone.
    pub version: String,
    /// The file of preferences.
    pub preferences: PathBuf,
    /// The folder of recorded requests.
    pub recorded: PathBuf,
    /// The folder of the sockets by which commands reach this program.
    pub sockets: PathBuf,
    /// The folder of the locks by which this user's programs know each other's sessions.
    pub locks: PathBuf,
    /// The folder of the logs.
    pub logs: Option<PathBuf>,
    /// Start with the sandbox rather than with the user's clusters.
    pub wants_sandbox: bool,
    /// An NGINX for the sandbox rather than the machine's.
    pub nginx: Option<PathBuf>,
    /// Whether the desktop has a place for a tray icon.
    pub has_tray: bool,
}

/// Everything behind the window. Clones are the same.
#[derive(Clone)]
pub struct Desk(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) feed: Feed,
    pub(crate) timeline: Timeline,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) clusters: Clusters,
    pub(crate) services: Services,
    pub(crate) intercepts: Intercepts,
    pub(crate) requests: Requests,
    pub(crate) preferences: Kept,
    pub(crate) inspector: Option<Inspector>,
    pub(crate) mocks: Mocks,
    pub(crate) missing: Vec<String>,
    server: Mutex<Option<Server>>,
    files: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Desk {
    /// Opens it. What cannot be had is left out and said: intercepts work without a recorder and without a socket.
    /// Must be called inside of the runtime that its work is to run on.
    ///
    /// # Errors
    /// Never by what is missing; only when secrets could not be covered.
    pub fn open(options: Options) -> Result<Self, CommandError> {
        let feed = Feed::default();
        let timeline = Timeline::new(feed.clone());
        let mut missing = Vec::new();
        let (preferences, trouble) = Kept::open(options.preferences.clone());
        missing.extend(trouble);
        let prefers = preferences.get();
        let limits = limits(&prefers);
        let inspector = inspector(&options, limits, &mut missing);
        let mocks = inspector
            .as_ref()
            .map(|one| one.mocks().clone())
            .unwrap_or_default();
        let recorder = inspector.as_ref().map(|one| Arc::clone(one.recorder()));
        let holdings = Holdings::new(recorder.clone(), mocks.clone());
        let server = Server::open(&options.sockets, &options.program, Arc::new(holdings.clone()));
        let server = server
            .map_err(|error| {
                missing.push(format!(
                    "Commands of a terminal cannot reach this program: {error}."
                ));
            })
            .ok();
        let means = Means {
            program: options.program.clone(),
            locks: options.locks.clone(),
            mocks: mocks.clone(),
            holdings,
        };
        let sandbox = Arc::new(Sandbox::new(options.wants_sandbox, options.nginx.clone()));
        let is_paused = Arc::new(move || recorder.as_ref().is_some_and(|recorder| recorder.is_paused()));
        let requests = Requests::new(
            Stores::new(options.recorded.clone(), limits),
            feed.clone(),
            redaction(&prefers)?,
            is_paused,
        );
        let desk = Self(Arc::new(Inner {
            services: Services::new(feed.clone()),
            intercepts: Intercepts::new(means, feed.clone(), timeline.clone()),
            clusters: Clusters::new(Arc::clone(&sandbox)),
            options,
            feed,
            timeline,
            sandbox,
            requests,
            preferences,
            inspector,
            mocks,
            missing,
            server: Mutex::new(server),
            files: std::sync::Mutex::default(),
        }));
        desk.watch_files();
        Ok(desk)
    }

    fn watch_files(&self) {
        // It has the desk, and goes when that is closed.
        let inner = Arc::clone(&self.0);
        let watching = tokio::spawn(async move { inner.clusters.watch_files(&inner.feed).await });
        *self.files() = Some(AbortOnDropHandle::new(watching));
    }

    fn files(&self) -> MutexGuard<'_, Option<AbortOnDropHandle<()>>> {
        self.0.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells events from now on. Whoever listened under this name before hears nothing more.
    pub fn listen(&self, who: Listener, hear: impl Fn(&DeskEvent) + Send + Sync + 'static) {
        self.0.feed.listen(who, Arc::new(hear));
        for (key, view) in self.0.intercepts.traffic() {
            self.0.feed.tell(&DeskEvent::Traffic { key, view });
        }
    }

    /// Tells an event of the shell's: somebody wants to see something.
    pub fn tell(&self, event: &DeskEvent) {
        self.0.feed.tell(event);
    }

    /// Intercepts of this program, the oldest first.
    pub fn intercepts(&self) -> Vec<InterceptView> {
        self.0.intercepts.views()
    }

    /// What the user prefers.
    pub fn preferences(&self) -> Preferences {
        self.0.preferences.get()
    }

    /// Ends everything: intercepts are undone, and that is waited for; then the sandbox and the socket go.
    pub async fn close(&self) {
        self.0.intercepts.close().await;
        self.0.requests.stop();
        self.0.services.stop().await;
        if let Some(server) = self.0.server.lock().await.take() {
            server.close().await;
        }
        self.0.sandbox.stop().await;
        self.files().take();
    }

    pub(crate) fn remember(&self, change: impl FnOnce(&mut Preferences)) {
        if let Err(error) = self.0.preferences.change(change) {
            let path = self.0.options.preferences.display();
            self.0.timeline.add(
                TimelineKind::Notice,
                None,
                format!("Preferences could not be written to {path}: {error}. They hold until you quit."),
            );
        }
        let preferences = Box::new(self.0.preferences.get());
        self.0.feed.tell(&DeskEvent::Preferences { preferences });
    }

    pub(crate) fn record(&self, level: Level) -> Option<Record> {
        self.0.inspector.as_ref().map(|inspector| Record {
            recorder: Arc::clone(inspector.recorder()),
            level,
        })
    }

    pub(crate) fn recorder(&self) -> Result<&Inspector, CommandError> {
        self.0.inspector.as_ref().ok_or_else(|| {
            CommandError::said(
                ErrorCode::NoRecorder,
                "This run of the program cannot record requests.",
                "Settings say why; start it again once that is mended.",
            )
        })
    }
}

fn inspector(options: &Options, limits: Limits, missing: &mut Vec<String>) -> Option<Inspector> {
    match Inspector::open(&options.recorded, limits, USUAL_BODY) {
        Ok(inspector) => {
            if let Some(aside) = inspector.set_aside() {
                missing.push(format!(
                    "What was recorded before could not be read ({}) and is now {}.",
                    aside.why,
                    aside.kept.display()
                ));
            }
            Some(inspector)
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            missing.push(format!("{error}{}.", cause.unwrap_or_default()));
            None
        }
    }
}

fn limits(preferences: &Preferences) -> Limits {
    Limits {
        bytes: preferences.kept_bytes,
        count: preferences.kept_requests,
    }
}

/// What covers secrets: the usual ones, and the user's.
pub(crate) fn redaction(preferences: &Preferences) -> Result<Redaction, CommandError> {
    let rules: Vec<Rule> = preferences
        .covered_headers
        .iter()
        .map(|name| Rule::Header { name: name.clone() })
        .collect();
    Redaction::new(&rules)
        .map_err(|error| CommandError::wrong("coveredHeaders", &error, "Correct it, or take it out."))
}
