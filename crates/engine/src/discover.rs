//! What there is: namespaces, Services with their workloads and ready endpoints, everybody's intercepts.
//!
//! Asked once (`services`, `intercepts`, `namespaces`) or watched (`watch`). Either way objects are cut
//! down to a few facts as they arrive, and one pure function makes the summaries of them.
//! Deliberately absent: what a plan must know about one Service (`snapshot`), and every change.

mod facts;
mod intercept;
mod inventory;
mod namespaces;
mod service;
mod source;
mod watch;

use std::time::{SystemTime, UNIX_EPOCH};

pub use self::intercept::{InterceptState, InterceptSummary};
pub use self::namespaces::{Namespaces, namespaces};
pub use self::service::{Obstacle, PortSummary, ServiceSummary, WorkloadSummary, obstacle};
pub use self::watch::{Connection, Inventory, Watch, watch};
use crate::cluster::{ApiFailure, Cluster};

/// What cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The namespaces, for another reason than a missing right.
    #[error("the namespaces cannot be listed")]
    Namespaces {
        /// Why.
        #[source]
        source: ApiFailure,
    },
    /// The Services.
    #[error("the Services of {} cannot be listed", place(namespace.as_deref()))]
    Services {
        /// The namespace, or all.
        namespace: Option<String>,
        /// Why.
        #[source]
        source: ApiFailure,
    },
    /// The records of intercepts.
    #[error("the intercepts of {} cannot be listed", place(namespace.as_deref()))]
    Intercepts {
        /// The namespace, or all.
        namespace: Option<String>,
        /// Why.
        #[source]
        source: ApiFailure,
    },
}

impl DiscoverError {
    /// What stands behind it.
    pub fn failure(&self) -> &ApiFailure {
        match self {
            Self::Namespaces { source } | Self::Services { source, .. } | Self::Intercepts { source, .. } => {
                source
            }
        }
    }

    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        self.failure().hint()
    }
}

/// The Services of `namespace`, or of all, by namespace and name; ours are not among them.
///
/// Without the right to list all namespaces, those of the context's namespace. What else may not be
/// listed (EndpointSlices, records, workloads) is missing from the summaries.
///
/// # Errors
/// When the Services themselves cannot be listed.
pub async fn services(
    cluster: &Cluster,
    namespace: Option<&str>,
) -> Result<Vec<ServiceSummary>, DiscoverError> {
    let (scope, listed) = source::in_scope(cluster, namespace, source::services).await;
    let services = listed.map_err(|source| DiscoverError::Services {
        namespace: scope.clone(),
        source,
    })?;
    let world = source::around(cluster, scope.as_deref(), services).await;
    Ok(inventory::summarise(&world, unix_now()).services)
}

/// Everybody's intercepts on the Services of `namespace`, or of all (as for [`services`]), oldest first.
///
/// # Errors
/// When their records cannot be listed.
pub async fn intercepts(
    cluster: &Cluster,
    namespace: Option<&str>,
) -> Result<Vec<InterceptSummary>, DiscoverError> {
    let (scope, listed) = source::in_scope(cluster, namespace, source::records).await;
    let records = listed.map_err(|source| DiscoverError::Intercepts {
        namespace: scope.clone(),
        source,
    })?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let world = source::behind(cluster, scope.as_deref(), records).await;
    let summary = inventory::summarise(&world, unix_now());
    for note in &summary.notes {
        tracing::warn!("{note}");
    }
    Ok(summary.intercepts)
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(
        || "all namespaces".to_owned(),
        |name| format!("namespace `{name}`"),
    )
}

/// Seconds since 1970 by this machine's clock.
fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
