use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::api::write::delete::{DeleteOptions, Propagation};
use crate::store::Object;

fn maps() -> Kind {
    Kind::known("", "ConfigMap")
}

fn key(name: &str) -> Key {
    Key::new(maps(), "shop", name)
}

fn put(store: &Store, name: &str, owners: &[&str]) {
    let owners: Vec<Value> = owners
        .iter()
        .map(|owner| json!({ "uid": format!("uid-{owner}"), "blockOwnerDeletion": true }))
        .collect();
    let object = json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "ownerReferences": owners },
    });
    store.write(|tx| tx.put(&key(name), object));
}

fn delete(store: &Store, name: &str, propagation: Propagation) {
    store.write(|tx| delete::begin(tx, &key(name), &DeleteOptions::propagating(propagation)));
    while store.write(tidy) {}
}

fn get(store: &Store, name: &str) -> Option<Arc<Object>> {
    store.read(|state| state.get(&key(name)).cloned())
}

#[test]
fn what_the_last_owner_leaves_goes() {
    let store = Store::new(100);
    put(&store, "one", &[]);
    put(&store, "two", &[]);
    put(&store, "shared", &["one", "two"]);
    put(&store, "below", &["shared"]);
    delete(&store, "one", Propagation::Background);
    assert_eq!(get(&store, "shared").unwrap().owners().len(), 1);
    delete(&store, "two", Propagation::Background);
    assert!(get(&store, "shared").is_none() && get(&store, "below").is_none());
}

#[test]
fn an_object_whose_owner_never_was_goes() {
    let store = Store::new(100);
    put(&store, "stray", &["nobody"]);
    while store.write(tidy) {}
    assert!(get(&store, "stray").is_none());
}

#[test]
fn a_foreground_deletion_waits_for_what_is_owned() {
    let store = Store::new(100);
    put(&store, "owner", &[]);
    put(&store, "held", &["owner"]);
    store.write(|tx| {
        let mut held = tx.get(&key("held")).unwrap().value.clone();
        held["metadata"]["finalizers"] = json!(["a.test/hold"]);
        tx.put(&key("held"), held);
    });
    delete(&store, "owner", Propagation::Foreground);
    assert!(get(&store, "owner").unwrap().is_going() && get(&store, "held").unwrap().is_going());
    store.write(|tx| delete::release(tx, &key("held"), "a.test/hold"));
    while store.write(tidy) {}
    assert!(get(&store, "owner").is_none());
}

#[test]
fn orphans_stay_and_forget_their_owner() {
    let store = Store::new(100);
    put(&store, "owner", &[]);
    put(&store, "orphan", &["owner"]);
    delete(&store, "owner", Propagation::Orphan);
    assert!(get(&store, "owner").is_none());
    assert!(get(&store, "orphan").unwrap().owners().is_empty());
}

#[test]
fn a_namespace_goes_with_all_it_holds() {
    let store = Store::new(100);
    let namespace = Key::new(Kind::known("", "Namespace"), "", "shop");
    store.write(|tx| {
        let object =
            json!({ "metadata": { "name": "shop", "uid": "ns" }, "spec": { "finalizers": ["kubernetes"] } });
        tx.put(&namespace, object);
        furnish(tx, "shop");
    });
    put(&store, "a", &[]);
    store.write(|tx| delete::begin(tx, &namespace, &DeleteOptions::default()));
    assert!(store.read(|state| state.get(&namespace).unwrap().is_going()));
    while store.write(tidy) {}
    assert!(store.read(|state| state.get(&namespace).is_none() && state.is_empty("shop")));
}
