//! What may stand behind a key of the file or behind a flag, checked in one place for both.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use intercept_protocol::matching::{BaggageKey, HeaderName, InvalidMatch, Mark, Method, PathPrefix, Value};
use intercept_protocol::record::PortProtocol;
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::MatchSettings;
use crate::spec::{MIN_GRACE, PortChoice};
use crate::target::Target;

const MIN_TTL: Duration = Duration::from_secs(1);
const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
/// A laptop that is gone must not hold a Service for longer.
const MAX_GRACE: Duration = Duration::from_secs(3600);
const MAX_LABEL: usize = 63;
const MAX_IMAGE: usize = 1024;

/// A duration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// Not a duration.
    #[error("`{0}` is not a duration: write for instance 90s, 15m or 2h")]
    Unreadable(String),
    /// Too short or too long.
    #[error(
        "`{text}` is out of range: use {} to {}",
        humantime::format_duration(*least),
        humantime::format_duration(*most)
    )]
    OutOfRange {
        /// As it was written.
        text: String,
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
}

/// A name that no Kubernetes object can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a Kubernetes name: use 1 to {MAX_LABEL} lower-case letters, digits or `-`, none at the ends but letters and digits"
)]
pub struct InvalidName(String);

/// Text that names no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not name an image: write for instance nginx:1.31.4 or registry.example.com/nginx:1.31.4")]
pub struct InvalidImage(String);

/// A lifetime.
///
/// # Errors
/// When `text` is no duration, shorter than a second or longer than 30 days.
pub fn ttl(text: &str) -> Result<Duration, InvalidDuration> {
    duration(text, MIN_TTL, MAX_TTL)
}

/// A grace time.
///
/// # Errors
/// When `text` is no duration, shorter than [`MIN_GRACE`] or longer than an hour.
pub fn grace(text: &str) -> Result<Duration, InvalidDuration> {
    duration(text, MIN_GRACE, MAX_GRACE)
}

fn duration(text: &str, least: Duration, most: Duration) -> Result<Duration, InvalidDuration> {
    let read = humantime::parse_duration(text.trim());
    let read = read.map_err(|_| InvalidDuration::Unreadable(text.to_owned()))?;
    let is_fitting = (least..=most).contains(&read);
    is_fitting.then_some(read).ok_or(InvalidDuration::OutOfRange {
        text: text.to_owned(),
        least,
        most,
    })
}

/// The name of a namespace, a Service or a Secret, as far as it can be checked without a cluster.
///
/// # Errors
/// When no object can be called so.
pub fn label(text: &str) -> Result<String, InvalidName> {
    let fits = (1..=MAX_LABEL).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(InvalidName(text.to_owned()))
    }
}

/// An image's name; what stands there only the cluster knows.
///
/// # Errors
/// When it has characters that no image's name has.
pub fn image(text: &str) -> Result<String, InvalidImage> {
    let is_known = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    let fits = (1..=MAX_IMAGE).contains(&text.len())
        && text.bytes().all(is_known)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(InvalidImage(text.to_owned()))
    }
}

/// `NAME`, `NAME=VALUE`, or `NAME: VALUE` as curl writes it.
///
/// # Errors
/// When the name or the value cannot be matched.
pub fn mark_header(text: &str) -> Result<Mark, InvalidMatch> {
    let (name, value) = match text.find(['=', ':']) {
        Some(at) if text[at..].starts_with(':') => (&text[..at], Some(text[at + 1..].trim())),
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    Ok(Mark::Header {
        name: HeaderName::new(name)?,
        value: value.map(Value::new).transpose()?,
    })
}

/// `KEY=VALUE`, or `KEY` for any value.
///
/// # Errors
/// When the key or the value cannot be matched.
pub fn mark_baggage(text: &str) -> Result<Mark, InvalidMatch> {
    let (key, value) = text
        .split_once('=')
        .map_or((text, None), |(key, value)| (key, Some(value)));
    Ok(Mark::Baggage {
        key: BaggageKey::new(key)?,
        value: value.map(Value::new).transpose()?,
    })
}

/// A method, in whatever case it was written.
///
/// # Errors
/// When it is none.
pub fn method(text: &str) -> Result<Method, InvalidMatch> {
    Method::new(text.to_ascii_uppercase())
}

/// A path's beginning.
///
/// # Errors
/// When it is none.
pub fn path_prefix(text: &str) -> Result<PathPrefix, InvalidMatch> {
    PathPrefix::new(text)
}

/// `http` or `tcp`.
pub fn protocol(text: &str) -> Option<PortProtocol> {
    match text {
        "http" => Some(PortProtocol::Http),
        "tcp" => Some(PortProtocol::Tcp),
        _ => None,
    }
}

/// `[match]` as it stands in the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MatchTable {
    #[serde(deserialize_with = "header")]
    header: Option<Mark>,
    #[serde(deserialize_with = "baggage")]
    baggage: Option<Mark>,
    all: bool,
    #[serde(deserialize_with = "optional_path")]
    path: Option<PathPrefix>,
    #[serde(deserialize_with = "optional_methods")]
    methods: Option<Vec<Method>>,
}

impl TryFrom<MatchTable> for MatchSettings {
    type Error = &'static str;

    fn try_from(table: MatchTable) -> Result<Self, Self::Error> {
        let all = table.all.then_some(Mark::All);
        let mut marks = [table.header, table.baggage, all].into_iter().flatten();
        let mark = marks.next();
        if marks.next().is_some() {
            return Err("only one of `header`, `baggage` and `all` can mark a request");
        }
        Ok(Self {
            mark,
            path: table.path,
            methods: table.methods,
        })
    }
}

/// Takes text and, where people would write one, a number.
struct Written(String);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Written;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("text or a number")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Written, E> {
                Ok(Written(text.to_owned()))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Written, E> {
                u16::try_from(number)
                    .map(|port| Written(port.to_string()))
                    .map_err(|_| E::invalid_value(Unexpected::Signed(number), &"a number from 1 to 65535"))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

fn checked<'de, D, T, E>(deserializer: D, check: impl Fn(&str) -> Result<T, E>) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    E: Display,
{
    let text = String::deserialize(deserializer)?;
    check(&text).map(Some).map_err(D::Error::custom)
}

fn written<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Written(text) = Written::deserialize(deserializer)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

macro_rules! readers {
    ($($name:ident: $type:ty, $check:expr;)*) => {$(
        pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<$type>, D::Error> {
            checked(deserializer, $check)
        }
    )*};
}

readers! {
    optional_name: String, label;
    optional_ttl: Duration, ttl;
    optional_grace: Duration, grace;
    optional_image: String, image;
    header: Mark, mark_header;
    baggage: Mark, mark_baggage;
    optional_path: PathPrefix, path_prefix;
}

pub(super) fn optional_target<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Target>, D::Error> {
    written(deserializer)
}

pub(super) fn optional_port<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PortChoice>, D::Error> {
    written(deserializer)
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| label(text))
        .collect::<Result<_, _>>()
        .map_err(D::Error::custom)
}

fn optional_methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Method>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| method(text))
        .collect::<Result<_, _>>()
        .map(Some)
        .map_err(D::Error::custom)
}
