//! What the data path hands over to the recorder's thread, and how it is bounded.
//!
//! Nobody waits here: what does not fit is counted as a gap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use intercept_inspect::exchange::{Exchange, Moment, Place};
use intercept_inspect::record::{Room, Seen};
use intercept_inspect::store::Gap;
use tokio::sync::broadcast;

use super::{Bounds, Learned, Recorded};
use crate::tap::watch::Slot;

/// Listeners that are further behind than this many batches miss some.
const NEWS: usize = 256;
/// Why something is missing that found no room here.
const BEHIND: &str = "more requests came than could be written";

/// What waits, and what is under way.
pub(in crate::tap) struct Inbox {
    bounds: Bounds,
    room: Room,
    pub(super) is_paused: AtomicBool,
    // recorder → windows, terminals
    pub(super) news_tx: broadcast::Sender<Recorded>,
    queue: Mutex<Queue>,
    pub(super) wake: Condvar,
    open: Mutex<Vec<Arc<Mutex<Slot>>>>,
}

/// What waits for the recorder.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) seen: Vec<Seen>,
    pub(super) whole: Vec<Exchange>,
    /// Of the bodies in `whole`.
    whole_bytes: usize,
    pub(super) learned: Vec<Learned>,
    pub(super) gaps: Vec<Gap>,
    pub(super) is_stopping: bool,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.whole.is_empty() && self.learned.is_empty() && self.gaps.is_empty()
    }

    /// Whether there is room for one more that is there as a whole, with bodies of so many bytes.
    fn has_room(&self, bounds: &Bounds, bytes: usize) -> bool {
        self.whole.len() < bounds.waiting && bytes <= bounds.room.saturating_sub(self.whole_bytes)
    }

    /// Counts an exchange that began then as not recorded.
    fn misses(&mut self, place: &Place, began: Moment, bytes: u64) {
        if let Some(gap) = self.gaps.iter_mut().find(|gap| gap.place == *place) {
            gap.exchanges += 1;
            gap.bytes += bytes;
            gap.from = gap.from.min(began);
            gap.to = gap.to.max(began);
            return;
        }
        self.gaps.push(Gap {
            place: place.clone(),
            from: began,
            to: began,
            exchanges: 1,
            bytes,
            why: BEHIND.to_owned(),
        });
    }
}

impl Inbox {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            room: Room::new(bounds.room),
            is_paused: AtomicBool::new(false),
            news_tx: broadcast::channel(NEWS).0,
            queue: Mutex::default(),
            wake: Condvar::new(),
            open: Mutex::default(),
        }
    }

    pub(in crate::tap) fn body_limit(&self) -> usize {
        self.bounds.body
    }

    pub(in crate::tap) fn room(&self) -> &Room {
        &self.room
    }

    pub(in crate::tap) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_slots(&self) -> MutexGuard<'_, Vec<Arc<Mutex<Slot>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for what is under way on a new connection.
    pub(in crate::tap) fn open(&self) -> Arc<Mutex<Slot>> {
        let slot = Arc::default();
        self.open_slots().push(Arc::clone(&slot));
        slot
    }

    pub(in crate::tap) fn close(&self, slot: &Arc<Mutex<Slot>>) {
        let mut open = self.open_slots();
        if let Some(at) = open.iter().position(|one| Arc::ptr_eq(one, slot)) {
            open.swap_remove(at);
        }
    }

    pub(in crate::tap) fn news(&self) -> broadcast::Receiver<Recorded> {
        self.news_tx.subscribe()
    }

    /// Something that did not pass here; as much of it may wait as of what passed.
    pub(in crate::tap) fn add(&self, exchange: Exchange) {
        let copied = copied(&exchange);
        let mut queue = self.queue();
        if queue.has_room(&self.bounds, copied) {
            queue.whole_bytes += copied;
            queue.whole.push(exchange);
        } else {
            queue.misses(&exchange.place, exchange.began, bodies(&exchange));
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Only so much waits: it is worth less than an exchange.
    pub(in crate::tap) fn learn(&self, learned: Learned) {
        let mut queue = self.queue();
        if queue.learned.len() < self.bounds.waiting {
            queue.learned.push(learned);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Never waits for the recorder.
    pub(in crate::tap) fn take_in(&self, seen: Seen) {
        let mut queue = self.queue();
        // A transaction's worth is waiting already, and so the thread is awake.
        let was_empty = queue.is_empty();
        if queue.seen.len() < self.bounds.waiting {
            queue.seen.push(seen);
        } else {
            queue.misses(&seen.place, seen.began, passed(&seen));
        }
        drop(queue);
        if was_empty {
            self.wake.notify_one();
        }
    }
}

pub(super) fn passed(seen: &Seen) -> u64 {
    seen.request.passed() + seen.answer.passed()
}

/// The bytes of its bodies, as they were.
pub(super) fn bodies(exchange: &Exchange) -> u64 {
    let answer = exchange.response.as_ref().map_or(0, |one| one.message.body.size);
    exchange.request.message.body.size + answer
}

/// The bytes of its bodies, as far as they are there.
fn copied(exchange: &Exchange) -> usize {
    let answer = exchange.response.as_ref();
    exchange.request.message.body.bytes.len() + answer.map_or(0, |one| one.message.body.bytes.len())
}
