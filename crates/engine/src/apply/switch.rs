//! The one change of the Service, there and back, and the wait until the cluster follows.

use std::collections::BTreeMap;
use std::time::Duration;

use intercept_protocol::names;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, Patch};
use kube::{Api, Client};
use serde_json::json;

use super::objects::manager;
use crate::cluster::ApiFailure;
use crate::live::Live;
use crate::plan::Switch;
use crate::snapshot::{is_proxy_selector, original_selector, selector};

/// EndpointSlices follow within milliseconds where the controller is healthy.
const SLICES_WITHIN: Duration = Duration::from_secs(10);

/// The Service could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Somebody changed the selector since it was read.
    #[error("the selector of Service `{service}` was changed meanwhile by {by}")]
    ChangedByOther {
        /// The Service.
        service: String,
        /// Who, from managedFields.
        by: String,
    },
    /// The Service is not there any more.
    #[error("Service `{service}` is gone")]
    Gone {
        /// The Service.
        service: String,
    },
    /// The API server refused.
    #[error("the selector of Service `{service}` could not be changed")]
    Api {
        /// The Service.
        service: String,
        /// Its answer.
        #[source]
        source: ApiFailure,
    },
}

/// What a restore found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The Service selects its original pods again.
    Now,
    /// It did already.
    Already,
    /// The Service was deleted meanwhile: nothing to restore.
    ServiceGone,
}

/// Sends the Service's requests to the proxy, if its selector is still the planned one.
///
/// # Errors
/// When it is not, or the API server refuses.
pub async fn switch(
    client: &Client,
    namespace: &str,
    service: &str,
    switch: &Switch,
) -> Result<(), SwitchError> {
    let api: Api<Service> = Api::namespaced(client.clone(), namespace);
    let original = serde_json::to_string(&switch.from).unwrap_or_default();
    let mut patch = vec![json!({ "op": "test", "path": "/spec/selector", "value": switch.from })];
    if !switch.has_annotations {
        patch.push(json!({ "op": "add", "path": "/metadata/annotations", "value": {} }));
    }
    patch.push(json!({ "op": "add", "path": annotation_path(), "value": original }));
    patch.push(json!({ "op": "replace", "path": "/spec/selector", "value": switch.to }));
    match patched(&api, service, patch).await {
        Ok(()) => Ok(()),
        Err(failure) => {
            let now = read(&api, service).await?;
            if is_proxy_selector(&selector(&now), service) {
                // Somebody who engaged at the same time was faster; the Service is where it should be.
                return Ok(());
            }
            Err(explain(&now, service, &switch.from, failure))
        }
    }
}

/// Gives the Service its original selector back. Idempotent; never overwrites another's change.
///
/// # Errors
/// When the selector is the proxy's but cannot be changed, or what it was is not known.
pub async fn restore(client: &Client, namespace: &str, service: &str) -> Result<Restored, SwitchError> {
    let api: Api<Service> = Api::namespaced(client.clone(), namespace);
    for _ in 0..3 {
        let Some(now) = api
            .get_opt(service)
            .await
            .map_err(|error| api_error(service, error))?
        else {
            return Ok(Restored::ServiceGone);
        };
        let switched = is_proxy_selector(&selector(&now), service);
        let original = original_selector(&now);
        let patch = match (switched, original) {
            (true, Some(original)) => vec![
                json!({ "op": "test", "path": "/spec/selector", "value": selector(&now) }),
                json!({ "op": "replace", "path": "/spec/selector", "value": original }),
                json!({ "op": "remove", "path": annotation_path() }),
            ],
            (true, None) => {
                return Err(SwitchError::ChangedByOther {
                    service: service.to_owned(),
                    by: author(&now),
                });
            }
            // Somebody put the selector back, or never let us change it: only our annotation goes.
            (false, Some(_)) => vec![json!({ "op": "remove", "path": annotation_path() })],
            (false, None) => return Ok(Restored::Already),
        };
        match patched(&api, service, patch).await {
            Ok(()) if switched => return Ok(Restored::Now),
            Ok(()) => return Ok(Restored::Already),
            // Changed between read and patch: look again.
            Err(failure) if is_test_failure(&failure) => {}
            Err(failure) if failure.is_not_found() => return Ok(Restored::ServiceGone),
            Err(source) => {
                return Err(SwitchError::Api {
                    service: service.to_owned(),
                    source,
                });
            }
        }
    }
    let now = read(&api, service).await?;
    Err(SwitchError::ChangedByOther {
        service: service.to_owned(),
        by: author(&now),
    })
}

/// Waits until the Service's ready endpoints are the proxy's pods and no others, or none of them.
/// Returns whether that came true in time.
pub async fn await_endpoints(client: &Client, namespace: &str, service: &str, proxied: bool) -> bool {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let labels = format!("{}={service}", names::PROXY_LABEL);
    let Ok(proxies) = pods.list(&ListParams::default().labels(&labels)).await else {
        return false;
    };
    let proxies: Vec<String> = proxies
        .items
        .into_iter()
        .filter_map(|pod| pod.metadata.uid)
        .collect();
    let mut live = Live::labelled(slices, &format!("kubernetes.io/service-name={service}"));
    let arrived = live.until(|slices| {
        let ready: Vec<bool> = slices
            .values()
            .flat_map(|slice| ready_uids(slice, &proxies))
            .collect();
        if proxied {
            !ready.is_empty() && ready.iter().all(|ours| *ours)
        } else {
            ready.iter().all(|ours| !*ours)
        }
    });
    tokio::time::timeout(SLICES_WITHIN, arrived).await.is_ok()
}

/// Who last wrote the Service's selector, as Kubernetes recorded it.
pub(crate) fn author(service: &Service) -> String {
    let entries = service.metadata.managed_fields.iter().flatten();
    let mut writers: Vec<_> = entries
        .filter(|entry| entry.manager.as_deref() != Some(names::FIELD_MANAGER))
        .filter(|entry| {
            entry
                .fields_v1
                .as_ref()
                .is_some_and(|fields| !fields.0["f:spec"]["f:selector"].is_null())
        })
        .collect();
    writers.sort_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    match writers.last() {
        Some(entry) => {
            let name = entry.manager.as_deref().unwrap_or("somebody");
            entry
                .time
                .as_ref()
                .map_or_else(|| name.to_owned(), |time| format!("{name} at {}", time.0))
        }
        None => "somebody".to_owned(),
    }
}

fn ready_uids<'a>(slice: &'a EndpointSlice, proxies: &'a [String]) -> impl Iterator<Item = bool> + 'a {
    slice.endpoints.iter().filter_map(move |endpoint| {
        let is_ready = endpoint
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.ready)
            .unwrap_or(true);
        let uid = endpoint
            .target_ref
            .as_ref()
            .and_then(|target| target.uid.as_ref());
        is_ready.then(|| uid.is_some_and(|uid| proxies.contains(uid)))
    })
}

fn annotation_path() -> String {
    format!(
        "/metadata/annotations/{}",
        names::ORIGINAL_SELECTOR_ANNOTATION.replace('/', "~1")
    )
}

async fn patched(api: &Api<Service>, service: &str, patch: Vec<serde_json::Value>) -> Result<(), ApiFailure> {
    let patch = serde_json::from_value(patch.into()).expect("our patch must be a JSON patch");
    let done = api.patch(service, &manager(), &Patch::Json::<()>(patch)).await;
    done.map(drop)
        .map_err(|error| ApiFailure::from(error).during("patch", "services"))
}

async fn read(api: &Api<Service>, service: &str) -> Result<Service, SwitchError> {
    let found = api
        .get_opt(service)
        .await
        .map_err(|error| api_error(service, error))?;
    found.ok_or_else(|| SwitchError::Gone {
        service: service.to_owned(),
    })
}

fn explain(
    now: &Service,
    service: &str,
    planned: &BTreeMap<String, String>,
    source: ApiFailure,
) -> SwitchError {
    let service = service.to_owned();
    if selector(now) == *planned {
        return SwitchError::Api { service, source };
    }
    SwitchError::ChangedByOther {
        service,
        by: author(now),
    }
}

fn api_error(service: &str, error: kube::Error) -> SwitchError {
    SwitchError::Api {
        service: service.to_owned(),
        source: ApiFailure::from(error),
    }
}

/// A JSON patch whose `test` does not hold is answered with 422 or 409, depending on the version.
fn is_test_failure(failure: &ApiFailure) -> bool {
    failure.is_conflict() || matches!(failure.kind, crate::cluster::FailureKind::Invalid { .. })
}
