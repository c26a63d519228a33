//! The laptop's side of the relay: from every proxy pod of a Service to the local program.
//!
//! ```text
//! RelayPool ── one relay a pod ── Wire ── yamux ─┬─ control: pings, status, probes
//!  │  ▲                                          └─ a stream for each connection from NGINX
//!  │  └ pods come and go (KubePods)                        │
//!  └ states, events, waiting                     Routes ► Acceptor (the tap) ► target
//! ```
//!
//! Deliberately absent: every change to the cluster, and any look into what passes.

mod arrival;
mod awake;
mod backoff;
mod connector;
mod kube_pods;
mod open;
mod pool;
mod port_forward;
mod relay;
mod routes;
mod splice;
mod state;
mod streams;
mod taken;
mod told;
mod trace;
mod wait;

pub use arrival::{Accepted, Acceptor, Arrival};
pub use connector::{ConnectError, PodConnector, PodName, PodStage, PodStream};
pub(crate) use kube_pods::forward;
pub use kube_pods::{ForwardedStream, KubePods};
pub use pool::RelayPool;
pub use port_forward::PortForward;
pub use routes::{Routes, Traffic};
pub(crate) use splice::splice;
pub use state::{RelayError, RelayEvent, RelayState};
pub use told::Told;
pub use trace::{Trace, Traced};
pub use wait::TunnelError;

#[cfg(test)]
pub(crate) mod tests;
