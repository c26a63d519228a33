//! The one window: shown, found again, and told what somebody wants to see.

use intercept_desk::wire::{DeskEvent, Goal};
use intercept_desk::{Desk, links};
use tauri::{AppHandle, Manager as _};

/// Its name in the configuration.
pub(crate) const MAIN: &str = "main";

/// Brings it to the front.
pub(crate) fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    // Each may be refused by a window manager; the next one is tried all the same.
    let _ = window.show();
    let _ = window.unminimize();
    let _ = window.set_focus();
}

/// Brings it to the front, with this in it.
pub(crate) fn go(app: &AppHandle, goal: Goal) {
    show(app);
    app.state::<Desk>().tell(&DeskEvent::Go(goal));
}

/// Follows the first link of ours among these words, and only fills the sheet; whether there was one.
pub(crate) fn follow(app: &AppHandle, words: impl IntoIterator<Item = String>) -> bool {
    let preferences = app.state::<Desk>().preferences();
    let goal = words
        .into_iter()
        .find_map(|word| links::goal(&word, &preferences));
    let is_found = goal.is_some();
    if let Some(goal) = goal {
        go(app, goal);
    }
    is_found
}

/// As above, and in any case brings the window to the front.
pub(crate) fn follow_or_show(app: &AppHandle, words: impl IntoIterator<Item = String>) {
    if !follow(app, words) {
        show(app);
    }
}
