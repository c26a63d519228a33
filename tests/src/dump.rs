//! What a namespace held when its test failed: pods, events, logs and our objects, in a folder, the gist on stderr.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{Api, ListParams, LogParams};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::namespace::Namespace;

const FOLDER_VARIABLE: &str = "INTERCEPT_TEST_DUMPS";

/// Writes it, and says where. Never fails: it runs while a test is failing already.
#[expect(clippy::print_stderr, reason = "the place to look at after a failed test")]
pub async fn write(namespace: &Namespace) {
    let folder = folder().join(&namespace.name);
    match fill(namespace, &folder).await {
        Ok(gist) => eprintln!(
            "{gist}--- all of namespace {} is in {}",
            namespace.name,
            folder.display()
        ),
        Err(error) => eprintln!("cannot write down namespace {}: {error:#}", namespace.name),
    }
}

fn folder() -> PathBuf {
    let beside_the_build = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-dumps");
    std::env::var_os(FOLDER_VARIABLE).map_or_else(beside_the_build, PathBuf::from)
}

async fn fill(namespace: &Namespace, folder: &Path) -> anyhow::Result<String> {
    tokio::fs::create_dir_all(folder).await?;
    let pods = list(&namespace.api::<Pod>(), folder, "pods").await?;
    list(&namespace.api::<Service>(), folder, "services").await?;
    list(&namespace.api::<ConfigMap>(), folder, "configmaps").await?;
    list(&namespace.api::<EndpointSlice>(), folder, "endpointslices").await?;
    let events = list(&namespace.api::<Event>(), folder, "events").await?;
    let mut gist = String::from("--- pods\n");
    for pod in &pods {
        writeln!(gist, "{}", gist_of(pod))?;
        write_logs(namespace, pod, folder).await?;
    }
    gist.push_str("--- events that are warnings\n");
    for event in events
        .iter()
        .filter(|event| event.type_.as_deref() == Some("Warning"))
    {
        let about = event.involved_object.name.as_deref().unwrap_or_default();
        let reason = event.reason.as_deref().unwrap_or_default();
        writeln!(
            gist,
            "{about}: {reason}: {}",
            event.message.as_deref().unwrap_or_default()
        )?;
    }
    Ok(gist)
}

async fn list<K>(api: &Api<K>, folder: &Path, kind: &str) -> anyhow::Result<Vec<K>>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let items = api.list(&ListParams::default()).await?.items;
    tokio::fs::write(
        folder.join(format!("{kind}.json")),
        serde_json::to_vec_pretty(&items)?,
    )
    .await?;
    Ok(items)
}

fn gist_of(pod: &Pod) -> String {
    let status = pod.status.clone().unwrap_or_default();
    let mut gist = format!("{} {}", pod.name_any(), status.phase.unwrap_or_default());
    for container in status.container_statuses.unwrap_or_default() {
        let state = container.state.unwrap_or_default();
        let waiting = state.waiting.and_then(|waiting| waiting.reason);
        let ended = state
            .terminated
            .map(|ended| format!("exit code {}", ended.exit_code));
        let word = waiting.or(ended).unwrap_or_else(|| "running".to_owned());
        let ready = if container.ready { "ready" } else { "not ready" };
        gist.push_str(&format!(
            "  {}: {word}, {ready}, {} restarts",
            container.name, container.restart_count
        ));
    }
    gist
}

async fn write_logs(namespace: &Namespace, pod: &Pod, folder: &Path) -> anyhow::Result<()> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    for container in containers {
        for (previous, suffix) in [(false, ""), (true, ".previous")] {
            let wanted = LogParams {
                container: Some(container.name.clone()),
                previous,
                ..LogParams::default()
            };
            // A container that never started, or never before, has no log.
            let Ok(text) = namespace.api::<Pod>().logs(&pod.name_any(), &wanted).await else {
                continue;
            };
            let file = format!("{}.{}{suffix}.log", pod.name_any(), container.name);
            tokio::fs::write(folder.join(file), text).await?;
        }
    }
    Ok(())
}
