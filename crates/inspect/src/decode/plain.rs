//! What redaction and exports read: bodies without their codings, and what was said over a WebSocket.

use super::budget::Budget;
use super::problem::ProblemKind;
use super::search::Decoding;
use super::{Half, Limits, coding, websocket};
use crate::exchange::{Exchange, Message, Moment, Side};
use crate::redact::{Plain, Reader, SocketMessage};

impl Reader for Decoding {
    fn plain<'a>(&self, message: &'a Message) -> Option<Plain<'a>> {
        let unpacked = coding::unpack(message, &Limits::default());
        // What was not read may hide a secret: only an end that was not recorded may be missing.
        let may_be_cut = !message.body.is_whole();
        let mut problems = unpacked.problems.iter();
        let is_read = problems.all(|problem| may_be_cut && problem.kind == ProblemKind::Cut);
        is_read.then_some(Plain {
            is_whole: !unpacked.is_cut && unpacked.problems.is_empty(),
            bytes: unpacked.bytes,
        })
    }

    fn socket(&self, exchange: &Exchange) -> Vec<SocketMessage> {
        let mut budget = Budget::new(&Limits::default());
        let said = websocket::said(exchange, &mut budget);
        let message = |(from, at, opcode, bytes): (Half, Option<u64>, u8, Vec<u8>)| SocketMessage {
            from: match from {
                Half::Request => Side::Caller,
                Half::Response => Side::Program,
            },
            at: Moment(exchange.began.0.saturating_add_unsigned(at.unwrap_or_default())),
            opcode,
            bytes,
        };
        said.into_iter().map(message).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Header};

    fn encoded(coding: &str, bytes: &[u8]) -> Message {
        Message {
            headers: vec![Header {
                name: "Content-Encoding".into(),
                value: coding.into(),
            }],
            body: Body::whole(bytes.to_vec()),
            trailers: Vec::new(),
        }
    }

    /// `{"a":1}` in gzip.
    const GZIP: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 84, 178, 50, 172, 5, 0, 175, 172, 27, 86, 7, 0, 0, 0,
    ];

    #[test]
    fn a_coded_body_is_read_and_one_in_an_unknown_coding_is_not() {
        let bare = Message::default();
        let found = Decoding.plain(&bare).unwrap();
        assert!(found.bytes.is_empty() && found.is_whole);
        assert!(Decoding.plain(&encoded("own", b"x")).is_none());
        assert!(Decoding.plain(&encoded("gzip", b"no gzip")).is_none());
        let whole = encoded("gzip", GZIP);
        assert_eq!(Decoding.plain(&whole).unwrap().bytes.as_ref(), br#"{"a":1}"#);
        let mut cut = encoded("gzip", &GZIP[..GZIP.len() - 9]);
        assert!(Decoding.plain(&cut).is_none());
        cut.body.size += 9;
        assert!(Decoding.plain(&cut).is_some_and(|plain| !plain.is_whole));
    }
}
