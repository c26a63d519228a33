//! Intercepts of this program.

use intercept_engine::session::Phase;
use intercept_engine::tap::Level;
use serde::Serialize;
use ts_rs::TS;

use super::wish::InterceptWish;

/// One that this program holds, or held until a moment ago.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct InterceptView {
    /// Names it in this run of the program.
    pub key: u32,
    /// Its id in the cluster, once it is planned.
    pub id: Option<String>,
    /// As it was asked for.
    pub wish: InterceptWish,
    /// The Service's port it came to, once it is planned.
    pub port: Option<u16>,
    /// Which requests, in words: `requests with X-C6O-INTERCEPT: yes`.
    pub rule: String,
    /// Where they go, in words: `localhost:3000`.
    pub target: String,
    /// Where it stands.
    pub phase: Phase,
    /// What is wrong with it now, though it stands; in one sentence.
    pub trouble: Option<String>,
    /// The steps of its plan.
    pub steps: Vec<StepView>,
    /// When it was asked for, seconds since 1970 UTC.
    pub since: u64,
    /// When it ends at the latest.
    pub expires: Option<u64>,
    /// How long it took until requests could arrive.
    pub ready_after_ms: Option<u32>,
    /// Connections to its proxy pods.
    pub relays: Vec<Relay>,
    /// How much is recorded; nothing where this program cannot record.
    pub recording: Option<Level>,
    /// A command that sends one request that fits, from inside of the cluster.
    pub curl: String,
    /// How it ended; nothing while it lives.
    pub ending: Option<Ending>,
}

/// A step of the plan being carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// What is done.
    pub sentence: String,
    /// How far it is.
    pub state: StepState,
    /// How long it took.
    pub took_ms: Option<u32>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// Done.
    Done,
}

/// A connection to one proxy pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Relay {
    /// The pod.
    pub pod: String,
    /// Whether requests can come through it.
    pub is_open: bool,
    /// In words, where it is not.
    pub why: Option<String>,
}

/// How an intercept ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// Which way.
    pub kind: EndingKind,
    /// Whether the cluster is as it was, as far as this intercept goes.
    pub is_restored: bool,
    /// In one sentence.
    pub sentence: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// Which way an intercept ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum EndingKind {
    /// As it was meant to.
    Stopped,
    /// Its lifetime is over.
    Expired,
    /// Others took it out.
    RemovedByOther,
    /// No proxy pod was ready.
    ProxyLost,
    /// It never got active.
    Failed,
    /// The same user holds it in another session.
    AlreadyHeld,
}
