//! Compression of messages (RFC 7692).

use flate2::Decompress;

use super::super::budget::Budget;
use super::super::coding::{Inflated, inflate};
use super::super::problem::{Problem, ProblemKind};
use super::{Half, unknown_extension};

/// What the answer to the handshake agreed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) is_on: bool,
    /// Whether each message of the client stands alone.
    client_forgets: bool,
    server_forgets: bool,
}

impl Agreed {
    /// Reads `Sec-WebSocket-Extensions`. Sizes of windows need no attention: the largest one reads them all.
    pub(super) fn of(extensions: &str) -> (Self, Vec<Problem>) {
        let mut agreed = Self::default();
        let mut problems = Vec::new();
        for extension in extensions.split(',').take(8) {
            let mut words = extension.split(';').map(|word| word.trim().to_ascii_lowercase());
            match words.next().as_deref() {
                Some("permessage-deflate") => {
                    agreed.is_on = true;
                    for word in words {
                        agreed.client_forgets |= word == "client_no_context_takeover";
                        agreed.server_forgets |= word == "server_no_context_takeover";
                    }
                }
                None | Some("") => {}
                Some(name) => problems.push(unknown_extension(name)),
            }
        }
        (agreed, problems)
    }
}

/// Inflates the messages of one side, one after the other.
pub(super) struct Inflater {
    state: Decompress,
    forgets: bool,
    /// Whether an earlier message could not be read to its end, which later ones build upon.
    is_lost: bool,
}

/// Senders leave this out at the end of each message.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

impl Inflater {
    pub(super) fn new(from: Half, agreed: Agreed) -> Self {
        Self {
            state: Decompress::new(false),
            forgets: match from {
                Half::Request => agreed.client_forgets,
                Half::Response => agreed.server_forgets,
            },
            is_lost: false,
        }
    }

    /// Inflates a message as far as possible.
    pub(super) fn message(
        &mut self,
        bytes: &[u8],
        is_whole: bool,
        budget: &mut Budget,
    ) -> (Vec<u8>, Option<Problem>) {
        if self.forgets {
            self.state = Decompress::new(false);
        } else if self.is_lost {
            let text = "the message refers to an earlier one that could not be unpacked: its bytes are shown as they passed";
            return (bytes.to_vec(), Some(Problem::new(ProblemKind::Malformed, text)));
        }
        let room = budget.unpackable(bytes.len());
        let mut out = Vec::new();
        let problem = self.all(bytes, is_whole, &mut out, room).err();
        budget.unpacked(out.len());
        self.is_lost |= problem.is_some();
        (out, problem)
    }

    fn all(&mut self, bytes: &[u8], is_whole: bool, out: &mut Vec<u8>, room: usize) -> Result<(), Problem> {
        let mut rest = bytes;
        let mut has_tail = !is_whole;
        loop {
            let (end, used) = inflate(&mut self.state, rest, out, room);
            rest = &rest[used..];
            let at = bytes.len().saturating_sub(rest.len());
            match end {
                // A sender may end a stream within a message: what follows is a new one.
                Inflated::Ended => self.state = Decompress::new(false),
                Inflated::Unfinished if !has_tail => {
                    has_tail = true;
                    rest = &TAIL;
                    continue;
                }
                Inflated::Unfinished if is_whole => return Ok(()),
                Inflated::Unfinished => {
                    return Err(Problem::cut("the compressed message ends too early", at));
                }
                Inflated::Full => {
                    let text =
                        format!("the message holds more than the {room} bytes that are unpacked for showing");
                    return Err(Problem::new(ProblemKind::Limit, text));
                }
                Inflated::Broken(why) => {
                    let text =
                        format!("the compressed message is broken ({why}): this is what stands before that");
                    return Err(Problem::malformed(text, at));
                }
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}
