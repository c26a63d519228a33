//! A named pipe for each program. Windows lets nobody but its owner, the system and administrators write to it, and says
//! nothing here before somebody has written.
//!
//! Deliberately absent: asking who is at the other end of a pipe, for which there is no safe call.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};
use tokio::time::{Instant, sleep};

use super::{ControlError, folder};

/// Where pipes are.
const PIPES: &str = r"\\.\pipe\";
/// `ERROR_PIPE_BUSY`: between one caller and the next there is no free end of it for a moment.
const BUSY: i32 = 231;
const BUSY_FOR: Duration = Duration::from_secs(2);
const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// One end of a connection.
pub(super) enum Stream {
    Server(NamedPipeServer),
    Client(NamedPipeClient),
}

/// Takes callers from this machine.
pub(super) struct Listener {
    path: PathBuf,
    next: NamedPipeServer,
}

impl Listener {
    pub(super) fn bind(folder: &Path) -> Result<Self, ControlError> {
        let failed = |source| ControlError::Listen {
            path: folder.to_owned(),
            source,
        };
        let path = PathBuf::from(format!("{PIPES}{}{}", prefix(folder), folder::name()));
        let next = ServerOptions::new()
            // Somebody who has taken the name already is not to get our callers.
            .first_pipe_instance(true)
            .reject_remote_clients(true)
            .create(&path)
            .map_err(failed)?;
        Ok(Self { path, next })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next caller.
    pub(super) async fn accept(&mut self) -> io::Result<Option<Stream>> {
        self.next.connect().await?;
        let next = ServerOptions::new()
            .reject_remote_clients(true)
            .create(&self.path)?;
        Ok(Some(Stream::Server(std::mem::replace(&mut self.next, next))))
    }
}

/// Of this user's pipes: the folder, which holds the user's name, in a form that pipes can have.
fn prefix(folder: &Path) -> String {
    let digest = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("intercept-control-{short}-")
}

/// Pipes of this user's programs.
pub(super) fn sockets(folder: &Path) -> Result<Vec<PathBuf>, ControlError> {
    let failed = |source| ControlError::Folder {
        path: PathBuf::from(PIPES),
        source,
    };
    let prefix = prefix(folder);
    let is_ours = |name: &OsString| name.to_string_lossy().starts_with(&prefix);
    let entries = std::fs::read_dir(PIPES).map_err(failed)?.flatten();
    let names = entries.map(|entry| entry.file_name()).filter(is_ours);
    let mut found: Vec<PathBuf> = names.map(|name| Path::new(PIPES).join(name)).collect();
    found.sort();
    Ok(found)
}

/// Connects; nothing where the program is gone, and its pipe with it.
pub(super) async fn connect(path: &Path) -> Result<Option<Stream>, ControlError> {
    let until = Instant::now() + BUSY_FOR;
    loop {
        match ClientOptions::new().open(path) {
            Ok(pipe) => return Ok(Some(Stream::Client(pipe))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(BUSY) && Instant::now() < until => {
                sleep(AGAIN_AFTER).await;
            }
            Err(source) => {
                return Err(ControlError::Connect {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_read(context, buffer),
            Self::Client(pipe) => Pin::new(pipe).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_write(context, bytes),
            Self::Client(pipe) => Pin::new(pipe).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_flush(context),
            Self::Client(pipe) => Pin::new(pipe).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Server(pipe) => Pin::new(pipe).poll_shutdown(context),
            Self::Client(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }
}
