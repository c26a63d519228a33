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

/// For what passes by itself.
const AGAIN: &str = "Try again; what was begun is undone.";

impl ApplyError {
    /// What to do about it; nothing where the user wanted it so.
    pub fn hint(&self) -> Option<String> {
        let known = |source: &ApiFailure| source.hint().unwrap_or(AGAIN).to_owned();
        Some(match self {
            Self::Cancelled => return None,
            Self::Raced => AGAIN.into(),
            Self::Refused(refusal) => refusal.hint(),
            Self::Trouble(trouble) => trouble.kind.hint().to_owned(),
            Self::Object { source, .. } | Self::Switch(SwitchError::Api { source, .. }) => known(source),
            Self::Record(error) => error.hint().to_owned(),
            Self::Tunnel(error) => error.hint().to_owned(),
            Self::NoOriginAddress { name } => {
                format!("See `kubectl describe service {name}`: the cluster may have no ClusterIP left.")
            }
            Self::NotReady { .. } => {
                "See `kubectl describe pod -l app.kubernetes.io/managed-by=intercept`.".into()
            }
            Self::NotFollowed { service } => format!(
                "See `kubectl get endpointslices -l kubernetes.io/service-name={service}`, then try again."
            ),
            Self::Switch(SwitchError::ChangedByOther { .. }) => {
                "Try again; if a GitOps controller manages the Service, exempt its selector.".into()
            }
            Self::Switch(SwitchError::Gone { .. }) => {
                "Somebody deleted the Service: make it anew, then start again.".into()
            }
        })
    }
}
