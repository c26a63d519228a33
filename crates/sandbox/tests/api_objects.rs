//! Objects over HTTP with a real client: create, read, change, delete.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use std::time::Instant;

use api::{config_map, sandbox, service, status};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

#[tokio::test]
async fn it_starts_fast_and_stops_without_a_trace() {
    let started = Instant::now();
    let sandbox = sandbox().await;
    let took = started.elapsed();
    assert!(took.as_millis() < 300, "{took:?}");
    let address = sandbox.address();
    sandbox.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_fresh_cluster_has_its_namespaces() {
    let sandbox = sandbox().await;
    let namespaces: Api<Namespace> = Api::all(sandbox.client().unwrap());
    let all = namespaces.list(&ListParams::default()).await.unwrap();
    let names: Vec<String> = all.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(
        names,
        ["default", "kube-node-lease", "kube-public", "kube-system"]
    );
}

#[tokio::test]
async fn a_service_gets_an_address_of_its_own_and_keeps_it() {
    let sandbox = sandbox().await;
    let services: Api<Service> = Api::default_namespaced(sandbox.client().unwrap());
    let first = services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    let second = services
        .create(&PostParams::default(), &service("web"))
        .await
        .unwrap();
    let address = |service: &Service| service.spec.clone().unwrap().cluster_ip.unwrap();
    assert_ne!(address(&first), address(&second));
    // A writer who leaves it out does not lose it.
    let mut changed = service("api");
    changed.metadata.resource_version = first.resource_version();
    let replaced = services
        .replace("api", &PostParams::default(), &changed)
        .await
        .unwrap();
    assert_eq!(address(&replaced), address(&first));
    let moved = Patch::Merge(json!({ "spec": { "clusterIP": "127.96.1.1", "clusterIPs": ["127.96.1.1"] } }));
    let failure = status(services.patch("api", &PatchParams::default(), &moved).await);
    assert_eq!((failure.code, failure.reason.as_str()), (422, "Invalid"));
}

#[tokio::test]
async fn names_are_taken_generated_and_checked() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let failure = status(maps.create(&PostParams::default(), &config_map("a")).await);
    assert_eq!((failure.code, failure.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(failure.message, "configmaps \"a\" already exists");
    let mut generated = config_map("");
    generated.metadata.name = None;
    generated.metadata.generate_name = Some("fuse-".to_owned());
    let made = maps.create(&PostParams::default(), &generated).await.unwrap();
    assert!(made.name_any().starts_with("fuse-") && made.name_any().len() == 10);
    let failure = status(maps.create(&PostParams::default(), &config_map("A_b")).await);
    assert_eq!((failure.code, failure.reason.as_str()), (422, "Invalid"));
    assert!(
        failure
            .message
            .starts_with("ConfigMap \"A_b\" is invalid: metadata.name: Invalid value: \"A_b\": ")
    );
}

#[tokio::test]
async fn an_object_needs_a_namespace_that_is_there() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::namespaced(sandbox.client().unwrap(), "nowhere");
    let failure = status(maps.create(&PostParams::default(), &config_map("a")).await);
    assert_eq!(
        (failure.code, failure.message.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
}

#[tokio::test]
async fn a_stale_writer_is_told() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let first = maps
        .create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let newer = Patch::Merge(json!({ "data": { "k": "2" } }));
    maps.patch("a", &PatchParams::default(), &newer).await.unwrap();
    let failure = status(maps.replace("a", &PostParams::default(), &first).await);
    assert_eq!((failure.code, failure.reason.as_str()), (409, "Conflict"));
    assert!(
        failure
            .message
            .ends_with("please apply your changes to the latest version and try again")
    );
    let stale = Patch::Merge(
        json!({ "metadata": { "resourceVersion": first.resource_version() }, "data": { "k": "3" } }),
    );
    assert_eq!(
        status(maps.patch("a", &PatchParams::default(), &stale).await).code,
        409
    );
    // Another uid is no conflict, but a field that may not change.
    let other = Patch::Merge(json!({ "metadata": { "uid": "another" } }));
    assert_eq!(
        status(maps.patch("a", &PatchParams::default(), &other).await).code,
        422
    );
}

#[tokio::test]
async fn a_json_patch_tests_before_it_changes() {
    let sandbox = sandbox().await;
    let services: Api<Service> = Api::default_namespaced(sandbox.client().unwrap());
    services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    let patch = |from: &str, to: &str| {
        let patch = json!([
            { "op": "test", "path": "/spec/selector", "value": { "app": from } },
            { "op": "replace", "path": "/spec/selector", "value": { "app": to } },
        ]);
        Patch::Json::<()>(serde_json::from_value(patch).unwrap())
    };
    services
        .patch("api", &PatchParams::default(), &patch("api", "proxy"))
        .await
        .unwrap();
    let failure = status(
        services
            .patch("api", &PatchParams::default(), &patch("api", "other"))
            .await,
    );
    assert_eq!((failure.code, failure.reason.as_str()), (422, "Invalid"));
    let selector = services.get("api").await.unwrap().spec.unwrap().selector.unwrap();
    assert_eq!(selector["app"], "proxy");
}

#[tokio::test]
async fn managed_fields_name_the_last_writer() {
    let sandbox = sandbox().await;
    let services: Api<Service> = Api::default_namespaced(sandbox.client().unwrap());
    let by = |manager: &str| PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    let patch = Patch::Merge(json!({ "spec": { "selector": { "app": "x" } } }));
    let patched = services.patch("api", &by("argocd"), &patch).await.unwrap();
    let owners: Vec<String> = patched
        .managed_fields()
        .iter()
        .filter(|entry| {
            entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| !fields.0["f:spec"]["f:selector"].is_null())
        })
        .filter_map(|entry| entry.manager.clone())
        .collect();
    assert_eq!(owners, ["argocd"]);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let shown = maps.create(&dry, &config_map("a")).await.unwrap();
    assert!(shown.uid().is_some());
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_delete_may_insist_on_the_object_it_means() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    maps.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    let other = DeleteParams::default().preconditions(kube::api::Preconditions {
        uid: Some("another".to_owned()),
        resource_version: None,
    });
    assert_eq!(status(maps.delete("a", &other).await).code, 409);
    assert!(
        maps.delete("a", &DeleteParams::default())
            .await
            .unwrap()
            .is_right()
    );
    assert_eq!(status(maps.delete("a", &DeleteParams::default()).await).code, 404);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let sandbox = sandbox().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(sandbox.client().unwrap());
    for name in ["a", "b", "c", "d", "e"] {
        maps.create(&PostParams::default(), &config_map(name))
            .await
            .unwrap();
    }
    let mut names = Vec::new();
    let mut params = ListParams::default()
        .fields("metadata.name!=kube-root-ca.crt")
        .limit(2);
    loop {
        let page = maps.list(&params).await.unwrap();
        assert!(page.items.len() <= 2);
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn ten_thousand_services_are_listed_in_well_under_a_second() {
    let sandbox = sandbox().await;
    let services = (0..10_000).map(|number| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("s-{number}"), "namespace": "default" },
            "spec": { "selector": { "app": "x" }, "ports": [{ "port": 80 }] },
        })
    });
    assert_eq!(sandbox.insert_many(services).unwrap(), 10_000);
    let api: Api<Service> = Api::all(sandbox.client().unwrap());
    let started = Instant::now();
    let all = api.list(&ListParams::default()).await.unwrap();
    let took = started.elapsed();
    assert_eq!(all.items.len(), 10_000);
    // The client's own reading is most of it, unoptimised as it is here.
    assert!(took.as_secs() < 5, "{took:?}");
}

#[tokio::test]
async fn after_the_last_annotation_goes_there_are_none() {
    let sandbox = sandbox().await;
    let services: Api<Service> = Api::default_namespaced(sandbox.client().unwrap());
    let before = services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    for patch in [
        json!([{ "op": "add", "path": "/metadata/annotations", "value": { "a": "b" } }]),
        json!([{ "op": "remove", "path": "/metadata/annotations/a" }]),
    ] {
        let patch = Patch::Json::<()>(serde_json::from_value(patch).unwrap());
        services
            .patch("api", &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
    let after = services.get("api").await.unwrap();
    assert_eq!(before.metadata.annotations, None);
    assert_eq!(after.metadata.annotations, None);
}
