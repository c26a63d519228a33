//! The intercepts of this program, from asked for to forgotten.
//!
//! Each has a task that follows its session; what it has learnt is told as a whole, since there are few of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use intercept_engine::cluster::Cluster;
use intercept_engine::control::{Hold, Holdings};
use intercept_engine::session::{Prober, Record, Session, SessionEvent, SessionRequest};
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::tap::{Level, Mocks, Recording};
use intercept_engine::target::Target;
use intercept_engine::traffic::TrafficView;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::error::{CommandError, ErrorCode};
use crate::feed::Feed;
use crate::story::Story;
use crate::timeline::{Timeline, unix_millis};
use crate::wire::{DeskEvent, InterceptView, InterceptWish, ProbeReport};

/// How often a program that is down is tried.
const TRY_TARGET_EVERY: Duration = Duration::from_secs(1);

/// What every session of this program is opened with.
pub(crate) struct Means {
    pub(crate) program: String,
    pub(crate) locks: std::path::PathBuf,
    pub(crate) mocks: Mocks,
    pub(crate) holdings: Holdings,
}

/// All intercepts. Clones are the same.
#[derive(Clone)]
pub(crate) struct Intercepts(Arc<Shared>);

struct Shared {
    means: Means,
    feed: Feed,
    timeline: Timeline,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The program ends: what was opened now would be ended by nobody.
    is_closing: bool,
    last: u32,
    by_key: BTreeMap<u32, Entry>,
}

struct Entry {
    story: Story,
    target: Target,
    closer: CancellationToken,
    prober: Prober,
    recording: Option<Recording>,
    traffic: TrafficView,
    // follower → whoever waits for the end
    over_rx: watch::Receiver<bool>,
}

impl Intercepts {
    pub(crate) fn new(means: Means, feed: Feed, timeline: Timeline) -> Self {
        Self(Arc::new(Shared {
            means,
            feed,
            timeline,
            held: Mutex::default(),
        }))
    }

    /// All of them, the oldest first.
    pub(crate) fn views(&self) -> Vec<InterceptView> {
        let held = self.held();
        held.by_key.values().map(Entry::view).collect()
    }

    /// What passed the Services of them.
    pub(crate) fn traffic(&self) -> Vec<(u32, TrafficView)> {
        let held = self.held();
        held.by_key
            .iter()
            .map(|(key, entry)| (*key, entry.traffic.clone()))
            .collect()
    }

    /// Opens one; its key. Must be called where its session can be spawned.
    ///
    /// # Errors
    /// When the program is ending.
    pub(crate) fn open(
        &self,
        cluster: &Cluster,
        wish: InterceptWish,
        (spec, settings): (InterceptSpec, ProxySettings),
        record: Option<Record>,
    ) -> Result<u32, CommandError> {
        // Held until it is listed, so that whoever ends everything either finds it or keeps it from beginning.
        let mut held = self.held();
        if held.is_closing {
            return Err(CommandError::said(
                ErrorCode::Gone,
                "Intercept is quitting and restores what it changed; nothing new is begun.",
                "Start it again, then start the intercept.",
            ));
        }
        let means = &self.0.means;
        let request = SessionRequest {
            spec: spec.clone(),
            settings,
            program: means.program.clone(),
            locks: means.locks.clone(),
            record,
            mocks: means.mocks.clone(),
        };
        let session = Session::open(cluster, request);
        let hold = means.holdings.hold(&session, cluster.context(), &spec);
        let (over_tx, over_rx) = watch::channel(false);
        held.last += 1;
        let key = held.last;
        let entry = Entry {
            target: spec.target.clone(),
            story: Story::new(key, wish, spec, unix_millis() / 1000),
            closer: session.closer(),
            prober: session.prober(),
            recording: session.recording().cloned(),
            traffic: TrafficView::default(),
            over_rx,
        };
        held.by_key.insert(key, entry);
        drop(held);
        self.tell();
        tokio::spawn(self.clone().follow(key, session, hold, over_tx));
        Ok(key)
    }

    async fn follow(self, key: u32, mut session: Session, hold: Hold, over_tx: watch::Sender<bool>) {
        let mut traffic = session.traffic();
        let mut tries = interval(TRY_TARGET_EVERY);
        tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = session.event() => match event {
                    Some(event) => self.event(key, event, &hold),
                    None => break,
                },
                Ok(()) = traffic.changed() => {
                    let view = traffic.borrow_and_update().clone();
                    self.traffic_changed(key, view);
                }
                _ = tries.tick() => self.try_target(key).await,
            }
        }
        let outcome = session.ended().await;
        drop(hold);
        let news = self.with(key, |entry| entry.story.ended(outcome));
        if let Some((what, sentence)) = news {
            self.0.timeline.add(what, Some(key), sentence);
        }
        self.tell();
        over_tx.send_replace(true);
    }

    fn event(&self, key: u32, event: SessionEvent, hold: &Hold) {
        if let SessionEvent::Planned(plan) = &event {
            hold.planned(&plan.intercept.id, Some(plan.service_port.to_string()));
        }
        let news = self.with(key, |entry| entry.story.event(event)).flatten();
        if let Some((what, sentence)) = news {
            self.0.timeline.add(what, Some(key), sentence);
        }
        self.tell();
    }

    fn traffic_changed(&self, key: u32, view: TrafficView) {
        self.with(key, |entry| entry.traffic = view.clone());
        self.0.feed.tell(&DeskEvent::Traffic { key, view });
    }

    /// Only a program that was found not to answer is tried: one that answers should not see strange connections.
    async fn try_target(&self, key: u32) {
        let waiting = self.with(key, |entry| {
            entry.story.waits_for_target().then(|| entry.target.clone())
        });
        let Some(target) = waiting.flatten() else { return };
        if target.listening().await.is_err() {
            return;
        }
        if let Some((what, sentence)) = self.with(key, |entry| entry.story.target_is_back()).flatten() {
            self.0.timeline.add(what, Some(key), sentence);
            self.tell();
        }
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn stop(&self, key: u32) -> Result<(), CommandError> {
        let mut over_rx = self
            .with(key, |entry| {
                entry.closer.cancel();
                entry.over_rx.clone()
            })
            .ok_or_else(gone)?;
        // The sender goes with its follower: then it has ended too.
        let _ = over_rx.wait_for(|is_over| *is_over).await;
        Ok(())
    }

    /// Ends all of them for good: none is begun after this.
    pub(crate) async fn close(&self) {
        self.held().is_closing = true;
        self.stop_all().await;
    }

    /// Ends all of them at the same time, and waits until they have.
    pub(crate) async fn stop_all(&self) {
        let keys: Vec<u32> = self.held().by_key.keys().copied().collect();
        let stops = keys.into_iter().map(|key| self.stop(key));
        futures::future::join_all(stops).await;
    }

    /// Forgets one that has ended.
    pub(crate) fn dismiss(&self, key: u32) {
        {
            let mut held = self.held();
            let has_ended = held
                .by_key
                .get(&key)
                .is_some_and(|entry| entry.story.view.ending.is_some());
            if has_ended {
                held.by_key.remove(&key);
            }
        }
        self.tell();
    }

    /// Records so much from now on.
    pub(crate) fn record(&self, key: u32, level: Level) -> Result<(), CommandError> {
        let recording = self.with(key, |entry| entry.recording.clone()).ok_or_else(gone)?;
        let recording = recording.ok_or_else(|| {
            CommandError::said(
                ErrorCode::NoRecorder,
                "This run of the program cannot record.",
                "See what it said when it started, and start it again.",
            )
        })?;
        recording.record(level);
        self.tell();
        Ok(())
    }

    /// Sends one request through the Service and says how far it came.
    pub(crate) async fn probe(&self, key: u32) -> Result<ProbeReport, CommandError> {
        let prober = self.with(key, |entry| entry.prober.clone()).ok_or_else(gone)?;
        prober.probe().await.ok_or_else(gone)
    }

    /// Where requests of a Service go on this machine, if one of these intercepts says so.
    pub(crate) fn target_of(&self, context: &str, namespace: &str, service: &str) -> Option<Target> {
        let held = self.held();
        let is_of = |entry: &&Entry| {
            let wish = &entry.story.view.wish;
            (
                wish.context.as_str(),
                wish.namespace.as_str(),
                wish.service.as_str(),
            ) == (context, namespace, service)
        };
        // The newest says best where the program is now.
        held.by_key
            .values()
            .rev()
            .find(is_of)
            .map(|entry| entry.target.clone())
    }

    fn tell(&self) {
        let intercepts = self.views();
        self.0.feed.tell(&DeskEvent::Intercepts { intercepts });
    }

    fn with<T>(&self, key: u32, act: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.held().by_key.get_mut(&key).map(act)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn view(&self) -> InterceptView {
        InterceptView {
            recording: self.recording.as_ref().map(Recording::level),
            ..self.story.view.clone()
        }
    }
}

fn gone() -> CommandError {
    CommandError::said(
        ErrorCode::Gone,
        "This intercept has ended.",
        "Start it again where it is still wanted.",
    )
}
