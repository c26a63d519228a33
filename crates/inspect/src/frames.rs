//! WebSocket messages written as frames anew: each whole, unmasked and not compressed, which is read the same.

use crate::exchange::{Arrival, Body};

/// Adds a message to what a side said, that many microseconds after the exchange began; no more than `limit` bytes are kept.
pub(crate) fn add(body: &mut Body, opcode: u8, message: &[u8], at: u64, limit: usize) {
    body.arrivals.push(Arrival {
        offset: body.size,
        at,
    });
    let mut frame = vec![0x80 | (opcode & 0x0f)];
    match message.len() {
        short @ 0..126 => frame.push(short as u8),
        middle @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(message);
    body.size += frame.len() as u64;
    let room = limit.saturating_sub(body.bytes.len());
    frame.truncate(room);
    body.bytes.append(&mut frame);
}
