//! The folder of a sandbox, gone with it however it ends.

use std::io;
use std::path::{Path, PathBuf};

/// The sandbox's folder, and a watchdog that removes it when this process is gone without having done so.
pub(super) struct Folder {
    dir: Option<tempfile::TempDir>,
    path: PathBuf,
    #[cfg(unix)]
    watchdog: Option<tokio::process::Child>,
}

impl Folder {
    pub(super) fn make() -> io::Result<Self> {
        // Short, for the sake of Unix sockets below it.
        let dir = tempfile::Builder::new().prefix("icsb").rand_bytes(5).tempdir()?;
        let path = dir.path().to_owned();
        Ok(Self {
            #[cfg(unix)]
            watchdog: watchdog(&path).ok(),
            dir: Some(dir),
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn programs(&self) -> PathBuf {
        self.path.join("bin")
    }

    pub(super) async fn remove(&mut self) {
        if let Some(dir) = self.dir.take()
            && let Err(error) = dir.close()
        {
            tracing::warn!(%error, "the sandbox's folder stays");
        }
        #[cfg(unix)]
        if let Some(mut watchdog) = self.watchdog.take() {
            // Gone already is as good.
            let _ = watchdog.kill().await;
        }
    }
}

/// Twice, because what still ended when this process did may have written meanwhile.
#[cfg(unix)]
fn watchdog(folder: &Path) -> io::Result<tokio::process::Child> {
    use std::process::Stdio;

    tokio::process::Command::new("/bin/sh")
        .args([
            "-c",
            "read -r _; rm -rf \"$1\"; sleep 1; rm -rf \"$1\"",
            "sandbox-watchdog",
        ])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}
