//! One exchange of HTTP/1, from the bytes of both directions.

use std::mem::MaybeUninit;

use httparse::{Header as Parsed, ParserConfig, Status};

use super::kept::Kept;
use super::{Seen, blank, body};
use crate::exchange::{Exchange, Header, Message, Protocol, Request, Response};
use crate::text::Text;

/// More lines than any server takes.
const MAX_HEADERS: usize = 16_384;
const USUAL_HEADERS: usize = 100;
const SWITCHED: u16 = 101;

/// The exchange; nothing where the request is not HTTP/1.
pub(super) fn exchange(seen: &Seen) -> Option<Exchange> {
    let head = request_head(seen.request.bytes())?;
    let answers = answer_heads(seen.answer.bytes());
    let status = answers.as_ref().map(|(_, answer)| answer.status);
    let is_switched = status == Some(SWITCHED)
        || (head.request.method.as_bytes() == b"CONNECT"
            && status.is_some_and(|status| (200..300).contains(&status)));
    let mut request = head.request;
    let protocol = head.protocol;
    let framing = if is_switched {
        Framing::ToEnd
    } else {
        Framing::of_request(&request.message)
    };
    fill(&mut request.message, &seen.request, head.length, framing);
    let response = answers.map(|(length, mut response)| {
        let framing = Framing::of_answer(&response, &request, is_switched);
        fill(&mut response.message, &seen.answer, length, framing);
        response
    });
    Some(Exchange {
        protocol,
        request,
        response,
        ..blank(seen)
    })
}

/// Where a body ends.
#[derive(Clone, Copy, PartialEq)]
enum Framing {
    None,
    Counted(u64),
    Chunked,
    ToEnd,
}

impl Framing {
    fn of(message: &Message) -> Option<Self> {
        let coding = message.header("transfer-encoding").map(Text::shown);
        if coding.is_some_and(|coding| coding.to_ascii_lowercase().trim_end().ends_with("chunked")) {
            return Some(Self::Chunked);
        }
        let counted = message.header("content-length").map(Text::shown);
        counted
            .and_then(|text| text.trim().parse().ok())
            .map(Self::Counted)
    }

    fn of_request(message: &Message) -> Self {
        Self::of(message).unwrap_or(Self::None)
    }

    fn of_answer(response: &Response, request: &Request, is_switched: bool) -> Self {
        match response.status {
            _ if is_switched => Self::ToEnd,
            204 | 304 => Self::None,
            _ if request.method.as_bytes() == b"HEAD" => Self::None,
            _ => Self::of(&response.message).unwrap_or(Self::ToEnd),
        }
    }
}

struct RequestHead {
    request: Request,
    protocol: Protocol,
    length: usize,
}

fn request_head(bytes: &[u8]) -> Option<RequestHead> {
    let mut lines = [const { MaybeUninit::<Parsed<'_>>::uninit() }; USUAL_HEADERS];
    let mut many = Vec::new();
    let mut parsed = httparse::Request::new(&mut []);
    let mut length = lenient().parse_request_with_uninit_headers(&mut parsed, bytes, &mut lines);
    if length == Err(httparse::Error::TooManyHeaders) {
        many.resize_with(MAX_HEADERS, MaybeUninit::uninit);
        parsed = httparse::Request::new(&mut []);
        length = lenient().parse_request_with_uninit_headers(&mut parsed, bytes, &mut many);
    }
    let length = match length.ok()? {
        Status::Complete(length) => length,
        Status::Partial => return cut_request(bytes),
    };
    let message = message(parsed.headers);
    let request = Request {
        method: parsed.method?.into(),
        target: parsed.path?.into(),
        host: message.header("host").cloned().unwrap_or_default(),
        message,
    };
    let protocol = version(parsed.version?);
    Some(RequestHead {
        request,
        protocol,
        length,
    })
}

/// Of a head that has not come whole, or was too long to be kept whole, the lines that are there.
fn cut_request(bytes: &[u8]) -> Option<RequestHead> {
    let end = memchr::memrchr(b'\n', bytes)?;
    let mut whole = bytes[..=end].to_vec();
    whole.extend_from_slice(b"\r\n");
    match whole == bytes {
        true => None,
        false => request_head(&whole).map(|head| RequestHead {
            length: bytes.len(),
            ..head
        }),
    }
}

/// The final answer, with where its body begins. Interim ones are remembered by their status.
fn answer_heads(bytes: &[u8]) -> Option<(usize, Response)> {
    let (mut start, mut interim) = (0, Vec::new());
    loop {
        let (length, mut response) = answer_head(bytes.get(start..)?)?;
        start += length;
        if (100..200).contains(&response.status) && response.status != SWITCHED {
            interim.push(response.status);
            continue;
        }
        response.interim = interim;
        return Some((start, response));
    }
}

fn answer_head(bytes: &[u8]) -> Option<(usize, Response)> {
    let mut lines = [const { MaybeUninit::<Parsed<'_>>::uninit() }; USUAL_HEADERS];
    let mut many = Vec::new();
    let mut parsed = httparse::Response::new(&mut []);
    let mut length = lenient().parse_response_with_uninit_headers(&mut parsed, bytes, &mut lines);
    if length == Err(httparse::Error::TooManyHeaders) {
        many.resize_with(MAX_HEADERS, MaybeUninit::uninit);
        parsed = httparse::Response::new(&mut []);
        length = lenient().parse_response_with_uninit_headers(&mut parsed, bytes, &mut many);
    }
    let Status::Complete(length) = length.ok()? else {
        return None;
    };
    let response = Response {
        status: parsed.code?,
        reason: parsed.reason.unwrap_or_default().into(),
        interim: Vec::new(),
        message: message(parsed.headers),
    };
    Some((length, response))
}

fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true);
    config
}

fn version(minor: u8) -> Protocol {
    match minor {
        0 => Protocol::Http10,
        _ => Protocol::Http11,
    }
}

fn message(parsed: &[Parsed<'_>]) -> Message {
    Message {
        headers: headers(parsed),
        ..Message::default()
    }
}

fn headers(parsed: &[Parsed<'_>]) -> Vec<Header> {
    let lines = parsed.iter().map(|line| Header {
        name: line.name.into(),
        value: line.value.into(),
    });
    lines.collect()
}

/// Body and trailers, from what was kept behind the head.
fn fill(message: &mut Message, kept: &Kept, start: usize, framing: Framing) {
    let rest = kept.bytes().get(start..).unwrap_or_default();
    let passed = kept.passed().saturating_sub(start as u64);
    match framing {
        Framing::None => {}
        Framing::ToEnd => message.body = kept.body_from(start),
        Framing::Counted(length) => {
            let here = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
            let arrivals = kept.arrivals_from(|offset| offset.saturating_sub(start as u64), start);
            message.body = body(rest[..here].to_vec(), passed.min(length), arrivals);
        }
        Framing::Chunked => {
            let chunks = Chunks::of(rest);
            let arrivals =
                kept.arrivals_from(|offset| chunks.place(offset.saturating_sub(start as u64)), start);
            let size = match (chunks.is_whole, kept.body()) {
                (true, _) => chunks.data.len() as u64,
                (false, Some(counted)) => counted,
                // An upper bound: the sizes of the chunks are among what passed.
                (false, None) => passed,
            };
            message.body = body(chunks.data, size, arrivals);
            message.trailers = chunks.trailers;
        }
    }
}

/// A chunked body, as far as it is there.
#[derive(Default)]
struct Chunks {
    data: Vec<u8>,
    trailers: Vec<Header>,
    is_whole: bool,
    /// Where chunks begin: among the bytes, and in the data.
    starts: Vec<(u64, u64)>,
}

impl Chunks {
    fn of(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut at = 0;
        while let Ok(Status::Complete((line, size))) = httparse::parse_chunk_size(&bytes[at..]) {
            at += line;
            if size == 0 {
                found.read_trailers(&bytes[at..]);
                break;
            }
            found.starts.push((at as u64, found.data.len() as u64));
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let here = size.min(bytes.len() - at);
            found.data.extend_from_slice(&bytes[at..at + here]);
            at += here;
            match bytes.get(at..at + 2) {
                Some(b"\r\n") if here == size => at += 2,
                _ => break,
            }
        }
        found
    }

    fn read_trailers(&mut self, bytes: &[u8]) {
        let mut lines = [httparse::EMPTY_HEADER; USUAL_HEADERS];
        match httparse::parse_headers(bytes, &mut lines) {
            Ok(Status::Complete((_, lines))) => {
                self.trailers = headers(lines);
                self.is_whole = true;
            }
            // They may have come without being kept.
            Ok(Status::Partial) => {}
            Err(_) => self.is_whole = true,
        }
    }

    /// Where in the data the byte at `offset` stands.
    fn place(&self, offset: u64) -> u64 {
        let after = self.starts.partition_point(|(start, _)| *start <= offset);
        match after
            .checked_sub(1)
            .map(|index| (self.starts[index], self.starts.get(index + 1)))
        {
            None => 0,
            Some(((start, data), next)) => {
                let end = next.map_or(self.data.len() as u64, |(_, data)| *data);
                (data + (offset - start)).min(end)
            }
        }
    }
}
