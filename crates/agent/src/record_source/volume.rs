//! The record as the kubelet mounts it.
//!
//! Looked at every 100 ms: two system calls, and no dependency for inotify, which would have to follow the
//! kubelet's symlinks anyway. What takes time is the kubelet's sync, not this.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use intercept_protocol::names::RECORD_KEY;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Observed;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What changes when the kubelet swaps the folder behind the file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    folder: Option<std::path::PathBuf>,
    modified: Option<SystemTime>,
    length: u64,
}

impl Version {
    fn of(dir: &Path) -> Option<Self> {
        let file = std::fs::metadata(dir.join(RECORD_KEY)).ok()?;
        Some(Self {
            folder: std::fs::read_link(dir.join("..data")).ok(),
            modified: file.modified().ok(),
            length: file.len(),
        })
    }
}

/// Publishes every change, until dropped.
pub(super) async fn follow(dir: &Path, observed_tx: &watch::Sender<Option<Observed>>) {
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        every.tick().await;
        let version = Version::of(dir);
        if version.is_some() && version != last {
            once(dir, observed_tx);
            last = version;
        }
    }
}

/// Publishes what is there now, if it is not known yet.
pub(super) fn once(dir: &Path, observed_tx: &watch::Sender<Option<Observed>>) {
    let Ok(text) = std::fs::read_to_string(dir.join(RECORD_KEY)) else {
        return;
    };
    let seen = Observed {
        text: Some(text),
        heartbeats: BTreeMap::new(),
        synced_at: None,
    };
    observed_tx.send_if_modified(|current| {
        let is_new = current.as_ref() != Some(&seen);
        *current = Some(seen);
        is_new
    });
}
