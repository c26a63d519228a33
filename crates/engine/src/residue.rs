//! What stands in a cluster of ours, who stands behind it, and taking it out with proof.
//!
//! Works from the cluster alone, for any user's intercepts: whoever may change the Service may restore it.

mod gone;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::names;
use intercept_protocol::record::Intercept;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde::Serialize;
use tokio::time::Instant;

use crate::apply::{Kind, delete};
use crate::cluster::ApiFailure;
use crate::record_store::{RecordStore, RecordStoreError};
use crate::revert::{Left, RevertError, dismantle, leave};
use crate::snapshot::{is_proxy_selector, original_selector, selector};

/// Draining takes 4 s, what is in flight up to the pods' grace period.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// Everything of ours around one Service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// Whether the Service selects the proxy now.
    pub switched: bool,
    /// The selector it had before.
    pub original: Option<BTreeMap<String, String>>,
    /// The intercepts in its record; empty where the record is gone or unreadable.
    pub intercepts: Vec<Intercept>,
    /// Kind and name of every object.
    pub objects: BTreeSet<String>,
}

/// What closing came to, with its proof.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// What was found before.
    pub found: Standing,
    /// What it came to.
    pub result: CloseResult,
    /// What still stands afterwards; empty is clean.
    pub remaining: BTreeSet<String>,
    /// The selector the Service has now; absent where the Service is gone.
    pub selector_now: Option<BTreeMap<String, String>>,
    /// Whether that is the selector it had before the first intercept.
    pub is_original: bool,
}

/// How a close ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CloseResult {
    /// One intercept was taken out; others remain.
    OthersRemain,
    /// The Service is as it was and nothing of ours is left.
    Clean,
    /// Something is left; closing again goes on.
    Incomplete,
}

/// The cluster could not be searched or cleaned.
#[derive(Debug, thiserror::Error)]
pub enum ResidueError {
    /// A list was refused.
    #[error("{kind}s could not be listed")]
    List {
        /// The kind.
        kind: String,
        /// Kubernetes' answer.
        #[source]
        source: ApiFailure,
    },
    /// The record could not be read.
    #[error("a record could not be read")]
    Record(#[from] RecordStoreError),
    /// Something could not be undone.
    #[error("what was found could not be taken out")]
    Revert(#[from] RevertError),
    /// A fuse could not be removed.
    #[error("a fuse could not be removed")]
    Fuse(#[source] ApiFailure),
}

/// Finds everything of ours in a namespace, or wherever the user may look.
///
/// # Errors
/// When the cluster cannot be searched.
pub async fn find(client: &Client, namespace: Option<&str>) -> Result<Vec<Standing>, ResidueError> {
    let mut found: BTreeMap<(String, String), Standing> = BTreeMap::new();
    let services: Vec<Service> = list(client, namespace, "").await?;
    for service in services.iter().filter(|one| is_touched(one)) {
        let (namespace, name) = (service.namespace().unwrap_or_default(), service.name_any());
        let standing = found
            .entry((namespace.clone(), name.clone()))
            .or_insert_with(|| empty(&namespace, &name));
        standing.switched = is_proxy_selector(&selector(service), &name);
        standing.original = original_selector(service);
    }
    for (namespace, service, label) in objects(client, namespace).await? {
        let key = (namespace.clone(), service.clone());
        found
            .entry(key)
            .or_insert_with(|| empty(&namespace, &service))
            .objects
            .insert(label);
    }
    for standing in found.values_mut() {
        let store = RecordStore::new(client, &standing.namespace, &standing.service);
        match store.read().await {
            Ok(record) => {
                standing.intercepts = record.map(|found| found.record.intercepts).unwrap_or_default();
            }
            Err(RecordStoreError::Unusable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found.into_values().collect())
}

/// Takes out one intercept, or everything around the Service, and looks again.
///
/// # Errors
/// When the cluster refuses; what was done stays done.
pub async fn close(
    client: &Client,
    standing: &Standing,
    only: Option<&InterceptId>,
) -> Result<Closed, ResidueError> {
    let (namespace, service) = (&standing.namespace, &standing.service);
    let left = match only {
        Some(id) => leave(client, namespace, service, id, None).await?,
        None => dismantle(client, namespace, service).await?,
    };
    if left == Left::OthersRemain {
        return prove(client, standing.clone(), left).await;
    }
    remove_fuses(client, namespace, service).await?;
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        gone::await_gone(client, namespace, service, deadline).await;
        let closed = prove(client, standing.clone(), left).await?;
        // A controller may still make what it had in hand when its Deployment went: that is collected too.
        if closed.remaining.is_empty() || Instant::now() >= deadline {
            return Ok(closed);
        }
    }
}

/// Looks again, so that what is reported is what stands and not what was meant.
async fn prove(client: &Client, found: Standing, left: Left) -> Result<Closed, ResidueError> {
    let all = objects(client, Some(&found.namespace)).await?;
    let ours = all
        .into_iter()
        .filter(|(_, service, _)| *service == found.service);
    let remaining: BTreeSet<String> = ours.map(|(.., label)| label).collect();
    let api: Api<Service> = Api::namespaced(client.clone(), &found.namespace);
    let now = api
        .get_opt(&found.service)
        .await
        .map_err(|error| failed::<Service>(error.into()))?;
    let selector_now = now.as_ref().map(selector);
    let annotated = now.as_ref().is_some_and(is_touched);
    let is_original =
        !annotated && (found.original.is_none() || selector_now.is_none() || selector_now == found.original);
    let result = match left {
        Left::OthersRemain => CloseResult::OthersRemain,
        Left::LastOne { .. } if remaining.is_empty() && is_original => CloseResult::Clean,
        Left::LastOne { .. } => CloseResult::Incomplete,
    };
    Ok(Closed {
        found,
        result,
        remaining,
        selector_now,
        is_original,
    })
}

async fn remove_fuses(client: &Client, namespace: &str, service: &str) -> Result<(), ResidueError> {
    for fuse in list::<Job>(client, Some(namespace), &ours_around(service)).await? {
        delete::<Job>(client, namespace, &fuse.name_any(), fuse.uid().as_deref())
            .await
            .map_err(ResidueError::Fuse)?;
    }
    Ok(())
}

/// Namespace, Service and label of every object of ours.
async fn objects(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<(String, String, String)>, ResidueError> {
    let ns = namespace;
    let mut all = labelled::<Deployment>(client, ns).await?;
    all.extend(labelled::<Service>(client, ns).await?);
    all.extend(labelled::<ConfigMap>(client, ns).await?);
    all.extend(labelled::<Pod>(client, ns).await?);
    all.extend(labelled::<ReplicaSet>(client, ns).await?);
    all.extend(labelled::<Job>(client, ns).await?);
    all.extend(labelled::<ServiceAccount>(client, ns).await?);
    all.extend(labelled::<Role>(client, ns).await?);
    all.extend(labelled::<RoleBinding>(client, ns).await?);
    all.extend(labelled::<PodDisruptionBudget>(client, ns).await?);
    Ok(all)
}

async fn labelled<K: Kind>(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Vec<(String, String, String)>, ResidueError> {
    let labels = format!("{},{}", ours(), names::SERVICE_LABEL);
    let found = list::<K>(client, namespace, &labels).await?;
    Ok(found
        .iter()
        .map(|one| {
            let service = one
                .labels()
                .get(names::SERVICE_LABEL)
                .cloned()
                .unwrap_or_default();
            (
                one.namespace().unwrap_or_default(),
                service,
                format!("{} {}", K::kind(&()), one.name_any()),
            )
        })
        .collect())
}

/// Selects what is ours.
fn ours() -> String {
    format!("{}={}", names::MANAGED_BY_LABEL, names::MANAGED_BY)
}

/// Selects what is ours around one Service.
fn ours_around(service: &str) -> String {
    format!("{},{}={service}", ours(), names::SERVICE_LABEL)
}

/// Kinds the user may not even list were not made by a user with these rights; they are left out.
async fn list<K: Kind>(
    client: &Client,
    namespace: Option<&str>,
    labels: &str,
) -> Result<Vec<K>, ResidueError> {
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    match api
        .list(&ListParams::default().labels(labels))
        .await
        .map_err(ApiFailure::from)
    {
        Ok(found) => Ok(found.items),
        Err(failure) if failure.is_forbidden() && K::kind(&()) != "Service" => Ok(Vec::new()),
        Err(failure) => Err(failed::<K>(failure)),
    }
}

fn failed<K: Kind>(source: ApiFailure) -> ResidueError {
    ResidueError::List {
        kind: K::kind(&()).into_owned(),
        source,
    }
}

fn is_touched(service: &Service) -> bool {
    service
        .annotations()
        .contains_key(names::ORIGINAL_SELECTOR_ANNOTATION)
        || is_proxy_selector(&selector(service), &service.name_any())
}

fn empty(namespace: &str, service: &str) -> Standing {
    Standing {
        namespace: namespace.to_owned(),
        service: service.to_owned(),
        switched: false,
        original: None,
        intercepts: Vec::new(),
        objects: BTreeSet::new(),
    }
}
