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

mod mock;
mod observed;
mod recorder;
mod spare;
mod watch;

pub use mock::{Mock, MockError, Mocks, Standing};
pub(crate) use observed::Observed;
pub use recorder::{Learned, Recorded, Recorder, Shelf, ShelfError};
pub use watch::{Level, Recording};
pub(crate) use watch::{Watch, Way, now, pass};

use std::error::Error;
use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use intercept_inspect::exchange::{Protocol, Side};
use intercept_inspect::record::End;
use tokio::time::Instant;

use self::mock::{answer, read_head};
use crate::target::{Connector, Target, TargetError};
use crate::tunnel::{Acceptor, Arrival, splice};

/// Joins every connection to the target, byte for byte.
pub struct Tap {
    connector: Arc<Connector>,
    recording: Option<Recording>,
    mocks: Mocks,
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
            mocks: Mocks::default(),
        })
    }

    /// Lets these answer first.
    #[must_use]
    pub fn with_mocks(self, mocks: Mocks) -> Self {
        Self { mocks, ..self }
    }
}

impl Acceptor for Tap {
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()> {
        let connector = Arc::clone(&self.connector);
        let (recording, mocks) = (self.recording.clone(), self.mocks.clone());
        Box::pin(async move {
            let mut arrival = arrival;
            let intercept = arrival.intercept().clone();
            let mut watch = Watch::new(recording.as_ref());
            let mocked = mocked(&mut arrival, &mocks, recording.as_ref()).await;
            let served = match mocked {
                Some((ready, is_http2)) => answer(arrival.accept(), &ready, is_http2, &mut watch).await,
                None => passed_on(arrival, &connector, &mocks, &mut watch).await,
            };
            if let Err(error) = served {
                tracing::debug!(%intercept, %error, "connection reset");
            }
        })
    }
}

/// The mock that answers, and whether in HTTP/2.
async fn mocked(
    arrival: &mut Arrival,
    mocks: &Mocks,
    recording: Option<&Recording>,
) -> Option<(Arc<mock::Ready>, bool)> {
    if !mocks.any() {
        return None;
    }
    let place = recording.and_then(Recording::place).cloned().unwrap_or_default();
    let head = read_head(arrival, &place).await?;
    let ready = mocks.find(&head, now())?;
    Some((ready, head.protocol == Protocol::Http2))
}

async fn passed_on(
    arrival: Arrival,
    connector: &Connector,
    mocks: &Mocks,
    watch: &mut Watch,
) -> io::Result<()> {
    let asked = Instant::now();
    match connector.connect().await {
        Ok(local) => {
            watch.connected(asked.elapsed());
            splice(arrival.accept(), local, watch, mocks).await
        }
        Err(error) => {
            arrival.refuse(in_words(&error)).await;
            Ok(())
        }
    }
}

/// An error with its cause, in one line.
pub(crate) fn in_words(error: &dyn Error) -> String {
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
