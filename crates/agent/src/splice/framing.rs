//! Where one HTTP/1.1 request and its answer end, so that a connection which NGINX keeps can be told from one in use.
//!
//! Watches bytes that pass; changes and keeps none. Whatever is not perfectly clear makes the connection *opaque*: it is
//! then carried as bytes to its end, as one that serves a single request. Deliberately absent: judging messages.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

mod chunked;

use chunked::Chunked;

/// NGINX accepts as many bytes of a head.
const MAX_HEAD: usize = 256 * 1024;
const MAX_HEADERS: usize = 256;

/// One message of either direction.
#[derive(Debug)]
pub(super) struct Message {
    side: Side,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    /// And whether its request was HEAD.
    Answer {
        to_head: bool,
    },
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
    pub(super) fn request() -> Self {
        Self::of(Side::Request)
    }

    pub(super) fn answer(to_head: bool) -> Self {
        Self::of(Side::Answer { to_head })
    }

    fn of(side: Side) -> Self {
        Self {
            side,
            state: State::Head(Vec::new()),
        }
    }

    /// Whether every byte of the message has passed, and none after it.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// Watches the next bytes.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Opaque => return,
                // More than one message: nobody we know sends that.
                State::Complete => return self.state = State::Opaque,
                State::Counted(left) => {
                    let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = State::Complete;
                    }
                    &bytes[taken..]
                }
                State::Chunked(chunked) => match chunked.follow(bytes) {
                    Ok(Some(rest)) => {
                        let rest = rest.len();
                        self.state = State::Complete;
                        &bytes[bytes.len() - rest..]
                    }
                    Ok(None) => return,
                    Err(_) => return self.state = State::Opaque,
                },
                State::Head(head) => {
                    let before = head.len();
                    head.extend_from_slice(bytes);
                    let Some((length, body)) = parse(self.side, head) else {
                        if head.len() > MAX_HEAD {
                            self.state = State::Opaque;
                        }
                        return;
                    };
                    self.state = after_head(body);
                    &bytes[length.saturating_sub(before).min(bytes.len())..]
                }
            };
        }
    }
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

/// Whether a request that begins with these bytes is a HEAD.
pub(super) fn is_head(first: &[u8]) -> bool {
    first.starts_with(b"HEAD ")
}

/// Length and meaning of a head; nothing while it is not whole.
fn parse(side: Side, bytes: &[u8]) -> Option<(usize, Body)> {
    let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; MAX_HEADERS];
    let config = ParserConfig::default();
    match side {
        Side::Request => {
            let mut request = httparse::Request::new(&mut []);
            let parsed = config.parse_request_with_uninit_headers(&mut request, bytes, &mut headers);
            let lengths = Lengths::of(request.headers);
            // HTTP/1.0, and what switches to another protocol, ends with its connection.
            let is_plain = request.version == Some(1) && request.method != Some("CONNECT");
            found(
                parsed,
                if is_plain {
                    lengths.of_request()
                } else {
                    Body::Unclear
                },
            )
        }
        Side::Answer { to_head } => {
            let mut answer = httparse::Response::new(&mut []);
            let parsed = config.parse_response_with_uninit_headers(&mut answer, bytes, &mut headers);
            let lengths = Lengths::of(answer.headers);
            let is_plain = answer.version == Some(1);
            let code = answer.code.unwrap_or_default();
            found(
                parsed,
                if is_plain {
                    lengths.of_answer(code, to_head)
                } else {
                    Body::Unclear
                },
            )
        }
    }
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
            } else if header.name.eq_ignore_ascii_case("upgrade") {
                found.is_unclear = true;
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
