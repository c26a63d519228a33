//! Recorded requests: found, counted, followed, shown, kept and removed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intercept_inspect::decode::{self, Half, Options, decode, unpack};
use intercept_inspect::diff::{Difference, Rules, compare};
use intercept_inspect::exchange::{Exchange, ExchangeId, Moment, Summary};
use intercept_inspect::filter::Filter;
use intercept_inspect::redact::Redaction;
use intercept_inspect::store::{Cursor, Page, Store, Version};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::error::{CommandError, ErrorCode};
use crate::feed::Feed;
use crate::plan::millis;
use crate::store::{Stores, now};
use crate::wire::{
    DeskEvent, RequestBody, RequestChanges, RequestCount, RequestDetail, RequestPage, Selection, StoreUsage,
};

/// No screen shows more at once.
const MOST_AT_ONCE: u32 = 2_000;
/// How often the store is asked for something new: several times in what the eye takes for an instant.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Written at once and told at once.
const TOLD_AT_ONCE: usize = 1_000;
/// Gaps of one page.
const GAPS: usize = 100;
/// Exchanges that a filter may name for removing or writing.
const SELECTED: usize = 1_000_000;

/// What somebody last asked for, so that it can be broken off when he asks again.
#[derive(Default)]
struct Latest(Mutex<Arc<AtomicBool>>);

impl Latest {
    /// Breaks off the question before.
    fn next(&self) -> Arc<AtomicBool> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.store(true, Ordering::Relaxed);
        *latest = Arc::default();
        Arc::clone(&latest)
    }
}

/// Questions about recorded requests.
pub(crate) struct Requests {
    pub(crate) stores: Stores,
    feed: Feed,
    covering: Arc<Mutex<Arc<Redaction>>>,
    finding: Latest,
    counting: Latest,
    follows: AtomicU32,
    following: Mutex<Option<JoinHandle<()>>>,
    is_paused: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Requests {
    pub(crate) fn new(
        stores: Stores,
        feed: Feed,
        covering: Redaction,
        is_paused: Arc<dyn Fn() -> bool + Send + Sync>,
    ) -> Self {
        Self {
            stores,
            feed,
            covering: Arc::new(Mutex::new(Arc::new(covering))),
            finding: Latest::default(),
            counting: Latest::default(),
            follows: AtomicU32::new(0),
            following: Mutex::default(),
            is_paused,
        }
    }

    /// Covers other things from now on.
    pub(crate) fn cover(&self, covering: Redaction) {
        *self.covering.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(covering);
    }

    /// What covers secrets; only this program's own where somebody asked to see them.
    pub(crate) fn covering(&self, reveal: bool) -> Arc<Redaction> {
        if reveal {
            return Arc::new(Redaction::revealed());
        }
        self.covering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) async fn find(
        &self,
        text: String,
        before: Option<Cursor>,
        limit: u32,
    ) -> Result<RequestPage, CommandError> {
        let filter = parsed(&text)?;
        let (covering, cancel) = (self.covering(false), self.finding.next());
        self.stores
            .ask(move |store| {
                let began = Instant::now();
                // Before the search: what is written meanwhile is told by following.
                let version = store.version()?;
                let limit = limit.clamp(1, MOST_AT_ONCE) as usize;
                let mut found = store.find(&filter, Page { before, limit }, now(), &cancel)?;
                let newest = before.map_or(Moment(i64::MAX), |cursor| cursor.began);
                let oldest = found.next.map_or(Moment(i64::MIN), |cursor| cursor.began);
                let gaps = store.gaps(oldest, newest, GAPS)?;
                found.summaries.iter_mut().for_each(|one| covered(one, &covering));
                Ok(RequestPage {
                    summaries: found.summaries,
                    next: found.next,
                    gaps,
                    version,
                    took_ms: millis(began.elapsed()),
                })
            })
            .await
    }

    pub(crate) async fn count(&self, text: String) -> Result<RequestCount, CommandError> {
        let filter = parsed(&text)?;
        let cancel = self.counting.next();
        let is_all = text.trim().is_empty();
        self.stores
            .ask(move |store| {
                let all = store.usage()?.count;
                if is_all {
                    return Ok(RequestCount { found: all, all });
                }
                let found = store.find(&filter, everything(), now(), &cancel)?;
                Ok(RequestCount {
                    found: found.summaries.len() as u64,
                    all,
                })
            })
            .await
    }

    /// Tells what is new from now on, until somebody else follows. The number that its events have.
    pub(crate) async fn follow(&self, text: String, since: Version) -> Result<u32, CommandError> {
        let filter = Arc::new(parsed(&text)?);
        let follow = self.follows.fetch_add(1, Ordering::Relaxed) + 1;
        let following = Following {
            stores: self.stores.clone(),
            feed: self.feed.clone(),
            covering: Arc::clone(&self.covering),
            is_paused: Arc::clone(&self.is_paused),
            follow,
        };
        let task = tokio::spawn(following.run(filter, since));
        let before = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(task);
        if let Some(before) = before {
            before.abort();
        }
        Ok(follow)
    }

    pub(crate) async fn usage(&self) -> Result<StoreUsage, CommandError> {
        let (limits, is_paused) = (self.stores.limits(), (self.is_paused)());
        self.stores
            .ask(move |store| usage(store, limits, is_paused))
            .await
    }

    pub(crate) async fn detail(&self, id: ExchangeId, reveal: bool) -> Result<RequestDetail, CommandError> {
        let covering = self.covering(reveal);
        self.stores
            .ask(move |store| detail(store, &get(store, id)?, &covering))
            .await
    }

    pub(crate) async fn body(&self, id: ExchangeId, half: Half) -> Result<RequestBody, CommandError> {
        let covering = self.covering(false);
        self.stores
            .ask(move |store| {
                let exchange = covering.apply(&get(store, id)?, &decode::Reading).exchange;
                let message = match half {
                    Half::Request => Some(&exchange.request.message),
                    Half::Response => exchange.response.as_ref().map(|response| &response.message),
                };
                let message = message.ok_or_else(|| no_answer(id))?;
                let unpacked = unpack(message, &decode::Limits::default());
                Ok(RequestBody {
                    base64: STANDARD.encode(&unpacked.bytes),
                    media_type: message.media_type(),
                    is_whole: message.body.is_whole() && !unpacked.is_cut,
                })
            })
            .await
    }

    pub(crate) async fn difference(
        &self,
        left: ExchangeId,
        right: ExchangeId,
    ) -> Result<Difference, CommandError> {
        let covering = self.covering(false);
        self.stores
            .ask(move |store| {
                let answer = |id| {
                    let shown = covering.apply(&get(store, id)?, &decode::Reading).exchange;
                    shown.response.ok_or_else(|| no_answer(id))
                };
                Ok(compare(
                    &answer(left)?,
                    &answer(right)?,
                    &Rules::default(),
                    &decode::Reading,
                ))
            })
            .await
    }

    pub(crate) async fn pin(&self, ids: Vec<ExchangeId>, is_pinned: bool) -> Result<(), CommandError> {
        self.stores
            .ask(move |store| {
                for id in ids {
                    store.pin(id, is_pinned)?;
                }
                Ok(())
            })
            .await
    }

    pub(crate) async fn delete(&self, selection: Selection) -> Result<u32, CommandError> {
        self.stores
            .ask(move |store| {
                let removed = store.delete(&selected(store, selection)?)?;
                Ok(u32::try_from(removed).unwrap_or(u32::MAX))
            })
            .await
    }

    pub(crate) fn stop(&self) {
        let following = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(following) = following {
            following.abort();
        }
    }
}

/// One who follows.
struct Following {
    stores: Stores,
    feed: Feed,
    covering: Arc<Mutex<Arc<Redaction>>>,
    is_paused: Arc<dyn Fn() -> bool + Send + Sync>,
    follow: u32,
}

impl Following {
    async fn run(self, filter: Arc<Filter>, since: Version) {
        let mut version = since;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            match self.look(&filter, version).await {
                Ok(Some(next)) => version = next,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "what is new cannot be read"),
            }
        }
    }

    /// Tells what is new; up to where.
    async fn look(&self, filter: &Arc<Filter>, version: Version) -> Result<Option<Version>, CommandError> {
        let (filter, limits) = (Arc::clone(filter), self.stores.limits());
        let is_paused = (self.is_paused)();
        let covering = self
            .covering
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let seen = self.stores.ask(move |store| {
            if store.version()? == version {
                return Ok(None);
            }
            let mut changes = store.changed_since(version, &filter, now(), TOLD_AT_ONCE)?;
            changes
                .summaries
                .iter_mut()
                .for_each(|one| covered(one, &covering));
            let usage = usage(store, limits, is_paused)?;
            Ok(Some((changes, usage)))
        });
        let Some((changes, usage)) = seen.await? else {
            return Ok(None);
        };
        self.feed.tell(&DeskEvent::Requests {
            follow: self.follow,
            changes: RequestChanges {
                summaries: changes.summaries,
                gaps: changes.gaps,
            },
            usage,
        });
        Ok(Some(changes.version))
    }
}

pub(crate) fn parsed(text: &str) -> Result<Filter, CommandError> {
    Filter::parse(text).map_err(|error| CommandError::of_filter(text, error))
}

/// The one with this number.
pub(crate) fn get(store: &Store, id: ExchangeId) -> Result<Exchange, CommandError> {
    store.get(id)?.ok_or_else(|| {
        CommandError::said(
            ErrorCode::Gone,
            format!("Request {id} is not there any more."),
            "It was removed, perhaps to make room for newer ones.",
        )
    })
}

/// The numbers of those that are meant.
pub(crate) fn selected(store: &Store, selection: Selection) -> Result<Vec<ExchangeId>, CommandError> {
    match selection {
        Selection::Ids { ids } => Ok(ids),
        Selection::Filter { filter } => {
            let never = AtomicBool::new(false);
            let found = store.find(&parsed(&filter)?, everything(), now(), &never)?;
            Ok(found.summaries.iter().map(|one| one.id).collect())
        }
    }
}

/// Everything there is to see of one.
pub(crate) fn detail(
    store: &Store,
    exchange: &Exchange,
    covering: &Redaction,
) -> Result<RequestDetail, CommandError> {
    let shown = covering.apply(exchange, &decode::Reading);
    let options = Options::default();
    let answered = shown
        .exchange
        .response
        .as_ref()
        .map(|_| decode(&shown.exchange, Half::Response, &options));
    // Nobody repeats what has not been: only what is younger is looked through.
    let age = (now().0 - exchange.began.0).max(0) / 1_000_000 + 1;
    let replays = parsed(&format!("replayof:{} since:{age}s", exchange.id))?;
    let never = AtomicBool::new(false);
    let mut replays = store.find(&replays, everything(), now(), &never)?.summaries;
    replays.iter_mut().for_each(|one| covered(one, covering));
    Ok(RequestDetail {
        summary: shown.exchange.summary(),
        request: decode(&shown.exchange, Half::Request, &options),
        response: answered,
        hidden: shown.hidden,
        replays,
        exchange: shown.exchange,
    })
}

fn covered(summary: &mut Summary, covering: &Redaction) {
    summary.target = covering.target(&summary.target);
}

fn usage(
    store: &Store,
    limits: intercept_inspect::store::Limits,
    is_paused: bool,
) -> Result<StoreUsage, CommandError> {
    let usage = store.usage()?;
    Ok(StoreUsage {
        bytes: usage.bytes,
        most_bytes: limits.bytes,
        count: usage.count,
        most_count: limits.count,
        is_paused,
    })
}

fn everything() -> Page {
    Page {
        before: None,
        limit: SELECTED,
    }
}

fn no_answer(id: ExchangeId) -> CommandError {
    CommandError::said(
        ErrorCode::Gone,
        format!("Request {id} has no answer."),
        "Wait for its end, or choose another one.",
    )
}
