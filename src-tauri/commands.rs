//! The questions of the window. Each asks the engine and converts the answer; nothing is decided here.

use intercept_engine::cluster::Cluster;
use intercept_engine::discover;
use tauri::State;

use crate::dto::{Context, Service};
use crate::error::CommandError;
use crate::sandbox::Sandbox;

/// The contexts of the kubeconfig files that `KUBECONFIG` names, or of `~/.kube/config`; or the sandbox's.
#[tauri::command]
pub(crate) async fn list_contexts(sandbox: State<'_, Sandbox>) -> Result<Vec<Context>, CommandError> {
    let clusters = sandbox.clusters().await?;
    let contexts = clusters.kubeconfigs.contexts().into_iter();
    Ok(contexts
        .map(|summary| Context::new(summary, clusters.is_sandbox))
        .collect())
}

/// The Services that this context may list.
#[tauri::command]
pub(crate) async fn list_services(
    context: String,
    sandbox: State<'_, Sandbox>,
) -> Result<Vec<Service>, CommandError> {
    let clusters = sandbox.clusters().await?;
    let cluster = Cluster::connect(&clusters.kubeconfigs, Some(&context)).await?;
    let services = discover::services(&cluster, None).await?;
    Ok(services.into_iter().map(Service::from).collect())
}

/// Starts the sandbox; from then on its context is the only one.
#[tauri::command]
pub(crate) async fn try_sandbox(sandbox: State<'_, Sandbox>) -> Result<(), CommandError> {
    Ok(sandbox.start().await?)
}
