//! Bytes both ways between NGINX and the other end, with half-closes, ends and backpressure as they come.
//!
//! One known loss: a Unix socket has no reset. An answer that the other end cuts by a reset ends for NGINX
//! as one that was cut by a close.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use intercept_protocol::exchange::Exchange;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::{Duration, Instant, Sleep, sleep, sleep_until, timeout};

use super::NOT_A_REFUSAL;
use direction::{Direction, Way};

mod direction;

/// After the client is gone the other end may finish politely; then it is reset.
const FAREWELL: Duration = Duration::from_secs(1);
/// Whoever answers before the end of the request may still take the rest of it, as long as it takes something within
/// this. NGINX has handed that out whole, or closes; and its next request waits behind it.
const REST_TAKEN: Duration = Duration::from_millis(1500);

/// The end that is not NGINX.
pub(super) trait Far: AsyncRead + AsyncWrite + Unpin {
    /// Whether the end of its bytes was a reset and not a half-close; asked while this side still sends.
    fn was_reset(&self) -> bool;
}

/// An answer that has passed, and what is left.
pub(super) struct Answered<F> {
    pub(super) client: UnixStream,
    /// Present where it can be asked again.
    pub(super) far: Option<F>,
    /// What came of the next request already: NGINX may send it when it has seen the answer.
    pub(super) next: Vec<u8>,
}

/// What stopped the bytes.
enum Event {
    /// Both directions have ended in order.
    Done,
    /// The answer has passed, and nothing else is under way.
    Answered,
    /// The answer has passed, and the far end does not take the rest of the request.
    RestNotTaken,
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

/// Carries bytes both ways until both have ended; or until `exchange` is over, and then gives back what is left.
///
/// `unsent`: what was read from the client and is still to be passed on; `client_ended`: so is its end; `read_at`:
/// when it last sent something.
pub(super) async fn splice<F: Far>(
    client: UnixStream,
    far: F,
    exchange: Option<Exchange>,
    unsent: Vec<u8>,
    client_ended: bool,
    read_at: Instant,
) -> Option<Answered<F>> {
    let mut splice = Splice {
        client,
        far,
        exchange,
        up: Direction::new(Way::Up, unsent, client_ended, read_at),
        down: Direction::new(Way::Down, Vec::new(), false, read_at),
        rest_taken: None,
        passed: 0,
    };
    loop {
        match poll_fn(|cx| splice.poll(cx)).await {
            Event::Done => return None,
            Event::Answered => return Some(splice.answered()),
            Event::RestNotTaken => return splice.without_rest().await,
            Event::NoAnswer => {
                sleep_until(splice.up.read_at + NOT_A_REFUSAL).await;
                splice.down.passes_end = true;
            }
            // As NGINX would close: without waiting for an answer that nobody reads. A half-close here could never be
            // followed by a reset, and the other end would work for nobody.
            Event::ClientLeft => return None,
            Event::Broken => {
                if splice.down.carried == 0 {
                    sleep_until(splice.up.read_at + NOT_A_REFUSAL).await;
                }
                return None;
            }
        }
    }
}

struct Splice<F> {
    client: UnixStream,
    far: F,
    exchange: Option<Exchange>,
    up: Direction,
    down: Direction,
    /// Runs from an answer that came before the end of the request, or from the last bytes that were passed on since.
    rest_taken: Option<Pin<Box<Sleep>>>,
    /// How many had been passed on when it began.
    passed: u64,
}

impl<F: Far> Splice<F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let up = self.poll_up(cx);
        if up.is_ready() {
            return up;
        }
        let down = self.poll_down(cx);
        // A client that has ended sends no other request.
        let is_over = self.exchange.as_ref().is_some_and(Exchange::is_over) && !self.up.ended;
        if is_over && self.up.is_empty() && self.down.is_empty() {
            return Poll::Ready(Event::Answered);
        }
        if down.is_ready() {
            return down;
        }
        if self.up.done && self.down.done {
            return Poll::Ready(Event::Done);
        }
        self.poll_rest_taken(cx)
    }

    fn poll_up(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.up.done {
            return Poll::Pending;
        }
        let exchange = &mut self.exchange;
        let polled = self.up.poll(cx, &mut self.client, &mut self.far, |bytes| {
            let Some(exchange) = exchange else {
                return Some(bytes.len());
            };
            let taken = exchange.follow_request(bytes);
            // NGINX sends another request only when it has the answer.
            (taken == bytes.len() || exchange.has_whole_answer()).then_some(taken)
        });
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Event::Broken),
            Poll::Ready(Ok(())) if self.up.done => Poll::Pending,
            Poll::Ready(Ok(())) if has_left(&self.client) => Poll::Ready(Event::ClientLeft),
            Poll::Ready(Ok(())) => {
                self.up.passes_end = true;
                self.poll_up(cx)
            }
        }
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if self.down.done {
            return Poll::Pending;
        }
        let exchange = &mut self.exchange;
        let polled = self.down.poll(cx, &mut self.far, &mut self.client, |bytes| {
            Some(
                exchange
                    .as_mut()
                    .map_or(bytes.len(), |one| one.follow_answer(bytes)),
            )
        });
        let has_answered = self.exchange.as_ref().is_some_and(Exchange::has_whole_answer);
        match polled {
            Poll::Pending => Poll::Pending,
            // The client may send another request still, so it is told of no end.
            Poll::Ready(_) if has_answered && self.down.is_empty() && !self.up.ended => {
                self.down.ended = true;
                Poll::Pending
            }
            Poll::Ready(Err(_)) => Poll::Ready(Event::Broken),
            Poll::Ready(Ok(())) if self.down.done => Poll::Pending,
            Poll::Ready(Ok(())) if !self.up.done && self.far.was_reset() => Poll::Ready(Event::Broken),
            Poll::Ready(Ok(())) if self.down.carried == 0 => Poll::Ready(Event::NoAnswer),
            Poll::Ready(Ok(())) => {
                self.down.passes_end = true;
                self.poll_down(cx)
            }
        }
    }

    fn poll_rest_taken(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let is_early = self.exchange.as_ref().is_some_and(Exchange::has_whole_answer) && !self.up.ended;
        if is_early && self.down.is_empty() {
            if std::mem::replace(&mut self.passed, self.up.carried) != self.up.carried {
                self.rest_taken = None;
            }
            let limit = self.rest_taken.get_or_insert_with(|| Box::pin(sleep(REST_TAKEN)));
            return limit.as_mut().poll(cx).map(|()| Event::RestNotTaken);
        }
        Poll::Pending
    }

    fn answered(self) -> Answered<F> {
        let is_usable = !self.down.ended
            && !self.up.discards
            && self.exchange.is_some_and(|exchange| !exchange.has_surplus());
        Answered {
            client: self.client,
            far: is_usable.then_some(self.far),
            next: self.up.surplus,
        }
    }

    /// Reads what is left of the request for nobody: the next one comes behind it.
    async fn without_rest(self) -> Option<Answered<F>> {
        let Self {
            mut client,
            far,
            mut exchange,
            up,
            ..
        } = self;
        drop(far);
        let mut rest = vec![0; 16 * 1024];
        let read_rest = async {
            let exchange = exchange.as_mut()?;
            let mut next = up.surplus;
            while !exchange.has_whole_request() {
                let length = client.read(&mut rest).await.ok().filter(|length| *length > 0)?;
                let taken = exchange.follow_request(&rest[..length]);
                next = rest[taken..length].to_vec();
            }
            Some(next)
        };
        let next = timeout(FAREWELL, read_rest).await.ok()??;
        Some(Answered {
            client,
            far: None,
            next,
        })
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
