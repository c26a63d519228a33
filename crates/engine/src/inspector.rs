//! What passes through a program's intercepts, recorded for all of the user's programs.
//!
//! One per program: its recorder and its mocks. The store is a file that every program of the user opens for itself.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intercept_inspect::decode::Decoding;
use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::store::{Gap, Limits, SetAside, Store, StoreError};

use crate::tap::{Mocks, Recorder, Shelf, ShelfError};

/// Of each body; an answer that is longer is cut, and says so.
pub const USUAL_BODY: usize = 1024 * 1024;
/// A step of the work that waits for idle moments; as long may a request wait to be written.
const TIDY: Duration = Duration::from_millis(20);

/// Recorder and mocks of one program.
#[derive(Clone)]
pub struct Inspector {
    recorder: Arc<Recorder>,
    mocks: Mocks,
    directory: PathBuf,
    limits: Limits,
    set_aside: Option<SetAside>,
}

/// Requests cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum InspectorError {
    /// The store cannot be used.
    #[error("requests cannot be recorded")]
    Store(#[from] StoreError),
    /// The operating system gives no thread.
    #[error("requests cannot be recorded: there is no thread for it")]
    Thread(#[source] std::io::Error),
}

impl Inspector {
    /// Records to the store in `directory`, of each body `body` bytes at most.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn open(directory: &Path, limits: Limits, body: usize) -> Result<Self, InspectorError> {
        let store = open(directory, limits)?;
        let set_aside = store.set_aside().cloned();
        let recorder = Recorder::start(store, body).map_err(InspectorError::Thread)?;
        Ok(Self {
            recorder: Arc::new(recorder),
            mocks: Mocks::default(),
            directory: directory.to_owned(),
            limits,
            set_aside,
        })
    }

    /// What records.
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// What answers in place of local programs.
    pub fn mocks(&self) -> &Mocks {
        &self.mocks
    }

    /// A file that could not be used and was kept under another name.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// The store, for whoever reads; each thread opens its own.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn store(&self) -> Result<Store, StoreError> {
        open(&self.directory, self.limits)
    }
}

/// The store in `directory`, with bodies found by what they say once decoded.
///
/// # Errors
/// When it cannot be used.
pub fn open(directory: &Path, limits: Limits) -> Result<Store, StoreError> {
    Store::open(directory, limits, Arc::new(Decoding))
}

impl Shelf for Store {
    fn numbers(&mut self, count: u64) -> Result<Range<u64>, ShelfError> {
        Self::numbers(self, count).map_err(failed)
    }

    fn put(&mut self, exchanges: &[Exchange]) -> Result<(), ShelfError> {
        Self::put(self, exchanges).map_err(failed)
    }

    fn get(&mut self, id: ExchangeId) -> Result<Option<Exchange>, ShelfError> {
        Self::get(self, id).map_err(failed)
    }

    fn gap(&mut self, gap: &Gap) -> Result<(), ShelfError> {
        Self::gap(self, gap).map_err(failed)
    }

    fn tidy(&mut self) -> bool {
        match self.index_some(TIDY) {
            Ok(is_done) => !is_done,
            Err(error) => {
                tracing::warn!(%error, "searching recorded requests stays slow");
                false
            }
        }
    }
}

fn failed(error: StoreError) -> ShelfError {
    ShelfError(Box::new(error))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use intercept_inspect::exchange::Place;
    use intercept_inspect::filter::Filter;
    use intercept_inspect::record::{End, Room, Seen, exchanges};
    use intercept_inspect::store::Page;
    use tokio::sync::broadcast::error::RecvError;

    use super::*;
    use crate::tap::{Recorded, now};

    #[tokio::test]
    async fn what_is_recorded_is_found_by_another_reader_and_under_its_number() {
        let directory = tempfile::tempdir().unwrap();
        let inspector = Inspector::open(directory.path(), Limits::default(), USUAL_BODY).unwrap();
        let mut news_rx = inspector.recorder().news();
        let mut seen = Seen::new(Arc::new(Place::default()), now(), 1000, &Room::new(10_000));
        seen.request.pass(b"GET /cart HTTP/1.1\r\nHost: api\r\n\r\n", 0);
        seen.answer
            .pass(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsku-42", 10);
        seen.end = End::Over;
        inspector.recorder().add(exchanges(&seen).remove(0));
        let told = match news_rx.recv().await {
            Ok(Recorded::Exchanges(told)) => told,
            other => panic!("{other:?}"),
        };
        let store = inspector.store().unwrap();
        let filter = Filter::parse("body:sku-42 method:GET").unwrap();
        let page = Page {
            before: None,
            limit: 10,
        };
        let found = store.find(&filter, page, now(), &AtomicBool::new(false)).unwrap();
        assert_eq!(found.summaries.len(), 1);
        assert_eq!(found.summaries[0].id, told[0].id);
        drop(inspector);
        assert!(matches!(news_rx.recv().await, Err(RecvError::Closed)));
    }
}
