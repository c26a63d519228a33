//! The store of requests, for questions: each is asked on a thread that may wait for the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use intercept_engine::inspector;
use intercept_inspect::exchange::Moment;
use intercept_inspect::store::{Limits, Store};

use crate::error::{CommandError, ErrorCode};

/// Opened stores that nobody uses at the moment.
const SPARE: usize = 3;

/// Opens stores, and keeps a few open. Clones are the same.
#[derive(Clone)]
pub(crate) struct Stores(Arc<Shared>);

struct Shared {
    directory: PathBuf,
    limits: Limits,
    spare: Mutex<Vec<Store>>,
}

impl Stores {
    pub(crate) fn new(directory: PathBuf, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            directory,
            limits,
            spare: Mutex::default(),
        }))
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Asks, away from everything that must not wait.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Store) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let shared = Arc::clone(&self.0);
        let asked = tokio::task::spawn_blocking(move || {
            let mut store = shared.take()?;
            let answer = question(&mut store);
            shared.put_back(store);
            answer
        });
        asked.await.unwrap_or_else(|_| {
            Err(CommandError::said(
                ErrorCode::Unexpected,
                "The question about recorded requests broke off.",
                "Ask again; if it stays, copy the diagnostics and report it.",
            ))
        })
    }
}

impl Shared {
    fn take(&self) -> Result<Store, CommandError> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match spare {
            Some(store) => Ok(store),
            None => Ok(inspector::open(&self.directory, self.limits)?),
        }
    }

    fn put_back(&self, store: Store) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE {
            spare.push(store);
        }
    }
}

/// Now, as exchanges know it.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
