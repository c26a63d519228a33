//! The text in which a request is edited.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ReplayError, is_http};
use crate::exchange::{Exchange, Header, Protocol};
use crate::text::Text;

const BASE64: &str = "@base64:";
const RECORDED: &str = "@recorded";
const FILE: &str = "@file:";
/// A longer body that is no text is named, not written out: nobody edits that much base64.
const LONGEST_BASE64: usize = 4 << 10;

/// A request as somebody edited it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The method.
    pub method: Text,
    /// The target.
    pub target: Text,
    /// All headers, `Host` among them.
    pub headers: Vec<Header>,
    /// The body.
    pub body: EditedBody,
}

/// The body of an edited request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditedBody {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The recorded one.
    Recorded,
    /// What is in a file.
    File(String),
}

/// Text that is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct FormError {
    /// Counted from 1.
    pub line: usize,
    /// In letters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is there.
    #[error("there is no request: begin with a line like `GET /path HTTP/1.1`")]
    Empty,
    /// No method stands there.
    #[error("this is not a method: letters, digits and signs like `-` only")]
    Method,
    /// No target stands there.
    #[error("a target is missing: write `METHOD /path HTTP/1.1`, with spaces in the path as `%20`")]
    Target,
    /// Something else follows the target.
    #[error("only a version like `HTTP/1.1` may follow the target; a space in it is written `%20`")]
    Version,
    /// A header's line has no colon.
    #[error("a header is `Name: value`; leave an empty line before the body")]
    NoColon,
    /// A header's name has a letter that none may have.
    #[error("this letter cannot be part of a header's name")]
    Name,
    /// A header's value has a letter that none may have.
    #[error("control characters cannot be part of a header's value")]
    Value,
    /// Base64 is wrong.
    #[error("this is not base64")]
    Base64,
    /// There is text after the name of a body.
    #[error("a body that is named stands alone: remove what follows")]
    AfterName,
}

/// The text in which the request of `exchange` can be edited.
///
/// # Errors
///
/// It is not a request of HTTP, or not one that can be repeated. A body that is not whole is written as `@recorded`, and
/// refused only if nobody replaced it.
pub fn write(exchange: &Exchange) -> Result<String, ReplayError> {
    is_http(exchange)?;
    let request = &exchange.request;
    let version = match exchange.protocol {
        Protocol::Http10 => "HTTP/1.0",
        Protocol::Http2 => "HTTP/2",
        Protocol::Http11 | Protocol::Bytes => "HTTP/1.1",
    };
    let mut text = format!(
        "{} {} {version}\n",
        word(&request.method, true),
        word(&request.target, false)
    );
    let headers = &request.message.headers;
    if !headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case("host"))
        && !request.host.is_empty()
    {
        text += &format!("Host: {}\n", value(&request.host));
    }
    for header in headers.iter().filter(|header| is_token(header.name.as_bytes())) {
        text += &format!("{}: {}\n", header.name, value(&header.value));
    }
    let body = &request.message.body;
    if body.size > 0 {
        text.push('\n');
        text += &body_text(&body.bytes, body.is_whole());
        text.push('\n');
    }
    Ok(text)
}

fn body_text(bytes: &[u8], is_whole: bool) -> String {
    let text = std::str::from_utf8(bytes).ok().filter(|text| {
        // Editors mend line ends and marks; what they would mend is not given to them.
        let is_plain =
            |letter: char| letter == '\n' || letter == '\t' || !letter.is_control() && letter != '\u{feff}';
        text.chars().all(is_plain) && !is_named(text)
    });
    match text {
        Some(text) if is_whole => text.to_owned(),
        None if is_whole && bytes.len() <= LONGEST_BASE64 => format!("{BASE64}{}", STANDARD.encode(bytes)),
        _ => RECORDED.to_owned(),
    }
}

fn is_named(text: &str) -> bool {
    [BASE64, RECORDED, FILE].iter().any(|name| text.starts_with(name))
}

/// A word of the request line, which has no space in it.
fn word(text: &Text, is_method: bool) -> String {
    let plain = |text: &&str| {
        !text.is_empty()
            && !text.starts_with(BASE64)
            && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    };
    let is_remark = is_method && text.as_bytes().first() == Some(&b'#');
    match std::str::from_utf8(text.as_bytes()).ok().filter(plain) {
        Some(plain) if !is_remark => plain.to_owned(),
        _ => format!("{BASE64}{}", STANDARD.encode(text.as_bytes())),
    }
}

fn value(text: &Text) -> String {
    let plain =
        |text: &&str| !text.starts_with(BASE64) && !text.contains(char::is_control) && text.trim() == *text;
    match std::str::from_utf8(text.as_bytes()).ok().filter(plain) {
        Some(plain) => plain.to_owned(),
        None => format!("{BASE64}{}", STANDARD.encode(text.as_bytes())),
    }
}

fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| is_token_byte(*byte))
}

/// What methods and header names are made of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What somebody wrote.
///
/// # Errors
///
/// The first thing that is wrong, with its line and column.
pub fn read(text: &str) -> Result<Edited, FormError> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut number = 0;
    let mut next = |rest: &mut &str| {
        number += 1;
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        *rest = after;
        (number, line.strip_suffix('\r').unwrap_or(line).to_owned())
    };
    let (line, first) = loop {
        if rest.is_empty() {
            return Err(FormError {
                line: 1,
                column: 1,
                problem: Problem::Empty,
            });
        }
        let (line, first) = next(&mut rest);
        if !first.trim().is_empty() && !first.starts_with('#') {
            break (line, first);
        }
    };
    let (method, target) = request_line(line, &first)?;
    let mut headers = Vec::new();
    let mut last = line;
    while !rest.is_empty() {
        let (line, header) = next(&mut rest);
        last = line;
        if header.is_empty() {
            break;
        }
        headers.push(header_line(line, &header)?);
    }
    let body = body(last + 1, rest)?;
    Ok(Edited {
        method,
        target,
        headers,
        body,
    })
}

fn wrong(line: usize, before: &str, problem: Problem) -> FormError {
    FormError {
        line,
        column: before.chars().count() + 1,
        problem,
    }
}

fn request_line(line: usize, text: &str) -> Result<(Text, Text), FormError> {
    let (method, after) = text.split_once(' ').unwrap_or((text, ""));
    if !method.starts_with(BASE64)
        && let Some(at) = method.find(|letter: char| !letter.is_ascii() || !is_token_byte(letter as u8))
    {
        return Err(wrong(line, &method[..at], Problem::Method));
    }
    let target_text = after.trim_start();
    let skipped = text.len() - target_text.len();
    let (target, version) = target_text.split_once(' ').unwrap_or((target_text, ""));
    if target.is_empty() {
        return Err(wrong(line, text, Problem::Target));
    }
    let version = version.trim();
    let is_version = version.is_empty() || ["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/2.0"].contains(&version);
    if !is_version {
        return Err(wrong(line, &text[..skipped + target.len() + 1], Problem::Version));
    }
    let method = undo(method).ok_or_else(|| wrong(line, "", Problem::Base64))?;
    if !is_token(method.as_bytes()) {
        return Err(wrong(line, "", Problem::Method));
    }
    let target = undo(target).ok_or_else(|| wrong(line, &text[..skipped], Problem::Base64))?;
    Ok((method, target))
}

fn undo(text: &str) -> Option<Text> {
    match text.strip_prefix(BASE64) {
        Some(encoded) => STANDARD.decode(encoded.trim()).ok().map(Text::from),
        None => Some(text.into()),
    }
}

fn header_line(line: usize, text: &str) -> Result<Header, FormError> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| wrong(line, text, Problem::NoColon))?;
    let is_wrong = |letter: char| !letter.is_ascii() || !is_token_byte(letter as u8);
    if let Some(at) = name.find(is_wrong).or(name.is_empty().then_some(0)) {
        return Err(wrong(line, &name[..at], Problem::Name));
    }
    let before = &text[..=name.len()];
    if let Some(at) = value.find(|letter: char| letter.is_control() && letter != '\t') {
        return Err(wrong(line, &text[..before.len() + at], Problem::Value));
    }
    let read = undo(value.trim()).ok_or_else(|| wrong(line, before, Problem::Base64))?;
    // What base64 carried must be as harmless as what was written out: no line may begin inside a value.
    if read
        .as_bytes()
        .iter()
        .any(|byte| matches!(byte, b'\r' | b'\n' | 0))
    {
        return Err(wrong(line, before, Problem::Value));
    }
    Ok(Header {
        name: name.into(),
        value: read,
    })
}

fn body(line: usize, text: &str) -> Result<EditedBody, FormError> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if !is_named(text) {
        return Ok(EditedBody::Bytes(text.into()));
    }
    let (first, after) = text.split_once('\n').unwrap_or((text, ""));
    if !after.trim().is_empty() {
        return Err(wrong(line + 1, "", Problem::AfterName));
    }
    let first = first.trim_end();
    if let Some(path) = first.strip_prefix(FILE) {
        return Ok(EditedBody::File(path.trim().to_owned()));
    }
    match first.strip_prefix(BASE64) {
        Some(encoded) => {
            let bytes = STANDARD.decode(encoded.trim());
            bytes
                .map(EditedBody::Bytes)
                .map_err(|_| wrong(line, BASE64, Problem::Base64))
        }
        None if first == RECORDED => Ok(EditedBody::Recorded),
        None => Err(wrong(line, RECORDED, Problem::AfterName)),
    }
}
