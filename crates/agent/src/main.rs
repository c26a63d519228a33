//! Starts the agent and ends it with the pod.

use std::process::ExitCode;

use intercept_agent::settings::Settings;
use intercept_agent::{info, log, warning};
use tokio::signal::unix::{Signal, SignalKind, signal};

// One thread: measured beside NGINX on the pod's CPUs, a second one only added wake-ups between them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::read(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => return failed(&error),
    };
    let (terminate, interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        (Err(error), _) | (_, Err(error)) => return failed(&error),
    };
    match intercept_agent::run(settings, asked_to_stop(terminate, interrupt)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn asked_to_stop(mut terminate: Signal, mut interrupt: Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("asked to stop");
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    warning!("{}", log::chain(error));
    ExitCode::FAILURE
}
