//! Lists objects once and cuts them down to facts.

use std::fmt::Debug;
use std::hash::Hash;

use intercept_protocol::names;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::facts::{self, Key, Rows, World};
use super::intercept::{self, RecordFacts};
use super::service::{self, ServiceFacts};
use crate::cluster::{ApiFailure, Cluster};

/// Selects the records' ConfigMaps, and not those that hold the agent's binary.
pub(super) fn record_labels() -> String {
    format!(
        "{}={},{}",
        names::MANAGED_BY_LABEL,
        names::MANAGED_BY,
        names::SERVICE_LABEL
    )
}

/// A kind of object that lives in namespaces.
pub(super) trait Listed:
    Resource<DynamicType: Default + Eq + Hash + Clone, Scope = NamespaceResourceScope>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + 'static
{
}

impl<K> Listed for K where
    K: Resource<DynamicType: Default + Eq + Hash + Clone, Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static
{
}

pub(super) fn api<K: Listed>(client: Client, namespace: Option<&str>) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

pub(super) fn key<K: Listed>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

/// Lists in `namespace`, or everywhere, or where that is forbidden in the context's namespace; tells where.
pub(super) async fn in_scope<T>(
    cluster: &Cluster,
    namespace: Option<&str>,
    list: impl AsyncFn(&Client, Option<&str>) -> Result<T, ApiFailure>,
) -> (Option<String>, Result<T, ApiFailure>) {
    let client = cluster.client();
    let listed = list(&client, namespace).await;
    let is_refused = listed.as_ref().is_err_and(ApiFailure::is_forbidden);
    if namespace.is_some() || !is_refused {
        return (namespace.map(str::to_owned), listed);
    }
    let own = cluster.default_namespace();
    tracing::info!(
        namespace = own,
        "not allowed to list all namespaces: only the context's is listed"
    );
    (Some(own.to_owned()), list(&client, Some(own)).await)
}

pub(super) async fn services(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Rows<ServiceFacts>, ApiFailure> {
    rows(client, namespace, "", "services", service::facts).await
}

pub(super) async fn records(
    client: &Client,
    namespace: Option<&str>,
) -> Result<Rows<RecordFacts>, ApiFailure> {
    rows::<ConfigMap, _>(
        client,
        namespace,
        &record_labels(),
        "configmaps",
        intercept::facts,
    )
    .await
}

/// What stands around `services`, as far as it may be listed.
pub(super) async fn around(
    cluster: &Cluster,
    namespace: Option<&str>,
    services: Rows<ServiceFacts>,
) -> World {
    let client = &cluster.client();
    let (slices, records, deployments, stateful_sets, daemon_sets) = tokio::join!(
        rows::<EndpointSlice, _>(client, namespace, "", "endpointslices", facts::slice),
        records(client, namespace),
        rows(client, namespace, "", "deployments", facts::deployment),
        rows(client, namespace, "", "statefulsets", facts::stateful_set),
        rows(client, namespace, "", "daemonsets", facts::daemon_set),
    );
    World {
        services,
        slices: or_none(slices, "EndpointSlices"),
        records: or_none(records, "records"),
        deployments: or_none(deployments, "Deployments"),
        stateful_sets: or_none(stateful_sets, "StatefulSets"),
        daemon_sets: or_none(daemon_sets, "DaemonSets"),
    }
}

/// What tells the state of `records`, as far as it may be listed.
pub(super) async fn behind(cluster: &Cluster, namespace: Option<&str>, records: Rows<RecordFacts>) -> World {
    let client = &cluster.client();
    let (services, slices) = tokio::join!(
        services(client, namespace),
        rows::<EndpointSlice, _>(client, namespace, "", "endpointslices", facts::slice),
    );
    World {
        services: or_none(services, "Services"),
        slices: or_none(slices, "EndpointSlices"),
        records,
        ..World::default()
    }
}

fn or_none<T>(listed: Result<Rows<T>, ApiFailure>, what: &str) -> Rows<T> {
    listed.unwrap_or_else(|failure| {
        tracing::warn!(%failure, "{what} are missing from the list");
        Rows::new()
    })
}

async fn rows<K: Listed, T>(
    client: &Client,
    namespace: Option<&str>,
    labels: &str,
    resource: &str,
    reduce: fn(K) -> Option<T>,
) -> Result<Rows<T>, ApiFailure> {
    let listed = api::<K>(client.clone(), namespace)
        .list(&ListParams::default().labels(labels))
        .await;
    let listed = listed.map_err(|error| ApiFailure::from(error).during("list", resource))?;
    let row = |object: K| Some((key(&object), reduce(object)?));
    Ok(listed.items.into_iter().filter_map(row).collect())
}
