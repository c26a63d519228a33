//! What a pod's object says, and what a kubelet writes into it: pure.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Whether the pod's Ready condition holds.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions.any(|one| one.type_ == "Ready" && one.status == "True")
}

/// Whether all of it ended and will not start again.
pub(crate) fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// How long until a ready pod counts as available; nothing where it is not ready.
pub(crate) fn available_since(pod: &Pod, least: Duration) -> Option<Duration> {
    let mut conditions = pod
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.find(|one| one.type_ == "Ready" && one.status == "True")?;
    if least.is_zero() {
        return Some(Duration::ZERO);
    }
    let since = ready.last_transition_time.as_ref()?.0;
    let age = Timestamp::now().as_millisecond() - since.as_millisecond();
    Some(least.saturating_sub(Duration::from_millis(u64::try_from(age).unwrap_or_default())))
}

/// How one run of a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terminated {
    pub(crate) exit_code: i32,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) started_at: Timestamp,
    pub(crate) finished_at: Timestamp,
    pub(crate) id: String,
}

/// What a container does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Waiting { reason: String, message: String },
    Running { started_at: Timestamp },
    Terminated(Terminated),
}

impl Stage {
    pub(crate) fn waiting(reason: &str, message: impl Into<String>) -> Self {
        Self::Waiting {
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// One container as the kubelet sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerState {
    pub(crate) name: String,
    pub(crate) image: String,
    /// Of the present run, or the last.
    pub(crate) id: String,
    pub(crate) stage: Stage,
    pub(crate) last: Option<Terminated>,
    pub(crate) restarts: u32,
    pub(crate) ready: bool,
}

impl ContainerState {
    pub(crate) fn new(name: &str, image: &str, reason: &str) -> Self {
        Self {
            name: name.to_owned(),
            image: image.to_owned(),
            id: String::new(),
            stage: Stage::waiting(reason, ""),
            last: None,
            restarts: 0,
            ready: false,
        }
    }

    fn is_done(&self) -> bool {
        matches!(&self.stage, Stage::Terminated(end) if end.exit_code == 0)
    }

    fn has_run(&self) -> bool {
        !matches!(self.stage, Stage::Waiting { .. }) || self.last.is_some()
    }

    fn json(&self) -> Value {
        let state = match &self.stage {
            Stage::Waiting { reason, message } => {
                let mut waiting = json!({ "reason": reason });
                if !message.is_empty() {
                    waiting["message"] = json!(message);
                }
                json!({ "waiting": waiting })
            }
            Stage::Running { started_at } => json!({ "running": { "startedAt": seconds(*started_at) } }),
            Stage::Terminated(end) => json!({ "terminated": terminated(end) }),
        };
        let last = self
            .last
            .as_ref()
            .map(|end| json!({ "terminated": terminated(end) }));
        let has_image = !self.id.is_empty();
        json!({
            "name": self.name, "image": self.image,
            "imageID": if has_image { self.image.clone() } else { String::new() },
            "containerID": self.id,
            "state": state, "lastState": last.unwrap_or_else(|| json!({})),
            "ready": self.ready, "restartCount": self.restarts,
            "started": matches!(self.stage, Stage::Running { .. }),
        })
    }
}

fn terminated(end: &Terminated) -> Value {
    let mut value = json!({
        "exitCode": end.exit_code, "reason": end.reason, "containerID": end.id,
        "startedAt": seconds(end.started_at), "finishedAt": seconds(end.finished_at),
    });
    if !end.message.is_empty() {
        value["message"] = json!(end.message);
    }
    value
}

/// Times in objects have whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A whole pod as the kubelet sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodState {
    pub(crate) ip: String,
    pub(crate) host_ip: String,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) init: Vec<ContainerState>,
    pub(crate) containers: Vec<ContainerState>,
}

impl PodState {
    /// A container by name.
    pub(crate) fn container(&mut self, name: &str) -> Option<&mut ContainerState> {
        let mut all = self.init.iter_mut().chain(self.containers.iter_mut());
        all.find(|one| one.name == name)
    }

    fn phase(&self, spec: &PodSpec) -> &'static str {
        let policy = spec.restart_policy.as_deref().unwrap_or("Always");
        if policy == "Never"
            && self
                .init
                .iter()
                .any(|one| matches!(&one.stage, Stage::Terminated(end) if end.exit_code != 0))
        {
            return "Failed";
        }
        let ended: Vec<i32> = self
            .containers
            .iter()
            .filter_map(|one| match &one.stage {
                Stage::Terminated(end) => Some(end.exit_code),
                _ => None,
            })
            .collect();
        let is_all_ended = ended.len() == self.containers.len() && !ended.is_empty();
        let has_failed = ended.iter().any(|code| *code != 0);
        match policy {
            "Never" if is_all_ended && has_failed => "Failed",
            "Never" | "OnFailure" if is_all_ended && !has_failed => "Succeeded",
            _ if !self.init.iter().all(ContainerState::is_done) => "Pending",
            _ if self.containers.iter().all(ContainerState::has_run) => "Running",
            _ => "Pending",
        }
    }

    fn conditions(&self, phase: &str, before: &[Value], now: Timestamp) -> Vec<Value> {
        let names = |all: &[ContainerState], lacks: fn(&ContainerState) -> bool| {
            let lacking = all.iter().filter(|one| lacks(one));
            lacking.map(|one| one.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let refusal = |reason: &str, what: &str, names: String| {
            let message = format!("containers with {what} status: [{names}]");
            (!names.is_empty()).then(|| (reason.to_owned(), message))
        };
        let uninitialised = names(&self.init, |one| !one.is_done());
        let unready = names(&self.containers, |one| !one.ready);
        let readiness = match phase {
            "Succeeded" => Some(("PodCompleted".to_owned(), String::new())),
            "Failed" => Some(("PodFailed".to_owned(), String::new())),
            _ => refusal("ContainersNotReady", "unready", unready),
        };
        let has_no_network = self.ip.is_empty().then(|| (String::new(), String::new()));
        let all = [
            ("PodReadyToStartContainers", has_no_network),
            (
                "Initialized",
                refusal("ContainersNotInitialized", "incomplete", uninitialised),
            ),
            ("Ready", readiness.clone()),
            ("ContainersReady", readiness),
            ("PodScheduled", None),
        ];
        all.into_iter()
            .map(|(kind, refusal)| condition(kind, refusal, before, now))
            .collect()
    }

    /// The status to write. Condition times of `before` stay where a condition did not change.
    pub(crate) fn status(&self, spec: &PodSpec, before: &[Value], now: Timestamp) -> Value {
        let phase = self.phase(spec);
        let mut status = Map::new();
        status.insert("phase".into(), json!(phase));
        status.insert("conditions".into(), json!(self.conditions(phase, before, now)));
        status.insert("hostIP".into(), json!(self.host_ip));
        status.insert("hostIPs".into(), json!([{ "ip": self.host_ip }]));
        if !self.ip.is_empty() {
            status.insert("podIP".into(), json!(self.ip));
            status.insert("podIPs".into(), json!([{ "ip": self.ip }]));
        }
        status.insert("startTime".into(), json!(self.started_at.map(seconds)));
        if !self.init.is_empty() {
            let init: Vec<Value> = self.init.iter().map(ContainerState::json).collect();
            status.insert("initContainerStatuses".into(), json!(init));
        }
        let containers: Vec<Value> = self.containers.iter().map(ContainerState::json).collect();
        status.insert("containerStatuses".into(), json!(containers));
        Value::Object(status)
    }
}

fn condition(kind: &str, refusal: Option<(String, String)>, before: &[Value], now: Timestamp) -> Value {
    let status = if refusal.is_none() { "True" } else { "False" };
    let same = before
        .iter()
        .find(|one| one["type"] == kind && one["status"] == status);
    let since = same.map_or_else(|| json!(seconds(now)), |one| one["lastTransitionTime"].clone());
    let mut value =
        json!({ "type": kind, "status": status, "lastProbeTime": null, "lastTransitionTime": since });
    if let Some((reason, message)) = refusal {
        if !reason.is_empty() {
            value["reason"] = json!(reason);
        }
        if !message.is_empty() {
            value["message"] = json!(message);
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(stages: &[(Stage, bool)]) -> PodState {
        let containers = stages
            .iter()
            .enumerate()
            .map(|(index, (stage, ready))| ContainerState {
                stage: stage.clone(),
                ready: *ready,
                ..ContainerState::new(&format!("c{index}"), "image", "ContainerCreating")
            });
        PodState {
            ip: "127.9.1.1".into(),
            host_ip: "127.9.0.1".into(),
            containers: containers.collect(),
            ..PodState::default()
        }
    }

    fn running() -> Stage {
        Stage::Running {
            started_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn ended(exit_code: i32) -> Stage {
        Stage::Terminated(Terminated {
            exit_code,
            reason: "Completed".into(),
            message: String::new(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            id: "sandbox://1".into(),
        })
    }

    fn spec(policy: &str) -> PodSpec {
        serde_json::from_value(json!({ "restartPolicy": policy, "containers": [] })).unwrap()
    }

    #[test]
    fn a_pod_is_ready_when_every_container_is() {
        let half = state(&[(running(), true), (running(), false)]);
        let status = half.status(&spec("Always"), &[], Timestamp::UNIX_EPOCH);
        assert_eq!(status["phase"], "Running");
        assert_eq!(status["conditions"][2]["status"], "False");
        assert_eq!(
            status["conditions"][2]["message"],
            "containers with unready status: [c1]"
        );
    }

    #[test]
    fn a_condition_keeps_its_time_until_it_changes() {
        let whole = state(&[(running(), true)]);
        let first = whole.status(&spec("Always"), &[], Timestamp::UNIX_EPOCH);
        let before = first["conditions"].as_array().unwrap().clone();
        let later = Timestamp::from_second(60).unwrap();
        let second = whole.status(&spec("Always"), &before, later);
        assert_eq!(first, second);
    }

    #[test]
    fn a_pod_that_never_restarts_ends_as_its_containers_ended() {
        let status = |stages: &[(Stage, bool)], policy| {
            state(stages).status(&spec(policy), &[], Timestamp::UNIX_EPOCH)["phase"].clone()
        };
        assert_eq!(status(&[(ended(0), false)], "Never"), "Succeeded");
        assert_eq!(status(&[(ended(0), false), (ended(1), false)], "Never"), "Failed");
        assert_eq!(status(&[(ended(1), false)], "Always"), "Running");
        assert_eq!(
            status(&[(Stage::waiting("ContainerCreating", ""), false)], "Always"),
            "Pending"
        );
    }
}
