//! Terms joined by and, or and not; and as text again.

use std::fmt;

use super::field::{Field, Kind};
use super::units;

/// Terms and what joins them. Built by [`all`](Self::all), [`any`](Self::any) and [`not`](Self::not), which keep one
/// form for each meaning, so that what is written down reads back as the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr<T> {
    /// Every one of these. Without any: everything.
    All(Vec<Expr<T>>),
    /// At least one of these.
    Any(Vec<Expr<T>>),
    /// Not this.
    Not(Box<Expr<T>>),
    /// One condition.
    One(T),
}

/// One condition: a field and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Of what.
    pub field: Field,
    /// What must hold.
    pub test: Test,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A number, size or duration within bounds.
    Within(Bounds),
    /// A text like this.
    Like(Pattern),
    /// A header of this name, in lower case, is there, and one of that name has a value like this.
    Header(String, Option<Pattern>),
    /// One of the words that the field knows.
    Word(&'static str),
    /// So many microseconds ago.
    Ago(u64),
}

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The smallest.
    pub from: u64,
    /// The greatest.
    pub to: u64,
}

/// How a text is compared: without regard to case, but for regular expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// It has this in it.
    Contains(String),
    /// It is this.
    Exact(String),
    /// It begins so.
    Prefix(String),
    /// It is this, where `*` stands for anything.
    Glob(String),
    /// This regular expression matches somewhere in it.
    Regex(String),
}

impl Bounds {
    /// Whether `number` is within.
    pub fn hold(self, number: u64) -> bool {
        (self.from..=self.to).contains(&number)
    }
}

impl<T> Expr<T> {
    /// Every one of `parts`.
    pub fn all(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        only(&mut flat).unwrap_or(Self::All(flat))
    }

    /// At least one of `parts`, of which there must be one.
    pub fn any(parts: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Any(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        only(&mut flat).unwrap_or(Self::Any(flat))
    }

    /// Not `part`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a constructor beside all() and any()"
    )]
    pub fn not(part: Self) -> Self {
        match part {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// What it comes to, if each term says yes, no, or that it cannot tell.
    pub fn decide(&self, test: &mut impl FnMut(&T) -> Option<bool>) -> Option<bool> {
        match self {
            Self::One(term) => test(term),
            Self::Not(part) => part.decide(test).map(|holds| !holds),
            Self::All(parts) => unless(parts, false, test),
            Self::Any(parts) => unless(parts, true, test),
        }
    }

    /// The same over other terms.
    pub(crate) fn try_map<U, E>(&self, change: &mut impl FnMut(&T) -> Result<U, E>) -> Result<Expr<U>, E> {
        let mut each = |parts: &[Self]| {
            parts
                .iter()
                .map(|part| part.try_map(change))
                .collect::<Result<_, E>>()
        };
        Ok(match self {
            Self::All(parts) => Expr::All(each(parts)?),
            Self::Any(parts) => Expr::Any(each(parts)?),
            Self::Not(part) => Expr::Not(Box::new(part.try_map(change)?)),
            Self::One(term) => Expr::One(change(term)?),
        })
    }

    /// Every term, in its order.
    pub fn terms(&self) -> Vec<&T> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
            Self::Not(part) => part.terms(),
            Self::One(term) => vec![term],
        }
    }
}

fn only<T>(parts: &mut Vec<T>) -> Option<T> {
    if parts.len() == 1 { parts.pop() } else { None }
}

/// `decisive` as soon as one part says so; its opposite if all say that; otherwise nobody knows.
fn unless<T>(parts: &[Expr<T>], decisive: bool, test: &mut impl FnMut(&T) -> Option<bool>) -> Option<bool> {
    let mut known = Some(!decisive);
    for part in parts {
        match part.decide(test) {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => known = None,
        }
    }
    known
}

impl<T: fmt::Display> fmt::Display for Expr<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) => joined(out, parts, " "),
            Self::Any(parts) => joined(out, parts, " | "),
            Self::Not(part) => match &**part {
                Self::One(term) => write!(out, "-{term}"),
                other => write!(out, "not({other})"),
            },
            Self::One(term) => term.fmt(out),
        }
    }
}

fn joined<T: fmt::Display>(out: &mut fmt::Formatter<'_>, parts: &[Expr<T>], between: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.write_str(between)?;
        }
        match part {
            Expr::Any(_) => write!(out, "({part})")?,
            other => write!(out, "{other}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = self.field.about();
        if self.field != Field::Anything {
            write!(out, "{}:", about.name)?;
        }
        match &self.test {
            Test::Within(bounds) => out.write_str(&units::bounds(*bounds, about.kind)),
            Test::Like(pattern) => pattern.write(out, about.kind == Kind::Name),
            Test::Header(name, None) => out.write_str(name),
            Test::Header(name, Some(value)) => {
                write!(out, "{name}=")?;
                value.write(out, true)
            }
            Test::Word(word) => out.write_str(word),
            Test::Ago(micros) => out.write_str(&units::duration(*micros)),
        }
    }
}

impl Pattern {
    fn write(&self, out: &mut fmt::Formatter<'_>, is_exact_by_default: bool) -> fmt::Result {
        let (sign, text) = match self {
            Self::Contains(text) => ("", text),
            Self::Exact(text) if is_exact_by_default => ("", text),
            Self::Exact(text) => ("=", text),
            Self::Prefix(text) => ("^", text),
            Self::Regex(text) => ("~", text),
            Self::Glob(text) if text.contains('*') && text.chars().all(|c| c == '*' || is_plain(c)) => {
                return out.write_str(text);
            }
            Self::Glob(text) => ("*", text),
        };
        out.write_str(sign)?;
        let can_be_bare = !matches!(self, Self::Glob(_)) && !text.starts_with('-') && !text.is_empty();
        if can_be_bare && text.chars().all(is_plain) {
            return out.write_str(text);
        }
        quoted(out, text)
    }
}

/// Means nothing but itself, wherever it stands, but for a dash at the beginning.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "/_.-@%+;".contains(character)
}

fn quoted(out: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    out.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            other => write!(out, "{other}")?,
        }
    }
    out.write_str("\"")
}
