//! The proxy pods of one Service in a real cluster, reached by port-forward.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use hyper_util::rt::TokioIo;
use intercept_protocol::names;
use intercept_protocol::record::Record;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::core::Request;
use kube::{Api, Client, Resource as _, ResourceExt as _};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;

use super::connector::{ConnectError, PodConnector, PodName, PodStage};
use super::port_forward::PortForward;
use crate::live::Live;

/// What the API server hands over when it has accepted a port-forward.
type Upgraded = TokioIo<hyper::upgrade::Upgraded>;

/// What passes between us and a pod's port.
pub type ForwardedStream = PortForward<Upgraded>;

/// Watches the proxy's pods and forwards their relay port.
pub struct KubePods {
    client: Client,
    namespace: String,
    service: String,
    /// From the record; the same for all pods, and asked for anew when one cannot be reached.
    relay_port: Mutex<Option<u16>>,
}

impl KubePods {
    /// The proxy pods of `service`.
    pub fn new(client: Client, namespace: &str, service: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            relay_port: Mutex::new(None),
        }
    }

    async fn port(&self) -> Result<u16, ConnectError> {
        let mut known = self.relay_port.lock().await;
        if let Some(port) = *known {
            return Ok(port);
        }
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.namespace);
        let map = maps.get(&names::proxy(&self.service)).await.map_err(unreadable)?;
        let text = map.data.as_ref().and_then(|data| data.get(names::RECORD_KEY));
        let record = Record::parse(text.map_or("", String::as_str)).map_err(unreadable)?;
        *known = Some(record.relay_port);
        Ok(record.relay_port)
    }
}

/// A connection to a pod's port, through the API server.
pub(crate) async fn forward(
    client: &Client,
    namespace: &str,
    pod: &PodName,
    port: u16,
) -> Result<ForwardedStream, ConnectError> {
    let pods = Request::new(Pod::url_path(&(), Some(namespace)));
    let request = pods.portforward(pod.as_str(), &[port]);
    let request = request.map_err(|error| ConnectError::Api(kube::Error::BuildRequest(error)))?;
    let socket: WebSocketStream<Upgraded> = client.connect(request).await.map_err(refused)?.into_stream();
    Ok(PortForward::new(socket))
}

impl PodConnector for KubePods {
    type Stream = ForwardedStream;

    fn pods(&self) -> BoxStream<'static, BTreeMap<PodName, PodStage>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let labels = format!("{}={}", names::PROXY_LABEL, self.service);
        let live = Live::<Pod>::labelled(pods, &labels);
        let changes = stream::unfold(live, |mut live| async {
            loop {
                match live.changed().await {
                    Ok(pods) => {
                        let stages = pods.values().filter_map(stage).collect();
                        return Some((stages, live));
                    }
                    Err(error) => tracing::debug!(%error, "the watch of the proxy pods is retried"),
                }
            }
        });
        changes.boxed()
    }

    fn connect<'a>(&'a self, pod: &'a PodName) -> BoxFuture<'a, Result<Self::Stream, ConnectError>> {
        Box::pin(async move {
            let connected = match self.port().await {
                Ok(port) => forward(&self.client, &self.namespace, pod, port).await,
                Err(error) => Err(error),
            };
            if connected.is_err() {
                // The proxy may have been made anew with another port.
                *self.relay_port.lock().await = None;
            }
            connected
        })
    }
}

/// A pod is worth a try from the moment it has a node: Kubernetes tells up to a second late that a container
/// runs. One that is being deleted drains, and needs no new relay.
fn stage(pod: &Pod) -> Option<(PodName, PodStage)> {
    let status = pod.status.as_ref()?;
    let has_node = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let is_over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    if !has_node || is_over || pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let mut containers = status.container_statuses.iter().flatten();
    let runs = containers.any(|one| {
        one.name == names::AGENT_CONTAINER && one.state.as_ref().is_some_and(|state| state.running.is_some())
    });
    Some((
        pod.name_any().into(),
        if runs {
            PodStage::Running
        } else {
            PodStage::Starting
        },
    ))
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> ConnectError {
    ConnectError::Record(Box::new(error))
}

fn refused(error: kube::Error) -> ConnectError {
    match &error {
        kube::Error::Api(status) if status.code == 404 => ConnectError::NoPod,
        kube::Error::Api(status) if status.code == 403 => ConnectError::Forbidden(error),
        _ => ConnectError::Api(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn stage_of(change: impl FnOnce(&mut Value)) -> Option<PodStage> {
        let mut pod = json!({
            "metadata": { "name": "p" },
            "spec": { "nodeName": "n", "containers": [] },
            "status": { "phase": "Pending" },
        });
        change(&mut pod);
        stage(&serde_json::from_value(pod).unwrap()).map(|(_, stage)| stage)
    }

    #[test]
    fn a_pod_is_tried_as_soon_as_it_has_a_node() {
        assert_eq!(stage_of(|_| {}), Some(PodStage::Starting));
        assert_eq!(stage_of(|pod| pod["spec"]["nodeName"] = Value::Null), None);
    }

    #[test]
    fn a_pod_runs_when_its_agent_does() {
        let with = |name: &str| {
            let status = json!([{ "name": name, "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "running": {} } }]);
            stage_of(|pod| pod["status"]["containerStatuses"] = status)
        };
        assert_eq!(with(names::AGENT_CONTAINER), Some(PodStage::Running));
        assert_eq!(with(names::NGINX_CONTAINER), Some(PodStage::Starting));
    }

    #[test]
    fn a_pod_that_ends_gets_no_new_relay() {
        assert_eq!(
            stage_of(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z")),
            None
        );
        assert_eq!(stage_of(|pod| pod["status"]["phase"] = json!("Failed")), None);
    }
}
