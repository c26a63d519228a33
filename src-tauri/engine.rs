//! The thread on which everything but the window runs.
//!
//! Not the runtime of Tauri and its plugins: some of those wait for the desktop, and requests must not wait with them.
//! One thread: what several streams of a tunnel have to say then leaves together, in fewer and cheaper messages.

use std::io;
use std::thread::JoinHandle;

use intercept_desk::error::CommandError;
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

    /// Does it there, and waits for what comes of it.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, CommandError>> + Send + 'static,
    ) -> Result<T, CommandError> {
        let asked = self.handle.spawn(question).await;
        asked.unwrap_or_else(|error| Err(CommandError::of_desktop("The question broke off", &error)))
    }

    /// Does it there.
    pub(crate) fn spawn(&self, act: impl Future<Output = ()> + Send + 'static) {
        self.handle.spawn(act);
    }

    /// Does it there while this thread waits: for the beginning and the end only.
    pub(crate) fn block_on<T>(&self, act: impl Future<Output = T>) -> T {
        self.handle.block_on(act)
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
