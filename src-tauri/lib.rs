//! The desktop shell: the window, the tray, and the ends of both.
//!
//! Deliberately absent: everything that is held, asked and told (`intercept_desk`), every decision about clusters (the
//! engine's), and how things look (`ui/`).

mod commands;
mod engine;
mod log;
mod notices;
mod quit;
mod tray;
mod window;

use std::path::PathBuf;

use engine::Engine;
use intercept_desk::wire::{DeskEvent, Preferences};
use intercept_desk::{Desk, Listener, Options};
use intercept_engine::control::sockets;
use intercept_engine::settings::{recorded_requests, session_locks};
use tauri::{App, AppHandle, Manager as _, RunEvent, WindowEvent};
use tauri_plugin_autostart::ManagerExt as _;
use tauri_plugin_deep_link::DeepLinkExt as _;
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, ShortcutState};
use tauri_plugin_window_state::StateFlags;

/// Passed where the user's login starts the program: it begins in the tray.
const IN_TRAY: &str = "--in-tray";

/// The program cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system gives no thread.
    #[error("Intercept cannot start: there is no thread for it")]
    Engine(#[from] std::io::Error),
    /// There is no web view, or no display for it.
    #[error("Intercept cannot show its window")]
    Window(#[from] tauri::Error),
}

/// Opens the window and returns when the program ends. `--sandbox` on the command line shows the sandbox in it.
///
/// # Errors
/// When the system has no web view, no display for it, or no threads.
pub fn run() -> Result<(), StartError> {
    let engine = Engine::start()?;
    let app = tauri::Builder::default()
        // First, as it asks to be: a second program hands over what it was started with, and ends.
        .plugin(tauri_plugin_single_instance::init(|app, words, _| {
            window::follow_or_show(app, words.into_iter().skip(1));
        }))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(
            // Where it was and how large; whether it is in the tray is decided anew.
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(StateFlags::all() & !StateFlags::VISIBLE)
                .build(),
        )
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_autostart::Builder::new().args([IN_TRAY]).build())
        .plugin(tauri_plugin_global_shortcut::Builder::new().build())
        .manage(engine)
        .manage(tray::Shown::default())
        .manage(notices::Notices::default())
        .invoke_handler(commands::handler())
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                quit::close_requested(window, api);
            }
        })
        .setup(|app| set_up(app))
        .build(tauri::generate_context!("tauri.conf.json"))?;
    app.run(|app, event| match event {
        // The last window is gone: the tray goes on, unless there is none or somebody said to end.
        RunEvent::ExitRequested { code: None, api, .. } if app.tray_by_id(tray::ID).is_some() => {
            api.prevent_exit();
        }
        RunEvent::Exit => {
            let desk = app.state::<Desk>().inner().clone();
            app.state::<Engine>().block_on(desk.close());
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    });
    Ok(())
}

fn set_up(app: &mut App) -> Result<(), Box<dyn std::error::Error>> {
    let handle = app.handle().clone();
    let logs = app.path().app_log_dir().ok();
    if let Some(logs) = &logs {
        // Without a log it works all the same; diagnostics are poorer.
        if let Ok(guard) = log::start(logs) {
            app.manage(guard);
        }
    }
    let has_tray = tray::has_place();
    let options = options(app, logs, has_tray)?;
    // Its tasks belong to the engine's thread.
    let desk = app.state::<Engine>().block_on(async { Desk::open(options) })?;
    app.manage(desk.clone());
    if has_tray {
        tray::start(&handle)?;
    }
    prefer(&handle, &desk.preferences());
    listen(&desk, &handle);
    let ended = handle.clone();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = quit::on_signals(ended).await {
            tracing::warn!(%error, "whoever ends this program from outside is not heard");
        }
    });
    let linked = handle.clone();
    app.deep_link().on_open_url(move |event| {
        window::follow_or_show(&linked, event.urls().into_iter().map(String::from));
    });
    let is_quiet = has_tray && std::env::args().any(|word| word == IN_TRAY);
    // Where the desktop hands the link over as an argument; the plugin looks at it before anybody can listen.
    let is_linked = window::follow(&handle, std::env::args().skip(1));
    if !is_quiet && !is_linked {
        window::show(&handle);
    }
    Ok(())
}

fn options(app: &App, logs: Option<PathBuf>, has_tray: bool) -> tauri::Result<Options> {
    let version = app.package_info().version.to_string();
    Ok(Options {
        program: format!("Intercept {version}"),
        version,
        preferences: app.path().app_config_dir()?.join("preferences.json"),
        recorded: recorded_requests(),
        sockets: sockets(),
        locks: session_locks(),
        logs,
        wants_sandbox: std::env::args().any(|word| word == "--sandbox"),
        nginx: std::env::var_os("INTERCEPT_NGINX").map(Into::into),
        has_tray,
    })
}

fn listen(desk: &Desk, app: &AppHandle) {
    let app = app.clone();
    desk.listen(Listener::Shell, move |event| match event {
        DeskEvent::Intercepts { .. } => tray::refresh(&app),
        DeskEvent::Preferences { preferences } => {
            let preferences = preferences.clone();
            on_main(&app, move |app| prefer(app, &preferences));
            tray::refresh(&app);
        }
        DeskEvent::Timeline(entry) => {
            let entry = entry.clone();
            on_main(&app, move |app| notices::show(app, &entry));
        }
        _ => {}
    });
}

/// The desktop answers on the main thread, which may be waiting for whoever tells this: so nobody waits for it here.
fn on_main(app: &AppHandle, act: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    // A loop that has ended has no desktop to speak to.
    let _ = app.run_on_main_thread(move || act(&handle));
}

/// What the desktop does for the user's preferences. Each may be refused by it, and costs nothing else.
fn prefer(app: &AppHandle, preferences: &Preferences) {
    let login = app.autolaunch();
    if login
        .is_enabled()
        .is_ok_and(|is_on| is_on != preferences.starts_at_login)
    {
        let done = if preferences.starts_at_login {
            login.enable()
        } else {
            login.disable()
        };
        if let Err(error) = done {
            tracing::warn!(%error, "starting at login cannot be changed");
        }
    }
    let keys = app.global_shortcut();
    let _ = keys.unregister_all();
    if !preferences.stop_all_shortcut.is_empty() {
        let set = keys.on_shortcut(preferences.stop_all_shortcut.as_str(), |app, _, event| {
            if event.state == ShortcutState::Pressed {
                tray::stop_all(app);
            }
        });
        if let Err(error) = set {
            tracing::warn!(%error, "the keys for stopping everything cannot be had");
        }
    }
}
