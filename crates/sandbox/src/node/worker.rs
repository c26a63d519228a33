//! One pod from its arrival on the node to its end: containers, status, and an orderly way out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{DeleteParams, Patch, Preconditions};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::container::{self, Ended};
use super::events::Severity;
use super::mounts;
use super::pod::Stage;
use super::pod_run::PodRun;
use super::probe::{Asked, Question};
use crate::controllers::{is_gone, params};

const MANAGER: &str = "kubelet";

type Annotations = Option<BTreeMap<String, String>>;

const REMOVE_RETRY_MOST: Duration = Duration::from_secs(2);
const STATUS_RETRY: Duration = Duration::from_millis(100);
/// What a hook that took the whole grace period still leaves, as a kubelet.
const LEAST_GRACE: Duration = Duration::from_secs(2);

/// Runs the pod until it is gone from the node and the API server.
pub(crate) async fn run(run: Arc<PodRun>) {
    let mut object = run.object.clone();
    // Whether it is on its way out, or gone already.
    let leaving = async {
        let is_leaving = |pod: &Option<Arc<Pod>>| {
            pod.as_ref()
                .is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
        };
        // The kubelet holds the sender for as long as it runs.
        let _ = object.wait_for(is_leaving).await;
    };
    let publishing = tokio::spawn(publish(run.clone()));
    let living = live(&run);
    tokio::select! {
        never = living => match never {},
        () = leaving => {}
        () = run.kubelet.stopping.cancelled() => {}
    }
    end(&run).await;
    publishing.abort();
    if run.object.borrow().is_some() && !run.kubelet.stopping.is_cancelled() {
        remove(&run).await;
    }
    if let Err(error) = tokio::fs::remove_dir_all(&run.folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %run.folder.display(), %error, "a pod's folder stays until the sandbox ends");
    }
}

/// Everything up to the end that somebody else decides.
async fn live(run: &Arc<PodRun>) -> Infallible {
    let pod = run.pod();
    let spec = pod.spec.clone().unwrap_or_default();
    mounts::mount(run, &spec).await;
    run.state.send_modify(|state| state.ip = run.ip.ip().to_string());
    if start(run, &spec).await == Ended::Completed {
        for one in &spec.containers {
            if !matches!(run.stage(&one.name), Some(Stage::Running { .. })) {
                run.waiting(&one.name, "ContainerCreating", "");
            }
            let task = container::live(run.clone(), one.clone(), false);
            run.kubelet.containers.spawn(task);
        }
    }
    follow(run, &spec, pod.metadata.annotations.clone()).await
}

/// The init containers, one after the other.
async fn start(run: &Arc<PodRun>, spec: &PodSpec) -> Ended {
    for one in spec.init_containers.iter().flatten() {
        // Sidecars are started like the others and not waited for.
        let is_sidecar = one.restart_policy.as_deref() == Some("Always");
        // A task of its own: it must see the container's end also when nobody waits here any more.
        let task = container::live(run.clone(), one.clone(), !is_sidecar);
        let task = run.kubelet.containers.spawn(task);
        if is_sidecar {
            continue;
        }
        if task.await.unwrap_or(Ended::Failed) == Ended::Failed {
            return Ended::Failed;
        }
        run.completed(&one.name);
    }
    Ended::Completed
}

/// Keeps the volumes as the cluster has them: after a change of the pod at once, otherwise in its own time.
async fn follow(run: &Arc<PodRun>, spec: &PodSpec, mut annotations: Annotations) -> Infallible {
    let mut object = run.object.clone();
    let period = run.kubelet.options.config_map_delay;
    let mut due = Instant::now() + period;
    loop {
        object.mark_unchanged();
        let now = run.pod().metadata.annotations.clone();
        if now != annotations || Instant::now() >= due {
            annotations = now;
            mounts::refresh(run, spec).await;
            due = Instant::now() + period;
            continue;
        }
        tokio::select! {
            () = sleep_until(due) => {}
            Ok(()) = object.changed() => {}
        }
    }
}

/// Writes every change of the state into the pod's status.
async fn publish(run: Arc<PodRun>) {
    let mut state = run.state.subscribe();
    let mut written = Value::Null;
    loop {
        let status = {
            let state = state.borrow_and_update();
            let pod = run.pod();
            let spec = pod.spec.clone().unwrap_or_default();
            // What others wrote, the scheduler above all, keeps its times.
            let before = match &written {
                Value::Null => json!(pod.status.as_ref().and_then(|status| status.conditions.clone())),
                written => written["conditions"].clone(),
            };
            let before = before.as_array().cloned().unwrap_or_default();
            state.status(&spec, &before, Timestamp::now())
        };
        if status != written {
            let pods: Api<Pod> = Api::namespaced(run.kubelet.client.clone(), &run.objects.namespace);
            let patch = Patch::Merge(json!({ "metadata": { "uid": run.uid }, "status": status }));
            match pods.patch_status(&run.name, &params(MANAGER), &patch).await {
                Ok(_) => written = status,
                // Gone, or another pod of this name by now: the kubelet will say so.
                Err(kube::Error::Api(refused)) if matches!(refused.code, 404 | 409) => {}
                Err(error) => {
                    tracing::debug!(pod = run.name, %error, "a status is written again");
                    sleep(STATUS_RETRY).await;
                    continue;
                }
            }
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Ends every container: hook, signal, patience, and an end.
async fn end(run: &Arc<PodRun>) {
    run.stopping.cancel();
    let pod = run.pod();
    let spec = pod.spec.clone().unwrap_or_default();
    let is_forced = run.object.borrow().is_none() || run.kubelet.stopping.is_cancelled();
    let grace = pod
        .metadata
        .deletion_grace_period_seconds
        .or(spec.termination_grace_period_seconds)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|_| !is_forced);
    let grace = if is_forced {
        Duration::ZERO
    } else {
        Duration::from_secs(grace.unwrap_or(30))
    };
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let ends = all.filter_map(|one| {
        let handle = run.handle(&one.name)?;
        Some(end_one(run, one, handle, grace))
    });
    let mut object = run.object.clone();
    let gone = async {
        // Deleted by force meanwhile, or the whole sandbox stops.
        tokio::select! {
            _ = object.wait_for(Option::is_none) => {}
            () = run.kubelet.stopping.cancelled() => {}
        }
    };
    tokio::select! {
        _ = join_all(ends) => {}
        () = gone => {}
    }
    for one in spec.init_containers.iter().flatten().chain(&spec.containers) {
        if let Some(handle) = run.handle(&one.name) {
            handle.kill();
        }
        // Told by the task that runs it; nothing comes where it never began.
        let _ = timeout(Duration::from_secs(5), await_ended(run, &one.name)).await;
    }
}

async fn end_one(run: &Arc<PodRun>, container: &Container, handle: super::workload::Handle, grace: Duration) {
    let (name, deadline) = (&container.name, Instant::now() + grace);
    run.tell(
        Some(name),
        Severity::Normal,
        "Killing",
        format!("Stopping container {name}"),
    );
    if grace.is_zero() {
        handle.kill();
        return;
    }
    let hook = container.lifecycle.as_ref().and_then(|one| one.pre_stop.as_ref());
    if let Some(question) = hook.and_then(|hook| Question::of_hook(hook, container)) {
        let asked = Asked {
            network: run.kubelet.network.clone(),
            ip: run.ip.ip(),
            handle: handle.clone(),
            paths: run.paths(container),
        };
        let outcome = timeout_at(deadline, question.ask(&asked, grace)).await;
        if let Ok(Err(words)) = outcome
            && run.handle(name).is_some()
        {
            let message = format!("PreStopHook failed: {words}");
            run.tell(Some(name), Severity::Warning, "FailedPreStopHook", message);
        }
    }
    handle.terminate();
    let until = deadline.max(Instant::now() + LEAST_GRACE);
    if timeout_at(until, await_ended(run, name)).await.is_err() {
        handle.kill();
    }
}

async fn await_ended(run: &PodRun, container: &str) {
    let mut state = run.state.subscribe();
    let has_ended = |state: &super::pod::PodState| {
        let mut all = state.init.iter().chain(&state.containers);
        let found = all.find(|one| one.name == container);
        !found.is_some_and(|one| matches!(one.stage, Stage::Running { .. }))
    };
    // The sender lives as long as the pod.
    let _ = state.wait_for(has_ended).await;
}

/// The last word about the pod, and then the object itself.
async fn remove(run: &PodRun) {
    let pods: Api<Pod> = Api::namespaced(run.kubelet.client.clone(), &run.objects.namespace);
    let last = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(Preconditions {
            uid: Some(run.uid.clone()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let mut wait = STATUS_RETRY;
    loop {
        match is_gone(pods.delete(&run.name, &last).await.map(drop)) {
            Ok(()) => return,
            Err(error) => tracing::debug!(pod = run.name, %error, "a pod is removed again"),
        }
        tokio::select! {
            () = run.kubelet.stopping.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = (wait * 2).min(REMOVE_RETRY_MOST);
    }
}
