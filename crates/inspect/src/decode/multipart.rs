//! Multipart bodies (RFC 2046, RFC 7578): their parts, each decoded again.

use std::ops::Range;

use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::content::{Content, Found, Piece};
use super::media::Media;
use super::problem::{Problem, ProblemKind};
use super::{Decoded, Reader};
use crate::exchange::Header;

/// Headers a part may have.
const MAX_HEADERS: usize = 32;

/// Longer than the standard allows, but not for ever.
const MAX_BOUNDARY: usize = 256;

/// One part.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "BodyPart"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// In their order.
    pub headers: Vec<Header>,
    /// The form's field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Where its bytes begin in what it is a part of.
    pub offset: u64,
    /// What it holds.
    pub content: Decoded,
}

pub(super) fn read(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    let boundary = media
        .parameter("boundary")
        .filter(|boundary| !boundary.is_empty());
    let Some(boundary) = boundary.filter(|boundary| boundary.len() <= MAX_BOUNDARY) else {
        let text = "the content type gives no usable boundary, so parts cannot be told apart";
        let problem = Problem::new(ProblemKind::Malformed, text);
        let (content, problems) = super::content::read(piece, &Media::default(), reader);
        return (content, std::iter::once(problem).chain(problems).collect());
    };
    let (ranges, mut problems) = split(piece, boundary);
    let mut parts = Vec::new();
    for (range, is_cut) in ranges {
        if !reader.budget.item() {
            problems.push(Problem::too_many("parts"));
            break;
        }
        parts.push(part(piece, range, is_cut, reader, &mut problems));
    }
    (Content::Multipart { parts }, problems)
}

/// Where parts stand, heads included, and whether their ends are missing.
fn split(piece: &Piece<'_>, boundary: &str) -> (Vec<(Range<usize>, bool)>, Vec<Problem>) {
    let delimiter = format!("--{boundary}");
    let bytes = piece.bytes;
    let mut parts = Vec::new();
    let mut open = None;
    let mut found = memmem::find_iter(bytes, delimiter.as_bytes())
        .filter(|at| *at == 0 || bytes[at - 1] == b'\n')
        .filter_map(|at| line_after(bytes, at + delimiter.len()).map(|after| (at, after)));
    for (at, (next, is_last)) in found.by_ref() {
        if let Some(start) = open.take() {
            parts.push((start..end_before(bytes, start, at), false));
        }
        if is_last {
            return (parts, Vec::new());
        }
        open = Some(next);
    }
    let nothing = open.is_none();
    parts.extend(open.map(|start| (start..bytes.len(), true)));
    let text = match nothing {
        true => "the boundary of the content type does not occur",
        false => "the closing boundary is missing",
    };
    (parts, vec![Problem::cut(text, bytes.len())])
}

/// What follows a delimiter: the next line, and whether it was the last delimiter. None where it is a longer word.
fn line_after(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let rest = &bytes[at..];
    if rest.starts_with(b"--") {
        return Some((bytes.len(), true));
    }
    let blank = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .count();
    match rest.get(blank) {
        Some(b'\n') => Some((at + blank + 1, false)),
        None => Some((bytes.len(), false)),
        Some(_) => None,
    }
}

/// The line break before a delimiter belongs to it.
fn end_before(bytes: &[u8], start: usize, delimiter: usize) -> usize {
    let mut end = delimiter;
    for ending in [b'\n', b'\r'] {
        if end > start && bytes[end - 1] == ending {
            end -= 1;
        }
    }
    end
}

fn part(
    piece: &Piece<'_>,
    range: Range<usize>,
    is_cut: bool,
    reader: &mut Reader<'_>,
    problems: &mut Vec<Problem>,
) -> Part {
    let bytes = &piece.bytes[range.clone()];
    let (headers, length) = head(bytes).unwrap_or_else(|why| {
        let text = format!("the head of a part cannot be read ({why}): all of it is shown as its content");
        problems.push(Problem::malformed(text, range.start));
        (Vec::new(), 0)
    });
    for header in &headers {
        reader
            .budget
            .showed(header.name.as_bytes().len() + header.value.as_bytes().len());
    }
    let value = |name: &str| {
        let mut found = headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name));
        found.next().map(|header| header.value.shown())
    };
    let disposition = Media::parse(&value("content-disposition").unwrap_or_default());
    let media = Media::parse(&value("content-type").unwrap_or_default());
    let inside = piece.part(&bytes[length..], is_cut);
    Part {
        name: disposition
            .parameter("name")
            .map(|name| reader.budget.shorten(name)),
        filename: filename(&disposition).map(|name| reader.budget.shorten(&name)),
        offset: (range.start + length) as u64,
        content: reader.inner(&inside, &media),
        headers,
    }
}

fn head(bytes: &[u8]) -> Result<(Vec<Header>, usize), httparse::Error> {
    let mut space = [httparse::EMPTY_HEADER; MAX_HEADERS];
    match httparse::parse_headers(bytes, &mut space)? {
        httparse::Status::Partial => Ok((Vec::new(), 0)),
        httparse::Status::Complete((length, headers)) => {
            let headers = headers.iter().map(|header| Header {
                name: header.name.into(),
                value: header.value.into(),
            });
            Ok((headers.collect(), length))
        }
    }
}

/// `filename*=UTF-8''na%C3%AFve` goes before `filename=`.
fn filename(disposition: &Media) -> Option<String> {
    let extended = disposition.parameter("filename*").and_then(|value| {
        let (charset, rest) = value.split_once('\'')?;
        let (_, encoded) = rest.split_once('\'')?;
        let encoding = encoding_rs::Encoding::for_label(charset.as_bytes())?;
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
        Some(encoding.decode_without_bom_handling(&bytes).0.into_owned())
    });
    extended.or_else(|| disposition.parameter("filename").map(str::to_owned))
}
