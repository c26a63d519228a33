//! Takes intercepts back: out of the record, and with the last one the Service's selector and everything of ours.
//!
//! Every write is conditional, so any number of agents and laptops may do this at the same time. A change by
//! anybody else is never overwritten: a Service whose selector is not ours any more keeps the one it has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::names;
use intercept_protocol::record::{Record, RecordError};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::api::{ApiError, Client, ConfigMap, Object, Patch, Path};
use crate::deadman::unix_seconds;
use crate::info;
use crate::settings::Settings;

/// Each loss of a race means that somebody else moved on; so many in a row mean something else.
const ATTEMPTS: usize = 8;

/// The cluster's endpoints follow within milliseconds, on a busy one later, and the account may not see them. Before that
/// the proxy's pods must not go: for a moment nobody would answer.
const ENDPOINTS_FOLLOW: Duration = Duration::from_secs(1);

/// A restore that did not end.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The API.
    #[error("{step} failed")]
    Api {
        /// What was being done.
        step: &'static str,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// The record is not one.
    #[error("the record cannot be changed")]
    Record(#[from] RecordError),
    /// Without the original selector the proxy must stay, or nobody answers.
    #[error("the Service's original selector is neither in its annotation nor in the origin Service")]
    NoOriginal,
    /// Lost every race.
    #[error("{step} met another change {ATTEMPTS} times")]
    Contended {
        /// What was being done.
        step: &'static str,
    },
}

fn at(step: &'static str) -> impl Fn(ApiError) -> RestoreError {
    move |source| RestoreError::Api { step, source }
}

/// Removes the intercepts `over` from the record, unless their session's heartbeat has moved on from
/// `heartbeats`; with the last one gone, finishes.
///
/// # Errors
/// When a step fails; those done stay done, and doing all again is harmless.
pub async fn remove(
    client: &Client,
    settings: &Settings,
    over: &BTreeSet<InterceptId>,
    heartbeats: &BTreeMap<String, String>,
) -> Result<(), RestoreError> {
    let path = Path::config_map(&settings.namespace, &names::proxy(&settings.service));
    let step = "removing intercepts from the record";
    for _ in 0..ATTEMPTS {
        let found: ConfigMap = match client.get(&path).await {
            Ok(found) => found,
            // Half a deletion: what is left is to be finished.
            Err(error) if error.is_not_found() => return finish(client, settings).await,
            Err(error) => return Err(at(step)(error)),
        };
        let text = found.data.get(names::RECORD_KEY).map_or("", String::as_str);
        let mut record = Record::parse(text)?;
        let gone = drop_intercepts(&mut record, over, heartbeats, &found);
        if gone.is_empty() && !record.intercepts.is_empty() {
            return Ok(());
        }
        if !gone.is_empty() {
            match client
                .patch(&path, Patch::Merge, &without(&record, &gone, &found))
                .await
            {
                Ok(()) => info!(
                    "removed {} intercept(s), {} stay",
                    gone.len(),
                    record.intercepts.len()
                ),
                Err(error) if error.is_conflict() => continue,
                Err(error) => return Err(at(step)(error)),
            }
        }
        return if record.intercepts.is_empty() {
            finish(client, settings).await
        } else {
            Ok(())
        };
    }
    Err(RestoreError::Contended { step })
}

/// Takes out what is over and has not come back to life; the heartbeat annotations that go with it.
fn drop_intercepts(
    record: &mut Record,
    over: &BTreeSet<InterceptId>,
    heartbeats: &BTreeMap<String, String>,
    found: &ConfigMap,
) -> Vec<String> {
    let annotation = |session: &str| format!("{}{session}", names::HEARTBEAT_ANNOTATION_PREFIX);
    let mut gone = Vec::new();
    record.intercepts.retain(|one| {
        let session = one.session.as_str();
        let beat = found.metadata.annotations.get(&annotation(session));
        let is_expired = one.expires.is_some_and(|expires| expires <= unix_seconds());
        let is_alive = !is_expired && beat != heartbeats.get(session);
        let stays = is_alive || !over.contains(&one.id);
        if !stays {
            gone.push(annotation(session));
        }
        stays
    });
    gone
}

/// A merge patch to `record`, on the version that was read.
fn without(record: &Record, gone: &[String], found: &ConfigMap) -> Value {
    let is_used = |annotation: &String| {
        record
            .intercepts
            .iter()
            .any(|one| annotation.ends_with(one.session.as_str()))
    };
    let annotations: BTreeMap<&String, Value> = gone
        .iter()
        .filter(|annotation| !is_used(annotation))
        .map(|annotation| (annotation, Value::Null))
        .collect();
    json!({
        "metadata": { "resourceVersion": found.metadata.resource_version, "annotations": annotations },
        "data": { names::RECORD_KEY: record.to_json() },
    })
}

/// Restores the Service if its selector is still ours, then deletes the proxy and with it everything it owns.
///
/// # Errors
/// When a step fails; the proxy is deleted only after the Service was restored.
pub async fn finish(client: &Client, settings: &Settings) -> Result<(), RestoreError> {
    // Before everything else: a proxy that is made once the Service is restored is somebody else's.
    let proxy = proxy_uid(client, settings).await?;
    restore_service(client, settings).await?;
    let Some(proxy) = proxy else {
        return Ok(());
    };
    // Also where it was restored already: by another agent, it may have been at this moment.
    sleep(ENDPOINTS_FOLLOW).await;
    delete_proxy(client, settings, &proxy).await
}

async fn restore_service(client: &Client, settings: &Settings) -> Result<(), RestoreError> {
    let path = Path::service(&settings.namespace, &settings.service);
    let step = "restoring the Service";
    for _ in 0..ATTEMPTS {
        let service: Object = match client.get(&path).await {
            Ok(service) => service,
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(at(step)(error)),
        };
        let ours = json!({ names::PROXY_LABEL: settings.service });
        let patch = if service.spec["selector"] == ours {
            let original = original_selector(client, settings, &service).await?;
            selector_patch(&service, &ours, &original)
        } else {
            annotation_patch(&service)
        };
        if patch.is_empty() {
            return Ok(());
        }
        match client.patch(&path, Patch::Json, &Value::Array(patch)).await {
            Ok(()) => {
                info!("restored Service {}/{}", settings.namespace, settings.service);
                return Ok(());
            }
            // A test in the patch failed: somebody changed it since it was read.
            Err(error) if error.is_conflict() || error.status().is_some_and(|s| s.as_u16() == 422) => {}
            Err(error) => return Err(at(step)(error)),
        }
    }
    Err(RestoreError::Contended { step })
}

/// From the annotation on the Service itself; the origin Service, which follows the original, knows it too.
async fn original_selector(
    client: &Client,
    settings: &Settings,
    service: &Object,
) -> Result<Value, RestoreError> {
    let annotation = service
        .metadata
        .annotations
        .get(names::ORIGINAL_SELECTOR_ANNOTATION);
    let selector = annotation.and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(selector @ Value::Object(_)) = selector {
        return Ok(selector);
    }
    let path = Path::service(&settings.namespace, &names::origin(&settings.service));
    match client.get::<Object>(&path).await {
        Ok(origin) if origin.spec["selector"].is_object() => Ok(origin.spec["selector"].clone()),
        Ok(_) => Err(RestoreError::NoOriginal),
        Err(error) if error.is_not_found() => Err(RestoreError::NoOriginal),
        Err(error) => Err(at("reading the origin Service")(error)),
    }
}

fn selector_patch(service: &Object, ours: &Value, original: &Value) -> Vec<Value> {
    let mut patch = vec![
        json!({ "op": "test", "path": "/spec/selector", "value": ours }),
        json!({ "op": "replace", "path": "/spec/selector", "value": original }),
    ];
    patch.extend(annotation_patch(service));
    patch
}

/// Removes our annotation, where it stands.
fn annotation_patch(service: &Object) -> Vec<Value> {
    let name = names::ORIGINAL_SELECTOR_ANNOTATION;
    let pointer = format!(
        "/metadata/annotations/{}",
        name.replace('~', "~0").replace('/', "~1")
    );
    service
        .metadata
        .annotations
        .get(name)
        .map(|value| {
            vec![
                json!({ "op": "test", "path": pointer, "value": value }),
                json!({ "op": "remove", "path": pointer }),
            ]
        })
        .unwrap_or_default()
}

async fn proxy_uid(client: &Client, settings: &Settings) -> Result<Option<String>, RestoreError> {
    let path = Path::deployment(&settings.namespace, &names::proxy(&settings.service));
    match client.get::<Object>(&path).await {
        Ok(deployment) => Ok(Some(deployment.metadata.uid)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(at("finding the proxy")(error)),
    }
}

async fn delete_proxy(client: &Client, settings: &Settings, uid: &str) -> Result<(), RestoreError> {
    let path = Path::deployment(&settings.namespace, &names::proxy(&settings.service));
    let step = "deleting the proxy";
    match client.delete(&path, uid).await {
        Ok(()) => {
            info!("deleted the proxy");
            Ok(())
        }
        // Gone, or another one by now, which is not ours to delete.
        Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
        Err(error) => Err(at(step)(error)),
    }
}
