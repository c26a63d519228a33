//! What the window is told, as it travels: `ui/src/bindings/wire.ts` is generated from these types.
//! The engine's own types stay free of the window's wishes; each is converted here.

use intercept_engine::discover::{PortSummary, ServiceSummary};
use intercept_engine::kubeconfig::ContextSummary;
use serde::Serialize;
use ts_rs::TS;

/// A context of the kubeconfig. Naming it contacts nothing.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Context {
    name: String,
    cluster: String,
    user: String,
    namespace: Option<String>,
    is_current: bool,
    /// Of the sandbox inside this program.
    is_sandbox: bool,
}

/// A Service of the cluster that a context names.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Service {
    namespace: String,
    name: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName` or `Headless`.
    kind: String,
    ports: Vec<Port>,
    ready_endpoints: usize,
    intercept_count: usize,
    /// Why it cannot be intercepted, in one short clause.
    obstacle: Option<String>,
}

/// A port of a Service.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Port {
    name: Option<String>,
    number: u16,
    target: String,
    protocol: String,
}

impl Context {
    pub(crate) fn new(summary: ContextSummary, is_sandbox: bool) -> Self {
        let ContextSummary {
            name,
            cluster,
            user,
            namespace,
            is_current,
            ..
        } = summary;
        Self {
            name,
            cluster,
            user,
            namespace,
            is_current,
            is_sandbox,
        }
    }
}

impl From<ServiceSummary> for Service {
    fn from(summary: ServiceSummary) -> Self {
        Self {
            namespace: summary.namespace,
            name: summary.name,
            kind: summary.kind,
            ports: summary.ports.into_iter().map(Port::from).collect(),
            ready_endpoints: summary.ready,
            intercept_count: summary.intercepts.len(),
            obstacle: summary.obstacle,
        }
    }
}

impl From<PortSummary> for Port {
    fn from(summary: PortSummary) -> Self {
        let PortSummary {
            name,
            port,
            target,
            protocol,
            ..
        } = summary;
        Self {
            name,
            number: port,
            target,
            protocol,
        }
    }
}
