//! Why a plan stopped.

use std::time::Duration;

use super::switch::SwitchError;
use super::trouble::Trouble;
use crate::cluster::ApiFailure;
use crate::plan::Refusal;
use crate::record_store::RecordStoreError;
use crate::tunnel::TunnelError;

/// A plan that could not be carried out to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The user changed their mind.
    #[error("cancelled")]
    Cancelled,
    /// Somebody else engaged, joined or left between the plan and now: plan again.
    #[error("somebody else changed the intercepts of this Service at the same moment")]
    Raced,
    /// Somebody took the same match between the plan and now.
    #[error("the match was taken meanwhile")]
    Refused(#[source] Refusal),
    /// An object could not be made or changed.
    #[error("{step} failed")]
    Object {
        /// What was tried.
        step: String,
        /// Kubernetes' answer.
        #[source]
        source: ApiFailure,
    },
    /// The record could not be written.
    #[error("the record could not be written")]
    Record(#[from] RecordStoreError),
    /// The origin Service got no address.
    #[error("the origin Service `{name}` got no ClusterIP")]
    NoOriginAddress {
        /// Its name.
        name: String,
    },
    /// The proxy does not start.
    #[error("the proxy cannot start: {0}")]
    Trouble(Trouble),
    /// The proxy did not get ready in time and Kubernetes named no reason.
    #[error("the proxy was not ready within {} s", waited.as_secs())]
    NotReady {
        /// How long was waited.
        waited: Duration,
    },
    /// The tunnel did not open.
    #[error("the tunnel to the proxy did not open")]
    Tunnel(#[source] TunnelError),
    /// The Service could not be switched.
    #[error("the Service could not be switched to the proxy")]
    Switch(#[source] SwitchError),
    /// The endpoints did not follow.
    #[error("the endpoints of Service `{service}` did not follow its selector in time")]
    NotFollowed {
        /// The Service.
        service: String,
    },
}

impl ApplyError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => Some(refusal.hint()),
            Self::Trouble(trouble) => Some(trouble.kind.hint().to_owned()),
            Self::Object { source, .. } => source.hint().map(str::to_owned),
            Self::NotReady { .. } => {
                Some("See `kubectl describe pod -l app.kubernetes.io/managed-by=intercept`.".into())
            }
            Self::Switch(SwitchError::ChangedByOther { .. }) => {
                Some("Try again; if a GitOps controller manages the Service, exempt its selector.".into())
            }
            _ => None,
        }
    }
}
