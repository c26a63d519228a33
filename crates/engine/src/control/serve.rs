//! The running program's end: takes callers, bounded in number and time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::message::{Answer, Greeting, Hello, Refused, RefusedCode, Reply, Request, Welcome};
use super::socket::{Listener, Stream};
use super::wire::{WITHIN, WireError, read, read_preamble, write, write_preamble};
use super::{ControlError, wire};

/// Callers that are answered at once; each costs a task and a frame.
pub(super) const MAX_CLIENTS: usize = 32;
/// Callers beyond that are still told so, up to this many.
const MAX_TOLD: usize = 32;
/// After a failed accept, which is a lack of file descriptors most of the time.
const BREATHER: Duration = Duration::from_millis(100);
/// Who is being answered when the program ends may get the last word within this time.
const LAST_WORD: Duration = Duration::from_millis(500);

/// An answer in parts. It is asked for the next one when the one before is written, so what is slow to read is answered
/// slowly; and dropped when the client leaves.
pub type Answers = BoxStream<'static, Result<Answer, Refused>>;

/// Who answers requests: whatever holds sessions.
pub trait Holder: Send + Sync + 'static {
    /// Answers, or says why not.
    fn answer(&self, request: Request) -> Answers;
}

/// A socket that is open. Dropping it closes it and everything on it.
pub struct Server {
    path: PathBuf,
    closing: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Server {
    /// Opens a socket of its own in `folder`, mostly [`super::sockets`], for the program named `program`.
    ///
    /// # Errors
    /// When the folder is not the user's alone, or the socket cannot be made.
    pub fn open(folder: &Path, program: &str, holder: Arc<dyn Holder>) -> Result<Self, ControlError> {
        let listener = Listener::bind(folder)?;
        let path = listener.path().to_owned();
        let closing = CancellationToken::new();
        let desk = Desk {
            welcome: Welcome {
                program: program.to_owned(),
                pid: std::process::id(),
            },
            holder,
        };
        let serving = serve(listener, Arc::new(desk), closing.clone());
        Ok(Self {
            path,
            closing,
            task: AbortOnDropHandle::new(tokio::spawn(serving)),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes no more callers, and lets those that are being answered hear the end of it, for a moment.
    pub async fn close(self) {
        self.closing.cancel();
        // A task that panicked has nothing to say any more.
        let _ = self.task.await;
    }
}

/// Who sits behind the socket.
struct Desk {
    welcome: Welcome,
    holder: Arc<dyn Holder>,
}

async fn serve(mut listener: Listener, desk: Arc<Desk>, closing: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = closing.cancelled() => break,
            Some(_) = clients.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let client = match accepted {
            Ok(Some(client)) => client,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(%error, "a caller could not be taken");
                sleep(BREATHER).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let desk = Arc::clone(&desk);
                clients.spawn(async move {
                    if let Err(error) = desk.attend(client).await {
                        tracing::debug!(%error, "a caller was left");
                    }
                    drop(place);
                });
            }
            Err(_full) if clients.len() < MAX_CLIENTS + MAX_TOLD => {
                clients.spawn(tell_busy(client));
            }
            Err(_full) => drop(client),
        }
    }
    drop(listener);
    let all = async { while clients.join_next().await.is_some() {} };
    if timeout(LAST_WORD, all).await.is_err() {
        tracing::debug!("callers that were still being answered are cut off");
    }
}

async fn tell_busy(mut client: Stream) {
    let refused = Refused::new(
        RefusedCode::Busy,
        "too many commands ask this program at once: try again in a moment",
    );
    // Whoever does not read it learns by the end of the connection.
    if read_preamble::<Hello>(&mut client).await.is_ok() {
        let _ = write_preamble(&mut client, &Greeting::Refused(refused)).await;
    }
}

impl Desk {
    async fn attend(&self, mut client: Stream) -> Result<(), WireError> {
        let hello = match read_preamble::<Hello>(&mut client).await {
            Ok(hello) => hello,
            Err(error @ WireError::Version(_)) => {
                // It reads our version before anything else, and then knows.
                write_preamble(&mut client, &Greeting::Welcome(self.welcome.clone())).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        write_preamble(&mut client, &Greeting::Welcome(self.welcome.clone())).await?;
        let request = match read::<Request>(&mut client, WITHIN).await {
            Ok(request) => request,
            Err(WireError::Frame(intercept_protocol::relay::FrameError::Garbage { what })) => {
                let words = format!("this version of the program does not understand the request: {what}");
                let refused = Refused::new(RefusedCode::NotUnderstood, words);
                return write(&mut client, &Reply::Refused(refused)).await;
            }
            Err(error) => return Err(error),
        };
        tracing::debug!(program = hello.program, ?request, "asked");
        answer(client, self.holder.answer(request)).await
    }
}

/// Writes the parts as they come, until there are no more or the client is gone.
async fn answer(client: Stream, mut answers: Answers) -> Result<(), WireError> {
    let (mut from, mut to) = tokio::io::split(client);
    let telling = async {
        while let Some(part) = answers.next().await {
            match part {
                Ok(part) => tell(&mut to, part).await?,
                Err(refused) => return write(&mut to, &Reply::Refused(refused)).await,
            }
        }
        write(&mut to, &Reply::Done).await
    };
    tokio::select! {
        told = telling => told,
        () = gone(&mut from) => Ok(()),
    }
}

async fn tell(to: &mut (impl AsyncWrite + Unpin), part: Answer) -> Result<(), WireError> {
    match write(to, &Reply::Part(part)).await {
        Err(wire::WireError::TooLong(length)) => {
            let words =
                format!("a part of the answer has {length} bytes, which is more than is sent at once");
            write(to, &Reply::Refused(Refused::new(RefusedCode::TooLong, words))).await?;
            Err(WireError::TooLong(length))
        }
        told => told,
    }
}

/// A client says nothing more after its request: whatever can be read now is its end, or not ours.
async fn gone(from: &mut (impl AsyncRead + Unpin)) {
    let mut one = [0];
    let _ = from.read(&mut one).await;
}
