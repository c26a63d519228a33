//! Fills a snapshot from a cluster. Reads only, as many at once as possible.

use std::collections::BTreeMap;

use intercept_protocol::names;
use intercept_protocol::record::RecordError;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};

use super::{FoundRecord, Optional, Right, Rights, Snapshot, found_record, selector_without_us};
use crate::cluster::ApiFailure;

/// A cluster that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is no such Service.
    #[error("there is no Service `{name}` in namespace `{namespace}`")]
    NoSuchService {
        /// The namespace looked in.
        namespace: String,
        /// The name looked for.
        name: String,
    },
    /// The API server did not answer as needed.
    #[error("reading {what} in namespace `{namespace}` failed")]
    Read {
        /// What was read.
        what: &'static str,
        /// Where.
        namespace: String,
        /// The API server's answer.
        #[source]
        source: ApiFailure,
    },
    /// The record in the cluster cannot be used.
    #[error("the record `{name}` in namespace `{namespace}` cannot be used")]
    Record {
        /// Where.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
        /// Why.
        #[source]
        source: RecordError,
    },
}

impl SnapshotError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoSuchService { namespace, .. } => {
                format!("See what there is: interceptctl services --namespace {namespace}")
            }
            Self::Read { source, .. } => source
                .hint()
                .unwrap_or("Try again; nothing was changed.")
                .to_owned(),
            Self::Record { .. } => {
                "A newer Intercept may have written it: update, or clean up with `interceptctl session close`."
                    .to_owned()
            }
        }
    }
}

/// `(verb, group, resource)` of everything an intercept cannot do without.
const REQUIRED: [(&str, &str, &str); 10] = [
    ("patch", "", "services"),
    ("create", "", "services"),
    ("create", "", "configmaps"),
    ("update", "", "configmaps"),
    ("patch", "", "configmaps"),
    ("create", "apps", "deployments"),
    ("patch", "apps", "deployments"),
    ("delete", "apps", "deployments"),
    ("list", "", "pods"),
    ("create", "", "pods/portforward"),
];
const OPTIONAL: [(&str, &str, &str, Optional); 5] = [
    ("create", "", "serviceaccounts", Optional::SelfRestore),
    (
        "create",
        "rbac.authorization.k8s.io",
        "roles",
        Optional::SelfRestore,
    ),
    (
        "create",
        "rbac.authorization.k8s.io",
        "rolebindings",
        Optional::SelfRestore,
    ),
    ("create", "batch", "jobs", Optional::Fuse),
    (
        "create",
        "policy",
        "poddisruptionbudgets",
        Optional::DisruptionBudget,
    ),
];

/// Reads everything a plan for `service` needs.
///
/// # Errors
/// When the Service does not exist, or something that must be known cannot be read.
pub async fn read(client: &Client, namespace: &str, service: &str) -> Result<Snapshot, SnapshotError> {
    let found = get::<Service>(client, namespace, service, "the Service")
        .await?
        .ok_or_else(|| SnapshotError::NoSuchService {
            namespace: namespace.to_owned(),
            name: service.to_owned(),
        })?;
    let original = selector_without_us(&found).unwrap_or_default();
    let (origin_name, proxy_name) = (names::origin(service), names::proxy(service));
    let slices = format!("kubernetes.io/service-name={service}");
    let (endpoints, pods, proxy, origin, record, rights, sets, policies) = tokio::join!(
        list::<EndpointSlice>(client, namespace, &slices, "its EndpointSlices"),
        selected_pods(client, namespace, &original),
        get::<Deployment>(client, namespace, &proxy_name, "the proxy's Deployment"),
        get::<Service>(client, namespace, &origin_name, "the origin Service"),
        record(client, namespace, &proxy_name),
        rights(client, namespace),
        list::<StatefulSet>(client, namespace, "", "StatefulSets"),
        list::<NetworkPolicy>(client, namespace, "", "NetworkPolicies"),
    );
    let pods = pods?;
    Ok(Snapshot {
        service: found,
        endpoints: endpoints?,
        proxy: proxy?,
        origin: origin?,
        record: record?,
        rights: rights?,
        governs: governed(service, &sets.unwrap_or_default()),
        network_policies: selecting(&pods, &policies.unwrap_or_default()),
        pods,
    })
}

async fn get<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    what: &'static str,
) -> Result<Option<K>, SnapshotError>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    api.get_opt(name)
        .await
        .map_err(|error| failed(what, namespace, error))
}

async fn list<K>(
    client: &Client,
    namespace: &str,
    labels: &str,
    what: &'static str,
) -> Result<Vec<K>, SnapshotError>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let found = api.list(&ListParams::default().labels(labels)).await;
    found
        .map(|list| list.items)
        .map_err(|error| failed(what, namespace, error))
}

fn failed(what: &'static str, namespace: &str, error: kube::Error) -> SnapshotError {
    SnapshotError::Read {
        what,
        namespace: namespace.to_owned(),
        source: ApiFailure::from(error),
    }
}

/// An empty selector selects nothing here; as a list parameter it would select everything.
pub(crate) async fn selected_pods(
    client: &Client,
    namespace: &str,
    selector: &BTreeMap<String, String>,
) -> Result<Vec<Pod>, SnapshotError> {
    if selector.is_empty() {
        return Ok(Vec::new());
    }
    let terms: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    list(client, namespace, &terms.join(","), "the original pods").await
}

async fn record(client: &Client, namespace: &str, name: &str) -> Result<Option<FoundRecord>, SnapshotError> {
    let Some(map) = get::<ConfigMap>(client, namespace, name, "the record").await? else {
        return Ok(None);
    };
    found_record(&map)
        .map(Some)
        .map_err(|source| SnapshotError::Record {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        })
}

async fn rights(client: &Client, namespace: &str) -> Result<Rights, SnapshotError> {
    let required = REQUIRED
        .iter()
        .map(|(verb, group, resource)| may(client, namespace, verb, group, resource));
    let optional = OPTIONAL
        .iter()
        .map(|(verb, group, resource, _)| may(client, namespace, verb, group, resource));
    let (required, optional) = tokio::join!(
        futures::future::try_join_all(required),
        futures::future::try_join_all(optional)
    );
    let review = |error| failed("what you may do (SelfSubjectAccessReview)", namespace, error);
    let (required, optional) = (required.map_err(review)?, optional.map_err(review)?);
    let missing = REQUIRED.iter().zip(required).filter(|(_, allowed)| !allowed);
    let missing_optional = OPTIONAL.iter().zip(optional).filter(|(_, allowed)| !allowed);
    Ok(Rights {
        missing: missing
            .map(|((verb, _, resource), _)| Right { verb, resource })
            .collect(),
        missing_optional: missing_optional.map(|((.., right), _)| *right).collect(),
    })
}

async fn may(
    client: &Client,
    namespace: &str,
    verb: &str,
    group: &str,
    resource: &str,
) -> Result<bool, kube::Error> {
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, sub)) => (resource, Some(sub.to_owned())),
        None => (resource, None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some(verb.to_owned()),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                ..Default::default()
            }),
            ..Default::default()
        },
        ..Default::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

fn governed(service: &str, sets: &[StatefulSet]) -> Option<String> {
    let governs =
        |set: &&StatefulSet| set.spec.as_ref().and_then(|spec| spec.service_name.as_deref()) == Some(service);
    sets.iter()
        .find(governs)
        .and_then(|set| set.metadata.name.clone())
}

/// Policies by `matchLabels`; one that also has expressions is named too, since it may select the pods.
fn selecting(pods: &[Pod], policies: &[NetworkPolicy]) -> Vec<String> {
    let selects = |policy: &&NetworkPolicy| {
        let selector = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
        let wanted = selector
            .and_then(|one| one.match_labels.clone())
            .unwrap_or_default();
        pods.iter().any(|pod| {
            let labels = pod.metadata.labels.as_ref();
            wanted
                .iter()
                .all(|(key, value)| labels.and_then(|have| have.get(key)) == Some(value))
        })
    };
    policies
        .iter()
        .filter(selects)
        .filter_map(|policy| policy.metadata.name.clone())
        .collect()
}
