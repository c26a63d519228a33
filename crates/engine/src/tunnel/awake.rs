//! Notices that the laptop slept.
//!
//! While a machine sleeps its monotonic clock stands still on some systems and runs on others. Either way
//! the wall clock is ahead of what a regular tick expects, or the tick itself comes far too late.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// How often to look.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Less is a busy machine or a clock being set.
const SLEEP: Duration = Duration::from_secs(3);

/// Where the wall clock comes from; tests set their own.
pub(super) type WallClock = fn() -> SystemTime;

/// Compares two clocks between one look and the next.
pub(super) struct Awake {
    wall_clock: WallClock,
    wall: SystemTime,
    steady: Instant,
}

impl Awake {
    pub(super) fn new(wall_clock: WallClock) -> Self {
        Self {
            wall_clock,
            wall: wall_clock(),
            steady: Instant::now(),
        }
    }

    /// How long the laptop slept since the last look, if it did.
    pub(super) fn look(&mut self) -> Option<Duration> {
        let (wall, steady) = ((self.wall_clock)(), Instant::now());
        // A wall clock that was set back says nothing.
        let by_wall = wall.duration_since(self.wall).unwrap_or_default();
        let by_steady = steady.duration_since(self.steady);
        (self.wall, self.steady) = (wall, steady);
        let gap = by_wall.max(by_steady).saturating_sub(LOOK_EVERY);
        (gap >= SLEEP).then_some(gap)
    }
}
