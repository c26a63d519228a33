//! The wire format of protobuf.

/// Why bytes are no field, and where.
pub(super) type Wrong = (usize, &'static str);

/// A value as it stands there.
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    GroupStart,
    GroupEnd,
}

pub(super) struct Wire<'a> {
    bytes: &'a [u8],
    at: usize,
}

const MAX_NUMBER: u64 = (1 << 29) - 1;

impl<'a> Wire<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the next thing begins, if anything is left.
    pub(super) fn start(&self) -> Option<usize> {
        (self.at < self.bytes.len()).then_some(self.at)
    }

    /// Whether fields follow each other to the last byte, without a look into them: cheap, so that wrong guesses are.
    pub(super) fn is_message(bytes: &'a [u8]) -> bool {
        let mut wire = Self::new(bytes);
        while wire.start().is_some() {
            if wire.field().is_err() {
                return false;
            }
        }
        !bytes.is_empty()
    }

    /// Takes the end of this group, if it stands here.
    pub(super) fn ends_group(&mut self, number: u32) -> bool {
        let before = self.at;
        let ends = matches!(self.field(), Ok((ended, Raw::GroupEnd)) if ended == number);
        if !ends {
            self.at = before;
        }
        ends
    }

    pub(super) fn varint(&mut self) -> Result<u64, Wrong> {
        let start = self.at;
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self
                .bytes
                .get(self.at)
                .ok_or((start, "a number ends too early"))?;
            self.at += 1;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err((start, "a number has more than 64 bits"))
    }

    pub(super) fn field(&mut self) -> Result<(u32, Raw<'a>), Wrong> {
        let start = self.at;
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_NUMBER {
            return Err((start, "no field has this number"));
        }
        let raw = match tag & 7 {
            0 => Raw::Varint(self.varint()?),
            1 => Raw::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => {
                let length = self.varint()?;
                let length =
                    usize::try_from(length).map_err(|_| (start, "a length has more than 32 bits"))?;
                Raw::Bytes(self.take(length)?)
            }
            3 => Raw::GroupStart,
            4 => Raw::GroupEnd,
            5 => Raw::Fixed32(u32::from_le_bytes(self.fixed()?)),
            _ => return Err((start, "no field has this wire type")),
        };
        Ok((u32::try_from(number).unwrap_or(0), raw))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let start = self.at;
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| (start, "a value ends too early"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Wrong> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..length).ok_or((self.at, "a value ends too early"))?;
        self.at += length;
        Ok(taken)
    }
}
