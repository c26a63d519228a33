//! Does a revert again where the cluster did not answer: every one goes on from where it stopped.
//!
//! Deliberately absent: refusals. What the cluster says no to, it says no to again.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::RevertError;

/// Whoever closes a program waits for it; what is not undone by then, the agents undo.
const WITHIN: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Reverts, and reverts again for some seconds while the cluster cannot be reached or is in trouble.
pub(crate) async fn again<T, F>(revert: impl Fn() -> F) -> Result<T, RevertError>
where
    F: Future<Output = Result<T, RevertError>>,
{
    let deadline = Instant::now() + WITHIN;
    let mut pause = FIRST_PAUSE;
    loop {
        match revert().await {
            Err(error) if error.is_transient() && Instant::now() + pause < deadline => {
                tracing::info!(%error, "tried again");
                sleep(pause).await;
                pause *= 2;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::cluster::{ApiFailure, FailureKind};

    /// Fails so often, in this way.
    async fn tries(failures: usize, kind: FailureKind) -> (Result<(), RevertError>, usize) {
        let tried = Cell::new(0);
        let outcome = again(async || {
            tried.set(tried.get() + 1);
            if tried.get() > failures {
                return Ok(());
            }
            let words = "down".into();
            let source = ApiFailure {
                kind: kind.clone(),
                words,
            };
            let what = "Deployment api".to_owned();
            Err(RevertError::Delete { what, source })
        });
        (outcome.await, tried.get())
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_comes_back_within_seconds_is_reverted() {
        let (outcome, tried) = tries(4, FailureKind::Unreachable).await;
        assert!(outcome.is_ok());
        assert_eq!(tried, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_stays_away_is_given_up() {
        let begun = Instant::now();
        let (outcome, _) = tries(usize::MAX, FailureKind::Server).await;
        assert!(outcome.is_err());
        assert!(begun.elapsed() <= WITHIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_asked_for_twice() {
        let (outcome, tried) = tries(1, FailureKind::Conflict).await;
        assert!(outcome.is_err());
        assert_eq!(tried, 1);
    }
}
