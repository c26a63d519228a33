//! The program beside NGINX in the proxy pod.
//!
//! ```text
//! ConfigMap ──► record_source ──► conductor ──► nginx (render, check, reload, confirm)
//!                    │               │
//!                    ▼               ▼ record
//!                 deadman          gates ◄── relay ◄── laptop (port-forward)
//!                    │               │
//!                    ▼               ▼
//!                   api            splice: one connection from NGINX, one stream to the laptop
//! ```
//!
//! Deliberately absent: planning, creating objects, anything that decides what should be intercepted.
//! The record says that; the agent carries it out, and takes it back when nobody is left to do so.
//! A library as well as a program, so that tests can run its parts in their own process.

pub mod agent;
pub mod api;
pub mod conductor;
pub mod deadman;
pub mod drain;
pub mod gate;
pub mod log;
pub mod nginx;
pub mod origin;
pub mod ownership;
pub mod probe;
pub mod record_source;
pub mod relay;
pub mod restore;
pub mod settings;
pub mod splice;
pub mod trace;
pub mod traffic;

pub use agent::{Agent, run};
