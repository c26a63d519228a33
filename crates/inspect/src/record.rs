//! From bytes that have passed to exchanges.
//!
//! ```text
//! data path: Seen { Kept, Kept } ── bounded copies, moments ──► recorder: exchanges(&Seen)
//! ```
//!
//! The data path copies and counts, and understands as little as it can; what the bytes mean is found out here, later and
//! by somebody who may be slow. Deliberately absent: judging. What cannot be read as HTTP is recorded as bytes.

mod http1;
mod http2;
mod kept;

pub use kept::{Kept, Room};

use std::sync::Arc;

use crate::exchange::{
    Body, Exchange, ExchangeId, Message, Moment, Outcome, Place, Protocol, Request, Response, Side, Tags,
    Times,
};

/// What was seen of one exchange, or of one connection that could not be divided into exchanges.
#[derive(Debug)]
pub struct Seen {
    /// Given once it has been written.
    pub id: Option<ExchangeId>,
    /// Whose it is.
    pub place: Arc<Place>,
    /// When its first byte came.
    pub began: Moment,
    /// How long connecting to the local program took.
    pub connect: Option<u64>,
    /// What came from the caller.
    pub request: Kept,
    /// What came from the program.
    pub answer: Kept,
    /// How it ended.
    pub end: End,
    /// Whether a mock answered.
    pub is_mocked: bool,
}

/// How what was seen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    None,
    /// In order.
    Over,
    /// Cut off.
    Reset(Side),
}

impl Seen {
    /// Nothing yet; `body` bytes of each direction's bodies are to be kept.
    pub fn new(place: Arc<Place>, began: Moment, body: usize, room: &Room) -> Self {
        Self {
            id: None,
            place,
            began,
            connect: None,
            request: Kept::new(body, room.clone()),
            answer: Kept::new(body, room.clone()),
            end: End::None,
            is_mocked: false,
        }
    }
}

/// The exchanges in it: one, save on a connection of HTTP/2, which may carry many. The first one has the number that was
/// given to what was seen; a number of zero is none.
pub fn exchanges(seen: &Seen) -> Vec<Exchange> {
    let mut found = if seen.request.is_http2() {
        http2::exchanges(seen)
    } else {
        vec![http1::exchange(seen).unwrap_or_else(|| bytes(seen))]
    };
    for exchange in found.iter_mut().skip(1) {
        exchange.id = ExchangeId(0);
    }
    for exchange in &mut found {
        cut(&mut exchange.request.message.body, &seen.request);
        if let Some(response) = &mut exchange.response {
            cut(&mut response.message.body, &seen.answer);
        }
    }
    found
}

/// A head that was shorter than it may be has left room which a body is not to take.
fn cut(body: &mut Body, kept: &Kept) {
    body.bytes.truncate(kept.body_limit());
}

/// What is not HTTP: who said how much when, and what.
fn bytes(seen: &Seen) -> Exchange {
    let said = |kept: &Kept| Message {
        body: kept.body_from(0),
        ..Message::default()
    };
    let request = Request {
        message: said(&seen.request),
        ..Request::default()
    };
    let response = (seen.answer.passed() > 0).then(|| Response {
        message: said(&seen.answer),
        ..Response::default()
    });
    Exchange {
        protocol: Protocol::Bytes,
        request,
        response,
        ..blank(seen)
    }
}

/// Everything but what was said.
fn blank(seen: &Seen) -> Exchange {
    let has_answer = seen.answer.passed() > 0;
    Exchange {
        id: seen.id.unwrap_or(ExchangeId(0)),
        place: (*seen.place).clone(),
        began: seen.began,
        times: Times {
            proxy: None,
            connect: seen.connect,
            sent: seen.request.last(),
            first_byte: seen.answer.first(),
            last_byte: (seen.end != End::None)
                .then(|| seen.answer.last().or(seen.request.last()))
                .flatten(),
        },
        protocol: Protocol::default(),
        source: None,
        request: Request::default(),
        response: None,
        outcome: outcome(seen.end, has_answer, seen.is_mocked),
        tags: Tags::default(),
    }
}

fn outcome(end: End, has_answer: bool, is_mocked: bool) -> Outcome {
    match end {
        End::None => Outcome::InFlight,
        End::Reset(by) => Outcome::Reset { by },
        End::Over if is_mocked => Outcome::Mocked,
        End::Over if has_answer => Outcome::Answered,
        // Closed in order, but without a word.
        End::Over => Outcome::Reset { by: Side::Program },
    }
}

/// A body of `bytes`, of which `size` passed.
fn body(bytes: Vec<u8>, size: u64, arrivals: Vec<crate::exchange::Arrival>) -> Body {
    Body {
        size: size.max(bytes.len() as u64),
        bytes,
        arrivals,
    }
}

#[cfg(test)]
mod tests;
