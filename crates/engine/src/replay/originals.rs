//! The pods that a Service selects without us, reached by port-forward.

use intercept_inspect::exchange::Place;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Api, Client, ResourceExt as _};

use crate::cluster::ApiFailure;
use crate::plan::numeric_target;
use crate::snapshot::{SnapshotError, is_ready, selected_pods, selector_without_us};
use crate::tunnel::{ConnectError, ForwardedStream, PodName, forward};

/// The original pods of any Service of one cluster.
pub struct Originals {
    client: Client,
}

/// Why none of them could be asked.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// The Service cannot be read.
    #[error("the Service {service} in {namespace} could not be read")]
    Service {
        /// The namespace.
        namespace: String,
        /// The Service.
        service: String,
        /// Why.
        #[source]
        source: ApiFailure,
    },
    /// The pods cannot be read.
    #[error("the original pods could not be read")]
    Pods(#[from] SnapshotError),
    /// There is no such port, or the pods do not name it.
    #[error("port {port} of the Service {service} leads to no port of its pods")]
    NoPort {
        /// The Service.
        service: String,
        /// The Service's port.
        port: u16,
    },
    /// None is ready.
    #[error("no original pod of the Service {service} is ready")]
    NoneReady {
        /// The Service.
        service: String,
    },
    /// The port-forward failed.
    #[error("no port-forward to the original pod {pod}")]
    Forward {
        /// The pod.
        pod: String,
        /// Why.
        #[source]
        source: ConnectError,
    },
}

impl Originals {
    /// Those of the cluster behind `client`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// A connection to one that is ready.
    ///
    /// # Errors
    /// When there is none, or none that may be reached.
    pub async fn connect(&self, place: &Place) -> Result<ForwardedStream, OriginalError> {
        let (namespace, name) = (&place.namespace, &place.service);
        let services: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let service = services.get(name).await.map_err(|error| OriginalError::Service {
            namespace: namespace.clone(),
            service: name.clone(),
            source: ApiFailure::from(error),
        })?;
        let selector = selector_without_us(&service).unwrap_or_default();
        let pods = selected_pods(&self.client, namespace, &selector).await?;
        let ready = pods.iter().find(|pod| is_ready(pod));
        let pod = ready.ok_or_else(|| OriginalError::NoneReady {
            service: name.clone(),
        })?;
        let port = container_port(&service, place.port, pod).ok_or_else(|| OriginalError::NoPort {
            service: name.clone(),
            port: place.port,
        })?;
        let pod = PodName::from(pod.name_any().as_str());
        forward(&self.client, namespace, &pod, port)
            .await
            .map_err(|source| OriginalError::Forward {
                pod: pod.to_string(),
                source,
            })
    }
}

/// Which port of `pod` the Service's `port` leads to.
fn container_port(service: &Service, port: u16, pod: &Pod) -> Option<u16> {
    let mut declared = service.spec.as_ref()?.ports.iter().flatten();
    let found = declared.find(|one| one.port == i32::from(port))?;
    if let Some(number) = numeric_target(found) {
        return Some(number);
    }
    let Some(IntOrString::String(name)) = &found.target_port else {
        return None;
    };
    let containers = &pod.spec.as_ref()?.containers;
    let mut ports = containers.iter().flat_map(|one| one.ports.iter().flatten());
    let named = ports.find(|one| one.name.as_ref() == Some(name))?;
    u16::try_from(named.container_port).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_port_leads_to_the_port_its_pods_name() {
        let service: Service = serde_json::from_value(json!({ "spec": { "ports": [
            { "port": 80, "targetPort": "web" }, { "port": 81, "targetPort": 8081 }, { "port": 82 },
            { "port": 83, "targetPort": "none" },
        ] } }))
        .unwrap();
        let pod: Pod = serde_json::from_value(json!({ "spec": { "containers": [
            { "name": "a" }, { "name": "b", "ports": [{ "name": "web", "containerPort": 3000 }] },
        ] } }))
        .unwrap();
        let ports = [80, 81, 82, 83, 84].map(|port| container_port(&service, port, &pod));
        assert_eq!(ports, [Some(3000), Some(8081), Some(82), None, None]);
    }
}
