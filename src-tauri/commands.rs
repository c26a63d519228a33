//! What the page may ask. The commands are made of the table of `intercept_desk`; here stand only those of the desktop.

#![allow(clippy::needless_pass_by_value, reason = "a command is handed what it takes")]

use intercept_desk::error::CommandError;
use intercept_desk::wire::DeskEvent;
use intercept_desk::{Desk, Listener};
use serde::Deserialize;
use tauri::ipc::Channel;
use tauri::{AppHandle, State, Window};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;

use crate::engine::Engine;
use crate::quit;

/// The commands of the desktop itself, beside those of the table.
#[cfg(test)]
pub(crate) const OWN: [&str; 5] = ["listen", "copy_text", "open_file", "save_file", "quit"];

macro_rules! commands {
    ($($(#[$docs:meta])+ $name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)+) => {
        $(
            $(#[$docs])+
            #[tauri::command]
            pub(crate) async fn $name(
                desk: State<'_, Desk>,
                engine: State<'_, Engine>,
                $($arg: $type),*
            ) -> Result<$answer, CommandError> {
                let desk = desk.inner().clone();
                engine.ask(async move { Box::pin(desk.$name($($arg),*)).await }).await
            }
        )+

        /// Of the table.
        #[cfg(test)]
        pub(crate) const OF_TABLE: &[&str] = &[$(stringify!($name)),+];

        pub(crate) fn handler() -> impl Fn(tauri::ipc::Invoke) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name,)+ listen, copy_text, open_file, save_file, quit]
        }
    };
}
intercept_desk::contract!(commands);

/// Tells the page everything from now on. A page that was loaded again takes the place of the one before.
#[tauri::command]
pub(crate) fn listen(desk: State<'_, Desk>, channel: Channel<DeskEvent>) {
    desk.listen(Listener::Window, move |event| {
        // A page that is gone hears nothing; the next one listens for itself.
        let _ = channel.send(event.clone());
    });
}

/// Into the clipboard.
#[tauri::command]
pub(crate) fn copy_text(app: AppHandle, text: String) -> Result<(), CommandError> {
    app.clipboard()
        .write_text(text)
        .map_err(|error| CommandError::of_desktop("The clipboard takes nothing", &error))
}

/// Asks for a file to read.
#[tauri::command]
pub(crate) async fn open_file(window: Window, title: String, extensions: Vec<String>) -> Option<String> {
    let extensions: Vec<&str> = extensions.iter().map(String::as_str).collect();
    let dialog = window.dialog().file().set_title(title).set_parent(&window);
    let (answer_tx, answer_rx) = tokio::sync::oneshot::channel();
    dialog.add_filter("Files", &extensions).pick_file(move |path| {
        let _ = answer_tx.send(path);
    });
    answer_rx.await.ok().flatten().map(|path| path.to_string())
}

/// Asks for a file to write.
#[tauri::command]
pub(crate) async fn save_file(window: Window, title: String, suggested: String) -> Option<String> {
    let dialog = window.dialog().file().set_title(title).set_parent(&window);
    let (answer_tx, answer_rx) = tokio::sync::oneshot::channel();
    dialog.set_file_name(suggested).save_file(move |path| {
        let _ = answer_tx.send(path);
    });
    answer_rx.await.ok().flatten().map(|path| path.to_string())
}

/// What becomes of intercepts when the window goes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum How {
    /// They are undone, and then the program ends.
    Restore,
    /// They stay, and so does the program, in the tray.
    Keep,
}

/// Ends the program once everything is restored, or only hides the window.
#[tauri::command]
pub(crate) async fn quit(app: AppHandle, window: Window, how: How) -> Result<(), CommandError> {
    match how {
        How::Restore => quit::restore_and_quit(&app).await,
        How::Keep => window
            .hide()
            .map_err(|error| CommandError::of_desktop("The window cannot be hidden", &error))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_may_call_every_command_and_nothing_else() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/permissions/window.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let allowed: BTreeSet<&str> = text
            .split_once("commands.allow = [")
            .unwrap()
            .1
            .split('"')
            .skip(1)
            .step_by(2)
            .collect();
        let made: BTreeSet<&str> = OF_TABLE.iter().chain(&OWN).copied().collect();
        assert_eq!(allowed, made);
    }
}
