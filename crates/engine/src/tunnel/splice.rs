//! Joins an accepted connection and the local program: both directions at once, in one task.
//!
//! Each direction ends by itself (half-close); a reset of either side resets the other; a side that does
//! not take bytes holds back the one that sends them. A local program that has answered and no longer
//! reads is common (an early `413`): its answer is carried to the end, and what the caller still sends
//! is read and dropped, as the program's own kernel would.
//!
//! One thing yamux cannot carry: a side that has ended its direction can no longer reset the other one.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::arrival::Accepted;
use crate::target::TargetStream;

/// Most requests and many answers fit; connections are many and short.
const FIRST_BUFFER: usize = 8 * 1024;
/// What a direction that keeps filling its buffer grows to.
const FULL_BUFFER: usize = 64 * 1024;

/// Carries bytes until both directions have ended, or one side is reset; then both are.
pub(super) async fn splice(mut caller: Accepted, mut local: TargetStream) -> io::Result<()> {
    let mut request = Direction::new();
    let mut answer = Direction::new();
    poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = caller.poll_verdict(cx) {
            return Poll::Ready(Err(error));
        }
        // The answer first: verdict and answer then leave together.
        let answered = answer.poll(cx, &mut local, &mut caller, OnWriteError::Fail)?;
        let requested = request.poll(cx, &mut caller, &mut local, OnWriteError::Discard)?;
        if answered.is_ready() && requested.is_ready() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    })
    .await?;
    local.finish();
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum OnWriteError {
    /// The connection is over.
    Fail,
    /// Read on and drop it: what the other direction still carries decides how the connection ends.
    Discard,
}

struct Direction {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    step: Step,
    needs_flush: bool,
    discards: bool,
}

enum Step {
    Carrying,
    Ending,
    Ended,
}

impl Direction {
    fn new() -> Self {
        Self {
            buffer: vec![0; FIRST_BUFFER],
            start: 0,
            end: 0,
            step: Step::Carrying,
            needs_flush: false,
            discards: false,
        }
    }

    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        on_write_error: OnWriteError,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match self.step {
                Step::Ended => return Poll::Ready(Ok(())),
                Step::Carrying if self.start == self.end => ready!(self.poll_fill(cx, from, to))?,
                Step::Carrying | Step::Ending => match ready!(self.poll_drain(cx, to)) {
                    Err(_) if on_write_error == OnWriteError::Discard => {
                        self.discards = true;
                        self.start = self.end;
                    }
                    result => result?,
                },
            }
        }
    }

    fn poll_fill<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if self.end == self.buffer.len() && self.buffer.len() < FULL_BUFFER {
            self.buffer.resize(FULL_BUFFER, 0);
        }
        let mut space = ReadBuf::new(&mut self.buffer);
        let Poll::Ready(read) = Pin::new(from).poll_read(cx, &mut space) else {
            if self.needs_flush {
                ready!(Pin::new(to).poll_flush(cx))?;
                self.needs_flush = false;
            }
            return Poll::Pending;
        };
        read?;
        (self.start, self.end) = (0, space.filled().len());
        if self.end == 0 {
            self.step = Step::Ending;
        } else if self.discards {
            self.start = self.end;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_drain<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        if let Step::Ending = self.step {
            if !self.discards {
                ready!(Pin::new(to).poll_shutdown(cx))?;
            }
            self.step = Step::Ended;
            return Poll::Ready(Ok(()));
        }
        while self.start < self.end {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.buffer[self.start..self.end]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += written;
            self.needs_flush = true;
        }
        Poll::Ready(Ok(()))
    }
}
