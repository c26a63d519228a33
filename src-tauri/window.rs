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

/// Follows links; they only fill the sheet.
pub(crate) fn open_links(app: &AppHandle, links: impl IntoIterator<Item = String>) {
    let preferences = app.state::<Desk>().preferences();
    let goal = links
        .into_iter()
        .find_map(|link| links::goal(&link, &preferences));
    match goal {
        Some(goal) => go(app, goal),
        None => show(app),
    }
}
