//! A connection between its first byte and the laptop's verdict.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll};

use intercept_protocol::mux::Stream;
use intercept_protocol::relay::Verdict;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::pump::has_left;
use crate::relay::Opening;

/// More is not read before the verdict; it is also what a stream takes before its reader reads.
const COPY_LIMIT: usize = 256 * 1024;
const READ: usize = 16 * 1024;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The local program has it.
    Accepted,
    /// Nothing was delivered.
    Refused,
    /// The relay ended, and something may have been delivered.
    Lost,
    /// The client closed before anybody answered.
    ClientLeft,
}

pub(super) struct Undecided {
    client: UnixStream,
    laptop: Stream,
    /// Until the laptop has heard of a new stream.
    new: Option<Opening>,
    /// The opening frame of a new stream, then everything read from the client.
    copy: Vec<u8>,
    opening: usize,
    sent: usize,
    client_ended: bool,
    read_at: Instant,
}

impl Undecided {
    pub(super) fn new(
        client: UnixStream,
        (laptop, new): (Stream, Option<Opening>),
        opening: &[u8],
        first: &[u8],
    ) -> Self {
        // One write, so one frame and one segment where the request is short.
        let copy = [opening, first].concat();
        let opening = opening.len();
        Self {
            client,
            laptop,
            new,
            copy,
            opening,
            sent: 0,
            client_ended: false,
            read_at: Instant::now(),
        }
    }

    pub(super) async fn decide(&mut self) -> Decision {
        poll_fn(|cx| self.poll_decide(cx)).await
    }

    /// When the client's bytes were last read.
    pub(super) fn read_at(&self) -> Instant {
        self.read_at
    }

    /// Everything the client has sent.
    pub(super) fn seen(&self) -> &[u8] {
        &self.copy[self.opening..]
    }

    /// Both ends, what the laptop has not been sent yet, and whether the client has finished sending.
    pub(super) fn accepted(mut self) -> (UnixStream, Stream, Vec<u8>, bool) {
        let unsent = self.copy.split_off(self.sent);
        (self.client, self.laptop, unsent, self.client_ended)
    }

    /// The client and everything it has sent.
    pub(super) fn refused(mut self) -> (UnixStream, Vec<u8>) {
        self.copy.drain(..self.opening);
        (self.client, self.copy)
    }

    fn poll_decide(&mut self, cx: &mut Context<'_>) -> Poll<Decision> {
        if let Poll::Ready(decision) = self.poll_verdict(cx) {
            return Poll::Ready(decision);
        }
        loop {
            if self.sent < self.copy.len() {
                match Pin::new(&mut self.laptop).poll_write(cx, &self.copy[self.sent..]) {
                    Poll::Ready(Ok(written)) if written > 0 => {
                        self.sent += written;
                        if let Some(new) = self.new.take() {
                            new.sent();
                        }
                    }
                    Poll::Ready(_) => return Poll::Ready(self.gone()),
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            if self.client_ended || self.copy.len() >= COPY_LIMIT {
                return Poll::Pending;
            }
            match self.poll_client(cx) {
                Poll::Ready(Some(decision)) => return Poll::Ready(decision),
                Poll::Ready(None) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_verdict(&mut self, cx: &mut Context<'_>) -> Poll<Decision> {
        let mut byte = [0];
        let mut buf = ReadBuf::new(&mut byte);
        match Pin::new(&mut self.laptop).poll_read(cx, &mut buf) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => match buf.filled() {
                [byte] => match Verdict::from_byte(*byte) {
                    Ok(Verdict::Accepted) => Poll::Ready(Decision::Accepted),
                    Ok(Verdict::Refused) => Poll::Ready(Decision::Refused),
                    Err(_) => Poll::Ready(Decision::Lost),
                },
                _ => Poll::Ready(self.gone()),
            },
            Poll::Ready(Err(_)) => Poll::Ready(self.gone()),
        }
    }

    /// Nothing of the request left this process: then it is as good as refused.
    fn gone(&self) -> Decision {
        if self.sent <= self.opening {
            Decision::Refused
        } else {
            Decision::Lost
        }
    }

    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Decision>> {
        let mut space = [const { MaybeUninit::<u8>::uninit() }; READ];
        let mut buf = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.client).poll_read(cx, &mut buf) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Some(Decision::ClientLeft)),
            Poll::Ready(Ok(())) if buf.filled().is_empty() => {
                self.client_ended = true;
                Poll::Ready(has_left(&self.client).then_some(Decision::ClientLeft))
            }
            Poll::Ready(Ok(())) => {
                self.read_at = Instant::now();
                self.copy.extend_from_slice(buf.filled());
                Poll::Ready(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use intercept_protocol::ids::SessionId;
    use intercept_protocol::mux::{Mux, Side};

    use super::*;
    use crate::relay::Relays;

    #[tokio::test]
    async fn a_relay_does_not_leave_before_a_new_stream_was_written_to() {
        let (relays, session) = (Relays::default(), SessionId::random());
        let (io, _laptop) = tokio::io::duplex(4096);
        let joined = relays.join(session.clone(), Mux::start(io, Side::Agent).0);
        let opening = relays.newest(&session).unwrap();
        let stream = opening.stream().await.unwrap();
        let (client, _nginx) = UnixStream::pair().unwrap();
        let mut undecided = Undecided::new(client, (stream, Some(opening)), b"opening", b"request");
        let mut leaving = pin!(joined.leave());
        poll_fn(|cx| {
            assert!(leaving.as_mut().poll(cx).is_pending());
            assert!(undecided.poll_decide(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(leaving.await, 1);
    }
}
