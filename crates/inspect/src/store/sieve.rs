//! Which exchanges may have a text in them: an index that never misses one, and is wrong about few.
//!
//! Exchanges are taken in blocks of [`BLOCK`]. A block is a table of bits: a column for each exchange, a row for each
//! hash of three neighbouring bytes. Who looks for a text reads the few rows of its triples and keeps the columns with
//! a one in all of them. It is built in idle moments, and what is not in it yet is read.

use crate::exchange::Exchange;
use crate::filter::{Expr, Readable, lines};

/// Exchanges of one block.
pub(super) const BLOCK: u64 = 1024;
/// Bytes of one row.
const ROW: usize = BLOCK as usize / 8;
/// Rows kept together: two such pieces fill a page of the file.
pub(super) const ROWS: usize = 15;
/// One who has more different triples is a candidate for everything: its block would have nothing but ones.
const DENSE: usize = 16 << 10;
/// More triples of a text do not tell more.
const MOST_TRIPLES: usize = 12;

/// One bit for each exchange of a block.
pub(super) type Candidates = Vec<u8>;

/// The triples of one exchange.
pub(super) enum Triples {
    Some(Vec<u16>),
    /// Too many.
    All,
}

/// Gathers triples; its table is cleaned, not made anew.
pub(super) struct Gather {
    seen: Vec<u64>,
    found: Vec<u16>,
}

impl Gather {
    pub(super) fn new() -> Self {
        Self {
            seen: vec![0; (1 << 16) / 64],
            found: Vec::new(),
        }
    }

    /// Of all texts that a filter looks into.
    pub(super) fn triples(&mut self, exchange: &Exchange, bodies: &dyn Readable) -> Triples {
        let request = &exchange.request;
        self.add(&request.target.shown());
        self.add(&request.host.shown());
        let response = exchange.response.as_ref().map(|response| &response.message);
        for message in std::iter::once(&request.message).chain(response) {
            for line in lines(message) {
                self.add(&line.name.shown());
                self.add(&line.value.shown());
            }
            if !message.body.bytes.is_empty() {
                self.add(&bodies.text(message));
            }
        }
        for hash in &self.found {
            self.seen[usize::from(*hash) / 64] = 0;
        }
        let found = std::mem::take(&mut self.found);
        if found.len() > DENSE {
            Triples::All
        } else {
            Triples::Some(found)
        }
    }

    fn add(&mut self, text: &str) {
        // Two letters beyond ASCII are, but for case, letters within it.
        if text.contains(['\u{212a}', '\u{17f}']) {
            return self.add_bytes(text.replace('\u{212a}', "k").replace('\u{17f}', "s").as_bytes());
        }
        self.add_bytes(text.as_bytes());
    }

    fn add_bytes(&mut self, text: &[u8]) {
        let mut last = 0_u32;
        let mut run = 0;
        for byte in text {
            run = if byte.is_ascii() { run + 1 } else { 0 };
            last = (last << 8 | u32::from(byte.to_ascii_lowercase())) & 0x00ff_ffff;
            if run < 3 {
                continue;
            }
            let hash = hash(last);
            let (word, bit) = (usize::from(hash) / 64, 1 << (hash % 64));
            if self.seen[word] & bit == 0 {
                self.seen[word] |= bit;
                self.found.push(hash);
            }
        }
    }
}

fn hash(triple: u32) -> u16 {
    (triple.wrapping_mul(0x9e37_79b1) >> 16) as u16
}

/// What to look for. Empty if the text tells nothing: it is too short, or has letters whose case is not so simple.
pub(super) fn wanted(needle: &str) -> Vec<u16> {
    let lower = needle.to_ascii_lowercase();
    let triples = lower.as_bytes().windows(3).filter(|triple| triple.is_ascii());
    let mut hashes: Vec<u16> = triples
        .map(|triple| hash(triple.iter().fold(0, |all, byte| all << 8 | u32::from(*byte))))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(MOST_TRIPLES);
    hashes
}

/// Those that may have what is wanted, where `read` says it of one text; `None`: any of them.
pub(super) fn sifted<E>(
    wanted: &Expr<Vec<u16>>,
    read: &mut impl FnMut(&[u16]) -> Result<Option<Candidates>, E>,
) -> Result<Option<Candidates>, E> {
    let mut all: Option<Candidates> = None;
    let (parts, are_all_wanted) = match wanted {
        Expr::One(hashes) if hashes.is_empty() => return Ok(None),
        Expr::One(hashes) => return read(hashes),
        Expr::Not(_) => return Ok(None),
        Expr::All(parts) => (parts, true),
        Expr::Any(parts) => (parts, false),
    };
    for part in parts {
        all = match (all, sifted(part, read)?) {
            (None, found) => found,
            (found, None) if are_all_wanted => found,
            (_, None) => None,
            (Some(left), Some(right)) => Some(both(&left, &right, are_all_wanted)),
        };
        // Whatever the others have: this part may be in any.
        if all.is_none() && !are_all_wanted {
            return Ok(None);
        }
    }
    Ok(all)
}

fn both(left: &[u8], right: &[u8], are_all_wanted: bool) -> Candidates {
    let pairs = left.iter().zip(right);
    match are_all_wanted {
        true => pairs.map(|(left, right)| left & right).collect(),
        false => pairs.map(|(left, right)| left | right).collect(),
    }
}

/// A block's bits.
pub(super) struct Table {
    /// How many bits of a hash say which row: wide enough that few rows are half full.
    pub(super) width: u8,
    bits: Vec<u8>,
}

impl Table {
    /// Of exchanges with their places in the block.
    pub(super) fn new(exchanges: &[(usize, Triples)]) -> Self {
        let counts = exchanges.iter().filter_map(|(_, triples)| match triples {
            Triples::Some(hashes) => Some(hashes.len()),
            Triples::All => None,
        });
        let (sum, number) = counts.fold((0, 0), |(sum, number), count| (sum + count, number + 1));
        let rows = (8 * sum / std::cmp::max(number, 1))
            .clamp(1 << 10, 1 << 16)
            .next_power_of_two();
        let width = rows.trailing_zeros() as u8;
        let mut bits = vec![0; rows * ROW];
        for (place, triples) in exchanges {
            let (byte, bit) = (place / 8, 1 << (place % 8));
            match triples {
                Triples::Some(hashes) => hashes
                    .iter()
                    .for_each(|hash| bits[row(*hash, width) * ROW + byte] |= bit),
                Triples::All => (0..rows).for_each(|row| bits[row * ROW + byte] |= bit),
            }
        }
        Self { width, bits }
    }

    /// As it is kept.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.bits.chunks(ROWS * ROW)
    }
}

/// Which row is about this hash.
pub(super) fn row(hash: u16, width: u8) -> usize {
    usize::from(hash) >> (16 - u32::from(width.min(16)))
}

/// Keeps those of `candidates` that are in the row `row` of its piece as well.
pub(super) fn keep(candidates: &mut Candidates, piece: &[u8], row: usize) {
    let start = (row % ROWS) * ROW;
    let Some(bits) = piece.get(start..start + ROW) else {
        return;
    };
    if candidates.is_empty() {
        candidates.extend_from_slice(bits);
        return;
    }
    for (kept, also) in candidates.iter_mut().zip(bits) {
        *kept &= also;
    }
}
