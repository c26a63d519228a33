//! One direction of a connection, from one side's bytes to the other's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use intercept_protocol::exchange::Exchange;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tap::{Watch, Way};

/// Most requests and many answers fit; connections are many and short.
const FIRST_BUFFER: usize = 8 * 1024;
/// What a direction that keeps filling its buffer grows to.
const FULL_BUFFER: usize = 64 * 1024;

/// What is known of the bytes that pass.
pub(super) struct Passing<'a> {
    /// Absent where requests cannot be told apart.
    pub(super) exchange: Option<Exchange>,
    pub(super) watch: &'a mut Watch,
}

impl Passing<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.exchange.as_ref().is_some_and(Exchange::is_over)
    }

    pub(super) fn has_answered(&self) -> bool {
        self.exchange.as_ref().is_some_and(Exchange::has_whole_answer)
    }
}

/// A program that no longer takes a request's bytes decides with its answer how the connection ends, so they are then read
/// and dropped. A caller who no longer takes an answer's ends the connection.
pub(super) struct Direction {
    way: Way,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that were passed on.
    passed: u64,
    step: Step,
    needs_flush: bool,
    /// The side it goes to takes no more; what is read is dropped.
    discards: bool,
    /// What was read beyond the message.
    surplus: Vec<u8>,
}

enum Step {
    Carrying,
    Ending,
    Ended,
}

impl Direction {
    pub(super) fn new(way: Way) -> Self {
        Self {
            way,
            buffer: vec![0; FIRST_BUFFER],
            start: 0,
            end: 0,
            passed: 0,
            step: Step::Carrying,
            needs_flush: false,
            discards: false,
            surplus: Vec::new(),
        }
    }

    /// The next message begins, with what was read of it already.
    pub(super) fn restart(&mut self) {
        let first = std::mem::take(&mut self.surplus);
        self.put(&first);
        (self.step, self.needs_flush, self.discards) = (Step::Carrying, false, false);
    }

    fn put(&mut self, first: &[u8]) {
        if self.buffer.len() < first.len() {
            self.buffer.resize(first.len(), 0);
        }
        self.buffer[..first.len()].copy_from_slice(first);
        (self.start, self.end) = (0, first.len());
    }

    /// Reads the beginning of the next message; how long it is.
    pub(super) fn poll_first<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
    ) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(from).poll_read(cx, &mut space))?;
        (self.start, self.end) = (0, space.filled().len());
        Poll::Ready(Ok(self.end))
    }

    /// Whether everything that was read was passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How many bytes were passed on; only ever more.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// Whether its end was passed on.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.step, Step::Ended)
    }

    /// Whether what was read is dropped.
    pub(super) fn is_dropped(&self) -> bool {
        self.discards
    }

    /// From here on what is read is dropped: the side it would go to does not take it.
    pub(super) fn discard(&mut self) {
        self.discards = true;
        self.start = self.end;
    }

    /// Whether more was read than the message.
    pub(super) fn has_surplus(&self) -> bool {
        !self.surplus.is_empty()
    }

    /// Counts what was read already.
    pub(super) fn follow_first(&mut self, passing: &mut Passing<'_>) -> io::Result<()> {
        self.take(self.end, passing)
    }

    /// Ready once its end was passed on. While `holds_end` that is kept back, since requests may follow.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        passing: &mut Passing<'_>,
        holds_end: bool,
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        loop {
            let polled = match self.step {
                Step::Ended => return Poll::Ready(Ok(())),
                Step::Ending if holds_end => return Poll::Pending,
                // What follows is the next request.
                Step::Carrying if self.is_empty() && passing.is_over() => self.poll_flush(cx, to),
                Step::Carrying if self.is_empty() => match self.poll_fill(cx, from, passing) {
                    Poll::Ready(filled) => {
                        filled?;
                        continue;
                    }
                    Poll::Pending => self.poll_flush(cx, to),
                },
                Step::Carrying | Step::Ending => match self.poll_drain(cx, to) {
                    Poll::Ready(Ok(())) => continue,
                    drained => drained,
                },
            };
            match ready!(polled) {
                Err(_) if self.way == Way::Request => self.discard(),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) => return Poll::Pending,
            }
        }
    }

    /// Everything that was passed on is to leave now: nothing else comes at this moment.
    fn poll_flush<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.needs_flush) && !self.discards {
            let flushed = Pin::new(to).poll_flush(cx);
            self.needs_flush = flushed.is_pending();
            return flushed;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        passing: &mut Passing<'_>,
    ) -> Poll<io::Result<()>> {
        if self.end == self.buffer.len() && self.buffer.len() < FULL_BUFFER {
            self.buffer.resize(FULL_BUFFER, 0);
        }
        let mut space = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(from).poll_read(cx, &mut space))?;
        let length = space.filled().len();
        if length == 0 {
            self.step = Step::Ending;
        }
        self.start = 0;
        self.take(length, passing)?;
        if self.discards {
            self.start = self.end;
        }
        Poll::Ready(Ok(()))
    }

    /// Counts the first `length` bytes of the buffer, and keeps those that belong to the message. A program that says
    /// more than its answer (a body in answer to HEAD) is cut short; a caller who says more than his request has seen
    /// the whole answer, or is not one of ours.
    fn take(&mut self, length: usize, passing: &mut Passing<'_>) -> io::Result<()> {
        let bytes = &self.buffer[..length];
        self.end = match (&mut passing.exchange, self.way) {
            (None, _) => length,
            (Some(exchange), Way::Answer) => exchange.follow_answer(bytes),
            (Some(exchange), Way::Request) => {
                let taken = exchange.follow_request(bytes);
                if taken < length && !exchange.has_whole_answer() {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                self.surplus.extend_from_slice(&bytes[taken..]);
                taken
            }
        };
        passing.watch.passed(self.way, &self.buffer[..self.end]);
        Ok(())
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
            self.passed += written as u64;
            self.needs_flush = true;
        }
        Poll::Ready(Ok(()))
    }
}
