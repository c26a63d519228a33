//! Takes one intercept, or everything of a Service, out of the cluster again.
//!
//! Works from the cluster's state alone: from any machine, twice, half-done, after a failure, a crash or a
//! change of mind. Every function here is idempotent and tolerates never having begun. Order: nobody may
//! join any more (empty record) → Service back → endpoints follow → Deployment deleted, which drains and
//! takes the rest with it.

mod again;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::names;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::{Api, Client, ResourceExt as _};

use crate::apply::switch::{Restored, SwitchError, await_endpoints, restore};
use crate::apply::{Made, delete};
use crate::cluster::ApiFailure;
use crate::record_store::{Change, RecordStore, RecordStoreError};
pub(crate) use again::again;

/// A revert that could not be finished; running it again goes on from where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RevertError {
    /// The record could not be changed.
    #[error("the intercept could not be taken out of the record")]
    Record(#[from] RecordStoreError),
    /// The Service could not be restored.
    #[error("the Service could not be restored")]
    Restore(#[from] SwitchError),
    /// An object could not be deleted.
    #[error("{what} could not be deleted")]
    Delete {
        /// Kind and name.
        what: String,
        /// Kubernetes' answer.
        #[source]
        source: ApiFailure,
    },
}

impl RevertError {
    /// Whether the same may succeed a little later without anybody doing something.
    fn is_transient(&self) -> bool {
        match self {
            Self::Record(RecordStoreError::Api { source, .. })
            | Self::Restore(SwitchError::Api { source, .. })
            | Self::Delete { source, .. } => source.is_transient(),
            Self::Record(_) | Self::Restore(_) => false,
        }
    }
}

/// What a revert came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Others still intercept this Service; the proxy stays.
    OthersRemain,
    /// It was the last one: the Service selects its original pods, the proxy drains and goes.
    LastOne {
        /// What the Service was found like.
        service: Restored,
        /// Whether the endpoints followed in time.
        followed: bool,
    },
}

/// Takes one intercept out; the last one restores the Service. Where the record is gone, only the proxy of
/// this uid is removed: another one may be somebody's engage that has not written its record yet.
///
/// # Errors
/// When the cluster refuses; what was done stays done.
pub async fn leave(
    client: &Client,
    namespace: &str,
    service: &str,
    intercept: &InterceptId,
    proxy_uid: Option<&str>,
) -> Result<Left, RevertError> {
    // Before the record: a proxy that is made once this one is gone is somebody else's.
    let standing = proxy(client, namespace, service).await?;
    let store = RecordStore::new(client, namespace, service);
    let remaining = store
        .update::<_, RecordStoreError>(|record| {
            let before = record.intercepts.len();
            record.intercepts.retain(|one| one.id != *intercept);
            let remaining = record.intercepts.len();
            Ok(if remaining == before {
                Change::Keep(remaining)
            } else {
                Change::Write(remaining)
            })
        })
        .await;
    match remaining {
        Ok(0) => dismantle_proxy(client, namespace, service, standing.as_ref()).await,
        Ok(_) => Ok(Left::OthersRemain),
        Err(error) if error.is_gone() => match standing.as_ref().and_then(Deployment::uid) {
            Some(uid) if Some(uid.as_str()) != proxy_uid => Ok(Left::OthersRemain),
            _ => dismantle_proxy(client, namespace, service, standing.as_ref()).await,
        },
        Err(error) => Err(error.into()),
    }
}

/// The proxy that stands now.
async fn proxy(client: &Client, namespace: &str, service: &str) -> Result<Option<Deployment>, RevertError> {
    let name = names::proxy(service);
    let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(&name).await;
    found.map_err(|error| failed::<Deployment>(&name, error.into()))
}

/// Takes back a plan that stopped before its intercept stood in the record: only what it made itself.
///
/// # Errors
/// When the cluster refuses.
pub(crate) async fn abandon(
    client: &Client,
    namespace: &str,
    service: &str,
    made: &Made,
) -> Result<(), RevertError> {
    let proxy = names::proxy(service);
    if let Some(uid) = made.proxy_uid() {
        delete::<Deployment>(client, namespace, &proxy, Some(&uid))
            .await
            .map_err(|source| failed::<Deployment>(&proxy, source))?;
    }
    if let Some((name, uid)) = made.fuse() {
        delete::<Job>(client, namespace, &name, uid.as_deref())
            .await
            .map_err(|source| failed::<Job>(&name, source))?;
    }
    Ok(())
}

/// Restores the Service and removes the proxy, whoever's intercepts it carried.
///
/// # Errors
/// When the cluster refuses; what was done stays done.
pub async fn dismantle(client: &Client, namespace: &str, service: &str) -> Result<Left, RevertError> {
    let standing = proxy(client, namespace, service).await?;
    dismantle_proxy(client, namespace, service, standing.as_ref()).await
}

/// The same for one proxy, or for what is left without any. Another that stands by now is not touched: whoever made it
/// found everything clean.
///
/// # Errors
/// When the cluster refuses; what was done stays done.
pub(crate) async fn dismantle_proxy(
    client: &Client,
    namespace: &str,
    service: &str,
    standing: Option<&Deployment>,
) -> Result<Left, RevertError> {
    let uid = standing.and_then(Deployment::uid);
    close_record(client, namespace, service, uid.as_deref()).await?;
    let found = restore(client, namespace, service).await?;
    let followed = match found {
        // Already: it may have been at this moment, by whoever began to revert and could not finish.
        Restored::Now | Restored::Already => await_endpoints(client, namespace, service, false).await,
        Restored::ServiceGone => true,
    };
    let proxy = names::proxy(service);
    if let Some(standing) = standing.filter(|proxy| is_ours(*proxy)) {
        delete::<Deployment>(client, namespace, &proxy, uid.as_deref())
            .await
            .map_err(|source| failed::<Deployment>(&proxy, source))?;
        remove_fuses_of(client, namespace, standing).await?;
    }
    // What an engage made before its Deployment was lost; otherwise owned by that and gone with it.
    remove_orphan::<ConfigMap>(client, namespace, &proxy).await?;
    remove_orphan::<ServiceAccount>(client, namespace, &proxy).await?;
    remove_orphan::<RoleBinding>(client, namespace, &proxy).await?;
    remove_orphan::<Role>(client, namespace, &proxy).await?;
    remove_orphan::<PodDisruptionBudget>(client, namespace, &proxy).await?;
    remove_orphan::<Service>(client, namespace, &names::origin(service)).await?;
    Ok(Left::LastOne {
        service: found,
        followed,
    })
}

/// An empty record tells everybody that this proxy is going.
async fn close_record(
    client: &Client,
    namespace: &str,
    service: &str,
    proxy_uid: Option<&str>,
) -> Result<(), RevertError> {
    let store = RecordStore::new(client, namespace, service).of_proxy(proxy_uid);
    let closed = store
        .update::<_, RecordStoreError>(|record| {
            let is_open = !record.intercepts.is_empty();
            record.intercepts.clear();
            Ok(if is_open {
                Change::Write(())
            } else {
                Change::Keep(())
            })
        })
        .await;
    match closed {
        Ok(()) | Err(RecordStoreError::Gone { .. }) => Ok(()),
        // A record nobody can read must not keep the Service from being restored.
        Err(RecordStoreError::Unusable { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An engage that was cut off leaves its fuse with its proxy. Others' fuses stay: their proxies hang on them.
async fn remove_fuses_of(client: &Client, namespace: &str, proxy: &Deployment) -> Result<(), RevertError> {
    let owners = proxy.owner_references();
    for fuse in owners.iter().filter(|owner| owner.kind == "Job") {
        match delete::<Job>(client, namespace, &fuse.name, Some(&fuse.uid)).await {
            // It ends by its own deadline.
            Err(failure) if failure.is_forbidden() => {}
            outcome => outcome.map_err(|source| failed::<Job>(&fuse.name, source))?,
        }
    }
    Ok(())
}

/// Removes an object of ours that nothing owns, or whose owners are all gone.
async fn remove_orphan<K: Ours>(client: &Client, namespace: &str, name: &str) -> Result<(), RevertError> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = match api.get_opt(name).await.map_err(ApiFailure::from) {
        Ok(found) => found,
        // Whoever may not read these could not have made them.
        Err(failure) if failure.is_forbidden() => None,
        Err(source) => return Err(failed::<K>(name, source)),
    };
    match found.filter(|object| is_ours(object) && object.owner_references().is_empty()) {
        Some(object) => delete::<K>(client, namespace, name, object.uid().as_deref())
            .await
            .map_err(|source| failed::<K>(name, source)),
        None => Ok(()),
    }
}

trait Ours: crate::apply::Kind {}
impl<K: crate::apply::Kind> Ours for K {}

fn is_ours<K: Ours>(object: &K) -> bool {
    object.labels().get(names::MANAGED_BY_LABEL).map(String::as_str) == Some(names::MANAGED_BY)
}

fn failed<K: Ours>(name: &str, source: ApiFailure) -> RevertError {
    RevertError::Delete {
        what: format!("{} {name}", K::kind(&())),
        source,
    }
}
