//! One HTTP/1.1 request and its answer: where they end, so that the next request on the same connection can be told
//! from more of this one.
//!
//! Watches bytes that pass; changes and keeps none. Both ends of a relay watch the same bytes, so both see an exchange
//! end at the same byte. Whatever is not perfectly clear makes it *opaque*: it then lasts until its connection ends.
//! Deliberately absent: judging messages, which NGINX and the program behind it do.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

mod chunked;

use chunked::Chunked;

/// NGINX accepts as many bytes of a head as it is configured to here.
const MAX_HEAD: usize = 4 * 1024 * 1024;
/// Lines of nearly every head.
const USUAL_HEADERS: usize = 100;
/// NGINX accepts fewer.
const MAX_HEADERS: usize = 16_384;

/// A request and its answer, followed as they pass.
#[derive(Debug, Default)]
pub struct Exchange {
    request: Message,
    answer: Message,
    /// Whether the request is HEAD; absent until its head is whole.
    is_head: Option<bool>,
    /// What was answered before that; what it means depends on the question.
    early: Vec<u8>,
    has_surplus: bool,
}

impl Exchange {
    /// Watches the next bytes of the request; how many of them belong to it.
    pub fn follow_request(&mut self, bytes: &[u8]) -> usize {
        let is_head = &mut self.is_head;
        let taken = self.request.follow(bytes, |head| {
            let (length, body, found) = parse_request(head)?;
            *is_head = found;
            Some((length, body))
        });
        if self.request.is_opaque() {
            self.is_opaque_from_here();
        } else if self.is_head.is_some() && !self.early.is_empty() {
            let early = std::mem::take(&mut self.early);
            self.follow_answer(&early);
        }
        taken
    }

    /// Watches the next bytes of the answer; how many of them belong to it.
    pub fn follow_answer(&mut self, bytes: &[u8]) -> usize {
        if self.answer.is_opaque() {
            return bytes.len();
        }
        let Some(to_head) = self.is_head else {
            self.early.extend_from_slice(bytes);
            if self.early.len() > MAX_HEAD {
                self.is_opaque_from_here();
            }
            return bytes.len();
        };
        let taken = self.answer.follow(bytes, |head| parse_answer(to_head, head));
        if self.answer.is_opaque() {
            self.is_opaque_from_here();
            return bytes.len();
        }
        self.has_surplus |= taken < bytes.len();
        taken
    }

    /// How many bytes of bodies have passed, without heads, chunk sizes and trailers: of the request and of its answer.
    /// Says nothing about what is opaque.
    pub fn bodies(&self) -> (u64, u64) {
        (self.request.body, self.answer.body)
    }

    /// Whether every byte of the request has passed.
    pub fn has_whole_request(&self) -> bool {
        self.request.is_complete()
    }

    /// Whether every byte of the answer has passed.
    pub fn has_whole_answer(&self) -> bool {
        self.answer.is_complete()
    }

    /// Whether both have passed: the next request may follow.
    pub fn is_over(&self) -> bool {
        self.has_whole_request() && self.has_whole_answer()
    }

    /// Whether it lasts until its connection ends.
    pub fn is_opaque(&self) -> bool {
        self.request.is_opaque()
    }

    /// Whether more was said than the answer. Whoever said it cannot be asked again on the same connection: the rest
    /// could come at any time, and be taken for the next answer.
    pub fn has_surplus(&self) -> bool {
        self.has_surplus
    }

    fn is_opaque_from_here(&mut self) {
        self.request.state = State::Opaque;
        self.answer.state = State::Opaque;
        self.early = Vec::new();
    }
}

/// One message of either direction.
#[derive(Debug, Default)]
struct Message {
    state: State,
    /// Bytes of the body that have passed.
    body: u64,
}

#[derive(Debug)]
enum State {
    /// What has come of the head.
    Head(Vec<u8>),
    /// So many bytes of the body are left.
    Counted(u64),
    Chunked(Chunked),
    Complete,
    Opaque,
}

impl Default for State {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

/// What a head says about what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Counted(u64),
    Chunked,
    /// An interim answer: another head follows.
    AnotherHead,
    Unclear,
}

/// The lines of a head that tell where its message ends.
#[derive(Default)]
struct Lengths {
    counted: Option<u64>,
    is_chunked: bool,
    is_unclear: bool,
}

impl Message {
    fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    fn is_opaque(&self) -> bool {
        matches!(self.state, State::Opaque)
    }

    /// How many of `bytes` belong to it. `parse` tells length and meaning of a head, or nothing while it is not whole.
    fn follow(&mut self, bytes: &[u8], mut parse: impl FnMut(&[u8]) -> Option<(usize, Body)>) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            taken += match &mut self.state {
                State::Opaque => rest.len(),
                State::Complete => return taken,
                State::Counted(left) => {
                    let now = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= now as u64;
                    self.body += now as u64;
                    if *left == 0 {
                        self.state = State::Complete;
                    }
                    now
                }
                State::Chunked(chunked) => {
                    let followed = chunked.follow(rest);
                    self.body = chunked.data();
                    match followed {
                        Ok(Some(after)) => {
                            let now = rest.len() - after.len();
                            self.state = State::Complete;
                            now
                        }
                        Ok(None) => rest.len(),
                        Err(_) => {
                            self.state = State::Opaque;
                            rest.len()
                        }
                    }
                }
                State::Head(head) => {
                    let before = head.len();
                    head.extend_from_slice(rest);
                    match has_empty_line(head, before).then(|| parse(head)).flatten() {
                        Some((length, body)) if length <= MAX_HEAD => {
                            self.state = after_head(body);
                            length.saturating_sub(before).min(rest.len())
                        }
                        None if head.len() <= MAX_HEAD => rest.len(),
                        _ => {
                            self.state = State::Opaque;
                            rest.len()
                        }
                    }
                }
            };
        }
        taken
    }
}

/// Whether the bytes from `before` on complete an empty line, with which a head may end.
fn has_empty_line(head: &[u8], before: usize) -> bool {
    let fresh = &head[before.saturating_sub(2)..];
    let mut ends = fresh.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.any(|(at, _)| matches!(fresh[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

fn after_head(body: Body) -> State {
    match body {
        Body::None | Body::Counted(0) => State::Complete,
        Body::Counted(length) => State::Counted(length),
        Body::Chunked => State::Chunked(Chunked::default()),
        Body::AnotherHead => State::Head(Vec::new()),
        Body::Unclear => State::Opaque,
    }
}

/// Length and meaning of a request's head, and whether it is HEAD; nothing while it is not whole.
fn parse_request(bytes: &[u8]) -> Option<(usize, Body, Option<bool>)> {
    let (mut usual, mut many) = (
        [const { MaybeUninit::<Header<'_>>::uninit() }; USUAL_HEADERS],
        Vec::new(),
    );
    let mut request = httparse::Request::new(&mut []);
    let mut parsed = lenient().parse_request_with_uninit_headers(&mut request, bytes, &mut usual);
    if parsed == Err(httparse::Error::TooManyHeaders) {
        many.resize_with(MAX_HEADERS, MaybeUninit::uninit);
        request = httparse::Request::new(&mut []);
        parsed = lenient().parse_request_with_uninit_headers(&mut request, bytes, &mut many);
    }
    // HTTP/1.0, and a tunnel, end with their connection.
    let is_plain = request.version == Some(1) && request.method != Some("CONNECT");
    let body = if is_plain {
        Lengths::of(request.headers).of_request()
    } else {
        Body::Unclear
    };
    let is_head = request.method.map(|method| method == "HEAD");
    found(parsed, body).map(|(length, body)| (length, body, is_head))
}

/// Length and meaning of an answer's head; nothing while it is not whole.
fn parse_answer(to_head: bool, bytes: &[u8]) -> Option<(usize, Body)> {
    let (mut usual, mut many) = (
        [const { MaybeUninit::<Header<'_>>::uninit() }; USUAL_HEADERS],
        Vec::new(),
    );
    let mut answer = httparse::Response::new(&mut []);
    let mut parsed = lenient().parse_response_with_uninit_headers(&mut answer, bytes, &mut usual);
    if parsed == Err(httparse::Error::TooManyHeaders) {
        many.resize_with(MAX_HEADERS, MaybeUninit::uninit);
        answer = httparse::Response::new(&mut []);
        parsed = lenient().parse_response_with_uninit_headers(&mut answer, bytes, &mut many);
    }
    let code = answer.code.unwrap_or_default();
    let body = if answer.version == Some(1) {
        Lengths::of(answer.headers).of_answer(code, to_head)
    } else {
        Body::Unclear
    };
    found(parsed, body)
}

/// A line that says nothing about lengths is nobody's business here.
fn lenient() -> ParserConfig {
    let mut config = ParserConfig::default();
    config
        .ignore_invalid_headers_in_requests(true)
        .ignore_invalid_headers_in_responses(true);
    config
}

fn found(parsed: httparse::Result<usize>, body: Body) -> Option<(usize, Body)> {
    match parsed {
        Ok(Status::Complete(length)) => Some((length, body)),
        Ok(Status::Partial) => None,
        Err(_) => Some((0, Body::Unclear)),
    }
}

impl Lengths {
    fn of(headers: &[Header<'_>]) -> Self {
        let mut found = Self::default();
        for header in headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let number = std::str::from_utf8(header.value)
                    .ok()
                    .filter(|text| is_number(text));
                match number.and_then(|text| text.parse().ok()) {
                    Some(number) if found.counted.is_none_or(|before| before == number) => {
                        found.counted = Some(number);
                    }
                    _ => found.is_unclear = true,
                }
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                found.is_unclear |= found.is_chunked || !header.value.eq_ignore_ascii_case(b"chunked");
                found.is_chunked = true;
            }
        }
        found.is_unclear |= found.is_chunked && found.counted.is_some();
        found
    }

    fn of_request(&self) -> Body {
        match (self.is_unclear, self.is_chunked, self.counted) {
            (true, ..) => Body::Unclear,
            (_, true, _) => Body::Chunked,
            (.., Some(length)) => Body::Counted(length),
            _ => Body::None,
        }
    }

    fn of_answer(&self, code: u16, to_head: bool) -> Body {
        match code {
            101 => Body::Unclear,
            100..200 => Body::AnotherHead,
            204 | 304 => Body::None,
            _ if self.is_unclear => Body::Unclear,
            _ if to_head => Body::None,
            // Without a length an answer ends with its connection.
            _ if !self.is_chunked && self.counted.is_none() => Body::Unclear,
            _ => self.of_request(),
        }
    }
}

/// Digits alone: a sign or a space is somebody's trick.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
