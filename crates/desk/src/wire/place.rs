//! Clusters, and programs on this machine.

use serde::Serialize;
use ts_rs::TS;

/// A context of the kubeconfig. Naming it contacts nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The cluster it names.
    pub cluster: String,
    /// The user it names.
    pub user: String,
    /// The namespace it sets.
    pub namespace: Option<String>,
    /// Whether it is the `current-context`.
    pub is_current: bool,
    /// Of the sandbox inside this program.
    pub is_sandbox: bool,
    /// Marked by the user as one where mistakes hurt.
    pub is_production: bool,
}

/// Whether what is shown of a cluster is how things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum Connection {
    /// Nothing is known yet.
    Connecting,
    /// Changes show as they happen.
    Live,
    /// What is shown may be old.
    Reconnecting {
        /// Why.
        why: String,
        /// What to do, where waiting does not help.
        hint: Option<String>,
    },
}

/// A program of this machine that takes connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its port.
    pub port: u16,
    /// The program's name.
    pub program: String,
    /// Its process.
    pub pid: u32,
}

/// Whether something takes connections at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TargetCheck {
    /// As it is understood.
    pub target: String,
    /// Whether a connection came about.
    pub is_listening: bool,
    /// Why not; nothing where it did.
    pub why: Option<String>,
    /// How long it took.
    pub took_ms: u32,
}
