//! The state of the cluster, and the only way to change it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::history::{Change, Event, History, TooOld};
use super::object::{Key, Object};
use crate::resources::Kind;

type Names = BTreeMap<String, Arc<Object>>;

/// Everything there is at one moment.
#[derive(Debug)]
pub(crate) struct State {
    version: u64,
    /// By kind, namespace and name: lists come out in the order of a real API server's.
    objects: Vec<BTreeMap<String, Names>>,
    histories: Vec<History>,
    by_uid: HashMap<String, Key>,
    /// By the uid of an owner.
    dependents: HashMap<String, BTreeSet<Key>>,
    /// What the garbage collector should look at: objects whose owners may be gone, owners that wait.
    pub(crate) untidy: HashSet<Key>,
    /// Cluster addresses in use.
    pub(crate) addresses: HashSet<String>,
}

impl State {
    pub(super) fn new(history: usize) -> Self {
        Self {
            // A real cluster's first objects have small numbers too, but never 0 or 1: those mean "any".
            version: 1,
            objects: Kind::all().map(|_| BTreeMap::new()).collect(),
            histories: Kind::all().map(|_| History::new(history)).collect(),
            by_uid: HashMap::new(),
            dependents: HashMap::new(),
            untidy: HashSet::new(),
            addresses: HashSet::new(),
        }
    }

    /// The newest resourceVersion.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.objects[key.kind.index()].get(&key.namespace)?.get(&key.name)
    }

    pub(crate) fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.objects[kind.index()].get(namespace)?.get(name)
    }

    /// In the order of namespace and name; of one namespace, or of all.
    pub(crate) fn list<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Object>> {
        let all = &self.objects[kind.index()];
        let one = namespace.map(|namespace| all.get(namespace));
        let several = if namespace.is_some() {
            None
        } else {
            Some(all.values())
        };
        let names = one.flatten().into_iter().chain(several.into_iter().flatten());
        names.flat_map(BTreeMap::values)
    }

    /// What comes after an object in the order of a list; for paging.
    pub(crate) fn list_after<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
        after: (&'a str, &'a str),
    ) -> impl Iterator<Item = &'a Arc<Object>> {
        self.namespaces_after(kind, namespace, after)
            .flat_map(move |(name, objects)| objects.range::<str, _>(names_after(name, after)))
            .map(|(_, object)| object)
    }

    /// How many come after an object in the order of a list. Whole namespaces are not looked into: a client that
    /// pages through tens of thousands asks this with every page.
    pub(crate) fn count_after(&self, kind: Kind, namespace: Option<&str>, after: (&str, &str)) -> usize {
        let counts = self
            .namespaces_after(kind, namespace, after)
            .map(|(name, objects)| {
                if name == after.0 {
                    objects.range::<str, _>(names_after(name, after)).count()
                } else {
                    objects.len()
                }
            });
        counts.sum()
    }

    /// The namespace of an object and those behind it, as far as they are asked for.
    fn namespaces_after<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
        after: (&'a str, &'a str),
    ) -> impl Iterator<Item = (&'a String, &'a Names)> {
        let all = self.objects[kind.index()].range::<str, _>((Bound::Included(after.0), Bound::Unbounded));
        all.filter(move |(name, _)| namespace.is_none_or(|wanted| wanted == *name))
    }

    pub(crate) fn count(&self, kind: Kind, namespace: &str) -> usize {
        self.objects[kind.index()].get(namespace).map_or(0, BTreeMap::len)
    }

    /// The changes of a kind after a version.
    pub(crate) fn changes(&self, kind: Kind, after: u64) -> Result<impl Iterator<Item = &Event>, TooOld> {
        self.histories[kind.index()].after(after)
    }

    pub(crate) fn key_of(&self, uid: &str) -> Option<&Key> {
        self.by_uid.get(uid)
    }

    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Key> {
        self.dependents.get(uid).into_iter().flatten()
    }

    /// Whether nothing is left in a namespace.
    pub(crate) fn is_empty(&self, namespace: &str) -> bool {
        self.keys_in(namespace).next().is_none()
    }

    pub(crate) fn keys_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = Key> + 'a {
        Kind::stored()
            .filter(|kind| kind.is_namespaced)
            .flat_map(move |kind| {
                let names = self.objects[kind.index()].get(namespace);
                names
                    .into_iter()
                    .flat_map(BTreeMap::keys)
                    .map(move |name| Key::new(kind, namespace, name))
            })
    }

    pub(super) fn compact(&mut self) {
        let now = self.version;
        self.histories.iter_mut().for_each(|history| history.compact(now));
    }
}

/// A change of the state that nobody sees half of.
pub(crate) struct Transaction<'a> {
    state: &'a mut State,
    changed: Vec<(Kind, u64)>,
}

impl std::ops::Deref for Transaction<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

impl std::ops::DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        Self {
            state,
            changed: Vec::new(),
        }
    }

    pub(super) fn end(self) -> (Vec<(Kind, u64)>, bool) {
        (self.changed, !self.state.untidy.is_empty())
    }

    /// Stores an object under its own name, new or changed. One that would be the same stays as it is,
    /// with its version, as in a real cluster.
    pub(crate) fn put(&mut self, key: &Key, value: Value) -> Arc<Object> {
        let before = self.state.get(key).cloned();
        if let Some(before) = &before
            && same(&before.value, &value)
        {
            return before.clone();
        }
        let version = self.next(key.kind);
        let object = Arc::new(Object::new(value, version));
        self.index(key, before.as_deref(), Some(&object));
        let names = self.state.objects[key.kind.index()].entry(key.namespace.clone());
        names.or_default().insert(key.name.clone(), object.clone());
        let change = before.map_or(Change::Added, Change::Modified);
        self.record(key.kind, version, change, object.clone());
        object
    }

    /// Takes an object out; what it last was comes back, with the version of its end.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<Arc<Object>> {
        let names = self.state.objects[key.kind.index()].get_mut(&key.namespace)?;
        let before = names.remove(&key.name)?;
        if names.is_empty() {
            self.state.objects[key.kind.index()].remove(&key.namespace);
        }
        let version = self.next(key.kind);
        let last = Arc::new(Object::new(before.value.clone(), version));
        self.index(key, Some(&before), None);
        self.record(key.kind, version, Change::Deleted, last.clone());
        Some(last)
    }

    fn next(&mut self, kind: Kind) -> u64 {
        self.state.version += 1;
        self.changed.push((kind, self.state.version));
        self.state.version
    }

    fn record(&mut self, kind: Kind, version: u64, change: Change, object: Arc<Object>) {
        self.state.histories[kind.index()].push(Event {
            version,
            change,
            object,
        });
    }

    /// Keeps uids, owners and addresses findable, and notes what may need tidying.
    fn index(&mut self, key: &Key, before: Option<&Object>, after: Option<&Object>) {
        let state = &mut *self.state;
        let is_service = key.kind.is("", "Service");
        if let Some(before) = before {
            for owner in before.owners().keys() {
                if let Some(keys) = state.dependents.get_mut(*owner) {
                    keys.remove(key);
                    // An owner that waits for its dependents may wait no longer.
                    state.untidy.extend(state.by_uid.get(*owner).cloned());
                }
            }
            if is_service {
                for address in addresses(before) {
                    state.addresses.remove(address);
                }
            }
            if after.is_none() {
                state.by_uid.remove(before.uid());
                let orphans = state.dependents.get(before.uid()).into_iter().flatten();
                state.untidy.extend(orphans.cloned());
                if let Some(namespace) = namespace_of(key) {
                    state.untidy.insert(namespace);
                }
            }
        }
        if before.is_none() || key.kind.is("", "ResourceQuota") {
            // Its quotas count again.
            state.untidy.extend(namespace_of(key));
        }
        if let Some(after) = after {
            state.by_uid.insert(after.uid().to_owned(), key.clone());
            for owner in after.owners().keys() {
                state
                    .dependents
                    .entry((*owner).to_owned())
                    .or_default()
                    .insert(key.clone());
            }
            if is_service {
                state.addresses.extend(addresses(after).map(str::to_owned));
            }
            if after.is_going() || !after.owners().is_empty() {
                state.untidy.insert(key.clone());
            }
        }
    }
}

/// The names of `namespace` that come after an object.
fn names_after<'a>(namespace: &str, after: (&str, &'a str)) -> (Bound<&'a str>, Bound<&'a str>) {
    let from = if namespace == after.0 {
        Bound::Excluded(after.1)
    } else {
        Bound::Unbounded
    };
    (from, Bound::Unbounded)
}

fn namespace_of(key: &Key) -> Option<Key> {
    let namespaces = Kind::known("", "Namespace");
    (!key.namespace.is_empty()).then(|| Key::new(namespaces, "", &key.namespace))
}

fn addresses(service: &Object) -> impl Iterator<Item = &str> {
    let all = service.value["spec"]["clusterIPs"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|address| *address != "None")
}

/// Whether two values differ in nothing but their version.
fn same(before: &Value, after: &Value) -> bool {
    let (Some(was), Some(is)) = (before.as_object(), after.as_object()) else {
        return before == after;
    };
    let rest = |(key, value): (&String, &Value)| key == "metadata" || is.get(key) == Some(value);
    was.len() == is.len() && was.iter().all(rest) && same_meta(&before["metadata"], &after["metadata"])
}

fn same_meta(was: &Value, is: &Value) -> bool {
    let fields = |meta: &'_ Value| {
        let all = meta.as_object().into_iter().flatten();
        all.filter(|(key, _)| *key != "resourceVersion").count()
    };
    let mut has = was.as_object().into_iter().flatten();
    fields(was) == fields(is)
        && has.all(|(key, value)| key == "resourceVersion" || is.get(key) == Some(value))
}
