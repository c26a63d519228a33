//! The sandbox's kubeconfig: a file of its own, which goes with it. One that is there already is somebody's cluster.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use intercept_sandbox::Cluster;

use crate::errors::Failure;
use crate::exit::Exit;

/// A written kubeconfig. Dropped, the file goes.
pub(crate) struct Kubeconfig(PathBuf);

impl Kubeconfig {
    /// Writes it to `asked`, or beside what the sandbox runs.
    pub(crate) fn write(asked: Option<&Path>, cluster: &Cluster) -> Result<Self, Failure> {
        let own = cluster.node().folder().join("kubeconfig");
        let path = std::path::absolute(asked.unwrap_or(&own)).map_err(|error| failed(&own, &error))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| {
            let text = cluster.sandbox().kubeconfig_yaml();
            file.write_all(text.as_bytes())
        });
        match written {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    let tried = format!("The kubeconfig cannot be written to {}", path.display());
    let hint = (error.kind() == ErrorKind::AlreadyExists)
        .then_some("A file that is there may be the way to another cluster: name another one, or remove it.");
    Failure::from_error(Exit::Usage, "usage", error)
        .during(tried)
        .hint(hint)
}
