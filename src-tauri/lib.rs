//! The desktop shell: opens the window and answers its questions through the engine.
//!
//! Deliberately absent: every decision about clusters (the engine's), and how things look (the window's, `ui/`).

#[cfg(test)]
mod bindings;
mod commands;
mod dto;
mod error;
mod sandbox;

use sandbox::{Sandbox, Wishes};
use tauri::{Manager as _, RunEvent};

/// Opens the window and returns when it is closed. `--sandbox` on the command line shows the sandbox in it.
///
/// # Errors
/// When the system has no web view or no display for it.
pub fn run() -> Result<(), tauri::Error> {
    let app = tauri::Builder::default()
        .manage(Sandbox::new(wishes()))
        .invoke_handler(tauri::generate_handler![
            commands::list_contexts,
            commands::list_services,
            commands::try_sandbox
        ])
        .build(tauri::generate_context!("tauri.conf.json"))?;
    app.run(|app, event| {
        if let RunEvent::Exit = event {
            tauri::async_runtime::block_on(app.state::<Sandbox>().stop());
        }
    });
    Ok(())
}

fn wishes() -> Wishes {
    Wishes {
        is_wanted: std::env::args_os().skip(1).any(|word| word == "--sandbox"),
        nginx: std::env::var_os("INTERCEPT_NGINX").map(Into::into),
    }
}
