//! Secrets are covered in all that is shown and exported, unless somebody asks for them.
//!
//! What is covered leaves a mark and is told ([`Hidden`]), so that a window can offer to show it. JSON stays JSON, bytes that
//! count themselves keep their length. A body that cannot be read through (an encoding nobody undid, bytes of a switched
//! connection) is left out rather than passed on unread; of a WebSocket the messages are covered one by one, and what could
//! not be read as one is left out.
//!
//! Deliberately absent: undoing content encodings; whoever can gives a [`Reader`].

mod json;
mod message;
mod names;
mod rule;
mod text;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::exchange::{Exchange, Message, Moment, Side};
pub(crate) use json::{Token, TokenKind, Tokens, unquoted};
pub use rule::{Rule, RuleError};

/// Stands where something was hidden.
pub const MARK: &str = "••••";

/// Something that was hidden.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hidden {
    /// In what.
    pub part: Part,
    /// Where in it.
    #[serde(rename = "where")]
    pub place: Where,
}

/// A part of an exchange.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HiddenPart"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The request's target.
    Target,
    /// The request's headers.
    RequestHeaders,
    /// The request's body.
    RequestBody,
    /// The request's trailers.
    RequestTrailers,
    /// The answer's headers.
    ResponseHeaders,
    /// The answer's body.
    ResponseBody,
    /// The answer's trailers.
    ResponseTrailers,
}

/// A place in a part.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HiddenWhere"))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Where {
    /// A header's or trailer's value.
    Header {
        /// Whose.
        name: String,
    },
    /// A header of this program's own, which nobody is shown.
    Own {
        /// Whose.
        name: String,
    },
    /// A parameter, form field or member.
    Field {
        /// Whose.
        name: String,
    },
    /// Something shaped like a token.
    Token,
    /// Something that a user's pattern found.
    Pattern,
    /// A password in a URL.
    UserInfo,
    /// All of a body.
    Body {
        /// Why.
        why: Unread,
    },
}

/// Why a body was left out.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HiddenUnread"))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Unread {
    /// It is encoded and nobody undid it.
    Encoded {
        /// As the message names it.
        encoding: String,
    },
    /// It is what was said after a switch to a protocol that is not read.
    Switched,
}

/// A body without its content encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    /// What could be read.
    pub bytes: Cow<'a, [u8]>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// One message of a WebSocket connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketMessage {
    /// Who sent it: the caller or the program.
    pub from: Side,
    /// When it came.
    pub at: Moment,
    /// The kind of its frame: 1 for text, 2 for bytes, 8 and above for control.
    pub opcode: u8,
    /// What it says, unmasked and decompressed.
    pub bytes: Vec<u8>,
}

/// Reads what lies under encodings and framings.
pub trait Reader {
    /// The body without its content encodings; nothing if they cannot be undone.
    fn plain<'a>(&self, message: &'a Message) -> Option<Plain<'a>>;

    /// What was said over a WebSocket, in the order of time.
    fn socket(&self, exchange: &Exchange) -> Vec<SocketMessage>;
}

/// Undoes nothing: reads bodies that are not encoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsRecorded;

impl Reader for AsRecorded {
    fn plain<'a>(&self, message: &'a Message) -> Option<Plain<'a>> {
        encoding(message).is_none().then(|| Plain {
            bytes: Cow::Borrowed(&message.body.bytes),
            is_whole: message.body.is_whole(),
        })
    }

    fn socket(&self, _: &Exchange) -> Vec<SocketMessage> {
        Vec::new()
    }
}

/// What a message is encoded in, if it is. gRPC compresses each of its messages, and says so elsewhere.
pub(crate) fn encoding(message: &Message) -> Option<String> {
    let names = ["content-encoding", "grpc-encoding"];
    let of_name = |name| {
        message
            .headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
    };
    let values = names
        .into_iter()
        .flat_map(of_name)
        .map(|header| header.value.shown());
    let mut encoded =
        values.filter(|value| !value.is_empty() && !value.trim().eq_ignore_ascii_case("identity"));
    encoded.next().map(Cow::into_owned)
}

/// What is hidden, and how.
#[derive(Clone, Debug)]
pub struct Redaction {
    /// Absent where somebody asked to see secrets: then only this program's own are hidden.
    rules: Option<rule::Compiled>,
}

/// An exchange that may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Redacted {
    /// Without what was hidden.
    pub exchange: Exchange,
    /// What was.
    pub hidden: Vec<Hidden>,
}

impl Redaction {
    /// Hides what is secret by its name or shape, and what `rules` name.
    ///
    /// # Errors
    ///
    /// A rule cannot be followed; the error says which.
    pub fn new(rules: &[Rule]) -> Result<Self, RuleError> {
        let compiled = rule::Compiled::of(rules)?;
        Ok(Self {
            rules: Some(compiled),
        })
    }

    /// Hides nothing but this program's own headers: for somebody who asked.
    pub fn revealed() -> Self {
        Self { rules: None }
    }

    /// What of `exchange` may be shown.
    pub fn apply(&self, exchange: &Exchange, reader: &dyn Reader) -> Redacted {
        let mut shown = exchange.clone();
        let mut hidden = Vec::new();
        message::request(self, &mut shown, reader, &mut hidden);
        message::response(self, &mut shown, reader, &mut hidden);
        Redacted {
            exchange: shown,
            hidden,
        }
    }

    /// What of a request's target may be shown.
    pub fn target(&self, target: &str) -> String {
        // As a form: a query is one.
        let Some((path, query)) = target.split_once('?') else {
            return self.text(None, target).0;
        };
        let path = self.text(None, path).0;
        let query = self.text(Some("application/x-www-form-urlencoded"), query).0;
        format!("{path}?{query}")
    }

    /// What of a text may be shown: one that was decoded already, of this media type.
    pub fn text(&self, content_type: Option<&str>, text: &str) -> (String, Vec<Where>) {
        let covered = message::cover(self, content_type, text.as_bytes());
        // Marks are UTF-8 and covers end where words do; bytes that a pattern cut are shown as such.
        (
            String::from_utf8_lossy(&covered.bytes).into_owned(),
            covered.places,
        )
    }
}

#[cfg(test)]
mod tests;
