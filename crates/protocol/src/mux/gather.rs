//! What the multiplexer runs over: fewer, larger reads and writes.
//!
//! yamux writes each frame's header and body by itself and flushes after each frame. Passed on like that, every frame of
//! every stream becomes two packets, or through a port-forward a WebSocket message that the API server, the kubelet and
//! the container runtime each handle again. It also always asks for something to read after it has nothing left to write;
//! so that is the moment when the gathered bytes are sent, as one write. `poll_flush` alone sends nothing.
//!
//! Before that everybody else who is ready has a turn, and another one as long as turns bring more: the requests or
//! answers of many streams then leave in one message. A lone one waits for one empty turn, which is microseconds.
//! And the end of a stream is worth no message of its own: it waits a moment for something else to travel with.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::task::yield_now;
use tokio::time::{Sleep, sleep};

mod frames;

use frames::Frames;

/// One read of the port-forward fits, and so do a few full frames.
const READ_BUFFER: usize = 64 * 1024;
/// Beyond this a write is passed on even though more might follow.
const GATHER: usize = 64 * 1024;
/// More than this waits for nobody.
const ENOUGH: usize = 16 * 1024;
const TURNS: u8 = 8;
/// How long the end of a stream waits for company.
const END_WAITS: Duration = Duration::from_millis(1);

/// A connection for the multiplexer.
pub(super) struct Gather<T> {
    io: BufReader<T>,
    gathered: Vec<u8>,
    written: usize,
    needs_flush: bool,
    frames: Frames,
    waits: Option<Wait>,
}

/// Why gathered bytes are not sent at this moment.
enum Wait {
    /// Others may have something to add.
    ForTurn(Turn),
    /// There are only ends of streams.
    ForCompany(Pin<Box<Sleep>>),
    /// They are being sent.
    Over,
}

/// One turn of everybody else who is ready.
struct Turn {
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    number: u8,
    /// What was gathered when it began.
    before: usize,
}

impl Turn {
    fn new(number: u8, before: usize) -> Self {
        let over = Box::pin(yield_now());
        Self { over, number, before }
    }
}

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Gather")
            .field("gathered", &self.gathered.len())
            .finish_non_exhaustive()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Gather<T> {
    pub(super) fn new(io: T) -> Self {
        Self {
            io: BufReader::with_capacity(READ_BUFFER, io),
            gathered: Vec::with_capacity(GATHER),
            written: 0,
            needs_flush: false,
            frames: Frames::default(),
            waits: None,
        }
    }

    /// Sends what was gathered, once others have had their turn, or ends of streams have waited for company.
    fn poll_send_in_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathered.is_empty() {
            return self.poll_send(cx);
        }
        let length = self.gathered.len();
        if self.frames.is_urgent && !matches!(self.waits, Some(Wait::ForTurn(_) | Wait::Over)) {
            self.waits = Some(Wait::ForTurn(Turn::new(1, length)));
        }
        match self
            .waits
            .get_or_insert_with(|| Wait::ForCompany(Box::pin(sleep(END_WAITS))))
        {
            Wait::ForTurn(turn) => loop {
                ready!(turn.over.as_mut().poll(cx));
                if length == turn.before || length >= ENOUGH || turn.number >= TURNS {
                    break;
                }
                *turn = Turn::new(turn.number + 1, length);
            },
            Wait::ForCompany(sleep) => ready!(sleep.as_mut().poll(cx)),
            Wait::Over => {}
        }
        self.waits = Some(Wait::Over);
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
        self.frames.is_urgent = false;
        self.waits = None;
        if self.needs_flush {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.needs_flush = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gather<T> {
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
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gather<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.gathered.len() >= GATHER {
            ready!(self.poll_send(cx))?;
        }
        let taken = buf.len().min(GATHER - self.gathered.len());
        self.gathered.extend_from_slice(&buf[..taken]);
        self.frames.follow(&buf[..taken]);
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
