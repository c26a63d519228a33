//! Watches with a real client.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use std::time::Duration;

use api::{config_map, sandbox, service};
use futures::{StreamExt as _, TryStreamExt as _};
use intercept_sandbox::faults::Fault;
use intercept_sandbox::{Options, Sandbox};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;

fn said(event: &WatchEvent<ConfigMap>) -> String {
    match event {
        WatchEvent::Added(object) => format!("added {}", object.name_any()),
        WatchEvent::Modified(object) => format!("modified {}", object.name_any()),
        WatchEvent::Deleted(object) => format!("deleted {}", object.name_any()),
        WatchEvent::Bookmark(_) => "bookmark".to_owned(),
        WatchEvent::Error(status) => format!("error {}", status.code),
    }
}

async fn version(maps: &Api<ConfigMap>) -> String {
    maps.list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap()
}

#[tokio::test]
async fn a_watch_tells_what_happens_after_its_version() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    maps.create(&PostParams::default(), &config_map("before"))
        .await
        .unwrap();
    let version = version(&maps).await;
    let events = maps.watch(&WatchParams::default(), &version).await.unwrap();
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let change = Patch::Merge(json!({ "data": { "k": "2" } }));
    maps.patch("a", &PatchParams::default(), &change).await.unwrap();
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let told: Vec<String> = events.take(3).map(|event| said(&event.unwrap())).collect().await;
    assert_eq!(told, ["added a", "modified a", "deleted a"]);
}

#[tokio::test]
async fn objects_enter_and_leave_a_selector() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let version = version(&maps).await;
    let events = maps
        .watch(&WatchParams::default().labels("in=yes"), &version)
        .await
        .unwrap();
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    for label in ["yes", "no"] {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "in": label } } }));
        maps.patch("a", &PatchParams::default(), &patch).await.unwrap();
    }
    let told: Vec<String> = events.take(2).map(|event| said(&event.unwrap())).collect().await;
    assert_eq!(told, ["added a", "deleted a"]);
}

#[tokio::test]
async fn a_watch_from_before_the_history_is_gone() {
    let options = Options {
        history: 2,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let old = version(&maps).await;
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &config_map(name))
            .await
            .unwrap();
    }
    let events = maps.watch(&WatchParams::default(), &old).await.unwrap();
    let told: Vec<String> = events.map(|event| said(&event.unwrap())).collect().await;
    assert_eq!(told, ["error 410"]);
}

#[tokio::test]
async fn a_watch_with_a_list_ends_its_list_with_a_bookmark() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let params = WatchParams::default()
        .initial_events()
        .fields("metadata.name=a")
        .timeout(1);
    let events: Vec<_> = maps
        .watch(&params, "0")
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        events.iter().map(said).collect::<Vec<_>>(),
        ["added a", "bookmark"]
    );
    let WatchEvent::Bookmark(bookmark) = &events[1] else {
        panic!("no bookmark")
    };
    assert_eq!(bookmark.metadata.annotations["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn a_quiet_watch_is_told_how_far_it_has_come() {
    let options = Options {
        bookmarks: Duration::from_millis(20),
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let version = version(&maps).await;
    let mut events = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    assert_eq!(said(&events.next().await.unwrap().unwrap()), "bookmark");
}

/// What a client that keeps a watch alive has seen, by name.
async fn follow(maps: Api<ConfigMap>, until: &str) {
    let stream = watcher(maps, watcher::Config::default())
        .default_backoff()
        .applied_objects();
    let mut stream = stream.boxed();
    let seen = async {
        loop {
            // An error is what a fault made of it; the stream goes on.
            if let Some(Ok(map)) = stream.next().await
                && map.name_any() == until
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap();
}

#[tokio::test]
async fn a_followed_watch_survives_every_fault_of_a_watch() {
    for words in [
        "watch configmaps drop x1",
        "watch configmaps gone x1",
        "watch configmaps cut x1",
        "watch configmaps 503 x1",
    ] {
        let sandbox = sandbox().await;
        let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
        let fault = sandbox.faults().order(Fault::parse(words).unwrap());
        let following = tokio::spawn(follow(maps.clone(), "late"));
        api::until(|| async { fault.struck() == 1 }).await;
        maps.create(&PostParams::default(), &config_map("late"))
            .await
            .unwrap();
        following.await.unwrap();
    }
}

#[tokio::test]
async fn a_fault_strikes_a_watch_that_is_already_open() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let version = version(&maps).await;
    let mut events = maps
        .watch(&WatchParams::default(), &version)
        .await
        .unwrap()
        .boxed();
    sandbox
        .faults()
        .order(Fault::parse("watch configmaps gone x1").unwrap());
    assert_eq!(said(&events.next().await.unwrap().unwrap()), "error 410");
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_stale_watch_says_nothing() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let version = version(&maps).await;
    sandbox
        .faults()
        .order(Fault::parse("watch configmaps stale").unwrap());
    let events = maps
        .watch(&WatchParams::default().timeout(1), &version)
        .await
        .unwrap();
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    assert_eq!(events.count().await, 0);
}

#[tokio::test]
async fn a_restart_cuts_watches_and_forgets_history() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let old = version(&maps).await;
    let mut open = maps.watch(&WatchParams::default(), &old).await.unwrap().boxed();
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    assert_eq!(said(&open.next().await.unwrap().unwrap()), "added a");
    let address = sandbox.address();
    sandbox.restart(Duration::from_millis(20)).await;
    assert!(open.next().await.is_none_or(|event| event.is_err()));
    assert_eq!(sandbox.address(), address);
    let events = maps.watch(&WatchParams::default(), &old).await.unwrap();
    assert_eq!(
        events
            .map(|event| said(&event.unwrap()))
            .collect::<Vec<_>>()
            .await,
        ["error 410"]
    );
}

#[tokio::test]
async fn services_are_watched_across_namespaces() {
    let sandbox = sandbox().await;
    let client = sandbox.client().unwrap();
    let all: Api<Service> = Api::all(client.clone());
    let events = all.watch(&WatchParams::default(), "0").await.unwrap();
    for namespace in ["default", "kube-system"] {
        let services: Api<Service> = Api::namespaced(client.clone(), namespace);
        services
            .create(&PostParams::default(), &service("api"))
            .await
            .unwrap();
    }
    let seen: Vec<_> = events.take(2).map(|event| event.unwrap()).collect().await;
    let namespaces: Vec<_> = seen
        .iter()
        .filter_map(|event| match event {
            WatchEvent::Added(service) => service.namespace(),
            _ => None,
        })
        .collect();
    assert_eq!(namespaces, ["default", "kube-system"]);
}
