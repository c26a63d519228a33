//! The thread on which everything but the window runs.
//!
//! One thread: what several streams of a tunnel have to say then leaves together, in fewer and cheaper messages.

use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A running runtime. Dropped, it ends.
pub(crate) struct Engine {
    handle: Handle,
    stop_tx: Option<oneshot::Sender<()>>, // owner → thread
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts it.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop_tx, stop_rx) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
            // An owner that is gone wants it to end as well.
            let _ = runtime.block_on(stop_rx);
            // Whatever still resolves a name or reads a file has nothing to say any more.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            handle,
            stop_tx: Some(stop_tx),
            thread: Some(thread),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.stop_tx.take());
        if let Some(thread) = self.thread.take() {
            // A panic was told by the thread itself.
            let _ = thread.join();
        }
    }
}
