//! From frames to messages.

use super::super::budget::Budget;
use super::super::problem::Problem;
use super::deflate::{Agreed, Inflater};
use super::frame::Frame;
use super::{Half, Opcode};

/// A message.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) opcode: Opcode,
    pub(super) offset: usize,
    /// Behind its last byte.
    pub(super) end: usize,
    pub(super) frames: u64,
    pub(super) compressed: bool,
    pub(super) complete: bool,
    pub(super) bytes: Vec<u8>,
    pub(super) problem: Option<Problem>,
}

/// Reads the messages of one side.
pub(super) struct Assembly<'a> {
    bytes: &'a [u8],
    at: usize,
    from: Half,
    is_compressing: bool,
    inflater: Inflater,
    open: Option<Assembled>,
    said_mask: bool,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(bytes: &'a [u8], from: Half, agreed: Agreed) -> Self {
        Self {
            bytes,
            at: 0,
            from,
            is_compressing: agreed.is_on,
            inflater: Inflater::new(from, agreed),
            open: None,
            said_mask: false,
            problems: Vec::new(),
        }
    }

    /// The next message: control frames stand between the frames of others.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Option<Assembled> {
        loop {
            let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty());
            let Some(frame) = rest.and_then(Frame::read) else {
                if rest.is_some() {
                    self.problems
                        .push(Problem::cut("the bytes end within the head of a frame", self.at));
                }
                self.at = self.bytes.len();
                return self.finish(budget);
            };
            if let Err(problem) = self.check(&frame) {
                self.problems.push(problem);
                self.at = self.bytes.len();
                return self.finish(budget);
            }
            let start = self.at;
            self.at += frame.length;
            if let Some(message) = self.take(&frame, start, budget) {
                return Some(message);
            }
        }
    }

    /// Whether this can be a frame. What breaks rules without being unreadable is said, and read.
    fn check(&mut self, frame: &Frame<'_>) -> Result<(), Problem> {
        let at = self.at;
        let stop = |why: &str| Err(Problem::malformed(format!("{why}: the rest is not read"), at));
        if !matches!(frame.opcode, 0..=2 | 8..=10) {
            return stop("no frame has this opcode");
        }
        if frame.has_reserved || (frame.is_marked && !self.is_compressing) {
            return stop("a frame uses bits that no agreed extension uses");
        }
        if frame.is_control() && (frame.size > 125 || !frame.is_last) {
            return stop("a control frame is longer than 125 bytes or in pieces");
        }
        if frame.opcode == 0 && self.open.is_none() {
            return stop("a frame continues a message that did not begin");
        }
        if matches!(frame.opcode, 1 | 2) && self.open.is_some() {
            return stop("a message begins within another one");
        }
        if frame.is_masked() != (self.from == Half::Request) && !self.said_mask {
            self.said_mask = true;
            let text = match self.from {
                Half::Request => "the client does not mask its frames, though it must",
                Half::Response => "the server masks its frames, though it must not",
            };
            self.problems.push(Problem::malformed(text, at));
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame<'_>, start: usize, budget: &mut Budget) -> Option<Assembled> {
        let begun = |opcode| Assembled {
            opcode,
            offset: start,
            end: start,
            frames: 0,
            compressed: frame.is_marked,
            complete: false,
            bytes: Vec::new(),
            problem: None,
        };
        let mut message = match frame.opcode {
            1 => begun(Opcode::Text),
            2 => begun(Opcode::Binary),
            8 => begun(Opcode::Close),
            9 => begun(Opcode::Ping),
            10 => begun(Opcode::Pong),
            _ => self.open.take()?,
        };
        message.frames += 1;
        message.end = self.at;
        frame.append_to(&mut message.bytes);
        message.complete = frame.is_last && frame.is_whole();
        if !frame.is_whole() {
            let said = Problem::cut(
                format!("the bytes end within a frame of {} bytes", frame.size),
                self.bytes.len(),
            );
            self.problems.push(said);
        }
        if frame.is_control() || message.complete {
            return Some(self.inflated(message, budget));
        }
        self.open = Some(message);
        None
    }

    /// The message whose end does not come.
    fn finish(&mut self, budget: &mut Budget) -> Option<Assembled> {
        let message = self.open.take()?;
        Some(self.inflated(message, budget))
    }

    fn inflated(&mut self, mut message: Assembled, budget: &mut Budget) -> Assembled {
        if message.compressed {
            let (bytes, problem) = self.inflater.message(&message.bytes, message.complete, budget);
            message.bytes = bytes;
            message.problem = problem;
        }
        message
    }
}
