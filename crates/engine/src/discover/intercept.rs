//! One intercept as it is listed, and whether somebody still stands behind it.

use std::collections::BTreeMap;

use intercept_protocol::ids::{InterceptId, SessionId};
use intercept_protocol::names;
use intercept_protocol::record::{Intercept, Owner, Record};
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;
use tokio::time::{Duration, Instant};

/// A session whose signs of life are older than this many grace times is gone, and so is its grace.
const GRACES: u64 = 3;

/// An intercept, as listed.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InterceptSummary {
    /// Its id.
    pub id: InterceptId,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// The Service's port.
    pub port: u16,
    /// Which requests it takes, in words.
    pub rule: String,
    /// Who holds it.
    pub owner: Owner,
    /// The session it belongs to.
    pub session: SessionId,
    /// Where its requests go.
    pub target: String,
    /// When it began, seconds since 1970 UTC.
    pub created: u64,
    /// When it ends at the latest.
    pub expires: Option<u64>,
    /// What is known about it.
    pub state: InterceptState,
}

/// What is known about an intercept.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum InterceptState {
    /// Its session lives, the Service selects the proxy, and the proxy is ready.
    Active,
    /// Its session lives, but requests do not pass the proxy: it is beginning, ending, or the Service was put back.
    Unfinished,
    /// Its session has given no sign of life for three times the grace time.
    Residue,
    /// The signs of life are old by clocks that do not agree, so nobody can tell.
    Unknown,
}

/// What a list needs to know of one record.
#[derive(Clone, Debug)]
pub(super) enum RecordFacts {
    Read(Box<Signed>),
    /// Made by a newer program, or changed by hand.
    Unreadable {
        problem: String,
    },
}

/// A record with its sessions' signs of life.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    pub(super) record: Record,
    heartbeats: BTreeMap<SessionId, Option<u64>>,
    /// By the API server's clock: when one of us last wrote the record or a sign of life.
    written: Option<u64>,
    /// While watched: since when, and when each sign was last seen to change.
    watched_since: Option<Instant>,
    changed: BTreeMap<SessionId, Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    Gone,
    Unclear,
}

/// None where the ConfigMap holds no record.
pub(super) fn facts(map: ConfigMap) -> Option<RecordFacts> {
    let text = map.data.as_ref()?.get(names::RECORD_KEY)?;
    let record = match Record::parse(text) {
        Ok(record) => record,
        Err(error) => {
            return Some(RecordFacts::Unreadable {
                problem: error.to_string(),
            });
        }
    };
    let annotations = map.metadata.annotations.unwrap_or_default();
    let heartbeats = annotations.iter().filter_map(|(key, value)| {
        let session = key.strip_prefix(names::HEARTBEAT_ANNOTATION_PREFIX)?.to_owned();
        Some((SessionId::try_from(session).ok()?, value.parse().ok()))
    });
    let entries = map.metadata.managed_fields.unwrap_or_default();
    let ours = entries
        .into_iter()
        .filter(|entry| entry.manager.as_deref() == Some(names::FIELD_MANAGER));
    let written = ours
        .filter_map(|entry| u64::try_from(entry.time?.0.as_second()).ok())
        .max();
    Some(RecordFacts::Read(Box::new(Signed {
        record,
        heartbeats: heartbeats.collect(),
        written,
        watched_since: None,
        changed: BTreeMap::new(),
    })))
}

impl RecordFacts {
    /// Takes over what watching has shown so far. To be called with each new version, also the first.
    pub(super) fn watched(&mut self, before: Option<&Self>, now: Instant) {
        let Self::Read(new) = self else { return };
        let Some(Self::Read(old)) = before else {
            new.watched_since = Some(now);
            return;
        };
        new.watched_since = old.watched_since.or(Some(now));
        new.changed.clone_from(&old.changed);
        for (session, beat) in &new.heartbeats {
            if old.heartbeats.get(session) != Some(beat) {
                new.changed.insert(session.clone(), now);
            }
        }
    }
}

impl Signed {
    /// `is_passed`: whether the Service selects the proxy and the proxy is ready.
    pub(super) fn state(&self, intercept: &Intercept, is_passed: bool, unix_now: u64) -> InterceptState {
        match self.life(intercept, unix_now) {
            Life::Gone => InterceptState::Residue,
            Life::Unclear => InterceptState::Unknown,
            Life::Alive if is_passed => InterceptState::Active,
            Life::Alive => InterceptState::Unfinished,
        }
    }

    /// What was seen to happen counts before what clocks on different machines say.
    fn life(&self, intercept: &Intercept, unix_now: u64) -> Life {
        let limit = GRACES * u64::from(self.record.grace_seconds.max(1));
        let limit_seen = Duration::from_secs(limit);
        if let Some(changed) = self.changed.get(&intercept.session) {
            return if changed.elapsed() <= limit_seen {
                Life::Alive
            } else {
                Life::Gone
            };
        }
        if self
            .watched_since
            .is_some_and(|since| since.elapsed() > limit_seen)
        {
            return Life::Gone;
        }
        // A session that has not given its first sign yet began with the record.
        let beat = match self.heartbeats.get(&intercept.session) {
            Some(None) => return Life::Unclear,
            Some(Some(beat)) => *beat,
            None => intercept.created,
        };
        let is_fresh = |then: u64| unix_now.abs_diff(then) <= limit;
        if is_fresh(beat) {
            return Life::Alive;
        }
        if beat > unix_now {
            return Life::Unclear;
        }
        // Old by our clock. Somebody wrote just now: unless that was another session, whose clock agrees
        // with ours, it may have been this one with a clock of its own.
        let others_agree = self.heartbeats.values().flatten().any(|beat| is_fresh(*beat));
        let is_written_now = self.written.is_some_and(is_fresh);
        if is_written_now && !others_agree {
            Life::Unclear
        } else {
            Life::Gone
        }
    }

    pub(super) fn summary(&self, intercept: &Intercept, state: InterceptState) -> InterceptSummary {
        let listener = self.record.listener(intercept.port);
        InterceptSummary {
            id: intercept.id.clone(),
            namespace: self.record.namespace.clone(),
            service: self.record.service.clone(),
            port: listener.map_or(intercept.port, |listener| listener.service_port),
            rule: intercept.rule.to_string(),
            owner: intercept.owner.clone(),
            session: intercept.session.clone(),
            target: intercept.target.clone(),
            created: intercept.created,
            expires: intercept.expires,
            state,
        }
    }
}
