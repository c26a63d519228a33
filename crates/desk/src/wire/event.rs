//! What the window is told unasked.

use intercept_engine::discover::ServiceSummary;
use intercept_engine::traffic::TrafficView;
use serde::Serialize;
use ts_rs::TS;

use super::intercept::InterceptView;
use super::place::Connection;
use super::preferences::Preferences;
use super::request::{RequestChanges, StoreUsage};
use super::wish::InterceptWish;

/// Something has changed.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum DeskEvent {
    /// Kubeconfig files were edited, or the sandbox was started: ask for the contexts again.
    Contexts,
    /// What is known of the watched Services.
    Services(ServicesChange),
    /// All intercepts of this program, as they are now.
    Intercepts {
        /// The oldest first.
        intercepts: Vec<InterceptView>,
    },
    /// What passed the Service of one.
    Traffic {
        /// Its key.
        key: u32,
        /// All that is known.
        view: TrafficView,
    },
    /// Requests were recorded.
    Requests {
        /// Which following this answers.
        follow: u32,
        /// What is new.
        changes: RequestChanges,
        /// How full the store is.
        usage: StoreUsage,
    },
    /// Something worth remembering happened.
    Timeline(TimelineEntry),
    /// The user prefers something else now.
    Preferences {
        /// All of it.
        preferences: Box<Preferences>,
    },
    /// Somebody wants to see something.
    Go(Goal),
}

/// What changed among the watched Services.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ServicesChange {
    /// The context they are of.
    pub context: String,
    /// The namespace that is watched, or all; not always the one asked for, where rights are missing.
    pub namespace: Option<String>,
    /// Whether this is how things are.
    pub connection: Connection,
    /// Whether these are all of them; otherwise the others are as they were.
    pub is_whole: bool,
    /// New or changed, by namespace and name.
    pub changed: Vec<ServiceSummary>,
    /// Gone: namespace and name.
    pub removed: Vec<(String, String)>,
    /// What is missing and why, in sentences.
    pub notes: Vec<String>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// When: milliseconds since 1970 UTC.
    #[ts(type = "number")]
    pub at: u64,
    /// Of which sort.
    pub what: TimelineKind,
    /// The intercept it is about.
    pub key: Option<u32>,
    /// In one sentence.
    pub sentence: String,
}

/// Sorts of what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum TimelineKind {
    /// As it should be.
    Good,
    /// To be known.
    Notice,
    /// Broken.
    Bad,
}

/// What somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "screen")]
pub enum Goal {
    /// The list of Services.
    Services,
    /// The sheet, filled in; nothing is done until somebody agrees.
    Sheet {
        /// With what, as far as it was said.
        wish: Box<InterceptWish>,
    },
    /// Requests.
    Inspector,
    /// The tunnel of an intercept.
    Tunnel {
        /// Its key.
        key: Option<u32>,
    },
    /// Settings.
    Settings,
    /// Intercepts stand, and somebody wants to quit.
    Quit,
}
