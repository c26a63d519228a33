//! Keeps each Service's EndpointSlices, and its Endpoints, as its pods are.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Endpoints, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::slices::{self, Action};
use super::{is_gone, params};
use crate::node::cache::{Cache, Change, Key};
use crate::node::queue::Queue;

const MANAGER: &str = "kube-controller-manager";

/// The controller.
#[derive(Clone)]
pub(crate) struct EndpointsController {
    pub(crate) client: Client,
    pub(crate) services: Cache<Service>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) slices: Cache<EndpointSlice>,
}

impl EndpointsController {
    /// Works until dropped.
    pub(crate) async fn run(self) {
        let queue = Arc::new(Queue::default());
        let (mut services, mut pods, mut slices) = (
            self.services.subscribe(),
            self.pods.subscribe(),
            self.slices.subscribe(),
        );
        // With half a view a Service would for a moment have half its endpoints.
        tokio::join!(self.services.filled(), self.pods.filled(), self.slices.filled());
        let feeding = async {
            loop {
                tokio::select! {
                    Some(change) = services.recv() => queue.add(change.key),
                    Some(change) = pods.recv() => self.of_pod(&change, &queue),
                    Some(change) = slices.recv() => of_slice(&change, &queue),
                    else => return,
                }
            }
        };
        let controller = self.clone();
        let work = queue.clone().work(move |key| {
            let controller = controller.clone();
            async move { controller.look(&key).await }
        });
        tokio::join!(feeding, work);
    }

    fn of_pod(&self, change: &Change<Pod>, queue: &Queue) {
        for service in self.services.in_namespace(&change.key.0) {
            let Some(selector) = slices::selector(&service) else {
                continue;
            };
            let mut versions = change.old.iter().chain(&change.new);
            if versions.any(|pod| slices::selects(selector, pod)) {
                queue.add(crate::node::cache::key_of(service.as_ref()));
            }
        }
    }

    async fn look(&self, key: &Key) -> Result<(), kube::Error> {
        let Some(service) = self.services.get(key) else {
            // The slices go with their owner; Endpoints have none.
            let api: Api<Endpoints> = Api::namespaced(self.client.clone(), &key.0);
            return is_gone(api.delete(&key.1, &DeleteParams::default()).await.map(drop));
        };
        let Some(selector) = slices::selector(&service) else {
            return Ok(());
        };
        let pods = self.pods.in_namespace(&key.0);
        let selected: Vec<&Pod> = pods
            .iter()
            .map(AsRef::as_ref)
            .filter(|pod| slices::selects(selector, pod))
            .collect();
        let wanted = slices::wanted(&service, selected.iter().copied());
        let cached = self.slices.in_namespace(&key.0);
        let standing: Vec<_> = cached.into_iter().filter(|slice| is_of(slice, &key.1)).collect();
        if !slices::actions(&service, wanted.clone(), &standing).is_empty() {
            self.write_slices(key, &service, wanted).await?;
            self.write_endpoints(key, &service, &selected).await?;
        }
        Ok(())
    }

    /// Decided once more on what the API server has now: the watch may be a moment behind our own last write.
    async fn write_slices(
        &self,
        key: &Key,
        service: &Service,
        wanted: Vec<slices::Wanted>,
    ) -> Result<(), kube::Error> {
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), &key.0);
        let labels = format!("{}={}", slices::SERVICE_NAME_LABEL, key.1);
        let listed = api
            .list(&kube::api::ListParams::default().labels(&labels))
            .await?;
        let standing: Vec<_> = listed
            .items
            .into_iter()
            .filter(slices::is_ours)
            .map(Arc::new)
            .collect();
        let post = PostParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PostParams::default()
        };
        for action in slices::actions(service, wanted, &standing) {
            match action {
                Action::Create(slice) => drop(api.create(&post, &slice).await?),
                Action::Replace(slice) => {
                    let name = slice.metadata.name.clone().unwrap_or_default();
                    api.replace(&name, &post, &slice).await?;
                }
                Action::Delete(name) => {
                    is_gone(api.delete(&name, &DeleteParams::default()).await.map(drop))?;
                }
            }
        }
        Ok(())
    }

    async fn write_endpoints(&self, key: &Key, service: &Service, pods: &[&Pod]) -> Result<(), kube::Error> {
        let api: Api<Endpoints> = Api::namespaced(self.client.clone(), &key.0);
        let body = endpoints(service, pods);
        let patched = api.patch(&key.1, &params(MANAGER), &Patch::Merge(&body)).await;
        match patched {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let mut body = body;
                body["apiVersion"] = json!("v1");
                body["kind"] = json!("Endpoints");
                let fresh: Endpoints = serde_json::from_value(body).map_err(kube::Error::SerdeError)?;
                let post = PostParams {
                    field_manager: Some(MANAGER.to_owned()),
                    ..PostParams::default()
                };
                api.create(&post, &fresh).await.map(drop)
            }
            patched => patched.map(drop),
        }
    }
}

fn of_slice(change: &Change<EndpointSlice>, queue: &Queue) {
    let slice = change.new.as_ref().or(change.old.as_ref());
    let labels = slice.and_then(|slice| slice.metadata.labels.as_ref());
    if let Some(service) = labels.and_then(|labels| labels.get(slices::SERVICE_NAME_LABEL)) {
        queue.add((change.key.0.clone(), service.clone()));
    }
}

fn is_of(slice: &EndpointSlice, service: &str) -> bool {
    let labels = slice.metadata.labels.as_ref();
    let named = labels.and_then(|labels| labels.get(slices::SERVICE_NAME_LABEL));
    named.map(String::as_str) == Some(service) && slices::is_ours(slice)
}

/// The older form of the same: ready and other addresses for each set of ports.
fn endpoints(service: &Service, pods: &[&Pod]) -> Value {
    let publishes = service
        .spec
        .as_ref()
        .and_then(|spec| spec.publish_not_ready_addresses)
        .unwrap_or_default();
    let mut subsets: BTreeMap<String, (Value, Vec<Value>, Vec<Value>)> = BTreeMap::new();
    for pod in pods {
        let ip = pod.status.as_ref().and_then(|status| status.pod_ip.clone());
        let terminating = pod.metadata.deletion_timestamp.is_some();
        let Some(ip) = ip.filter(|_| !crate::node::pod::is_over(pod) && (publishes || !terminating)) else {
            continue;
        };
        let ports: Vec<Value> = slices::ports(service, pod)
            .into_iter()
            .map(|port| json!({ "name": port.name, "port": port.port, "protocol": port.protocol }))
            .collect();
        let (key, ports) = (json!(ports).to_string(), json!(ports));
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let address = json!({ "ip": ip, "nodeName": node, "targetRef": slices::reference(pod) });
        let subset = subsets
            .entry(key)
            .or_insert_with(|| (ports, Vec::new(), Vec::new()));
        if publishes || crate::node::pod::is_ready(pod) {
            subset.1.push(address);
        } else {
            subset.2.push(address);
        }
    }
    let subsets: Vec<Value> = subsets
        .into_values()
        .map(|(ports, ready, other)| {
            let mut subset = json!({ "ports": ports });
            if !ready.is_empty() {
                subset["addresses"] = json!(ready);
            }
            if !other.is_empty() {
                subset["notReadyAddresses"] = json!(other);
            }
            subset
        })
        .collect();
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(
        "endpoints.kubernetes.io/managed-by".to_owned(),
        "endpoint-controller".to_owned(),
    );
    if slices::is_headless(service) {
        labels.insert(slices::HEADLESS_LABEL.to_owned(), String::new());
    }
    json!({ "metadata": { "name": service.metadata.name, "labels": labels }, "subsets": subsets })
}
