//! One direction of a connection, from one side's bytes to the other's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use intercept_protocol::exchange::Exchange;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::is_over;

/// Most requests and many answers fit; connections are many and short.
pub(super) const FIRST_BUFFER: usize = 8 * 1024;
/// What a direction that keeps filling its buffer grows to.
const FULL_BUFFER: usize = 64 * 1024;

/// Whose bytes they are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// The caller's. A program that no longer takes them decides with its answer how the connection ends, so they
    /// are then read and dropped.
    Request,
    /// The program's. A caller who no longer takes them ends the connection.
    Answer,
}

pub(super) struct Direction {
    way: Way,
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
    /// `first`: what was read already.
    pub(super) fn new(way: Way, first: Vec<u8>) -> Self {
        let end = first.len();
        let mut buffer = first;
        buffer.resize(end.max(FIRST_BUFFER), 0);
        Self {
            way,
            buffer,
            start: 0,
            end,
            step: Step::Carrying,
            needs_flush: false,
            discards: false,
        }
    }

    /// Whether everything that was read was passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Counts what was read already.
    pub(super) fn follow_first(&mut self, exchange: &mut Exchange) -> io::Result<()> {
        follow(self.way, &self.buffer[..self.end], exchange).map(drop)
    }

    /// Ready once its end was passed on; the end of an answer after which requests may follow is kept back.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        exchange: &mut Option<Exchange>,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            match self.step {
                Step::Ended => return Poll::Ready(Ok(())),
                Step::Ending if self.way == Way::Answer && exchange.as_ref().is_some_and(is_over) => {
                    return Poll::Pending;
                }
                Step::Carrying if self.is_empty() => ready!(self.poll_fill(cx, from, to, exchange))?,
                Step::Carrying | Step::Ending => match ready!(self.poll_drain(cx, to)) {
                    Err(_) if self.way == Way::Request => {
                        self.discards = true;
                        self.start = self.end;
                    }
                    result => result?,
                },
            }
        }
    }

    fn poll_fill<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        exchange: &mut Option<Exchange>,
    ) -> Poll<io::Result<()>>
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
        let length = space.filled().len();
        if length == 0 {
            self.step = Step::Ending;
        }
        (self.start, self.end) = (0, length);
        if let Some(exchange) = exchange {
            self.end = follow(self.way, &self.buffer[..length], exchange)?;
        }
        if self.discards {
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

/// How many of `bytes` are passed on. A program that says more than its answer (a body in answer to HEAD) is cut
/// short; a caller who says more than his request is not one of ours.
fn follow(way: Way, bytes: &[u8], exchange: &mut Exchange) -> io::Result<usize> {
    match way {
        Way::Answer => Ok(exchange.follow_answer(bytes)),
        Way::Request if exchange.follow_request(bytes) == bytes.len() => Ok(bytes.len()),
        Way::Request => Err(io::ErrorKind::InvalidData.into()),
    }
}
