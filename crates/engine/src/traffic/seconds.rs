//! Requests by the second, for five minutes.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Sums;

const KEPT: u64 = 300;

/// What was told within one second.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "TrafficSecond"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Second {
    /// Fitted.
    pub matched: u64,
    /// Of them, answered by the original pods.
    pub fell_back: u64,
    /// Did not fit.
    pub unmatched: u64,
    /// Not told one by one.
    pub unseen: u64,
}

/// The newest second last, without gaps.
#[derive(Debug, Default)]
pub(super) struct Seconds {
    /// The last second that something was told in.
    last: Option<u64>,
    kept: VecDeque<Second>,
}

impl Seconds {
    pub(super) fn add(&mut self, now: Duration, more: Sums) {
        let now = now.as_secs();
        // Moments never go back, but reports of one second are many.
        let missing = self.last.map_or(1, |last| now.saturating_sub(last));
        for _ in 0..missing.min(KEPT) {
            if self.kept.len() as u64 == KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(Second::default());
        }
        self.last = self.last.max(Some(now));
        if let Some(second) = self.kept.back_mut() {
            second.matched += more.matched;
            second.fell_back += more.fell_back;
            second.unmatched += more.unmatched;
            second.unseen += more.unseen;
        }
    }

    /// Up to `now`, quiet seconds included.
    pub(super) fn view(&self, now: Duration) -> Vec<Second> {
        let Some(last) = self.last else {
            return Vec::new();
        };
        let quiet = now.as_secs().saturating_sub(last).min(KEPT);
        let silence = (0..quiet).map(|_| Second::default());
        let all = self.kept.iter().copied().chain(silence);
        let more = (self.kept.len() as u64 + quiet).saturating_sub(KEPT);
        all.skip(usize::try_from(more).unwrap_or(usize::MAX)).collect()
    }
}
