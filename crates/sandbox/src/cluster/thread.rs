//! The thread that a cluster lives on. One of its own, as a cluster is a machine of its own: it can sleep while its
//! callers do not, and what callers do on theirs does not hold it up.

use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

/// A thread with a runtime. Dropped, both end, with every task.
pub(super) struct Thread {
    handle: Handle,
    /// Dropped with it: that is what the thread waits for.
    _end: oneshot::Sender<()>,
}

impl Thread {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end_tx, end_rx) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                // Nothing is ever sent: an error is the end.
                let _ = runtime.block_on(end_rx);
                runtime.shutdown_background();
            })?;
        Ok(Self { handle, _end: end_tx })
    }

    /// Does it there. Not waited for any longer, it ends.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match AbortOnDropHandle::new(self.handle.spawn(work)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Nothing else happens on the thread while `work` blocks it.
    pub(super) fn seize(&self, work: impl FnOnce() + Send + 'static) {
        self.handle.spawn(async move { work() });
    }
}
