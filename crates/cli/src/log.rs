//! What the engine logs, on the standard error.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::Level;
use crate::output::Output;

const OURS: [&str; 3] = ["interceptctl", "intercept_engine", "intercept_protocol"];

/// Starts logging. Other crates tell no more than warnings: their finer levels show what passes.
pub(crate) fn start(level: Level, output: &Output) {
    let level = match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let others = level.min(LevelFilter::WARN);
    let targets = Targets::new()
        .with_default(others)
        .with_targets(OURS.map(|one| (one, level)));
    let writer = output.log_writer();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    // Only a second subscriber could be refused, and there is none.
    let _ = tracing_subscriber::registry()
        .with(layer)
        .with(targets)
        .try_init();
}
