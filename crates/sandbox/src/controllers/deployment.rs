//! Carries out what [`super::rollout`] decides.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use kube::api::{DeleteParams, ListParams, Patch};
use kube::{Api, Client};
use serde_json::json;

use super::rollout::{self, HASH_LABEL, REVISION};
use super::{controller_of, is_controlled_by, is_gone, now, params, post, unless_missing};
use crate::node::cache::{Cache, Key};
use crate::node::events::{Recorder, Severity, about};
use crate::node::queue::Queue;

const MANAGER: &str = "kube-controller-manager";
/// As Kubernetes defaults `revisionHistoryLimit`.
const HISTORY: i32 = 10;

/// The controller.
#[derive(Clone)]
pub(crate) struct DeploymentController {
    pub(crate) client: Client,
    pub(crate) deployments: Cache<Deployment>,
    pub(crate) sets: Cache<ReplicaSet>,
    pub(crate) recorder: Recorder,
}

impl DeploymentController {
    /// Works until dropped.
    pub(crate) async fn run(self) {
        let queue = Arc::new(Queue::default());
        let (mut deployments, mut sets) = (self.deployments.subscribe(), self.sets.subscribe());
        let feeding = async {
            loop {
                tokio::select! {
                    Some(change) = deployments.recv() => queue.add(change.key),
                    Some(change) = sets.recv() => {
                        let set = change.new.as_ref().or(change.old.as_ref());
                        if let Some(owner) = set.and_then(|set| controller_of(&set.metadata, "Deployment")) {
                            queue.add((change.key.0.clone(), owner.name.clone()));
                        }
                    }
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

    async fn look(&self, key: &Key) -> Result<(), kube::Error> {
        let Some(deployment) = self.deployments.get(key) else {
            return Ok(());
        };
        if deployment.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let mut sets = self.own_sets(&deployment).await?;
        if rollout::newest(&deployment, &sets).is_none() {
            sets.push(self.create_set(&deployment, &sets).await?);
        }
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &key.0);
        for scale in rollout::scales(&deployment, &sets) {
            let patch = Patch::Merge(json!({ "spec": { "replicas": scale.to } }));
            api.patch(&scale.name, &params(MANAGER), &patch).await?;
            let way = if scale.to > scale.from { "up" } else { "down" };
            let message = format!(
                "Scaled {way} replica set {} from {} to {}",
                scale.name, scale.from, scale.to
            );
            self.recorder.tell(
                about(&*deployment),
                Severity::Normal,
                "ScalingReplicaSet",
                message,
            );
        }
        self.write_status(&deployment, &sets).await?;
        self.forget_oldest(&deployment, &sets).await
    }

    /// From the API server rather than from the watch: a set made a moment ago must not be made twice.
    async fn own_sets(&self, deployment: &Deployment) -> Result<Vec<ReplicaSet>, kube::Error> {
        let namespace = deployment.metadata.namespace.clone().unwrap_or_default();
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &namespace);
        let selector = deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.selector.match_labels.clone());
        let labels = selector.unwrap_or_default();
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let listed = api.list(&ListParams::default().labels(&labels.join(","))).await?;
        let uid = deployment.metadata.uid.as_deref();
        let own = listed
            .items
            .into_iter()
            .filter(|set| is_controlled_by(&set.metadata, uid));
        Ok(own.collect())
    }

    async fn create_set(
        &self,
        deployment: &Deployment,
        sets: &[ReplicaSet],
    ) -> Result<ReplicaSet, kube::Error> {
        let spec = deployment.spec.clone().unwrap_or_default();
        let hash = rollout::template_hash(&spec.template);
        let (name, namespace) = (
            deployment.metadata.name.clone().unwrap_or_default(),
            deployment.metadata.namespace.clone().unwrap_or_default(),
        );
        let mut template = spec.template.clone();
        let template_meta = template.metadata.get_or_insert_default();
        let mut labels = template_meta.labels.clone().unwrap_or_default();
        labels.insert(HASH_LABEL.to_owned(), hash.clone());
        template_meta.labels = Some(labels.clone());
        let mut selector = spec.selector.clone();
        let selected = selector.match_labels.get_or_insert_default();
        selected.insert(HASH_LABEL.to_owned(), hash.clone());
        let revision = 1 + sets.iter().map(revision).max().unwrap_or_default();
        let set: ReplicaSet = serde_json::from_value(json!({
            "metadata": {
                "name": format!("{name}-{hash}"), "namespace": namespace, "labels": labels,
                "annotations": { REVISION: revision.to_string() },
                "ownerReferences": [super::controlled_by(deployment)],
            },
            "spec": { "replicas": 0, "minReadySeconds": spec.min_ready_seconds, "selector": selector, "template": template },
        }))
        .map_err(kube::Error::SerdeError)?;
        let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &namespace);
        let made = api.create(&post(MANAGER), &set).await?;
        let annotated = json!({ "metadata": { "annotations": { REVISION: revision.to_string() } } });
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &namespace);
        unless_missing(
            deployments
                .patch(&name, &params(MANAGER), &Patch::Merge(annotated))
                .await
                .map(drop),
        )?;
        Ok(made)
    }

    async fn write_status(&self, deployment: &Deployment, sets: &[ReplicaSet]) -> Result<(), kube::Error> {
        let status = rollout::status(deployment, sets, &now().0.to_string());
        let before = json!(deployment.status.clone().unwrap_or_default());
        let fields = status.as_object().into_iter().flatten();
        let is_same = fields.into_iter().all(|(field, value)| before[field] == *value);
        if is_same {
            return Ok(());
        }
        let (name, namespace) = (
            deployment.metadata.name.clone().unwrap_or_default(),
            deployment.metadata.namespace.clone().unwrap_or_default(),
        );
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), &namespace);
        let patch = Patch::Merge(json!({ "status": status }));
        unless_missing(api.patch_status(&name, &params(MANAGER), &patch).await.map(drop))
    }

    async fn forget_oldest(&self, deployment: &Deployment, sets: &[ReplicaSet]) -> Result<(), kube::Error> {
        let limit = deployment
            .spec
            .as_ref()
            .and_then(|spec| spec.revision_history_limit);
        let newest = rollout::newest(deployment, sets).and_then(|set| set.metadata.uid.clone());
        let is_idle = |set: &&ReplicaSet| {
            rollout::asked(set) == 0
                && set.metadata.uid != newest
                && set.metadata.deletion_timestamp.is_none()
        };
        let mut idle: Vec<&ReplicaSet> = sets.iter().filter(is_idle).collect();
        idle.sort_by_key(|set| revision(set));
        let kept = usize::try_from(limit.unwrap_or(HISTORY)).unwrap_or_default();
        let surplus = idle.len().saturating_sub(kept);
        for set in idle.into_iter().take(surplus) {
            let namespace = set.metadata.namespace.clone().unwrap_or_default();
            let api: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &namespace);
            let name = set.metadata.name.clone().unwrap_or_default();
            is_gone(api.delete(&name, &DeleteParams::background()).await.map(drop))?;
        }
        Ok(())
    }
}

fn revision(set: &ReplicaSet) -> u64 {
    let annotations = set.metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(REVISION));
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
