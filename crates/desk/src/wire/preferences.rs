//! What the user prefers, kept from run to run.

use std::collections::BTreeMap;

use intercept_engine::tap::Level;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::event::TimelineEntry;
use super::intercept::InterceptView;
use super::wish::InterceptWish;

/// What a window needs first.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The program's version.
    pub version: String,
    /// Who the user is to others: `ann@laptop`.
    pub owner: String,
    /// What the user prefers.
    pub preferences: Preferences,
    /// Intercepts of this program.
    pub intercepts: Vec<InterceptView>,
    /// What has happened, the newest last.
    pub timeline: Vec<TimelineEntry>,
    /// What could not be had when the program started, in sentences: recording, the socket of other commands.
    pub missing: Vec<String>,
    /// Whether the desktop has a place for the tray icon.
    pub has_tray: bool,
}

/// What the user prefers. What a newer version knows beside this is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
pub struct Preferences {
    /// Light, dark, or as the system has it.
    pub theme: Theme,
    /// Contexts where mistakes hurt.
    pub production_contexts: Vec<String>,
    /// The context that was shown last.
    pub last_context: Option<String>,
    /// Namespaces shown last, by context; all where a context is not among them.
    pub namespaces: BTreeMap<String, String>,
    /// Favourite Services: `context/namespace/service`.
    pub favourites: Vec<String>,
    /// Intercepts to start again, the newest first.
    pub recent: Vec<InterceptWish>,
    /// Filters of requests that were saved.
    pub saved_filters: Vec<String>,
    /// Whether health checks are left out of the list of requests.
    pub hides_health_checks: bool,
    /// How much of requests is recorded, unless said otherwise.
    pub recording: Level,
    /// How many bytes of requests are kept.
    #[ts(type = "number")]
    pub kept_bytes: u64,
    /// How many requests are kept.
    #[ts(type = "number")]
    pub kept_requests: u64,
    /// Header names whose values are covered beside the usual ones.
    pub covered_headers: Vec<String>,
    /// The header that marks requests, unless said otherwise.
    pub default_header: String,
    /// And its value.
    pub default_value: String,
    /// The proxy's image, rather than the stock one.
    pub proxy_image: Option<String>,
    /// The image to take the agent from, where programs from ConfigMaps may not be run.
    pub agent_image: Option<String>,
    /// Names of Secrets for pulling images.
    pub pull_secrets: Vec<String>,
    /// Whether closing the window keeps the program running.
    pub closes_to_tray: bool,
    /// Whether the program starts with the user's login.
    pub starts_at_login: bool,
    /// Whether notifications are shown.
    pub notifies: bool,
    /// The keys that stop everything from anywhere; none where empty.
    pub stop_all_shortcut: String,
    /// Whether the first start was gone through.
    pub has_seen_first_start: bool,
}

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Default for Preferences {
    fn default() -> Self {
        let limits = intercept_inspect::store::Limits::default();
        Self {
            theme: Theme::default(),
            production_contexts: Vec::new(),
            last_context: None,
            namespaces: BTreeMap::new(),
            favourites: Vec::new(),
            recent: Vec::new(),
            saved_filters: Vec::new(),
            hides_health_checks: true,
            recording: Level::Bodies,
            kept_bytes: limits.bytes,
            kept_requests: limits.count,
            covered_headers: Vec::new(),
            default_header: intercept_protocol::matching::DEFAULT_HEADER.to_owned(),
            default_value: intercept_protocol::matching::DEFAULT_VALUE.to_owned(),
            proxy_image: None,
            agent_image: None,
            pull_secrets: Vec::new(),
            closes_to_tray: true,
            starts_at_login: false,
            notifies: true,
            stop_all_shortcut: String::new(),
            has_seen_first_start: false,
        }
    }
}
