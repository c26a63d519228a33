//! Why a proxy does not start, in Kubernetes' own words, as soon as Kubernetes knows.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use serde::Serialize;

/// What keeps the proxy from starting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// What kind.
    pub kind: TroubleKind,
    /// The pod or Deployment that has it.
    pub on: String,
    /// Kubernetes' reason, a word.
    pub reason: String,
    /// Kubernetes' message.
    pub words: String,
}

/// Kinds of [`Trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// The image cannot be pulled.
    Image,
    /// The container cannot be made or keeps crashing.
    Container,
    /// No node takes the pod.
    Unschedulable,
    /// Quota, Pod Security or an admission webhook refuses the pod.
    Refused,
}

impl TroubleKind {
    /// How long this may last before an engage gives up: a cluster that adds nodes may still help itself.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Image | Self::Refused => Duration::ZERO,
            Self::Container => Duration::from_secs(3),
            Self::Unschedulable => Duration::from_secs(8),
        }
    }

    /// What to do about it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Image => {
                "Name an image this cluster can pull: --proxy-image, or proxy.image in intercept.toml; proxy.pull_secrets names Secrets for it."
            }
            Self::Container => {
                "See the pod's log. If the cluster forbids running programs from ConfigMaps, set agent.image."
            }
            Self::Unschedulable => {
                "The proxy asks for 60m CPU and 48 MiB of memory on a Linux node; make room or add a node."
            }
            Self::Refused => {
                "Ask whoever runs the cluster, or raise the quota; the proxy fits Pod Security level restricted."
            }
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.on, self.reason)?;
        if self.words.is_empty() {
            Ok(())
        } else {
            write!(out, ": {}", self.words)
        }
    }
}

/// The first trouble among the proxy's pods.
pub(crate) fn of_pods<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Option<Trouble> {
    pods.into_iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .find_map(of_pod)
}

/// What keeps the Deployment from making pods at all.
pub(crate) fn of_deployment(deployment: &Deployment) -> Option<Trouble> {
    let conditions = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let failed = conditions
        .into_iter()
        .find(|one| one.type_ == "ReplicaFailure" && one.status == "True")?;
    Some(Trouble {
        kind: TroubleKind::Refused,
        on: format!(
            "Deployment {}",
            deployment.metadata.name.as_deref().unwrap_or_default()
        ),
        reason: failed.reason.clone().unwrap_or_default(),
        words: failed.message.clone().unwrap_or_default(),
    })
}

fn of_pod(pod: &Pod) -> Option<Trouble> {
    let on = format!("Pod {}", pod.metadata.name.as_deref().unwrap_or_default());
    let status = pod.status.as_ref()?;
    let unscheduled = status.conditions.iter().flatten().find(|one| {
        one.type_ == "PodScheduled" && one.status == "False" && one.reason.as_deref() == Some("Unschedulable")
    });
    if let Some(condition) = unscheduled {
        return Some(Trouble {
            kind: TroubleKind::Unschedulable,
            on,
            reason: "Unschedulable".into(),
            words: condition.message.clone().unwrap_or_default(),
        });
    }
    let containers = status
        .init_container_statuses
        .iter()
        .flatten()
        .chain(status.container_statuses.iter().flatten());
    let mut found = containers.filter_map(|container| of_container(&on, container));
    found.next()
}

fn of_container(on: &str, container: &ContainerStatus) -> Option<Trouble> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().unwrap_or_default();
    let kind = match reason.as_str() {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => TroubleKind::Image,
        "CrashLoopBackOff"
        | "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "PostStartHookError" => TroubleKind::Container,
        _ => return None,
    };
    let words = waiting.message.clone().unwrap_or_default();
    Some(Trouble {
        kind,
        on: format!("{on}, container {}", container.name),
        reason,
        words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: &serde_json::Value) -> Pod {
        serde_json::from_value(serde_json::json!({ "metadata": { "name": "p" }, "status": status })).unwrap()
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_told_with_the_kubelets_words() {
        let pod = pod(&serde_json::json!({ "containerStatuses": [{
            "name": "nginx", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ErrImagePull", "message": "no such host" } },
        }] }));
        let trouble = of_pods([&pod]).unwrap();
        assert_eq!(
            (trouble.kind, trouble.words.as_str()),
            (TroubleKind::Image, "no such host")
        );
    }

    #[test]
    fn a_starting_pod_is_no_trouble() {
        let pod = pod(&serde_json::json!({ "containerStatuses": [{
            "name": "nginx", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": "ContainerCreating" } },
        }] }));
        assert_eq!(of_pods([&pod]), None);
    }

    #[test]
    fn a_pod_no_node_takes_is_told() {
        let pod = pod(&serde_json::json!({ "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes",
        }] }));
        assert_eq!(of_pods([&pod]).unwrap().kind, TroubleKind::Unschedulable);
    }
}
