//! The last look at the original pods before the switch.
//!
//! The record names original pods by address, for the moment in which no node knows the origin Service yet. It was
//! written before the proxy's image was pulled; pods may have been replaced since.

use std::net::SocketAddr;
use std::time::Duration;

use intercept_protocol::record::{Listener, Record};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};

use super::ApplyError;
use crate::cluster::ApiFailure;
use crate::plan::ports::add_direct;
use crate::record_store::{Change, RecordStore};
use crate::tunnel::RelayPool;

/// From the record to NGINX's new configuration, through the agent's watch.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// Makes the record name original pods that are ready now, if one that it names is not any more, and waits until every
/// NGINX has followed.
///
/// # Errors
/// When the cluster cannot be read or the record not written; [`ApplyError::Raced`] when NGINX does not follow: then
/// everything is planned again.
pub(super) async fn refresh(
    client: &Client,
    (namespace, service): (&str, &str),
    pool: &RelayPool,
    step: &str,
) -> Result<(), ApplyError> {
    let store = RecordStore::new(client, namespace, service);
    let Some(found) = store.read().await? else {
        return Err(ApplyError::Raced);
    };
    if !found.record.is_direct() {
        return Ok(());
    }
    let fresh = ready_now(client, (namespace, service), &found.record)
        .await
        .map_err(|error| ApplyError::Object {
            step: step.to_owned(),
            source: ApiFailure::from(error),
        })?;
    let known = addresses(&fresh);
    if found.record.direct().iter().all(|one| known.contains(one)) {
        return Ok(());
    }
    tracing::info!(?known, "original pods were replaced");
    let renewed = store.update(|record| {
        if !record.is_direct() {
            return Ok(Change::Keep(()));
        }
        record.listeners.clone_from(&fresh);
        Ok::<_, ApplyError>(Change::Write(()))
    });
    renewed.await?;
    if pool.await_direct(&known, FOLLOWED_WITHIN).await {
        Ok(())
    } else {
        Err(ApplyError::Raced)
    }
}

/// The record's listeners with the original pods that are ready at this moment.
async fn ready_now(
    client: &Client,
    (namespace, name): (&str, &str),
    record: &Record,
) -> Result<Vec<Listener>, kube::Error> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
    let (service, slices) = tokio::try_join!(services.get(name), slices.list(&of_service))?;
    let mut listeners = record.listeners.clone();
    for listener in &mut listeners {
        listener.direct.clear();
    }
    add_direct(&mut listeners, &service, &slices.items);
    Ok(listeners)
}

fn addresses(listeners: &[Listener]) -> Vec<SocketAddr> {
    listeners
        .iter()
        .flat_map(|one| one.direct.iter().copied())
        .collect()
}
