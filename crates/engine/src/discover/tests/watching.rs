//! The watch against a scripted API server.

use std::sync::Arc;

use serde_json::json;

use super::*;

/// Waits until the inventory fits.
async fn await_inventory(watch: &mut Watch, fits: impl Fn(&Inventory) -> bool) -> Arc<Inventory> {
    let waiting = async {
        loop {
            let current = watch.current();
            if fits(&current) {
                return current;
            }
            assert!(watch.changed().await, "the watch ended: {current:?}");
        }
    };
    tokio::time::timeout(LIMIT, waiting)
        .await
        .expect("the inventory must come to fit")
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.services.iter().map(|one| one.name.as_str()).collect()
}

#[tokio::test]
async fn a_watch_shows_changes_as_they_happen() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    assert_eq!(watch.current().connection, Connection::Connecting);
    let first = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(names(&first), ["alias", "api", "web"]);
    assert_eq!(
        first.services,
        services(&api.cluster(), None).await.unwrap(),
        "asked once or watched, it is the same"
    );
    api.event(SERVICES, "ADDED", plain("new")).await;
    await_inventory(&mut watch, |now| names(now).contains(&"new")).await;
    api.event(SERVICES, "DELETED", plain("new")).await;
    api.event(SLICES, "MODIFIED", slice("web-4", "web", &[])).await;
    let last = await_inventory(&mut watch, |now| !names(now).contains(&"new")).await;
    await_inventory(&mut watch, |now| now.services[2].ready == 1).await;
    assert_eq!(last.connection, Connection::Live);
    watch.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_watch_is_told_and_comes_back_with_what_changed() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    api.refuse(SERVICES, 500).list(SERVICES, vec![plain("later")]);
    api.event(
        SERVICES,
        "ERROR",
        json!({"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd"}),
    )
    .await;
    let old = await_inventory(&mut watch, |now| now.connection != Connection::Live).await;
    assert!(
        matches!(&old.connection, Connection::Reconnecting { .. }),
        "{old:?}"
    );
    assert_eq!(names(&old), ["alias", "api", "web"], "what was known stays");
    api.accept(SERVICES);
    api.cut(SERVICES);
    let back = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(names(&back), ["later"]);
}

#[tokio::test]
async fn a_watch_without_rights_to_all_namespaces_narrows() {
    let api = FakeApi::default();
    api.refuse(SERVICES, 403)
        .list("/api/v1/namespaces/shop/services", vec![plain("web")]);
    for path in [
        "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices",
        "/api/v1/namespaces/shop/configmaps",
    ] {
        api.list(path, vec![]);
    }
    for kind in ["deployments", "statefulsets", "daemonsets"] {
        api.refuse(&format!("/apis/apps/v1/namespaces/shop/{kind}"), 403);
    }
    let mut watch = watch(&api.cluster(), None);
    let narrowed = await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    assert_eq!(narrowed.namespace.as_deref(), Some("shop"));
    assert_eq!(
        (names(&narrowed), narrowed.notes.len()),
        (vec!["web"], 3),
        "{:?}",
        narrowed.notes
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_signs_stop_while_watched_is_residue_whatever_its_clock() {
    let api = shop();
    // Its clock is hours ahead: only what is seen to happen counts.
    api.list(MAPS, vec![record(-10_000)]);
    let mut watch = watch(&api.cluster(), None);
    let state = |now: &Inventory| now.intercepts.first().map(|one| one.state);
    await_inventory(&mut watch, |now| state(now) == Some(InterceptState::Unknown)).await;
    api.event(MAPS, "MODIFIED", record(-10_020)).await;
    await_inventory(&mut watch, |now| state(now) == Some(InterceptState::Active)).await;
    tokio::time::sleep(Duration::from_secs(175)).await;
    assert_eq!(state(&watch.current()), Some(InterceptState::Active));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(state(&watch.current()), Some(InterceptState::Residue));
}

#[tokio::test]
async fn dropping_a_watch_ends_its_requests() {
    let api = shop();
    let mut watch = watch(&api.cluster(), None);
    await_inventory(&mut watch, |now| now.connection == Connection::Live).await;
    api.event(SERVICES, "ADDED", plain("new")).await;
    watch.stop().await;
    let tx = api.0.lock().unwrap().watch_txs[SERVICES].clone();
    let closed = async {
        while !tx.is_closed() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, closed)
        .await
        .expect("the watch's connection must be closed");
}
