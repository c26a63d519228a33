//! The data path's side of recording: a few copies and counts for each piece that passes, and no waiting.
//!
//! What is under way lies in a slot that the recorder looks into now and then, so that long answers are seen before their
//! end and short ones cost nothing but their own message.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use intercept_inspect::exchange::{Exchange as Recordable, Moment, Place};
use intercept_inspect::record::{End, Seen};
use intercept_protocol::exchange::Exchange;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::recorder::{Inbox, Learned, Recorded};

/// How much of what passes is recorded.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "RecordingLevel"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Level {
    /// Nothing at all.
    Nothing = 0,
    /// Heads, sizes and times.
    Heads = 1,
    /// Bodies too, up to a bound.
    Bodies = 2,
}

/// One intercept's place in a recorder. Clones share the level.
#[derive(Clone)]
pub struct Recording {
    pub(super) inbox: Arc<Inbox>,
    place: Arc<OnceLock<Arc<Place>>>,
    level: Arc<AtomicU8>,
}

impl Recording {
    pub(super) fn new(inbox: Arc<Inbox>, level: Level) -> Self {
        Self {
            inbox,
            place: Arc::default(),
            level: Arc::new(AtomicU8::new(level as u8)),
        }
    }

    /// How much is recorded of what begins from now on.
    pub fn level(&self) -> Level {
        match self.level.load(Ordering::Relaxed) {
            0 => Level::Nothing,
            1 => Level::Heads,
            _ => Level::Bodies,
        }
    }

    /// Records so much of what begins from now on.
    pub fn record(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    /// Everything that is written from now on, also of others.
    pub fn news(&self) -> broadcast::Receiver<Recorded> {
        self.inbox.news()
    }

    /// Completes what was written.
    pub fn learn(&self, learned: Learned) {
        self.inbox.learn(learned);
    }

    /// Writes this too: an exchange that did not pass here.
    pub fn add(&self, exchange: Recordable) {
        self.inbox.add(exchange);
    }

    /// Whose requests they are; nothing is recorded before that is known. Said once.
    pub fn belongs_to(&self, place: Place) {
        // Planned again: an intercept stays where it is.
        let _ = self.place.set(Arc::new(place));
    }

    /// Whose requests they are, once that is known.
    pub fn place(&self) -> Option<&Place> {
        self.place.get().map(AsRef::as_ref)
    }

    fn begin(&self) -> Option<Seen> {
        let place = self.place.get()?;
        let body = match self.level() {
            _ if self.inbox.is_paused() => return None,
            Level::Nothing => return None,
            Level::Heads => 0,
            Level::Bodies => self.inbox.body_limit(),
        };
        Some(Seen::new(Arc::clone(place), now(), body, self.inbox.room()))
    }
}

/// This moment, as exchanges know it.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What is under way on one connection.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) under_way: Option<UnderWay>,
}

pub(super) struct UnderWay {
    pub(super) seen: Seen,
    pub(super) began: Instant,
    /// When the recorder wrote it last, and how many bytes had passed.
    pub(super) written: Option<(Instant, u64)>,
}

/// Whose bytes passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The caller's.
    Request,
    /// The program's.
    Answer,
}

/// Keeps what passes, that long after it began.
pub(crate) fn pass(seen: &mut Seen, way: Way, bytes: &[u8], after: Duration) {
    let at = micros(after);
    match way {
        Way::Request => seen.request.pass(bytes, at),
        Way::Answer => {
            if seen.request.is_http2() {
                seen.answer.speaks_http2();
            }
            seen.answer.pass(bytes, at);
        }
    }
}

/// Sees what passes on one connection. Dropped, what is under way was cut off by the caller.
pub(crate) struct Watch(Option<Watching>);

struct Watching {
    recording: Recording,
    slot: Arc<Mutex<Slot>>,
    /// Belongs to the next exchange.
    connect: Option<u64>,
    /// What passes now is not recorded.
    is_skipping: bool,
    is_mocked: bool,
}

impl Watch {
    /// Sees nothing where nothing is recorded.
    pub(crate) fn new(recording: Option<&Recording>) -> Self {
        Self(recording.map(|recording| Watching {
            slot: recording.inbox.open(),
            recording: recording.clone(),
            connect: None,
            is_skipping: false,
            is_mocked: false,
        }))
    }

    /// A connection to the program was made for what comes next.
    pub(crate) fn connected(&mut self, took: Duration) {
        if let Some(watching) = &mut self.0 {
            watching.connect = Some(micros(took));
        }
    }

    /// A mock answers.
    pub(crate) fn is_mocked(&mut self) {
        if let Some(watching) = &mut self.0 {
            watching.is_mocked = true;
        }
    }

    /// These bytes pass.
    pub(crate) fn passed(&mut self, way: Way, bytes: &[u8]) {
        if let Some(watching) = &mut self.0
            && !watching.is_skipping
            && !bytes.is_empty()
        {
            watching.passed(way, bytes);
        }
    }

    /// An exchange is over, and what comes next belongs to another one.
    pub(crate) fn exchange_over(&mut self, exchange: &Exchange) {
        if let Some(watching) = &mut self.0 {
            watching.ended(End::Over, Some(exchange.bodies()));
        }
    }

    /// The connection has ended.
    pub(crate) fn ended(&mut self, end: End) {
        if let Some(watching) = &mut self.0 {
            watching.ended(end, None);
        }
    }
}

impl Watching {
    fn passed(&mut self, way: Way, bytes: &[u8]) {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.under_way.is_none() {
            let Some(mut seen) = self.recording.begin() else {
                (self.is_skipping, self.connect) = (true, None);
                return;
            };
            (seen.connect, seen.is_mocked) = (self.connect.take(), self.is_mocked);
            slot.under_way = Some(UnderWay {
                seen,
                began: Instant::now(),
                written: None,
            });
        }
        if let Some(UnderWay { seen, began, .. }) = &mut slot.under_way {
            pass(seen, way, bytes, began.elapsed());
        }
    }

    fn ended(&mut self, end: End, bodies: Option<(u64, u64)>) {
        self.is_skipping = false;
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = slot.under_way.take();
        drop(slot);
        let Some(mut done) = under_way else {
            return self.ended_unheard(end);
        };
        if let Some((request, answer)) = bodies {
            done.seen.request.has_body(request);
            done.seen.answer.has_body(answer);
        }
        done.seen.end = end;
        self.recording.inbox.take_in(done.seen);
    }
}

impl Watching {
    /// A program may cut a new connection off before a byte of the request was read: somebody's request was lost all the
    /// same.
    fn ended_unheard(&mut self, end: End) {
        if let End::Reset(_) = end
            && let Some(connect) = self.connect.take()
            && let Some(mut seen) = self.recording.begin()
        {
            (seen.connect, seen.end) = (Some(connect), end);
            self.recording.inbox.take_in(seen);
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.ended(super::cut_off(true), None);
        self.recording.inbox.close(&self.slot);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
