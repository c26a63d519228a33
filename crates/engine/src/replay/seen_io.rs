//! A connection whose bytes are recorded as they pass.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use intercept_inspect::record::{End, Seen};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is written to it is a request, and what is read from it the answer.
pub(super) struct SeenIo<S> {
    io: S,
    seen: Seen,
    began: Instant,
}

impl<S> SeenIo<S> {
    pub(super) fn new(io: S, seen: Seen) -> Self {
        Self {
            io,
            seen,
            began: Instant::now(),
        }
    }

    pub(super) fn into_seen(mut self, end: End) -> Seen {
        self.seen.end = end;
        self.seen
    }

    fn at(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SeenIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            let at = self.at();
            if self.seen.request.is_http2() {
                self.seen.answer.speaks_http2();
            }
            self.seen.answer.pass(&buf.filled()[before..], at);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SeenIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = polled {
            let at = self.at();
            self.seen.request.pass(&buf[..written], at);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
