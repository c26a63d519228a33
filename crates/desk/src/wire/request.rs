//! Recorded requests.

use intercept_inspect::decode::Decoded;
use intercept_inspect::diff::Difference;
use intercept_inspect::exchange::{Exchange, ExchangeId, Summary};
use intercept_inspect::redact::Hidden;
use intercept_inspect::store::{Cursor, Gap, Version};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A part of what a filter finds, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestPage {
    /// The newest first.
    pub summaries: Vec<Summary>,
    /// Where the next page begins; nothing where this is the last one.
    pub next: Option<Cursor>,
    /// What was not recorded within it.
    pub gaps: Vec<Gap>,
    /// How the store stood: where following begins.
    pub version: Version,
    /// How long it took.
    pub took_ms: u32,
}

/// How many a filter finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestCount {
    /// So many.
    #[ts(type = "number")]
    pub found: u64,
    /// Of so many.
    #[ts(type = "number")]
    pub all: u64,
}

/// What is new since the last of these.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestChanges {
    /// New ones, and those that changed, in the order of writing.
    pub summaries: Vec<Summary>,
    /// What was not recorded.
    pub gaps: Vec<Gap>,
}

/// Everything there is to see of one request.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestDetail {
    /// It, with secrets covered unless asked otherwise.
    pub exchange: Exchange,
    /// As lists show it.
    pub summary: Summary,
    /// What its body says.
    pub request: Decoded,
    /// What the answer's body says.
    pub response: Option<Decoded>,
    /// What is covered.
    pub hidden: Vec<Hidden>,
    /// Replays of it, the newest first.
    pub replays: Vec<Summary>,
}

/// A body for showing or saving: content codings undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestBody {
    /// Its bytes.
    pub base64: String,
    /// Its media type.
    pub media_type: Option<String>,
    /// Whether nothing is missing.
    pub is_whole: bool,
}

/// A request as somebody edits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EditedRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The host it names.
    pub host: String,
    /// In their order.
    pub headers: Vec<EditableHeader>,
    /// The body as text; nothing where it is none and is sent as it was recorded.
    pub body: Option<String>,
}

/// One line of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EditableHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Send a recorded request again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ReplayWish {
    /// Which.
    pub id: ExchangeId,
    /// To whom.
    pub to: ReplayTo,
    /// Changed like this; as it was without.
    pub edited: Option<EditedRequest>,
    /// Where the local program is, where no intercept of the Service says so.
    pub target: Option<String>,
    /// Somebody agreed to send a method that may change something.
    pub is_agreed: bool,
}

/// Who answers a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ReplayTo {
    /// The local program.
    Laptop,
    /// The original pods.
    Cluster,
    /// Both.
    Both,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ReplayAnswer {
    /// The local program's, then the original pods', as far as they were asked.
    pub answers: Vec<RequestDetail>,
    /// How they differ: the local program's at the left.
    pub difference: Option<Difference>,
}

/// Requests that something is to be done with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Selection {
    /// These.
    Ids {
        /// Their numbers.
        ids: Vec<ExchangeId>,
    },
    /// Those that a filter finds.
    Filter {
        /// In the filter language.
        filter: String,
    },
}

/// How requests are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ExportFormat {
    /// HAR 1.2.
    Har,
    /// curl commands.
    Curl,
    /// As they were sent.
    Raw,
}

/// Requests, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RequestText {
    /// Them.
    pub text: String,
    /// How many.
    pub count: u32,
    /// How many of them have something covered.
    pub covered: u32,
}

/// How full the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct StoreUsage {
    /// So many bytes.
    #[ts(type = "number")]
    pub bytes: u64,
    /// Of so many.
    #[ts(type = "number")]
    pub most_bytes: u64,
    /// So many requests.
    #[ts(type = "number")]
    pub count: u64,
    /// Of so many.
    #[ts(type = "number")]
    pub most_count: u64,
    /// Whether recording is paused.
    pub is_paused: bool,
}

/// An answer to give in place of the local program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MockWish {
    /// For which requests, in the filter language; fields of a request's head only.
    pub filter: String,
    /// The status.
    pub status: u16,
    /// Its headers; those that frame a message are added.
    pub headers: Vec<EditableHeader>,
    /// The body.
    pub body: String,
    /// Milliseconds that pass before the answer.
    pub delay_ms: u32,
}

/// A mock that is switched on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct MockView {
    /// Its number.
    #[ts(type = "number")]
    pub number: u64,
    /// For which requests.
    pub filter: String,
    /// The status.
    pub status: u16,
    /// How many requests it has answered.
    #[ts(type = "number")]
    pub answered: u64,
}
