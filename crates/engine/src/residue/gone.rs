//! Waits until nothing of ours is left around a Service: pods drain, and what the Deployment owned is collected by
//! the cluster when it comes to it.
//!
//! Deliberately absent: taking anything out. Whoever calls this has asked for that already.

use futures::future::join_all;
use futures::{FutureExt as _, future::BoxFuture};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::{Api, Client};
use tokio::time::{Instant, timeout_at};

use super::{list, ours_around};
use crate::apply::Kind;
use crate::live::Live;

/// Waits until everything is gone, or for as long as it may take.
pub(super) async fn await_gone(client: &Client, namespace: &str, service: &str, deadline: Instant) {
    let kinds = [
        gone::<Deployment>(client, namespace, service),
        gone::<ReplicaSet>(client, namespace, service),
        gone::<Pod>(client, namespace, service),
        gone::<Service>(client, namespace, service),
        gone::<ConfigMap>(client, namespace, service),
        gone::<Job>(client, namespace, service),
        gone::<ServiceAccount>(client, namespace, service),
        gone::<Role>(client, namespace, service),
        gone::<RoleBinding>(client, namespace, service),
        gone::<PodDisruptionBudget>(client, namespace, service),
    ];
    if timeout_at(deadline, join_all(kinds)).await.is_err() {
        tracing::info!(namespace, service, "not everything is gone");
    }
}

/// Until none of this kind is left. What cannot be listed is not waited for: nobody could see it go.
fn gone<'a, K: Kind + Send + Sync + 'static>(
    client: &'a Client,
    namespace: &'a str,
    service: &'a str,
) -> BoxFuture<'a, ()> {
    async move {
        let labels = ours_around(service);
        match list::<K>(client, Some(namespace), &labels).await {
            Ok(found) if !found.is_empty() => {
                let api: Api<K> = Api::namespaced(client.clone(), namespace);
                Live::labelled(api, &labels).until(|left| left.is_empty()).await;
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "not waited for"),
        }
    }
    .boxed()
}
