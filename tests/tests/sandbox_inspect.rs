//! Requests that came through an intercept of the sandbox, as its user sees them afterwards. No cluster needed.

#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use intercept_tests::{Ended, Laptop, Machine, Running, await_some};
use k8s_openapi::api::core::v1::Service;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far more than any of it takes, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(60);
const SECRET: &str = "Bearer s3cret-of-the-story";

/// A machine, a sandbox on it, and where that has its Service `catalog`.
struct Stage {
    machine: Machine,
    sandbox: Running,
    catalog: SocketAddr,
    _folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder must be possible");
        let kubeconfig = folder.path().join("kubeconfig");
        let mut machine = Machine::new(&kubeconfig);
        if let Ok(nginx) = std::env::var("INTERCEPT_NGINX") {
            machine = machine.variable("INTERCEPT_NGINX", &nginx);
        }
        let file = kubeconfig.to_string_lossy();
        let mut sandbox = machine.spawn(&["sandbox", "--alone", "--write-kubeconfig", &file]);
        sandbox.await_line(LIMIT, "Ready in").await;
        let catalog = await_some(LIMIT, "the catalog's address", async || {
            catalog(&kubeconfig).await
        });
        Self {
            catalog: catalog.await,
            machine,
            sandbox,
            _folder: folder,
        }
    }

    /// What comes back for a request with the intercept's header.
    async fn ask(&self, target: &str) -> String {
        let asking = async {
            let mut stream = TcpStream::connect(self.catalog).await?;
            let request = format!(
                "GET {target} HTTP/1.1\r\nHost: catalog.shop\r\nX-C6O-INTERCEPT: yes\r\nAuthorization: {SECRET}\r\n\
                 Connection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(LIMIT, asking).await.expect("an answer must come in time");
        answer.expect("an answer must come")
    }

    async fn run(&self, line: &str) -> Ended {
        let ended = self.machine.run(&line.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(ended.code, Some(0), "{ended}");
        ended
    }

    async fn json(&self, line: &str) -> Value {
        let ended = self.run(&format!("{line} --output json")).await;
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended}"))
    }

    /// The one request that the filter lets pass, once it is recorded.
    async fn recorded(&self, filter: &str) -> Value {
        let look = async || {
            let found = self.json(&format!("requests is:answered {filter}")).await;
            found["requests"]
                .as_array()
                .filter(|found| found.len() == 1)?
                .first()
                .cloned()
        };
        await_some(LIMIT, "the request to be recorded", look).await
    }
}

/// Its ClusterIP, which is an address of this machine.
async fn catalog(kubeconfig: &Path) -> Option<SocketAddr> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).ok()?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let services: Api<Service> = Api::namespaced(Client::try_from(config.ok()?).ok()?, "shop");
    let spec = services.get("catalog").await.ok()?.spec?;
    let port = u16::try_from(spec.ports?.first()?.port).ok()?;
    Some(SocketAddr::new(spec.cluster_ip?.parse().ok()?, port))
}

#[tokio::test]
async fn a_request_through_an_intercept_is_recorded_found_shown_and_exported() {
    let stage = Stage::set().await;
    let laptop = Laptop::start("laptop").await;
    let to = laptop.port().to_string();
    let mut session = stage
        .machine
        .spawn(&["--namespace", "shop", "start", "catalog", "--to", &to]);
    session.await_line(LIMIT, "Ready").await;

    let answer = stage.ask("/story?page=1").await;
    assert!(answer.contains("laptop"), "{answer}");
    let line = session.await_line(LIMIT, "/story?page=1").await;
    assert!(line.contains("GET") && line.contains("200"), "{line}");

    let found = stage.recorded("path:/story svc:catalog").await;
    assert_eq!(found["status"], 200, "{found}");
    let id = found["id"].as_u64().expect("it must have a number");
    assert!(!stage.run("requests -path:/story").await.text().contains("/story"));

    let shown = stage.run(&format!("request {id}")).await.stdout;
    for words in [
        "GET /story?page=1 HTTP/1.1",
        "X-C6O-INTERCEPT: yes",
        "shop/catalog",
        "\"laptop\"",
        "Took",
    ] {
        assert!(
            shown.to_lowercase().contains(&words.to_lowercase()),
            "{words} is missing in {shown}"
        );
    }
    assert!(!shown.contains(SECRET), "{shown}");

    let har = stage.run("requests path:/story --output har").await.stdout;
    let har: Value = serde_json::from_str(&har).expect("HAR is JSON");
    assert_eq!(har["log"]["entries"][0]["response"]["status"], 200);
    assert!(!har.to_string().contains(SECRET));

    let ended = session.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    assert_eq!(
        stage.recorded("path:/story").await["id"],
        id,
        "what was recorded stays"
    );
    stage.sandbox.interrupt(LIMIT).await;
}

#[tokio::test]
async fn other_commands_reach_a_running_session() {
    let stage = Stage::set().await;
    let laptop = Laptop::start("laptop").await;
    let to = laptop.port().to_string();
    let mut session =
        stage
            .machine
            .spawn(&["--namespace", "shop", "start", "catalog", "--to", &to, "--quiet"]);
    session.await_line(LIMIT, "Ready").await;

    let sessions = stage.json("record").await;
    let held = &sessions["sessions"][0];
    assert_eq!(
        (held["service"].as_str(), held["recording"].as_str()),
        (Some("catalog"), Some("bodies"))
    );
    assert_eq!(held["phase"], "active", "{held}");

    let heads = stage.json("record heads catalog").await;
    assert_eq!(heads["sessions"][0]["recording"], "heads");
    stage.ask("/heads").await;
    let found = stage.recorded("path:/heads").await;
    let id = found["id"].as_u64().expect("it must have a number");
    assert_eq!(
        stage.run(&format!("request {id} --body response")).await.stdout,
        ""
    );

    stage.run("record pause").await;
    stage.ask("/paused").await;
    stage.run("record resume").await;
    stage.ask("/resumed").await;
    stage.recorded("path:/resumed").await;
    assert_eq!(stage.run("requests path:/paused").await.stdout, "No requests\n");

    // The agents tell what passed a moment later.
    let told = async || {
        stage.ask("/told").await;
        let why = stage.json("why catalog").await;
        why["sums"]["matched"].as_u64().filter(|matched| *matched >= 1)
    };
    await_some(LIMIT, "the requests to be counted", told).await;
    let probed = stage.json("probe catalog").await;
    assert_eq!(probed["stoppedAt"], Value::Null, "{probed}");

    // Where the program is, the running session says.
    let answered = laptop.answered();
    let replayed = stage.json(&format!("replay {id}")).await;
    assert_eq!(
        replayed["replays"][0]["exchange"]["response"]["status"], 200,
        "{replayed}"
    );
    assert_eq!(laptop.answered(), answered + 1);
    let both = stage.json(&format!("replay {id} --to both")).await;
    assert_eq!(
        both["replays"][1]["exchange"]["outcome"]["kind"], "answeredByCluster",
        "{both}"
    );
    assert!(both["difference"].is_object(), "{both}");

    assert!(!session.output().contains("/resumed"), "{}", session.output());
    let ended = session.interrupt(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{ended}");
    let alone = stage.machine.run(&["record", "heads"]).await;
    assert_eq!(alone.code, Some(4), "{alone}");
    stage.sandbox.interrupt(LIMIT).await;
}
