//! What agents say of requests, on its way to whoever listens, and how their clocks compare.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use intercept_protocol::traffic::Report;
use tokio::time::Instant;

use super::connector::PodName;
use crate::traffic::Offset;

/// Pings without an answer that are remembered; a relay is given up long before.
const UNANSWERED: usize = 16;

/// One agent's report.
#[derive(Clone, Debug)]
pub struct Told {
    /// The agent's pod.
    pub pod: PodName,
    /// What it said.
    pub report: Arc<Report>,
    /// By how many microseconds its clock is ahead of this machine's; absent while that is not known.
    pub ahead: Option<i64>,
}

/// Compares clocks by pings and their answers.
#[derive(Debug, Default)]
pub(super) struct Clock {
    asked: VecDeque<(u64, Instant)>,
    offset: Offset,
}

impl Clock {
    pub(super) fn asked(&mut self, sequence: u64) {
        if self.asked.len() == UNANSWERED {
            self.asked.pop_front();
        }
        self.asked.push_back((sequence, Instant::now()));
    }

    pub(super) fn answered(&mut self, sequence: u64, theirs: i64) {
        let place = self.asked.iter().position(|(one, _)| *one == sequence);
        if let Some((_, asked_at)) = place.and_then(|place| self.asked.remove(place)) {
            self.offset.heard(asked_at.elapsed(), now(), theirs);
        }
    }

    pub(super) fn ahead(&self) -> Option<i64> {
        self.offset.micros()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
