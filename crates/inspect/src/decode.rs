//! What was recorded, turned into something people read.
//!
//! ```text
//! body ── coding ──► bytes ── media ──► json | form | multipart | grpc | events | ... | hex
//!                                            │
//!                                 parts and messages: the same again, bounded
//! ```
//!
//! Nothing here fails as a whole: what could be read is shown, with its problems beside it. Work is bounded by budgets of
//! bytes and items, so that the same bytes always give the same result.
//!
//! Deliberately absent: clocks, sockets (asking a server for its schema), pixels, and running anything that was received.

mod budget;
mod charset;
mod coding;
mod content;
mod events;
mod form;
mod grpc;
mod hex;
mod json;
mod media;
mod multipart;
mod picture;
mod plain;
mod problem;
mod protobuf;
mod reading;
mod schemas;
mod search;
mod websocket;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use budget::Limits;
pub use coding::{Unpacked, unpack};
pub use content::{Content, Language};
pub use events::{EventKind, ServerEvent};
pub use form::Field;
pub use grpc::{GrpcMessage, GrpcStatus};
pub use hex::{HexRow, hex};
pub use json::JsonLine;
pub use multipart::Part;
pub use problem::{Position, Problem, ProblemKind};
pub use protobuf::{ProtoField, ProtoValue};
pub use reading::Reading;
pub use schemas::{SchemaError, Schemas};
pub use search::{Decoding, searchable};
pub use websocket::{Close, Opcode, SocketMessage};

use crate::exchange::{Body, Exchange, Message};
use budget::Budget;
use content::Piece;
use media::Media;

/// Which half of an exchange.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "BodyHalf"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Half {
    /// What was asked.
    Request,
    /// What was answered.
    Response,
}

/// How to decode.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How much work may be done and how much shown.
    pub limits: Limits,
    /// What is known about protobuf messages.
    pub schemas: Schemas,
    /// The full name of the protobuf message to read the body as, where the user chose one.
    pub message_type: Option<String>,
}

/// A decoded body.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decoded {
    /// How many bytes there were to read.
    pub recorded: u64,
    /// How many bytes there had been; more than `recorded` where only a beginning was kept.
    pub size: u64,
    /// The content codings that were undone, in the order in which that was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codings: Vec<String>,
    /// How many bytes came out of the codings.
    pub unpacked: u64,
    /// What they say.
    pub content: Content,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// Decodes one half. Either half of a WebSocket shows what both sides said, in the order of time.
pub fn decode(exchange: &Exchange, half: Half, options: &Options) -> Decoded {
    let mut reader = Reader {
        options,
        budget: Budget::new(&options.limits),
    };
    if let Some(conversation) = websocket::of(exchange, &mut reader) {
        return conversation;
    }
    let message = match half {
        Half::Request => &exchange.request.message,
        Half::Response => match &exchange.response {
            Some(response) => &response.message,
            None => return Decoded::default(),
        },
    };
    let unpacked = coding::unpack_within(message, &mut reader.budget);
    let media = Media::of(message);
    let piece = Piece {
        bytes: &unpacked.bytes,
        is_cut: unpacked.is_cut,
        // Moments belong to bytes as they passed: there is no telling which unpacked bytes came when.
        arrivals: unpacked.codings.is_empty().then_some(&message.body),
        nesting: 0,
    };
    let (content, problems) = match grpc::of(exchange, half, message, &options.schemas) {
        Some(call) => grpc::read(&call, &piece, &mut reader),
        None => content::read(&piece, &media, &mut reader),
    };
    let mut decoded = Decoded {
        recorded: message.body.bytes.len() as u64,
        size: message.body.size,
        unpacked: unpacked.bytes.len() as u64,
        codings: unpacked.codings,
        content,
        problems: unpacked.problems,
    };
    if !message.body.is_whole() {
        decoded.problems.push(Problem::recorded_in_part(&message.body));
    }
    decoded.problems.extend(problems);
    decoded
}

/// What decoders share on their way down.
struct Reader<'a> {
    options: &'a Options,
    budget: Budget,
}

impl Reader<'_> {
    /// Decodes what is inside of something else.
    fn inner(&mut self, piece: &Piece<'_>, media: &Media) -> Decoded {
        let (content, problems) = if piece.nesting > self.options.limits.nesting {
            (hex::content(piece, &mut self.budget), vec![Problem::nested()])
        } else {
            content::read(piece, media, self)
        };
        let size = piece.bytes.len() as u64;
        Decoded {
            recorded: size,
            size,
            codings: Vec::new(),
            unpacked: size,
            content,
            problems,
        }
    }
}

impl Body {
    /// When the byte at `offset` came, in microseconds after the exchange began; absent where that was not kept.
    pub fn arrived(&self, offset: u64) -> Option<u64> {
        let later = self.arrivals.partition_point(|arrival| arrival.offset <= offset);
        let index = later.checked_sub(1)?;
        self.arrivals.get(index).map(|arrival| arrival.at)
    }
}

/// All values of a header, joined as lists are.
fn listed(message: &Message, name: &str) -> String {
    let values = message
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .map(|header| header.value.shown());
    values.collect::<Vec<_>>().join(",")
}
