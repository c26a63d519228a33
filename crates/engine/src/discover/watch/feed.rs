//! One kind's watch: lists, watches, and after a failure starts again; and the table it fills.
//!
//! kube's watcher resumes by itself after a failure, but says nothing until the next object changes; so
//! it is started afresh here, and its finished list shows that the connection is back.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use kube::Api;
use kube::runtime::watcher::{self, Event, watcher};

use crate::cluster::{ApiFailure, FailureKind};
use crate::discover::facts::{Key, Rows};
use crate::discover::source::{Listed, key};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const EXPIRED_PAUSE: Duration = Duration::from_millis(100);
/// A laptop that wakes up should not show old things for long.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Rights change by somebody's hand.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// What a watch says.
pub(super) enum Step<T> {
    /// A list begins.
    Started,
    /// An object of the list; none where it does not concern us.
    Listed(Key, Option<T>),
    /// The list is complete.
    Complete,
    /// A new or changed object.
    Applied(Key, Option<T>),
    /// It is gone.
    Deleted(Key),
    /// The watch ended and is started again.
    Failed(ApiFailure),
}

/// How far the watch of one kind is.
pub(super) struct Feed<T> {
    incoming: Option<Rows<T>>,
    is_complete: bool,
    trouble: Option<ApiFailure>,
}

impl<T> Default for Feed<T> {
    fn default() -> Self {
        Self {
            incoming: None,
            is_complete: false,
            trouble: None,
        }
    }
}

impl<T> Feed<T> {
    /// Brings `rows` up to date. `carry` hands over from the old version of an object to the new one.
    pub(super) fn take(&mut self, rows: &mut Rows<T>, step: Step<T>, carry: impl Fn(&mut T, Option<&T>)) {
        match step {
            Step::Started => self.incoming = Some(Rows::new()),
            Step::Listed(key, facts) => {
                let Some(mut facts) = facts else { return };
                carry(&mut facts, rows.get(&key));
                self.incoming.get_or_insert_default().insert(key, facts);
            }
            Step::Complete => {
                *rows = self.incoming.take().unwrap_or_default();
                self.is_complete = true;
                self.trouble = None;
            }
            Step::Applied(key, Some(mut facts)) => {
                carry(&mut facts, rows.get(&key));
                rows.insert(key, facts);
            }
            Step::Applied(key, None) | Step::Deleted(key) => {
                rows.remove(&key);
            }
            Step::Failed(failure) => self.trouble = Some(failure),
        }
    }

    /// Whether its first list is there, or will not come soon.
    pub(super) fn is_settled(&self) -> bool {
        self.is_complete || self.trouble.is_some()
    }

    pub(super) fn trouble(&self) -> Option<&ApiFailure> {
        self.trouble.as_ref()
    }
}

struct Observer<K, T> {
    api: Api<K>,
    config: watcher::Config,
    reduce: fn(K) -> Option<T>,
    events: Option<BoxStream<'static, watcher::Result<Event<K>>>>,
    /// Before the next start, if the last one failed.
    rest: Option<Duration>,
    next_pause: Duration,
}

/// Watches the objects of `api` with these labels for ever.
pub(super) fn observe<K: Listed, T: 'static>(
    api: Api<K>,
    labels: &str,
    reduce: fn(K) -> Option<T>,
) -> BoxStream<'static, Step<T>> {
    // The API server's cache answers at once, also for 10,000 objects, and the watch brings what it missed.
    let config = watcher::Config::default().labels(labels).any_semantic();
    let observer = Observer {
        api,
        config,
        reduce,
        events: None,
        rest: None,
        next_pause: FIRST_PAUSE,
    };
    stream::unfold(observer, |mut observer| async move {
        let step = observer.step().await;
        Some((step, observer))
    })
    .boxed()
}

impl<K: Listed, T> Observer<K, T> {
    async fn step(&mut self) -> Step<T> {
        loop {
            if let Some(rest) = self.rest.take() {
                tokio::time::sleep(rest).await;
            }
            let events = self
                .events
                .get_or_insert_with(|| watcher(self.api.clone(), self.config.clone()).boxed());
            match events.next().await {
                Some(Ok(event)) => return self.told(event),
                // Too old to go on from, which is no trouble: a new list, almost at once.
                Some(Err(error)) if ApiFailure::from(&error).kind == FailureKind::Expired => {
                    self.events = None;
                    self.rest = Some(EXPIRED_PAUSE);
                }
                Some(Err(error)) => return self.failed(ApiFailure::from(&error)),
                None => self.events = None,
            }
        }
    }

    fn told(&mut self, event: Event<K>) -> Step<T> {
        match event {
            Event::Init => Step::Started,
            Event::InitApply(object) => Step::Listed(key(&object), (self.reduce)(object)),
            Event::InitDone => {
                self.next_pause = FIRST_PAUSE;
                Step::Complete
            }
            Event::Apply(object) => Step::Applied(key(&object), (self.reduce)(object)),
            Event::Delete(object) => Step::Deleted(key(&object)),
        }
    }

    fn failed(&mut self, failure: ApiFailure) -> Step<T> {
        self.events = None;
        let pause = if failure.is_forbidden() {
            REFUSED_PAUSE
        } else {
            self.next_pause
        };
        self.rest = Some(pause);
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
        Step::Failed(failure)
    }
}
