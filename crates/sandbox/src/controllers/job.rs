//! A Job's deadline and end: what a Job without pods needs to be a fuse.
//!
//! Deliberately absent: running pods. A Job that asks for some stays as it is until its deadline.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, Preconditions};
use kube::{Api, Client};
use serde_json::json;

use super::{is_gone, now, params, unless_missing};
use crate::node::cache::{Cache, Key};
use crate::node::events::{Recorder, Severity, about};
use crate::node::queue::Queue;

const MANAGER: &str = "kube-controller-manager";

/// The controller.
#[derive(Clone)]
pub(crate) struct JobController {
    pub(crate) client: Client,
    pub(crate) jobs: Cache<Job>,
    pub(crate) recorder: Recorder,
}

/// What is to be done about a Job at a moment.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Start,
    Fail,
    Delete,
    Wait(Duration),
    Nothing,
}

impl JobController {
    /// Works until dropped.
    pub(crate) async fn run(self) {
        let queue = Arc::new(Queue::default());
        let mut jobs = self.jobs.subscribe();
        let feeding = async {
            while let Some(change) = jobs.recv().await {
                queue.add(change.key);
            }
        };
        let (controller, again) = (self.clone(), queue.clone());
        let work = queue.clone().work(move |key| {
            let (controller, again) = (controller.clone(), again.clone());
            async move { controller.look(key, &again).await }
        });
        tokio::join!(feeding, work);
    }

    async fn look(&self, key: Key, queue: &Arc<Queue>) -> Result<(), kube::Error> {
        let Some(job) = self.jobs.get(&key) else {
            return Ok(());
        };
        let api: Api<Job> = Api::namespaced(self.client.clone(), &key.0);
        match next(&job, Timestamp::now()) {
            Next::Nothing => Ok(()),
            Next::Wait(after) => {
                queue.add_later(key, after);
                Ok(())
            }
            Next::Start => {
                let status = json!({ "status": { "startTime": now(), "ready": 0, "terminating": 0 } });
                let patched = api
                    .patch_status(&key.1, &params(MANAGER), &Patch::Merge(status))
                    .await;
                unless_missing(patched.map(drop))
            }
            Next::Fail => {
                let message = "Job was active longer than specified deadline";
                let failed = json!({ "type": "Failed", "status": "True", "reason": "DeadlineExceeded",
                    "message": message, "lastProbeTime": now(), "lastTransitionTime": now() });
                let status = json!({ "status": { "conditions": [failed] } });
                let patched = api
                    .patch_status(&key.1, &params(MANAGER), &Patch::Merge(status))
                    .await;
                unless_missing(patched.map(drop))?;
                self.recorder.tell(
                    about(&*job),
                    Severity::Warning,
                    "DeadlineExceeded",
                    message.to_owned(),
                );
                Ok(())
            }
            Next::Delete => {
                let precondition = Preconditions {
                    uid: job.metadata.uid.clone(),
                    resource_version: None,
                };
                let with_what_it_owns = DeleteParams {
                    preconditions: Some(precondition),
                    ..DeleteParams::background()
                };
                is_gone(api.delete(&key.1, &with_what_it_owns).await.map(drop))
            }
        }
    }
}

fn next(job: &Job, at: Timestamp) -> Next {
    if job.metadata.deletion_timestamp.is_some() {
        return Next::Nothing;
    }
    let (spec, status) = (
        job.spec.clone().unwrap_or_default(),
        job.status.clone().unwrap_or_default(),
    );
    let mut conditions = status.conditions.iter().flatten();
    let finished =
        conditions.find(|one| matches!(one.type_.as_str(), "Failed" | "Complete") && one.status == "True");
    if let Some(finished) = finished {
        let Some(ttl) = spec.ttl_seconds_after_finished else {
            return Next::Nothing;
        };
        let since = finished.last_transition_time.as_ref().map_or(at, |time| time.0);
        return due(since, ttl.into(), at, Next::Delete);
    }
    if spec.suspend == Some(true) {
        return Next::Nothing;
    }
    let Some(started) = status.start_time else {
        return Next::Start;
    };
    match spec.active_deadline_seconds {
        Some(seconds) => due(started.0, seconds, at, Next::Fail),
        None => Next::Nothing,
    }
}

fn due(since: Timestamp, seconds: i64, at: Timestamp, then: Next) -> Next {
    let left = seconds.saturating_mul(1000) - (at.as_millisecond() - since.as_millisecond());
    match u64::try_from(left) {
        Ok(left) if left > 0 => Next::Wait(Duration::from_millis(left)),
        _ => then,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &serde_json::Value) -> Job {
        serde_json::from_value(json!({
            "metadata": { "name": "fuse" },
            "spec": { "parallelism": 0, "activeDeadlineSeconds": 90, "ttlSecondsAfterFinished": 0, "template": {} },
            "status": status,
        }))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_fuse_burns_for_its_deadline_and_then_goes() {
        assert_eq!(next(&job(&json!({})), at("2026-01-01T00:00:00Z")), Next::Start);
        let burning = job(&json!({ "startTime": "2026-01-01T00:00:00Z" }));
        assert_eq!(
            next(&burning, at("2026-01-01T00:01:29Z")),
            Next::Wait(Duration::from_secs(1))
        );
        assert_eq!(next(&burning, at("2026-01-01T00:01:30Z")), Next::Fail);
        let failed = job(&json!({ "conditions": [
            { "type": "Failed", "status": "True", "lastTransitionTime": "2026-01-01T00:01:30Z" },
        ] }));
        assert_eq!(next(&failed, at("2026-01-01T00:01:30Z")), Next::Delete);
    }
}
