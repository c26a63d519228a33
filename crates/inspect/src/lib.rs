//! Recorded requests and their answers: what the inspector knows.
//!
//! ```text
//! tap ── raw bytes, times ──► record ──► Exchange ──► store ◄── filter
//!                                           │
//!                                 decode, redact, diff, export
//! ```
//!
//! Deliberately absent: sockets, clusters, a clock, and everything that passes bytes on. Whatever stands here works on
//! bytes that have already passed, is bounded in time and memory, and may fail without anybody but a reader noticing.
#![warn(missing_docs)]

pub mod curl;
pub mod decode;
pub mod diff;
pub mod edit;
pub mod exchange;
pub mod filter;
mod frames;
pub mod har;
pub mod raw;
pub mod record;
pub mod redact;
pub mod store;
pub mod text;
