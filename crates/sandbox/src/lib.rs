//! A small Kubernetes inside one process: an HTTP API server over an in-memory store, and a node.
//!
//! ```text
//! kubectl, kube-rs, the engine ──HTTP──► api ──► store ◄── garbage collector, namespace deletion
//!                                         │ port-forward, logs
//!                                         ▼
//!                                    node_access ◄── node: controllers and pods, a client like any other
//! ```
//!
//! It is a stand-in for trying and testing, never a place to run workloads: nothing survives the process,
//! and what no client of this project needs is left out (admission webhooks, CRDs, API aggregation).

mod api;
mod cluster;
mod controllers;
pub mod faults;
mod genesis;
pub mod network;
pub mod node;
pub mod node_access;
mod resources;
mod sandbox;
pub mod shop;
mod store;
mod upkeep;

pub use api::ServiceAddresses;
pub use api::access::User;
pub use api::server::{StartError, TlsError};
pub use cluster::{Cluster, ClusterOptions, ClusterStartError, Fate, FateError};
pub use sandbox::{ClientError, InsertError, Options, Sandbox};
