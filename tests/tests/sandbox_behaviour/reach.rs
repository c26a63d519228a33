//! Whether anybody answers for a Service, watched all the time: a gap of a millisecond is a lost request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use tokio_util::task::AbortOnDropHandle;

use crate::place::{Place, of_service, ready_in};

/// Counts the moments at which a Service had no ready endpoint.
pub(crate) struct Reach {
    gaps: Arc<AtomicUsize>,
    _watching: AbortOnDropHandle<()>,
}

impl Reach {
    pub(crate) fn watch(place: &Place<'_>) -> Self {
        let gaps = Arc::new(AtomicUsize::new(0));
        let watching = tokio::spawn(count(place.api(), gaps.clone()));
        Self {
            gaps,
            _watching: AbortOnDropHandle::new(watching),
        }
    }

    /// How many there were since the last time.
    pub(crate) fn take_gaps(&self) -> usize {
        self.gaps.swap(0, Ordering::SeqCst)
    }
}

async fn count(slices: Api<EndpointSlice>, gaps: Arc<AtomicUsize>) {
    let config = watcher::Config::default().labels(&of_service());
    let mut events = std::pin::pin!(watcher(slices, config).default_backoff());
    let mut ready: BTreeMap<String, usize> = BTreeMap::new();
    let mut listed = BTreeMap::new();
    while let Some(event) = events.next().await {
        match event {
            // Nothing is known until all are listed; nor after an error, which is retried.
            Ok(Event::Init) | Err(_) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitApply(slice)) => {
                listed.insert(slice.name_any(), ready_in(&slice));
                continue;
            }
            Ok(Event::InitDone) => ready = std::mem::take(&mut listed),
            Ok(Event::Apply(slice)) => {
                ready.insert(slice.name_any(), ready_in(&slice));
            }
            Ok(Event::Delete(slice)) => {
                ready.remove(&slice.name_any());
            }
        }
        if ready.values().sum::<usize>() == 0 {
            gaps.fetch_add(1, Ordering::SeqCst);
        }
    }
}
