//! A whole sandbox, asked as any cluster is asked: by kube clients, by the engine, by requests to its Services.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "functions of tests, which clippy does not take for tests"
)]

mod fate;
mod intercept;
mod load;
mod orphans;
mod pods;
mod processes;
mod replaced;
mod rig;
mod services;
mod shop;
mod why;
