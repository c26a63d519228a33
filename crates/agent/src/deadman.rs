//! The dead-man's switch: an intercept whose laptop is gone for the grace time, or whose lifetime is over, is removed;
//! the last one takes everything with it.
//!
//! The decision is pure. A session lives while this pod has a relay of it, or while its heartbeat on the
//! record changes: another pod, or none yet, may hold its relay. Time in which the API could not be read
//! counts for nobody: then no heartbeat could have been seen, and the laptop, too, speaks through the API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use intercept_protocol::ids::{InterceptId, SessionId};
use intercept_protocol::record::Record;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::agent::Agent;
use crate::log::chain;
use crate::record_source::Observed;
use crate::{info, restore, warning};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a failure; the API server may be busy, or the right may be missing.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// When each session last showed that it lives.
#[derive(Debug, Default)]
pub struct Vitals {
    seen: BTreeMap<SessionId, Instant>,
    heartbeats: BTreeMap<String, String>,
    synced_at: Option<Instant>,
    empty_since: Option<Instant>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    AllIsWell,
    /// These intercepts have outlived their laptops or themselves.
    Remove(BTreeSet<InterceptId>),
    /// Nobody has an intercept, and nobody cleaned up.
    Finish,
}

impl Vitals {
    /// Takes in what is known at `now`.
    pub fn note(&mut self, now: Instant, record: &Record, observed: &Observed, live: &BTreeSet<SessionId>) {
        let is_resumed = observed.synced_at != self.synced_at;
        self.synced_at = observed.synced_at;
        let sessions: BTreeSet<&SessionId> = record.intercepts.iter().map(|one| &one.session).collect();
        self.seen.retain(|session, _| sessions.contains(session));
        for session in sessions {
            let beat = observed.heartbeats.get(session.as_str());
            let has_beaten = beat != self.heartbeats.get(session.as_str());
            if is_resumed || has_beaten || live.contains(session) || !self.seen.contains_key(session) {
                self.seen.insert(session.clone(), now);
            }
        }
        self.heartbeats.clone_from(&observed.heartbeats);
        self.empty_since = match self.empty_since {
            _ if !record.intercepts.is_empty() => None,
            Some(since) if !is_resumed => Some(since),
            _ => Some(now),
        };
    }

    /// Judges `record` at `now`; `unix_seconds` is the same moment for lifetimes.
    pub fn judge(&self, now: Instant, unix_seconds: u64, record: &Record) -> Verdict {
        let grace = Duration::from_secs(u64::from(record.grace_seconds));
        let is_over = |since: Instant| now.saturating_duration_since(since) >= grace;
        if record.intercepts.is_empty() {
            return match self.empty_since {
                Some(since) if is_over(since) => Verdict::Finish,
                _ => Verdict::AllIsWell,
            };
        }
        let over: BTreeSet<InterceptId> = record
            .intercepts
            .iter()
            .filter(|one| {
                let is_expired = one.expires.is_some_and(|expires| expires <= unix_seconds);
                is_expired || self.seen.get(&one.session).is_some_and(|since| is_over(*since))
            })
            .map(|one| one.id.clone())
            .collect();
        if over.is_empty() {
            Verdict::AllIsWell
        } else {
            Verdict::Remove(over)
        }
    }
}

/// Watches over the record until the task is dropped. Without an account there is nothing it could do.
pub async fn watch(agent: Arc<Agent>, observed_rx: watch::Receiver<Option<Observed>>) {
    let Some(client) = &agent.api else {
        return;
    };
    let mut vitals = Vitals::default();
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        // What the record says now is the next proxy's business.
        if *agent.draining.borrow() {
            continue;
        }
        let Some(observed) = observed_rx.borrow().clone() else {
            continue;
        };
        // A volume shows no heartbeats.
        if observed.synced_at.is_none() {
            continue;
        }
        let Some(record) = observed.text.as_deref().and_then(|text| Record::parse(text).ok()) else {
            continue;
        };
        let live = agent.relays.subscribe().borrow().keys().cloned().collect();
        vitals.note(Instant::now(), &record, &observed, &live);
        let acted = match vitals.judge(Instant::now(), unix_seconds(), &record) {
            Verdict::AllIsWell => continue,
            Verdict::Remove(over) => {
                info!("{} intercept(s) are over", over.len());
                restore::remove(client, &agent.settings, &over, &observed.heartbeats).await
            }
            Verdict::Finish => restore::finish(client, &agent.settings).await,
        };
        if let Err(error) = acted {
            warning!("the cluster could not be restored: {}", chain(&error));
            every.reset_after(TRY_AGAIN);
        }
    }
}

/// Now, as records say it.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests;
