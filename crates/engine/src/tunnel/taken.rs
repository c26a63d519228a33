//! What one relay has been given: how many streams came, and which of them have no verdict yet.
//!
//! A relay that ends in order waits for those that were opened, and refuses what has no verdict: nothing of it was
//! delivered, so that sends it to the original pods, while to be cut off would lose it.

use std::pin::Pin;
use std::task::{Context, Waker};

use intercept_protocol::mux::Stream;
use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncWrite as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The streams of one relay, from its opening to its end.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    // streams → the relay's end
    count_tx: watch::Sender<u64>,
    undecided: TaskTracker,
    ends: CancellationToken,
}

impl Taken {
    pub(super) fn new() -> Self {
        Self {
            count_tx: watch::Sender::new(0),
            undecided: TaskTracker::new(),
            ends: CancellationToken::new(),
        }
    }

    /// A stream that came.
    pub(super) fn take(&self, stream: Stream) -> Undecided {
        let undecided = self.undecided.token();
        self.count_tx.send_modify(|count| *count += 1);
        Undecided {
            stream: Some(stream),
            _undecided: undecided,
        }
    }

    /// Resolves when nothing is served any more.
    pub(super) async fn ended(&self) {
        self.ends.cancelled().await;
    }

    /// Waits until so many streams have come.
    pub(super) async fn came(&self, streams: u64) {
        let mut count_rx = self.count_tx.subscribe();
        // The sender is here.
        let _ = count_rx.wait_for(|count| *count >= streams).await;
    }

    /// Ends what is served; whatever has no verdict until now is refused.
    pub(super) async fn end(&self) {
        self.ends.cancel();
        self.undecided.close();
        self.undecided.wait().await;
    }
}

/// A stream without a verdict. Dropped, it is refused.
pub(super) struct Undecided {
    /// Absent once it has its verdict.
    stream: Option<Stream>,
    _undecided: TaskTrackerToken,
}

impl Undecided {
    /// To read what it is.
    pub(super) fn stream(&mut self) -> &mut Stream {
        self.stream
            .as_mut()
            .expect("a stream without a verdict must be here")
    }

    /// Whoever has it now gives the verdict.
    pub(super) fn accept(mut self) -> Stream {
        self.stream
            .take()
            .expect("a stream without a verdict must be here")
    }

    /// Refuses it, and waits until that is on its way.
    pub(super) async fn refuse(mut self) {
        // A relay that ended meanwhile refuses by itself.
        let is_told = self.stream().write_all(&[Verdict::Refused as u8]).await.is_ok();
        // It has its verdict, so whoever cancels this from here on resets it.
        if let Some(mut stream) = self.stream.take().filter(|_| is_told) {
            let _ = stream.shutdown().await;
        }
    }
}

impl Drop for Undecided {
    fn drop(&mut self) {
        if let Some(stream) = &mut self.stream {
            // Nobody has written to it, so there is room for a byte; it leaves before the reset that follows.
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(stream).poll_write(&mut cx, &[Verdict::Refused as u8]);
        }
    }
}
