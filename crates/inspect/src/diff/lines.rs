//! What differs between two texts, by lines.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

/// Lines around a difference.
const AROUND: usize = 3;
/// More lines nobody reads.
const MOST_LINES: usize = 2_000;
/// A longer line is cut.
const LONGEST_LINE: usize = 2_000;
/// From here on the result is right but no longer the shortest.
const LONG_ENOUGH: Duration = Duration::from_millis(200);

/// A line of one side or both.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "DiffLine"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// On which side it stands.
    pub kind: LineKind,
    /// Its number in the first text, counted from 1.
    pub left: Option<usize>,
    /// Its number in the second text, counted from 1.
    pub right: Option<usize>,
    /// Without its end.
    pub text: String,
}

/// On which side a line stands.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "DiffLineKind"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LineKind {
    /// On both.
    Same,
    /// Only in the first text.
    Removed,
    /// Only in the second text.
    Added,
}

pub(super) fn compare(left: &str, right: &str) -> (Vec<Line>, bool) {
    let difference = TextDiff::configure().timeout(LONG_ENOUGH).diff_lines(left, right);
    let mut lines = Vec::new();
    for change in difference
        .grouped_ops(AROUND)
        .iter()
        .flatten()
        .flat_map(|op| difference.iter_changes(op))
    {
        if lines.len() == MOST_LINES {
            return (lines, true);
        }
        let (kind, text): (_, &str) = match change.tag() {
            ChangeTag::Equal => (LineKind::Same, change.value()),
            ChangeTag::Delete => (LineKind::Removed, change.value()),
            ChangeTag::Insert => (LineKind::Added, change.value()),
        };
        lines.push(Line {
            kind,
            left: change.old_index().map(|index| index + 1),
            right: change.new_index().map(|index| index + 1),
            text: text
                .strip_suffix('\n')
                .unwrap_or(text)
                .chars()
                .take(LONGEST_LINE)
                .collect(),
        });
    }
    (lines, false)
}

/// The other way round, with what was removed still before what was added.
pub(super) fn mirrored(mut lines: Vec<Line>) -> Vec<Line> {
    for line in &mut lines {
        std::mem::swap(&mut line.left, &mut line.right);
        line.kind = match line.kind {
            LineKind::Same => LineKind::Same,
            LineKind::Removed => LineKind::Added,
            LineKind::Added => LineKind::Removed,
        };
    }
    let is_same = |line: &Line| line.kind == LineKind::Same;
    for run in lines.chunk_by_mut(|first, second| is_same(first) == is_same(second)) {
        run.sort_by_key(|line| line.kind);
    }
    lines
}
