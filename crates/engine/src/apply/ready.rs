//! The wait for a proxy pod, beside everything that could keep it from coming.

use std::time::Duration;

use intercept_protocol::names;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::time::{Instant, timeout};

use super::trouble::{self, Trouble};
use super::{Apply, ApplyError, Progress};
use crate::live::Live;
use crate::snapshot::is_ready;

/// From scaling to a ready pod. A first pull of the image on a slow line takes most of it.
const PROXY_WITHIN: Duration = Duration::from_secs(120);

impl Apply<'_> {
    /// Waits until a proxy pod is ready, and gives up as soon as Kubernetes says why none will be.
    pub(super) async fn await_ready(&self) -> Result<(), ApplyError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.plan.namespace);
        let labels = format!("{}={}", names::PROXY_LABEL, self.plan.service);
        let (mut pods, mut proxies) = (
            Live::labelled(pods, &labels),
            Live::named(self.deployments(), &self.proxy_name()),
        );
        let mut troubled: Option<(Trouble, Instant)> = None;
        let wait = async {
            loop {
                let trouble = tokio::select! {
                    changed = pods.changed() => {
                        let Ok(pods) = changed else { continue };
                        if pods.values().any(is_ready) { return Ok(()) }
                        trouble::of_pods(pods.values())
                    }
                    changed = proxies.changed() => {
                        let Ok(proxies) = changed else { continue };
                        // Its fuse burned down, or somebody closed it: what is planned is for a proxy that is gone.
                        if proxies.is_empty() { return Err(ApplyError::Raced) }
                        proxies.values().find_map(trouble::of_deployment)
                    }
                    () = until(troubled.as_ref().map(|(trouble, since)| *since + trouble.kind.patience())) => {
                        if let Some((trouble, _)) = troubled.take() {
                            return Err(ApplyError::Trouble(trouble));
                        }
                        None
                    }
                };
                if let (Some(trouble), None) = (trouble, &troubled) {
                    (self.report)(Progress::Trouble(trouble.clone()));
                    troubled = Some((trouble, Instant::now()));
                }
            }
        };
        timeout(PROXY_WITHIN, wait)
            .await
            .unwrap_or(Err(ApplyError::NotReady { waited: PROXY_WITHIN }))
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
