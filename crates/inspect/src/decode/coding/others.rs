//! br and zstd.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Problem, Step, broken, cut, full};

const CHUNK: usize = 16 << 10;

pub(super) fn brotli(bytes: &[u8], room: usize) -> Step {
    let alloc = StandardAlloc::default;
    // Strict: without the extension that lets a few bytes ask for a window of a gigabyte.
    let mut state = BrotliState::new_strict(alloc(), alloc(), alloc());
    let mut out = Vec::new();
    let mut chunk = [0; CHUNK];
    let (mut left, mut used, mut total) = (bytes.len(), 0, 0);
    let problem = loop {
        let (mut space, mut written) = (CHUNK, 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut used,
            bytes,
            &mut space,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        let fitting = written.min(room - out.len());
        out.extend_from_slice(&chunk[..fitting]);
        if fitting < written {
            break Some(full("brotli", room, used));
        }
        match result {
            BrotliResult::ResultSuccess => break None,
            BrotliResult::NeedsMoreInput => break Some(cut("brotli", used)),
            BrotliResult::ResultFailure => break Some(broken("brotli", &"not a brotli stream", used)),
            BrotliResult::NeedsMoreOutput if written == 0 => {
                break Some(broken("brotli", &"it makes no progress", used));
            }
            BrotliResult::NeedsMoreOutput => {}
        }
    };
    Step { bytes: out, problem }
}

/// What a sender may ask a receiver to remember (RFC 9659).
const ZSTD_WINDOW: u64 = 8 << 20;

/// Of a frame.
const LONGEST_HEAD: usize = 18;

pub(super) fn zstd(bytes: &[u8], room: usize) -> Step {
    let mut out = Vec::new();
    let mut rest = bytes;
    let mut problem = None;
    while !rest.is_empty() && problem.is_none() {
        let skipped = skippable(rest);
        if skipped > 0 {
            rest = rest.get(skipped..).unwrap_or_default();
            continue;
        }
        problem = frame(&mut rest, &mut out, room, bytes.len());
    }
    Step { bytes: out, problem }
}

/// How long the skippable frame is that starts here; 0 where none does.
fn skippable(bytes: &[u8]) -> usize {
    match bytes {
        [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => {
            8usize.saturating_add(u32::from_le_bytes([*a, *b, *c, *d]) as usize)
        }
        _ => 0,
    }
}

fn frame(rest: &mut &[u8], out: &mut Vec<u8>, room: usize, size: usize) -> Option<Problem> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(ZSTD_WINDOW);
    let is_short = rest.len() < LONGEST_HEAD;
    if let Err(error) = decoder.init(&mut *rest) {
        let at = size - rest.len();
        return Some(match is_short {
            true => cut("zstd", at),
            false => broken("zstd", &error, at),
        });
    }
    while !decoder.is_finished() {
        let step = decoder.decode_blocks(&mut *rest, BlockDecodingStrategy::UptoBlocks(1));
        let at = size - rest.len();
        if let Err(error) = step {
            finish(&mut decoder);
            return Some(match (collect(&mut decoder, out, room), ended_early(&error)) {
                (false, _) => full("zstd", room, at),
                (true, true) => cut("zstd", at),
                (true, false) => broken("zstd", &error, at),
            });
        }
        if !collect(&mut decoder, out, room) {
            return Some(full("zstd", room, at));
        }
    }
    (!collect(&mut decoder, out, room)).then(|| full("zstd", room, size - rest.len()))
}

/// Moves what the decoder gives to `out`; whether there was room for it.
fn collect(decoder: &mut FrameDecoder, out: &mut Vec<u8>, room: usize) -> bool {
    let given = decoder.collect().unwrap_or_default();
    let fitting = given.len().min(room - out.len());
    out.extend_from_slice(&given[..fitting]);
    fitting == given.len()
}

/// Says to the decoder that the frame ends here: before it does, it keeps back as much as later blocks could refer to,
/// which is all of a shorter body. An empty last block and any checksum do so.
fn finish(decoder: &mut FrameDecoder) {
    const LAST: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
    // It fails where the decoder is beyond repair; then there is nothing more to collect.
    let _ = decoder.decode_blocks(&LAST[..], BlockDecodingStrategy::UptoBlocks(1));
}

fn ended_early(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut kinds = causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    kinds.any(|cause| cause.kind() == std::io::ErrorKind::UnexpectedEof)
}
