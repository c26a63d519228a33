//! What the multiplexer runs over: gathers small writes and notes when the peer was last heard.
//!
//! yamux writes each frame's header and body by itself and flushes after each frame. Passed on like that,
//! every frame of every stream becomes two packets, or through a port-forward a WebSocket message that
//! the API server, the kubelet and the container runtime each handle again. It also always asks for
//! something to read after it has nothing left to write; so that is the moment when the gathered bytes
//! are sent, as one write. `poll_flush` alone sends nothing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::time::Instant;

/// One read of the port-forward fits, and so do a few full frames.
const READ_BUFFER: usize = 64 * 1024;
/// Beyond this a write is passed on even though more might follow.
const GATHER: usize = 64 * 1024;

/// A connection for the multiplexer.
pub(super) struct Wire<T> {
    io: BufReader<T>,
    gathered: Vec<u8>,
    written: usize,
    needs_flush: bool,
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
            heard: Heard::now(),
        }
    }

    pub(super) fn heard(&self) -> Heard {
        self.heard.clone()
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
            if let Poll::Ready(Err(error)) = this.poll_send(cx) {
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
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn small_writes_leave_as_one_when_something_is_read() {
        let (mut wire, mut peer) = pair();
        for part in [b"he".as_slice(), b"l", b"lo"] {
            wire.write_all(part).await.unwrap();
            wire.flush().await.unwrap();
        }
        peer.write_all(b"!").await.unwrap();
        assert_eq!(wire.read_u8().await.unwrap(), b'!');
        let mut got = [0; 16];
        assert_eq!(peer.read(&mut got).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn shutdown_sends_what_was_gathered() {
        let (mut wire, mut peer) = pair();
        wire.write_all(b"last words").await.unwrap();
        wire.shutdown().await.unwrap();
        let mut got = String::new();
        peer.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "last words");
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_still_heard() {
        let (mut wire, mut peer) = pair();
        wire.write_all(&[0; 4096]).await.unwrap();
        peer.write_all(b"x").await.unwrap();
        assert_eq!(wire.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_byte() {
        let (mut wire, mut peer) = pair();
        let heard = wire.heard();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(heard.silence(), Duration::from_secs(3));
        peer.write_all(b"x").await.unwrap();
        wire.read_u8().await.unwrap();
        assert_eq!(heard.silence(), Duration::ZERO);
    }

    fn pair() -> (Wire<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(1024);
        (Wire::new(ours), theirs)
    }
}
