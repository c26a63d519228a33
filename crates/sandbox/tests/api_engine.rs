//! The engine's own functions against the API: what they read, plan, write and clean up.

#![allow(clippy::unwrap_used, reason = "all of this is a test, its helpers too")]

mod api;

use std::collections::BTreeMap;

use api::{sandbox, service};
use intercept_engine::apply::switch::{Restored, restore};
use intercept_engine::{residue, snapshot};
use intercept_protocol::names;
use intercept_sandbox::faults::Fault;
use intercept_sandbox::{Sandbox, User};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

async fn with_service(sandbox: &Sandbox) -> kube::Client {
    let client = sandbox.client().unwrap();
    let services: Api<Service> = Api::default_namespaced(client.clone());
    services
        .create(&PostParams::default(), &service("api"))
        .await
        .unwrap();
    client
}

/// The Service as an intercept leaves it.
async fn take_over(services: &Api<Service>) {
    let proxied = json!({
        "metadata": { "annotations": { names::ORIGINAL_SELECTOR_ANNOTATION: "{\"app\":\"api\"}" } },
        "spec": { "selector": { "app": null, names::PROXY_LABEL: "api" } },
    });
    services
        .patch("api", &PatchParams::default(), &Patch::Merge(proxied))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_restore_that_meets_a_fault_at_any_call_can_be_done_again() {
    let mut met = 0;
    for words in [
        "403",
        "409",
        "422",
        "429 retry 1",
        "500",
        "503",
        "drop",
        "cut",
        "lost",
        "delay 5ms",
    ] {
        for nth in 1..=3 {
            let sandbox = sandbox().await;
            let client = with_service(&sandbox).await;
            let services: Api<Service> = Api::default_namespaced(client.clone());
            let before = services.get("api").await.unwrap();
            take_over(&services).await;
            let fault = sandbox
                .faults()
                .order(Fault::parse(&format!("* services {words} nth {nth}")).unwrap());
            let first = restore(&client, "default", "api").await;
            met += fault.struck();
            fault.cancel();
            let second = restore(&client, "default", "api").await.unwrap();
            if first.is_ok() {
                assert_eq!(second, Restored::Already, "{words} at call {nth}");
            }
            let after = services.get("api").await.unwrap();
            assert_eq!(after.spec, before.spec, "{words} at call {nth}");
            assert_eq!(after.annotations(), before.annotations(), "{words} at call {nth}");
        }
    }
    assert!(met >= 20, "{met}");
}

#[tokio::test]
async fn a_snapshot_reads_all_it_needs() {
    let sandbox = sandbox().await;
    let client = with_service(&sandbox).await;
    let read = snapshot::read(&client, "default", "api").await.unwrap();
    assert_eq!(
        snapshot::selector(&read.service),
        BTreeMap::from([("app".to_owned(), "api".to_owned())])
    );
    assert!(read.rights.missing.is_empty() && read.rights.missing_optional.is_empty());
}

#[tokio::test]
async fn a_snapshot_names_the_rights_that_are_missing() {
    let sandbox = sandbox().await;
    with_service(&sandbox).await;
    let client = sandbox.client().unwrap();
    let binding = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "viewers" }, "subjects": [{ "kind": "User", "name": "dora" }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit" },
    }));
    let bindings: Api<k8s_openapi::api::rbac::v1::RoleBinding> = Api::default_namespaced(client);
    bindings
        .create(&PostParams::default(), &binding.unwrap())
        .await
        .unwrap();
    let dora = sandbox.client_for(User::new("dora")).unwrap();
    let read = snapshot::read(&dora, "default", "api").await.unwrap();
    assert!(read.rights.missing.is_empty(), "{:?}", read.rights);
    // `edit` gives no roles, so the agent cannot restore by itself.
    assert!(!read.rights.missing_optional.is_empty());
}

#[tokio::test]
async fn a_service_is_switched_and_restored_byte_for_byte() {
    let sandbox = sandbox().await;
    let client = with_service(&sandbox).await;
    let services: Api<Service> = Api::default_namespaced(client.clone());
    let before = services.get("api").await.unwrap();
    assert_eq!(
        restore(&client, "default", "api").await.unwrap(),
        Restored::Already
    );
    take_over(&services).await;
    assert_eq!(restore(&client, "default", "api").await.unwrap(), Restored::Now);
    let after = services.get("api").await.unwrap();
    assert_eq!(after.spec, before.spec);
    assert_eq!(after.annotations().len(), before.annotations().len());
}

#[tokio::test]
async fn an_untouched_cluster_has_no_residue() {
    let sandbox = sandbox().await;
    let client = with_service(&sandbox).await;
    let found = residue::find(&client, Some("default")).await.unwrap();
    assert!(found.is_empty(), "{found:?}");
}
