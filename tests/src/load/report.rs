//! How a load went, for assertions and for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::REASONS_KEPT;

/// How a load went.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// Requests begun.
    pub sent: u64,
    /// Requests without the right answer.
    pub lost: u64,
    /// The first reasons, with when they happened.
    pub reasons: Vec<String>,
    /// Good answers by who gave them.
    pub by: BTreeMap<String, u64>,
    /// How long it ran.
    pub took: Duration,
    /// How long each good answer took, sorted.
    pub(super) milliseconds: Vec<f32>,
}

impl LoadReport {
    /// The latency that this share of the good answers did not exceed; `0.5` for the median.
    pub fn percentile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (self.milliseconds.len() as f64 * share) as usize;
        let last = self.milliseconds.len().saturating_sub(1);
        let milliseconds = self
            .milliseconds
            .get(index.min(last))
            .copied()
            .unwrap_or_default();
        Duration::from_secs_f32(milliseconds / 1000.0)
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let sent = self.sent as f64;
        sent / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// Both loads as one, for loads that ran side by side.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let took = self.took.max(other.took);
        self.add(other);
        self.took = took;
        self.milliseconds.sort_unstable_by(f32::total_cmp);
        self
    }

    pub(super) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.lost += other.lost;
        self.reasons.extend(other.reasons);
        self.reasons.truncate(REASONS_KEPT);
        for (name, count) in other.by {
            *self.by.entry(name).or_default() += count;
        }
        self.milliseconds.extend(other.milliseconds);
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.percentile(0.5), self.percentile(0.99), self.percentile(1.0));
        write!(
            formatter,
            "{} lost of {} in {:.1?} ({:.0}/s), ",
            self.lost,
            self.sent,
            self.took,
            self.rate()
        )?;
        write!(
            formatter,
            "p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}, answered by {:?}",
            self.by
        )?;
        for reason in &self.reasons {
            write!(formatter, "\n  {reason}")?;
        }
        Ok(())
    }
}
