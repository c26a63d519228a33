//! A set of objects kept current by a watch: the only way in which this crate waits for a cluster.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

/// A watch that says nothing may be one that a firewall has forgotten. So each is begun anew after this many seconds,
/// from where it stood: soon enough for what waits here for ten seconds and more, and for the API server next to nothing.
const ANEW_AFTER: u32 = 8;

type Events<K> = Pin<Box<dyn Stream<Item = Result<Event<K>, watcher::Error>> + Send>>;

/// The objects of one watch, by uid.
pub(crate) struct Live<K: Resource> {
    events: Events<K>,
    objects: BTreeMap<String, K>,
    listing: Option<BTreeMap<String, K>>,
}

impl<K> Live<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    /// Watches what has these labels.
    pub(crate) fn labelled(api: Api<K>, labels: &str) -> Self {
        Self::start(api, watcher::Config::default().labels(labels))
    }

    /// Watches one object by name.
    pub(crate) fn named(api: Api<K>, name: &str) -> Self {
        Self::start(
            api,
            watcher::Config::default().fields(&format!("metadata.name={name}")),
        )
    }

    fn start(api: Api<K>, config: watcher::Config) -> Self {
        let events = watcher(api, config.timeout(ANEW_AFTER)).default_backoff().boxed();
        Self {
            events,
            objects: BTreeMap::new(),
            listing: None,
        }
    }

    /// Waits for the next change and returns all objects as they are then. A failing watch is retried by
    /// itself, so an error is news, not an end. Safe to cancel.
    pub(crate) async fn changed(&mut self) -> Result<&BTreeMap<String, K>, watcher::Error> {
        while let Some(event) = self.events.try_next().await? {
            match event {
                Event::Init => self.listing = Some(BTreeMap::new()),
                Event::InitApply(object) => {
                    let listing = self.listing.get_or_insert_default();
                    listing.insert(object.uid().unwrap_or_default(), object);
                }
                Event::InitDone => {
                    self.objects = self.listing.take().unwrap_or_default();
                    return Ok(&self.objects);
                }
                Event::Apply(object) => {
                    self.objects.insert(object.uid().unwrap_or_default(), object);
                    return Ok(&self.objects);
                }
                Event::Delete(object) => {
                    self.objects.remove(&object.uid().unwrap_or_default());
                    return Ok(&self.objects);
                }
            }
        }
        // The stream of a watcher has no end; one that had would be waited for in vain.
        std::future::pending().await
    }

    /// Waits until `holds` is true of the objects. Not bounded: put a timeout around it.
    pub(crate) async fn until(&mut self, mut holds: impl FnMut(&BTreeMap<String, K>) -> bool) {
        loop {
            match self.changed().await {
                Ok(objects) if holds(objects) => return,
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "a watch failed and is retried"),
            }
        }
    }
}
