//! The garbage collector: what its owners leave behind goes; what is deleted in the foreground waits for
//! what it owns.

use std::sync::Arc;

use serde_json::Value;

use crate::api::write::delete::{DeleteOptions, FOREGROUND, ORPHAN, Propagation, begin, release};
use crate::store::{Key, Object, State, Transaction};

/// How an object's owners are.
#[derive(Debug, Default)]
struct Owners {
    /// There, and not waiting for their dependents to go.
    solid: usize,
    /// There, but only until their dependents have gone.
    waiting: usize,
    /// uids of those that are not there.
    missing: Vec<String>,
}

pub(super) fn look_at(tx: &mut Transaction<'_>, key: &Key) {
    let Some(object) = tx.get(key).cloned() else {
        return;
    };
    if object.is_going() {
        return going(tx, key, &object);
    }
    let owners = owners(tx, key, &object);
    if owners.solid > 0 {
        if !owners.missing.is_empty() || owners.waiting > 0 {
            let stay = |uid: &str| tx.key_of(uid).is_some_and(|owner| !waits(tx, owner));
            let kept = without_owners(&object, |uid| {
                !owners.missing.iter().any(|one| one == uid) && stay(uid)
            });
            tx.put(key, kept);
        }
        return;
    }
    if owners.waiting == 0 && owners.missing.is_empty() {
        return;
    }
    // Whoever waits for this one also waits for what it owns itself.
    let has_dependents = tx.dependents(object.uid()).next().is_some();
    let propagation = match owners.waiting > 0 && has_dependents {
        true => Propagation::Foreground,
        false => Propagation::Background,
    };
    tracing::debug!(
        kind = key.kind.kind,
        namespace = key.namespace,
        name = key.name,
        "collected"
    );
    begin(tx, key, &DeleteOptions::propagating(propagation));
}

fn owners(state: &State, key: &Key, object: &Object) -> Owners {
    let mut all = Owners::default();
    for uid in object.owners().keys() {
        match state.key_of(uid) {
            // An owner elsewhere is no owner.
            Some(owner) if owner.namespace.is_empty() || owner.namespace == key.namespace => {
                if waits(state, owner) {
                    all.waiting += 1;
                } else {
                    all.solid += 1;
                }
            }
            _ => all.missing.push((*uid).to_owned()),
        }
    }
    all
}

fn waits(state: &State, owner: &Key) -> bool {
    state
        .get(owner)
        .is_some_and(|owner| owner.is_going() && owner.finalizers().contains(&FOREGROUND))
}

fn without_owners(object: &Object, stays: impl Fn(&str) -> bool) -> Value {
    let mut value = object.value.clone();
    if let Some(owners) = value["metadata"]["ownerReferences"].as_array_mut() {
        owners.retain(|owner| owner["uid"].as_str().is_some_and(&stays));
        if owners.is_empty() {
            drop(
                value["metadata"]
                    .as_object_mut()
                    .and_then(|meta| meta.remove("ownerReferences")),
            );
        }
    }
    value
}

fn going(tx: &mut Transaction<'_>, key: &Key, object: &Arc<Object>) {
    let finalizers = object.finalizers();
    let dependents: Vec<Key> = tx.dependents(object.uid()).cloned().collect();
    if finalizers.contains(&ORPHAN) {
        for dependent in dependents {
            let Some(one) = tx.get(&dependent).cloned() else {
                continue;
            };
            let free = without_owners(&one, |uid| uid != object.uid());
            tx.put(&dependent, free);
        }
        release(tx, key, ORPHAN);
    } else if finalizers.contains(&FOREGROUND) {
        for dependent in &dependents {
            if tx.get(dependent).is_some_and(|one| !one.is_going()) {
                look_at(tx, dependent);
            }
        }
        let blocks = |one: &Key| {
            let found = tx.get(one);
            found.is_some_and(|one| one.owners().get(object.uid()).copied().unwrap_or_default())
        };
        if !dependents.iter().any(blocks) {
            release(tx, key, FOREGROUND);
        }
    }
}
