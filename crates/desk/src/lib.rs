//! The program behind the window, without the window.
//!
//! ```text
//! window ── commands (contract) ──► Desk ──► clusters, services, intercepts, requests ──► engine, inspector
//!        ◄── events (feed) ───────────┘
//! ```
//!
//! Deliberately absent: Tauri, windows, trays, and every decision about clusters (the engine's).
#![warn(missing_docs)]

#[cfg(test)]
mod bindings;
mod clusters;
mod commands;
mod contract;
mod desk;
mod diagnostics;
pub mod error;
mod export;
mod feed;
mod intercepts;
pub mod links;
mod local;
mod mocks;
mod plan;
mod preferences;
mod replay;
mod requests;
mod sandbox;
mod services;
mod store;
mod story;
mod timeline;
pub mod wire;
mod wish;

pub use desk::{Desk, Options};
pub use feed::Listener;
