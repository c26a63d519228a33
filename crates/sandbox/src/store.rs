//! All objects of the cluster, in memory, with one resourceVersion for all of them.
//!
//! Reads see a moment; writes are transactions that see and change everything at once, so uniqueness,
//! quotas and addresses need no locks of their own. Watches read the history behind a cursor and are only
//! told that there is something new: a slow one loses nothing until the history is cut behind it.
//! Deliberately absent: what an object means. Defaults, validation and rights belong to the API.

mod history;
mod object;
mod transaction;

use parking_lot::RwLock;
use tokio::sync::{Notify, watch};

use crate::resources::Kind;
pub(crate) use history::{Change, Event, TooOld};
pub(crate) use object::{Key, Object};
pub(crate) use transaction::{State, Transaction};

/// The store, shared by everything that serves or tidies.
#[derive(Debug)]
pub(crate) struct Store {
    state: RwLock<State>,
    /// By kind: the newest resourceVersion that its watches should look for.
    news: Vec<watch::Sender<u64>>,
    /// Something for the garbage collector or the emptying of namespaces.
    pub(crate) untidy: Notify,
}

impl Store {
    /// An empty store that remembers `history` changes of each kind.
    pub(crate) fn new(history: usize) -> Self {
        Self {
            state: RwLock::new(State::new(history)),
            news: Kind::all().map(|_| watch::Sender::new(0)).collect(),
            untidy: Notify::new(),
        }
    }

    /// Reads a consistent moment.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.read())
    }

    /// Reads and changes in one step that nobody sees half of. An error leaves changes made before it:
    /// check first, then change.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&mut Transaction<'_>) -> T) -> T {
        let mut state = self.state.write();
        let mut transaction = Transaction::new(&mut state);
        let outcome = write(&mut transaction);
        let (changed, is_untidy) = transaction.end();
        drop(state);
        for (kind, version) in changed {
            self.news[kind.index()].send_replace(version);
        }
        if is_untidy {
            self.untidy.notify_one();
        }
        outcome
    }

    /// Wakes whenever an object of the kind changes.
    pub(crate) fn news(&self, kind: Kind) -> watch::Receiver<u64> {
        self.news[kind.index()].subscribe()
    }

    /// Forgets the history: watches from before answer 410 Gone, as after a compaction.
    pub(crate) fn compact(&self) {
        self.state.write().compact();
        for news in &self.news {
            news.send_modify(|_| {});
        }
    }
}

#[cfg(test)]
mod tests;
