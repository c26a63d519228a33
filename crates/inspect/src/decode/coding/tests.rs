use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::super::{Limits, ProblemKind};
use super::*;

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlibbed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Made with Node's `brotliCompressSync`.
const BROTLI: [u8; 32] = *b"\x1b\x6b\x02\xe0\x8d\x54\xb5\xbf\x06\x49\x63\x73\x53\x2e\x65\x3d\xc8\x21\xab\x54\x26\x6b\x23\x85\xfa\xac\x3c\x74\x90\x3e\x80\x07";

/// 64 MiB of zeros, made likewise.
const BROTLI_BOMB: &[u8] = b"\xcb\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x8f\xff\xff\x7f\xf0\x4f\x00\xc4\x61\x11\x80\xee\xfd\x1f\xff\xff\xff\xe0\x9f\x00\x88\xc3\x02\x00\xdd\xfb\x3f\xfe\xff\xff\xc1\x3f\x01\x10\x87\x05\x00\xba\xf7\x7f\xfc\xff\xff\x83\x7f\x02\x20\x0e\x0b\x00\x74\xef\xff\xf8\xff\xff\x07\xff\x04\x40\x1c\x16\x00\xe8\xde\xff\xf1\xff\xff\x0f\xfe\x09\x80\x38\x2c\x00\xd0\xbd\xff\xcb\xff\xff\x3f\xfc\x13\x00\x71\x58\x00\xa0\x7b\xff\x07";

fn sentence() -> Vec<u8> {
    b"The same line again and again. ".repeat(20)
}

fn undone<'a>(bytes: &'a [u8], list: &str) -> Unpacked<'a> {
    undo(bytes, list, false, &mut Budget::new(&Limits::default()))
}

/// Bytes that do not compress to nearly nothing.
fn noise(size: u32) -> Vec<u8> {
    let numbers = (0..size).map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31));
    numbers.map(|n| b'a' + (n >> 24) as u8 % 26).collect()
}

#[test]
fn each_coding_is_undone() {
    let plain = sentence();
    for (list, bytes) in [
        ("gzip", gzipped(&plain)),
        ("x-gzip", gzipped(&plain)),
        ("deflate", zlibbed(&plain)),
        ("deflate", deflated(&plain)),
        ("br", BROTLI.to_vec()),
        ("zstd", zstd(&plain)),
        ("identity", plain.clone()),
    ] {
        let unpacked = undone(&bytes, list);
        assert_eq!(
            (&*unpacked.bytes, &unpacked.problems),
            (&*plain, &Vec::new()),
            "{list}"
        );
    }
}

#[test]
fn several_codings_are_undone_from_the_last() {
    let bytes = zstd(&gzipped(&sentence()));
    let unpacked = undone(&bytes, "gzip, zstd");
    assert_eq!(unpacked.codings, ["zstd", "gzip"]);
    assert_eq!(*unpacked.bytes, *sentence());
}

#[test]
fn an_unknown_coding_stops_there_and_is_named() {
    let bytes = gzipped(b"x");
    let unpacked = undone(&bytes, "compress, gzip");
    assert_eq!(
        (&*unpacked.bytes, unpacked.codings),
        (&b"x"[..], vec!["gzip".to_owned()])
    );
    assert_eq!(unpacked.problems[0].kind, ProblemKind::Unsupported);
    assert!(unpacked.problems[0].text.contains("`compress`"));
}

#[test]
fn a_truncated_body_shows_what_could_be_read() {
    let plain = noise(600_000);
    for (list, bytes) in [
        ("gzip", gzipped(&plain)),
        ("deflate", zlibbed(&plain)),
        ("deflate", deflated(&plain)),
        ("zstd", zstd(&plain)),
    ] {
        let unpacked = undone(&bytes[..bytes.len() / 2], list);
        let [problem] = unpacked.problems.as_slice() else {
            panic!("{list}: {:?}", unpacked.problems);
        };
        assert_eq!(problem.kind, ProblemKind::Cut, "{list}: {problem}");
        assert!(unpacked.is_cut);
        assert!(plain.starts_with(&unpacked.bytes), "{list}");
        assert!(
            unpacked.bytes.len() > plain.len() / 4,
            "{list}: {}",
            unpacked.bytes.len()
        );
    }
    let unpacked = undone(&BROTLI[..BROTLI.len() - 4], "br");
    assert_eq!(unpacked.problems[0].kind, ProblemKind::Cut);
    assert!(sentence().starts_with(&unpacked.bytes));
}

#[test]
fn a_body_that_is_not_coded_as_it_says_is_shown_as_it_is() {
    for list in ["gzip", "zstd"] {
        let unpacked = undone(b"{\"plain\": true}, and more than a head", list);
        assert!(unpacked.bytes.starts_with(b"{\"plain\""), "{list}");
        assert_eq!(unpacked.problems.len(), 1, "{list}");
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let plain = vec![0; 64 << 20];
    for (list, bytes) in [
        ("gzip", gzipped(&plain)),
        ("deflate", zlibbed(&plain)),
        ("zstd", zstd(&plain)),
        ("br", BROTLI_BOMB.to_vec()),
        ("gzip, gzip", gzipped(&gzipped(&plain))),
    ] {
        let limits = Limits::default();
        let unpacked = undone(&bytes, list);
        let allowed = limits.unpacked.min(limits.freely.max(bytes.len() * limits.ratio));
        assert_eq!(unpacked.bytes.len(), allowed, "{list}");
        assert_eq!(unpacked.problems[0].kind, ProblemKind::Limit, "{list}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_stay_in_bounds(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        magic in prop::sample::select(vec![
            &b""[..], b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x78\x9c", b"\x50\x2a\x4d\x18",
        ]),
        list in prop_oneof![Just("gzip"), Just("deflate"), Just("br"), Just("zstd"), Just("br,gzip"), Just("?")],
        freely in 0..500usize,
    ) {
        let bytes = [magic, &bytes].concat();
        let limits = Limits { freely, ratio: 1, unpacked: 600, ..Limits::default() };
        let unpacked = undo(&bytes, list, false, &mut Budget::new(&limits));
        prop_assert!(unpacked.bytes.len() <= 600.max(bytes.len()));
    }

    #[test]
    fn a_damaged_body_never_panics(at in 0..2000usize, value: u8, end in 0..4000usize) {
        let plain = noise(3000);
        for (list, mut bytes) in [("gzip", gzipped(&plain)), ("zstd", zstd(&plain)), ("deflate", zlibbed(&plain)), ("br", BROTLI.to_vec())] {
            bytes.truncate(end);
            let length = bytes.len();
            if let Some(byte) = bytes.get_mut(at % length.max(1)) {
                *byte = value;
            }
            prop_assert!(undone(&bytes, list).bytes.len() <= 1 << 20);
        }
    }
}
