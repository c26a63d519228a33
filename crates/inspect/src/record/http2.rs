//! The exchanges of one HTTP/2 connection, from the frames of both directions.
//!
//! Compressed headers can only be read from the connection's first one on. Where they cannot be read any more, what came
//! before stays.

use std::collections::BTreeMap;

use loona_hpack::Decoder;

use super::kept::{CONTINUATION, DATA, Frame, HEADERS, Kept, PUSH_PROMISE, RST_STREAM, frames};
use super::{End, Seen, blank, body, outcome};
use crate::exchange::{Arrival, Exchange, Header, Message, Moment, Protocol, Request, Response, Side, Times};
use crate::text::Text;

/// A few bytes may stand for long headers: no more of them is unpacked for one connection.
const UNPACKED: usize = 4 * 1024 * 1024;
/// Peers may agree on more than the usual 4096.
const LARGEST_TABLE: usize = 1024 * 1024;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// What one direction said on one stream.
#[derive(Default)]
struct Said {
    heads: Vec<Vec<Header>>,
    data: Vec<u8>,
    size: u64,
    arrivals: Vec<Arrival>,
    first: Option<u64>,
    last: Option<u64>,
    is_reset: bool,
    has_ended: bool,
}

pub(super) fn exchanges(seen: &Seen) -> Vec<Exchange> {
    let mut answers = said(&seen.answer);
    let asked = said(&seen.request);
    asked
        .into_iter()
        .map(|(stream, asked)| exchange(seen, asked, answers.remove(&stream).unwrap_or_default()))
        .collect()
}

fn exchange(seen: &Seen, mut asked: Said, mut answered: Said) -> Exchange {
    // A connection may be older than what it carries now.
    let start = asked.first.unwrap_or(0);
    let since = |at: Option<u64>| at.map(|at| at.saturating_sub(start));
    let end = match (&asked, &answered) {
        // Whoever has said everything and resets does not want the answer.
        (one, _) if one.is_reset && one.has_ended => End::Reset(Side::Caller),
        // A reset behind a whole answer only says that nothing else is wanted.
        (_, one) if one.has_ended => End::Over,
        (asked, one) if has_no_body(asked, one) => End::Over,
        (one, _) if one.is_reset => End::Reset(Side::Caller),
        (_, one) if one.is_reset => End::Reset(Side::Program),
        _ => seen.end,
    };
    let times = Times {
        proxy: None,
        connect: seen.connect,
        sent: since(asked.last),
        first_byte: since(answered.first),
        last_byte: (end != End::None)
            .then(|| since(answered.last.or(asked.last)))
            .flatten(),
    };
    for arrival in asked.arrivals.iter_mut().chain(&mut answered.arrivals) {
        arrival.at = arrival.at.saturating_sub(start);
    }
    let request = request(asked);
    let response = response(answered);
    Exchange {
        began: Moment(seen.began.0.saturating_add_unsigned(start)),
        times,
        protocol: Protocol::Http2,
        outcome: outcome(end, response.is_some(), seen.is_mocked),
        request,
        response,
        ..blank(seen)
    }
}

/// Whether nothing can follow the answer's head: whoever has read that may leave before it is ended.
fn has_no_body(asked: &Said, answered: &Said) -> bool {
    let mut head = asked.heads.first().into_iter().flatten();
    let is_head =
        head.any(|header| header.name.as_bytes() == b":method" && header.value.as_bytes() == b"HEAD");
    let mut statuses = answered.heads.iter().filter_map(|head| status(head));
    match statuses.find(|status| !(100..200).contains(status)) {
        Some(204 | 304) => true,
        Some(_) => is_head,
        None => false,
    }
}

fn request(asked: Said) -> Request {
    let (pseudo, message) = message(asked);
    let value = |name: &str| {
        let mut found = pseudo
            .iter()
            .filter(|header| header.name.as_bytes() == name.as_bytes());
        found.next().map(|header| header.value.clone())
    };
    let authority = value(":authority");
    Request {
        method: value(":method").unwrap_or_default(),
        target: value(":path").or_else(|| authority.clone()).unwrap_or_default(),
        host: authority
            .or_else(|| message.header("host").cloned())
            .unwrap_or_default(),
        message,
    }
}

fn response(mut answered: Said) -> Option<Response> {
    let mut interim = Vec::new();
    while let Some(status) = answered.heads.first().and_then(|head| status(head)) {
        if !(100..200).contains(&status) {
            let (_, message) = message(answered);
            return Some(Response {
                status,
                reason: Text::default(),
                interim,
                message,
            });
        }
        interim.push(status);
        answered.heads.remove(0);
    }
    None
}

fn status(head: &[Header]) -> Option<u16> {
    let mut found = head.iter().filter(|header| header.name.as_bytes() == b":status");
    found.next()?.value.shown().parse().ok()
}

/// Pseudo headers, and the rest.
fn message(said: Said) -> (Vec<Header>, Message) {
    let mut heads = said.heads.into_iter();
    let first = heads.next().unwrap_or_default();
    let (pseudo, headers) = first
        .into_iter()
        .partition(|header| header.name.as_bytes().starts_with(b":"));
    let arrivals = if said.arrivals.len() > 1 {
        said.arrivals
    } else {
        Vec::new()
    };
    let message = Message {
        headers,
        body: body(said.data, said.size, arrivals),
        trailers: heads.flatten().collect(),
    };
    (pseudo, message)
}

/// What one direction said, by stream.
fn said(kept: &Kept) -> BTreeMap<u32, Said> {
    let mut reading = Reading {
        kept,
        decoder: Decoder::new(),
        unpacked: 0,
        streams: BTreeMap::new(),
        block: None,
    };
    reading.decoder.set_max_allowed_table_size(LARGEST_TABLE);
    for frame in frames(kept.bytes()) {
        if reading.frame(&frame).is_none() {
            break;
        }
    }
    reading.streams
}

struct Reading<'a> {
    kept: &'a Kept,
    decoder: Decoder<'static>,
    unpacked: usize,
    streams: BTreeMap<u32, Said>,
    /// Headers of a stream, as far as they have come, and whether they end it.
    block: Option<(u32, bool, Vec<u8>)>,
}

impl Reading<'_> {
    /// Nothing when the rest cannot be read.
    fn frame(&mut self, frame: &Frame<'_>) -> Option<()> {
        match frame.kind {
            DATA => self.data(frame),
            HEADERS => {
                let block = unpadded(frame, if frame.flags & PRIORITY == 0 { 0 } else { 5 })?;
                self.block(frame, frame.stream, frame.flags & END_STREAM != 0, block)?;
            }
            PUSH_PROMISE => {
                // Read for the sake of the table that all headers of the connection share.
                let block = unpadded(frame, 4)?;
                self.block(frame, 0, false, block)?;
            }
            CONTINUATION => {
                let (stream, ends, mut block) = self.block.take()?;
                block.extend_from_slice(frame.payload?);
                self.block(frame, stream, ends, &block)?;
            }
            RST_STREAM => self.touch(frame).is_reset = true,
            _ => {}
        }
        Some(())
    }

    fn touch(&mut self, frame: &Frame<'_>) -> &mut Said {
        let at = self.kept.at(frame.offset);
        let said = self.streams.entry(frame.stream).or_default();
        said.first = said.first.or(at);
        said.last = at.or(said.last);
        said
    }

    fn data(&mut self, frame: &Frame<'_>) {
        let at = self.kept.at(frame.offset);
        let said = self.touch(frame);
        said.has_ended |= frame.flags & END_STREAM != 0;
        let data = unpadded(frame, 0);
        if let Some(at) = at
            && said.arrivals.last().is_none_or(|last| last.at < at)
        {
            said.arrivals.push(Arrival {
                offset: said.size,
                at,
            });
        }
        let padding = frame
            .payload
            .map_or(0, |payload| payload.len() - data.map_or(0, <[u8]>::len));
        // Bytes behind a gap would be shown in the wrong place.
        if said.data.len() as u64 == said.size {
            said.data.extend_from_slice(data.unwrap_or_default());
        }
        said.size += (frame.length - padding.min(frame.length)) as u64;
    }

    fn block(&mut self, frame: &Frame<'_>, stream: u32, ends: bool, block: &[u8]) -> Option<()> {
        // Cut where the copy ends.
        if frame.payload.is_some_and(|payload| payload.len() < frame.length) {
            return None;
        }
        if frame.flags & END_HEADERS == 0 {
            self.block = Some((stream, ends, block.to_vec()));
            return Some(());
        }
        let (mut head, mut unpacked) = (Vec::new(), self.unpacked);
        let decoded = self.decoder.decode_with_cb(block, |name, value| {
            unpacked += name.len() + value.len();
            if unpacked <= UNPACKED {
                head.push(Header {
                    name: name.into_owned().into(),
                    value: value.into_owned().into(),
                });
            }
        });
        self.unpacked = unpacked;
        decoded.ok().filter(|()| unpacked <= UNPACKED)?;
        if stream != 0 {
            let said = self.touch(&Frame { stream, ..*frame });
            said.heads.push(head);
            said.has_ended |= ends;
        }
        Some(())
    }
}

/// A frame's payload without padding and without its first `prefix` bytes.
fn unpadded<'a>(frame: &Frame<'a>, prefix: usize) -> Option<&'a [u8]> {
    let payload = frame.payload?;
    if frame.flags & PADDED == 0 {
        return payload.get(prefix..);
    }
    let (padding, rest) = payload.split_first()?;
    let end = rest.len().checked_sub(usize::from(*padding))?;
    rest.get(prefix..end)
}
