//! The recorder: a thread that turns what was seen into exchanges and puts them on a shelf.
//!
//! Its inbox is bounded. What does not fit is not recorded, and stands on the shelf as a gap.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use intercept_inspect::exchange::{Exchange, ExchangeId, Source, Summary};
use intercept_inspect::record::{Room, Seen, exchanges};
use intercept_inspect::store::Gap;
use tokio::sync::broadcast;

use super::spare::Spare;
use super::watch::{Level, Recording, Slot, UnderWay};

/// Copies of everything that is under way or not yet written.
const ROOM: usize = 96 * 1024 * 1024;
/// Exchanges that may wait to be written.
const WAITING: usize = 50_000;
/// Once something has come, more of it is awaited: one transaction for many.
const GATHER: Duration = Duration::from_millis(8);
/// How often it is looked what is under way.
const LOOK: Duration = Duration::from_millis(100);
/// What takes longer than this is shown before its end.
const LONG: Duration = Duration::from_millis(200);
/// It is written again after as long as it has taken, but not more seldom than this.
const SELDOM: Duration = Duration::from_secs(5);
/// Numbers reserved at once.
const NUMBERS: u64 = 128;
/// Exchanges written in one go.
const BATCH: usize = 2048;
/// Listeners that are further behind than this many batches miss some.
const NEWS: usize = 256;

/// Where exchanges are kept.
pub trait Shelf: Send + 'static {
    /// Reserves `count` numbers that nobody else gets.
    ///
    /// # Errors
    /// When the shelf cannot be written.
    fn numbers(&mut self, count: u64) -> Result<Range<u64>, ShelfError>;

    /// Puts exchanges there, in place of those with the same number.
    ///
    /// # Errors
    /// When the shelf cannot be written.
    fn put(&mut self, exchanges: &[Exchange]) -> Result<(), ShelfError>;

    /// What is there under this number.
    ///
    /// # Errors
    /// When the shelf cannot be read.
    fn get(&mut self, id: ExchangeId) -> Result<Option<Exchange>, ShelfError>;

    /// Remembers that something was not recorded.
    ///
    /// # Errors
    /// When the shelf cannot be written.
    fn gap(&mut self, gap: &Gap) -> Result<(), ShelfError>;

    /// Time for a little of the work that can wait: nothing else is to be done at the moment, or this much of it is due.
    /// Whether there is more.
    fn tidy(&mut self) -> bool;
}

/// A shelf that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("requests cannot be recorded")]
pub struct ShelfError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What became known of an exchange after it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Its number.
    pub id: ExchangeId,
    /// Who asked.
    pub source: Source,
    /// When the proxy received it, in microseconds after it began here.
    pub proxy: i64,
}

/// What a recorder tells.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// These are new, or have changed.
    Exchanges(Arc<[Summary]>),
    /// Something was not recorded.
    Gap(Gap),
}

/// Bounds of what is recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) body: usize,
    pub(super) room: usize,
    pub(super) waiting: usize,
}

/// Records exchanges until it is dropped or stopped; what was seen by then is still written.
pub struct Recorder {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts to record to `shelf`, of each body `body` bytes at most.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(shelf: impl Shelf, body: usize) -> std::io::Result<Self> {
        let bounds = Bounds {
            body,
            room: ROOM,
            waiting: WAITING,
        };
        Self::within(shelf, bounds)
    }

    pub(super) fn within(shelf: impl Shelf, bounds: Bounds) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new(bounds));
        let writing = Writing {
            inbox: Arc::clone(&inbox),
            shelf,
            numbers: 0..0,
        };
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writing.run())?;
        Ok(Self {
            inbox,
            thread: Some(thread),
        })
    }

    /// For an intercept whose requests are to be recorded, once it is known whose they are.
    pub fn recording(&self, level: Level) -> Recording {
        Recording::new(Arc::clone(&self.inbox), level)
    }

    /// Everything that is written from now on.
    pub fn news(&self) -> broadcast::Receiver<Recorded> {
        self.inbox.news()
    }

    /// While paused, nothing that begins is recorded.
    pub fn pause(&self, is_paused: bool) {
        self.inbox.is_paused.store(is_paused, Ordering::Relaxed);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.inbox.is_paused()
    }

    /// Writes this too: an exchange that did not pass here, such as a replay. It gets its number later.
    pub fn add(&self, exchange: Exchange) {
        self.inbox.add(exchange);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.inbox.queue().is_stopping = true;
        self.inbox.wake.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recorder panicked");
        }
    }
}

/// What the data path hands over, and how it is bounded.
pub(super) struct Inbox {
    bounds: Bounds,
    room: Room,
    is_paused: AtomicBool,
    // recorder → windows, terminals
    news_tx: broadcast::Sender<Recorded>,
    queue: Mutex<Queue>,
    wake: Condvar,
    open: Mutex<Vec<Arc<Mutex<Slot>>>>,
}

#[derive(Default)]
struct Queue {
    seen: Vec<Seen>,
    whole: Vec<Exchange>,
    learned: Vec<Learned>,
    gaps: Vec<Gap>,
    is_stopping: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.whole.is_empty() && self.learned.is_empty() && self.gaps.is_empty()
    }

    fn misses(&mut self, seen: &Seen, why: &'static str) {
        let known = self
            .gaps
            .iter_mut()
            .find(|gap| gap.place == *seen.place && gap.why == why);
        match known {
            Some(gap) => {
                gap.exchanges += 1;
                gap.bytes += passed(seen);
                gap.to = gap.to.max(seen.began);
            }
            None => self.gaps.push(Gap {
                place: (*seen.place).clone(),
                from: seen.began,
                to: seen.began,
                exchanges: 1,
                bytes: passed(seen),
                why: why.to_owned(),
            }),
        }
    }
}

impl Inbox {
    fn new(bounds: Bounds) -> Self {
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

    pub(super) fn body_limit(&self) -> usize {
        self.bounds.body
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_slots(&self) -> MutexGuard<'_, Vec<Arc<Mutex<Slot>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot for what is under way on a new connection.
    pub(super) fn open(&self) -> Arc<Mutex<Slot>> {
        let slot = Arc::default();
        self.open_slots().push(Arc::clone(&slot));
        slot
    }

    pub(super) fn close(&self, slot: &Arc<Mutex<Slot>>) {
        let mut open = self.open_slots();
        if let Some(at) = open.iter().position(|one| Arc::ptr_eq(one, slot)) {
            open.swap_remove(at);
        }
    }

    pub(super) fn news(&self) -> broadcast::Receiver<Recorded> {
        self.news_tx.subscribe()
    }

    pub(super) fn add(&self, exchange: Exchange) {
        self.queue().whole.push(exchange);
        self.wake.notify_one();
    }

    /// Only so much waits: it is worth less than an exchange.
    pub(super) fn learn(&self, learned: Learned) {
        let mut queue = self.queue();
        if queue.learned.len() < self.bounds.waiting {
            queue.learned.push(learned);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Never waits for the recorder.
    pub(super) fn take_in(&self, seen: Seen) {
        let mut queue = self.queue();
        // A transaction's worth is waiting already, and so the thread is awake.
        let was_empty = queue.is_empty();
        if queue.seen.len() < self.bounds.waiting {
            queue.seen.push(seen);
        } else {
            queue.misses(&seen, "more requests came than could be written");
        }
        drop(queue);
        if was_empty {
            self.wake.notify_one();
        }
    }
}

/// The thread's own.
struct Writing<S> {
    inbox: Arc<Inbox>,
    shelf: S,
    numbers: Range<u64>,
}

impl<S: Shelf> Writing<S> {
    fn run(mut self) {
        let (mut looked, mut spare) = (Instant::now(), Spare::new());
        loop {
            let queue = self.next();
            let (is_stopping, is_idle) = (queue.is_stopping, queue.is_empty());
            self.write(queue);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
            if is_stopping {
                return;
            }
            if is_idle {
                while self.shelf.tidy() && self.inbox.queue().is_empty() {}
            } else {
                spare.use_some(&mut self.shelf);
            }
        }
    }

    /// What has come; nothing after a while.
    fn next(&self) -> Queue {
        let inbox = &self.inbox;
        let queue = inbox.queue();
        let waited = inbox
            .wake
            .wait_timeout_while(queue, LOOK, |queue| queue.is_empty() && !queue.is_stopping);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_alone = !queue.is_empty() && queue.seen.len() < BATCH;
        let gathered = inbox.wake.wait_timeout_while(queue, GATHER, |queue| {
            is_alone && !queue.is_stopping && queue.seen.len() < BATCH
        });
        let (mut queue, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let is_stopping = queue.is_stopping;
        let taken = std::mem::take(&mut *queue);
        queue.is_stopping = is_stopping;
        taken
    }

    fn write(&mut self, queue: Queue) {
        let mut batch = queue.whole;
        for seen in queue.seen {
            batch.extend(exchanges(&seen));
            if batch.len() >= BATCH {
                self.put(std::mem::take(&mut batch));
            }
        }
        self.put(batch);
        let known: Vec<_> = queue
            .learned
            .iter()
            .filter_map(|one| self.complete(one))
            .collect();
        self.put(known);
        for gap in queue.gaps {
            tracing::warn!(exchanges = gap.exchanges, why = %gap.why, "not recorded");
            if let Err(error) = self.shelf.gap(&gap) {
                tracing::warn!(%error, "a gap is not recorded either");
            }
            let _ = self.inbox.news_tx.send(Recorded::Gap(gap));
        }
    }

    /// What is there, with what became known of it. Nothing where it is gone: there was no room for it.
    fn complete(&mut self, learned: &Learned) -> Option<Exchange> {
        let mut exchange = self.shelf.get(learned.id).ok().flatten()?;
        exchange.source = Some(learned.source.clone());
        exchange.times.proxy = Some(learned.proxy);
        Some(exchange)
    }

    /// Numbers and puts them; how many of them could not be written is a gap of its own.
    fn put(&mut self, mut batch: Vec<Exchange>) {
        if batch.is_empty() {
            return;
        }
        let put = self.number(&mut batch).and_then(|()| self.shelf.put(&batch));
        match put {
            Ok(()) => self.tell(&batch),
            Err(error) => {
                tracing::warn!(%error, exchanges = batch.len(), "not recorded");
                let (from, to) = (batch[0].began, batch[batch.len() - 1].began);
                let _ = self.inbox.news_tx.send(Recorded::Gap(Gap {
                    place: batch[0].place.clone(),
                    from,
                    to,
                    exchanges: batch.len() as u64,
                    bytes: batch.iter().map(bodies).sum(),
                    why: "the store could not be written".to_owned(),
                }));
            }
        }
    }

    fn number(&mut self, batch: &mut [Exchange]) -> Result<(), ShelfError> {
        for exchange in batch.iter_mut().filter(|one| one.id.0 == 0) {
            exchange.id = next_number(&mut self.numbers, &mut self.shelf)?;
        }
        Ok(())
    }

    fn tell(&self, batch: &[Exchange]) {
        if self.inbox.news_tx.receiver_count() > 0 {
            let summaries = batch.iter().map(Exchange::summary).collect();
            let _ = self.inbox.news_tx.send(Recorded::Exchanges(summaries));
        }
    }

    /// Writes what has been under way for long.
    fn look(&mut self) {
        let slots = self.inbox.open_slots().clone();
        let mut batch = Vec::new();
        for slot in slots {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(under_way) = slot.under_way.as_mut().filter(|one| is_due(one)) else {
                continue;
            };
            under_way.written = Some((Instant::now(), passed(&under_way.seen)));
            let mut found = exchanges(&under_way.seen);
            // The other ones of its connection are written when that ends.
            if let [exchange] = &mut found[..] {
                if exchange.id.0 == 0 {
                    match next_number(&mut self.numbers, &mut self.shelf) {
                        Ok(id) => exchange.id = id,
                        Err(_) => continue,
                    }
                }
                under_way.seen.id = Some(exchange.id);
                batch.append(&mut found);
            }
        }
        self.put(batch);
    }
}

fn next_number(numbers: &mut Range<u64>, shelf: &mut impl Shelf) -> Result<ExchangeId, ShelfError> {
    loop {
        match numbers.next() {
            Some(number) => return Ok(ExchangeId(number)),
            None => *numbers = shelf.numbers(NUMBERS)?,
        }
    }
}

fn bodies(exchange: &Exchange) -> u64 {
    let answer = exchange.response.as_ref().map_or(0, |one| one.message.body.size);
    exchange.request.message.body.size + answer
}

fn passed(seen: &Seen) -> u64 {
    seen.request.passed() + seen.answer.passed()
}

/// Whether something under way is worth being written now.
fn is_due(under_way: &UnderWay) -> bool {
    let age = under_way.began.elapsed();
    match under_way.written {
        None => age >= LONG,
        Some((when, before)) => before != passed(&under_way.seen) && when.elapsed() >= age.min(SELDOM),
    }
}
