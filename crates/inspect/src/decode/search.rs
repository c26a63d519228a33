//! The text of a message for indexes: little work, and nothing for pictures and other bytes.

use std::borrow::Cow;

use super::budget::Budget;
use super::media::Media;
use super::{Limits, charset, coding, content, listed, websocket};
use crate::exchange::Message;
use crate::filter::Readable;

/// Bodies are found by what they say once decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoding;

impl Readable for Decoding {
    fn text<'a>(&self, message: &'a Message) -> Cow<'a, str> {
        searchable(message)
    }

    fn edition(&self) -> u32 {
        2
    }
}

/// Text beyond this is not found.
const SEARCHED: usize = 256 << 10;
/// Shorter strings among other bytes are chance.
const SHORTEST: usize = 3;

/// What is to be found of a body: unpacked, read as its charset says, bounded. Empty for what is no text.
///
/// UTF-8 without codings, which is most, costs one look at each byte and no copy.
pub fn searchable(message: &Message) -> Cow<'_, str> {
    let limits = Limits {
        unpacked: SEARCHED,
        freely: SEARCHED,
        ..Limits::default()
    };
    let unpacked = coding::unpack_within(message, &mut Budget::new(&limits));
    let media = Media::of(message);
    let is_cut = unpacked.is_cut || unpacked.bytes.len() > SEARCHED;
    match unpacked.bytes {
        Cow::Borrowed(bytes) => {
            let bytes = &bytes[..bytes.len().min(SEARCHED)];
            // Frames begin with what begins no text.
            if is_switched(message) && !charset::is_text(bytes, is_cut) {
                return Cow::Owned(websocket::texts(bytes));
            }
            text(bytes, &media, is_cut)
        }
        Cow::Owned(bytes) => {
            let end = bytes.len().min(SEARCHED);
            Cow::Owned(text(&bytes[..end], &media, is_cut).into_owned())
        }
    }
}

fn text<'a>(bytes: &'a [u8], media: &Media, is_cut: bool) -> Cow<'a, str> {
    let is_picture = media.essence.starts_with("image/") && !media.is("xml");
    if is_picture || media.essence.starts_with("audio/") || media.essence.starts_with("video/") {
        return Cow::Borrowed("");
    }
    if media.essence.starts_with("multipart/") {
        return parts(bytes);
    }
    if is_protobuf(media) && !charset::is_text(bytes, is_cut) {
        return Cow::Owned(strings(bytes));
    }
    let says_text = content::language(media).is_some() || media.parameter("charset").is_some();
    if (says_text && !bytes.contains(&0)) || charset::is_text(bytes, is_cut) || is_wide(media) {
        return charset::read(bytes, media, is_cut).text;
    }
    Cow::Borrowed("")
}

fn is_switched(message: &Message) -> bool {
    let upgrade = listed(message, "upgrade");
    upgrade
        .split(',')
        .any(|one| one.trim().eq_ignore_ascii_case("websocket"))
}

fn is_protobuf(media: &Media) -> bool {
    let starts = [
        "application/grpc",
        "application/x-protobuf",
        "application/protobuf",
    ];
    starts.iter().any(|start| media.essence.starts_with(start))
}

/// What stands between other bytes as text, such as the strings of protobuf, which are whole and as they are.
fn strings(bytes: &[u8]) -> String {
    let mut strings = String::new();
    for run in bytes.utf8_chunks() {
        for text in run.valid().split(char::is_control) {
            if text.len() >= SHORTEST {
                strings.push_str(text);
                strings.push('\n');
            }
        }
    }
    strings
}

/// UTF-16 has zeros.
fn is_wide(media: &Media) -> bool {
    let charset = media.parameter("charset").unwrap_or_default();
    charset
        .get(..6)
        .is_some_and(|start| start.eq_ignore_ascii_case("utf-16"))
}

/// Lines that are text: heads of parts, fields of forms, text files; not files of other kinds.
fn parts(bytes: &[u8]) -> Cow<'_, str> {
    if charset::is_text(bytes, true) {
        return String::from_utf8_lossy(bytes);
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let texts = lines.filter(|line| charset::is_text(line, false));
    Cow::Owned(texts.map(String::from_utf8_lossy).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Header};

    fn message(name: &str, value: &str, bytes: &[u8]) -> Message {
        Message {
            headers: vec![Header {
                name: name.into(),
                value: value.into(),
            }],
            body: Body::whole(bytes.to_vec()),
            ..Message::default()
        }
    }

    #[test]
    fn masked_texts_of_a_websocket_are_found_and_bytes_are_not() {
        let mask = *b"\x11\x22\x33\x44";
        let frame = |first: u8, text: &[u8]| {
            let masked = text
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask);
            let head = [first, 0x80 | text.len() as u8];
            [&head[..], &mask, &masked.collect::<Vec<_>>()].concat()
        };
        let frames = [
            frame(0x01, b"sku"),
            frame(0x89, b"ping"),
            frame(0x80, b"-42"),
            frame(0x82, b"binary"),
            frame(0xc1, b"packed"),
        ];
        let asked = message("Upgrade", "websocket", &frames.concat());
        assert_eq!(searchable(&asked), "sku-42\n");
        assert_eq!(searchable(&message("Upgrade", "websocket", b"plain")), "plain");
    }

    #[test]
    fn strings_of_protobuf_are_found() {
        let bytes = b"\0\0\0\0\x10\x0a\x06sku-42\x12\x06caf\xc3\xa9!\x18\xff\x01";
        for media in ["application/grpc+proto", "application/x-protobuf"] {
            let found = searchable(&message("Content-Type", media, bytes)).into_owned();
            assert_eq!(found, "sku-42\ncafé!\n");
        }
        assert_eq!(
            searchable(&message("Content-Type", "application/x-own", bytes)),
            ""
        );
    }
}
