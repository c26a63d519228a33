//! Notifications: few, of one kind at most once a minute, and never of what the user has just done in the window.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use intercept_desk::Desk;
use intercept_desk::wire::{TimelineEntry, TimelineKind};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_notification::NotificationExt as _;

use crate::window::MAIN;

const ONE_IN: Duration = Duration::from_secs(60);

/// When which kind was shown last.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Last>);

type Last = BTreeMap<(u8, Option<u32>), Instant>;

/// Shows it, where it matters and nobody is looking.
pub(crate) fn show(app: &AppHandle, entry: &TimelineEntry) {
    if !app.state::<Desk>().preferences().notifies || is_looked_at(app) {
        return;
    }
    let notices = app.state::<Notices>();
    let is_due = {
        let mut last = notices.0.lock().unwrap_or_else(PoisonError::into_inner);
        is_due(&mut last, entry, Instant::now())
    };
    if !is_due {
        return;
    }
    let shown = app
        .notification()
        .builder()
        .title("Intercept")
        .body(&entry.sentence)
        .show();
    if let Err(error) = shown {
        tracing::info!(%error, "a notification found no place");
    }
}

fn is_looked_at(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN)
        .is_some_and(|window| window.is_focused().unwrap_or_default())
}

fn is_due(last: &mut Last, entry: &TimelineEntry, now: Instant) -> bool {
    let kind = match entry.what {
        TimelineKind::Notice => return false,
        TimelineKind::Good => 0,
        TimelineKind::Bad => 1,
    };
    let before = last.get(&(kind, entry.key));
    if before.is_some_and(|before| now.duration_since(*before) < ONE_IN) {
        return false;
    }
    last.insert((kind, entry.key), now);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: TimelineKind, key: u32) -> TimelineEntry {
        TimelineEntry {
            at: 0,
            what,
            key: Some(key),
            sentence: String::new(),
        }
    }

    #[test]
    fn one_of_a_kind_is_shown_in_a_minute() {
        let (mut last, begin) = (Last::new(), Instant::now());
        let mut at =
            |seconds, what, key| is_due(&mut last, &entry(what, key), begin + Duration::from_secs(seconds));
        assert!(at(0, TimelineKind::Bad, 1));
        assert!(!at(59, TimelineKind::Bad, 1));
        assert!(at(59, TimelineKind::Bad, 2), "another intercept is other news");
        assert!(at(59, TimelineKind::Good, 1), "that it is mended is other news");
        assert!(at(60, TimelineKind::Bad, 1));
        assert!(!at(200, TimelineKind::Notice, 1), "not all that happens matters");
    }
}
