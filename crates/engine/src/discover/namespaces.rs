//! The namespaces of a cluster, also for users who may not list them.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt as _};
use serde::{Deserialize, Serialize};

use super::DiscoverError;
use crate::cluster::{ApiFailure, Cluster};

/// Access reviews that run at the same time.
const REVIEWS_AT_ONCE: usize = 8;
/// OpenShift lists there the namespaces of whoever asks, without any right.
const PROJECTS: &str = "/apis/project.openshift.io/v1/projects";

/// Namespaces, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespaces {
    /// Their names.
    pub names: Vec<String>,
    /// Whether these are all. Otherwise listing is forbidden, and these are the ones known by other ways:
    /// the context's own, and those of the kubeconfig and of OpenShift where Services may be listed.
    pub complete: bool,
}

#[derive(Deserialize)]
struct Projects {
    items: Vec<PartialObjectMeta<Namespace>>,
}

/// The namespaces of the cluster.
///
/// # Errors
/// When they cannot be listed for another reason than a missing right.
pub async fn namespaces(cluster: &Cluster) -> Result<Namespaces, DiscoverError> {
    let client = cluster.client();
    let listed = Api::<Namespace>::all(client.clone())
        .list_metadata(&ListParams::default())
        .await;
    match listed.map_err(|error| ApiFailure::from(error).during("list", "namespaces")) {
        Ok(listed) => {
            let names: BTreeSet<String> = listed.items.iter().map(|one| one.name_any()).collect();
            Ok(Namespaces {
                names: names.into_iter().collect(),
                complete: true,
            })
        }
        Err(failure) if failure.is_forbidden() => Ok(known(cluster, &client).await),
        Err(source) => Err(DiscoverError::Namespaces { source }),
    }
}

async fn known(cluster: &Cluster, client: &Client) -> Namespaces {
    let own = cluster.default_namespace().to_owned();
    let mut candidates: BTreeSet<String> = cluster.known_namespaces().iter().cloned().collect();
    candidates.extend(projects(client).await);
    candidates.remove(&own);
    let reviews = candidates.into_iter().map(|namespace| async {
        let is_allowed = may_list_services(client, &namespace).await;
        is_allowed.then_some(namespace)
    });
    let reviewed: Vec<Option<String>> = futures::stream::iter(reviews)
        .buffer_unordered(REVIEWS_AT_ONCE)
        .collect()
        .await;
    let mut names: BTreeSet<String> = reviewed.into_iter().flatten().collect();
    // The context names it, whatever may be done there; its Services will say.
    names.insert(own);
    Namespaces {
        names: names.into_iter().collect(),
        complete: false,
    }
}

async fn projects(client: &Client) -> Vec<String> {
    let request = http::Request::get(PROJECTS)
        .body(Vec::new())
        .expect("the projects' path must be valid");
    let listed = client.request::<Projects>(request).await;
    listed.map_or_else(
        |_| Vec::new(),
        |projects| projects.items.iter().map(|one| one.name_any()).collect(),
    )
}

async fn may_list_services(client: &Client, namespace: &str) -> bool {
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        verb: Some("list".to_owned()),
        resource: Some("services".to_owned()),
        ..ResourceAttributes::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..Default::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let asked = Api::all(client.clone())
        .create(&PostParams::default(), &review)
        .await;
    asked.is_ok_and(|review: SelfSubjectAccessReview| review.status.is_some_and(|status| status.allowed))
}
