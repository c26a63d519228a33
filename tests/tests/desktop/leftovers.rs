//! What a sandbox inside the program leaves on the machine while it runs, and must not afterwards.
#![expect(clippy::unwrap_used, reason = "a broken rig is a failed test")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;

/// The program ends its pods and waits for them.
const LIMIT: Duration = Duration::from_secs(30);

/// A running sandbox's folder and port.
#[derive(Debug)]
pub(crate) struct SandboxTraces {
    folder: PathBuf,
    server: SocketAddr,
}

impl SandboxTraces {
    /// Of the one sandbox whose folder is in `temporary`.
    pub(crate) fn below(temporary: &Path) -> Self {
        let entries = std::fs::read_dir(temporary).unwrap();
        let mut folders = entries.map(|entry| entry.unwrap().path());
        let folder = folders
            .find(|folder| folder.join("kubeconfig").exists())
            .expect("a sandbox that runs must have a folder with its kubeconfig");
        let text = std::fs::read_to_string(folder.join("kubeconfig")).unwrap();
        let kubeconfig: serde_json::Value = serde_json::from_str(&text).unwrap();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
        let server = server.trim_start_matches("https://").parse().unwrap();
        Self { folder, server }
    }

    /// Waits until all of it is gone.
    pub(crate) async fn await_none(&self) {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        let gone = async {
            while self.left().await.is_some() {
                tick.tick().await;
            }
        };
        let ended = tokio::time::timeout(LIMIT, gone).await;
        assert!(ended.is_ok(), "left behind: {:?}", self.left().await);
    }

    async fn left(&self) -> Option<String> {
        if self.folder.exists() {
            return Some(format!("the folder {}", self.folder.display()));
        }
        if TcpStream::connect(self.server).await.is_ok() {
            return Some(format!("a listener at {}", self.server));
        }
        processes_in(&self.folder)
    }
}

/// A process whose working folder is there, or was.
fn processes_in(folder: &Path) -> Option<String> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let mut places = entries.filter_map(|entry| {
        let place = std::fs::read_link(entry.path().join("cwd")).ok()?;
        // As text: a folder that was removed is still named.
        let is_there = place.display().to_string().starts_with(&folder);
        is_there.then(|| format!("process {}", entry.file_name().display()))
    });
    places.next()
}
