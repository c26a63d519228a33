//! Starts the agent and ends it with the pod; or, in an image of its own, copies itself to where the
//! proxy's container finds it: `intercept-agent copy-to PATH`.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use intercept_agent::settings::Settings;
use intercept_agent::{info, log, warning};
use tokio::signal::unix::{SignalKind, signal};

// One thread takes 27 us of CPU for a request at 32 connections; with two it was 33 to 39, and 125 kB more.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => run().await,
        [command, path] if command == "copy-to" => match copy_to(Path::new(path)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        },
        _ => {
            warning!("usage: intercept-agent [copy-to PATH]");
            ExitCode::from(2)
        }
    }
}

async fn run() -> ExitCode {
    let settings = match Settings::read(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => return failed(&error),
    };
    let stop = match asked_to_stop() {
        Ok(stop) => stop,
        Err(error) => return failed(&error),
    };
    match intercept_agent::run(settings, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// An image for the agent needs no shell: an init container runs this.
fn copy_to(path: &Path) -> std::io::Result<()> {
    let own = std::env::current_exe()?;
    std::fs::copy(own, path).map(|_| ())
}

/// Resolves when the pod goes. The image decides by which signal: NGINX's says SIGQUIT, others SIGTERM.
fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = quit.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked to stop");
    })
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    warning!("{}", log::chain(error));
    ExitCode::FAILURE
}
