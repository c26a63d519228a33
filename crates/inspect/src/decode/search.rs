//! The text of a message for indexes: little work, and nothing for pictures and other bytes.

use std::borrow::Cow;

use super::budget::Budget;
use super::media::Media;
use super::{Limits, charset, coding, content};
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
        1
    }
}

/// Text beyond this is not found.
const SEARCHED: usize = 256 << 10;

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
        Cow::Borrowed(bytes) => text(&bytes[..bytes.len().min(SEARCHED)], &media, is_cut),
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
    let says_text = content::language(media).is_some() || media.parameter("charset").is_some();
    if (says_text && !bytes.contains(&0)) || charset::is_text(bytes, is_cut) || is_wide(media) {
        return charset::read(bytes, media, is_cut).text;
    }
    Cow::Borrowed("")
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
