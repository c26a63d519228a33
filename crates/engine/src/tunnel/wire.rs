//! What the multiplexer runs over: gathers small writes and notes when the peer was last heard.
//!
//! yamux writes each frame's header and body by itself and flushes after each frame. Passed on like that,
//! every frame of every stream becomes two packets, or through a port-forward a WebSocket message that
//! the API server, the kubelet and the container runtime each handle again. It also always asks for
//! something to read after it has nothing left to write; so that is the moment when the gathered bytes
//! are sent, as one write. `poll_flush` alone sends nothing.
//!
//! The end of a stream is worth no message of its own either: with one connection for each request it would
//! be every second message. It waits a moment for something else to travel with.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

mod frames;

use frames::Frames;

/// One read of the port-forward fits, and so do a few full frames.
const READ_BUFFER: usize = 64 * 1024;
/// Beyond this a write is passed on even though more might follow.
const GATHER: usize = 64 * 1024;

/// How long the end of a stream waits for company.
const END_WAITS: Duration = Duration::from_millis(1);

/// A connection for the multiplexer.
pub(super) struct Wire<T> {
    io: BufReader<T>,
    gathered: Vec<u8>,
    written: usize,
    needs_flush: bool,
    /// Absent until frames are written: what comes before them never waits.
    frames: Option<Frames>,
    end_waits: Option<Pin<Box<Sleep>>>,
    heard: Heard,
}

/// When the peer was last heard.
#[derive(Clone)]
pub(super) struct Heard {
    start: Instant,
    millis: Arc<AtomicU64>,
}

impl Heard {
    fn now() -> Self {
        Self {
            start: Instant::now(),
            millis: Arc::default(),
        }
    }

    fn note(&self) {
        // An age of 500 million years does not fit; nothing else is cut.
        self.millis
            .store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// For how long nothing at all has come.
    pub(super) fn silence(&self) -> Duration {
        self.start
            .elapsed()
            .saturating_sub(Duration::from_millis(self.millis.load(Ordering::Relaxed)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    pub(super) fn new(io: T) -> Self {
        Self {
            io: BufReader::with_capacity(READ_BUFFER, io),
            gathered: Vec::with_capacity(GATHER),
            written: 0,
            needs_flush: false,
            frames: None,
            end_waits: None,
            heard: Heard::now(),
        }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
    }

    /// From here on only frames of yamux are written.
    pub(super) fn begin_frames(&mut self) {
        self.frames = Some(Frames::default());
    }

    /// Sends what was gathered, unless it is only ends of streams, which wait for company.
    fn poll_send_in_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_urgent = self.frames.as_ref().is_none_or(|frames| frames.is_urgent);
        if !is_urgent && self.written == 0 && !self.gathered.is_empty() {
            let wait = self.end_waits.get_or_insert_with(|| Box::pin(sleep(END_WAITS)));
            ready!(wait.as_mut().poll(cx));
        }
        self.end_waits = None;
        self.poll_send(cx)
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.gathered.len() {
            let sent = ready!(Pin::new(&mut self.io).poll_write(cx, &self.gathered[self.written..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += sent;
            self.needs_flush = true;
        }
        self.gathered.clear();
        self.written = 0;
        if let Some(frames) = &mut self.frames {
            frames.is_urgent = false;
        }
        if self.needs_flush {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.io.buffer().is_empty() {
            // A peer that does not take our bytes must not keep us from reading its own.
            if let Poll::Ready(Err(error)) = this.poll_send_in_time(cx) {
                return Poll::Ready(Err(error));
            }
            if ready!(Pin::new(&mut this.io).poll_fill_buf(cx))?.is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.heard.note();
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHER {
            ready!(self.poll_send(cx))?;
        }
        let taken = buf.len().min(GATHER - self.gathered.len());
        self.gathered.extend_from_slice(&buf[..taken]);
        if let Some(frames) = &mut self.frames {
            frames.follow(&buf[..taken]);
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
