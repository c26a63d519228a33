//! The end: of the window, which may go on in the tray, and of the program, which restores first.

use intercept_desk::Desk;
use intercept_desk::wire::{DeskEvent, Goal, InterceptView};
use tauri::{AppHandle, Manager as _, Window};

use crate::engine::Engine;
use crate::window;

/// The window was told to close.
pub(crate) fn close_requested(window: &Window, api: &tauri::CloseRequestApi) {
    let app = window.app_handle();
    let desk = app.state::<Desk>();
    let has_tray = app.tray_by_id(crate::tray::ID).is_some();
    if has_tray && desk.preferences().closes_to_tray {
        api.prevent_close();
        let _ = window.hide();
    } else if is_holding(&desk) {
        api.prevent_close();
        ask(app);
    }
}

/// Somebody wants to quit: at once where nothing is held, after a question otherwise.
pub(crate) fn asked(app: &AppHandle) {
    if is_holding(&app.state::<Desk>()) {
        ask(app);
    } else {
        app.exit(0);
    }
}

fn ask(app: &AppHandle) {
    window::show(app);
    app.state::<Desk>().tell(&DeskEvent::Go(Goal::Quit));
}

/// Undoes everything, waits for it, and ends the program.
pub(crate) async fn restore_and_quit(app: &AppHandle) {
    let desk = app.state::<Desk>().inner().clone();
    let engine = app.state::<Engine>();
    let closed = engine.ask(async move {
        desk.close().await;
        Ok(())
    });
    if let Err(error) = closed.await {
        tracing::error!(%error, "the end was cut short; the cluster restores itself after the grace time");
    }
    app.exit(0);
}

fn is_holding(desk: &Desk) -> bool {
    let is_live = |one: &InterceptView| one.ending.is_none();
    desk.intercepts().iter().any(is_live)
}

/// The operating system wants this program to end: the session of the user, or somebody with `kill`.
#[cfg(unix)]
pub(crate) async fn on_signals(app: AppHandle) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    tracing::info!("told to end; restoring");
    restore_and_quit(&app).await;
    Ok(())
}

/// As above: a console that closes, a logoff, a shutdown.
#[cfg(windows)]
pub(crate) async fn on_signals(app: AppHandle) -> std::io::Result<()> {
    use tokio::signal::windows;
    let (mut c, mut close) = (windows::ctrl_c()?, windows::ctrl_close()?);
    let (mut logoff, mut shutdown) = (windows::ctrl_logoff()?, windows::ctrl_shutdown()?);
    tokio::select! {
        _ = c.recv() => {}
        _ = close.recv() => {}
        _ = logoff.recv() => {}
        _ = shutdown.recv() => {}
    }
    tracing::info!("told to end; restoring");
    restore_and_quit(&app).await;
    Ok(())
}
