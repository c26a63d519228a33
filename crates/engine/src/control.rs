//! How another program of the same user reaches a running one: what it holds, why requests come or not, and orders to it.
//!
//! ```text
//! interceptctl … ── MAGIC, version, Hello ──►  Server ── Holder ──► sessions, recorder
//!                ◄── MAGIC, version, Greeting ──
//!                ── Request, once ──►
//!                ◄── Reply, until done or one end leaves ──
//! ```
//!
//! Every program has a socket of its own in a folder that belongs to the user alone; who calls is asked of the operating
//! system. One connection carries one request: leaving is how a client says that it wants no more. Frames are those of
//! the relay, with its limit.
//!
//! Deliberately absent: recorded requests, which everybody reads from the store, and any secret: the operating system's
//! word for who calls is enough on one machine.

mod client;
mod fit;
mod folder;
mod holdings;
mod message;
mod serve;
#[cfg(unix)]
#[path = "control/unix.rs"]
mod socket;
#[cfg(windows)]
#[path = "control/windows.rs"]
mod socket;
#[cfg(test)]
mod tests;
mod wire;

use std::path::PathBuf;

use intercept_protocol::relay::FrameError;

pub use client::{Answering, Program, programs};
pub use folder::sockets;
pub use holdings::{Hold, Holdings};
pub use message::{Answer, Held, Refused, RefusedCode, Request, Welcome};
pub use serve::{Answers, Holder, Server};
pub use wire::CONTROL_VERSION;

/// Why a program is not reached, or cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The folder of the sockets cannot be used.
    #[error("{path} cannot hold the socket by which other commands reach this program")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of the sockets is not the user's alone.
    #[error("{path} belongs to somebody else, so no socket in it can be trusted: remove it")]
    NotYours {
        /// The folder.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("the socket {path} cannot be opened")]
    Listen {
        /// Its place.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program is there but cannot be reached.
    #[error("the running program behind {path} cannot be reached")]
    Connect {
        /// Its socket.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The program belongs to somebody else.
    #[error("the program behind {path} is not one of yours")]
    Stranger {
        /// Its socket.
        path: PathBuf,
    },
    /// What it says is not this protocol.
    #[error("the running program behind {path} is no Intercept")]
    NotOurs {
        /// Its socket.
        path: PathBuf,
    },
    /// The other program is older or newer.
    #[error(
        "the running program speaks version {theirs} of the control protocol, this one {CONTROL_VERSION}: use the same version of both"
    )]
    Version {
        /// The other program's.
        theirs: u16,
    },
    /// It stopped answering.
    #[error("the running program did not answer in time")]
    Silent,
    /// It ended, or spoke nonsense, in the middle of an answer.
    #[error("the running program broke off its answer")]
    BrokeOff(#[source] FrameError),
    /// It said no.
    #[error(transparent)]
    Refused(#[from] Refused),
}
