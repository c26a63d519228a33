//! What stands between the tunnel and the local program: passes bytes as they are, and lets a recorder see them.
//!
//! ```text
//! Arrival ──► Tap ── connect ──► local program
//!              │ Watch: bounded copies
//!              ▼
//!           Recorder (a thread): exchanges ──► Shelf, and whoever listens
//! ```
//!
//! Nothing that passes is changed, and nothing waits for the recorder: where it cannot follow, it records less and says so.
//! Deliberately absent: what recorded bytes mean, which [`intercept_inspect`] knows.

mod recorder;
mod watch;

pub use recorder::{Gap, Recorded, Recorder, Shelf, ShelfError};
pub use watch::{Level, Recording};
pub(crate) use watch::{Watch, Way};

use std::error::Error;
use std::sync::Arc;

use futures::future::BoxFuture;
use intercept_inspect::exchange::Side;
use intercept_inspect::record::End;
use tokio::time::Instant;

use crate::target::{Connector, Target, TargetError};
use crate::tunnel::{Acceptor, Arrival, splice};

/// Joins every connection to the target, byte for byte.
pub struct Tap {
    connector: Arc<Connector>,
    recording: Option<Recording>,
}

impl Tap {
    /// Prepares connections to `target`.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn to(target: &Target, recording: Option<Recording>) -> Result<Self, TargetError> {
        Ok(Self {
            connector: Arc::new(target.connector()?),
            recording,
        })
    }
}

impl Acceptor for Tap {
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()> {
        let connector = Arc::clone(&self.connector);
        let mut watch = Watch::new(self.recording.as_ref());
        Box::pin(async move {
            let asked = Instant::now();
            match connector.connect().await {
                Ok(local) => {
                    watch.connected(asked.elapsed());
                    let intercept = arrival.intercept().clone();
                    if let Err(error) = splice(arrival.accept(), local, &mut watch).await {
                        tracing::debug!(%intercept, %error, "connection reset");
                    }
                }
                Err(error) => arrival.refuse(in_words(&error)).await,
            }
        })
    }
}

fn in_words(error: &TargetError) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// How a connection ended, for the record.
pub(crate) fn cut_off(by_caller: bool) -> End {
    End::Reset(if by_caller { Side::Caller } else { Side::Program })
}

#[cfg(test)]
mod tests;
