//! The streams of one open relay: each is greeted, given its verdict and served in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::mux::{Incoming, Stream};
use intercept_protocol::relay::{FrameError, PROBE_HEADER, StreamOpen, Verdict, read_frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::arrival::Arrival;
use super::connector::PodName;
use super::routes::Routes;
use super::state::RelayEvent;
use super::taken::{Taken, Undecided};

/// The agent names a stream in its first bytes; one that does not is not worth a task.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// A probe that NGINX has started to send must end soon.
const PROBE_LIMIT: Duration = Duration::from_secs(5);
const PROBE_HEAD_LIMIT: usize = 64 * 1024;

/// What serving streams needs; shared by all relays of a pool.
#[derive(Clone)]
pub(super) struct Serving {
    pub(super) pod: PodName,
    pub(super) routes: Routes,
    pub(super) events_tx: broadcast::Sender<RelayEvent>,
    /// Bounds what all relays together have open on this machine.
    pub(super) slots: Arc<Semaphore>,
    /// The pool is about to stop: what is being served may finish, and nothing else is taken.
    pub(super) leaving: CancellationToken,
}

/// Serves streams until the connection ends. Dropped, it resets those that are open.
pub(super) async fn serve_all(mut incoming: Incoming, serving: Serving, taken: Taken) {
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            stream = incoming.accept() => match stream {
                Some(stream) => drop(streams.spawn(serve(taken.take(stream), serving.clone(), taken.clone()))),
                None => return,
            },
            Some(ended) = streams.join_next() => {
                if ended.is_err() {
                    tracing::error!(pod = %serving.pod, "serving a connection panicked");
                }
            }
        }
    }
}

/// From its opening frame to its end, or to the relay's.
async fn serve(stream: Undecided, serving: Serving, taken: Taken) {
    tokio::select! {
        () = to_its_end(stream, serving) => {}
        () = taken.ended() => {}
    }
}

async fn to_its_end(mut stream: Undecided, serving: Serving) {
    let opened: Result<StreamOpen, FrameError> = match timeout(OPEN_LIMIT, read_frame(stream.stream())).await
    {
        Ok(opened) => opened,
        Err(_) => return tracing::debug!(pod = %serving.pod, "a stream did not say what it is"),
    };
    match opened {
        Ok(StreamOpen::Connection { intercept }) => connection((stream, false), intercept, &serving).await,
        Ok(StreamOpen::Requests { intercept }) => connection((stream, true), intercept, &serving).await,
        Ok(StreamOpen::Probe { nonce }) => {
            match timeout(PROBE_LIMIT, answer_probe(stream.accept(), nonce)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(pod = %serving.pod, %error, "a probe was cut off"),
                Err(_) => tracing::debug!(pod = %serving.pod, "a probe did not end"),
            }
        }
        Err(error) => tracing::debug!(pod = %serving.pod, %error, "a stream was not understood"),
    }
}

async fn connection((stream, serves_requests): (Undecided, bool), intercept: InterceptId, serving: &Serving) {
    let is_leaving = serving.leaving.is_cancelled();
    let Some(route) = serving.routes.find(&intercept).filter(|_| !is_leaving) else {
        // Its developer leaves or has left, and the pod's NGINX does not know yet.
        return stream.refuse().await;
    };
    let names = (intercept, serving.pod.clone());
    let arrival = Arrival::new(
        names,
        (stream, serves_requests),
        Arc::clone(&route.counters),
        serving.events_tx.clone(),
        serving.leaving.clone(),
    );
    match Arc::clone(&serving.slots).try_acquire_owned() {
        Ok(_slot) => route.acceptor.serve(arrival).await,
        Err(_) => arrival.refuse("no more connections are taken".into()).await,
    }
}

/// Answers the agent's own request; the local program never sees it.
async fn answer_probe(mut stream: Stream, nonce: u64) -> Result<(), FrameError> {
    stream.write_all(&[Verdict::Accepted as u8]).await?;
    read_head(&mut stream).await?;
    let answer = format!("HTTP/1.1 204 No Content\r\n{PROBE_HEADER}: {nonce}\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // What else the agent sends is read until it closes: closing first could cut off our answer.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn read_head(stream: &mut Stream) -> Result<(), FrameError> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        if head.len() > PROBE_HEAD_LIMIT {
            return Err(FrameError::TooLong {
                announced: head.len(),
            });
        }
    }
    Ok(())
}
