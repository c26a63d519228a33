//! One direction: from one end's bytes to the other's.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

/// Most connections carry one short request; a buffer grows once it was filled.
const SMALL: usize = 8 * 1024;
const LARGE: usize = 64 * 1024;

/// Whose bytes they are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// The client's. Where they are not taken any more a last word may still be on its way down.
    Up,
    /// The far end's. Where they are not taken any more nobody is there.
    Down,
}

pub(super) struct Direction {
    way: Way,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that were passed on.
    pub(super) carried: u64,
    /// When the last of the first bytes was read.
    pub(super) read_at: Instant,
    /// The reading side has ended.
    pub(super) ended: bool,
    /// Whether the end is passed on as it comes, or reported first.
    pub(super) passes_end: bool,
    /// The end was passed on.
    pub(super) done: bool,
    /// The writing side takes no more; what is read is dropped.
    pub(super) discards: bool,
    /// What was read beyond the message.
    pub(super) surplus: Vec<u8>,
}

impl Direction {
    /// `unsent`: what was read already; `ended`: so was the end.
    pub(super) fn new(way: Way, unsent: Vec<u8>, ended: bool, read_at: Instant) -> Self {
        Self {
            way,
            start: 0,
            end: unsent.len(),
            buffer: unsent,
            carried: 0,
            read_at,
            ended,
            passes_end: false,
            done: false,
            discards: false,
            surplus: Vec::new(),
        }
    }

    /// Whether everything that was read was passed on.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Ready when the end was passed on, or, where it is to be reported first, when it was read. `follow` tells how
    /// many of the bytes read belong to the message, or nothing where they break the connection.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
        mut follow: impl FnMut(&[u8]) -> Option<usize>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.discards {
                self.start = self.end;
            } else if let Err(error) = ready!(self.poll_drain(cx, writer)) {
                if self.way == Way::Down {
                    return Poll::Ready(Err(error));
                }
                self.discards = true;
                continue;
            }
            if self.ended {
                if self.passes_end {
                    if !self.discards {
                        // Fails only for one that is gone, and needs no end any more.
                        let _ = ready!(Pin::new(&mut *writer).poll_shutdown(cx));
                    }
                    self.done = true;
                }
                return Poll::Ready(Ok(()));
            }
            if !self.surplus.is_empty() {
                // The next message is for later.
                return Poll::Pending;
            }
            ready!(self.poll_fill(cx, reader, &mut follow))?;
        }
    }

    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while self.start < self.end {
            let rest = &self.buffer[self.start..self.end];
            let written = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.start += written;
            self.carried += written as u64;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        follow: &mut impl FnMut(&[u8]) -> Option<usize>,
    ) -> Poll<io::Result<()>> {
        let was_filled = self.buffer.len() == self.buffer.capacity();
        self.buffer.clear();
        self.buffer.reserve(if was_filled && self.carried > 0 {
            LARGE
        } else {
            SMALL
        });
        (self.start, self.end) = (0, 0);
        let read = ready!(poll_read_buf(Pin::new(reader), cx, &mut self.buffer))?;
        self.ended = read == 0;
        let Some(taken) = follow(&self.buffer[..read]) else {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        self.end = taken;
        self.surplus = self.buffer[taken..read].to_vec();
        if self.carried == 0 {
            self.read_at = Instant::now();
        }
        Poll::Ready(Ok(()))
    }
}
