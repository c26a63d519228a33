//! The agent's parts around a real NGINX on the loopback address.
//!
//! `INTERCEPT_NGINX` names the binary; otherwise `nginx` on the path is taken. Without one these tests say so and
//! pass, except under `CI=true`, where that is a failure.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is a test, its helpers too"
)]

mod bench;
mod gates;
mod hostile;
mod http;
mod http2;
mod matching;
mod pod;
mod protocols;
mod rig;
mod traffic;
