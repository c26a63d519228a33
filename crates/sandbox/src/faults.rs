//! Faults on order: what a real API server does once a year, whenever a test asks for it.
//!
//! A fault says which calls it meets (verb, resource, namespace, name, who), which of them (the nth, so
//! many), and what happens then. The sandbox's own components are spared unless a fault names them. What befalls
//! pods and clocks meets no call: that is a [`Happening`].

mod grammar;
mod happening;
mod matching;
mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

pub use happening::{Happening, What, Which};
pub use matching::{Call, Fault};
pub use words::ParseError;

/// So many calls are remembered.
const REMEMBERED: usize = 10_000;

/// What can be ordered from a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Strikes calls.
    Fault(Fault),
    /// Befalls the cluster at its time.
    Happening(Happening),
}

impl Order {
    /// Reads either from words: [`Fault::GRAMMAR`] and [`Happening::GRAMMAR`] tell how they are written.
    ///
    /// # Errors
    /// When a word is not understood; the error says which.
    pub fn parse(words: &str) -> Result<Self, ParseError> {
        match Happening::parse(words) {
            Some(happening) => happening.map(Self::Happening),
            None => Fault::parse(words).map(Self::Fault),
        }
    }
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// An answer of this kind instead of the real one; nothing else happens.
    Status {
        /// 403, 409, 422, 429, 500, 503, or any other.
        code: u16,
        /// Seconds of a `Retry-After`.
        retry_after: Option<u64>,
    },
    /// Nothing happens until the fault is released or taken back; then all goes on.
    Hang,
    /// All goes on, later.
    Delay(Duration),
    /// The connection ends before anything happened.
    Drop,
    /// It happens, and the answer ends in its middle.
    Cut,
    /// It happens, and the connection ends without an answer.
    Lost,
    /// The whole server goes away before anything happened, and comes back after this time on the same port,
    /// without its history.
    Restart(Duration),
    /// A watch says nothing more, and stays open.
    Stale,
    /// A watch answers 410 Gone.
    Gone,
    /// A port-forward is refused as if nothing listened.
    Refuse,
    /// A port-forward carries nothing more, and stays open.
    Stall,
    /// A port-forward flips a bit of what the pod sends.
    Corrupt,
}

/// What befalls a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchFault {
    Drop,
    Stale,
    Gone,
}

/// What befalls the bytes of a port-forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelFault {
    Cut,
    Stall,
    Corrupt,
}

/// The faults of one sandbox; clones are the same.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: Mutex<Vec<Arc<Rule>>>,
    calls: Mutex<VecDeque<Call>>,
    /// Counts changes of the rules: whoever waits under one looks again.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    /// How many calls it was meant for. → whoever waits for the first
    met: watch::Sender<u64>,
    released: watch::Sender<bool>,
}

/// A fault that was ordered.
#[derive(Clone, Debug)]
pub struct Ordered {
    rule: Arc<Rule>,
    faults: Faults,
}

impl Ordered {
    /// How many calls it has struck.
    pub fn struck(&self) -> u64 {
        let met = self.rule.met.borrow().saturating_sub(self.rule.fault.after);
        self.rule.fault.count.map_or(met, |count| met.min(count))
    }

    /// Waits until it strikes for the first time. Not bounded.
    pub async fn first_strike(&self) {
        let after = self.rule.fault.after;
        // An error would mean that the rule is gone, which `self` holds.
        let _ = self.rule.met.subscribe().wait_for(|met| *met > after).await;
    }

    /// Lets what hangs under it go on; later calls pass too.
    pub fn release(&self) {
        self.rule.released.send_replace(true);
        self.faults.changed();
    }

    /// Takes the fault back, and lets what hangs go on.
    pub fn cancel(&self) {
        self.faults
            .shared
            .rules
            .lock()
            .retain(|rule| !Arc::ptr_eq(rule, &self.rule));
        self.release();
    }
}

impl Rule {
    /// Whether this call is one of those it is meant for; counts it.
    fn strikes(&self, call: &Call) -> bool {
        if !self.fault.matches(call) || *self.released.borrow() {
            return false;
        }
        let mut met = 0;
        self.met.send_modify(|count| {
            met = *count;
            *count += 1;
        });
        let last = self
            .fault
            .count
            .map_or(u64::MAX, |count| self.fault.after.saturating_add(count));
        (self.fault.after..last).contains(&met)
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                rules: Mutex::default(),
                calls: Mutex::default(),
                changes: watch::Sender::new(0),
            }),
        }
    }
}

impl Faults {
    /// Orders a fault. Those ordered first strike first; one call meets one fault.
    pub fn order(&self, fault: Fault) -> Ordered {
        let rule = Arc::new(Rule {
            fault,
            met: watch::Sender::new(0),
            released: watch::Sender::new(false),
        });
        self.shared.rules.lock().push(rule.clone());
        self.changed();
        Ordered {
            rule,
            faults: self.clone(),
        }
    }

    /// Takes all faults back, and lets what hangs go on.
    pub fn clear(&self) {
        let rules = std::mem::take(&mut *self.shared.rules.lock());
        for rule in rules {
            rule.released.send_replace(true);
        }
        self.changed();
    }

    /// The calls so far, without the components' own; the oldest are forgotten first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().iter().cloned().collect()
    }

    /// The calls of one user so far.
    pub fn calls_of(&self, user: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock();
        calls.iter().filter(|call| call.user == user).cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.shared.calls.lock().clear();
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Remembers a call, and waits out what hangs or delays it. What else befalls it comes back.
    pub(crate) async fn meet(&self, call: &Call) -> Option<Effect> {
        self.remember(call);
        let (effect, mut released) = self.strike(call, Effect::befalls_requests)?;
        match effect {
            Effect::Hang => {
                // An error would mean that the rule is gone, and so is what it asked for.
                let _ = released.wait_for(|released| *released).await;
                None
            }
            Effect::Delay(time) => {
                tokio::time::sleep(time).await;
                None
            }
            effect => Some(effect),
        }
    }

    fn remember(&self, call: &Call) {
        if call.is_component {
            return;
        }
        let mut calls = self.shared.calls.lock();
        if calls.len() == REMEMBERED {
            calls.pop_front();
        }
        calls.push_back(call.clone());
    }

    fn strike(
        &self,
        call: &Call,
        is_meant: impl Fn(&Effect, &Call) -> bool,
    ) -> Option<(Effect, watch::Receiver<bool>)> {
        let rules = self.shared.rules.lock();
        let rule = rules
            .iter()
            .filter(|rule| is_meant(&rule.fault.effect, call))
            .find(|rule| rule.strikes(call))?;
        Some((rule.fault.effect.clone(), rule.released.subscribe()))
    }

    /// What befalls a watch that is open.
    pub(crate) fn watch(&self, call: &Call) -> Option<WatchFault> {
        let (effect, _) = self.strike(call, |effect, _| effect.befalls_watches())?;
        match effect {
            Effect::Drop => Some(WatchFault::Drop),
            Effect::Stale => Some(WatchFault::Stale),
            Effect::Gone => Some(WatchFault::Gone),
            _ => None,
        }
    }

    /// What befalls a port-forward that is open.
    pub(crate) fn tunnel(&self, call: &Call) -> Option<TunnelFault> {
        let (effect, _) = self.strike(call, |effect, _| effect.befalls_tunnels())?;
        match effect {
            Effect::Cut | Effect::Drop => Some(TunnelFault::Cut),
            Effect::Stall => Some(TunnelFault::Stall),
            Effect::Corrupt => Some(TunnelFault::Corrupt),
            _ => None,
        }
    }
}

impl Effect {
    fn befalls_watches(&self) -> bool {
        matches!(self, Self::Drop | Self::Stale | Self::Gone)
    }

    fn befalls_tunnels(&self) -> bool {
        matches!(self, Self::Cut | Self::Drop | Self::Stall | Self::Corrupt)
    }

    /// Whether it strikes when a request comes, not while its stream is open.
    fn befalls_requests(&self, call: &Call) -> bool {
        match (call.verb.as_str(), call.resource.as_str()) {
            ("watch", _) => !self.befalls_watches(),
            (_, "pods/portforward") => !self.befalls_tunnels(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
