//! The recorder: a thread that turns what was seen into exchanges and puts them on a shelf.
//!
//! Its inbox is bounded. What does not fit is not recorded, and stands on the shelf as a gap.

mod inbox;
mod writing;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use intercept_inspect::exchange::{Exchange, ExchangeId, Source, Summary};
use intercept_inspect::store::Gap;
use tokio::sync::broadcast;

pub(super) use self::inbox::Inbox;
use self::writing::Writing;
use super::watch::{Level, Recording};

/// Copies of everything that is under way or not yet written.
const ROOM: usize = 96 * 1024 * 1024;
/// Exchanges of each kind that may wait to be written: those that passed, and those that came as a whole.
const WAITING: usize = 50_000;

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
        let writing = Writing::new(Arc::clone(&inbox), shelf);
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
