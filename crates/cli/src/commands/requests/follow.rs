//! What is recorded from now on, by whichever program, until Ctrl-C.

use std::time::Duration;

use intercept_inspect::exchange::Summary;
use intercept_inspect::filter::Filter;
use intercept_inspect::store::{Changes, Found, Gap, Store, Version};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::now;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::line::Lines;
use crate::output::{Output, warning};
use crate::signals::Signals;

/// How often it is asked whether something is new, which costs microseconds.
const LOOK: Duration = Duration::from_millis(100);
/// Read at once, so that a signal is heard between.
const AT_ONCE: usize = 500;

pub(super) async fn follow(
    store: &Store,
    (filter, seen): (&Filter, Version),
    found: &Found,
    lines: &Lines,
    output: &Output,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen().map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error).during("Signals cannot be heard")
    })?;
    output.line(&lines.head());
    for one in &found.summaries {
        show(one, lines, output);
    }
    let mut seen = seen;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = signals.next() => return Ok(Exit::Done),
            _ = looks.tick() => {}
        }
        // Nobody reads any more: a pipe into `head`, for instance.
        if output.is_unread() {
            return Ok(Exit::Done);
        }
        while store.version()? != seen {
            let changes = store.changed_since(seen, filter, now(), AT_ONCE)?;
            seen = changes.version;
            let is_more = changes.is_more;
            told(&changes, lines, output);
            if is_more {
                // A busy store must not keep a signal from being heard.
                break;
            }
        }
    }
}

fn told(changes: &Changes, lines: &Lines, output: &Output) {
    for one in &changes.summaries {
        show(one, lines, output);
    }
    for gap in &changes.gaps {
        missing(gap, output);
    }
}

fn show(one: &Summary, lines: &Lines, output: &Output) {
    output.event(&lines.covered(one));
    output.line(&lines.line(one));
}

fn missing(gap: &Gap, output: &Output) {
    output.event(&json!({ "gap": gap }));
    let words = format!(
        "{} requests of {}/{} were not recorded: {}",
        gap.exchanges, gap.place.namespace, gap.place.service, gap.why
    );
    output.line(&warning(words));
}
