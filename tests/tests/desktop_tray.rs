//! The tray of the built program, as a desktop sees it: over D-Bus, on a bus of its own, with a watcher that the test is.
//!
//! Needs a display and the built program, like the tests of the window; what is missing is said in the same way.
#![cfg(target_os = "linux")]

#[path = "desktop/bus.rs"]
mod bus;
#[path = "desktop/leftovers.rs"]
mod leftovers;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bus::{Desktop, Menu};
use intercept_tests::{Laptop, Machine, await_some};
use k8s_openapi::api::core::v1::Service;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use leftovers::SandboxTraces;
use serde_json::{Value, json};

/// A cold web view and a whole sandbox on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn desktop_tray_starts_again_stops_everything_and_quits() {
    if !Desktop::is_possible() {
        return;
    }
    let laptop = Laptop::start("laptop").await;
    let port = laptop.port().to_string();
    let nowhere = Path::new("/nonexistent");
    let mut desktop = Desktop::start(&remembered(&port), nowhere, &["--sandbox"]).await;
    let words = format!("catalog → {port} (sandbox)");
    let menu = desktop.menu_with(LIMIT, &words).await;
    for entry in ["No intercept is active", "Open Intercept", "Settings", "Quit"] {
        assert!(menu.find(entry).is_some(), "{entry} is missing: {menu}");
    }
    let stop_all = menu.find("Stop everything and restore").unwrap();
    assert!(!stop_all.is_enabled, "there is nothing to stop: {menu}");

    let active = started_again(&desktop, &port).await;
    assert!(active.find("1 intercept is active").is_some(), "{active}");
    assert!(active.find("Copy curl with the header").is_some(), "{active}");
    desktop.start_again(&["intercept://start?svc=cart"]).await;
    let after = desktop.menu().await;
    assert!(
        after.find("1 intercept is active").is_some(),
        "a link changes nothing: {after}"
    );

    desktop
        .choose(active.find("Stop everything and restore").unwrap())
        .await;
    let idle = desktop.menu_with(LIMIT, "No intercept is active").await;
    let traces = SandboxTraces::below(&desktop.temporary());
    desktop.choose(idle.find("Quit").unwrap()).await;
    desktop.await_end(LIMIT).await;
    traces.await_none().await;
}

#[tokio::test]
async fn desktop_told_to_end_restores_first() {
    if !Desktop::is_possible() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let mut machine = Machine::new(&kubeconfig);
    if let Ok(nginx) = std::env::var("INTERCEPT_NGINX") {
        machine = machine.variable("INTERCEPT_NGINX", &nginx);
    }
    let file = kubeconfig.to_string_lossy();
    let mut sandbox = machine.spawn(&["sandbox", "--alone", "--write-kubeconfig", &file]);
    sandbox.await_line(LIMIT, "Ready in").await;
    let before = selector(&kubeconfig).await;

    let laptop = Laptop::start("laptop").await;
    let port = laptop.port().to_string();
    let mut desktop = Desktop::start(&remembered(&port), &kubeconfig, &[]).await;
    started_again(&desktop, &port).await;
    assert_ne!(
        selector(&kubeconfig).await,
        before,
        "the Service must select the proxy"
    );
    desktop.terminate();
    desktop.await_end(LIMIT).await;
    assert_eq!(selector(&kubeconfig).await, before);
    sandbox.interrupt(LIMIT).await;
}

/// Preferences with one intercept to start again.
fn remembered(port: &str) -> Value {
    json!({ "recent": [{
        "context": "sandbox", "namespace": "shop", "service": "catalog", "port": null,
        "mark": { "kind": "header", "name": "X-C6O-INTERCEPT", "value": "yes" },
        "pathPrefix": null, "methods": [], "target": port, "acceptAnyCertificate": false, "ttlSeconds": null,
        "protocol": null, "recording": "nothing",
    }] })
}

/// Starts it from the tray. Its pods may not stand yet; whoever is refused asks again, as a user would.
async fn started_again(desktop: &Desktop, port: &str) -> Menu {
    let again = format!("catalog → {port} (sandbox)");
    let begun = format!("catalog → localhost:{port}");
    await_some(LIMIT, "an intercept that was started again", async || {
        if let Some(entry) = desktop.menu().await.find(&again) {
            desktop.choose(entry).await;
        }
        let menu = desktop.menu_within(Duration::from_secs(5), &begun).await?;
        menu.find("Active: requests with X-C6O-INTERCEPT: yes")
            .is_some()
            .then_some(menu)
    })
    .await
}

/// What the Service selects.
async fn selector(kubeconfig: &Path) -> Option<BTreeMap<String, String>> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the sandbox writes a kubeconfig");
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("its context is whole");
    let client = Client::try_from(config).expect("its credentials are usable");
    let catalog = Api::<Service>::namespaced(client, "shop").get("catalog").await;
    catalog
        .expect("the sandbox has a catalog Service")
        .spec
        .and_then(|spec| spec.selector)
}
