//! WebSockets (RFC 6455, RFC 7692): what both sides said after the switch, in the order of time.
//!
//! Read from recorded bytes, which may end anywhere: a client or server library would wait for the rest.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::content::{Content, Piece, short};
use super::media::Media;
use super::problem::{Problem, ProblemKind};
use super::{Decoded, Half, Reader, listed};
use crate::exchange::{Body, Exchange, Message, Response};

mod assembly;
mod deflate;
mod frame;

use assembly::{Assembled, Assembly};
use deflate::Agreed;
use frame::Frame;

/// What a message is.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Opcode {
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// The last one of its side.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping, or is sent unasked.
    Pong,
}

/// Why a side closed.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "SocketClose"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// As sent.
    pub code: u16,
    /// What the code is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the program says to it.
    pub reason: String,
}

/// One message, put together from its frames.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketMessage {
    /// Who said it.
    pub from: Half,
    /// Where its first frame begins, in what this side said.
    pub offset: u64,
    /// When its end came, in microseconds after the exchange began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// What it is.
    pub opcode: Opcode,
    /// In how many frames it came.
    pub frames: u64,
    /// Whether it was compressed.
    pub compressed: bool,
    /// Whether its end is there.
    pub complete: bool,
    /// What it closes with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close: Option<Close>,
    /// What it says.
    pub content: Decoded,
}

/// What the program said to the switch, if the exchange became a WebSocket.
fn switched(exchange: &Exchange) -> Option<&Response> {
    let response = exchange
        .response
        .as_ref()
        .filter(|response| response.status == 101)?;
    let upgrade = listed(&response.message, "upgrade");
    let mut protocols = upgrade.split(',');
    protocols.find(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))?;
    Some(response)
}

/// Who said what when: moments, kinds of frames, and the messages' bytes.
pub(super) fn said(exchange: &Exchange, budget: &mut Budget) -> Vec<(Half, Option<u64>, u8, Vec<u8>)> {
    let Some(response) = switched(exchange) else {
        return Vec::new();
    };
    let (agreed, _) = Agreed::of(&listed(&response.message, "sec-websocket-extensions"));
    let mut all = Vec::new();
    for (half, body) in [
        (Half::Request, &exchange.request.message.body),
        (Half::Response, &response.message.body),
    ] {
        let mut assembly = Assembly::new(&body.bytes, half, agreed);
        while budget.item()
            && let Some(one) = assembly.next(budget)
        {
            let at = body.arrived(one.end.saturating_sub(1) as u64);
            all.push((half, at, one.opcode.number(), one.bytes));
        }
    }
    // Each side stays in its order.
    all.sort_by_key(|(_, at, ..)| *at);
    all
}

/// The texts in what one side said, for indexes: messages that are not compressed, a line for each message.
pub(super) fn texts(mut bytes: &[u8]) -> String {
    const GOES_ON: u8 = 0;
    const TEXT: u8 = 1;
    let mut texts = Vec::new();
    let mut is_text = false;
    while let Some(frame) = Frame::read(bytes).filter(|frame| !frame.has_reserved) {
        if !frame.is_control() {
            is_text = match frame.opcode {
                GOES_ON => is_text,
                opcode => opcode == TEXT && !frame.is_marked,
            };
            if is_text {
                frame.append_to(&mut texts);
                texts.extend_from_slice(if frame.is_last { b"\n" } else { b"" });
            }
        }
        bytes = bytes.get(frame.length..).unwrap_or_default();
    }
    String::from_utf8_lossy(&texts).into_owned()
}

impl Opcode {
    fn number(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// The conversation, if the exchange became a WebSocket.
pub(super) fn of(exchange: &Exchange, reader: &mut Reader<'_>) -> Option<Decoded> {
    let response = switched(exchange)?;
    let (agreed, mut problems) = Agreed::of(&listed(&response.message, "sec-websocket-extensions"));
    let asked = one_side(
        Half::Request,
        &exchange.request.message,
        agreed,
        reader,
        &mut problems,
    );
    let answered = one_side(Half::Response, &response.message, agreed, reader, &mut problems);
    let bodies = [&exchange.request.message.body, &response.message.body];
    let total = |size: fn(&Body) -> u64| {
        bodies
            .iter()
            .fold(0u64, |sum, body| sum.saturating_add(size(body)))
    };
    let recorded = total(|body| body.bytes.len() as u64);
    Some(Decoded {
        recorded,
        size: total(|body| body.size),
        codings: Vec::new(),
        unpacked: recorded,
        content: Content::WebSocket {
            messages: merge(asked, answered),
        },
        problems,
    })
}

/// By the time of their ends. Each side stays in its order; what has no time goes before what has.
fn merge(asked: Vec<SocketMessage>, answered: Vec<SocketMessage>) -> Vec<SocketMessage> {
    let mut merged = Vec::with_capacity(asked.len() + answered.len());
    let mut asked = asked.into_iter().peekable();
    let mut answered = answered.into_iter().peekable();
    loop {
        let next = match (asked.peek(), answered.peek()) {
            (Some(first), Some(second)) if first.at <= second.at => asked.next(),
            (_, Some(_)) => answered.next(),
            (_, None) => asked.next(),
        };
        let Some(message) = next else {
            return merged;
        };
        merged.push(message);
    }
}

fn one_side(
    from: Half,
    message: &Message,
    agreed: Agreed,
    reader: &mut Reader<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<SocketMessage> {
    let body = &message.body;
    let mut assembly = Assembly::new(&body.bytes, from, agreed);
    let mut messages = Vec::new();
    while let Some(assembled) = assembly.next(&mut reader.budget) {
        if !reader.budget.item() {
            problems.push(Problem::too_many("messages"));
            break;
        }
        messages.push(read(from, body, assembled, reader));
    }
    problems.extend(assembly.problems);
    if !body.is_whole() {
        problems.push(Problem::recorded_in_part(body));
    }
    messages
}

fn read(from: Half, body: &Body, assembled: Assembled, reader: &mut Reader<'_>) -> SocketMessage {
    let bytes = &assembled.bytes;
    let close = (assembled.opcode == Opcode::Close)
        .then(|| close(bytes, reader))
        .flatten();
    let piece = Piece {
        bytes: if close.is_some() { &[] } else { bytes },
        is_cut: !assembled.complete,
        arrivals: None,
        nesting: 1,
    };
    // Without a type, texts that look like JSON are read as that, and bytes as what they seem to be.
    let mut content = match assembled.opcode {
        Opcode::Text if !seems_json(bytes) => {
            reader.inner(&piece, &Media::parse("text/plain; charset=utf-8"))
        }
        _ => reader.inner(&piece, &Media::default()),
    };
    content.problems.extend(assembled.problem);
    SocketMessage {
        from,
        offset: assembled.offset as u64,
        at: body.arrived(assembled.end.saturating_sub(1) as u64),
        opcode: assembled.opcode,
        frames: assembled.frames,
        compressed: assembled.compressed,
        complete: assembled.complete,
        close,
        content,
    }
}

fn seems_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn close(bytes: &[u8], reader: &mut Reader<'_>) -> Option<Close> {
    let (code, reason) = bytes.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*code);
    Some(Close {
        code,
        name: close_name(code).map(str::to_owned),
        reason: reader.budget.shorten(&String::from_utf8_lossy(reason)),
    })
}

fn close_name(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        _ => return None,
    })
}

/// An extension that is not known here may change what frames mean.
fn unknown_extension(name: &str) -> Problem {
    let text = format!(
        "the extension `{}` is not known: frames may be shown wrong",
        short(name)
    );
    Problem::new(ProblemKind::Unsupported, text)
}

#[cfg(test)]
mod tests;
