//! SPDY's header blocks: zlib with a dictionary, one stream for the life of a connection.

use std::collections::HashMap;

use flate2::{Decompress, FlushDecompress, Status};

/// Each stands in the dictionary behind its length.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language \
     accept-ranges age allow authorization cache-control connection content-base content-encoding content-language \
     content-length content-location content-md5 content-range content-type date etag expect expires from host if-match \
     if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
     proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade \
     user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie \
     keep-alive origin";
/// And the rest, as it is.
const TAIL: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 \
     Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 \
     Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept \
     Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,\
     application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch\
     charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/// A block as long as this is nobody's headers.
const LONGEST: usize = 64 * 1024;
/// Method and flags, and the checksum of the dictionary.
const PREFIX: usize = 6;

/// An answer without headers, as the first block of a zlib stream. What it stands for is stored, not packed;
/// the empty block behind it makes readers hand out what they have.
pub(super) const FIRST_EMPTY: &[u8] = &[0x78, 0x01, 0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
/// The same, further on in the stream.
pub(super) const EMPTY: &[u8] = &[0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// A header block that cannot be read: the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

fn dictionary() -> Vec<u8> {
    let mut all = Vec::with_capacity(1423);
    for word in WORDS.split(' ') {
        let word = word.replace('_', " ");
        all.extend(u32::try_from(word.len()).unwrap_or_default().to_be_bytes());
        all.extend(word.as_bytes());
    }
    all.extend(TAIL.as_bytes());
    all
}

/// Reads the header blocks of one connection.
pub(super) struct Headers {
    inflate: Decompress,
    has_begun: bool,
}

impl Headers {
    pub(super) fn new() -> Self {
        Self {
            inflate: Decompress::new(false),
            has_begun: false,
        }
    }

    pub(super) fn read(&mut self, block: &[u8]) -> Result<HashMap<String, String>, Broken> {
        let mut packed = block;
        if !self.has_begun {
            self.has_begun = true;
            packed = packed.get(PREFIX..).ok_or(Broken)?;
            self.learn_dictionary()?;
        }
        let plain = self.unpack(packed)?;
        parse(&plain)
    }

    /// A dictionary is what stands before the first byte: so it is unpacked first, as a stored block.
    fn learn_dictionary(&mut self) -> Result<(), Broken> {
        let dictionary = dictionary();
        let length = u16::try_from(dictionary.len()).map_err(|_| Broken)?;
        let mut stored = vec![0];
        stored.extend(length.to_le_bytes());
        stored.extend((!length).to_le_bytes());
        stored.extend(&dictionary);
        let learnt = self.unpack(&stored)?;
        if learnt == dictionary { Ok(()) } else { Err(Broken) }
    }

    fn unpack(&mut self, mut packed: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut plain = Vec::with_capacity(4096);
        loop {
            let before = (self.inflate.total_in(), plain.len());
            let status = self
                .inflate
                .decompress_vec(packed, &mut plain, FlushDecompress::Sync)
                .map_err(|_| Broken)?;
            let read = usize::try_from(self.inflate.total_in() - before.0).map_err(|_| Broken)?;
            packed = &packed[read..];
            let is_full = plain.len() == plain.capacity();
            if plain.len() > LONGEST || status == Status::StreamEnd {
                return Err(Broken);
            }
            if packed.is_empty() && !is_full {
                return Ok(plain);
            }
            if read == 0 && plain.len() == before.1 && !is_full {
                return Err(Broken);
            }
            if is_full {
                plain.reserve(4096);
            }
        }
    }
}

fn parse(mut plain: &[u8]) -> Result<HashMap<String, String>, Broken> {
    let mut headers = HashMap::new();
    let count = number(&mut plain)?;
    for _ in 0..count {
        let name = text(&mut plain)?;
        headers.insert(name.to_lowercase(), text(&mut plain)?);
    }
    Ok(headers)
}

fn number(plain: &mut &[u8]) -> Result<usize, Broken> {
    let (first, rest) = plain.split_first_chunk::<4>().ok_or(Broken)?;
    *plain = rest;
    usize::try_from(u32::from_be_bytes(*first)).map_err(|_| Broken)
}

fn text(plain: &mut &[u8]) -> Result<String, Broken> {
    let length = number(plain)?;
    let (text, rest) = plain.split_at_checked(length).ok_or(Broken)?;
    *plain = rest;
    String::from_utf8(text.to_vec()).map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored, so that a test can write it by hand.
    fn stored(plain: &[u8]) -> Vec<u8> {
        let length = u16::try_from(plain.len()).unwrap();
        [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), plain].concat()
    }

    fn block(headers: &[(&str, &str)]) -> Vec<u8> {
        let long = |text: &str| {
            [
                &u32::try_from(text.len()).unwrap().to_be_bytes()[..],
                text.as_bytes(),
            ]
            .concat()
        };
        let count = u32::try_from(headers.len()).unwrap().to_be_bytes().to_vec();
        let pairs = headers
            .iter()
            .flat_map(|(name, value)| [long(name), long(value)].concat());
        count.into_iter().chain(pairs).collect()
    }

    #[test]
    fn the_dictionary_is_the_one_that_everybody_has() {
        let dictionary = dictionary();
        assert_eq!(dictionary.len(), 1423);
        // Adler-32, which every first block names.
        let (low, high) = dictionary.iter().fold((1_u32, 0_u32), |(low, high), byte| {
            let low = (low + u32::from(*byte)) % 65_521;
            (low, (high + low) % 65_521)
        });
        assert_eq!(high << 16 | low, 0xe3c6_a7c2);
    }

    #[test]
    fn blocks_are_read_one_after_another() {
        let mut headers = Headers::new();
        let first = [
            &[0x78, 0xbb, 0, 0, 0, 0][..],
            &stored(&block(&[("StreamType", "data"), ("port", "80")])),
        ]
        .concat();
        let read = headers.read(&first).unwrap();
        assert_eq!(
            (read["streamtype"].as_str(), read["port"].as_str()),
            ("data", "80")
        );
        assert_eq!(headers.read(&stored(&block(&[("a", "b")]))).unwrap()["a"], "b");
    }

    #[test]
    fn what_is_no_block_is_broken() {
        assert_eq!(Headers::new().read(&[]), Err(Broken));
        assert_eq!(Headers::new().read(&[0; 40]), Err(Broken));
        let short = [&[0x78, 0xbb, 0, 0, 0, 0][..], &stored(&[0, 0, 0, 9])].concat();
        assert_eq!(Headers::new().read(&short), Err(Broken));
    }
}
