//! The agent's dealings with the Kubernetes API, against a stand-in that knows versions, conflicts and watches.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "all of this is a test, its helpers too"
)]

mod fake;
mod following;
mod restoring;
