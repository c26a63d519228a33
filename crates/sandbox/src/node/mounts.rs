//! A pod's volumes, and the folders that stand for its containers' roots.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ServiceAccount, Volume, VolumeMount};
use kube::Api;
use kube::api::PostParams;
use tokio::time::sleep;

use super::events::Severity;
use super::pod_run::{ACCOUNT_DIR, PodRun};
use super::volume::{self, Sources, VolumeError};

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MOST: Duration = Duration::from_secs(2);
const ACCOUNT_VOLUME: &str = "kube-api-access";
/// The ConfigMap of every namespace by which pods trust the API server.
const ROOT_CERTIFICATE: &str = "kube-root-ca.crt";

/// Brings the volumes up to date; what fails is told, and stays as it was.
pub(super) async fn refresh(run: &Arc<PodRun>, spec: &PodSpec) {
    if let Err((name, error)) = volumes(run, spec).await {
        failed(run, &name, &error);
    }
}

/// Makes every volume ready, however long that takes.
pub(super) async fn mount(run: &Arc<PodRun>, spec: &PodSpec) {
    let mut wait = RETRY_FIRST;
    loop {
        let Err((name, error)) = volumes(run, spec).await else {
            return;
        };
        failed(run, &name, &error);
        sleep(wait).await;
        wait = (wait * 2).min(RETRY_MOST);
    }
}

fn failed(run: &PodRun, volume: &str, error: &VolumeError) {
    let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {error}");
    run.tell(None, Severity::Warning, "FailedMount", message);
}

/// Every volume's folder, and every container's root with links to them.
async fn volumes(run: &Arc<PodRun>, spec: &PodSpec) -> Result<(), (String, VolumeError)> {
    let pod = run.pod();
    let ip = run.ip.ip().to_string();
    let tokens =
        || -> futures::future::BoxFuture<'_, Result<String, kube::Error>> { Box::pin(token(run, &pod)) };
    let sources = Sources {
        pod: &pod,
        ip: &ip,
        objects: &run.objects,
        tokens: &tokens,
    };
    // Only processes see folders; for the rest the volume's objects must be there all the same.
    for one in spec.volumes.iter().flatten() {
        let folder = run.folder.join("v").join(&one.name);
        fill(&sources, one, &folder)
            .await
            .map_err(|error| (one.name.clone(), error))?;
    }
    let has_account = has_account(run, spec).await;
    if has_account {
        let named = |error| (ACCOUNT_VOLUME.to_owned(), error);
        account(run, &pod).await.map_err(named)?;
    }
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    for one in all {
        root(run, one, has_account).map_err(|error| (one.name.clone(), error.into()))?;
    }
    Ok(())
}

async fn fill(sources: &Sources<'_>, volume: &Volume, folder: &Path) -> Result<(), VolumeError> {
    match sources.files(volume).await? {
        Some(files) if !is_same(folder, &files) => volume::write(folder, &files),
        Some(_) => Ok(()),
        None => Ok(std::fs::create_dir_all(folder)?),
    }
}

/// A folder that did not change keeps its `..data`, so that nobody reads anything anew.
fn is_same(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> bool {
    folder.join("..data").exists()
        && files
            .iter()
            .all(|(name, bytes)| std::fs::read(folder.join(name)).is_ok_and(|have| have == *bytes))
        && std::fs::read_dir(folder.join("..data")).is_ok_and(|entries| {
            let tops = entries.flatten().map(|entry| entry.file_name());
            tops.into_iter()
                .all(|top| files.keys().any(|name| Path::new(name).starts_with(&top)))
        })
}

fn root(run: &PodRun, container: &Container, has_account: bool) -> std::io::Result<()> {
    let paths = run.paths(container);
    std::fs::create_dir_all(run.root(&container.name))?;
    let place = |at: &str, to: &Path| -> std::io::Result<()> {
        let at = paths.place(at);
        if std::fs::read_link(&at).is_ok_and(|known| known == to) {
            return Ok(());
        }
        if let Some(parent) = at.parent() {
            std::fs::create_dir_all(parent)?;
        }
        volume::link(to, &at)
    };
    for mount in container.volume_mounts.iter().flatten() {
        let mut to = run.folder.join("v").join(&mount.name);
        if let Some(sub) = mount.sub_path.as_ref().filter(|sub| !sub.contains("..")) {
            to.push(sub);
        }
        place(&mount.mount_path, &to)?;
    }
    let is_own = |mount: &VolumeMount| mount.mount_path == ACCOUNT_DIR;
    if has_account && !container.volume_mounts.iter().flatten().any(is_own) {
        place(ACCOUNT_DIR, &run.folder.join("v").join(ACCOUNT_VOLUME))?;
    }
    Ok(())
}

/// Only processes read tokens: for the others none is asked for.
async fn has_account(run: &PodRun, spec: &PodSpec) -> bool {
    if !run.kubelet.runs_processes(spec) || spec.automount_service_account_token == Some(false) {
        return false;
    }
    let accounts: Api<ServiceAccount> = Api::namespaced(run.kubelet.client.clone(), &run.objects.namespace);
    let name = spec.service_account_name.as_deref().unwrap_or("default");
    let found = accounts.get_opt(name).await.ok().flatten();
    spec.automount_service_account_token == Some(true)
        || found.is_some_and(|one| one.automount_service_account_token != Some(false))
}

async fn account(run: &PodRun, pod: &Pod) -> Result<(), VolumeError> {
    let folder = run.folder.join("v").join(ACCOUNT_VOLUME);
    if folder.join("token").exists() {
        return Ok(());
    }
    let mut files = run
        .objects
        .config_map(ROOT_CERTIFICATE)
        .await?
        .unwrap_or_default();
    files.insert("token".to_owned(), token(run, pod).await?.into_bytes());
    let namespace = run.objects.namespace.clone();
    files.insert("namespace".to_owned(), namespace.into_bytes());
    volume::write(&folder, &files)
}

/// A token of the pod's own, as a kubelet asks for one.
async fn token(run: &PodRun, pod: &Pod) -> Result<String, kube::Error> {
    let spec = pod.spec.clone().unwrap_or_default();
    let name = spec.service_account_name.unwrap_or_else(|| "default".to_owned());
    let accounts: Api<ServiceAccount> = Api::namespaced(run.kubelet.client.clone(), &run.objects.namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: pod.metadata.name.clone(),
                uid: pod.metadata.uid.clone(),
            }),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let made = accounts
        .create_token_request(&name, &PostParams::default(), &request)
        .await?;
    Ok(made.status.map(|status| status.token).unwrap_or_default())
}
