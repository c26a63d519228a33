//! Content codings: gzip, deflate, br and zstd, several in a row, cut or broken ones as far as they go.

use std::borrow::Cow;

use super::budget::Budget;
use super::problem::{Problem, ProblemKind};
use super::{Limits, listed};
use crate::exchange::Message;

mod inflate;
mod others;

pub(super) use inflate::{Inflated, inflate};

/// Nobody applies more.
const MAX_CODINGS: usize = 8;

/// A body without its codings.
#[derive(Clone, Debug)]
pub struct Unpacked<'a> {
    /// What came out.
    pub bytes: Cow<'a, [u8]>,
    /// What was undone, in this order.
    pub codings: Vec<String>,
    /// Whether an end is missing.
    pub is_cut: bool,
    /// What stood in the way.
    pub problems: Vec<Problem>,
}

/// What one coding gave.
struct Step {
    bytes: Vec<u8>,
    problem: Option<Problem>,
}

/// Undoes the codings of a message: what an image or a saved body is made of.
pub fn unpack<'a>(message: &'a Message, limits: &Limits) -> Unpacked<'a> {
    unpack_within(message, &mut Budget::new(limits))
}

pub(super) fn unpack_within<'a>(message: &'a Message, budget: &mut Budget) -> Unpacked<'a> {
    let list = listed(message, "content-encoding").to_ascii_lowercase();
    undo(&message.body.bytes, &list, !message.body.is_whole(), budget)
}

/// Undoes a comma-separated list of codings, the last one first.
pub(super) fn undo<'a>(bytes: &'a [u8], list: &str, is_cut: bool, budget: &mut Budget) -> Unpacked<'a> {
    let names = list.split(',').map(str::trim);
    let applied: Vec<_> = names.filter(|name| !matches!(*name, "" | "identity")).collect();
    let mut unpacked = Unpacked {
        bytes: Cow::Borrowed(bytes),
        codings: Vec::new(),
        is_cut,
        problems: Vec::new(),
    };
    if bytes.is_empty() {
        return unpacked;
    }
    if applied.len() > MAX_CODINGS {
        let text = format!("{} content codings in a row are not undone", applied.len());
        unpacked.problems.push(Problem::new(ProblemKind::Limit, text));
        return unpacked;
    }
    for name in applied.iter().rev() {
        let room = budget.unpackable(bytes.len());
        let Some(step) = one(name, &unpacked.bytes, room) else {
            let name: String = name.chars().take(64).collect();
            let text =
                format!("the content coding `{name}` is not known: its bytes are shown as they passed");
            unpacked
                .problems
                .push(Problem::new(ProblemKind::Unsupported, text));
            break;
        };
        budget.unpacked(step.bytes.len());
        if step.bytes.is_empty() && step.problem.is_some() && !unpacked.is_cut {
            // Bodies are labelled with codings that were never applied: better shown as they are than not at all.
            unpacked.problems.extend(step.problem);
            break;
        }
        unpacked.bytes = Cow::Owned(step.bytes);
        unpacked.codings.push((*name).to_owned());
        unpacked.is_cut |= step.problem.is_some();
        unpacked.problems.extend(step.problem);
    }
    unpacked
}

/// Undoes one coding, giving at most `room` bytes.
fn one(name: &str, bytes: &[u8], room: usize) -> Option<Step> {
    Some(match name {
        "gzip" | "x-gzip" => inflate::gzip(bytes, room),
        "deflate" => inflate::deflate(bytes, room),
        "br" => others::brotli(bytes, room),
        "zstd" => others::zstd(bytes, room),
        _ => return None,
    })
}

fn cut(name: &str, at: usize) -> Problem {
    Problem::cut(
        format!("the {name} data ends too early: this is its beginning"),
        at,
    )
}

fn broken(name: &str, why: &dyn std::fmt::Display, at: usize) -> Problem {
    let text = format!("the {name} data is broken ({why}): this is what stands before that");
    Problem::malformed(text, at)
}

fn full(name: &str, room: usize, at: usize) -> Problem {
    let text = format!("the {name} data holds more than the {room} bytes that are unpacked for showing");
    Problem::new(ProblemKind::Limit, text).at(super::Position::byte(at))
}

#[cfg(test)]
mod tests;
