//! Joins an accepted connection and the local program: both directions at once, in one task.
//!
//! Each direction ends by itself (half-close); a reset of either side resets the other; a side that does
//! not take bytes holds back the one that sends them. A local program that has answered and no longer
//! reads is common (an early `413`): its answer is carried to the end, and what the caller still sends
//! is read and dropped, as the program's own kernel would.
//!
//! Where requests can be told apart the connection to the program is kept between them. A request that comes when the
//! program has closed it meanwhile is refused, never delivered into the void.
//!
//! One thing yamux cannot carry: a side that has ended its direction can no longer reset the other one.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use intercept_inspect::record::End;
use intercept_protocol::exchange::Exchange;
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::arrival::Accepted;
use crate::tap::{Mocks, Watch, Way, cut_off};
use crate::target::TargetStream;

mod direction;

use direction::{Direction, Passing};

/// A program that answers before the end of the request may still take the rest, as long as it takes something of it
/// within this. The cluster's end gives up later than this end does.
const REST_TAKEN: Duration = Duration::from_millis(500);

/// Carries bytes until both directions have ended, or one side is reset; then both are.
pub(crate) async fn splice(
    mut caller: Accepted,
    mut local: TargetStream,
    watch: &mut Watch,
    mocks: &Mocks,
) -> io::Result<()> {
    let mut request = Direction::new(Way::Request);
    let mut answer = Direction::new(Way::Answer);
    loop {
        let mut passing = Passing {
            exchange: caller.serves_requests().then(Exchange::default),
            watch: &mut *watch,
        };
        let carried = carry(
            (&mut caller, &mut local),
            (&mut request, &mut answer),
            &mut passing,
        )
        .await;
        passing.tell(&carried, caller.was_reset());
        let next = match carried {
            Ok(Carried::ToTheEnd) => {
                local.finish();
                return Ok(());
            }
            Ok(Carried::OneExchange) if !request.has_surplus() => {
                request.restart();
                rest(&mut caller, &mut local, &mut request).await
            }
            Ok(Carried::OneExchange) if local.is_silent() => {
                request.restart();
                Next::Request
            }
            Ok(Carried::OneExchange | Carried::LastExchange) => Next::NoneByUs,
            Err(error) => {
                // NGINX closes when its caller leaves; a program behind it would see a close and no reset.
                if caller.serves_requests() && caller.was_reset() {
                    local.finish();
                }
                return Err(error);
            }
        };
        match next {
            // The next one may be for a mock.
            Next::Request if !mocks.any() => {
                caller.accept_next();
                answer.restart();
            }
            Next::NoneByCaller(ended) => {
                local.finish();
                ended?;
                return caller.shutdown().await;
            }
            Next::NoneByUs | Next::Request => {
                local.finish();
                return caller.refuse_next().await;
            }
        }
    }
}

impl Passing<'_> {
    /// How it went, for the record.
    fn tell(self, carried: &io::Result<Carried>, was_reset: bool) {
        match (carried, &self.exchange) {
            (Ok(Carried::OneExchange | Carried::LastExchange), Some(exchange)) => {
                self.watch.exchange_over(exchange);
            }
            // Closed in order, but before the answer was whole.
            (Ok(_), Some(exchange)) if exchange.has_whole_request() && !exchange.has_whole_answer() => {
                self.watch.ended(if exchange.is_opaque() {
                    End::Over
                } else {
                    cut_off(false)
                });
            }
            (Ok(_), _) => self.watch.ended(End::Over),
            // Told early that it need not, the caller has left without sending the rest.
            (Err(_), Some(exchange)) if was_reset && exchange.has_whole_answer() => {
                self.watch.exchange_over(exchange);
            }
            (Err(_), _) => self.watch.ended(cut_off(was_reset)),
        }
    }
}

enum Carried {
    ToTheEnd,
    OneExchange,
    /// After which the program cannot be asked again.
    LastExchange,
}

async fn carry(
    (caller, local): (&mut Accepted, &mut TargetStream),
    (request, answer): (&mut Direction, &mut Direction),
    passing: &mut Passing<'_>,
) -> io::Result<Carried> {
    let mut rest_taken = (request.passed(), None);
    request.follow_first(passing)?;
    let is_over = poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = caller.poll_verdict(cx) {
            return Poll::Ready(Err(error));
        }
        loop {
            // Once an answer is whole nothing but a verdict may follow it, not even its end, as long as the caller
            // sends. The answer first: verdict and answer then leave together.
            let holds_end = passing.has_answered() && !request.has_ended();
            let answered = answer.poll(cx, local, caller, passing, holds_end)?;
            let had_ended = request.has_ended();
            let requested = request.poll(cx, caller, local, passing, false)?;
            let is_over = passing.is_over();
            if is_over && answer.is_empty() && request.is_empty() {
                return Poll::Ready(Ok(true));
            }
            if answered.is_ready() && requested.is_ready() {
                return Poll::Ready(Ok(false));
            }
            if requested.is_ready() && !had_ended {
                continue;
            }
            let is_early = passing.has_answered() && answer.is_empty() && !request.is_dropped();
            if is_early && poll_limit(cx, &mut rest_taken, request.passed()).is_ready() {
                request.discard();
                continue;
            }
            return Poll::Pending;
        }
    })
    .await?;
    Ok(match &passing.exchange {
        Some(exchange) if is_over && (exchange.has_surplus() || request.is_dropped()) => {
            Carried::LastExchange
        }
        Some(_) if is_over => Carried::OneExchange,
        _ => Carried::ToTheEnd,
    })
}

/// Ready when nothing was passed on for long.
fn poll_limit(
    cx: &mut Context<'_>,
    (before, limit): &mut (u64, Option<Pin<Box<Sleep>>>),
    passed: u64,
) -> Poll<()> {
    if std::mem::replace(before, passed) != passed {
        *limit = None;
    }
    limit
        .get_or_insert_with(|| Box::pin(sleep(REST_TAKEN)))
        .as_mut()
        .poll(cx)
}

/// What ends the rest between two requests.
enum Next {
    /// Another request, whose beginning was read, and a program that is there for it.
    Request,
    /// The caller wants no more, or was reset.
    NoneByCaller(io::Result<()>),
    /// The program has closed, or says something that nobody asked; or the session ends.
    NoneByUs,
}

async fn rest(caller: &mut Accepted, local: &mut TargetStream, request: &mut Direction) -> Next {
    poll_fn(|cx| {
        if caller.poll_leaving(cx).is_ready() || poll_read(cx, local, &mut [0]).is_ready() {
            return Poll::Ready(Next::NoneByUs);
        }
        request.poll_first(cx, caller).map(|read| match read {
            Ok(0) => Next::NoneByCaller(Ok(())),
            Ok(_) if local.is_silent() => Next::Request,
            Ok(_) => Next::NoneByUs,
            Err(error) => Next::NoneByCaller(Err(error)),
        })
    })
    .await
}

fn poll_read(
    cx: &mut Context<'_>,
    from: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut space = ReadBuf::new(buffer);
    Pin::new(from)
        .poll_read(cx, &mut space)
        .map_ok(|()| space.filled().len())
}
