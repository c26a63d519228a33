//! The real window of the built program, driven as a user would: WebDriver on the system's web view.
//!
//! Needs a display (`scripts/test.sh` starts a virtual one), `tauri-driver` and `WebKitWebDriver`, and the program built
//! with the window inside (`--features intercept/custom-protocol`). Where they are missing the tests say loudly that
//! they did not run; under `CI=true` that is a failure. With `INTERCEPT_TEST_KUBECONFIG` the cluster is the one it
//! names, otherwise a stand-in that answers just what listing Services asks. Screenshots: `target/screenshots`.
#![cfg(target_os = "linux")]

#[path = "desktop/acts.rs"]
mod acts;
#[path = "desktop/connection.rs"]
mod connection;
#[path = "desktop/leftovers.rs"]
mod leftovers;
#[path = "desktop/stand_in.rs"]
mod stand_in;
#[path = "desktop/window.rs"]
mod window;

use leftovers::SandboxTraces;
use stand_in::Clusters;
use window::{Window, can_show_windows};

#[tokio::test]
async fn desktop_shows_the_services_of_a_context_once_it_is_chosen() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = Window::open(&clusters.kubeconfig()).await;

    window.await_text("None has been contacted yet").await;
    window.screenshot("first-start").await;
    window.choose_context(clusters.reachable()).await;
    let row = window.await_row("kubernetes").await;
    window.screenshot("services").await;
    assert_eq!(
        row[1..3],
        ["kubernetes", "https:443"],
        "the row of the Service reads {row:?}"
    );
    window.close().await;
}

#[tokio::test]
async fn desktop_shows_cause_and_next_step_of_a_context_that_does_not_answer() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = Window::open(&clusters.kubeconfig()).await;

    window.choose_context(Clusters::UNREACHABLE).await;
    let alert = window.await_alert().await;
    for words in [
        "nobody-there does not answer",
        "cannot be reached",
        "Check the network or VPN",
        "Look again",
    ] {
        assert!(alert.contains(words), "the error lacks {words:?}: {alert}");
    }
    window.screenshot("unreachable").await;
    window.close().await;
}

#[tokio::test]
async fn desktop_shows_where_it_looked_for_a_kubeconfig_that_is_not_there() {
    if !can_show_windows() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-such-file");
    let window = Window::open(missing.as_os_str()).await;

    let alert = window.await_alert().await;
    assert!(
        alert.contains("no-such-file"),
        "the error does not say where it looked: {alert}"
    );
    assert!(
        alert.contains("KUBECONFIG"),
        "the error does not say what to do: {alert}"
    );
    window.screenshot("no-kubeconfig").await;
    window.close().await;
}

#[tokio::test]
async fn desktop_offers_the_sandbox_where_there_is_no_kubeconfig() {
    if !can_show_windows() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("no-such-file");
    let window = Window::open(missing.as_os_str()).await;

    window.press("Start the sandbox").await;
    let row = window.await_row("catalog").await;
    assert_eq!(row[1..3], ["catalog", "http:8080"], "{row:?}");
    window.screenshot("sandbox-tried").await;
    let traces = SandboxTraces::below(&window.temporary());
    let _home = window.close_by_hand().await;
    traces.await_none().await;
}

#[tokio::test]
async fn desktop_started_with_sandbox_shows_it_and_ends_it_with_the_window() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = Window::open_with(&clusters.kubeconfig(), &["--sandbox"]).await;

    window.await_row("storefront").await;
    let traces = SandboxTraces::below(&window.temporary());
    window.screenshot("sandbox").await;
    let _home = window.close_by_hand().await;
    traces.await_none().await;
}

#[tokio::test]
async fn desktop_intercepts_by_clicking_and_shows_what_arrives() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = Window::open_with(&clusters.kubeconfig(), &["--sandbox"]).await;

    window.await_row("catalog").await;
    window.flip("Intercept catalog").await;
    window.choose("sample program").await;
    window.await_text("Nothing has changed yet").await;
    window.screenshot("sheet-plan").await;
    // What it says is followed by its keys.
    window
        .click("//button[starts-with(normalize-space(.), 'Intercept catalog')][not(@disabled)]")
        .await;
    window.await_text("A request to catalog.shop now reaches").await;
    window.screenshot("sheet-active").await;

    // Customers of the shop carry the header, some of them.
    window
        .click("//*[contains(@class, 'sheet')]//button[normalize-space(.)='Open inspector']")
        .await;
    window
        .click("(//*[@role='row'][starts-with(@id, 'request-')])[2]")
        .await;
    window.await_text("x-c6o-intercept").await;
    window.screenshot("inspector").await;
    window.go("Tunnel").await;
    window.await_text("Requests a second").await;
    window.screenshot("tunnel").await;
    window.go("Settings").await;
    window.screenshot("settings").await;

    window.go("Services").await;
    window.flip("Intercept catalog").await;
    window
        .await_text("The original pods of catalog in shop answer again")
        .await;
    window.screenshot("stopped").await;
    let traces = SandboxTraces::below(&window.temporary());
    let _home = window.close_by_hand().await;
    traces.await_none().await;
}

#[tokio::test]
async fn desktop_refuses_its_page_every_command_but_those_it_needs() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = Window::open(&clusters.kubeconfig()).await;

    window.await_text("None has been contacted yet").await;
    for command in [
        "plugin:window|close",
        "plugin:event|listen",
        "plugin:path|resolve_directory",
    ] {
        let answer = window.invoke(command).await;
        assert!(
            answer.starts_with("refused: "),
            "{command} was not refused: {answer}"
        );
    }
    assert!(window.invoke("list_contexts").await.starts_with("answered: "));
    assert_eq!(
        window.inline_script_result().await,
        "did not run",
        "the content policy lets inline scripts run"
    );
    window.close().await;
}
