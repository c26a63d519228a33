//! The desktop shell: opens the window and answers its questions through the engine.
//!
//! Deliberately absent: every decision about clusters (the engine's), and how things look (the window's, `ui/`).

#[cfg(test)]
mod bindings;
mod commands;
mod dto;
mod error;

/// Opens the window and returns when it is closed.
///
/// # Errors
/// When the system has no web view or no display for it.
pub fn run() -> Result<(), tauri::Error> {
    tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![
            commands::list_contexts,
            commands::list_services
        ])
        .run(tauri::generate_context!("tauri.conf.json"))
}
