//! The sandbox's kubeconfig: a file of its own, which goes with it. One that is there already is somebody's cluster.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use intercept_sandbox::Cluster;

/// A written kubeconfig. Dropped, the file goes.
pub struct Kubeconfig(PathBuf);

/// It could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the kubeconfig cannot be written to {}", path.display())]
pub struct KubeconfigError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

impl KubeconfigError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        (self.source.kind() == ErrorKind::AlreadyExists).then_some(
            "A file that is there may be the way to another cluster: name another one, or remove it.",
        )
    }
}

impl Kubeconfig {
    /// Writes it to `asked`, or beside what the sandbox runs.
    pub(crate) fn write(asked: Option<&Path>, cluster: &Cluster) -> Result<Self, KubeconfigError> {
        let own = cluster.node().folder().join("kubeconfig");
        let asked = asked.unwrap_or(&own);
        let written = std::path::absolute(asked).and_then(|path| {
            create(&path, &cluster.sandbox().kubeconfig_yaml())?;
            Ok(Self(path))
        });
        written.map_err(|source| KubeconfigError {
            path: asked.to_owned(),
            source,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// For its owner only.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
