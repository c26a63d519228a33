//! Requests as they come, a line each. Never so many that showing them would cost what passes.

use std::collections::BTreeSet;

use intercept_engine::tap::Recorded;
use intercept_inspect::exchange::{ExchangeId, Outcome, Summary};
use intercept_inspect::store::Gap;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::inspect::Inspect;
use crate::errors::Failure;
use crate::line::Lines;
use crate::output::{Output, dim, one_line, warning};
use crate::recorded::Cover;

/// Lines until the next tick; nobody reads more in a second.
const AT_ONCE: usize = 100;
/// Long ones are shown when they begin and when they end; of so many it is known that they were shown.
const LONG: usize = 1000;

/// Requests as they come, or nothing where nobody wants to see them.
pub(super) struct Shown<'a> {
    news_rx: Option<Receiver<Recorded>>, // recorder → here
    exchanges: Exchanges<'a>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(is_quiet: bool, inspect: &Inspect, output: &'a Output) -> Result<Self, Failure> {
        Ok(Self {
            news_rx: inspect.news().filter(|_| !is_quiet),
            exchanges: Exchanges::new(output)?,
        })
    }

    /// Shows the next news. Safe to cancel.
    pub(super) async fn next(&mut self) {
        let Some(news_rx) = &mut self.news_rx else {
            return std::future::pending().await;
        };
        let news = news_rx.recv().await;
        if !self.exchanges.news(news) {
            self.news_rx = None;
        }
    }

    /// A second is over.
    pub(super) fn tick(&mut self) {
        self.exchanges.tick();
    }
}

/// Shows what the recorder tells.
struct Exchanges<'a> {
    output: &'a Output,
    lines: Lines,
    left: usize,
    skipped: u64,
    begun: BTreeSet<ExchangeId>,
}

impl<'a> Exchanges<'a> {
    fn new(output: &'a Output) -> Result<Self, Failure> {
        let cover = Cover::new(false)?;
        Ok(Self {
            output,
            lines: Lines::new(cover, output.side_width(), false),
            left: AT_ONCE,
            skipped: 0,
            begun: BTreeSet::new(),
        })
    }

    /// Shows news; whether there can be more.
    fn news(&mut self, news: Result<Recorded, RecvError>) -> bool {
        match news {
            Ok(Recorded::Exchanges(summaries)) => summaries.iter().for_each(|one| self.one(one)),
            Ok(Recorded::Gap(gap)) => self.gap(&gap),
            // Each is a batch of at least one.
            Err(RecvError::Lagged(batches)) => self.skipped += batches,
            Err(RecvError::Closed) => return false,
        }
        true
    }

    fn one(&mut self, one: &Summary) {
        if !self.is_new(one) {
            return;
        }
        if self.left == 0 || !self.output.has_room() {
            self.skipped += 1;
            return;
        }
        self.left -= 1;
        if self.output.is_text() {
            self.output.note(&self.lines.line(one));
        } else {
            let mut event = serde_json::to_value(self.lines.covered(one)).unwrap_or_default();
            event["event"] = "exchange".into();
            self.output.event(&event);
        }
    }

    /// What is under way is told again and again while it is.
    fn is_new(&mut self, one: &Summary) -> bool {
        if one.outcome != Outcome::InFlight {
            self.begun.remove(&one.id);
            return true;
        }
        if self.begun.len() >= LONG {
            self.begun.pop_first();
        }
        self.begun.insert(one.id)
    }

    fn gap(&self, gap: &Gap) {
        let (count, why) = (gap.exchanges, one_line(&gap.why));
        self.output
            .event(&json!({ "event": "notRecorded", "exchanges": count, "why": why }));
        self.output
            .note(&warning(format!("{count} requests were not recorded: {why}")));
    }

    fn tick(&mut self) {
        self.left = AT_ONCE;
        if self.skipped > 0 && self.output.has_room() {
            let skipped = std::mem::take(&mut self.skipped);
            self.output
                .event(&json!({ "event": "exchangesNotShown", "exchanges": skipped }));
            self.output.note(&dim(format!(
                "… {skipped} more requests: see `interceptctl requests`"
            )));
        }
    }
}
