//! How much work a decoding may be: counted in bytes and items, never in time.

/// Bounds of one decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may come out of all codings together.
    pub unpacked: usize,
    /// Bytes that may come out of a coding whatever went in.
    pub freely: usize,
    /// How many times its input a coding's output may be, above `freely`.
    pub ratio: usize,
    /// Bytes of text that may be shown.
    pub shown: usize,
    /// Fields, parts, messages, events and lines that may be shown.
    pub items: usize,
    /// How deep JSON and protobuf may nest.
    pub depth: usize,
    /// How often a part may hold parts again.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 16 << 20,
            freely: 1 << 20,
            // The best that honest text reaches is below this; deflate's own limit, which bombs use, is 1032.
            ratio: 250,
            shown: 4 << 20,
            items: 10_000,
            depth: 256,
            nesting: 4,
        }
    }
}

/// The last byte up to `at` at which a character begins, or the end of `text`.
pub(super) fn character_start(text: &str, at: usize) -> usize {
    let mut start = at.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    start
}

/// What is left of [`Limits`].
pub(super) struct Budget {
    pub(super) limits: Limits,
    unpacked: usize,
    shown: usize,
    items: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            unpacked: limits.unpacked,
            shown: limits.shown,
            items: limits.items,
        }
    }

    /// How much may come out of a coding into which `size` bytes go.
    pub(super) fn unpackable(&self, size: usize) -> usize {
        let proportionate = size.saturating_mul(self.limits.ratio);
        self.unpacked.min(self.limits.freely.max(proportionate))
    }

    pub(super) fn unpacked(&mut self, size: usize) {
        self.unpacked = self.unpacked.saturating_sub(size);
    }

    /// Whether one item more may be shown.
    pub(super) fn item(&mut self) -> bool {
        let is_left = self.items > 0;
        self.items = self.items.saturating_sub(1);
        is_left
    }

    /// How many bytes of text are left.
    pub(super) fn room(&self) -> usize {
        self.shown
    }

    pub(super) fn showed(&mut self, size: usize) {
        self.shown = self.shown.saturating_sub(size);
    }

    /// As much of `text` as may still be shown, and whether that is all.
    pub(super) fn show(&mut self, text: &str) -> (String, bool) {
        let end = character_start(text, self.shown);
        self.showed(end);
        (text[..end].to_owned(), end == text.len())
    }

    /// The same where a missing end speaks for itself.
    pub(super) fn shorten(&mut self, text: &str) -> String {
        self.show(text).0
    }
}
