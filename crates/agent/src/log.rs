//! One line to standard error for each thing worth knowing afterwards.
//!
//! Not `tracing`: the agent writes some twenty different lines, none of them in a data path, and every
//! byte of it travels through ConfigMaps.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much a line matters.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// The ordinary course of things.
    Info,
    /// Something failed that the agent goes on without, or tries again.
    Warn,
}

/// Writes one line. A standard error that cannot be written to is nothing the agent could mend.
pub fn line(level: Level, message: std::fmt::Arguments<'_>) {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    let level = match level {
        Level::Info => "info",
        Level::Warn => "warn",
    };
    let text = message.to_string().replace(['\n', '\r'], " ");
    let _ = writeln!(
        std::io::stderr().lock(),
        "{}.{:03} {level} {text}",
        seconds / 1000,
        seconds % 1000
    );
}

/// Prints an error with its causes, outermost first.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Logs the ordinary course of things.
#[macro_export]
macro_rules! info {
    ($($argument:tt)*) => { $crate::log::line($crate::log::Level::Info, format_args!($($argument)*)) };
}

/// Logs what failed and was survived.
#[macro_export]
macro_rules! warning {
    ($($argument:tt)*) => { $crate::log::line($crate::log::Level::Warn, format_args!($($argument)*)) };
}
