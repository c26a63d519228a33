//! What users do with an intercept once it stands: filter, replay, compare, and leave.

use fantoccini::key::Key;

use crate::leftovers::SandboxTraces;
use crate::stand_in::Clusters;
use crate::window::{Window, can_show_windows, keys};

/// Ends with a window on the sandbox whose `catalog` the sample program answers.
async fn intercepted(clusters: &Clusters) -> Window {
    let window = Window::open_with(&clusters.kubeconfig(), &["--sandbox"]).await;
    window.await_row("catalog").await;
    window.flip("Intercept catalog").await;
    window.choose("sample program").await;
    window
        .click("//button[starts-with(normalize-space(.), 'Intercept catalog')][not(@disabled)]")
        .await;
    window.await_text("A request to catalog.shop now reaches").await;
    window
}

fn act(words: &str) -> String {
    format!("//*[@role='toolbar']//button[starts-with(normalize-space(.), '{words}')]")
}

#[tokio::test]
async fn desktop_filters_replays_and_compares_what_arrived() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = intercepted(&clusters).await;
    window
        .click("//*[contains(@class, 'sheet')]//button[normalize-space(.)='Open inspector']")
        .await;
    window.await_element("//*[starts-with(@id, 'request-')]").await;

    window.fill("Filter requests", "status:599").await;
    window
        .await_element("//*[@role='status'][starts-with(normalize-space(.), '0 of')]")
        .await;
    window.fill("Filter requests", "status:none-such").await;
    window.await_text("The list is as before").await;
    window.screenshot("filter-error").await;
    window.fill("Filter requests", "svc:catalog method:GET").await;
    window.await_no_text("The list is as before").await;
    window
        .click("(//*[@role='row'][starts-with(@id, 'request-')])[2]")
        .await;

    window.click(&act("Replay")).await;
    window
        .await_element("//section[starts-with(@aria-label, 'Request')]//*[normalize-space(.)='replayed']")
        .await;
    window.screenshot("replayed").await;
    window.click(&act("Compare")).await;
    window
        .await_text("The laptop and the origin answered the same request")
        .await;
    window.screenshot("compared").await;
    window.close().await;
}

#[tokio::test]
async fn desktop_asks_before_it_quits_with_an_intercept_and_restores_first() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let window = intercepted(&clusters).await;
    let traces = SandboxTraces::below(&window.temporary());

    window.type_keys(&keys(Key::Control, "k")).await;
    window.type_keys("Quit").await;
    window.type_keys(&char::from(Key::Enter).to_string()).await;
    window.await_text("1 intercept is active").await;
    window.screenshot("quit").await;
    window.press("Cancel").await;
    window.await_no_text("1 intercept is active").await;

    window.type_keys(&keys(Key::Control, "k")).await;
    window.type_keys("Quit").await;
    window.type_keys(&char::from(Key::Enter).to_string()).await;
    window.press("Restore and quit").await;
    traces.await_none().await;
    let home = window.ended_by_itself();
    let log = home.path().join("data/dev.intercept.desktop/logs");
    let log = std::fs::read_dir(log).expect("the program must write a log");
    let log: String = log
        .flatten()
        .filter_map(|file| std::fs::read_to_string(file.path()).ok())
        .collect();
    assert!(!log.contains("cut short"), "{log}");
}

#[tokio::test]
async fn desktop_started_by_a_link_fills_the_sheet_and_does_nothing() {
    if !can_show_windows() {
        return;
    }
    let clusters = Clusters::start().await;
    let link = format!(
        "intercept://start?context={}&ns=shop&svc=cart&to=4321&header=X-Dev%3Dada",
        clusters.reachable()
    );
    let window = Window::open_with(&clusters.kubeconfig(), &[&link]).await;

    window.await_element("//input[@value='4321']").await;
    window.await_element("//input[@value='X-Dev']").await;
    window.screenshot("linked").await;
    let hello = window.invoke("hello").await;
    assert!(
        hello.contains("\"intercepts\":[]"),
        "a link must begin nothing: {hello}"
    );
    window.close().await;
}
