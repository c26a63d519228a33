//! Real libraries of another language, on both sides of the whole path: a Python caller asks a Service, NGINX and the
//! agent send its requests through a relay and the tap to a Python program, and what was recorded is compared with what
//! they said.
//!
//! The programs are in `tests/interop`; each tells fact by fact whether it holds. Most compare with asking the local program
//! itself. `INTERCEPT_NGINX` and `INTERCEPT_PYTHON` name what they need, which `scripts/nginx.sh` and
//! `scripts/python-libraries.sh` print; without them these tests say so and do not run.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "functions of tests, which clippy does not take for tests"
)]

mod bytes;
mod grpc;
mod http;
mod python;
mod recorded;
mod websocket;
mod world;
