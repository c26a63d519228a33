//! The agent's dealings with the Kubernetes API, against a stand-in that knows versions, conflicts and watches.

mod fake;
mod following;
mod restoring;
