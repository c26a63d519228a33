//! Which requests an intercept takes, and who comes first when several could.
//!
//! Every part is validated when it is made, so whoever renders it only has to quote it.
//! Precedence is fixed: a header or baggage member with a value, then one with any value, then all
//! traffic; within these the longer path prefix, then named methods before any, then the older intercept.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The header that marks a request when the user names none.
pub const DEFAULT_HEADER: &str = "X-C6O-INTERCEPT";
/// The value that goes with [`DEFAULT_HEADER`].
pub const DEFAULT_VALUE: &str = "yes";

const MAX_NAME: usize = 128;
const MAX_VALUE: usize = 1024;

/// A part of a match that no proxy could honour. The message says what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMatch {
    /// Header names NGINX cannot read are refused instead of silently never matching.
    #[error("header name `{0}` cannot be matched: use 1 to {MAX_NAME} letters, digits, `-` or `_`")]
    HeaderName(String),
    /// Header values with characters HTTP does not carry.
    #[error(
        "value {0:?} cannot be matched: use 1 to {MAX_VALUE} characters without control characters and without spaces at either end"
    )]
    Value(String),
    /// Baggage keys are HTTP tokens.
    #[error("baggage key `{0}` is not one: use 1 to {MAX_NAME} letters, digits or any of !#$%&'*+-.^_`|~")]
    BaggageKey(String),
    /// A path prefix starts at the root.
    #[error(
        "path prefix {0:?} cannot be matched: start with `/`, use at most {MAX_VALUE} characters, no spaces, `?`, `#` or control characters"
    )]
    PathPrefix(String),
    /// Methods are upper-case words.
    #[error("method `{0}` is not one: use upper-case letters, `-` or `_`, at most 32")]
    Method(String),
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $error:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// When it is not one; the error says what would be.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidMatch> {
                let text = text.into();
                let fits: fn(&str) -> bool = $check;
                if fits(&text) { Ok(Self(text)) } else { Err(InvalidMatch::$error(text)) }
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidMatch;
            fn try_from(text: String) -> Result<Self, InvalidMatch> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> String {
                checked.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

checked_text! {
    /// A header's name as NGINX can read it.
    HeaderName, HeaderName, |text| {
        (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }
}
checked_text! {
    /// A header's or baggage member's value, compared exactly and with its case.
    Value, Value, |text| {
        (1..=MAX_VALUE).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
    }
}
checked_text! {
    /// The key of a W3C baggage member.
    BaggageKey, BaggageKey, |text| {
        (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    }
}
checked_text! {
    /// The beginning of a request's path, whole segments only: `/cart` takes `/cart`, `/cart/1` and
    /// `/cart?x=1`, not `/cartoon`. Compared with the path's bytes as they were sent.
    PathPrefix, PathPrefix, |text| {
        text.starts_with('/')
            && text.len() <= MAX_VALUE
            && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '?' || c == '#')
    }
}
checked_text! {
    /// A request method.
    Method, Method, |text| {
        (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-' || b == b'_')
    }
}

impl HeaderName {
    /// Name under which NGINX finds the header: lower case, `_` for `-`. Names equal here are one header to it.
    pub fn variable(&self) -> String {
        self.0.to_ascii_lowercase().replace('-', "_")
    }
}

/// What marks a request as the intercept's.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mark {
    /// A header with this value, or with any value.
    Header {
        /// The header's name; case and `-` against `_` do not matter.
        name: HeaderName,
        /// The value, or any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// A member of the W3C `baggage` header with this value, or with any value.
    Baggage {
        /// The member's key.
        key: BaggageKey,
        /// The value before percent-encoding, or any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// Every request.
    All,
}

/// Which requests an intercept takes: all its parts must fit.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Match {
    /// What marks the request.
    pub mark: Mark,
    /// Only below this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<PathPrefix>,
    /// Only these methods; empty means any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub methods: BTreeSet<Method>,
}

/// Sort key: smaller is asked first. Equal keys keep the record's order, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    mark: u8,
    path: Reverse<usize>,
    any_method: bool,
}

impl Default for Match {
    /// `X-C6O-INTERCEPT: yes`.
    fn default() -> Self {
        let name = HeaderName::new(DEFAULT_HEADER).expect("the default header must be valid");
        let value = Value::new(DEFAULT_VALUE).expect("the default value must be valid");
        Self::new(Mark::Header {
            name,
            value: Some(value),
        })
    }
}

impl Match {
    /// A match on `mark` alone: any path, any method.
    pub fn new(mark: Mark) -> Self {
        Self {
            mark,
            path_prefix: None,
            methods: BTreeSet::new(),
        }
    }

    /// Whether both take exactly the same requests, however they are spelled.
    pub fn same_as(&self, other: &Self) -> bool {
        let same_mark = match (&self.mark, &other.mark) {
            (Mark::Header { name: a, value: v }, Mark::Header { name: b, value: w }) => {
                a.variable() == b.variable() && v == w
            }
            (mine, theirs) => mine == theirs,
        };
        same_mark && self.path_prefix == other.path_prefix && self.methods == other.methods
    }

    /// Where this match stands in the order of asking.
    pub fn precedence(&self) -> Precedence {
        let mark = match &self.mark {
            Mark::Header { value: Some(_), .. } | Mark::Baggage { value: Some(_), .. } => 0,
            Mark::Header { value: None, .. } | Mark::Baggage { value: None, .. } => 1,
            Mark::All => 2,
        };
        Precedence {
            mark,
            path: Reverse(
                self.path_prefix
                    .as_ref()
                    .map_or(0, |prefix| prefix.as_str().len()),
            ),
            any_method: self.methods.is_empty(),
        }
    }

    /// Whether every request fits, so that whole connections could be taken as well.
    pub fn takes_everything(&self) -> bool {
        self.mark == Mark::All && self.path_prefix.is_none() && self.methods.is_empty()
    }
}

impl fmt::Display for Match {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.mark {
            Mark::Header {
                name,
                value: Some(value),
            } => write!(out, "{name}: {value}")?,
            Mark::Header { name, value: None } => write!(out, "{name}: (any value)")?,
            Mark::Baggage {
                key,
                value: Some(value),
            } => write!(out, "baggage {key}={value}")?,
            Mark::Baggage { key, value: None } => write!(out, "baggage {key} (any value)")?,
            Mark::All => out.write_str("all traffic")?,
        }
        if let Some(prefix) = &self.path_prefix {
            write!(out, ", path {prefix}")?;
        }
        for (index, method) in self.methods.iter().enumerate() {
            write!(out, "{}{method}", if index == 0 { ", " } else { "|" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: Option<&str>) -> Match {
        Match::new(Mark::Header {
            name: HeaderName::new(name).unwrap(),
            value: value.map(|text| Value::new(text).unwrap()),
        })
    }

    #[test]
    fn header_names_are_the_same_whatever_their_case_or_dashes() {
        assert!(header("X-Dev", Some("a")).same_as(&header("x_dev", Some("a"))));
        assert!(!header("X-Dev", Some("a")).same_as(&header("X-Dev", Some("A"))));
        assert!(!header("X-Dev", Some("a")).same_as(&header("X-Dev", None)));
    }

    #[test]
    fn the_more_specific_match_is_asked_first() {
        let mut path = header("X-Dev", Some("a"));
        path.path_prefix = Some(PathPrefix::new("/cart").unwrap());
        let mut method = header("X-Dev", Some("a"));
        method.methods.insert(Method::new("GET").unwrap());
        let order = [
            path,
            method,
            header("X-Dev", Some("a")),
            header("X-Dev", None),
            Match::new(Mark::All),
        ];
        assert!(
            order
                .windows(2)
                .all(|pair| pair[0].precedence() < pair[1].precedence())
        );
    }

    #[test]
    fn text_that_no_proxy_can_match_is_refused() {
        assert!(HeaderName::new("X.Dev").is_err());
        assert!(HeaderName::new("X\r\nEvil").is_err());
        assert!(Value::new("a\nb").is_err());
        assert!(Value::new(" padded ").is_err());
        assert!(PathPrefix::new("cart").is_err());
        assert!(PathPrefix::new("/cart?x").is_err());
        assert!(Method::new("get").is_err());
        assert!(BaggageKey::new("a=b").is_err());
    }

    #[test]
    fn a_match_in_json_is_checked_like_a_typed_one() {
        let text = r#"{"mark":{"header":{"name":"X;evil","value":"yes"}}}"#;
        assert!(serde_json::from_str::<Match>(text).is_err());
    }

    #[test]
    fn the_default_is_the_documented_header() {
        assert_eq!(Match::default().to_string(), "X-C6O-INTERCEPT: yes");
    }
}
