//! Frames.

/// One frame, whose end may be missing.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) is_last: bool,
    /// The first reserved bit, which compression uses.
    pub(super) is_marked: bool,
    /// The other two, which nothing uses.
    pub(super) has_reserved: bool,
    pub(super) opcode: u8,
    mask: Option<[u8; 4]>,
    /// As it passed.
    payload: &'a [u8],
    /// As its head says.
    pub(super) size: u64,
    /// What it takes with its head.
    pub(super) length: usize,
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`; none where not even its head is there.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let ([first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (size, rest) = match second & 0x7f {
            126 => {
                let (size, rest) = rest.split_first_chunk::<2>()?;
                (u64::from(u16::from_be_bytes(*size)), rest)
            }
            127 => {
                let (size, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*size), rest)
            }
            size => (u64::from(size), rest),
        };
        let (mask, rest) = match second & 0x80 {
            0 => (None, rest),
            _ => {
                let (mask, rest) = rest.split_first_chunk::<4>()?;
                (Some(*mask), rest)
            }
        };
        let there = usize::try_from(size).map_or(rest.len(), |size| size.min(rest.len()));
        Some(Self {
            is_last: first & 0x80 != 0,
            is_marked: first & 0x40 != 0,
            has_reserved: first & 0x30 != 0,
            opcode: first & 0x0f,
            mask,
            payload: &rest[..there],
            size,
            length: bytes.len() - rest.len() + there,
        })
    }

    pub(super) fn is_masked(&self) -> bool {
        self.mask.is_some()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.payload.len() as u64 == self.size
    }

    pub(super) fn is_control(&self) -> bool {
        self.opcode & 0x08 != 0
    }

    /// Puts what it carries onto `out`.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        let mask = self.mask.unwrap_or_default();
        out.extend(
            self.payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    }
}
