//! Waiting for the shop: its pods start after the cluster does.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::try_join_all;
use intercept_sandbox::shop;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::ListParams;
use kube::runtime::wait::{self, await_condition};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// It takes two seconds; on a machine that does much else, longer. Nobody waits for a shop that does not open.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
enum OpeningError {
    #[error("its workloads cannot be listed")]
    List(#[from] kube::Error),
    #[error("its workloads cannot be watched")]
    Watch(#[from] wait::Error),
}

/// Returns once all of it answers, or after a while.
pub(crate) async fn await_shop(client: &Client) {
    let all = async {
        tokio::try_join!(
            await_each(client, |one: &Deployment| {
                let status = one.status.as_ref();
                let wanted = one.spec.as_ref().and_then(|spec| spec.replicas);
                status.and_then(|status| status.ready_replicas) >= wanted
            }),
            await_each(client, |one: &StatefulSet| {
                let status = one.status.as_ref();
                let wanted = one.spec.as_ref().and_then(|spec| spec.replicas);
                status.and_then(|status| status.ready_replicas) >= wanted
            }),
        )
    };
    match timeout(OPENS_WITHIN, all).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the shop was not waited for"
        ),
        Err(_) => tracing::warn!("the shop did not open in time"),
    }
}

async fn await_each<K>(client: &Client, is_ready: impl Fn(&K) -> bool + Copy) -> Result<(), OpeningError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let workloads: Api<K> = Api::namespaced(client.clone(), shop::NAMESPACE);
    let all = workloads.list(&ListParams::default()).await?.items;
    let names: Vec<String> = all.iter().map(ResourceExt::name_any).collect();
    let opens = |one: Option<&K>| one.is_some_and(is_ready);
    let ready = names
        .iter()
        .map(|name| await_condition(workloads.clone(), name, opens));
    try_join_all(ready).await?;
    Ok(())
}
