//! The changes of one kind, bounded: what a watch reads behind its cursor.

use std::collections::VecDeque;
use std::sync::Arc;

use super::object::Object;

/// What happened to an object.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Added,
    /// With what it was before, so that a watch sees objects enter and leave its selector.
    Modified(Arc<Object>),
    Deleted,
}

/// One change; `object` is what it is now, or last was.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) version: u64,
    pub(crate) change: Change,
    pub(crate) object: Arc<Object>,
}

/// The history no longer reaches back that far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {asked} ({oldest})")]
pub(crate) struct TooOld {
    pub(crate) asked: u64,
    pub(crate) oldest: u64,
}

#[derive(Debug)]
pub(super) struct History {
    events: VecDeque<Event>,
    limit: usize,
    /// Everything after this version is still known.
    complete_after: u64,
}

impl History {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            events: VecDeque::new(),
            limit: limit.max(1),
            complete_after: 0,
        }
    }

    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() == self.limit
            && let Some(forgotten) = self.events.pop_front()
        {
            self.complete_after = forgotten.version;
        }
        self.events.push_back(event);
    }

    pub(super) fn after(&self, version: u64) -> Result<impl Iterator<Item = &Event>, TooOld> {
        if version < self.complete_after {
            return Err(TooOld {
                asked: version,
                oldest: self.complete_after,
            });
        }
        let from = self.events.partition_point(|event| event.version <= version);
        Ok(self.events.range(from..))
    }

    /// Forgets all, so that only who knows `now` can go on.
    pub(super) fn compact(&mut self, now: u64) {
        self.events.clear();
        self.complete_after = now;
    }
}
