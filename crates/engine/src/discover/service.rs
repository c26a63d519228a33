//! One Service as it is listed, and what of it stands against an intercept.

use std::collections::BTreeMap;

use intercept_protocol::names;
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use super::intercept::InterceptSummary;
use crate::snapshot::{is_proxy_selector, selector, selector_without_us};

/// A Service, as listed.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSummary {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `ClusterIP`, `Headless`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: String,
    /// Its address, unless it has none.
    pub cluster_ip: Option<String>,
    /// Its ports.
    pub ports: Vec<PortSummary>,
    /// What runs the pods it selects, or selected before it was intercepted.
    pub workload: Option<WorkloadSummary>,
    /// How many of these pods are ready.
    pub ready: usize,
    /// Everybody's intercepts on it, oldest first.
    pub intercepts: Vec<InterceptSummary>,
    /// Why it cannot be intercepted, as far as the Service itself shows it.
    pub obstacle: Option<String>,
}

/// A port of a Service.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortSummary {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub port: u16,
    /// The pods' port: a number or a name.
    pub target: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// What the Service says is spoken there.
    pub app_protocol: Option<String>,
}

/// What runs pods.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSummary {
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// Why a Service cannot be intercepted, as far as the Service itself shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum Obstacle {
    /// One of ours, for another Service.
    #[error("it belongs to an intercept of another Service")]
    Ours,
    /// An alias of a name outside.
    #[error("it is an ExternalName: only a DNS alias, no request passes it")]
    ExternalName,
    /// Somebody else fills its endpoints.
    #[error("it has no selector: its endpoints are kept by something else")]
    NoSelector,
    /// Nothing a connection can be made to.
    #[error("it has no TCP port")]
    NoTcpPort,
    /// On its way out.
    #[error("it is being deleted")]
    Deleting,
}

/// What a list needs to know of one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceFacts {
    pub(super) kind: &'static str,
    pub(super) cluster_ip: Option<String>,
    pub(super) ports: Vec<PortSummary>,
    /// Of the original pods.
    pub(super) selector: BTreeMap<String, String>,
    pub(super) is_switched: bool,
    pub(super) obstacle: Option<Obstacle>,
}

/// The first thing of `service` itself that stands against an intercept.
pub fn obstacle(service: &Service) -> Option<Obstacle> {
    if is_ours(service) {
        return Some(Obstacle::Ours);
    }
    if service.metadata.deletion_timestamp.is_some() {
        return Some(Obstacle::Deleting);
    }
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("ExternalName") {
        return Some(Obstacle::ExternalName);
    }
    if selector(service).is_empty() {
        return Some(Obstacle::NoSelector);
    }
    let is_tcp = |port: &ServicePort| port.protocol.as_deref().unwrap_or("TCP") == "TCP";
    let has_tcp = spec
        .and_then(|spec| spec.ports.as_ref())
        .is_some_and(|ports| ports.iter().any(is_tcp));
    (!has_tcp).then_some(Obstacle::NoTcpPort)
}

fn is_ours(service: &Service) -> bool {
    let label = |name| {
        service
            .metadata
            .labels
            .as_ref()
            .and_then(|labels| labels.get(name))
    };
    label(names::MANAGED_BY_LABEL).is_some_and(|by| by == names::MANAGED_BY)
        && label(names::SERVICE_LABEL).is_some()
}

/// None for our own Services, which are not listed.
pub(super) fn facts(service: Service) -> Option<ServiceFacts> {
    let obstacle = obstacle(&service);
    if obstacle == Some(Obstacle::Ours) {
        return None;
    }
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let is_switched = is_proxy_selector(&selector(&service), name);
    let selector = selector_without_us(&service).unwrap_or_default();
    let spec = service.spec.unwrap_or_default();
    let is_headless = spec.cluster_ip.as_deref() == Some("None");
    Some(ServiceFacts {
        kind: kind(spec.type_.as_deref(), is_headless),
        cluster_ip: spec.cluster_ip.filter(|ip| !ip.is_empty() && !is_headless),
        ports: spec
            .ports
            .unwrap_or_default()
            .into_iter()
            .filter_map(port)
            .collect(),
        selector,
        is_switched,
        obstacle,
    })
}

fn kind(type_: Option<&str>, is_headless: bool) -> &'static str {
    match type_ {
        Some("ExternalName") => "ExternalName",
        _ if is_headless => "Headless",
        Some("NodePort") => "NodePort",
        Some("LoadBalancer") => "LoadBalancer",
        _ => "ClusterIP",
    }
}

fn port(port: ServicePort) -> Option<PortSummary> {
    let number = u16::try_from(port.port).ok()?;
    let target = match port.target_port {
        Some(IntOrString::String(name)) => name,
        // Zero is how an unset one is written.
        Some(IntOrString::Int(target)) if target != 0 => target.to_string(),
        _ => number.to_string(),
    };
    Some(PortSummary {
        name: port.name.filter(|name| !name.is_empty()),
        port: number,
        target,
        protocol: port.protocol.unwrap_or_else(|| "TCP".to_owned()),
        app_protocol: port.app_protocol,
    })
}
