//! One relay connection: its hello, its control stream, its end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::heard::{Heard, Listening};
use intercept_protocol::ids::SessionId;
use intercept_protocol::mux::{Incoming, Mux, Side, Stream};
use intercept_protocol::record::Record;
use intercept_protocol::relay::{
    Answer, FrameError, Hello, Refusal, SILENCE_LIMIT, Status, ToAgent, ToLaptop, read_frame, read_preamble,
    write_frame, write_preamble,
};
use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{Joined, without_delay};
use crate::agent::Agent;
use crate::traffic::{Watching, clock};
use crate::{info, log, probe, trace, warning};

/// A laptop may connect before the record that names it has arrived here.
const RECORD_LIMIT: Duration = Duration::from_secs(2);
/// Answers waiting to be written; a laptop that does not read is not asked for more.
const ANSWERS: usize = 64;

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the laptop said nothing for {} s", SILENCE_LIMIT.as_secs())]
    Silent,
    #[error("the laptop is refused: {0}")]
    Refused(Refusal),
    #[error("the laptop opened no control stream")]
    NoControl,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the laptop left")]
    Left,
    #[error("the connection broke")]
    Broken(#[source] io::Error),
}

/// Carries one connection to its end.
pub(super) async fn carry(agent: &Arc<Agent>, mut io: TcpStream) {
    without_delay(&io);
    let session = match timeout(SILENCE_LIMIT, greet(agent, &mut io)).await {
        Ok(Ok(session)) => session,
        Ok(Err(ended)) => return warning!("relay refused: {}", log::chain(&ended)),
        Err(_) => return warning!("relay refused: no hello within {} s", SILENCE_LIMIT.as_secs()),
    };
    info!("relay of session {session} is open");
    let ended = relay(agent, io, &session).await;
    info!("relay of session {session} is closed: {}", log::chain(&ended));
}

async fn greet(agent: &Agent, io: &mut TcpStream) -> Result<SessionId, Ended> {
    let hello = match read_preamble::<Hello>(io).await {
        Ok(hello) => hello,
        Err(error) => {
            if matches!(error, FrameError::VersionMismatch { .. }) {
                // The version in front of the answer is the answer.
                write_preamble(io, &Answer::Refused(Refusal::UnknownSession)).await?;
            }
            return Err(error.into());
        }
    };
    let refusal = if *agent.draining.borrow() {
        Some(Refusal::Draining)
    } else if is_known(agent, &hello).await {
        None
    } else {
        Some(Refusal::UnknownSession)
    };
    if let Some(refusal) = refusal {
        write_preamble(io, &Answer::Refused(refusal)).await?;
        // The hello was read to its end, so this close cannot overtake the answer.
        let _ = io.shutdown().await;
        return Err(Ended::Refused(refusal));
    }
    let program = concat!("intercept-agent ", env!("CARGO_PKG_VERSION")).to_owned();
    write_preamble(io, &Answer::Welcome { program }).await?;
    Ok(hello.session)
}

async fn is_known(agent: &Agent, hello: &Hello) -> bool {
    let mut record_rx = agent.record.subscribe();
    let known = record_rx.wait_for(|record| record.as_ref().is_some_and(|record| admits(record, hello)));
    timeout(RECORD_LIMIT, known)
        .await
        .is_ok_and(|found| found.is_ok())
}

fn admits(record: &Record, hello: &Hello) -> bool {
    record
        .intercepts
        .iter()
        .any(|one| one.session == hello.session && one.token_hash.admits(&hello.token))
}

async fn relay(agent: &Arc<Agent>, io: TcpStream, session: &SessionId) -> Ended {
    let heard = Heard::now();
    let io = Listening::new(io, heard.clone());
    let (mux, incoming, mut driver) = Mux::start(io, Side::Agent);
    // Held to the end here: the last one that goes ends the connection, and with it what a laptop that
    // says goodbye still has in flight.
    let mut joined = Some(agent.relays.join(session.clone(), mux.clone()));
    let ended = tokio::select! {
        ended = control((agent, session), incoming, &mut joined) => ended,
        () = heard.silent_for(SILENCE_LIMIT) => Ended::Silent,
        result = &mut driver => return match result {
            Ok(Err(error)) => Ended::Broken(error),
            _ => Ended::Left,
        },
    };
    // First nobody opens more on it. Cut off and not closed in order: only so every stream hears of it.
    drop((joined, mux));
    driver.abort();
    ended
}

async fn control(
    (agent, session): (&Arc<Agent>, &SessionId),
    mut incoming: Incoming,
    joined: &mut Option<Joined<'_>>,
) -> Ended {
    let Some(stream) = incoming.accept().await else {
        return Ended::Left;
    };
    let (reader, writer) = tokio::io::split(stream);
    // reader and probes → writer
    let (answer_tx, answer_rx) = mpsc::channel(ANSWERS);
    // reader → writer
    let (watch_tx, watch_rx) = watch::channel(false);
    let watching = Watching::new(agent, session, watch_rx);
    // Streams beyond the first are no part of this protocol; they are reset by being dropped.
    let others = async { while incoming.accept().await.is_some() {} };
    tokio::select! {
        ended = listen(agent, reader, (answer_tx, watch_tx), joined) => ended,
        ended = speak(agent, writer, answer_rx, watching) => ended,
        () = others => Ended::NoControl,
    }
}

async fn listen(
    agent: &Arc<Agent>,
    mut reader: ReadHalf<Stream>,
    (answer_tx, watch_tx): (mpsc::Sender<ToLaptop>, watch::Sender<bool>),
    joined: &mut Option<Joined<'_>>,
) -> Ended {
    loop {
        match read_frame::<ToAgent>(&mut reader).await {
            Ok(ToAgent::Ping { sequence }) => {
                let pong = ToLaptop::Pong {
                    sequence,
                    at: clock(),
                };
                if answer_tx.send(pong).await.is_err() {
                    return Ended::Left;
                }
            }
            Ok(ToAgent::Probe { intercept, nonce }) => {
                let (agent, answer_tx) = (agent.clone(), answer_tx.clone());
                let tracker = agent.connections.clone();
                tracker.spawn(async move {
                    let failure = probe::send(&agent, &intercept, nonce).await.err();
                    let failure = failure.map(|error| log::chain(&error));
                    // A laptop that left meanwhile needs no answer.
                    let _ = answer_tx.send(ToLaptop::Probed { nonce, failure }).await;
                });
            }
            Ok(ToAgent::Watch { traffic }) => drop(watch_tx.send_replace(traffic)),
            Ok(ToAgent::Trace { intercept, nonce, to }) => {
                let (agent, answer_tx) = (agent.clone(), answer_tx.clone());
                let tracker = agent.connections.clone();
                tracker.spawn(async move {
                    match to {
                        Some(to) => trace::send(&agent, &intercept, nonce, to, answer_tx).await,
                        None => trace::expect(&agent, intercept, nonce, answer_tx).await,
                    }
                });
            }
            Ok(ToAgent::Goodbye) => {
                // Said once; the relay is out from then on.
                let Some(joined) = joined.take() else { continue };
                let streams = joined.leave().await;
                if answer_tx.send(ToLaptop::Goodbye { streams }).await.is_err() {
                    return Ended::Left;
                }
            }
            Err(FrameError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ended::Left,
            Err(error) => return error.into(),
        }
    }
}

async fn speak(
    agent: &Agent,
    mut writer: WriteHalf<Stream>,
    mut answer_rx: mpsc::Receiver<ToLaptop>,
    mut watching: Watching,
) -> Ended {
    let mut status_rx = agent.status.subscribe();
    let mut draining_rx = agent.draining.subscribe();
    // The first status follows the hello; a pod that began to drain in between says so at once.
    status_rx.mark_changed();
    if *draining_rx.borrow() {
        draining_rx.mark_changed();
    }
    loop {
        let message = tokio::select! {
            Some(answer) = answer_rx.recv() => answer,
            Ok(()) = status_rx.changed() => ToLaptop::Status(known(&status_rx.borrow_and_update())),
            Ok(()) = draining_rx.changed() => ToLaptop::Draining,
            report = watching.next() => ToLaptop::Traffic(report),
            else => return Ended::Left,
        };
        if let Err(error) = write_frame(&mut writer, &message).await {
            return error.into();
        }
    }
}

/// A gate may open before NGINX knows of it; until then it counts for nothing.
fn known(status: &Status) -> Status {
    let mut status = status.clone();
    status.open.retain(|id| status.routed.contains(id));
    status
}
