//! The last look at the original pods before the switch.
//!
//! The record names original pods by address, for the moment in which no node knows the origin Service yet. It was
//! written before the proxy's image was pulled; pods may have been replaced since.

use std::net::SocketAddr;
use std::time::Duration;

use intercept_protocol::record::{Listener, Record};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client};
use tokio::time::timeout;

use super::ApplyError;
use crate::cluster::ApiFailure;
use crate::live::Live;
use crate::plan::ports::add_direct;
use crate::record_store::{Change, RecordStore};
use crate::tunnel::RelayPool;

/// From the record to NGINX's new configuration, through the agent's watch.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);
/// A replaced pod is ready in a moment, or is no better than none.
const READY_WITHIN: Duration = Duration::from_secs(3);

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
        for listener in &mut record.listeners {
            if let Some(renewed) = fresh.iter().find(|one| one.port == listener.port) {
                listener.direct.clone_from(&renewed.direct);
            }
        }
        Ok::<_, ApplyError>(Change::Write(()))
    });
    renewed.await?;
    if pool.await_direct(&known, FOLLOWED_WITHIN).await {
        Ok(())
    } else {
        Err(ApplyError::Raced)
    }
}

/// The record's listeners with the original pods that are ready at this moment, or the moment after: one that is being
/// replaced is waited for. Where none gets ready the old addresses stay, since the nodes do not see the origin Service
/// yet.
async fn ready_now(
    client: &Client,
    (namespace, name): (&str, &str),
    record: &Record,
) -> Result<Vec<Listener>, kube::Error> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let service = services.get(name).await?;
    let mut found = record.listeners.clone();
    let mut live = Live::labelled(slices, &format!("kubernetes.io/service-name={name}"));
    let all_ready = live.until(|slices| {
        let slices: Vec<EndpointSlice> = slices.values().cloned().collect();
        found = with_ready(record, &service, &slices);
        let mut both = found.iter().zip(&record.listeners);
        both.all(|(now, before)| before.direct.is_empty() || !now.direct.is_empty())
    });
    // Without them the old ones have to do.
    let _ = timeout(READY_WITHIN, all_ready).await;
    for (listener, before) in found.iter_mut().zip(&record.listeners) {
        if listener.direct.is_empty() {
            listener.direct.clone_from(&before.direct);
        }
    }
    Ok(found)
}

fn with_ready(record: &Record, service: &Service, slices: &[EndpointSlice]) -> Vec<Listener> {
    let mut listeners = record.listeners.clone();
    for listener in &mut listeners {
        listener.direct.clear();
    }
    add_direct(&mut listeners, service, slices);
    listeners
}

fn addresses(listeners: &[Listener]) -> Vec<SocketAddr> {
    listeners
        .iter()
        .flat_map(|one| one.direct.iter().copied())
        .collect()
}
