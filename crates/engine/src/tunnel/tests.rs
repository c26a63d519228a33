//! The laptop's side against an agent made of the protocol's own parts, in memory.
//!
//! What depends on time runs on a paused clock, with connections served in memory; what depends on sockets
//! runs on real ones.

pub(crate) mod fake;
mod life;
mod sockets;
mod telling;
mod waiting;
