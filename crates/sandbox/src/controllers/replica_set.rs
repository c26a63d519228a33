//! Keeps as many pods as a ReplicaSet asks for, and counts them.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams, Patch, Preconditions};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{controller_of, is_controlled_by, is_gone, now, params, post, rollout, unless_missing};
use crate::node::cache::{Cache, Key};
use crate::node::events::{Recorder, Severity, about};
use crate::node::pod::{available_since, is_over, is_ready};
use crate::node::queue::Queue;

const MANAGER: &str = "kube-controller-manager";

/// The controller.
#[derive(Clone)]
pub(crate) struct ReplicaSetController {
    pub(crate) client: Client,
    pub(crate) sets: Cache<ReplicaSet>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) recorder: Recorder,
}

impl ReplicaSetController {
    /// Works until dropped.
    pub(crate) async fn run(self) {
        let queue = Arc::new(Queue::default());
        let (mut sets, mut pods) = (self.sets.subscribe(), self.pods.subscribe());
        tokio::join!(self.sets.filled(), self.pods.filled());
        let feeding = async {
            loop {
                tokio::select! {
                    Some(change) = sets.recv() => queue.add(change.key),
                    Some(change) = pods.recv() => {
                        let pod = change.new.as_ref().or(change.old.as_ref());
                        if let Some(owner) = pod.and_then(|pod| controller_of(&pod.metadata, "ReplicaSet")) {
                            queue.add((change.key.0.clone(), owner.name.clone()));
                        }
                    }
                    else => return,
                }
            }
        };
        let (controller, again) = (self.clone(), queue.clone());
        let work = queue.clone().work(move |key| {
            let (controller, again) = (controller.clone(), again.clone());
            async move { controller.look(&key, &again).await }
        });
        tokio::join!(feeding, work);
    }

    async fn look(&self, key: &Key, queue: &Arc<Queue>) -> Result<(), kube::Error> {
        let Some(set) = self.sets.get(key) else {
            return Ok(());
        };
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let uid = set.metadata.uid.as_deref();
        let cached = self.pods.in_namespace(&key.0);
        let mut pods: Vec<Arc<Pod>> = cached
            .into_iter()
            .filter(|pod| is_controlled_by(&pod.metadata, uid))
            .collect();
        let mut refused = Ok(());
        if active(&pods).count() != size(&set) {
            // Before pods are made or deleted: what is really there, and whether the set still asks for it.
            let Some(fresh) = self.fresh(&set).await? else {
                return Ok(());
            };
            pods = self.own_pods(&fresh).await?;
            refused = self.even_out(&fresh, &pods).await;
        }
        let wait = self.write_status(&set, &pods, refused.as_ref().err()).await?;
        if let Some(wait) = wait {
            queue.add_later(key.clone(), wait);
        }
        refused
    }

    async fn fresh(&self, set: &ReplicaSet) -> Result<Option<ReplicaSet>, kube::Error> {
        let (namespace, name) = place(&set.metadata);
        let found = Api::<ReplicaSet>::namespaced(self.client.clone(), &namespace)
            .get_opt(&name)
            .await?;
        Ok(found
            .filter(|one| one.metadata.uid == set.metadata.uid && one.metadata.deletion_timestamp.is_none()))
    }

    async fn own_pods(&self, set: &ReplicaSet) -> Result<Vec<Arc<Pod>>, kube::Error> {
        let (namespace, _) = place(&set.metadata);
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let labels = set
            .spec
            .as_ref()
            .and_then(|spec| spec.selector.match_labels.clone());
        let labels = labels.unwrap_or_default();
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let listed = api.list(&ListParams::default().labels(&labels.join(","))).await?;
        let uid = set.metadata.uid.as_deref();
        let own = listed
            .items
            .into_iter()
            .filter(|pod| is_controlled_by(&pod.metadata, uid));
        Ok(own.map(Arc::new).collect())
    }

    async fn even_out(&self, set: &ReplicaSet, pods: &[Arc<Pod>]) -> Result<(), kube::Error> {
        let (namespace, _) = place(&set.metadata);
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        let mut active: Vec<&Arc<Pod>> = active(pods).collect();
        let wanted = size(set);
        for _ in active.len()..wanted {
            let template = set
                .spec
                .as_ref()
                .and_then(|spec| spec.template.clone())
                .unwrap_or_default();
            let pod = pod_of(&template, set, None);
            match api.create(&post(MANAGER), &pod).await {
                Ok(made) => {
                    let message = format!("Created pod: {}", made.metadata.name.unwrap_or_default());
                    self.recorder
                        .tell(about(set), Severity::Normal, "SuccessfulCreate", message);
                }
                Err(error) => {
                    let message = format!("Error creating: {}", words(&error));
                    self.recorder
                        .tell(about(set), Severity::Warning, "FailedCreate", message);
                    return Err(error);
                }
            }
        }
        active.sort_by_key(|pod| worth(pod));
        let surplus = active.len().saturating_sub(wanted);
        for pod in active.into_iter().take(surplus) {
            let (name, uid) = (
                pod.metadata.name.clone().unwrap_or_default(),
                pod.metadata.uid.clone(),
            );
            let params = DeleteParams {
                preconditions: Some(Preconditions {
                    uid,
                    resource_version: None,
                }),
                ..DeleteParams::default()
            };
            is_gone(api.delete(&name, &params).await.map(drop))?;
            let message = format!("Deleted pod: {name}");
            self.recorder
                .tell(about(set), Severity::Normal, "SuccessfulDelete", message);
        }
        Ok(())
    }

    /// How long until a ready pod counts as available, where one has to wait.
    async fn write_status(
        &self,
        set: &ReplicaSet,
        pods: &[Arc<Pod>],
        error: Option<&kube::Error>,
    ) -> Result<Option<std::time::Duration>, kube::Error> {
        let seconds = set
            .spec
            .as_ref()
            .and_then(|spec| spec.min_ready_seconds)
            .unwrap_or_default();
        let least = std::time::Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let active: Vec<&Arc<Pod>> = active(pods).collect();
        let waits: Vec<_> = active
            .iter()
            .filter_map(|pod| available_since(pod, least))
            .collect();
        let available = waits.iter().filter(|wait| wait.is_zero()).count();
        let status = json!({
            "replicas": active.len(),
            "fullyLabeledReplicas": count(active.len()),
            "readyReplicas": count(active.iter().filter(|pod| is_ready(pod)).count()),
            "availableReplicas": count(available),
            "observedGeneration": set.metadata.generation,
            "conditions": error.map(|error| failure(set, error)),
        });
        let before = json!(set.status.clone().unwrap_or_default());
        let fields = status.as_object().into_iter().flatten();
        let is_same = fields.into_iter().all(|(field, value)| before[field] == *value);
        if !is_same {
            let (namespace, name) = place(&set.metadata);
            let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &namespace);
            let patch = Patch::Merge(json!({ "status": status }));
            unless_missing(api.patch_status(&name, &params(MANAGER), &patch).await.map(drop))?;
        }
        Ok(waits.into_iter().filter(|wait| !wait.is_zero()).min())
    }
}

/// Kubernetes leaves a count of none out.
fn count(number: usize) -> Option<usize> {
    (number > 0).then_some(number)
}

fn place(meta: &ObjectMeta) -> (String, String) {
    (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

fn size(set: &ReplicaSet) -> usize {
    usize::try_from(rollout::asked(set)).unwrap_or_default()
}

fn active(pods: &[Arc<Pod>]) -> impl Iterator<Item = &Arc<Pod>> {
    pods.iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none() && !is_over(pod))
}

/// Which pods go first: without a node, not ready, youngest.
fn worth(
    pod: &Pod,
) -> (
    bool,
    bool,
    std::cmp::Reverse<Option<k8s_openapi::jiff::Timestamp>>,
) {
    let has_node = pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
    let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (has_node, is_ready(pod), std::cmp::Reverse(created))
}

fn failure(set: &ReplicaSet, error: &kube::Error) -> Value {
    let message = words(error);
    let before = set
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let mut same = before.filter(|one| one.message.as_deref() == Some(message.as_str()));
    let since = same
        .next()
        .and_then(|one| one.last_transition_time.clone())
        .unwrap_or_else(now);
    json!([{
        "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message,
        "lastTransitionTime": since,
    }])
}

/// The API server's own words, where they are its.
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// A pod from a template, managed by `owner`; with a name of its own or a generated one.
pub(crate) fn pod_of<K>(template: &PodTemplateSpec, owner: &K, name: Option<String>) -> Pod
where
    K: kube::Resource,
    K::DynamicType: Default,
{
    let meta = template.metadata.clone().unwrap_or_default();
    let owner_name = owner.meta().name.clone().unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: name.is_none().then(|| format!("{owner_name}-")),
            name,
            namespace: owner.meta().namespace.clone(),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(vec![super::controlled_by(owner)]),
            ..ObjectMeta::default()
        },
        spec: template.spec.clone(),
        status: None,
    }
}
