//! What this program writes down for whoever looks into a problem: a file a day, for a week.
//!
//! Secrets are never given to it; the filter keeps out libraries that would write down requests.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{InitError, Rotation};
use tracing_subscriber::EnvFilter;

const DAYS: usize = 7;
/// Our own words, and of others only what went wrong.
const USUAL: &str = "warn,intercept=info,intercept_desktop=info,intercept_desk=info,intercept_engine=info";

/// Writes until the result is dropped.
pub(crate) fn start(folder: &Path) -> Result<WorkerGuard, InitError> {
    let file = tracing_appender::rolling::Builder::new()
        .rotation(Rotation::DAILY)
        .filename_prefix("intercept")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder)?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env("INTERCEPT_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(writer)
        .finish();
    // Somebody who set one before us has it.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(guard)
}
