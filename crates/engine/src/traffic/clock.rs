//! How far another machine's clock is ahead of this one's.
//!
//! An answer that says what time it is was written somewhere between question and answer: in the middle, give or take
//! half of the way. So the fastest answer knows best.

use std::collections::VecDeque;
use std::time::Duration;

/// Old answers are forgotten: clocks drift, and are set.
const KEPT: usize = 60;

/// What the last answers say.
#[derive(Clone, Debug, Default)]
pub struct Offset {
    answers: VecDeque<(Duration, i64)>,
}

impl Offset {
    /// An answer that said `theirs` came back after `round_trip`, at `ours`; moments in microseconds since 1970.
    pub fn heard(&mut self, round_trip: Duration, ours: i64, theirs: i64) {
        if self.answers.len() == KEPT {
            self.answers.pop_front();
        }
        let half = i64::try_from((round_trip / 2).as_micros()).unwrap_or(i64::MAX);
        let written = ours.saturating_sub(half);
        self.answers
            .push_back((round_trip, theirs.saturating_sub(written)));
    }

    /// Microseconds by which their clock is ahead; nothing before the first answer.
    pub fn micros(&self) -> Option<i64> {
        let best = self.answers.iter().min_by_key(|(round_trip, _)| *round_trip);
        best.map(|(_, offset)| *offset)
    }
}
