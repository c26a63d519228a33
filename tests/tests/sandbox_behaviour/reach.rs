//! Whether anybody answers for a Service, watched all the time: a gap of a millisecond is a lost request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, ResourceExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::place::{Place, is_ready, of_service};
use crate::world::LIMIT;

/// Counts the moments at which a Service had no ready endpoint.
pub(crate) struct Reach {
    gaps: Arc<AtomicUsize>,
    ready_rx: watch::Receiver<BTreeSet<String>>,
    _watching: AbortOnDropHandle<()>,
}

impl Reach {
    pub(crate) fn watch(place: &Place<'_>) -> Self {
        let gaps = Arc::new(AtomicUsize::new(0));
        let (ready_tx, ready_rx) = watch::channel(BTreeSet::new());
        let watching = tokio::spawn(count(place.api(), gaps.clone(), ready_tx));
        Self {
            gaps,
            ready_rx,
            _watching: AbortOnDropHandle::new(watching),
        }
    }

    /// How many there were since the last time.
    pub(crate) fn take_gaps(&self) -> usize {
        self.gaps.swap(0, Ordering::SeqCst)
    }

    /// Waits until others than this pod answer, by what the count of gaps has seen itself.
    pub(crate) async fn until_others_than(&self, pod: &str, case: &str) {
        let mut ready_rx = self.ready_rx.clone();
        let others = ready_rx.wait_for(|ready| !ready.is_empty() && !ready.contains(pod));
        let replaced = timeout(LIMIT, others).await;
        assert!(
            replaced.is_ok_and(|seen| seen.is_ok()),
            "{case}: nobody but {pod} answers"
        );
    }
}

async fn count(
    slices: Api<EndpointSlice>,
    gaps: Arc<AtomicUsize>,
    ready_tx: watch::Sender<BTreeSet<String>>,
) {
    let config = watcher::Config::default().labels(&of_service());
    let mut events = std::pin::pin!(watcher(slices, config).default_backoff());
    let mut ready: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
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
        let pods: BTreeSet<String> = ready.values().flatten().cloned().collect();
        if pods.is_empty() {
            gaps.fetch_add(1, Ordering::SeqCst);
        }
        ready_tx.send_replace(pods);
    }
}

/// Names of the pods that answer by this slice.
fn ready_in(slice: &EndpointSlice) -> BTreeSet<String> {
    let ready = slice.endpoints.iter().filter(|one| is_ready(one));
    let name = |one: &Endpoint| one.target_ref.as_ref()?.name.clone();
    ready.filter_map(name).collect()
}
