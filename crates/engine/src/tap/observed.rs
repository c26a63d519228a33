//! A connection that shows what passes to somebody, piece by piece.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Way;

/// Passes everything on, and shows it once it has passed.
pub(crate) struct Observed<S, F> {
    io: S,
    /// Whose bytes are read; the other's are written.
    read: Way,
    see: F,
}

impl<S, F: FnMut(Way, &[u8])> Observed<S, F> {
    /// A connection to a caller, whose requests are read and answers written.
    pub(crate) fn caller(io: S, see: F) -> Self {
        let read = Way::Request;
        Self { io, read, see }
    }

    /// A connection to a program, to which requests are written and whose answers are read.
    pub(crate) fn program(io: S, see: F) -> Self {
        let read = Way::Answer;
        Self { io, read, see }
    }

    fn written(&self) -> Way {
        match self.read {
            Way::Request => Way::Answer,
            Way::Answer => Way::Request,
        }
    }
}

impl<S, F> AsyncRead for Observed<S, F>
where
    S: AsyncRead + Unpin,
    F: FnMut(Way, &[u8]) + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let (read, came) = (self.read, &buf.filled()[before..]);
        if !came.is_empty() {
            (self.see)(read, came);
        }
        polled
    }
}

impl<S, F> AsyncWrite for Observed<S, F>
where
    S: AsyncWrite + Unpin,
    F: FnMut(Way, &[u8]) + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(count)) = polled {
            let written = self.written();
            (self.see)(written, &buf[..count]);
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
