//! A cluster that goes away and comes back while the window shows it.

use std::path::Path;
use std::time::Duration;

use intercept_tests::{Cut, Machine};
use serde_json::{Value, json};

use crate::window::{Window, can_show_windows};

const LIMIT: Duration = Duration::from_secs(60);

/// The same cluster, by another address, and its shop.
fn by_way_of(port: u16, kubeconfig: &Path) -> Value {
    let text = std::fs::read_to_string(kubeconfig).expect("the sandbox writes a kubeconfig");
    let mut kubeconfig: Value = serde_json::from_str(&text).expect("in JSON");
    kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("https://127.0.0.1:{port}"));
    kubeconfig["contexts"][0]["context"]["namespace"] = json!("shop");
    kubeconfig
}

#[tokio::test]
async fn desktop_says_that_a_cluster_is_lost_and_goes_on_when_it_is_found() {
    if !can_show_windows() {
        return;
    }
    let folder = tempfile::tempdir().expect("there must be room for a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let mut machine = Machine::new(&kubeconfig);
    if let Ok(nginx) = std::env::var("INTERCEPT_NGINX") {
        machine = machine.variable("INTERCEPT_NGINX", &nginx);
    }
    let file = kubeconfig.to_string_lossy();
    let mut sandbox = machine.spawn(&["sandbox", "--alone", "--write-kubeconfig", &file]);
    sandbox.await_line(LIMIT, "Ready in").await;
    let mut way = Cut::to_server_of(&kubeconfig).await;
    let detour = folder.path().join("detour");
    std::fs::write(&detour, by_way_of(way.port(), &kubeconfig).to_string()).expect("there must be room");

    let window = Window::open(detour.as_os_str()).await;
    window.choose_context("sandbox").await;
    window.await_row("catalog").await;
    way.cut().await;
    window.await_text("Trying again").await;
    window.await_row("catalog").await;
    window.screenshot("cluster-lost").await;
    way.mend().await;
    window.await_no_text("Trying again").await;
    window.await_row("catalog").await;
    window.close().await;
    sandbox.interrupt(LIMIT).await;
}
