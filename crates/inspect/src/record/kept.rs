//! A bounded copy of what passed in one direction.
//!
//! Of HTTP/2 only the frames that say something are copied, since the others would fill the space; bytes of DATA beyond the
//! bound are left out, and everything behind them is still understood.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::exchange::{Arrival, Body};

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A head this long is kept beside a body of full length; of a longer one the body gives way.
const HEAD: usize = 64 * 1024;
/// Moments kept for one direction, and how far apart they are.
const ARRIVALS: usize = 1024;
const APART: u64 = 500;
/// Marks a frame whose payload was left out, in a bit that HTTP/2 reserves.
const LEFT_OUT: u8 = 0x80;

/// How much all copies together may take.
#[derive(Clone, Debug)]
pub struct Room {
    left: Arc<AtomicUsize>,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            });
        taken.is_ok()
    }

    fn give(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What passed in one direction.
#[derive(Debug)]
pub struct Kept {
    room: Room,
    bytes: Vec<u8>,
    limit: usize,
    is_full: bool,
    passed: u64,
    /// Of a divided exchange: how many of the bytes were its body.
    body: Option<u64>,
    first: Option<u64>,
    last: Option<u64>,
    arrivals: Vec<Arrival>,
    frames: Option<Frames>,
}

/// Where in the frames of HTTP/2 we are.
#[derive(Debug, Default)]
struct Frames {
    /// What was seen of the next header.
    header: Vec<u8>,
    /// How much of the payload is still to come, and whether it is kept.
    left: usize,
    is_kept: bool,
    /// Bytes of DATA that were kept.
    data: usize,
}

impl Kept {
    pub(super) fn new(body: usize, room: Room) -> Self {
        Self {
            room,
            bytes: Vec::new(),
            limit: body.saturating_add(HEAD),
            is_full: false,
            passed: 0,
            body: None,
            first: None,
            last: None,
            arrivals: Vec::new(),
            frames: None,
        }
    }

    /// These bytes passed at this moment, in microseconds after the beginning.
    pub fn pass(&mut self, bytes: &[u8], at: u64) {
        if bytes.is_empty() {
            return;
        }
        self.first.get_or_insert(at);
        self.arrives(at);
        self.last = Some(at);
        self.passed += bytes.len() as u64;
        if self.frames.is_some() {
            self.pass_frames(bytes);
        } else if !self.is_full {
            self.keep_up_to_limit(bytes);
        }
    }

    /// From here on what passes is HTTP/2: what answers a connection that began so.
    pub fn speaks_http2(&mut self) {
        if self.frames.is_none() {
            self.read_again(0);
        }
    }

    /// Of a divided exchange: so many bytes were the body.
    pub fn has_body(&mut self, bytes: u64) {
        self.body = Some(bytes);
    }

    /// How many bytes passed.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// How many bytes are kept.
    pub fn kept(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it began as HTTP/2 does. Asked once there are enough bytes to tell.
    pub fn is_http2(&self) -> bool {
        self.frames.is_some()
    }

    /// How many bytes of bodies are wanted.
    pub(super) fn body_limit(&self) -> usize {
        self.limit - HEAD
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn body(&self) -> Option<u64> {
        self.body
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Everything from `start` on as a body.
    pub(super) fn body_from(&self, start: usize) -> Body {
        let bytes = self.bytes.get(start..).unwrap_or_default().to_vec();
        let arrivals = self.arrivals_from(|offset| offset.saturating_sub(start as u64), start);
        super::body(bytes, self.passed.saturating_sub(start as u64), arrivals)
    }

    /// When what follows `start` came, with offsets as `place` tells them. One that came at once needs none.
    pub(super) fn arrivals_from(&self, place: impl Fn(u64) -> u64, start: usize) -> Vec<Arrival> {
        let start = start as u64;
        let before = self
            .arrivals
            .iter()
            .rposition(|one| one.offset <= start)
            .unwrap_or(0);
        let found: Vec<Arrival> = self.arrivals[before.min(self.arrivals.len())..]
            .iter()
            .map(|one| Arrival {
                offset: place(one.offset),
                at: one.at,
            })
            .collect();
        if found.len() > 1 { found } else { Vec::new() }
    }

    /// When the byte at `offset` of the kept bytes came.
    pub(super) fn at(&self, offset: usize) -> Option<u64> {
        let earlier = self.arrivals.iter().rev().find(|one| one.offset <= offset as u64);
        earlier.map(|one| one.at).or(self.first)
    }

    /// Offsets are of kept bytes, which for anything but HTTP/2 are those that passed.
    fn arrives(&mut self, at: u64) {
        let is_new = self.arrivals.last().is_none_or(|last| at >= last.at + APART);
        if is_new && !self.is_full && self.arrivals.len() < ARRIVALS {
            self.arrivals.push(Arrival {
                offset: self.bytes.len() as u64,
                at,
            });
        }
    }

    fn keep_up_to_limit(&mut self, bytes: &[u8]) {
        let fits = bytes.len().min(self.limit - self.bytes.len());
        self.keep(&bytes[..fits]);
        self.is_full |= fits < bytes.len();
        let before = self.passed - bytes.len() as u64;
        if before < PREFACE.len() as u64 && self.bytes.starts_with(PREFACE) {
            self.read_again(PREFACE.len());
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> bool {
        if self.room.take(bytes.len()) {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.is_full = true;
        }
        !self.is_full
    }

    /// What was kept is frames, from `start` on.
    fn read_again(&mut self, start: usize) {
        let bytes = std::mem::take(&mut self.bytes);
        self.room.give(bytes.len());
        self.is_full = false;
        self.frames = Some(Frames::default());
        self.pass_frames(bytes.get(start..).unwrap_or_default());
    }

    fn pass_frames(&mut self, mut bytes: &[u8]) {
        let mut frames = self.frames.take().unwrap_or_default();
        while !bytes.is_empty() {
            if frames.left > 0 {
                let now = bytes.len().min(frames.left);
                frames.left -= now;
                // What could not be kept makes the rest of the frame, and so of the connection, unreadable.
                if frames.is_kept && !self.is_full {
                    self.keep(&bytes[..now]);
                }
                bytes = &bytes[now..];
                continue;
            }
            let wanted = HEADER - frames.header.len();
            let now = bytes.len().min(wanted);
            frames.header.extend_from_slice(&bytes[..now]);
            bytes = &bytes[now..];
            if frames.header.len() == HEADER {
                self.begin_frame(&mut frames);
            }
        }
        self.frames = Some(frames);
    }

    fn begin_frame(&mut self, frames: &mut Frames) {
        let mut header = std::mem::take(&mut frames.header);
        frames.left = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let kind = header[3];
        frames.is_kept = match kind {
            DATA => frames.data + frames.left <= self.body_limit(),
            HEADERS | RST_STREAM | PUSH_PROMISE | CONTINUATION => true,
            _ => false,
        };
        if !frames.is_kept && kind != DATA {
            return;
        }
        if kind == DATA && frames.is_kept {
            frames.data += frames.left;
        }
        header[5] &= !LEFT_OUT;
        if !frames.is_kept {
            header[5] |= LEFT_OUT;
        }
        if self.bytes.len() > self.limit.saturating_mul(2) {
            self.is_full = true;
        }
        if !self.is_full {
            self.keep(&header);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.room.give(self.bytes.len());
    }
}

/// Bytes of a frame's header.
const HEADER: usize = 9;
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const CONTINUATION: u8 = 9;

/// One frame of the kept bytes.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// How long the payload was.
    pub(super) length: usize,
    /// Absent where it was left out; cut where the copy ends.
    pub(super) payload: Option<&'a [u8]>,
    /// Where its header begins.
    pub(super) offset: usize,
}

/// The frames of kept bytes; ends where the copy ends.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let header = bytes.get(offset..offset + HEADER)?;
        let length = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let is_left_out = header[5] & LEFT_OUT != 0;
        let start = offset + HEADER;
        let end = if is_left_out {
            start
        } else {
            bytes.len().min(start + length)
        };
        let frame = Frame {
            kind: header[3],
            flags: header[4],
            stream: u32::from_be_bytes([header[5] & !LEFT_OUT, header[6], header[7], header[8]]),
            length,
            payload: (!is_left_out).then(|| &bytes[start..end]),
            offset,
        };
        offset = end;
        Some(frame)
    })
}
