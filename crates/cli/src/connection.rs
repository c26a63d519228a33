//! From flags and settings to a cluster that answered.

use intercept_engine::cluster::Cluster;
use intercept_engine::kubeconfig::Kubeconfigs;
use intercept_engine::settings::Settings;

use crate::args::Global;
use crate::errors::Failure;
use crate::output::Output;

/// A cluster, and the namespace that is meant.
pub(crate) struct Connection {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
}

/// Reads `intercept.toml`.
pub(crate) fn settings(global: &Global) -> Result<Settings, Failure> {
    let folder = std::env::current_dir().unwrap_or_default();
    Ok(Settings::load(
        global.config.as_deref(),
        &folder,
        std::env::home_dir().as_deref(),
    )?)
}

/// Connects to the cluster that flags and settings name.
pub(crate) async fn connect(
    global: &Global,
    settings: &Settings,
    output: &Output,
) -> Result<Connection, Failure> {
    let kubeconfigs = Kubeconfigs::load(global.kubeconfig.as_deref())?;
    let context = global.context.as_deref().or(settings.context.as_deref());
    output.live("Connecting to the cluster");
    let connected = Cluster::connect(&kubeconfigs, context).await;
    output.still();
    let cluster = connected?;
    let namespace = global.namespace.clone().or_else(|| settings.namespace.clone());
    let namespace = namespace.unwrap_or_else(|| cluster.default_namespace().to_owned());
    Ok(Connection { cluster, namespace })
}
