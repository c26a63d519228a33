//! Gives each pod the one node there is, or says why not in kube-scheduler's words.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec};
use kube::api::Patch;
use kube::{Api, Client};
use serde_json::json;

use super::{is_gone, now, params, unless_missing};
use crate::node::cache::{Cache, Key};
use crate::node::events::{Recorder, Severity, about};
use crate::node::queue::Queue;
use crate::node::{NODE_NAME, node_labels};

const MANAGER: &str = "kube-scheduler";
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// The scheduler.
#[derive(Clone)]
pub(crate) struct Scheduler {
    pub(crate) client: Client,
    pub(crate) pods: Cache<Pod>,
    pub(crate) recorder: Recorder,
}

impl Scheduler {
    /// Works until dropped.
    pub(crate) async fn run(self) {
        let queue = Arc::new(Queue::default());
        let mut pods = self.pods.subscribe();
        let feeding = async {
            while let Some(change) = pods.recv().await {
                if change.new.is_some_and(|pod| waits(&pod)) {
                    queue.add(change.key);
                }
            }
        };
        let scheduler = self.clone();
        let work = queue.clone().work(move |key| {
            let scheduler = scheduler.clone();
            async move { scheduler.look(&key).await }
        });
        tokio::join!(feeding, work);
    }

    async fn look(&self, key: &Key) -> Result<(), kube::Error> {
        let Some(pod) = self.pods.get(key).filter(|pod| waits(pod)) else {
            return Ok(());
        };
        let spec = pod.spec.clone().unwrap_or_default();
        match refusal(&spec, &node_labels()) {
            None => self.bind(&pod).await,
            Some(reason) => self.refuse(&pod, &reason).await,
        }
    }

    async fn bind(&self, pod: &Pod) -> Result<(), kube::Error> {
        let (namespace, name) = (
            pod.metadata.namespace.clone().unwrap_or_default(),
            pod.metadata.name.clone().unwrap_or_default(),
        );
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": { "name": name, "namespace": namespace, "uid": pod.metadata.uid },
            "target": { "apiVersion": "v1", "kind": "Node", "name": NODE_NAME },
        });
        let body = serde_json::to_vec(&binding).map_err(kube::Error::SerdeError)?;
        let request = http::Request::post(format!("/api/v1/namespaces/{namespace}/pods/{name}/binding"))
            .header("content-type", "application/json")
            .body(body)
            .map_err(kube::Error::HttpError)?;
        // 409: bound already, or another pod of this name by now.
        is_gone(self.client.request::<serde_json::Value>(request).await.map(drop))?;
        let message = format!("Successfully assigned {namespace}/{name} to {NODE_NAME}");
        self.recorder
            .tell(about(pod), Severity::Normal, "Scheduled", message);
        Ok(())
    }

    async fn refuse(&self, pod: &Pod, reason: &str) -> Result<(), kube::Error> {
        let message = format!(
            "0/1 nodes are available: {reason}. no new claims to deallocate, preemption: 0/1 nodes are available: \
             1 Preemption is not helpful for scheduling."
        );
        let conditions = pod
            .status
            .iter()
            .flat_map(|status| status.conditions.iter().flatten());
        let mut told = conditions.filter(|one| one.type_ == "PodScheduled");
        if told.any(|one| one.message.as_deref() == Some(message.as_str())) {
            return Ok(());
        }
        let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": message, "lastProbeTime": null, "lastTransitionTime": now() });
        let (namespace, name) = (
            pod.metadata.namespace.clone().unwrap_or_default(),
            pod.metadata.name.clone().unwrap_or_default(),
        );
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let patch = Patch::Merge(json!({ "status": { "phase": "Pending", "conditions": [condition] } }));
        unless_missing(api.patch_status(&name, &params(MANAGER), &patch).await.map(drop))?;
        self.recorder
            .tell(about(pod), Severity::Warning, "FailedScheduling", message);
        Ok(())
    }
}

fn waits(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let scheduler = spec.and_then(|spec| spec.scheduler_name.as_deref());
    pod.metadata.deletion_timestamp.is_none()
        && spec.is_some_and(|spec| spec.node_name.is_none() && spec.scheduling_gates.is_none())
        && scheduler.is_none_or(|name| name == DEFAULT_SCHEDULER)
}

/// Why the node does not take the pod.
fn refusal(spec: &PodSpec, labels: &BTreeMap<String, String>) -> Option<String> {
    let selector = spec.node_selector.iter().flatten();
    let is_selected = selector
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let affinity = spec.affinity.as_ref().and_then(|one| one.node_affinity.as_ref());
    let required = affinity.and_then(|one| one.required_during_scheduling_ignored_during_execution.as_ref());
    let is_liked = required.is_none_or(|one| one.node_selector_terms.iter().any(|term| is_met(term, labels)));
    if !is_selected || !is_liked {
        return Some("1 node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    let resources = spec.containers.iter().filter_map(|one| one.resources.as_ref());
    let requests = resources.flat_map(|one| one.requests.iter().flatten());
    let unknown = |name: &str| !matches!(name, "cpu" | "memory" | "ephemeral-storage");
    // Devices there are none of; cpu and memory are not counted here.
    let mut missing = requests.map(|(name, _)| name).filter(|name| unknown(name));
    missing.next().map(|name| format!("1 Insufficient {name}"))
}

fn is_met(term: &NodeSelectorTerm, labels: &BTreeMap<String, String>) -> bool {
    let expressions = term.match_expressions.iter().flatten();
    let fields = term.match_fields.iter().flatten();
    let name = BTreeMap::from([("metadata.name".to_owned(), NODE_NAME.to_owned())]);
    let is_empty = term.match_expressions.is_none() && term.match_fields.is_none();
    !is_empty
        && expressions.into_iter().all(|one| holds(one, labels))
        && fields.into_iter().all(|one| holds(one, &name))
}

fn holds(one: &NodeSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&one.key);
    let values = one.values.as_deref().unwrap_or_default();
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<i64>().ok());
    match one.operator.as_str() {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number(value) > number(values.first()),
        "Lt" => value.is_some() && number(value) < number(values.first()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(spec: &serde_json::Value) -> Option<String> {
        let labels = BTreeMap::from([
            ("kubernetes.io/os".to_owned(), "linux".to_owned()),
            ("kubernetes.io/arch".to_owned(), "amd64".to_owned()),
        ]);
        let mut whole = json!({ "containers": [] });
        for (key, value) in spec.as_object().unwrap() {
            whole[key] = value.clone();
        }
        refusal(&serde_json::from_value(whole).unwrap(), &labels)
    }

    fn affinity(operator: &str, values: &[&str]) -> serde_json::Value {
        json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/arch", "operator": operator, "values": values },
            ] }],
        } } } })
    }

    #[test]
    fn a_pod_for_this_node_is_taken() {
        assert_eq!(refused(&json!({})), None);
        assert_eq!(refused(&affinity("In", &["amd64", "arm64"])), None);
        assert_eq!(
            refused(&json!({ "nodeSelector": { "kubernetes.io/os": "linux" } })),
            None
        );
    }

    #[test]
    fn a_pod_for_another_node_is_told_so() {
        let words = "1 node(s) didn't match Pod's node affinity/selector".to_owned();
        assert_eq!(refused(&affinity("In", &["s390x"])), Some(words.clone()));
        assert_eq!(
            refused(&json!({ "nodeSelector": { "disk": "fast" } })),
            Some(words)
        );
    }

    #[test]
    fn a_device_that_no_node_has_is_insufficient() {
        let pod = json!({ "containers": [{ "name": "c", "resources": { "requests": { "nvidia.com/gpu": "1" } } }] });
        assert_eq!(refused(&pod), Some("1 Insufficient nvidia.com/gpu".to_owned()));
    }
}
