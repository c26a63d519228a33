//! What the node half knows of the cluster: one watched collection per kind, with its changes.
//!
//! Filled by a watch over HTTP and nothing else, so it is behind by a moment, as every real controller's
//! view is. Whoever must not act on an old view asks the API server again before acting.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch as signal};

use super::patience::Patience;

/// Namespace and name. Kinds without a namespace have an empty one.
pub(crate) type Key = (String, String);

/// The key of an object.
pub(crate) fn key_of<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

/// One object before and after.
#[derive(Clone, Debug)]
pub(crate) struct Change<K> {
    pub(crate) key: Key,
    pub(crate) old: Option<Arc<K>>,
    pub(crate) new: Option<Arc<K>>,
}

/// Every object of one kind.
pub(crate) struct Cache<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    // watch → whoever waits for the first whole list
    filled: signal::Sender<bool>,
}

struct State<K> {
    objects: BTreeMap<Key, Arc<K>>,
    // watch → controllers
    listeners: Vec<mpsc::UnboundedSender<Change<K>>>,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    objects: BTreeMap::new(),
                    listeners: Vec::new(),
                }),
                filled: signal::Sender::new(false),
            }),
        }
    }
}

impl<K> Cache<K>
where
    K: Resource + Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + Hash,
{
    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // Nothing panics while it is held.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One object.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.lock().objects.get(key).cloned()
    }

    /// Every object of a namespace.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let from = (namespace.to_owned(), String::new());
        let state = self.lock();
        let here = state.objects.range(from..);
        here.take_while(|((at, _), _)| at == namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// What is there now as additions, then every change.
    pub(crate) fn subscribe(&self) -> mpsc::UnboundedReceiver<Change<K>> {
        let (change_tx, change_rx) = mpsc::unbounded_channel();
        let mut state = self.lock();
        for (key, object) in &state.objects {
            let _ = change_tx.send(Change {
                key: key.clone(),
                old: None,
                new: Some(object.clone()),
            });
        }
        state.listeners.push(change_tx);
        change_rx
    }

    /// Waits until the first list is complete.
    pub(crate) async fn filled(&self) {
        let mut filled = self.shared.filled.subscribe();
        // The sender lives as long as this cache.
        let _ = filled.wait_for(|is| *is).await;
    }

    /// Follows the whole collection until dropped.
    pub(crate) async fn follow(self, client: Client)
    where
        K: Resource<Scope: Send> + Sync,
    {
        let api: Api<K> = Api::all(client);
        let events = watch(api, watcher::Config::default()).backoff(Patience::default());
        let mut events = std::pin::pin!(events);
        let mut listed: BTreeMap<Key, Arc<K>> = BTreeMap::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    listed.insert(key_of(&object), Arc::new(object));
                }
                Ok(Event::InitDone) => {
                    self.replace(std::mem::take(&mut listed));
                    self.shared.filled.send_replace(true);
                }
                Ok(Event::Apply(object)) => self.put(key_of(&object), Some(Arc::new(object))),
                Ok(Event::Delete(object)) => self.put(key_of(&object), None),
                Err(error) => {
                    tracing::debug!(kind = %K::kind(&K::DynamicType::default()), %error, "the watch is begun again");
                }
            }
        }
    }

    fn replace(&self, listed: BTreeMap<Key, Arc<K>>) {
        let gone: Vec<Key> = {
            let state = self.lock();
            let known = state.objects.keys();
            known.filter(|key| !listed.contains_key(*key)).cloned().collect()
        };
        for key in gone {
            self.put(key, None);
        }
        for (key, object) in listed {
            self.put(key, Some(object));
        }
    }

    fn put(&self, key: Key, new: Option<Arc<K>>) {
        let mut state = self.lock();
        let old = match &new {
            Some(object) => state.objects.insert(key.clone(), object.clone()),
            None => state.objects.remove(&key),
        };
        let version = |object: &Option<Arc<K>>| {
            object
                .as_ref()
                .and_then(|one| one.meta().resource_version.clone())
        };
        if version(&old) == version(&new) {
            return;
        }
        let change = Change { key, old, new };
        state
            .listeners
            .retain(|listener| listener.send(change.clone()).is_ok());
    }
}
