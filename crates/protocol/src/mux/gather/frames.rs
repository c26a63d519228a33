//! Tells frames of yamux apart as they are written: which of them may wait.

const HEAD: usize = 12;
const DATA: u8 = 0;
const FIN: u16 = 4;

/// Follows written bytes frame by frame.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Whether anything but ends of streams was written. Whoever sends it sets it back.
    pub(super) is_urgent: bool,
    head: [u8; HEAD],
    head_length: usize,
    body_left: usize,
}

impl Frames {
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.body_left > 0 {
                let taken = self.body_left.min(bytes.len());
                self.body_left -= taken;
                self.is_urgent = true;
                bytes = &bytes[taken..];
                continue;
            }
            let taken = (HEAD - self.head_length).min(bytes.len());
            self.head[self.head_length..self.head_length + taken].copy_from_slice(&bytes[..taken]);
            self.head_length += taken;
            bytes = &bytes[taken..];
            if self.head_length == HEAD {
                self.begin_body();
            }
        }
    }

    /// A head is version, type, flags (2), stream (4), length (4); only data has a body.
    fn begin_body(&mut self) {
        let [_, kind, flag_high, flag_low, _, _, _, _, length @ ..] = self.head;
        let flags = u16::from_be_bytes([flag_high, flag_low]);
        let length = u32::from_be_bytes(length) as usize;
        self.head_length = 0;
        if kind == DATA {
            self.body_left = length;
        }
        self.is_urgent |= !(kind == DATA && flags == FIN && length == 0);
    }
}
