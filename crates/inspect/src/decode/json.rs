//! JSON, laid out for reading: numbers, the order of keys, and repeated keys stay as they were sent.
//!
//! It keeps no tree and does not recurse: depth costs a byte per level, and a broken document is shown up to where it
//! breaks.

use serde::{Deserialize, Serialize};

use super::budget::{Budget, character_start};
use super::problem::{Position, Problem, ProblemKind};

mod token;

use token::{Fault, Token, Tokens};

/// One line of JSON lines.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonLine {
    /// Counted from 1.
    pub line: u64,
    /// Laid out.
    pub pretty: String,
    /// What follows the place of an error.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rest: String,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// A document as far as it could be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) pretty: String,
    /// From the place of an error on, as it was sent.
    pub(super) rest: String,
    pub(super) problem: Option<Problem>,
}

/// Why the layout stopped.
enum Stop {
    Fault(Fault),
    Deep(usize),
    Full,
}

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
    Nothing,
}

impl Next {
    fn expected(self, is_object: bool) -> &'static str {
        match (self, is_object) {
            (Self::Value, _) => "a value",
            (Self::ValueOrEnd, _) => "a value or `]`",
            (Self::KeyOrEnd, _) => "a key in quotes or `}`",
            (Self::Key, _) => "a key in quotes",
            (Self::Colon, _) => "`:`",
            (Self::CommaOrEnd, true) => "`,` or `}`",
            (Self::CommaOrEnd, false) => "`,` or `]`",
            (Self::Nothing, _) => "the end",
        }
    }
}

/// Lays `text` out; `is_cut` where it is the beginning of something longer.
pub(super) fn layout(text: &str, is_cut: bool, budget: &mut Budget) -> Layout {
    let mut writer = Writer {
        out: String::new(),
        room: budget.room(),
        open: Vec::new(),
        depth: budget.limits.depth,
    };
    let mut tokens = Tokens::new(text);
    let stop = write(&mut tokens, &mut writer).err();
    let pretty = writer.out;
    budget.showed(pretty.len());
    let Some(stop) = stop else {
        return Layout {
            pretty,
            rest: String::new(),
            problem: None,
        };
    };
    let (at, problem) = said(stop, text, tokens.at(), is_cut);
    Layout {
        pretty,
        rest: budget.shorten(text.get(at..).unwrap_or_default()),
        problem: Some(problem),
    }
}

fn said(stop: Stop, text: &str, read: usize, is_cut: bool) -> (usize, Problem) {
    match stop {
        Stop::Full => (read, Problem::too_long()),
        Stop::Deep(at) => {
            let said = "the JSON nests deeper than is laid out: the rest is shown as it was sent";
            let problem = Problem::new(ProblemKind::Limit, said);
            (at, problem.at(Position::within(text, at)))
        }
        Stop::Fault(fault) => {
            let position = Position::within(text, fault.at);
            let is_end = fault.at >= text.len();
            let said = match text[character_start(text, fault.at)..].chars().next() {
                Some(found) => format!(
                    "the JSON is broken: expected {}, found `{}`",
                    fault.expected,
                    shown(found)
                ),
                None if is_cut => format!("the JSON was cut here, before {}", fault.expected),
                None => format!("the JSON ends too early: expected {}", fault.expected),
            };
            let kind = if is_end {
                ProblemKind::Cut
            } else {
                ProblemKind::Malformed
            };
            (fault.token, Problem::new(kind, said).at(position))
        }
    }
}

/// A character that can be seen.
fn shown(character: char) -> String {
    match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    }
}

fn write(tokens: &mut Tokens<'_>, writer: &mut Writer) -> Result<(), Stop> {
    let mut next = Next::Value;
    loop {
        let expected = next.expected(writer.open.last() == Some(&b'}'));
        let (token, at, raw) = tokens.next(expected).map_err(Stop::Fault)?;
        let wrong = Fault {
            at,
            token: at,
            expected,
        };
        if token == Token::End {
            return match next {
                Next::Nothing => Ok(()),
                _ => Err(Stop::Fault(wrong)),
            };
        }
        next = match (next, token) {
            (Next::Value | Next::ValueOrEnd, Token::Open(close)) => writer.open(raw, close, at)?,
            (Next::Value | Next::ValueOrEnd, Token::Text | Token::Scalar) => writer.value(raw)?,
            (Next::KeyOrEnd | Next::Key, Token::Text) => {
                writer.line()?;
                writer.raw(raw)?;
                Next::Colon
            }
            (Next::Colon, Token::Colon) => {
                writer.raw(": ")?;
                Next::Value
            }
            (Next::CommaOrEnd, Token::Comma) => {
                writer.raw(",")?;
                match writer.open.last() {
                    Some(b'}') => Next::Key,
                    _ => writer.element()?,
                }
            }
            (Next::ValueOrEnd | Next::KeyOrEnd | Next::CommaOrEnd, Token::Close(close))
                if writer.open.last() == Some(&close) =>
            {
                writer.close(raw, next != Next::CommaOrEnd)?
            }
            _ => return Err(Stop::Fault(wrong)),
        };
    }
}

struct Writer {
    out: String,
    room: usize,
    /// What closes what is open.
    open: Vec<u8>,
    depth: usize,
}

impl Writer {
    fn raw(&mut self, text: &str) -> Result<(), Stop> {
        if text.len() > self.room - self.out.len() {
            return Err(Stop::Full);
        }
        self.out.push_str(text);
        Ok(())
    }

    fn line(&mut self) -> Result<(), Stop> {
        self.raw("\n")?;
        (0..self.open.len()).try_for_each(|_| self.raw("  "))
    }

    fn open(&mut self, raw: &str, close: u8, at: usize) -> Result<Next, Stop> {
        if self.open.len() >= self.depth {
            return Err(Stop::Deep(at));
        }
        self.before_first()?;
        self.raw(raw)?;
        self.open.push(close);
        Ok(match close {
            b'}' => Next::KeyOrEnd,
            _ => Next::ValueOrEnd,
        })
    }

    /// A list's first element goes on a line of its own; later ones got theirs with the comma.
    fn before_first(&mut self) -> Result<(), Stop> {
        match self.out.ends_with('[') {
            true => self.line(),
            false => Ok(()),
        }
    }

    fn value(&mut self, raw: &str) -> Result<Next, Stop> {
        self.before_first()?;
        self.raw(raw)?;
        Ok(self.after())
    }

    fn element(&mut self) -> Result<Next, Stop> {
        self.line()?;
        Ok(Next::Value)
    }

    fn close(&mut self, raw: &str, is_empty: bool) -> Result<Next, Stop> {
        self.open.pop();
        if !is_empty {
            self.line()?;
        }
        self.raw(raw)?;
        Ok(self.after())
    }

    fn after(&self) -> Next {
        match self.open.is_empty() {
            true => Next::Nothing,
            false => Next::CommaOrEnd,
        }
    }
}

/// Reads each line as a document of its own.
pub(super) fn lines(text: &str, is_cut: bool, budget: &mut Budget) -> (Vec<JsonLine>, Option<Problem>) {
    let mut found = Vec::new();
    let mut rest = text.split('\n').enumerate().peekable();
    while let Some((index, line)) = rest.next() {
        // Text sequences (RFC 7464) put this before each.
        let line = line.trim_start_matches('\u{1e}').trim_end_matches('\r');
        if line.trim().is_empty() {
            continue;
        }
        if budget.room() == 0 || !budget.item() {
            return (found, Some(Problem::too_many("lines")));
        }
        let is_last = rest.peek().is_none();
        let layout = layout(line, is_cut && is_last, budget);
        found.push(JsonLine {
            line: index as u64 + 1,
            pretty: layout.pretty,
            rest: layout.rest,
            problem: layout.problem,
        });
    }
    (found, None)
}

#[cfg(test)]
mod tests;
