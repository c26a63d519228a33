//! What is kept of a cluster: a table of facts for each kind of object, by namespace and name.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

use super::intercept::RecordFacts;
use super::service::ServiceFacts;

/// Names the Service that an EndpointSlice belongs to.
const SLICE_SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// Namespace and name.
pub(super) type Key = (String, String);
/// The facts of one kind.
pub(super) type Rows<T> = HashMap<Key, T>;

/// All facts.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) services: Rows<ServiceFacts>,
    pub(super) slices: Rows<SliceFacts>,
    pub(super) records: Rows<RecordFacts>,
    pub(super) deployments: Rows<Labels>,
    pub(super) stateful_sets: Rows<Labels>,
    pub(super) daemon_sets: Rows<Labels>,
}

/// What a list needs to know of one EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SliceFacts {
    pub(super) service: String,
    /// One entry for each ready pod, the same in the slices of every address family.
    pub(super) ready: Vec<String>,
}

/// The labels of a workload's pods.
pub(super) type Labels = BTreeMap<String, String>;

pub(super) fn slice(slice: EndpointSlice) -> Option<SliceFacts> {
    let service = slice.metadata.labels?.remove(SLICE_SERVICE_LABEL)?;
    Some(SliceFacts {
        service,
        ready: slice.endpoints.into_iter().filter_map(ready).collect(),
    })
}

fn ready(endpoint: Endpoint) -> Option<String> {
    // Unset means ready, by the API's definition.
    let is_ready = endpoint
        .conditions
        .and_then(|conditions| conditions.ready)
        .unwrap_or(true);
    let pod = endpoint.target_ref.and_then(|target| target.name);
    is_ready
        .then(|| pod.or_else(|| endpoint.addresses.into_iter().next()))
        .flatten()
}

pub(super) fn deployment(workload: Deployment) -> Option<Labels> {
    workload.spec.and_then(|spec| pod_labels(spec.template))
}

pub(super) fn stateful_set(workload: StatefulSet) -> Option<Labels> {
    workload.spec.and_then(|spec| pod_labels(spec.template))
}

pub(super) fn daemon_set(workload: DaemonSet) -> Option<Labels> {
    workload.spec.and_then(|spec| pod_labels(spec.template))
}

fn pod_labels(template: PodTemplateSpec) -> Option<Labels> {
    template.metadata?.labels
}
