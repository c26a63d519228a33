//! What keeps something from being read: said beside what could be read.

use serde::{Deserialize, Serialize};

use super::budget::character_start;
use crate::exchange::Body;

/// Why not all was read.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    /// What sort it is.
    pub kind: ProblemKind,
    /// What was tried and what stood in the way.
    pub text: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Position>,
}

/// Sorts of problems.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// The bytes end too early.
    Cut,
    /// There is more than is shown.
    Limit,
    /// The bytes break the rules of what they claim to be.
    Malformed,
    /// This is not known here.
    Unsupported,
}

/// Where something stands: in the text or, where there is none, in the bytes that were being read.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Bytes before it.
    pub byte: u64,
    /// Counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// In characters, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

impl Position {
    pub(super) fn byte(at: usize) -> Self {
        Self {
            byte: at as u64,
            line: None,
            column: None,
        }
    }

    /// The position of byte `at` of `text`.
    pub(super) fn within(text: &str, at: usize) -> Self {
        let before = &text[..character_start(text, at)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            byte: at as u64,
            line: Some(memchr::memchr_iter(b'\n', before.as_bytes()).count() as u64 + 1),
            column: Some(before[line_start..].chars().count() as u64 + 1),
        }
    }
}

impl Problem {
    pub(super) fn new(kind: ProblemKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            at: None,
        }
    }

    pub(super) fn malformed(text: impl Into<String>, at: usize) -> Self {
        Self::new(ProblemKind::Malformed, text).at(Position::byte(at))
    }

    pub(super) fn cut(text: impl Into<String>, at: usize) -> Self {
        Self::new(ProblemKind::Cut, text).at(Position::byte(at))
    }

    pub(super) fn at(mut self, position: Position) -> Self {
        self.at = Some(position);
        self
    }

    pub(super) fn too_long() -> Self {
        Self::new(
            ProblemKind::Limit,
            "the text is longer than is shown: save the body to see all of it",
        )
    }

    pub(super) fn too_many(what: &str) -> Self {
        let text = format!("there are more {what} than are shown: save the body to see all of it");
        Self::new(ProblemKind::Limit, text)
    }

    pub(super) fn nested() -> Self {
        Self::new(
            ProblemKind::Limit,
            "this is nested too deep to be decoded: its bytes are shown",
        )
    }

    pub(super) fn recorded_in_part(body: &Body) -> Self {
        let text = format!(
            "only the first {} of {} bytes were kept",
            body.bytes.len(),
            body.size
        );
        Self::cut(text, body.bytes.len())
    }
}
