//! One request and its answer, as the inspector keeps it.
//!
//! Bodies are what was sent, after transfer encoding (chunks) and before content encoding (gzip). They are bounded copies
//! with the true size beside them. Messages of one body (events, frames, gRPC messages) are told apart when somebody looks:
//! the bytes and the moments at which they came are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Names an exchange to people: small numbers, given in the order of recording.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeId(pub u64);

/// Not the number of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the number of a request: use one as shown in the list, like 42")]
pub struct InvalidExchangeId(pub String);

impl fmt::Display for ExchangeId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, out)
    }
}

impl FromStr for ExchangeId {
    type Err = InvalidExchangeId;

    fn from_str(text: &str) -> Result<Self, InvalidExchangeId> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse() {
            Ok(number) if is_number => Ok(Self(number)),
            _ => Err(InvalidExchangeId(text.to_owned())),
        }
    }
}

/// Microseconds since 1970 UTC.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

/// A request and what became of it.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// Its number.
    pub id: ExchangeId,
    /// Whose request it was.
    pub place: Place,
    /// When its first byte reached the laptop.
    pub began: Moment,
    /// When the rest happened.
    pub times: Times,
    /// How it was spoken.
    pub protocol: Protocol,
    /// Who asked, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// What was asked. Empty in all its parts for bytes that are not HTTP.
    pub request: Request,
    /// What was answered; absent while, and if, nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// How it ended.
    pub outcome: Outcome,
    /// What sets it apart.
    #[serde(default)]
    pub tags: Tags,
}

/// Where in which cluster, and through which intercept.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The kubeconfig's context.
    pub context: String,
    /// The Service's namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// The Service's port.
    pub port: u16,
    /// The intercept's id; empty for what was imported.
    pub intercept: String,
}

/// Microseconds after [`Exchange::began`]; absent what did not happen or is not known.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// When the proxy in the cluster received it: negative, since the laptop is later. The clocks of both are compared, so
    /// it is as good as that comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<i64>,
    /// How long connecting to the local program took; absent where a connection was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<u64>,
    /// When the request's last byte passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// When the answer's first byte passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<u64>,
    /// When the answer's last byte passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_byte: Option<u64>,
}

/// How an exchange was spoken.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.0.
    #[serde(rename = "HTTP/1.0")]
    Http10,
    /// HTTP/1.1.
    #[default]
    #[serde(rename = "HTTP/1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "HTTP/2")]
    Http2,
    /// Nothing that is understood: a request and a response that are bodies alone.
    #[serde(rename = "bytes")]
    Bytes,
}

/// Who asked.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// The caller's address as the proxy saw it.
    pub address: String,
    /// The pod that has this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
}

/// What was asked.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HttpRequest"))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// As sent: methods are case-sensitive.
    pub method: Text,
    /// As sent: mostly a path with its query, but an absolute URL, an authority or `*` as well.
    pub target: Text,
    /// The `Host` header or the `:authority`.
    pub host: Text,
    /// Headers, body, trailers.
    #[serde(flatten)]
    pub message: Message,
}

/// What was answered.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HttpResponse"))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The final status; 101 for a connection that was switched.
    pub status: u16,
    /// The reason phrase, where the protocol has one.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub reason: Text,
    /// Statuses of interim answers (100, 103) before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<u16>,
    /// Headers, body, trailers.
    #[serde(flatten)]
    pub message: Message,
}

/// What requests and responses share.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "HttpMessage"))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// In their order and case, each as often as it was sent. Without HTTP/2's pseudo headers.
    pub headers: Vec<Header>,
    /// What follows them. After a switch of protocols: everything that was said in this direction from there on.
    pub body: Body,
    /// What follows the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<Header>,
}

/// One line of a head.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Header {
    /// As sent.
    pub name: Text,
    /// As sent, without surrounding space.
    pub value: Text,
}

/// A bounded copy.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    /// Its beginning, possibly all of it. Not part of what is serialised: whoever shows a body asks for it.
    #[serde(skip)]
    pub bytes: Vec<u8>,
    /// How many bytes it had.
    pub size: u64,
    /// When its parts came, the earliest first; only where there were several, and only so many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrivals: Vec<Arrival>,
}

/// From `offset` on, the bytes came at this moment or later.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Into the body.
    pub offset: u64,
    /// Microseconds after [`Exchange::began`].
    pub at: u64,
}

/// How an exchange ended.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Outcome {
    /// It has not ended.
    #[default]
    InFlight,
    /// The local program answered.
    Answered,
    /// A mock answered.
    Mocked,
    /// The original pods answered; nothing of the request had been delivered to the local program.
    FellBack {
        /// Why.
        why: String,
    },
    /// The original pods answered a replay that was sent to them.
    AnsweredByCluster,
    /// It was cut off.
    Reset {
        /// By whom.
        by: Side,
    },
    /// The program gave no answer in time.
    TimedOut,
    /// It could not be sent (a replay).
    Failed {
        /// Why.
        why: String,
    },
    /// Not seen here: it was imported.
    Imported,
}

/// Who cut an exchange off.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The caller, or the tunnel to it.
    Caller,
    /// The local program.
    Program,
}

/// What sets an exchange apart.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tags {
    /// Never removed to make room.
    pub pinned: bool,
    /// The exchange that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<ExchangeId>,
    /// It differs from what it repeats.
    pub edited: bool,
}

/// What a list shows of an exchange.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Its number.
    pub id: ExchangeId,
    /// When it began.
    pub began: Moment,
    /// Whose request it was.
    pub place: Place,
    /// How it was spoken.
    pub protocol: Protocol,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The method.
    pub method: String,
    /// The target, cut to what a list can show.
    pub target: String,
    /// The host.
    pub host: String,
    /// The status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Bytes of the request's body.
    pub request_size: u64,
    /// Bytes of the answer's body.
    pub response_size: u64,
    /// Microseconds from first to last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// What sets it apart.
    pub tags: Tags,
}

/// A list shows no more of a target.
const SHOWN_TARGET: usize = 512;

impl Exchange {
    /// What a list shows of it.
    pub fn summary(&self) -> Summary {
        let response = self.response.as_ref();
        Summary {
            id: self.id,
            began: self.began,
            place: self.place.clone(),
            protocol: self.protocol,
            source: self.source.clone(),
            method: self.request.method.shown().into_owned(),
            target: self.request.target.shown().chars().take(SHOWN_TARGET).collect(),
            host: self.request.host.shown().into_owned(),
            status: response.map(|response| response.status),
            media_type: response.and_then(|response| response.message.media_type()),
            request_size: self.request.message.body.size,
            response_size: response.map_or(0, |response| response.message.body.size),
            took: self.times.last_byte,
            outcome: self.outcome.clone(),
            tags: self.tags.clone(),
        }
    }
}

impl Message {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&Text> {
        let mut found = self
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        found.next().map(|header| &header.value)
    }

    /// Its media type in lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?.shown();
        let essence = value.split(';').next().unwrap_or_default().trim();
        (!essence.is_empty()).then(|| essence.to_ascii_lowercase())
    }
}

impl Body {
    /// All of `bytes`, which came at once.
    pub fn whole(bytes: Vec<u8>) -> Self {
        Self {
            size: bytes.len() as u64,
            bytes,
            arrivals: Vec::new(),
        }
    }

    /// Whether nothing of it is missing.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }
}

impl Protocol {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Bytes => "bytes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_names_an_exchange() {
        assert_eq!("42".parse(), Ok(ExchangeId(42)));
        assert_eq!("#42".parse(), Ok(ExchangeId(42)));
        for wrong in ["", "#", "+1", "-1", " 1", "x", "18446744073709551616"] {
            assert_eq!(
                wrong.parse::<ExchangeId>(),
                Err(InvalidExchangeId(wrong.to_owned())),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_media_type_is_read_without_its_parameters() {
        let message = Message {
            headers: vec![Header {
                name: "content-TYPE".into(),
                value: "Application/JSON ; charset=utf-8".into(),
            }],
            ..Message::default()
        };
        assert_eq!(message.media_type().as_deref(), Some("application/json"));
    }
}
