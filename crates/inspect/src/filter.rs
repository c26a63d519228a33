//! The language in which people say which exchanges they want to see; `docs/filter.md` has its grammar.
//!
//! One evaluation serves the live stream and the store: [`Filter::matches`] knows everything of an exchange, the store
//! at first only what its index has, and then a term may answer that it cannot tell.
//!
//! Deliberately absent: a clock (`since:` needs the moment it is asked at), and reading of compressed or framed bodies,
//! which a [`Readable`] does.

mod complete;
mod expr;
mod field;
mod matching;
mod needed;
mod parse;
#[cfg(test)]
pub(crate) mod tests;
mod units;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use complete::{Suggestion, complete};
pub use expr::{Bounds, Expr, Pattern, Term, Test};
pub use field::{About, Field, Kind, fields};
pub(crate) use matching::{Check, Ready, Subject, lines, outcome_word};

use crate::exchange::{Exchange, Message, Moment};

/// Makes the text of a body searchable.
pub trait Readable: Send + Sync {
    /// The body's text, decoded as far as can be. Bounded in time and size, and always the same for the same message.
    fn text<'a>(&self, message: &'a Message) -> Cow<'a, str>;

    /// Another number whenever [`text`](Self::text) reads messages in another way: what was indexed then is stale.
    fn edition(&self) -> u32;
}

/// Bodies as they were sent.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsSent;

impl Readable for AsSent {
    fn text<'a>(&self, message: &'a Message) -> Cow<'a, str> {
        String::from_utf8_lossy(&message.body.bytes)
    }

    fn edition(&self) -> u32 {
        0
    }
}

/// Which exchanges to show.
#[derive(Clone, Debug)]
pub struct Filter {
    expr: Expr<Term>,
    ready: Expr<Ready>,
}

/// Why a text is not a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at byte {at}){}{}", if hint.is_some() { ": " } else { "" }, hint.as_deref().unwrap_or_default())]
pub struct FilterError {
    /// Where: a byte offset, at most the length of the text.
    pub at: usize,
    /// How many bytes it is about.
    pub length: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl FilterError {
    fn new(at: usize, length: usize, what: String, hint: Option<String>) -> Self {
        Self {
            at,
            length,
            what,
            hint,
        }
    }

    /// `text` with a mark below what is wrong, for terminals.
    pub fn drawn(&self, text: &str) -> String {
        let width = |part: Option<&str>| part.map_or(0, |part| part.chars().count());
        let before = " ".repeat(width(text.get(..self.at)));
        let marks = "^".repeat(width(text.get(self.at..self.at + self.length)).max(1));
        let shown: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        format!("{shown}\n{before}{marks} {}", self.what)
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// Points at what could not be read.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expr = parse::parse(text)?;
        Self::new(expr).map_err(|_| {
            let what = "this filter would need too much memory".to_owned();
            FilterError::new(0, text.len(), what, Some("look for shorter texts".to_owned()))
        })
    }

    fn new(expr: Expr<Term>) -> Result<Self, regex::Error> {
        let mut index = 0;
        let ready = expr.try_map(&mut |term| {
            index += 1;
            Ready::new(index - 1, term)
        })?;
        Ok(Self { expr, ready })
    }

    /// Lets everything pass.
    pub fn everything() -> Self {
        Self {
            expr: Expr::All(Vec::new()),
            ready: Expr::All(Vec::new()),
        }
    }

    /// Whether it lets `exchange` pass, asked at `now`.
    pub fn matches(&self, exchange: &Exchange, now: Moment, bodies: &dyn Readable) -> bool {
        let subject = Subject::new(exchange, now, bodies);
        self.ready.decide(&mut |term| Some(subject.holds(term))) == Some(true)
    }

    /// What it is made of.
    pub fn expr(&self) -> &Expr<Term> {
        &self.expr
    }

    /// Terms made ready, for those who know less than an exchange.
    pub(crate) fn ready(&self) -> &Expr<Ready> {
        &self.ready
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(out)
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expr == other.expr
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}
