//! HAR 1.2: what browsers and proxies exchange recorded requests in.
//!
//! Written one exchange at a time and read one at a time: a file never stands in memory as a whole. What HAR has no place for
//! (a protocol's odd targets, trailers, exact times, bodies still encoded) goes into members that begin with `_`, as HAR
//! wants it; other programs pass over them.
//!
//! Deliberately absent: redaction, which is done before ([`crate::redact`]), and pages.

mod convert;
mod entry;
mod read;
mod write;

use crate::exchange::{Header, Message};
use crate::text::Text;

pub use read::{HarError, Imported, LeftOut, Limits, import};
pub use write::{Writer, export};

/// A body is still in its content encoding, which browsers undo and we do only if somebody can.
pub(crate) fn is_encoded(message: &Message) -> bool {
    message.headers.iter().any(|header| {
        let is_encoding = header.name.eq_ignore_ascii_case("content-encoding");
        is_encoding && !header.value.eq_ignore_ascii_case("identity")
    })
}

pub(crate) fn header(name: Text, value: Text) -> Header {
    Header { name, value }
}

#[cfg(test)]
mod tests;
