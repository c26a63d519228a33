//! How long a relay waits before it tries again.
//!
//! A pod that has just been created, or just been lost, is tried often: its agent is about to listen, and
//! every wait here is a wait for the first request. Later the waits double up to a few seconds, and all
//! are spread so that many laptops do not come back together.

use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(50);
const FAST: Duration = Duration::from_millis(100);
/// For so long every try follows the last one quickly.
const FAST_FOR: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(5);
/// A relay that held this long was in order; what comes next is a new trouble.
const STABLE: Duration = Duration::from_secs(10);

/// The waits between the tries of one relay.
#[derive(Debug)]
pub(super) struct Backoff {
    since: Instant,
    tries: u32,
    slow_tries: u32,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            tries: 0,
            slow_tries: 0,
        }
    }

    /// Begins anew: something happened that makes success likely.
    pub(super) fn reset(&mut self) {
        *self = Self::new();
    }

    /// Takes note of how long the relay was open.
    pub(super) fn was_open_for(&mut self, held: Duration) {
        if held >= STABLE {
            self.reset();
        }
    }

    /// The next wait.
    pub(super) fn next(&mut self) -> Duration {
        self.tries += 1;
        if self.tries == 1 {
            return spread(FIRST);
        }
        if self.since.elapsed() < FAST_FOR {
            return spread(FAST);
        }
        self.slow_tries += 1;
        let doubled = FAST.saturating_mul(2u32.saturating_pow(self.slow_tries));
        spread(doubled.min(LONGEST))
    }
}

/// Up to a quarter less, at random.
fn spread(wait: Duration) -> Duration {
    let mut byte = [0; 1];
    // Without a source of randomness laptops merely come back together.
    let _ = getrandom::fill(&mut byte);
    wait - wait.mul_f64(f64::from(byte[0]) / 255.0 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_are_quick_at_first_and_seconds_apart_later() {
        let mut backoff = Backoff::new();
        assert!(backoff.next() <= FIRST);
        assert!(backoff.next() <= FAST);
        tokio::time::advance(FAST_FOR).await;
        let waits: Vec<Duration> = (0..8).map(|_| backoff.next()).collect();
        assert!(
            waits[0] <= FAST * 2 && waits[7] <= LONGEST && waits[7] >= LONGEST.mul_f64(0.75),
            "{waits:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_relay_that_held_starts_anew() {
        let mut backoff = Backoff::new();
        tokio::time::advance(FAST_FOR).await;
        for _ in 0..10 {
            backoff.next();
        }
        backoff.was_open_for(Duration::from_secs(1));
        assert!(backoff.next() > FAST);
        backoff.was_open_for(STABLE);
        assert!(backoff.next() <= FIRST);
    }
}
