//! `interceptctl sandbox` and `interceptctl demo` as somebody without a cluster uses them. No cluster needed.

use std::path::Path;
use std::time::Duration;

use intercept_tests::Machine;
use tempfile::TempDir;

/// Far more than either takes, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(60);

/// A machine whose kubeconfig is the one that its sandbox will write; and the folder that holds it.
fn machine() -> (Machine, TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder must be possible");
    let kubeconfig = folder.path().join("kubeconfig");
    let machine = Machine::new(&kubeconfig);
    let machine = match std::env::var("INTERCEPT_NGINX") {
        Ok(nginx) => machine.variable("INTERCEPT_NGINX", &nginx),
        Err(_) => machine,
    };
    (machine, folder, kubeconfig.to_string_lossy().into_owned())
}

#[tokio::test]
async fn the_demo_tells_its_story_to_the_end() {
    let (machine, _folder, _) = machine();
    let ended = machine.run(&["demo"]).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    let text = ended.text();
    for words in [
        "→ your laptop",
        "→ pod catalog-",
        "the cluster restored itself",
        "Nothing is left",
    ] {
        assert!(text.contains(words), "{words:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_sandbox_is_a_cluster_until_ctrl_c_and_leaves_no_kubeconfig() {
    let (machine, _folder, kubeconfig) = machine();
    let mut sandbox = machine.spawn(&["sandbox", "--write-kubeconfig", &kubeconfig]);
    sandbox.await_line(LIMIT, "Ready in").await;
    let listed = machine.run(&["--namespace", "shop", "services"]).await;
    assert_eq!(listed.code, Some(0), "{listed}");
    assert!(listed.text().contains("storefront"), "{listed}");
    let ended = sandbox.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert!(!Path::new(&kubeconfig).exists());
}

#[tokio::test]
async fn the_shop_has_a_service_that_somebody_else_intercepts() {
    let (machine, _folder, kubeconfig) = machine();
    let mut sandbox = machine.spawn(&["sandbox", "--write-kubeconfig", &kubeconfig]);
    sandbox
        .await_line(LIMIT, "sam@other-laptop intercepts recommendations")
        .await;
    let in_shop = |words: &[&'static str]| [&["--namespace", "shop"], words].concat();
    for command in ["list", "services"] {
        let listed = machine.run(&in_shop(&[command])).await;
        assert!(listed.text().contains("sam@other-laptop"), "{listed}");
    }
    let same = machine
        .run(&in_shop(&["start", "recommendations", "--to", "9"]))
        .await;
    assert_eq!(same.code, Some(4), "{same}");
    assert!(same.text().contains("sam@other-laptop"), "{same}");
    let mut joined = machine.spawn(&in_shop(&[
        "start",
        "recommendations",
        "--to",
        "9",
        "--header",
        "X-Dev=ann",
    ]));
    joined.await_line(LIMIT, "Ready").await;
    let left = joined.interrupt(LIMIT).await;
    assert_eq!(left.code, Some(0), "{left}");
    let ended = sandbox.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[tokio::test]
async fn pods_die_and_clocks_jump_on_order() {
    let (machine, _folder, kubeconfig) = machine();
    let mut sandbox = machine.spawn(&[
        "sandbox",
        "--alone",
        "--write-kubeconfig",
        &kubeconfig,
        "--fault",
        "pod app=cart in shop dies",
        "--fault",
        "clock jumps 100ms every 100ms",
        "--fault",
        "pod app=nobody dies",
    ]);
    sandbox.await_line(LIMIT, "Pod shop/cart-").await;
    sandbox.await_line(LIMIT, "its clocks have jumped").await;
    sandbox.await_line(LIMIT, "no pod app=nobody runs").await;
    let ended = sandbox.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
}

#[tokio::test]
async fn a_kubeconfig_that_is_there_is_never_written_over() {
    let (machine, _folder, kubeconfig) = machine();
    std::fs::write(&kubeconfig, "of another cluster").expect("a file must be possible");
    let ended = machine.run(&["sandbox", "--write-kubeconfig", &kubeconfig]).await;
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.text().contains("name another one"), "{ended}");
    assert_eq!(
        std::fs::read_to_string(&kubeconfig).ok().as_deref(),
        Some("of another cluster")
    );
}

#[tokio::test]
async fn a_fault_that_is_not_understood_is_shown_where_it_begins() {
    let (machine, _folder, _) = machine();
    let ended = machine
        .run(&["sandbox", "--fault", "patch services wobbly"])
        .await;
    assert_eq!(ended.code, Some(2), "{ended}");
    assert!(ended.text().contains("^^^^^^"), "{ended}");
}

#[tokio::test]
async fn an_ordered_fault_strikes() {
    let (machine, _folder, kubeconfig) = machine();
    let fault = "list services 503 x100";
    let mut sandbox = machine.spawn(&[
        "sandbox",
        "--write-kubeconfig",
        &kubeconfig,
        "--empty",
        "--fault",
        fault,
    ]);
    sandbox.await_line(LIMIT, "Ready in").await;
    let listed = machine.run(&["services"]).await;
    assert_ne!(listed.code, Some(0), "{listed}");
    sandbox.interrupt(LIMIT).await;
}
