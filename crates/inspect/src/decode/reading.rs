//! Decoders for whoever covers, compares and exports.

use super::{Content, Half, Limits, Opcode, Options, Problem, ProblemKind, decode, unpack};
use crate::exchange::{Exchange, Message, Moment, Side};
use crate::redact::{Plain, Reader, SocketMessage};

/// Reads bodies: undoes their codings, for covering and exporting.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading;

impl Reader for Reading {
    fn plain<'a>(&self, message: &'a Message) -> Option<Plain<'a>> {
        // Each message of a gRPC call is compressed for itself, behind a prefix.
        let grpc = message.header("grpc-encoding").map(|coding| coding.shown());
        if grpc.is_some_and(|coding| !coding.is_empty() && coding.trim() != "identity") {
            return None;
        }
        let unpacked = unpack(message, &Limits::default());
        let is_unknown = |problem: &Problem| problem.kind == ProblemKind::Unsupported;
        if unpacked.problems.iter().any(is_unknown) {
            return None;
        }
        Some(Plain {
            is_whole: !unpacked.is_cut && unpacked.problems.is_empty(),
            bytes: unpacked.bytes,
        })
    }

    fn socket(&self, exchange: &Exchange) -> Vec<SocketMessage> {
        let decoded = decode(exchange, Half::Request, &Options::default());
        let Content::WebSocket { messages } = decoded.content else {
            return Vec::new();
        };
        let said = messages.into_iter().filter_map(|one| {
            let bytes = said(&one)?;
            let after = i64::try_from(one.at.unwrap_or_default()).unwrap_or(i64::MAX);
            Some(SocketMessage {
                from: match one.from {
                    Half::Request => Side::Caller,
                    Half::Response => Side::Program,
                },
                at: Moment(exchange.began.0.saturating_add(after)),
                opcode: opcode(one.opcode),
                bytes,
            })
        });
        said.collect()
    }
}

/// What a message says, where that is text: bytes are not kept by decoding.
fn said(message: &super::SocketMessage) -> Option<Vec<u8>> {
    match &message.content.content {
        Content::Empty => Some(Vec::new()),
        Content::Text { text, .. } => Some(text.clone().into_bytes()),
        Content::Json { pretty, rest, .. } => Some(format!("{pretty}{rest}").into_bytes()),
        _ => None,
    }
}

fn opcode(opcode: Opcode) -> u8 {
    match opcode {
        Opcode::Text => 1,
        Opcode::Binary => 2,
        Opcode::Close => 8,
        Opcode::Ping => 9,
        Opcode::Pong => 10,
    }
}
