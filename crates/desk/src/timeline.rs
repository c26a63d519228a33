//! What has happened, for people who come back to the window and wonder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::feed::Feed;
use crate::wire::{DeskEvent, TimelineEntry, TimelineKind};

/// Nobody reads further back.
const KEPT: usize = 500;

/// Remembers and tells. Clones are the same.
#[derive(Clone)]
pub(crate) struct Timeline {
    feed: Feed,
    entries: Arc<Mutex<VecDeque<TimelineEntry>>>,
}

impl Timeline {
    pub(crate) fn new(feed: Feed) -> Self {
        Self {
            feed,
            entries: Arc::default(),
        }
    }

    pub(crate) fn add(&self, what: TimelineKind, key: Option<u32>, sentence: impl Into<String>) {
        let entry = TimelineEntry {
            at: unix_millis(),
            what,
            key,
            sentence: sentence.into(),
        };
        {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            if entries.len() == KEPT {
                entries.pop_front();
            }
            entries.push_back(entry.clone());
        }
        self.feed.tell(&DeskEvent::Timeline(entry));
    }

    pub(crate) fn all(&self) -> Vec<TimelineEntry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().cloned().collect()
    }
}

/// Milliseconds since 1970 UTC.
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
