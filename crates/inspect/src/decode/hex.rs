//! Bytes for what nothing else reads.

use std::fmt::Write as _;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::content::{Content, Piece};

/// Bytes in a row.
const WIDTH: usize = 16;

/// Rows that are shown unasked.
const BEGINNING: usize = 32;

/// Sixteen bytes.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HexRow {
    /// Bytes before it.
    pub offset: u64,
    /// Two digits a byte, separated by spaces.
    pub hex: String,
    /// What of it is ASCII; dots stand for the rest.
    pub ascii: String,
}

/// The rows that hold `range`, as far as `bytes` reach.
pub fn hex(bytes: &[u8], range: Range<usize>) -> Vec<HexRow> {
    let end = range.end.min(bytes.len());
    if range.start >= end {
        return Vec::new();
    }
    let start = range.start / WIDTH * WIDTH;
    let rows = bytes[start..end].chunks(WIDTH).enumerate();
    rows.map(|(index, _)| start + index * WIDTH)
        .map(|offset| row(&bytes[offset..bytes.len().min(offset + WIDTH)], offset))
        .collect()
}

fn row(bytes: &[u8], offset: usize) -> HexRow {
    let mut hex = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        let space = if index > 0 { " " } else { "" };
        // Writing to a string does not fail.
        let _ = write!(hex, "{space}{byte:02x}");
    }
    let shown = bytes.iter().map(|byte| match byte {
        0x20..0x7f => char::from(*byte),
        _ => '.',
    });
    HexRow {
        offset: offset as u64,
        hex,
        ascii: shown.collect(),
    }
}

pub(super) fn content(piece: &Piece<'_>, budget: &mut Budget) -> Content {
    // A byte takes three places in one column and one in the other.
    let affordable = budget.room() / 4;
    let beginning = hex(piece.bytes, 0..affordable.min(BEGINNING * WIDTH));
    budget.showed(beginning.iter().map(|row| row.hex.len() + row.ascii.len()).sum());
    Content::Bytes { beginning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_end_where_the_bytes_end() {
        let bytes: Vec<u8> = (0x18..0x3b).collect();
        let rows = hex(&bytes, 17..1000);
        let offsets: Vec<_> = rows.iter().map(|row| row.offset).collect();
        assert_eq!(offsets, [16, 32]);
        assert_eq!(rows[1].hex, "38 39 3a");
        assert_eq!(rows[1].ascii, "89:");
        assert_eq!(hex(&bytes, 0..1)[0].ascii, "........ !\"#$%&'");
        for nothing in [Range { start: 20, end: 3 }, 35..99, usize::MAX..usize::MAX] {
            assert_eq!(hex(&bytes, nothing), []);
        }
    }
}
