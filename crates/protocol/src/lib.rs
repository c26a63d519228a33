//! What the laptop and the agent in the cluster say to each other, and the record both read.
//!
//! ```text
//! engine ── writes ──► ConfigMap: record ──► agent ── renders ──► nginx.conf
//!    │                                         ▲
//!    └── port-forward: hello, yamux (mux) ─────┘   control stream, one stream per connection
//! ```
//!
//! Deliberately absent: anything that talks to Kubernetes, renders NGINX configuration, opens
//! sockets or decides when to do so. Both ends build on these types; neither re-declares them.
#![warn(missing_docs)]

pub mod exchange;
pub mod heard;
pub mod ids;
pub mod matching;
pub mod mux;
pub mod names;
pub mod record;
pub mod relay;
pub mod traffic;
