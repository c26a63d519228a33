//! The sandbox as people start it, in a terminal or from the window: a cluster, a kubeconfig that leads to it, the
//! sample shop, and a colleague who has intercepted one of its Services.
//!
//! ```text
//! command line, desktop ──► Trial ──► sandbox (a cluster like any other)
//!                             └─────► engine  (the colleague's, a session like any other)
//! ```
//!
//! Deliberately absent: words for people, and faults, which whoever starts it orders from the cluster itself.
#![warn(missing_docs)]

mod colleague;
mod kubeconfig;
mod opening;
mod program;
mod trial;

pub use colleague::{Arrival, Colleague};
pub use kubeconfig::{Kubeconfig, KubeconfigError};
pub use program::Program;
pub use trial::{Trial, TrialError, TrialOptions};
