//! A chunked body, followed to its last byte.

/// More is neither a size nor a trailer that anybody sends.
const MAX_LINE: usize = 64 * 1024;

/// Not a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Clone, Copy, Debug, Default)]
enum Step {
    /// In the digits of the next chunk's size.
    #[default]
    Size,
    /// After the digits: extensions up to the line's end.
    Extension,
    Data,
    /// The line end after a chunk.
    DataEnd,
    /// In the trailers; an empty line ends them.
    Trailer,
}

/// Where in a chunked body we are.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    step: Step,
    left: u64,
    digits: usize,
    line: usize,
    data: u64,
}

impl Chunked {
    /// How many bytes of data have passed.
    pub(super) fn data(&self) -> u64 {
        self.data
    }

    /// Watches the next bytes; what follows the body's end, once it is there.
    pub(super) fn follow<'a>(&mut self, mut bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if let Step::Data = self.step {
                let taken = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= taken as u64;
                self.data += taken as u64;
                if self.left == 0 {
                    self.step = Step::DataEnd;
                }
                bytes = &bytes[taken..];
                continue;
            }
            bytes = rest;
            if self.take(byte)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// One byte outside of data; whether it was the body's last.
    fn take(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(Malformed);
        }
        match (self.step, byte) {
            (Step::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (Step::Size, b'\r' | b';' | b' ' | b'\t') if self.digits > 0 => self.step = Step::Extension,
            (Step::Size | Step::Extension, b'\n') if self.digits > 0 => self.size_ends(),
            (Step::Extension, _) => {}
            (Step::DataEnd, b'\r') if self.line == 1 => {}
            (Step::DataEnd, b'\n') => self.begin(Step::Size),
            (Step::Trailer, b'\n') if self.digits == 0 => return Ok(true),
            (Step::Trailer, b'\n') => self.begin(Step::Trailer),
            (Step::Trailer, b'\r') => {}
            // In trailers the count is of the line's own bytes.
            (Step::Trailer, _) => self.digits += 1,
            _ => return Err(Malformed),
        }
        Ok(false)
    }

    fn digit(&mut self, byte: u8) -> Result<(), Malformed> {
        let value = char::from(byte).to_digit(16).ok_or(Malformed)?;
        self.digits += 1;
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|left| left.checked_add(value.into()))
            .ok_or(Malformed)?;
        Ok(())
    }

    fn size_ends(&mut self) {
        let is_last = self.left == 0;
        self.begin(if is_last { Step::Trailer } else { Step::Data });
    }

    fn begin(&mut self, step: Step) {
        (self.step, self.digits, self.line) = (step, 0, 0);
    }
}
