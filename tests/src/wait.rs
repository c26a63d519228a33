//! Waiting for a condition under a bound. The only place of the rig that sleeps.

use std::time::{Duration, Instant};

/// How often a condition is asked that cannot be watched.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks until there is an answer, and returns it.
///
/// # Panics
/// When there is none within `limit`: a test has no other way on.
pub async fn await_some<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < limit, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks until it is true.
///
/// # Panics
/// When it is not within `limit`.
pub async fn await_true(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> bool) {
    await_some(limit, what, async || ask().await.then_some(())).await;
}
