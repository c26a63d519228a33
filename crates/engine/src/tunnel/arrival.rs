//! A connection that came through a relay and waits for a verdict.
//!
//! An [`Acceptor`] gives it: connects it to the local program, serves it itself, or leaves it to the original pods.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use intercept_protocol::ids::InterceptId;
use intercept_protocol::mux::Stream;
use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::sync::broadcast;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::connector::PodName;
use super::routes::Counters;
use super::state::RelayEvent;
use super::taken::Undecided;

/// A verdict waits this long for the answer's first bytes and then travels alone. Together they are one
/// message through API server, kubelet and container runtime instead of two.
const VERDICT_WAITS: Duration = Duration::from_millis(1);
/// The verdict on a later request of a stream waits for its answer, however long: the other end keeps what it has sent
/// until then, and waits itself only when that is more than this. A timer for each request would cost more than the
/// message. Not so the first one's: it acknowledges the stream, and only so many may be open without that.
const VERDICT_AFTER: usize = 64 * 1024;
/// What the verdict and the first bytes share: one frame of yamux.
const FIRST_FRAME: usize = 16 * 1024;
const READ_AHEAD: usize = 8 * 1024;

/// Decides what becomes of an intercept's connections.
pub trait Acceptor: Send + Sync + 'static {
    /// Serves one connection from its verdict to its end. May be cancelled: the connection is then refused, or reset
    /// where it was accepted.
    fn serve(&self, arrival: Arrival) -> BoxFuture<'static, ()>;
}

/// A connection without a verdict. Dropped, it is refused.
pub struct Arrival {
    intercept: InterceptId,
    pod: PodName,
    stream: Undecided,
    serves_requests: bool,
    counters: Arc<Counters>,
    events_tx: broadcast::Sender<RelayEvent>,
    leaving: CancellationToken,
    /// What was read before it was taken.
    ahead: Vec<u8>,
}

impl Arrival {
    pub(super) fn new(
        (intercept, pod): (InterceptId, PodName),
        (stream, serves_requests): (Undecided, bool),
        counters: Arc<Counters>,
        events_tx: broadcast::Sender<RelayEvent>,
        leaving: CancellationToken,
    ) -> Self {
        Self {
            intercept,
            pod,
            stream,
            serves_requests,
            counters,
            events_tx,
            leaving,
            ahead: Vec::new(),
        }
    }

    /// Reads some of it before it is taken, up to `limit` bytes in all; how many. Safe to cancel.
    ///
    /// # Errors
    /// When the relay ended meanwhile.
    pub async fn read_ahead(&mut self, limit: usize) -> io::Result<usize> {
        let room = limit.saturating_sub(self.ahead.len());
        self.ahead.reserve(room.min(READ_AHEAD));
        self.stream
            .stream()
            .take(room as u64)
            .read_buf(&mut self.ahead)
            .await
    }

    /// What was read before it is taken; it is read again by whoever takes it.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// The intercept it belongs to.
    pub fn intercept(&self) -> &InterceptId {
        &self.intercept
    }

    /// The proxy pod it came through.
    pub fn pod(&self) -> &PodName {
        &self.pod
    }

    /// Takes it. The cluster is told with the first bytes that are written, or very soon.
    pub fn accept(self) -> Accepted {
        self.counters.accepted();
        Accepted {
            stream: self.stream.accept(),
            ahead: self.ahead,
            serves_requests: self.serves_requests,
            verdict: Some(Due::At(Box::pin(sleep(VERDICT_WAITS)))),
            has_ended_in: false,
            has_ended_out: false,
            counters: self.counters,
            leaving: Box::pin(self.leaving.cancelled_owned()),
        }
    }

    /// Leaves it to the original pods; only while nothing of it was delivered to anybody.
    pub async fn refuse(self, reason: String) {
        if self.counters.refused() {
            // Nobody may be listening for events.
            let _ = self.events_tx.send(RelayEvent::NotServed {
                intercept: self.intercept,
                reason,
            });
        }
        self.stream.refuse().await;
    }
}

/// When a verdict leaves alone.
enum Due {
    At(Pin<Box<Sleep>>),
    /// When so many more bytes have come.
    After(usize),
}

/// An accepted connection. Dropped before both directions have ended it is reset.
///
/// A read of nothing means that the caller has ended its direction; a reset is an error.
pub struct Accepted {
    stream: Stream,
    /// To be read first.
    ahead: Vec<u8>,
    serves_requests: bool,
    /// Present until the verdict has left.
    verdict: Option<Due>,
    has_ended_in: bool,
    has_ended_out: bool,
    counters: Arc<Counters>,
    leaving: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Accepted {
    /// Whether it carries one request of HTTP/1.1 after the other, each with a verdict of its own.
    pub fn serves_requests(&self) -> bool {
        self.serves_requests
    }

    /// Ready once no other request is to be taken: the session ends. To be polled while a connection rests.
    pub(super) fn poll_leaving(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.leaving.as_mut().poll(cx)
    }

    /// Whether the other end was reset, or its relay is gone.
    pub(super) fn was_reset(&self) -> bool {
        !self.has_ended_out && self.stream.get_ref().is_closed()
    }

    /// Takes the next request as well: its verdict goes before whatever is written from here on.
    pub fn accept_next(&mut self) {
        self.verdict = Some(Due::After(VERDICT_AFTER));
    }

    /// Takes no other request. One that is on its way finds another stream; nothing of it was delivered.
    ///
    /// # Errors
    /// When the relay ended meanwhile.
    pub async fn refuse_next(mut self) -> io::Result<()> {
        self.stream.write_all(&[Verdict::Refused as u8]).await?;
        self.stream.shutdown().await?;
        (self.has_ended_in, self.has_ended_out) = (true, true);
        Ok(())
    }

    /// Sends the verdict alone once it is due. To be polled along with everything else.
    pub(super) fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.verdict {
            Some(Due::At(moment)) => ready!(moment.as_mut().poll(cx)),
            Some(Due::After(1..)) | None => return Poll::Ready(Ok(())),
            Some(Due::After(0)) => {}
        }
        self.poll_verdict_now(cx)
    }

    fn poll_verdict_now(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.verdict.is_some() {
            ready!(Pin::new(&mut self.stream).poll_write(cx, &[Verdict::Accepted as u8]))?;
            self.verdict = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Verdict and first bytes in one frame; how many of `bytes` fitted, possibly none.
    fn poll_first_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let head = &bytes[..bytes.len().min(FIRST_FRAME - 1)];
        let mut frame = Vec::with_capacity(1 + head.len());
        frame.push(Verdict::Accepted as u8);
        frame.extend_from_slice(head);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &frame))?;
        self.verdict = None;
        Poll::Ready(Ok(written.saturating_sub(1)))
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_verdict(cx) {
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        if !self.ahead.is_empty() {
            let now = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..now]);
            self.ahead.drain(..now);
            self.counters.received(now);
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let received = buf.filled().len() - before;
        self.counters.received(received);
        if let Some(Due::After(bytes)) = &mut self.verdict {
            *bytes = bytes.saturating_sub(received);
        }
        if received == 0 && buf.remaining() > 0 && !self.has_ended_in {
            // yamux ends the reads of a reset stream like those of a finished one. But closed in both
            // directions while ours was open can only be a reset.
            if self.was_reset() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            self.has_ended_in = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut written = 0;
        if self.verdict.is_some() {
            written = ready!(self.poll_first_write(cx, buf))?;
        }
        if written == 0 {
            written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        }
        self.counters.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_verdict_now(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_verdict_now(cx))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        self.has_ended_out = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        self.counters.ended(!(self.has_ended_in && self.has_ended_out));
    }
}
