//! A sandbox that is killed leaves nothing: no process, no folder.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::rig::{api, await_true, cluster, create, has_nginx, processes_below};

const MARK: &str = "sandbox's folder: ";

/// Not a test by itself: what [`nothing_outlives_a_sandbox_that_is_killed`] kills.
#[tokio::test]
#[ignore = "runs until it is killed"]
async fn runs_until_it_is_killed() {
    let cluster = cluster().await;
    if !has_nginx(&cluster) {
        println!("{MARK}none");
        return;
    }
    // Children of children, and one that has made itself deaf.
    let script = "trap '' TERM HUP INT QUIT; sleep 1000 & sleep 1000 & while :; do sleep 1000; done";
    let pod = json!({
        "metadata": { "name": "p" },
        "spec": { "containers": [
            { "name": "deaf", "image": "nginx:1.31.4", "command": ["sh", "-c", script] },
            { "name": "nginx", "image": "nginx:1.31.4", "command": ["sh", "-c",
                "printf 'worker_processes 2; pid /srv/d/pid; events {}' > /srv/d/c; exec nginx -e stderr -c /srv/d/c -g 'daemon off;'"],
              "volumeMounts": [{ "name": "d", "mountPath": "/srv/d" }] },
        ], "volumes": [{ "name": "d", "emptyDir": {} }] },
    });
    create::<Pod>(&cluster, pod).await;
    await_true("both run", async || {
        let status = api::<Pod>(&cluster)
            .get("p")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        status
            .container_statuses
            .iter()
            .flatten()
            .filter(|one| one.ready)
            .count()
            == 2
    })
    .await;
    println!("{MARK}{}", cluster.node().folder().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_outlives_a_sandbox_that_is_killed() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "orphans::runs_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = async {
        loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("the sandbox must tell its folder");
            if let Some((_, folder)) = line.split_once(MARK) {
                return PathBuf::from(folder);
            }
        }
    };
    let folder = timeout(Duration::from_secs(30), told)
        .await
        .expect("the sandbox must start");
    if !folder.is_absolute() {
        return;
    }
    await_true("its processes are seen", async || {
        processes_below(&folder).len() >= 4
    })
    .await;
    child.kill().await.unwrap();
    await_true("no process is left", async || processes_below(&folder).is_empty()).await;
    await_true("no folder is left", async || !folder.exists()).await;
}
