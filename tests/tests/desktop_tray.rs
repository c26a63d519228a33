//! The tray of the built program, as a desktop sees it: over D-Bus, on a bus of its own, with a watcher that the test is.
//!
//! Needs a display and the built program, like the tests of the window; what is missing is said in the same way.
#![cfg(target_os = "linux")]

#[path = "desktop/bus.rs"]
mod bus;
#[path = "desktop/leftovers.rs"]
mod leftovers;

use std::time::Duration;

use bus::{Desktop, Menu};
use intercept_tests::{Laptop, await_some};
use leftovers::SandboxTraces;
use serde_json::json;

/// A cold web view and a whole sandbox on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn desktop_tray_starts_again_stops_everything_and_quits() {
    if !Desktop::is_possible() {
        return;
    }
    let laptop = Laptop::start("laptop").await;
    let port = laptop.port().to_string();
    let wish = json!({
        "context": "sandbox", "namespace": "shop", "service": "catalog", "port": null,
        "mark": { "kind": "header", "name": "X-C6O-INTERCEPT", "value": "yes" },
        "pathPrefix": null, "methods": [], "target": port, "acceptAnyCertificate": false, "ttlSeconds": null,
        "protocol": null, "recording": "nothing",
    });
    let mut desktop = Desktop::start(&json!({ "recent": [wish] }), &["--sandbox"]).await;
    let words = format!("catalog → {port} (sandbox)");
    let menu = desktop.menu_with(LIMIT, &words).await;
    for entry in ["No intercept is active", "Open Intercept", "Settings", "Quit"] {
        assert!(menu.find(entry).is_some(), "{entry} is missing: {menu}");
    }
    let stop_all = menu.find("Stop everything and restore").unwrap();
    assert!(!stop_all.is_enabled, "there is nothing to stop: {menu}");

    // Its pods may not stand yet; whoever is refused is asked again, as a user would.
    let active = await_some(LIMIT, "an intercept that was started again", async || {
        let menu = desktop.menu().await;
        if let Some(again) = menu.find(&words) {
            desktop.choose(again).await;
        }
        let active = format!("catalog → localhost:{port}");
        let begun = desktop.menu_within(Duration::from_secs(5), &active).await?;
        begun
            .find("Active: requests with X-C6O-INTERCEPT: yes")
            .is_some()
            .then_some(begun)
    });
    let active: Menu = active.await;
    assert!(active.find("1 intercept is active").is_some(), "{active}");
    assert!(active.find("Copy curl with the header").is_some(), "{active}");

    desktop
        .choose(active.find("Stop everything and restore").unwrap())
        .await;
    let idle = desktop.menu_with(LIMIT, "No intercept is active").await;
    let traces = SandboxTraces::below(&desktop.temporary());
    desktop.choose(idle.find("Quit").unwrap()).await;
    desktop.await_end(LIMIT).await;
    traces.await_none().await;
}
