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

use intercept_protocol::exchange::Exchange;
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};

use super::arrival::Accepted;
use crate::target::TargetStream;

mod direction;

use direction::{Direction, FIRST_BUFFER, Way};

/// Carries bytes until both directions have ended, or one side is reset; then both are.
pub(super) async fn splice(mut caller: Accepted, mut local: TargetStream) -> io::Result<()> {
    let mut request = Direction::new(Way::Request, Vec::new());
    loop {
        let exchange = caller.serves_requests().then(Exchange::default);
        match carry(&mut caller, &mut local, request, exchange).await? {
            Carried::ToTheEnd => {
                local.finish();
                return Ok(());
            }
            Carried::OneExchange => {}
        }
        match rest(&mut caller, &mut local).await {
            Next::Request(bytes) => {
                caller.accept_next();
                request = Direction::new(Way::Request, bytes);
            }
            Next::NoneByCaller(ended) => {
                local.finish();
                ended?;
                return caller.shutdown().await;
            }
            Next::NoneByProgram => {
                local.finish();
                return caller.refuse_next().await;
            }
        }
    }
}

enum Carried {
    ToTheEnd,
    OneExchange,
}

async fn carry(
    caller: &mut Accepted,
    local: &mut TargetStream,
    mut request: Direction,
    mut exchange: Option<Exchange>,
) -> io::Result<Carried> {
    let mut answer = Direction::new(Way::Answer, Vec::new());
    if let Some(exchange) = &mut exchange {
        request.follow_first(exchange)?;
    }
    poll_fn(|cx| {
        if let Poll::Ready(Err(error)) = caller.poll_verdict(cx) {
            return Poll::Ready(Err(error));
        }
        // The answer first: verdict and answer then leave together.
        let answered = answer.poll(cx, local, caller, &mut exchange)?;
        let requested = request.poll(cx, caller, local, &mut exchange)?;
        let is_over = exchange.as_ref().is_some_and(is_over);
        if is_over && answer.is_empty() && request.is_empty() {
            Poll::Ready(Ok(Carried::OneExchange))
        } else if answered.is_ready() && requested.is_ready() {
            Poll::Ready(Ok(Carried::ToTheEnd))
        } else {
            Poll::Pending
        }
    })
    .await
}

fn is_over(exchange: &Exchange) -> bool {
    exchange.has_whole_request() && exchange.has_whole_answer()
}

/// What ends the rest between two requests.
enum Next {
    /// The first bytes of another request, and a program that is there for it.
    Request(Vec<u8>),
    /// The caller wants no more, or was reset.
    NoneByCaller(io::Result<()>),
    /// The program has closed, or says something that nobody asked.
    NoneByProgram,
}

async fn rest(caller: &mut Accepted, local: &mut TargetStream) -> Next {
    let mut buffer = vec![0; FIRST_BUFFER];
    poll_fn(|cx| {
        if poll_read(cx, local, &mut [0]).is_ready() {
            return Poll::Ready(Next::NoneByProgram);
        }
        poll_read(cx, caller, &mut buffer).map(|read| match read {
            Ok(0) => Next::NoneByCaller(Ok(())),
            Ok(length) if local.is_silent() => {
                buffer.truncate(length);
                Next::Request(std::mem::take(&mut buffer))
            }
            Ok(_) => Next::NoneByProgram,
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
