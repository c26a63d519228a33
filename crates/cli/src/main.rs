//! `interceptctl`: Intercept on the command line, over the engine.
//!
//! ```text
//! args ─► run ─► commands/* ─► engine
//!                    └► output (the only place that prints), exit (what the process ends with)
//! ```
//!
//! Deliberately absent: any decision about a cluster.

mod args;
mod commands;
mod connection;
mod errors;
mod exit;
mod line;
mod log;
mod output;
mod question;
mod recorded;
mod request;
mod run;
mod running;
mod signals;
mod words;

fn main() -> std::process::ExitCode {
    run::run()
}
