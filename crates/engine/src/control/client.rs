//! The asking end: finds running programs, and asks them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use futures::{Stream, StreamExt as _, stream};
use intercept_protocol::relay::FrameError;
use tokio::time::timeout;

use super::message::{Answer, Greeting, Held, Hello, Reply, Request, Welcome};
use super::wire::{WITHIN, WireError, read, read_preamble, write, write_preamble};
use super::{ControlError, socket};

/// Sockets that are looked at; nobody runs so many programs.
const MAX_PROGRAMS: usize = 64;

/// A program that runs now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
    welcome: Welcome,
}

/// The user's programs that answer, by `asking`, the name and version of this one. What is dead is cleared away; what
/// is there and does not answer properly is told beside them.
///
/// # Errors
/// When the folder of the sockets is not the user's alone, or cannot be read.
pub async fn programs(
    folder: &Path,
    asking: &str,
) -> Result<(Vec<Program>, Vec<ControlError>), ControlError> {
    let mut paths = socket::sockets(folder)?;
    paths.truncate(MAX_PROGRAMS);
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    let greeted = paths.iter().map(|path| greet(path, asking));
    for (path, greeted) in paths.iter().zip(join_all(greeted).await) {
        match greeted {
            Ok(Some((_, welcome))) => found.push(Program {
                path: path.clone(),
                welcome,
            }),
            Ok(None) => {}
            Err(error) => troubles.push(error),
        }
    }
    Ok((found, troubles))
}

impl Program {
    /// Who it is.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Asks it. Dropping the answer says that no more is wanted.
    ///
    /// # Errors
    /// When it is not there any more or does not want to talk.
    pub async fn ask(&self, asking: &str, request: &Request) -> Result<Answering, ControlError> {
        let path = &self.path;
        let Some((mut stream, _)) = greet(path, asking).await? else {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(ControlError::Connect {
                path: path.clone(),
                source,
            });
        };
        write(&mut stream, request)
            .await
            .map_err(|error| in_words(error, path))?;
        Ok(Answering {
            stream,
            path: path.clone(),
            is_over: false,
        })
    }

    /// The sessions that it holds.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn sessions(&self, asking: &str) -> Result<Vec<Held>, ControlError> {
        self.held(asking, &Request::Sessions).await
    }

    /// What answers `request`, where that is sessions and an end.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub async fn held(&self, asking: &str, request: &Request) -> Result<Vec<Held>, ControlError> {
        let mut answering = self.ask(asking, request).await?;
        let mut held = Vec::new();
        while let Some(part) = answering.next(WITHIN).await? {
            if let Answer::Session(one) = part {
                held.push(*one);
            }
        }
        Ok(held)
    }
}

/// An answer that comes in parts.
pub struct Answering {
    stream: socket::Stream,
    path: PathBuf,
    is_over: bool,
}

impl Answering {
    /// The next part, awaited for `limit`; nothing when that was all. Not safe to cancel: begin anew after that.
    ///
    /// # Errors
    /// When it was refused, is late, or the program has ended.
    pub async fn next(&mut self, limit: Duration) -> Result<Option<Answer>, ControlError> {
        if self.is_over {
            return Ok(None);
        }
        let reply = read(&mut self.stream, limit).await;
        self.is_over = !matches!(reply, Ok(Reply::Part(_)));
        match reply.map_err(|error| in_words(error, &self.path))? {
            Reply::Part(part) => Ok(Some(part)),
            Reply::Refused(refused) => Err(refused.into()),
            Reply::Done => Ok(None),
        }
    }

    /// The parts as they come, each awaited for `limit`.
    pub fn parts(self, limit: Duration) -> impl Stream<Item = Result<Answer, ControlError>> {
        stream::unfold(self, move |mut answering| async move {
            let next = answering.next(limit).await.transpose()?;
            Some((next, answering))
        })
        .fuse()
    }
}

/// Connects and says hello; nothing where the program is gone.
async fn greet(path: &Path, asking: &str) -> Result<Option<(socket::Stream, Welcome)>, ControlError> {
    let hello = Hello {
        program: asking.to_owned(),
    };
    let Ok(connected) = timeout(WITHIN, socket::connect(path)).await else {
        return Err(ControlError::Silent);
    };
    let Some(mut stream) = connected? else {
        return Ok(None);
    };
    let greeting = async {
        write_preamble(&mut stream, &hello).await?;
        read_preamble::<Greeting>(&mut stream).await
    };
    match greeting.await.map_err(|error| in_words(error, path))? {
        Greeting::Welcome(welcome) => Ok(Some((stream, welcome))),
        Greeting::Refused(refused) => Err(refused.into()),
    }
}

fn in_words(error: WireError, path: &Path) -> ControlError {
    match error {
        WireError::NotOurs => ControlError::NotOurs {
            path: path.to_owned(),
        },
        WireError::Version(theirs) => ControlError::Version { theirs },
        WireError::Stuck => ControlError::Silent,
        WireError::TooLong(announced) => ControlError::BrokeOff(FrameError::TooLong { announced }),
        WireError::Frame(error) => ControlError::BrokeOff(error),
    }
}
