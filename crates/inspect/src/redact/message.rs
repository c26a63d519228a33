//! Covers the parts of an exchange.

use super::names::{is_own, is_secret_header};
use super::rule::Compiled;
use super::text::{Covered, anywhere, elements, form, members, parts, to_words};
use super::{Hidden, MARK, Part, Plain, Reader, Redaction, Unread, Where, encoding};
use crate::exchange::{Body, Exchange, Header, Message, Moment, Side};
use crate::frames;
use crate::text::Text;

/// Covers what was asked.
pub(super) fn request(
    redaction: &Redaction,
    exchange: &mut Exchange,
    reader: &dyn Reader,
    hidden: &mut Vec<Hidden>,
) {
    let said = said(exchange, Side::Caller, reader);
    let request = &mut exchange.request;
    if let Some(rules) = &redaction.rules {
        let target = request.target.as_bytes();
        let covered = Covered::of(target, anywhere(rules, target), false);
        note(hidden, Part::Target, covered.places);
        request.target = Text::from(covered.bytes);
    }
    let parts = [Part::RequestHeaders, Part::RequestBody, Part::RequestTrailers];
    message(
        redaction,
        &mut request.message,
        reader,
        said.as_deref(),
        (parts, hidden),
    );
}

/// Covers what was answered.
pub(super) fn response(
    redaction: &Redaction,
    exchange: &mut Exchange,
    reader: &dyn Reader,
    hidden: &mut Vec<Hidden>,
) {
    let said = said(exchange, Side::Program, reader);
    let parts = [Part::ResponseHeaders, Part::ResponseBody, Part::ResponseTrailers];
    if let Some(response) = &mut exchange.response {
        message(
            redaction,
            &mut response.message,
            reader,
            said.as_deref(),
            (parts, hidden),
        );
    }
}

/// A message of a conversation, and how many microseconds after the exchange began it came.
type Said = (u64, u8, Vec<u8>);

/// What this side said after a switch of protocols, as far as it can be read; nothing where there was none.
fn said(exchange: &Exchange, side: Side, reader: &dyn Reader) -> Option<Vec<Said>> {
    exchange.response.as_ref().filter(|one| one.status == 101)?;
    let messages = reader.socket(exchange).into_iter().filter(|one| one.from == side);
    let after = |at: Moment| u64::try_from(at.0.saturating_sub(exchange.began.0)).unwrap_or(0);
    Some(
        messages
            .map(|one| (after(one.at), one.opcode, one.bytes))
            .collect(),
    )
}

fn note(hidden: &mut Vec<Hidden>, part: Part, places: Vec<Where>) {
    hidden.extend(places.into_iter().map(|place| Hidden { part, place }));
}

fn message(
    redaction: &Redaction,
    message: &mut Message,
    reader: &dyn Reader,
    said: Option<&[Said]>,
    (parts, hidden): ([Part; 3], &mut Vec<Hidden>),
) {
    // The body first: how to read it is written in headers that are about to be covered.
    if let Some(rules) = &redaction.rules {
        let places = body(rules, message, reader, said);
        note(hidden, parts[1], places);
    }
    for (part, headers) in [
        (parts[0], &mut message.headers),
        (parts[2], &mut message.trailers),
    ] {
        headers.retain(|header| {
            let own = is_own(header.name.as_bytes());
            if own {
                let name = header.name.shown().into_owned();
                note(hidden, part, vec![Where::Own { name }]);
            }
            !own
        });
        if let Some(rules) = &redaction.rules {
            for header in headers {
                let places = cover_header(rules, header);
                note(hidden, part, places);
            }
        }
    }
}

fn cover_header(rules: &Compiled, header: &mut Header) -> Vec<Where> {
    let name = header.name.shown().into_owned();
    let value = header.value.shown().into_owned();
    let is_named = rules.headers.iter().any(|rule| rule.eq_ignore_ascii_case(&name));
    let covered = match name.to_ascii_lowercase().as_str() {
        _ if value.is_empty() => return Vec::new(),
        _ if is_named => MARK.to_owned(),
        "authorization" | "proxy-authorization" => match value.split_once(' ') {
            Some((scheme, _)) => format!("{scheme} {MARK}"),
            None => MARK.to_owned(),
        },
        "cookie" => value.split(';').map(cookie).collect::<Vec<_>>().join(";"),
        "set-cookie" => match value.split_once(';') {
            Some((first, rest)) => format!("{};{rest}", cookie(first)),
            None => cookie(&value),
        },
        _ if is_secret_header(&name) => MARK.to_owned(),
        _ => {
            let covered = Covered::of(
                header.value.as_bytes(),
                anywhere(rules, header.value.as_bytes()),
                false,
            );
            header.value = Text::from(covered.bytes);
            return covered.places;
        }
    };
    header.value = Text::from(covered);
    vec![Where::Header { name }]
}

fn cookie(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={MARK}"),
        None => MARK.to_owned(),
    }
}

fn body(rules: &Compiled, message: &mut Message, reader: &dyn Reader, said: Option<&[Said]>) -> Vec<Where> {
    if message.body.bytes.is_empty() {
        return Vec::new();
    }
    if let Some(said) = said {
        return conversation(rules, message, said);
    }
    let encoded = encoding(message).or_else(|| wide(message));
    let Some(Plain { bytes, is_whole }) = reader.plain(message).filter(|_| wide(message).is_none()) else {
        let encoding = encoded.unwrap_or_default();
        return leave_out(message, Unread::Encoded { encoding });
    };
    let content_type = message
        .header("content-type")
        .map(|value| value.shown().into_owned());
    let covered = covered(rules, content_type.as_deref(), &bytes);
    if covered.places.is_empty() {
        return Vec::new();
    }
    let body = if encoded.is_some() {
        decoded(&message.body, &covered, is_whole)
    } else {
        moved(&message.body, &covered)
    };
    let length = body.is_whole().then_some(body.size);
    message.body = body;
    follow(message, length, encoded.is_some());
    covered.places
}

/// Covers each message, and writes all of them anew: none where nothing could be read.
fn conversation(rules: &Compiled, message: &mut Message, said: &[Said]) -> Vec<Where> {
    if said.is_empty() {
        return leave_out(message, Unread::Switched);
    }
    let is_whole = message.body.is_whole();
    let (mut body, mut places) = (Body::default(), Vec::new());
    for (at, opcode, bytes) in said {
        let covered = covered(rules, None, bytes);
        frames::add(&mut body, *opcode, &covered.bytes, *at, usize::MAX);
        places.extend(covered.places);
    }
    if !is_whole {
        body.size = message.body.size.max(body.size + 1);
    }
    message.body = body;
    places
}

/// Text whose letters are two or four bytes, in which nothing would be found.
fn wide(message: &Message) -> Option<String> {
    let value = message
        .header("content-type")
        .map(|value| value.shown().to_ascii_lowercase());
    let is_named =
        value.is_some_and(|value| value.contains("charset=utf-16") || value.contains("charset=utf-32"));
    let start = message.body.bytes.get(..2);
    let is_marked = start == Some(b"\xff\xfe") || start == Some(b"\xfe\xff");
    (is_named || is_marked).then(|| "UTF-16".to_owned())
}

fn leave_out(message: &mut Message, why: Unread) -> Vec<Where> {
    message.body.bytes.clear();
    message.body.arrivals.clear();
    vec![Where::Body { why }]
}

/// The covered body of what was not encoded: as many bytes are missing as before.
fn moved(body: &Body, covered: &Covered) -> Body {
    let missing = body.size.saturating_sub(body.bytes.len() as u64);
    let mut arrivals = body.arrivals.clone();
    for arrival in &mut arrivals {
        arrival.offset = covered.offset(arrival.offset);
    }
    Body {
        size: covered.bytes.len() as u64 + missing,
        bytes: covered.bytes.clone(),
        arrivals,
    }
}

/// The covered body of what was encoded. How much of it is missing is not known, only whether.
fn decoded(body: &Body, covered: &Covered, is_whole: bool) -> Body {
    let length = covered.bytes.len() as u64;
    Body {
        size: if is_whole {
            length
        } else {
            body.size.max(length + 1)
        },
        bytes: covered.bytes.clone(),
        arrivals: Vec::new(),
    }
}

/// Headers say what became of the body, so that what is exported can be read.
fn follow(message: &mut Message, length: Option<u64>, is_decoded: bool) {
    if is_decoded {
        message
            .headers
            .retain(|header| !header.name.eq_ignore_ascii_case("content-encoding"));
    }
    for header in &mut message.headers {
        if let Some(length) = length
            && header.name.eq_ignore_ascii_case("content-length")
        {
            header.value = length.to_string().into();
        }
    }
}

/// Covers a text of this type, as far as `redaction` covers anything.
pub(super) fn cover(redaction: &Redaction, content_type: Option<&str>, text: &[u8]) -> Covered {
    match &redaction.rules {
        Some(rules) => covered(rules, content_type, text),
        None => Covered::of(text, Vec::new(), false),
    }
}

fn covered(rules: &Compiled, content_type: Option<&str>, text: &[u8]) -> Covered {
    let content_type = content_type.unwrap_or_default();
    let lower = content_type.to_ascii_lowercase();
    if let Some(boundary) = boundary(content_type) {
        let mut spans = parts(rules, text, boundary.as_bytes());
        spans.extend(anywhere(rules, text));
        spans.extend(members(rules, text));
        return Covered::of(text, spans, false);
    }
    // A body that was cut may end within a letter.
    let is_text = match std::str::from_utf8(text) {
        Ok(_) => !text.contains(&0),
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    if !is_text && !lower.starts_with("text/") && !lower.contains("json") {
        return Covered::of(text, anywhere(rules, text), true);
    }
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = lower.contains("json") || matches!(first, Some(b'{' | b'['));
    let mut spans = anywhere(rules, text);
    if is_json {
        spans = to_words(text, spans);
    }
    spans.extend(members(rules, text));
    if lower.starts_with("application/x-www-form-urlencoded") {
        spans.extend(form(rules, text));
    }
    if first == Some(&b'<') || lower.contains("xml") {
        spans.extend(elements(rules, text));
    }
    Covered::of(text, spans, false)
}

fn boundary(content_type: &str) -> Option<&str> {
    const MULTIPART: &str = "multipart/";
    let start = content_type.get(..MULTIPART.len())?;
    if !start.eq_ignore_ascii_case(MULTIPART) {
        return None;
    }
    let mut named = content_type.split(';').map(str::trim).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    });
    let boundary = named.next_back()?.trim().trim_matches('"');
    (!boundary.is_empty()).then_some(boundary)
}
