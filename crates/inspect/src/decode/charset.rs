//! From bytes to text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::media::Media;
use super::problem::{Position, Problem, ProblemKind};

/// Declarations inside of a document stand within its beginning.
const DECLARED_WITHIN: usize = 1024;

/// Text, and how it was written.
pub(super) struct Read<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) charset: &'static str,
    pub(super) problem: Option<Problem>,
}

/// Reads text: as its byte order mark says, its media type, the document itself; UTF-8 otherwise.
pub(super) fn read<'a>(bytes: &'a [u8], media: &Media, is_cut: bool) -> Read<'a> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return decoded(&bytes[mark..], encoding, is_cut);
    }
    let named = media.parameter("charset");
    let known = named.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = known
        .or_else(|| declared(bytes))
        .unwrap_or_else(|| guess(bytes, is_cut));
    let mut read = decoded(bytes, encoding, is_cut);
    if let (Some(label), None) = (named, known) {
        let label: String = label.chars().take(64).collect();
        let text = format!("the charset `{label}` is not known: read as {}", encoding.name());
        read.problem = Some(Problem::new(ProblemKind::Unsupported, text));
    }
    read
}

/// What says nothing of itself is UTF-8, or else what browsers take it for.
fn guess(bytes: &[u8], is_cut: bool) -> &'static Encoding {
    match std::str::from_utf8(whole_characters(bytes, is_cut)) {
        Ok(_) => UTF_8,
        Err(_) => WINDOWS_1252,
    }
}

fn decoded<'a>(bytes: &'a [u8], encoding: &'static Encoding, is_cut: bool) -> Read<'a> {
    let charset = encoding.name();
    if encoding != UTF_8 {
        let (text, had_errors) = encoding.decode_without_bom_handling(bytes);
        let problem = had_errors.then(|| {
            let text = format!("some bytes are not {charset}: a replacement character stands for them");
            Problem::new(ProblemKind::Malformed, text)
        });
        return Read {
            text,
            charset,
            problem,
        };
    }
    let bytes = whole_characters(bytes, is_cut);
    let problem = std::str::from_utf8(bytes).err().map(|error| {
        let at = error.valid_up_to();
        let before = String::from_utf8_lossy(&bytes[..at]);
        let text =
            "some bytes are not UTF-8, the first of them here: a replacement character stands for them";
        Problem::new(ProblemKind::Malformed, text).at(Position::within(&before, at))
    });
    Read {
        text: String::from_utf8_lossy(bytes),
        charset,
        problem,
    }
}

/// Whether bytes of which nothing is known are text: UTF-8 without control characters, or marked as text.
pub(super) fn is_text(bytes: &[u8], is_cut: bool) -> bool {
    let is_control = |byte: &u8| matches!(byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    Encoding::for_bom(bytes).is_some()
        || (!bytes.iter().any(is_control) && std::str::from_utf8(whole_characters(bytes, is_cut)).is_ok())
}

/// Without the beginning of a character that a cut went through.
fn whole_characters(bytes: &[u8], is_cut: bool) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if is_cut && error.error_len().is_none() => &bytes[..error.valid_up_to()],
        _ => bytes,
    }
}

/// `<meta charset=x>`, `<?xml encoding="x"?>`, `@charset "x"`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let beginning = &bytes[..bytes.len().min(DECLARED_WITHIN)];
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let start = text.trim_start();
    let label = if start.starts_with("<?xml") {
        after(start.split("?>").next()?, "encoding=")
    } else if let Some(css) = start.strip_prefix("@charset \"") {
        Some(css)
    } else if start.starts_with('<') {
        let mut tags = start.split("<meta").skip(1);
        tags.find_map(|tag| after(tag.split('>').next()?, "charset="))
    } else {
        None
    }?;
    let label = label.trim_start_matches(['"', '\'', ' ']);
    let end = label.find(['"', '\'', ' ', ';', '/', '?']).unwrap_or(label.len());
    Encoding::for_label(&label.as_bytes()[..end])
}

fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split_once(name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], media: &str) -> (String, &'static str, bool) {
        let read = read(bytes, &Media::parse(media), false);
        (read.text.into_owned(), read.charset, read.problem.is_some())
    }

    #[test]
    fn a_charset_is_taken_from_mark_then_header_then_document() {
        let facts: [(&[u8], &str, &str, &str); 7] = [
            (
                b"\xff\xfea\0\xe9\0",
                "text/plain; charset=utf-8",
                "a\u{e9}",
                "UTF-16LE",
            ),
            (
                b"caf\xe9",
                "text/plain; charset=iso-8859-1",
                "caf\u{e9}",
                "windows-1252",
            ),
            (
                b"\x82\xa0",
                "text/plain; charset=Shift_JIS",
                "\u{3042}",
                "Shift_JIS",
            ),
            (
                b"<html><META http-equiv=x content='text/html; charset=koi8-r'>\xc1",
                "text/html",
                "<html><META http-equiv=x content='text/html; charset=koi8-r'>\u{430}",
                "KOI8-R",
            ),
            (
                b"<?xml version='1.0' encoding='iso-8859-2'?>\xb1",
                "text/xml",
                "<?xml version='1.0' encoding='iso-8859-2'?>\u{105}",
                "ISO-8859-2",
            ),
            (b"caf\xc3\xa9", "", "caf\u{e9}", "UTF-8"),
            (b"caf\xe9", "", "caf\u{e9}", "windows-1252"),
        ];
        for (bytes, media, expected, charset) in facts {
            assert_eq!(text(bytes, media), (expected.to_owned(), charset, false));
        }
    }

    #[test]
    fn a_bad_byte_is_replaced_and_its_position_said() {
        let read = read(b"a\nb\xffc", &Media::parse("text/plain; charset=utf-8"), false);
        assert_eq!(read.text, "a\nb\u{fffd}c");
        let at = read.problem.unwrap().at.unwrap();
        assert_eq!((at.byte, at.line, at.column), (3, Some(2), Some(2)));
    }

    #[test]
    fn a_character_that_was_cut_is_left_out_silently() {
        let read = read(b"caf\xc3", &Media::default(), true);
        assert_eq!((&*read.text, read.charset, read.problem), ("caf", "UTF-8", None));
    }
}
