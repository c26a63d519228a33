use serde_json::json;

use super::*;

fn config_maps() -> Kind {
    Kind::known("", "ConfigMap")
}

fn put(store: &Store, name: &str, data: &str) -> u64 {
    let key = Key::new(config_maps(), "shop", name);
    let value = json!({
        "metadata": { "name": name, "namespace": "shop", "uid": format!("uid-{name}") }, "data": { "k": data },
    });
    store.write(|tx| tx.put(&key, value).version)
}

fn changes(store: &Store, after: u64) -> Result<Vec<String>, TooOld> {
    store.read(|state| {
        let events = state.changes(config_maps(), after)?;
        Ok(events
            .map(|event| {
                let what = match event.change {
                    Change::Added => "added",
                    Change::Modified(_) => "modified",
                    Change::Deleted => "deleted",
                };
                format!("{what} {}", event.object.name())
            })
            .collect())
    })
}

#[test]
fn a_change_that_changes_nothing_keeps_the_version() {
    let store = Store::new(10);
    let first = put(&store, "a", "1");
    assert_eq!(put(&store, "a", "1"), first);
    assert!(put(&store, "a", "2") > first);
}

#[test]
fn history_tells_what_came_after_a_version() {
    let store = Store::new(10);
    let first = put(&store, "a", "1");
    put(&store, "a", "2");
    put(&store, "b", "1");
    store.write(|tx| tx.remove(&Key::new(config_maps(), "shop", "a")));
    assert_eq!(
        changes(&store, first).unwrap(),
        ["modified a", "added b", "deleted a"]
    );
}

#[test]
fn history_that_is_cut_says_so() {
    let store = Store::new(2);
    let first = put(&store, "a", "1");
    for count in 0..3 {
        put(&store, "a", &format!("again {count}"));
    }
    assert!(changes(&store, first).is_err());
    let second = put(&store, "b", "1");
    store.compact();
    assert_eq!(changes(&store, second).unwrap(), Vec::<String>::new());
    assert!(changes(&store, second - 1).is_err());
}

#[test]
fn a_list_goes_on_where_its_last_page_ended() {
    let store = Store::new(10);
    for name in ["a", "b", "c"] {
        put(&store, name, "1");
    }
    let after = |name| {
        store.read(|state| {
            let rest = state.list_after(config_maps(), None, ("shop", name));
            rest.map(|object| object.name().to_owned()).collect::<Vec<_>>()
        })
    };
    assert_eq!(after("a"), ["b", "c"]);
    assert_eq!(after("bb"), ["c"]);
    assert_eq!(after("c"), Vec::<String>::new());
}

#[test]
fn only_watches_of_the_changed_kind_wake() {
    let store = Store::new(10);
    let (ours, theirs) = (store.news(config_maps()), store.news(Kind::known("", "Pod")));
    put(&store, "a", "1");
    assert!(ours.has_changed().unwrap());
    assert!(!theirs.has_changed().unwrap());
}

#[test]
fn what_comes_after_an_object_is_listed_and_counted_alike() {
    let store = Store::new(10);
    let places = [
        ("a", "x"),
        ("shop", "a"),
        ("shop", "b"),
        ("shop", "c"),
        ("z", "a"),
        ("z", "b"),
    ];
    for (namespace, name) in places {
        let value = json!({ "metadata": { "name": name, "namespace": namespace, "uid": format!("{namespace}-{name}") } });
        store.write(|tx| tx.put(&Key::new(config_maps(), namespace, name), value));
    }
    store.read(|state| {
        for namespace in [None, Some("shop"), Some("z")] {
            // Also behind one that is gone meanwhile.
            for after in places.into_iter().chain([("shop", "bb"), ("m", "a")]) {
                let behind = places
                    .iter()
                    .filter(|place| **place > after && namespace.is_none_or(|wanted| wanted == place.0));
                let listed: Vec<_> = state
                    .list_after(config_maps(), namespace, after)
                    .map(|object| (object.namespace(), object.name()))
                    .collect();
                assert_eq!(
                    listed,
                    behind.copied().collect::<Vec<_>>(),
                    "{namespace:?} after {after:?}"
                );
                assert_eq!(state.count_after(config_maps(), namespace, after), listed.len());
            }
        }
    });
}
