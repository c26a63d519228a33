//! Everything Intercept does, without a window or a terminal.
//!
//! ```text
//! kubeconfig → cluster → discover ─────────────────────────► whoever shows it
//!                 │
//!                 └► session: snapshot → plan → apply ⇄ tunnel ► target (the local program)
//!                                         │       │
//!                                         └─ revert ◄── failure, close, residue of others
//! ```
//!
//! Deliberately absent: Tauri, clap, printing, and any state outside of the cluster that cleaning up needs.
#![warn(missing_docs)]

pub mod agent_binary;
pub mod apply;
pub mod cluster;
pub mod control;
pub mod discover;
pub mod inspector;
pub mod kubeconfig;
mod live;
pub mod plan;
pub mod preview;
pub mod probe;
pub mod record_store;
pub mod replay;
pub mod residue;
pub mod revert;
pub mod session;
pub mod settings;
pub mod snapshot;
pub mod spec;
pub mod tap;
pub mod target;
pub mod traffic;
pub mod tunnel;
pub mod words;
