//! A socket file in a folder that is the user's alone; the kernel says who is at the other end.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::{ControlError, folder};

/// Sockets that take callers.
const ENDING: &str = "sock";
/// Sockets that do not yet.
const COMING: &str = "new";
/// A socket that was not finished within this time never is.
const ABANDONED: Duration = Duration::from_secs(60);

/// One end of a connection.
pub(super) type Stream = UnixStream;

/// Takes callers of the same user. Dropping it takes its file away.
pub(super) struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    pub(super) fn bind(folder: &Path) -> Result<Self, ControlError> {
        prepare(folder)?;
        let name = folder::name();
        let path = folder.join(format!("{name}.{ENDING}"));
        let coming = folder.join(format!("{name}.{COMING}"));
        let listener = UnixListener::bind(&coming).map_err(listen_error(&path))?;
        // Between bind and listen nobody is answered: whoever saw the file then would take it for a dead one's.
        fs::rename(&coming, &path).map_err(listen_error(&path))?;
        Ok(Self { listener, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next caller; nobody where it was somebody else's program.
    pub(super) async fn accept(&mut self) -> io::Result<Option<Stream>> {
        let (stream, _) = self.listener.accept().await?;
        if is_ours(&stream)? {
            return Ok(Some(stream));
        }
        tracing::warn!("somebody else's program called, and was not answered");
        Ok(None)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Whoever looks next would do it otherwise.
        let _ = fs::remove_file(&self.path);
    }
}

fn listen_error(path: &Path) -> impl FnOnce(io::Error) -> ControlError {
    let path = path.to_owned();
    move |source| ControlError::Listen { path, source }
}

/// Whether the same user is at the other end.
fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    Ok(is_same(stream.peer_cred()?.uid(), own()))
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Nobody else, not even root: root's programs have a folder of their own.
pub(super) fn is_same(theirs: u32, own: u32) -> bool {
    theirs == own
}

/// Makes the folder, closed to others, or makes sure that it is so.
fn prepare(path: &Path) -> Result<(), ControlError> {
    let failed = |source| ControlError::Folder {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    if !is_own_folder(path).map_err(failed)? {
        return Err(ControlError::NotYours {
            path: path.to_owned(),
        });
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)
}

/// A link might lead anywhere, so it is not followed.
fn is_own_folder(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_dir() && is_same(found.uid(), own()))
}

/// Sockets of this user's programs, dead or alive.
pub(super) fn sockets(folder: &Path) -> Result<Vec<PathBuf>, ControlError> {
    let failed = |source| ControlError::Folder {
        path: folder.to_owned(),
        source,
    };
    match is_own_folder(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
        Ok(false) => {
            return Err(ControlError::NotYours {
                path: folder.to_owned(),
            });
        }
        Ok(true) => {}
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.flatten() {
        let path = entry.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some(ENDING) => found.push(path),
            Some(COMING) => drop_abandoned(&path),
            _ => {}
        }
    }
    found.sort();
    Ok(found)
}

fn drop_abandoned(path: &Path) {
    let made = fs::symlink_metadata(path).and_then(|found| found.modified());
    let is_old = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > ABANDONED));
    if is_old {
        let _ = fs::remove_file(path);
    }
}

/// Connects; nothing where nobody listens any more, whose file then goes.
pub(super) async fn connect(path: &Path) -> Result<Option<Stream>, ControlError> {
    let failed = |source| ControlError::Connect {
        path: path.to_owned(),
        source,
    };
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::debug!(path = %path.display(), "the socket of a program that is gone");
            let _ = fs::remove_file(path);
            return Ok(None);
        }
        Err(error) => return Err(failed(error)),
    };
    if is_ours(&stream).map_err(failed)? {
        Ok(Some(stream))
    } else {
        Err(ControlError::Stranger {
            path: path.to_owned(),
        })
    }
}
