//! Pods with names that stay: one after the other upwards, and downwards from the last.
//!
//! Deliberately absent: claims of volumes, partitions and rolling a changed template; a pod that is deleted
//! comes back from the present template.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch};
use kube::{Api, Client};
use serde_json::json;

use super::replica_set::{pod_of, words};
use super::{controller_of, is_controlled_by, is_gone, params, post, unless_missing};
use crate::node::cache::{Cache, Key};
use crate::node::events::{Recorder, Severity, about};
use crate::node::pod::is_ready;
use crate::node::queue::Queue;

const MANAGER: &str = "kube-controller-manager";
const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
const INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// The controller.
#[derive(Clone)]
pub(crate) struct StatefulSetController {
    pub(crate) client: Client,
    pub(crate) sets: Cache<StatefulSet>,
    pub(crate) pods: Cache<Pod>,
    pub(crate) recorder: Recorder,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Create(usize),
    Delete(String),
}

impl StatefulSetController {
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
                        if let Some(owner) = pod.and_then(|pod| controller_of(&pod.metadata, "StatefulSet")) {
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
        let Some(set) = self.sets.get(key) else {
            return Ok(());
        };
        if set.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let uid = set.metadata.uid.as_deref();
        let cached = self.pods.in_namespace(&key.0);
        let own: BTreeMap<String, Arc<Pod>> = cached
            .into_iter()
            .filter(|pod| is_controlled_by(&pod.metadata, uid))
            .map(|pod| (pod.metadata.name.clone().unwrap_or_default(), pod))
            .collect();
        match next(&set, &own) {
            Some(Next::Create(index)) => self.create(&set, index).await?,
            Some(Next::Delete(name)) => {
                let api: Api<Pod> = Api::namespaced(self.client.clone(), &key.0);
                is_gone(api.delete(&name, &DeleteParams::default()).await.map(drop))?;
            }
            None => {}
        }
        self.write_status(&set, &own).await
    }

    async fn create(&self, set: &StatefulSet, index: usize) -> Result<(), kube::Error> {
        let spec = set.spec.clone().unwrap_or_default();
        let name = format!("{}-{index}", set.metadata.name.as_deref().unwrap_or_default());
        let mut pod = pod_of(&spec.template, set, Some(name.clone()));
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert(POD_NAME_LABEL.to_owned(), name.clone());
        labels.insert(INDEX_LABEL.to_owned(), index.to_string());
        let pod_spec = pod.spec.get_or_insert_default();
        (pod_spec.hostname, pod_spec.subdomain) = (Some(name.clone()), spec.service_name.clone());
        let namespace = set.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &namespace);
        match api.create(&post(MANAGER), &pod).await {
            Ok(_) => {
                let message = format!("create Pod {name} in StatefulSet successful");
                self.recorder
                    .tell(about(set), Severity::Normal, "SuccessfulCreate", message);
                Ok(())
            }
            // Made a moment ago, and the watch is behind; or the one before is still going.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => {
                let message = format!("create Pod {name} in StatefulSet failed error: {}", words(&error));
                self.recorder
                    .tell(about(set), Severity::Warning, "FailedCreate", message);
                Err(error)
            }
        }
    }

    async fn write_status(
        &self,
        set: &StatefulSet,
        own: &BTreeMap<String, Arc<Pod>>,
    ) -> Result<(), kube::Error> {
        let ready = own.values().filter(|pod| is_ready(pod)).count();
        let some = |count: usize| (count > 0).then_some(count);
        let status = json!({
            "replicas": own.len(), "readyReplicas": some(ready), "availableReplicas": some(ready),
            "currentReplicas": some(own.len()), "updatedReplicas": some(own.len()),
            "observedGeneration": set.metadata.generation,
        });
        let before = json!(set.status.clone().unwrap_or_default());
        let fields = status.as_object().into_iter().flatten();
        if fields.into_iter().all(|(field, value)| before[field] == *value) {
            return Ok(());
        }
        let (namespace, name) = (
            set.metadata.namespace.clone().unwrap_or_default(),
            set.metadata.name.clone().unwrap_or_default(),
        );
        let api: Api<StatefulSet> = Api::namespaced(self.client.clone(), &namespace);
        let patch = Patch::Merge(json!({ "status": status }));
        unless_missing(api.patch_status(&name, &params(MANAGER), &patch).await.map(drop))
    }
}

fn next(set: &StatefulSet, own: &BTreeMap<String, Arc<Pod>>) -> Option<Next> {
    let spec = set.spec.as_ref()?;
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default();
    let at_once = spec.pod_management_policy.as_deref() == Some("Parallel");
    for index in 0..wanted {
        match own.get(&format!("{name}-{index}")) {
            None => return Some(Next::Create(index)),
            Some(pod) if !is_ready(pod) && !at_once => return None,
            Some(_) => {}
        }
    }
    let last = own.len().checked_sub(1).filter(|last| *last >= wanted)?;
    let name = format!("{name}-{last}");
    let pod = own.get(&name)?;
    pod.metadata
        .deletion_timestamp
        .is_none()
        .then_some(Next::Delete(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i32) -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": { "name": "db" },
            "spec": { "replicas": replicas, "serviceName": "db", "selector": {}, "template": {} },
        }))
        .unwrap()
    }

    fn pods(ready: &[bool]) -> BTreeMap<String, Arc<Pod>> {
        let pod = |(index, is_ready): (usize, &bool)| {
            let name = format!("db-{index}");
            let status = if *is_ready { "True" } else { "False" };
            let pod = serde_json::from_value(json!({
                "metadata": { "name": name }, "status": { "conditions": [{ "type": "Ready", "status": status }] },
            }));
            (name, Arc::new(pod.unwrap()))
        };
        ready.iter().enumerate().map(pod).collect()
    }

    #[test]
    fn a_pod_waits_for_the_one_before_it() {
        assert_eq!(next(&set(2), &pods(&[])), Some(Next::Create(0)));
        assert_eq!(next(&set(2), &pods(&[false])), None);
        assert_eq!(next(&set(2), &pods(&[true])), Some(Next::Create(1)));
        assert_eq!(next(&set(2), &pods(&[true, true])), None);
    }

    #[test]
    fn the_last_pod_goes_first() {
        assert_eq!(
            next(&set(1), &pods(&[true, true, true])),
            Some(Next::Delete("db-2".into()))
        );
    }
}
