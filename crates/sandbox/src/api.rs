//! The API server: HTTP in front of the store.
//!
//! ```text
//! server (TCP, TLS) → serve (route, who, rights, faults) → list | watch | write | port_forward | logs → store
//! ```
//!
//! Deliberately absent: exec, attach and proxying, webhooks, CRDs, answers in YAML or protobuf. Lists and
//! patches of `events.k8s.io` know nothing of core Events and the other way round.

pub(crate) mod access;
mod addresses;
mod admission;
mod decode;
mod defaults;
mod discovery;
mod fields;
mod list;
mod logs;
pub(crate) mod meta;
mod names;
mod openapi;
mod patch;
mod port_forward;
mod protobuf;
mod respond;
mod route;
mod schema;
mod selector;
mod serve;
pub(crate) mod server;
mod status;
mod table;
mod validate;
mod watch;
pub(crate) mod write;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;

use crate::faults::Faults;
use crate::node_access::NodeAccess;
use crate::store::Store;
use access::Access;
pub use addresses::ServiceAddresses;
pub(crate) use admission::quota_used;
pub(crate) use defaults::all as defaults_of;

/// Everything a request needs to be answered.
pub(crate) struct Api {
    pub(crate) store: Arc<Store>,
    pub(crate) access: Access,
    pub(crate) faults: Faults,
    /// Set once a node is there; until then its pods cannot be reached.
    pub(crate) node: RwLock<Option<Arc<dyn NodeAccess>>>,
    pub(crate) addresses: ServiceAddresses,
    /// Orders to be gone for a while → the server.
    pub(crate) restarts: server::Restarts,
    /// How often a quiet watch is told how far it has come.
    pub(crate) bookmarks: Duration,
}

impl Api {
    /// Gives a Service an address without checking anything else.
    pub(crate) fn assign_address(
        &self,
        state: &crate::store::State,
        service: &mut serde_json::Value,
    ) -> Result<(), status::Failure> {
        self.addresses.assign(state, service, None)
    }
}
