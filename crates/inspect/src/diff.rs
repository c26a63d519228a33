//! What differs between two answers: the laptop's and the cluster's, or an answer and its replay's.
//!
//! JSON is compared by structure, other text by lines, everything else by its bytes. What differs from answer to answer anyway
//! (dates, request ids) is set aside by rule: reported as such, never dropped. Swapping the sides mirrors the result.
//!
//! Deliberately absent: decoding ([`crate::redact::Reader`] is asked) and colours.

mod json;
mod lines;
mod rules;
mod show;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exchange::{Message, Response};
use crate::redact::{Plain, Reader};

pub use json::{Change, Spot};
pub use lines::{Line, LineKind};
pub use rules::{PatternError, Rules};
pub use show::render;

/// What differs.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Both statuses, where they differ.
    pub status: Option<Pair<u16>>,
    /// Headers and trailers that differ, by name.
    pub headers: Vec<HeaderChange>,
    /// What differs in the bodies.
    pub body: BodyDifference,
    /// Whether a body was not wholly recorded: then only its beginning was compared.
    pub is_partial: bool,
}

/// One thing on both sides.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair<T> {
    /// In the first answer.
    pub left: T,
    /// In the second answer.
    pub right: T,
}

/// A header that differs.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderChange {
    /// In lower case.
    pub name: String,
    /// Whether it follows the body.
    pub is_trailer: bool,
    /// Its values on both sides; none where it is absent.
    #[serde(flatten)]
    pub values: Pair<Vec<String>>,
    /// Whether it differs from answer to answer anyway.
    pub is_set_aside: bool,
}

/// What differs in the bodies.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum BodyDifference {
    /// Nothing.
    Same,
    /// Members and items.
    Json {
        /// In the order of one of the documents, always the same one of two.
        changes: Vec<Change>,
        /// Whether there are more than are listed.
        is_cut: bool,
    },
    /// Lines, with some around them.
    Text {
        /// In order.
        lines: Vec<Line>,
        /// Whether there are more than are listed.
        is_cut: bool,
    },
    /// Bytes.
    Binary {
        /// How many there are.
        sizes: Pair<u64>,
        /// Where the first stands that differs; absent where what was recorded is the same.
        first: Option<u64>,
    },
}

impl Difference {
    /// Whether nothing differs but what was set aside.
    pub fn is_equal(&self) -> bool {
        let is_body_equal = match &self.body {
            BodyDifference::Same => true,
            BodyDifference::Json { changes, is_cut } => {
                !is_cut && changes.iter().all(|change| change.is_set_aside)
            }
            BodyDifference::Text { .. } | BodyDifference::Binary { .. } => false,
        };
        self.status.is_none() && is_body_equal && self.headers.iter().all(|header| header.is_set_aside)
    }
}

/// Compares two answers.
pub fn compare(left: &Response, right: &Response, rules: &Rules, reader: &dyn Reader) -> Difference {
    let (is_left_whole, left_body) = readable(&left.message, reader);
    let (is_right_whole, right_body) = readable(&right.message, reader);
    let body = bodies(&left_body, &right_body, rules);
    let is_partial = !(is_left_whole && is_right_whole);
    let sizes = Pair {
        left: left.message.body.size,
        right: right.message.body.size,
    };
    let body = match body {
        // What was recorded is the same, and what passed is not.
        BodyDifference::Same if is_partial && sizes.left != sizes.right => {
            BodyDifference::Binary { sizes, first: None }
        }
        other => other,
    };
    let mut headers = header_changes(&left.message, &right.message, rules, false);
    headers.extend(header_changes(&left.message, &right.message, rules, true));
    Difference {
        status: (left.status != right.status).then_some(Pair {
            left: left.status,
            right: right.status,
        }),
        headers,
        body,
        is_partial,
    }
}

fn readable(message: &Message, reader: &dyn Reader) -> (bool, Vec<u8>) {
    match reader.plain(message) {
        Some(Plain { bytes, is_whole }) => (is_whole, bytes.into_owned()),
        None => (message.body.is_whole(), message.body.bytes.clone()),
    }
}

/// Where there are several ways to tell a difference, both directions must choose the same: the smaller side goes first.
fn bodies(left: &[u8], right: &[u8], rules: &Rules) -> BodyDifference {
    match left.cmp(right) {
        std::cmp::Ordering::Equal => BodyDifference::Same,
        std::cmp::Ordering::Less => ordered(left, right, rules),
        std::cmp::Ordering::Greater => mirrored(ordered(right, left, rules)),
    }
}

fn ordered(left: &[u8], right: &[u8], rules: &Rules) -> BodyDifference {
    if let (Some(left), Some(right)) = (json::parse(left), json::parse(right)) {
        let (changes, is_cut) = json::compare(&left, &right, rules);
        // Written in another way, and the same.
        return if changes.is_empty() {
            BodyDifference::Same
        } else {
            BodyDifference::Json { changes, is_cut }
        };
    }
    let is_text = |bytes: &[u8]| !bytes.contains(&0);
    if let (Ok(left), Ok(right)) = (std::str::from_utf8(left), std::str::from_utf8(right))
        && is_text(left.as_bytes())
        && is_text(right.as_bytes())
    {
        let (lines, is_cut) = lines::compare(left, right);
        return BodyDifference::Text { lines, is_cut };
    }
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    BodyDifference::Binary {
        sizes: Pair {
            left: left.len() as u64,
            right: right.len() as u64,
        },
        first: Some(same as u64),
    }
}

fn mirrored(body: BodyDifference) -> BodyDifference {
    match body {
        BodyDifference::Same => BodyDifference::Same,
        BodyDifference::Json { changes, is_cut } => {
            let changes = changes.into_iter().map(Change::mirrored).collect();
            BodyDifference::Json { changes, is_cut }
        }
        BodyDifference::Text { lines, is_cut } => BodyDifference::Text {
            lines: lines::mirrored(lines),
            is_cut,
        },
        BodyDifference::Binary { sizes, first } => {
            let sizes = Pair {
                left: sizes.right,
                right: sizes.left,
            };
            BodyDifference::Binary { sizes, first }
        }
    }
}

fn header_changes(left: &Message, right: &Message, rules: &Rules, is_trailer: bool) -> Vec<HeaderChange> {
    let mut names: BTreeMap<String, Pair<Vec<String>>> = BTreeMap::new();
    for (message, is_left) in [(left, true), (right, false)] {
        for header in if is_trailer {
            &message.trailers
        } else {
            &message.headers
        } {
            let name = header.name.shown().to_ascii_lowercase();
            let pair = names.entry(name).or_insert_with(|| Pair {
                left: Vec::new(),
                right: Vec::new(),
            });
            let values = if is_left { &mut pair.left } else { &mut pair.right };
            values.push(header.value.shown().into_owned());
        }
    }
    let differs = names
        .into_iter()
        .filter(|(_, values)| values.left != values.right);
    let changes = differs.map(|(name, values)| HeaderChange {
        is_set_aside: rules.is_header_set_aside(&name, &values),
        name,
        is_trailer,
        values,
    });
    changes.collect()
}

#[cfg(test)]
mod tests;
