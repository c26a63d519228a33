//! Makes this pod one more owner of the origin Service.
//!
//! Garbage collection removes an object when its last owner is gone, so the origin Service outlives the
//! Deployment until the last draining pod has gone too.

use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::names;
use serde_json::json;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::api::{ApiError, Client, Object, Patch, Path};
use crate::log::chain;
use crate::settings::Settings;
use crate::{info, warning};

const BACKOFF_FIRST: Duration = Duration::from_millis(50);
const BACKOFF_MOST: Duration = Duration::from_secs(10);
/// Several pods that start together take turns.
const ATTEMPTS: usize = 30;

/// Adopts the origin Service, or gives up with a warning: the laptop does it where the agent may not.
pub async fn adopt(agent: Arc<Agent>) {
    let Some(client) = &agent.api else {
        return;
    };
    let mut backoff = BACKOFF_FIRST;
    for _ in 0..ATTEMPTS {
        match once(client, &agent.settings).await {
            Ok(()) => return info!("this pod owns the origin Service too"),
            Err(error) if error.is_forbidden() => {
                return warning!("the origin Service cannot be owned: {}", chain(&error));
            }
            Err(error) if error.is_conflict() => sleep(BACKOFF_FIRST).await,
            Err(error) => {
                warning!("the origin Service cannot be owned yet: {}", chain(&error));
                sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MOST);
            }
        }
    }
}

async fn once(client: &Client, settings: &Settings) -> Result<(), ApiError> {
    let path = Path::service(&settings.namespace, &names::origin(&settings.service));
    let service: Object = client.get(&path).await?;
    let mut owners = service.metadata.owner_references;
    if owners
        .iter()
        .any(|owner| owner["uid"] == settings.pod_uid.as_str())
    {
        return Ok(());
    }
    owners.push(json!({
        "apiVersion": "v1", "kind": "Pod", "name": settings.pod, "uid": settings.pod_uid,
    }));
    let patch = json!({ "metadata": {
        "resourceVersion": service.metadata.resource_version,
        "ownerReferences": owners,
    } });
    client.patch(&path, Patch::Merge, &patch).await
}
