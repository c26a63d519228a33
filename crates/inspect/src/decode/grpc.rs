//! gRPC and gRPC-Web: messages with a prefix of five bytes, and how the call ended.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use super::content::{self, Content, Found, Piece, short};
use super::media::Media;
use super::problem::{Problem, ProblemKind};
use super::{Decoded, Half, Reader, Schemas, coding, protobuf};
use crate::exchange::{Exchange, Header, Message};

/// One message of a call.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrpcMessage {
    /// Where its prefix begins.
    pub offset: u64,
    /// When its end came, in microseconds after the exchange began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// As its prefix says, without that.
    pub size: u64,
    /// Whether it was compressed.
    pub compressed: bool,
    /// What it says.
    pub content: Decoded,
}

/// How a call ended.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrpcStatus {
    /// As sent.
    pub code: String,
    /// What the code is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the program says to it.
    pub message: String,
    /// `google.rpc.Status`, where it was sent along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Decoded>>,
}

/// One direction of a call.
pub(super) struct Call<'a> {
    message: &'a Message,
    half: Half,
    /// The full name of the type of its messages.
    message_type: Option<String>,
    is_json: bool,
    is_text: bool,
    is_web: bool,
}

/// The call that a message belongs to, if it is one.
pub(super) fn of<'a>(
    exchange: &Exchange,
    half: Half,
    message: &'a Message,
    schemas: &Schemas,
) -> Option<Call<'a>> {
    let media = Media::of(message);
    let kind = media.essence.strip_prefix("application/grpc")?;
    let (variant, format) = kind.split_once('+').unwrap_or((kind, "proto"));
    if !matches!(variant, "" | "-web" | "-web-text") {
        return None;
    }
    let target = exchange.request.target.shown();
    Some(Call {
        message,
        half,
        message_type: schemas.of_method(target.split('?').next().unwrap_or_default(), half),
        is_json: format == "json",
        is_text: variant == "-web-text",
        is_web: !variant.is_empty(),
    })
}

pub(super) fn read(call: &Call<'_>, piece: &Piece<'_>, reader: &mut Reader<'_>) -> Found {
    let mut problems = Vec::new();
    let bytes = match call.is_text {
        true => Cow::Owned(from_base64(piece.bytes, piece.is_cut, &mut problems)),
        false => Cow::Borrowed(piece.bytes),
    };
    let inside = Piece {
        bytes: &bytes,
        arrivals: piece.arrivals.filter(|_| !call.is_text),
        ..*piece
    };
    let (messages, trailers) = messages(call, &inside, reader, &mut problems);
    let status = (call.half == Half::Response)
        .then(|| status(call, &trailers, reader))
        .flatten();
    (Content::Grpc { messages, status }, problems)
}

fn messages(
    call: &Call<'_>,
    piece: &Piece<'_>,
    reader: &mut Reader<'_>,
    problems: &mut Vec<Problem>,
) -> (Vec<GrpcMessage>, Vec<Header>) {
    let (mut messages, mut trailers) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(rest) = piece.bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let [flags, a, b, c, d, payload @ ..] = rest else {
            problems.push(Problem::cut("the body ends within the prefix of a message", at));
            break;
        };
        if flags & !0x81 != 0 || (flags & 0x80 != 0 && !call.is_web) {
            let text = format!("no gRPC message begins with the byte {flags:#04x}: the rest is not read");
            problems.push(Problem::malformed(text, at));
            break;
        }
        if !reader.budget.item() {
            problems.push(Problem::too_many("messages"));
            break;
        }
        let size = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let there = &payload[..size.min(payload.len())];
        let next = at + 5 + there.len();
        let compressed = flags & 1 != 0;
        let inside = piece.part(there, there.len() < size);
        if flags & 0x80 != 0 {
            trailers = web_trailers(&plain(call, &inside, compressed, reader).bytes);
        } else {
            messages.push(GrpcMessage {
                offset: at as u64,
                at: piece.arrived(next - 1),
                size: size as u64,
                compressed,
                content: one(call, &inside, compressed, reader),
            });
        }
        at = next;
        if there.len() < size {
            let text = format!(
                "the body ends within a message: {} of {size} bytes are there",
                there.len()
            );
            problems.push(Problem::cut(text, at));
        }
    }
    (messages, trailers)
}

/// A message without its compression.
fn plain<'p>(
    call: &Call<'_>,
    piece: &Piece<'p>,
    compressed: bool,
    reader: &mut Reader<'_>,
) -> coding::Unpacked<'p> {
    let encoding = call.message.header("grpc-encoding");
    let list = match (compressed, encoding) {
        (true, Some(encoding)) => encoding.shown().to_ascii_lowercase(),
        _ => String::new(),
    };
    let mut unpacked = coding::undo(piece.bytes, &list, piece.is_cut, &mut reader.budget);
    if compressed && list.is_empty() {
        let text = "the message is marked as compressed, but no `grpc-encoding` says how";
        unpacked.problems.push(Problem::new(ProblemKind::Malformed, text));
    }
    unpacked
}

fn one(call: &Call<'_>, piece: &Piece<'_>, compressed: bool, reader: &mut Reader<'_>) -> Decoded {
    let unpacked = plain(call, piece, compressed, reader);
    let inside = Piece {
        bytes: &unpacked.bytes,
        is_cut: unpacked.is_cut,
        ..*piece
    };
    let (content, problems) = match call.is_json {
        true => content::json_document(&inside, &Media::default(), reader),
        false => protobuf::read(&inside, call.message_type.as_deref(), reader),
    };
    let recorded = piece.bytes.len() as u64;
    Decoded {
        recorded,
        size: recorded,
        unpacked: unpacked.bytes.len() as u64,
        codings: unpacked.codings,
        content,
        problems: unpacked.problems.into_iter().chain(problems).collect(),
    }
}

/// Trailers as gRPC-Web sends them: lines of a head in the body.
fn web_trailers(bytes: &[u8]) -> Vec<Header> {
    let lines = bytes.split(|byte| *byte == b'\n').take(64);
    let pairs = lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some(Header {
            name: line[..colon].trim_ascii().into(),
            value: line[colon + 1..].trim_ascii().into(),
        })
    });
    pairs.collect()
}

/// From the trailers; from the headers where an answer consists of nothing else.
fn status(call: &Call<'_>, web: &[Header], reader: &mut Reader<'_>) -> Option<GrpcStatus> {
    let places = [web, &call.message.trailers, &call.message.headers];
    let has_status = |headers: &&[Header]| {
        headers
            .iter()
            .any(|header| header.name.eq_ignore_ascii_case("grpc-status"))
    };
    let place = places.into_iter().find(has_status)?;
    let value = |name: &str| {
        let mut found = place
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        found.next().map(|header| header.value.shown())
    };
    let code = short(&value("grpc-status")?);
    let message = value("grpc-message").unwrap_or_default();
    let message = percent_encoding::percent_decode_str(&message).decode_utf8_lossy();
    let details = value("grpc-status-details-bin").and_then(|text| {
        let bytes = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        // Its type is always the same, whatever type was chosen for the messages.
        let (fields, problem) = protobuf::guess(&bytes, false, &mut reader.budget);
        Some(Box::new(Decoded {
            recorded: bytes.len() as u64,
            size: bytes.len() as u64,
            unpacked: bytes.len() as u64,
            codings: Vec::new(),
            content: Content::Protobuf { fields },
            problems: problem.into_iter().collect(),
        }))
    });
    Some(GrpcStatus {
        name: code.parse().ok().and_then(status_name).map(str::to_owned),
        code,
        message: reader.budget.shorten(&message),
        details,
    })
}

fn status_name(code: usize) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(code).copied()
}

/// Each flush of a gRPC-Web text is padded of its own, so that padding stands in between.
fn from_base64(text: &[u8], is_cut: bool, problems: &mut Vec<Problem>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut quantum = Vec::with_capacity(4);
    for (at, byte) in text
        .iter()
        .enumerate()
        .filter(|(_, byte)| !byte.is_ascii_whitespace())
    {
        quantum.push(*byte);
        if quantum.len() < 4 {
            continue;
        }
        if STANDARD.decode_vec(&quantum, &mut out).is_err() {
            problems.push(Problem::malformed("the body is not base64 from here on", at - 3));
            return out;
        }
        quantum.clear();
    }
    if !quantum.is_empty() && !is_cut {
        problems.push(Problem::cut("the base64 text ends too early", text.len()));
    }
    out
}

#[cfg(test)]
mod tests;
