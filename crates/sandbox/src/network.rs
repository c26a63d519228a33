//! Addresses for pods and Services on one machine, and what kube-proxy does between them.
//!
//! Linux answers on the whole of 127.0.0.0/8, so every pod and Service gets an address of its own there and
//! real programs can be told to listen on it. Elsewhere only 127.0.0.1 is there: then an address stands for
//! a free port of it, which programs inside this process are led to without noticing.
//!
//! Deliberately absent: DNS (programs of this process ask [`names`]), UDP, NetworkPolicies.

pub(crate) mod addresses;
pub(crate) mod loopback;
pub(crate) mod names;
pub(crate) mod routes;
pub(crate) mod service_proxy;

pub use addresses::{AddressRange, RangeError};
pub use loopback::Loopback;
