//! When a peer was last heard: every byte counts, whatever it belongs to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep};

/// Knows when its connection last received something.
#[derive(Clone, Debug)]
pub struct Heard {
    start: Instant,
    last_millis: Arc<AtomicU64>,
}

impl Heard {
    /// As if it had just received something.
    pub fn now() -> Self {
        Self {
            start: Instant::now(),
            last_millis: Arc::default(),
        }
    }

    fn note(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.store(elapsed, Ordering::Relaxed);
    }

    /// For how long nothing at all has come.
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last_millis.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }

    /// Resolves once nothing was heard for `limit`.
    pub async fn silent_for(&self, limit: Duration) {
        loop {
            let silence = self.silence();
            if silence >= limit {
                return;
            }
            sleep(limit - silence).await;
        }
    }
}

/// A connection that notes when it receives.
#[derive(Debug)]
pub struct Listening<T> {
    io: T,
    heard: Heard,
}

impl<T> Listening<T> {
    /// Notes in `heard` what `io` receives.
    pub fn new(io: T, heard: Heard) -> Self {
        Self { io, heard }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Listening<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.heard.note();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Listening<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_byte_received_puts_the_end_off() {
        let (mut far, near) = tokio::io::duplex(16);
        let heard = Heard::now();
        let mut near = Listening::new(near, heard.clone());
        let start = Instant::now();
        let talking = async {
            sleep(Duration::from_secs(4)).await;
            far.write_all(b"x").await.unwrap();
            near.read_u8().await.unwrap();
        };
        tokio::join!(talking, heard.silent_for(Duration::from_secs(5)));
        assert_eq!(start.elapsed().as_secs(), 9);
    }
}
