//! Keys that want a controller's attention: each at most once at a time, several at once, tried again on failure.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::cache::Key;

/// More at once would only make the API server's queue longer.
const AT_ONCE: usize = 16;
const RETRY_FIRST: Duration = Duration::from_millis(5);
const RETRY_MOST: Duration = Duration::from_secs(2);

/// Keys to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeSet<Key>,
    active: BTreeSet<Key>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a look at `key`; once more if one is under way.
    pub(crate) fn add(&self, key: Key) {
        if self.lock().waiting.insert(key) {
            self.changed.notify_one();
        }
    }

    /// A look at `key` after a while.
    pub(crate) fn add_later(self: &Arc<Self>, key: Key, after: Duration) {
        let queue = Arc::downgrade(self);
        tokio::spawn(async move {
            sleep(after).await;
            if let Some(queue) = queue.upgrade() {
                queue.add(key);
            }
        });
    }

    async fn next(&self) -> Key {
        loop {
            {
                let mut state = self.lock();
                let free = state
                    .waiting
                    .iter()
                    .find(|key| !state.active.contains(*key))
                    .cloned();
                if let Some(key) = free {
                    state.waiting.remove(&key);
                    state.active.insert(key.clone());
                    return key;
                }
            }
            self.changed.notified().await;
        }
    }

    fn done(self: &Arc<Self>, key: Key, error: Option<&kube::Error>) {
        let retry = {
            let mut state = self.lock();
            state.active.remove(&key);
            match error {
                None => {
                    state.failures.remove(&key);
                    None
                }
                Some(_) => {
                    let count = state.failures.entry(key.clone()).or_default();
                    *count += 1;
                    Some(RETRY_FIRST.saturating_mul(1 << (*count).min(12)).min(RETRY_MOST))
                }
            }
        };
        self.changed.notify_one();
        if let (Some(after), Some(error)) = (retry, error) {
            tracing::debug!(?key, %error, "looked at again in {after:?}");
            self.add_later(key, after);
        }
    }

    /// Looks at keys until dropped.
    pub(crate) async fn work<F, Fut>(self: Arc<Self>, look: F)
    where
        F: Fn(Key) -> Fut,
        Fut: Future<Output = Result<(), kube::Error>> + Send + 'static,
    {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let Ok(permit) = permits.clone().acquire_owned().await else {
                return;
            };
            let key = self.next().await;
            let (queue, looked) = (self.clone(), look(key.clone()));
            tasks.spawn(async move {
                let outcome = looked.await;
                queue.done(key, outcome.as_ref().err());
                drop(permit);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn key(name: &str) -> Key {
        ("n".to_owned(), name.to_owned())
    }

    #[tokio::test]
    async fn a_key_that_changes_while_it_is_looked_at_is_looked_at_again() {
        let queue = Arc::new(Queue::default());
        let looks = Arc::new(AtomicUsize::new(0));
        let (seen, again, done) = (looks.clone(), queue.clone(), Arc::new(Notify::new()));
        let told = done.clone();
        queue.add(key("a"));
        let work = queue.clone().work(move |key| {
            let (seen, again, told) = (seen.clone(), again.clone(), told.clone());
            async move {
                if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                    again.add(key);
                } else {
                    told.notify_one();
                }
                Ok(())
            }
        });
        tokio::select! { () = work => {}, () = done.notified() => {} }
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failure_is_tried_again() {
        let queue = Arc::new(Queue::default());
        let looks = Arc::new(AtomicUsize::new(0));
        let (seen, done) = (looks.clone(), Arc::new(Notify::new()));
        let told = done.clone();
        queue.add(key("a"));
        let work = queue.clone().work(move |_| {
            let (seen, told) = (seen.clone(), told.clone());
            async move {
                if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                    return Err(kube::Error::LinesCodecMaxLineLengthExceeded);
                }
                told.notify_one();
                Ok(())
            }
        });
        tokio::select! { () = work => {}, () = done.notified() => {} }
        assert_eq!(looks.load(Ordering::SeqCst), 2);
    }
}
