//! Bytes both ways between NGINX and the other end, with half-closes, ends and backpressure as they come.
//!
//! One known loss: a Unix socket has no reset. An answer that the other end cuts by a reset ends for NGINX
//! as one that was cut by a close.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use intercept_protocol::exchange::Exchange;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::NOT_A_REFUSAL;

/// Most connections carry one short request; a buffer grows once it was filled.
const SMALL: usize = 8 * 1024;
const LARGE: usize = 64 * 1024;
/// After the client is gone the other end may finish politely; then it is reset.
const FAREWELL: Duration = Duration::from_secs(1);

/// The end that is not NGINX.
pub(super) trait Far: AsyncRead + AsyncWrite + Unpin {
    /// Whether the end of its bytes was a reset and not a half-close; asked while this side still sends.
    fn was_reset(&self) -> bool;
}

/// What stopped the bytes.
enum Event {
    /// Both directions have ended in order.
    Done,
    /// The answer has passed, and nothing else is under way.
    Answered { far_is_open: bool },
    /// The client closed altogether.
    ClientLeft,
    /// The far end finished without a single byte.
    NoAnswer,
    /// A reset or an error on either side.
    Broken,
}

/// Whether NGINX closed its socket, not just the sending half.
pub(super) fn has_left(client: &UnixStream) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let mut asked = [PollFd::new(client, PollFlags::empty())];
    poll(&mut asked, Some(&now)).is_ok_and(|_| asked[0].revents().contains(PollFlags::HUP))
}

/// Carries bytes both ways until both have ended; or until `exchange` is over, and then gives back the client, and
/// the far end if that is still open.
///
/// `unsent`: what was read from the client and is still to be passed on; `client_ended`: so is its end; `read_at`:
/// when it last sent something.
pub(super) async fn splice<F: Far>(
    mut client: UnixStream,
    mut far: F,
    exchange: Option<Exchange>,
    unsent: Vec<u8>,
    client_ended: bool,
    read_at: Instant,
) -> Option<(UnixStream, Option<F>)> {
    let mut up = Pump::new(unsent, read_at, true);
    up.ended = client_ended;
    let mut down = Pump::new(Vec::new(), read_at, false);
    let mut exchange = exchange;
    loop {
        match poll_fn(|cx| poll_both(cx, &mut client, &mut far, &mut up, &mut down, &mut exchange)).await {
            Event::Done => return None,
            Event::Answered { far_is_open } => return Some((client, far_is_open.then_some(far))),
            Event::NoAnswer => {
                sleep_until(up.read_at + NOT_A_REFUSAL).await;
                down.passes_end = true;
            }
            Event::ClientLeft => {
                farewell(far).await;
                return None;
            }
            Event::Broken => {
                if down.carried == 0 {
                    sleep_until(up.read_at + NOT_A_REFUSAL).await;
                }
                return None;
            }
        }
    }
}

fn poll_both(
    cx: &mut Context<'_>,
    client: &mut UnixStream,
    far: &mut impl Far,
    up: &mut Pump,
    down: &mut Pump,
    exchange: &mut Option<Exchange>,
) -> Poll<Event> {
    if !up.done {
        let polled = up.poll(cx, client, far, |bytes| match exchange {
            Some(exchange) => exchange.follow_request(bytes),
            None => bytes.len(),
        });
        match polled {
            // The other end would take it for the next request, or for nobody's.
            _ if up.has_surplus => return Poll::Ready(Event::Broken),
            Poll::Ready(Err(_)) => return Poll::Ready(Event::Broken),
            Poll::Ready(Ok(())) if has_left(client) => return Poll::Ready(Event::ClientLeft),
            _ => {}
        }
    }
    if !down.done {
        let polled = down.poll(cx, far, client, |bytes| match exchange {
            Some(exchange) => exchange.follow_answer(bytes),
            None => bytes.len(),
        });
        let is_over = exchange
            .as_ref()
            .is_some_and(|one| one.has_whole_request() && one.has_whole_answer());
        if is_over && up.is_empty() && down.is_empty() && !up.ended {
            return Poll::Ready(Event::Answered {
                far_is_open: polled.is_pending() && !down.has_surplus,
            });
        }
        match polled {
            Poll::Ready(Err(_)) => return Poll::Ready(Event::Broken),
            Poll::Ready(Ok(())) if !down.done && !up.done && far.was_reset() => {
                return Poll::Ready(Event::Broken);
            }
            Poll::Ready(Ok(())) if !down.done && down.carried == 0 && !down.passes_end => {
                return Poll::Ready(Event::NoAnswer);
            }
            Poll::Ready(Ok(())) if !down.done => {
                down.passes_end = true;
                cx.waker().wake_by_ref();
            }
            _ => {}
        }
    }
    if up.done && down.done {
        Poll::Ready(Event::Done)
    } else {
        Poll::Pending
    }
}

/// The end was passed on already: whoever answers into the void may finish, within a bound.
pub(super) async fn farewell(mut far: impl Far) {
    let finish = async {
        let mut rest = [0; 4096];
        far.shutdown().await?;
        while far.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // However it ends, dropping it resets what is left.
    let _ = timeout(FAREWELL, finish).await;
}

/// One direction.
struct Pump {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    carried: u64,
    read_at: Instant,
    /// The reading side has ended.
    ended: bool,
    /// Whether the end is passed on as it comes, or reported first.
    passes_end: bool,
    /// The end was passed on.
    done: bool,
    /// More was read than belongs to the message; it is dropped.
    has_surplus: bool,
}

impl Pump {
    fn new(unsent: Vec<u8>, read_at: Instant, passes_end: bool) -> Self {
        Self {
            start: 0,
            end: unsent.len(),
            buffer: unsent,
            carried: 0,
            read_at,
            ended: false,
            passes_end,
            done: false,
            has_surplus: false,
        }
    }

    /// Whether everything that was read was passed on.
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Ready when the end was passed on, or, where it is to be reported first, when it was read. `follow` tells how
    /// many of the bytes read belong to the message.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
        mut follow: impl FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<()>> {
        loop {
            while self.start < self.end {
                let rest = &self.buffer[self.start..self.end];
                let written = ready!(Pin::new(&mut *writer).poll_write(cx, rest))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.start += written;
                self.carried += written as u64;
            }
            if self.ended {
                if self.passes_end {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.done = true;
                }
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_fill(cx, reader, &mut follow))?;
        }
    }

    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut (impl AsyncRead + Unpin),
        follow: &mut impl FnMut(&[u8]) -> usize,
    ) -> Poll<io::Result<()>> {
        if self.buffer.len() < SMALL {
            self.buffer = vec![0; SMALL];
        } else if self.end == self.buffer.len() && self.buffer.len() < LARGE {
            self.buffer = vec![0; LARGE];
        }
        (self.start, self.end) = (0, 0);
        let mut space = ReadBuf::new(&mut self.buffer);
        ready!(Pin::new(reader).poll_read(cx, &mut space))?;
        let read = space.filled().len();
        self.ended = read == 0;
        self.end = follow(&self.buffer[..read]);
        self.has_surplus |= self.end < read;
        if self.carried == 0 {
            self.read_at = Instant::now();
        }
        Poll::Ready(Ok(()))
    }
}
