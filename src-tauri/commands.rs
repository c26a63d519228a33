//! The questions of the window. Each asks the engine and converts the answer; nothing is decided here.

use intercept_engine::cluster::Cluster;
use intercept_engine::discover;
use intercept_engine::kubeconfig::Kubeconfigs;

use crate::dto::{Context, Service};
use crate::error::CommandError;

/// The contexts of the kubeconfig files that `KUBECONFIG` names, or of `~/.kube/config`.
#[tauri::command]
pub(crate) async fn list_contexts() -> Result<Vec<Context>, CommandError> {
    let kubeconfigs = Kubeconfigs::load(None)?;
    Ok(kubeconfigs.contexts().into_iter().map(Context::from).collect())
}

/// The Services that this context may list.
#[tauri::command]
pub(crate) async fn list_services(context: String) -> Result<Vec<Service>, CommandError> {
    let kubeconfigs = Kubeconfigs::load(None)?;
    let cluster = Cluster::connect(&kubeconfigs, Some(&context)).await?;
    let services = discover::services(&cluster, None).await?;
    Ok(services.into_iter().map(Service::from).collect())
}
