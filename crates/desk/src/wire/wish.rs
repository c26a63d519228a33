//! What somebody wants intercepted, and what doing so would change.

use intercept_engine::tap::Level;
use intercept_protocol::record::PortProtocol;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An intercept as the sheet has it: words as they were typed, judged when it is planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InterceptWish {
    /// The kubeconfig's context.
    pub context: String,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// One of its ports by number or name; may be absent where it has only one.
    pub port: Option<String>,
    /// What marks the requests.
    pub mark: MarkWish,
    /// Only below this path.
    pub path_prefix: Option<String>,
    /// Only with these methods; with any where there are none.
    pub methods: Vec<String>,
    /// A port, `host:port` or a URL.
    pub target: String,
    /// Do not ask who signed the target's certificate.
    pub accept_any_certificate: bool,
    /// How long it may last at most.
    pub ttl_seconds: Option<u32>,
    /// What the port speaks, where the Service does not say so.
    pub protocol: Option<PortProtocol>,
    /// How much of its requests is recorded.
    pub recording: Level,
}

/// What marks the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum MarkWish {
    /// A header.
    Header {
        /// Its name.
        name: String,
        /// Its value; any without one.
        value: Option<String>,
    },
    /// A member of W3C baggage.
    Baggage {
        /// Its key.
        key: String,
        /// Its value; any without one.
        value: Option<String>,
    },
    /// Nothing: all requests.
    All,
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlanView {
    /// Which kind of change it is.
    pub way: Way,
    /// What will be true afterwards, in a sentence.
    pub sentence: String,
    /// In their order.
    pub steps: Vec<PlannedStep>,
    /// What changes in the cluster, line by line: `+`, `-` or `~` and a space in front of what is added, removed, changed.
    pub diff: Vec<String>,
    /// What was looked at beforehand.
    pub checks: Vec<Check>,
    /// Whether nothing stands against it.
    pub is_possible: bool,
    /// A command that sends one request that fits, from inside of the cluster.
    pub curl: String,
    /// Whether what an earlier intercept left is removed first.
    pub removes_residue: bool,
}

/// Which kind of change a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// A proxy is put in front of the Service.
    Engage,
    /// The proxy that stands there gets one more rule.
    Join,
    /// A session that is gone is taken over.
    TakeOver,
    /// Nothing changes: the same user holds it already.
    AlreadyHeld,
    /// It cannot be done.
    Impossible,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What is done.
    pub sentence: String,
    /// How it is undone.
    pub undo: String,
    /// Steps of one stage run at the same time.
    pub stage: u8,
}

/// Something that was looked at before anything changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// How it came out.
    pub state: CheckState,
    /// In a sentence.
    pub sentence: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How long it took.
    pub took_ms: Option<u32>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum CheckState {
    /// Well.
    Passed,
    /// It can be done; know this first.
    Warned,
    /// It cannot be done.
    Failed,
}
