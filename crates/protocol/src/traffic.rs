//! What an agent tells of the requests that passed its NGINX: which an intercept got, which it did not, and why.
//!
//! Reports go to laptops that asked for them. Counts are sums that only grow while an agent runs, so nothing is lost where a report
//! is; rows are examples, and the requests an intercept got, as far as they fit. Deliberately absent: how an agent
//! learns of a request, and what a laptop makes of all this.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::InterceptId;
use crate::matching::{Mark, Match};

/// Reports come no more often.
pub const REPORT_EVERY: Duration = Duration::from_millis(250);
/// A report's rows take no more bytes than this, so that it fits a frame with everything else in it.
pub const MAX_ROWS_BYTES: usize = 40 * 1024;
/// So much of a value that was not the rule's is shown to the rule's owner.
pub const VALUE_SHOWN: usize = 64;
/// So much of a request's target is told.
pub const URI_SHOWN: usize = 1024;

/// Why a request is not an intercept's. Parts are asked in this order; the first that does not fit is the reason.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Miss {
    /// The rule's header or baggage member is not there, or empty.
    Absent,
    /// It is there with another value.
    OtherValue,
    /// Another path.
    OtherPath,
    /// Another method.
    OtherMethod,
    /// Everything fits, and so does a rule that is asked before.
    Taken,
}

impl Miss {
    /// Every reason, in the order of asking.
    pub const ALL: [Self; 5] = [
        Self::Absent,
        Self::OtherValue,
        Self::OtherPath,
        Self::OtherMethod,
        Self::Taken,
    ];
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query as they were sent.
    pub uri: &'a str,
    /// A header's value by the name of [`HeaderName::variable`](crate::matching::HeaderName::variable); values of
    /// headers that came several times are joined by `, `, and one that did not come is empty.
    pub header: &'a dyn Fn(&str) -> &'a str,
}

impl std::fmt::Debug for Asked<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Asked({} {})", self.method, self.uri)
    }
}

impl Match {
    /// The header that the mark looks at, as NGINX names it; none where every request is marked.
    pub fn looks_at(&self) -> Option<String> {
        match &self.mark {
            Mark::Header { name, .. } => Some(name.variable()),
            Mark::Baggage { .. } => Some("baggage".to_owned()),
            Mark::All => None,
        }
    }

    /// Whether a request fits this rule; otherwise why not. Decides what the rendered NGINX decides.
    ///
    /// # Errors
    /// The first part that does not fit; never [`Miss::Taken`], since other rules are not asked.
    pub fn judge(&self, asked: &Asked<'_>) -> Result<(), Miss> {
        self.judge_mark(asked)?;
        if let Some(prefix) = &self.path_prefix
            && !is_below(asked.uri, prefix.as_str())
        {
            return Err(Miss::OtherPath);
        }
        let is_method = |one: &crate::matching::Method| one.as_str() == asked.method;
        if !self.methods.is_empty() && !self.methods.iter().any(is_method) {
            return Err(Miss::OtherMethod);
        }
        Ok(())
    }

    fn judge_mark(&self, asked: &Asked<'_>) -> Result<(), Miss> {
        match &self.mark {
            Mark::All => Ok(()),
            Mark::Header { name, value } => match (value, (asked.header)(&name.variable())) {
                (_, "") => Err(Miss::Absent),
                (Some(value), found) if value.as_str() != found => Err(Miss::OtherValue),
                _ => Ok(()),
            },
            Mark::Baggage { key, value } => {
                let mut members = members((asked.header)("baggage"), key.as_str()).peekable();
                if members.peek().is_none() {
                    return Err(Miss::Absent);
                }
                let fits = match value {
                    Some(value) => members.any(|found| is_encoded(found, value.as_str())),
                    None => members.any(|found| !found.is_empty()),
                };
                if fits { Ok(()) } else { Err(Miss::OtherValue) }
            }
        }
    }

    /// What the mark found instead of its value, cut to [`VALUE_SHOWN`]: for the rule's owner alone.
    pub fn found_instead(&self, asked: &Asked<'_>) -> String {
        let found = match &self.mark {
            Mark::All => "",
            Mark::Header { name, .. } => (asked.header)(&name.variable()),
            Mark::Baggage { key, .. } => members((asked.header)("baggage"), key.as_str())
                .next()
                .unwrap_or(""),
        };
        cut(found, VALUE_SHOWN)
    }
}

/// At most `limit` bytes of `text`, never half a character.
pub fn cut(text: &str, limit: usize) -> String {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn is_below(uri: &str, prefix: &str) -> bool {
    uri.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?']))
}

const BLANK: [char; 2] = [' ', '\t'];

/// The values, still encoded, of all members with this key.
fn members<'a>(baggage: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    baggage.split(',').filter_map(move |member| {
        let rest = member.trim_start_matches(BLANK).strip_prefix(key)?;
        let value = rest.trim_start_matches(BLANK).strip_prefix('=')?;
        let value = value.split(';').next().unwrap_or("");
        Some(value.trim_matches(BLANK))
    })
}

/// Whether `found` is `value` as a baggage member carries it: any byte may be percent-encoded, some must be.
fn is_encoded(found: &str, value: &str) -> bool {
    let mut rest = found.as_bytes();
    for &byte in value.as_bytes() {
        rest = match (rest, encoded(rest)) {
            ([_, _, _, after @ ..], Some(found)) if found == byte => after,
            ([first, after @ ..], None) if *first == byte && !b"\",;\\ ".contains(&byte) => after,
            _ => return false,
        };
    }
    rest.is_empty()
}

/// The byte that `%XX` at the beginning stands for.
fn encoded(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// What became of a request, as one intercept sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// It fitted and went to the laptop.
    Matched,
    /// It fitted, and the original pods answered: no laptop took it.
    FellBack,
    /// It went elsewhere.
    Missed {
        /// Why.
        why: Miss,
        /// The beginning of what stood in the value's place, where that is why.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        found: String,
    },
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The intercept that this is told for.
    pub intercept: InterceptId,
    /// What became of it.
    pub fate: Fate,
    /// When NGINX was done with it: the agent's clock, microseconds since 1970.
    pub ended: i64,
    /// How long it took, microseconds.
    pub took: u64,
    /// NGINX's number of the caller's connection.
    pub connection: u64,
    /// The request's place on that connection.
    pub place: u64,
    /// The caller's address.
    pub address: String,
    /// The method.
    pub method: String,
    /// Path and query, cut to [`URI_SHOWN`].
    pub uri: String,
    /// As NGINX names it: `HTTP/1.1`.
    pub protocol: String,
    /// The answer's status; 0 where there was none.
    pub status: u16,
    /// Bytes sent to whoever answered in the end.
    pub sent: u64,
    /// Bytes received from there.
    pub received: u64,
}

impl Row {
    /// An upper bound of its size in a frame.
    pub fn weight(&self) -> usize {
        const REST: usize = 400;
        let found = match &self.fate {
            Fate::Missed { found, .. } => found.len(),
            _ => 0,
        };
        // A byte takes six at most, as `\u0001`.
        REST + 6 * (self.address.len() + self.method.len() + self.uri.len() + self.protocol.len() + found)
    }
}

/// Sums of one intercept, from when somebody first watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// The intercept.
    pub intercept: InterceptId,
    /// Requests that fitted its rule.
    pub matched: u64,
    /// Those of them that the original pods answered.
    pub fell_back: u64,
    /// Requests that did not, in the order of [`Miss::ALL`].
    pub missed: [u64; Miss::ALL.len()],
}

/// What an agent tells, every [`REPORT_EVERY`] at most, while there is something to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The agent's clock, microseconds since 1970.
    pub at: i64,
    /// Requests of which it knows what became of them, on all intercepted ports.
    pub requests: u64,
    /// Requests of which it only knows that they were there: under heavy load not each is told by NGINX. Absent where
    /// this NGINX does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<u64>,
    /// The session's intercepts.
    pub intercepts: Vec<Counts>,
    /// Requests that the session's intercepts got, and examples of those they did not; in no order.
    pub rows: Vec<Row>,
    /// Rows of requests that the intercepts got and that were not told, since the report before.
    #[serde(default)]
    pub dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::{BaggageKey, HeaderName, Method, PathPrefix, Value};

    fn judge(rule: &Match, line: &str, headers: &[(&str, &str)]) -> Result<(), Miss> {
        let (method, uri) = line.split_once(' ').unwrap();
        let header = |name: &str| {
            let found = headers.iter().find(|(one, _)| *one == name);
            found.map_or("", |(_, value)| *value)
        };
        rule.judge(&Asked {
            method,
            uri,
            header: &header,
        })
    }

    fn baggage(value: Option<&str>) -> Match {
        Match::new(Mark::Baggage {
            key: BaggageKey::new("dev").unwrap(),
            value: value.map(|text| Value::new(text).unwrap()),
        })
    }

    #[test]
    fn the_first_part_that_does_not_fit_is_the_reason() {
        let mut rule = Match::new(Mark::Header {
            name: HeaderName::new("X-Dev").unwrap(),
            value: Some(Value::new("a").unwrap()),
        });
        rule.path_prefix = Some(PathPrefix::new("/v1").unwrap());
        rule.methods.insert(Method::new("POST").unwrap());
        assert_eq!(judge(&rule, "GET /", &[]), Err(Miss::Absent));
        assert_eq!(judge(&rule, "GET /", &[("x_dev", "")]), Err(Miss::Absent));
        assert_eq!(judge(&rule, "GET /", &[("x_dev", "A")]), Err(Miss::OtherValue));
        assert_eq!(judge(&rule, "GET /v10", &[("x_dev", "a")]), Err(Miss::OtherPath));
        assert_eq!(
            judge(&rule, "GET /v1?x", &[("x_dev", "a")]),
            Err(Miss::OtherMethod)
        );
        assert_eq!(judge(&rule, "POST /v1/x", &[("x_dev", "a")]), Ok(()));
    }

    #[test]
    fn a_baggage_member_is_read_as_the_rendered_expression_reads_it() {
        let any = baggage(None);
        let exact = baggage(Some("a b%41"));
        for (rule, text, expected) in [
            (&any, "dev=1", Ok(())),
            (&any, "x=2 ,\tdev =\t1;p", Ok(())),
            (&any, "dev=", Err(Miss::OtherValue)),
            (&any, "dev=;p=1", Err(Miss::OtherValue)),
            (&any, "dev", Err(Miss::Absent)),
            (&any, "xdev=1", Err(Miss::Absent)),
            (&exact, "dev=a%20b%2541", Ok(())),
            (&exact, "dev=%61%20%62%25%34%31 ", Ok(())),
            (&exact, "dev=a b%2541", Err(Miss::OtherValue)),
            (&exact, "dev=a%20bA", Err(Miss::OtherValue)),
            (&exact, "dev=a%20b%41", Err(Miss::OtherValue)),
            (&exact, "dev=1,dev=a%20b%2541;p", Ok(())),
        ] {
            assert_eq!(judge(rule, "GET /", &[("baggage", text)]), expected, "{text}");
        }
    }

    #[test]
    fn a_value_is_cut_between_characters_and_only_for_its_rule() {
        let rule = baggage(Some("a"));
        let text = format!("secret=1,dev={}", "é".repeat(60));
        let header = |_: &str| text.as_str();
        let asked = Asked {
            method: "GET",
            uri: "/",
            header: &header,
        };
        assert_eq!(rule.found_instead(&asked), "é".repeat(32));
    }
}
