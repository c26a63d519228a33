//! Finds the secrets of a text and covers them.
//!
//! A text is never parsed and written again: what is covered is covered in place, so all else stays byte for byte.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;
use percent_encoding::percent_decode;
use regex::bytes::Regex;

use super::json::{Token, TokenKind, Tokens, unquoted};
use super::names::is_secret;
use super::rule::Compiled;
use super::{MARK, Where};

/// One place to cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) range: Range<usize>,
    /// Whether quotes belong around the mark.
    pub(super) is_quoted: bool,
    pub(super) place: Where,
}

/// Three parts of base64url, the first of which begins like an encoded `{"`.
static JWT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*").ok());
/// A parameter of a URL, which may stand anywhere.
static PARAMETER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?-u)[?&;]([^=&#?;\s"'<>]{1,128})=([^&#\s"'<>\\]+)"#).ok());
/// `user:password@` in a URL.
static USER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?-u)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/?#:@"'<>]*:([^\s/?#@"'<>]+)@"#).ok()
});
/// An XML element with text in it.
static ELEMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)<(?:[\w.-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]*)?>([^<]+)</").ok());

/// What is to be covered in text of any kind.
pub(super) fn anywhere(rules: &Compiled, text: &[u8]) -> Vec<Span> {
    let mut spans = matches(JWT.as_ref(), text, |_| Some(Where::Token));
    for pattern in &rules.patterns {
        spans.extend(matches(Some(pattern), text, |_| Some(Where::Pattern)));
    }
    spans.extend(named(PARAMETER.as_ref(), text, rules, |name| Where::Field {
        name,
    }));
    spans.extend(matches(USER.as_ref(), text, |_| Some(Where::UserInfo)));
    spans
}

/// Members of JSON, wherever there is JSON in the text.
pub(super) fn members(rules: &Compiled, text: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut name = None;
    // Inside a secret object or list: how deep, and whose.
    let mut inside: Option<(usize, String)> = None;
    for token in Tokens::of(text) {
        let secret = name
            .take()
            .or_else(|| inside.as_ref().map(|(_, name)| name.clone()));
        match (token.kind, &mut inside) {
            (TokenKind::Open, Some((depth, _))) => *depth += 1,
            (TokenKind::Open, None) => inside = secret.map(|name| (1, name)),
            (TokenKind::Close, Some((depth, _))) => {
                *depth -= 1;
                if *depth == 0 {
                    inside = None;
                }
            }
            (TokenKind::Key, _) => {
                let said = unquoted(text, &token.range);
                name = is_field(rules, &said).then(|| said.into_owned());
            }
            (TokenKind::String | TokenKind::Number, _) => match secret {
                Some(name) => spans.push(quoted(token.range, Where::Field { name })),
                None => spans.extend(packed(rules, text, token)),
            },
            _ => {}
        }
    }
    spans
}

/// A string that holds JSON itself is covered as a whole if there is a secret in it.
fn packed(rules: &Compiled, text: &[u8], token: Token) -> Option<Span> {
    let raw = text.get(token.range.clone())?;
    memmem::find(raw, b"\\\"")?;
    let said = unquoted(text, &token.range);
    let mut is_next = false;
    let found = Tokens::of(said.as_bytes()).find_map(|inner| {
        let is_value = matches!(
            inner.kind,
            TokenKind::String | TokenKind::Number | TokenKind::Open
        );
        if std::mem::take(&mut is_next) && is_value {
            return Some(());
        }
        is_next = inner.kind == TokenKind::Key && is_field(rules, &unquoted(said.as_bytes(), &inner.range));
        None
    });
    found.map(|()| quoted(token.range, Where::Token))
}

/// Pairs of a form, which is all of `text`.
pub(super) fn form(rules: &Compiled, text: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    for pair in text.split(|byte| *byte == b'&') {
        if let Some(at) = memchr::memchr(b'=', pair) {
            let name = percent_decode(&pair[..at]).decode_utf8_lossy().into_owned();
            if is_field(rules, &name) && at + 1 < pair.len() {
                spans.push(plain(start + at + 1..start + pair.len(), Where::Field { name }));
            }
        }
        start += pair.len() + 1;
    }
    spans
}

/// Elements of XML.
pub(super) fn elements(rules: &Compiled, text: &[u8]) -> Vec<Span> {
    named(ELEMENT.as_ref(), text, rules, |name| Where::Field { name })
}

/// Parts of a form that was sent in parts.
pub(super) fn parts(rules: &Compiled, text: &[u8], boundary: &[u8]) -> Vec<Span> {
    let line = [b"--", boundary].concat();
    let starts: Vec<usize> = memmem::find_iter(text, &line).collect();
    let mut spans = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let Some(part) = text.get(start + line.len()..end) else {
            continue;
        };
        let Some(head) = memmem::find(part, b"\r\n\r\n") else {
            continue;
        };
        let content = start + line.len() + head + 4;
        let name = part_name(&part[..head]);
        let value = content..end.saturating_sub(2).max(content);
        if is_field(rules, &name) && !value.is_empty() {
            spans.push(plain(value, Where::Field { name }));
        }
    }
    spans
}

fn part_name(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    let after = head.split(|letter: char| letter == ';' || letter.is_whitespace());
    let named = after.filter_map(|word| word.strip_prefix("name=")).next();
    named.unwrap_or_default().trim_matches('"').to_owned()
}

/// What a pattern found in JSON is widened to whole words where covering a part would break them.
pub(super) fn to_words(text: &[u8], found: Vec<Span>) -> Vec<Span> {
    let mut found = found;
    found.sort_by_key(|span| span.range.start);
    let tokens: Vec<Token> = Tokens::of(text).collect();
    let mut first = 0;
    let mut spans = Vec::new();
    for span in found {
        while tokens
            .get(first)
            .is_some_and(|token| token.range.end <= span.range.start)
        {
            first += 1;
        }
        let rest = tokens.get(first..).unwrap_or_default();
        let touched = rest.iter().take_while(|token| token.range.start < span.range.end);
        let (keys, values): (Vec<_>, Vec<_>) = touched
            .filter(|token| !matches!(token.kind, TokenKind::Open | TokenKind::Close))
            .partition(|token| token.kind == TokenKind::Key);
        for token in if values.is_empty() { keys } else { values } {
            spans.push(to_word(text, token, &span));
        }
    }
    spans
}

fn to_word(text: &[u8], token: &Token, span: &Span) -> Span {
    let raw = text.get(token.range.clone()).unwrap_or_default();
    let is_string = raw.first() == Some(&b'"');
    let is_within = span.range.start > token.range.start && span.range.end < token.range.end;
    if is_string && is_within && !raw.contains(&b'\\') {
        span.clone()
    } else {
        quoted(token.range.clone(), span.place.clone())
    }
}

fn is_field(rules: &Compiled, name: &str) -> bool {
    is_secret(name) || rules.fields.iter().any(|field| field.eq_ignore_ascii_case(name))
}

fn matches(pattern: Option<&Regex>, text: &[u8], place: impl Fn(&[u8]) -> Option<Where>) -> Vec<Span> {
    let Some(pattern) = pattern else {
        return Vec::new();
    };
    let found = pattern.captures_iter(text).filter_map(|groups| {
        let part = groups.get(1).or_else(|| groups.get(0))?;
        let place = place(part.as_bytes())?;
        (!part.is_empty()).then(|| plain(part.range(), place))
    });
    found.collect()
}

fn named(pattern: Option<&Regex>, text: &[u8], rules: &Compiled, place: fn(String) -> Where) -> Vec<Span> {
    let Some(pattern) = pattern else {
        return Vec::new();
    };
    let found = pattern.captures_iter(text).filter_map(|groups| {
        let name = percent_decode(groups.get(1)?.as_bytes())
            .decode_utf8_lossy()
            .into_owned();
        let value = groups.get(2)?;
        is_field(rules, &name).then(|| plain(value.range(), place(name)))
    });
    found.collect()
}

fn plain(range: Range<usize>, place: Where) -> Span {
    Span {
        range,
        is_quoted: false,
        place,
    }
}

fn quoted(range: Range<usize>, place: Where) -> Span {
    Span {
        range,
        is_quoted: true,
        place,
    }
}

/// How the covered text came from the original: for each cover, where it began, how long it was and became.
#[derive(Debug, Default)]
pub(super) struct Covered {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Vec<Where>,
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Covered {
    /// Covers `spans` of `text`. With `same_length` nothing moves, which bytes that count themselves need.
    pub(super) fn of(text: &[u8], mut spans: Vec<Span>, same_length: bool) -> Self {
        spans.sort_by_key(|span| (span.range.start, std::cmp::Reverse(span.range.end)));
        let mut covered = Self::default();
        let mut at = 0;
        for span in spans {
            let end = span.range.end.min(text.len());
            if end <= at {
                continue;
            }
            let start = span.range.start.max(at);
            covered
                .bytes
                .extend_from_slice(text.get(at..start).unwrap_or_default());
            let begun = covered.bytes.len();
            if same_length {
                covered.bytes.resize(begun + end - start, b'*');
            } else if span.range.start >= at {
                let quote = if span.is_quoted { "\"" } else { "" };
                covered.bytes.extend_from_slice(quote.as_bytes());
                covered.bytes.extend_from_slice(MARK.as_bytes());
                covered.bytes.extend_from_slice(quote.as_bytes());
            }
            covered.moved.push((start..end, begun..covered.bytes.len()));
            covered.places.push(span.place);
            at = end;
        }
        covered
            .bytes
            .extend_from_slice(text.get(at..).unwrap_or_default());
        covered
    }

    /// Where what stood at `offset` stands now.
    pub(super) fn offset(&self, offset: u64) -> u64 {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let before = self.moved.partition_point(|(from, _)| from.start <= offset);
        let Some((from, to)) = before.checked_sub(1).and_then(|index| self.moved.get(index)) else {
            return offset as u64;
        };
        if offset < from.end {
            return to.start as u64;
        }
        (to.end + (offset - from.end)) as u64
    }
}
