//! What a user wants hidden beside what is hidden anyway.

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// More rules than anybody writes.
const MOST_RULES: usize = 200;
/// A longer rule was pasted by mistake.
const LONGEST_RULE: usize = 1_000;
/// A compiled pattern may take so much memory, and with it time.
const PATTERN_BYTES: usize = 1 << 20;

/// One thing to hide.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "RedactionRule"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Rule {
    /// The value of this header.
    Header {
        /// Case does not matter.
        name: String,
    },
    /// The value of the query parameter, form field or JSON member of this name.
    Field {
        /// Case does not matter.
        name: String,
    },
    /// Whatever matches, wherever it stands; only the first group, where the pattern has one.
    Pattern {
        /// A regular expression.
        regex: String,
    },
}

/// A rule that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A name is empty.
    #[error("redaction rule {number} names nothing: give the name of a header or field")]
    NoName {
        /// Counted from 1.
        number: usize,
    },
    /// A name or pattern is too long.
    #[error("redaction rule {number} (`{start}…`) is longer than {LONGEST_RULE} bytes: shorten it")]
    TooLong {
        /// Counted from 1.
        number: usize,
        /// How it begins.
        start: String,
    },
    /// There are too many rules.
    #[error("{count} redaction rules are more than {MOST_RULES}: join some into one pattern with `|`")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// A pattern is wrong, or too big.
    #[error("redaction rule {number} (`{regex}`) is not a pattern that can be used: {why}")]
    Pattern {
        /// Counted from 1.
        number: usize,
        /// The pattern.
        regex: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Rules ready for use.
#[derive(Clone, Debug, Default)]
pub(super) struct Compiled {
    pub(super) headers: Vec<String>,
    pub(super) fields: Vec<String>,
    pub(super) patterns: Vec<Regex>,
}

impl Compiled {
    pub(super) fn of(rules: &[Rule]) -> Result<Self, RuleError> {
        if rules.len() > MOST_RULES {
            return Err(RuleError::TooMany { count: rules.len() });
        }
        let mut compiled = Self::default();
        for (index, rule) in rules.iter().enumerate() {
            compiled.add(index + 1, rule)?;
        }
        Ok(compiled)
    }

    fn add(&mut self, number: usize, rule: &Rule) -> Result<(), RuleError> {
        let (Rule::Header { name: text } | Rule::Field { name: text } | Rule::Pattern { regex: text }) = rule;
        if text.trim().is_empty() {
            return Err(RuleError::NoName { number });
        }
        if text.len() > LONGEST_RULE {
            let start = text.chars().take(20).collect();
            return Err(RuleError::TooLong { number, start });
        }
        match rule {
            Rule::Header { name } => self.headers.push(name.trim().to_owned()),
            Rule::Field { name } => self.fields.push(name.trim().to_owned()),
            Rule::Pattern { regex } => self.patterns.push(pattern(number, regex)?),
        }
        Ok(())
    }
}

fn pattern(number: usize, regex: &str) -> Result<Regex, RuleError> {
    let built = RegexBuilder::new(regex)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES)
        .build();
    built.map_err(|error| RuleError::Pattern {
        number,
        regex: regex.to_owned(),
        why: error.to_string(),
    })
}
