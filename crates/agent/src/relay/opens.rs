//! New streams of one relay, from the moment somebody chooses it until the laptop hears of the stream.
//!
//! A laptop that says goodbye closes the relay once it has served what it was sent. So the answer to a goodbye comes
//! after every stream that is being opened, and names how many were: frames of two streams may overtake each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use intercept_protocol::mux::{Closed, Mux, Stream};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// What was opened on one relay, and what is being opened.
#[derive(Debug, Default)]
pub(super) struct Opens {
    under_way: TaskTracker,
    sent: AtomicU64,
}

impl Opens {
    /// To be called while the relay cannot leave.
    pub(super) fn begin(self: &Arc<Self>, number: u64, mux: &Mux) -> Opening {
        Opening {
            relay: number,
            mux: mux.clone(),
            opens: Arc::clone(self),
            _under_way: self.under_way.token(),
        }
    }

    /// How many streams the laptop was sent, once none is being opened. Nothing may begin any more.
    pub(super) async fn over(&self) -> u64 {
        self.under_way.close();
        self.under_way.wait().await;
        self.sent.load(Ordering::Relaxed)
    }
}

/// The right to open one stream. Until it has been sent, or this is dropped, the relay does not end in order.
#[derive(Debug)]
pub struct Opening {
    relay: u64,
    mux: Mux,
    opens: Arc<Opens>,
    _under_way: TaskTrackerToken,
}

impl Opening {
    /// Which relay it is on.
    pub fn relay(&self) -> u64 {
        self.relay
    }

    /// A stream, of which the laptop hears with the first bytes.
    ///
    /// # Errors
    /// When the relay has ended.
    pub async fn stream(&self) -> Result<Stream, Closed> {
        self.mux.open().await
    }

    /// The stream's first bytes are on their way.
    pub fn sent(self) {
        self.opens.sent.fetch_add(1, Ordering::Relaxed);
    }
}
