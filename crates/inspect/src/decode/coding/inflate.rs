//! What is built on deflate: gzip, zlib, raw deflate, and WebSocket messages.

use std::io::Read as _;

use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::{Step, broken, cut, full};

const CHUNK: usize = 16 << 10;

/// How inflating ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Inflated {
    /// All input was used, and the data says that it ends.
    Ended,
    /// All input was used, but the data goes on.
    Unfinished,
    /// There is no room for more.
    Full,
    /// This is not deflate.
    Broken(String),
}

/// Inflates `bytes` onto `out` until it is `room` long; gives how many bytes were used as well.
pub(in super::super) fn inflate(
    state: &mut Decompress,
    bytes: &[u8],
    out: &mut Vec<u8>,
    room: usize,
) -> (Inflated, usize) {
    let mut chunk = [0; CHUNK];
    let mut used = 0;
    loop {
        let left = room.saturating_sub(out.len()).min(CHUNK);
        // One byte more than fits tells "just full" from "ended".
        let target = &mut chunk[..left.max(1)];
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let status = match state.decompress(&bytes[used..], target, FlushDecompress::None) {
            Ok(status) => status,
            Err(error) => return (Inflated::Broken(error.to_string()), used),
        };
        let read = delta(before_in, state.total_in());
        let written = delta(before_out, state.total_out());
        used += read;
        if left == 0 && written > 0 {
            return (Inflated::Full, used);
        }
        out.extend_from_slice(&target[..written]);
        match status {
            Status::StreamEnd => return (Inflated::Ended, used),
            _ if read == 0 && written == 0 => return (Inflated::Unfinished, used),
            _ => {}
        }
    }
}

fn delta(before: u64, after: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}

pub(super) fn gzip(bytes: &[u8], room: usize) -> Step {
    let mut decoder = MultiGzDecoder::new(bytes);
    let mut out = Vec::new();
    let mut chunk = [0; CHUNK];
    let problem = loop {
        let at = |decoder: &MultiGzDecoder<&[u8]>| bytes.len() - decoder.get_ref().len();
        match decoder.read(&mut chunk) {
            Ok(0) => break None,
            Ok(read) => {
                let fitting = read.min(room - out.len());
                out.extend_from_slice(&chunk[..fitting]);
                if fitting < read {
                    break Some(full("gzip", room, at(&decoder)));
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                break Some(cut("gzip", at(&decoder)));
            }
            Err(error) => break Some(broken("gzip", &error, at(&decoder))),
        }
    };
    Step { bytes: out, problem }
}

/// The name means zlib, but some always sent it raw.
pub(super) fn deflate(bytes: &[u8], room: usize) -> Step {
    let is_zlib = matches!(bytes, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0);
    let step = deflated(bytes, is_zlib, room);
    if is_zlib && step.bytes.is_empty() && step.problem.is_some() {
        let raw = deflated(bytes, false, room);
        if raw.problem.is_none() {
            return raw;
        }
    }
    step
}

fn deflated(bytes: &[u8], is_zlib: bool, room: usize) -> Step {
    let mut out = Vec::new();
    let (end, used) = inflate(&mut Decompress::new(is_zlib), bytes, &mut out, room);
    let problem = match end {
        Inflated::Ended => None,
        Inflated::Unfinished => Some(cut("deflate", used)),
        Inflated::Full => Some(full("deflate", room, used)),
        Inflated::Broken(why) => Some(broken("deflate", &why, used)),
    };
    Step { bytes: out, problem }
}
