//! The checks before a plan: pure, over a snapshot.

use std::collections::BTreeMap;

use intercept_protocol::names;
use k8s_openapi::api::core::v1::{Pod, Service};

use super::ports;
use super::refusal::{Refusal, Warning};
use crate::snapshot::{Optional, Snapshot, is_ready};
use crate::spec::{DEFAULT_PROXY_IMAGE, ProxySettings};

/// Everything that speaks against intercepting this Service at all.
pub(super) fn refusals(snapshot: &Snapshot) -> Vec<Refusal> {
    let mut found = Vec::new();
    let spec = snapshot.service.spec.clone().unwrap_or_default();
    if let Some(of) = origin_of(&snapshot.service) {
        return vec![Refusal::IsOrigin { of }];
    }
    if spec.type_.as_deref() == Some("ExternalName") {
        return vec![Refusal::ExternalName];
    }
    match snapshot.original_selector() {
        None => found.push(Refusal::OriginalUnknown),
        Some(selector) if selector.is_empty() => found.push(Refusal::NoSelector),
        Some(_) => {}
    }
    if let (true, Some(stateful_set)) = (is_headless(&snapshot.service), snapshot.governs.clone()) {
        found.push(Refusal::GovernsStatefulSet { stateful_set });
    }
    for port in spec.ports.iter().flatten() {
        if let Some(protocol) = port.protocol.as_deref().filter(|one| *one != "TCP") {
            found.push(Refusal::NotTcp {
                protocol: protocol.to_owned(),
                port: port.port,
            });
        }
    }
    if ports::tcp_ports(&snapshot.service).is_empty() && found.is_empty() {
        found.push(Refusal::NoTcpPort);
    }
    found.extend(snapshot.rights.missing.iter().map(|right| Refusal::Forbidden {
        verb: right.verb.to_owned(),
        resource: right.resource.to_owned(),
    }));
    found
}

/// What somebody should know before saying yes.
pub(super) fn warnings(snapshot: &Snapshot, settings: &ProxySettings) -> Vec<Warning> {
    let spec = snapshot.service.spec.clone().unwrap_or_default();
    let lacks = |right| snapshot.rights.missing_optional.contains(&right);
    let mut found = Vec::new();
    let mut note = |is_so: bool, warning: Warning| {
        if is_so {
            found.push(warning);
        }
    };
    note(lacks(Optional::SelfRestore), Warning::NoSelfRestore);
    note(lacks(Optional::Fuse), Warning::NoFuse);
    note(
        lacks(Optional::DisruptionBudget) && replicas(snapshot) > 1,
        Warning::NoDisruptionBudget,
    );
    note(ready_pods(&snapshot.pods) == 0, Warning::NoReadyPod);
    note(
        spec.session_affinity.as_deref() == Some("ClientIP"),
        Warning::SessionAffinity,
    );
    note(
        spec.external_traffic_policy.as_deref() == Some("Local"),
        Warning::ExternalTrafficPolicyLocal,
    );
    note(is_headless(&snapshot.service), Warning::Headless);
    if let Some(mesh) = mesh(&snapshot.pods) {
        note(
            true,
            Warning::Mesh {
                mesh: mesh.to_owned(),
            },
        );
    }
    let policies = snapshot.network_policies.clone();
    note(!policies.is_empty(), Warning::NetworkPolicies { policies });
    if let Some(tool) = git_ops(&snapshot.service) {
        note(
            true,
            Warning::GitOps {
                tool: tool.to_owned(),
            },
        );
    }
    note(
        !settings.image.ends_with(DEFAULT_PROXY_IMAGE),
        Warning::OtherImage {
            image: settings.image.clone(),
            measured: DEFAULT_PROXY_IMAGE.to_owned(),
        },
    );
    note(true, Warning::OldConnections);
    found
}

/// As many proxy pods as the original has ready: at least two where it has two, a few at most.
pub(super) fn replicas(snapshot: &Snapshot) -> i32 {
    const A_FEW: usize = 3;
    i32::try_from(ready_pods(&snapshot.pods).clamp(1, A_FEW)).unwrap_or(1)
}

fn ready_pods(pods: &[Pod]) -> usize {
    pods.iter().filter(|pod| is_ready(pod)).count()
}

fn is_headless(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

fn origin_of(service: &Service) -> Option<String> {
    let labels = service.metadata.labels.as_ref()?;
    let ours = labels.get(names::MANAGED_BY_LABEL).map(String::as_str) == Some(names::MANAGED_BY);
    ours.then(|| labels.get(names::SERVICE_LABEL).cloned()).flatten()
}

/// The service mesh whose sidecar the original pods have.
pub(super) fn mesh(pods: &[Pod]) -> Option<&'static str> {
    const SIDECARS: [(&str, &str); 3] = [
        ("istio-proxy", "Istio"),
        ("linkerd-proxy", "Linkerd"),
        ("consul-dataplane", "Consul"),
    ];
    let containers = pods.iter().filter_map(|pod| pod.spec.as_ref()).flat_map(|spec| {
        spec.containers
            .iter()
            .chain(spec.init_containers.iter().flatten())
            .map(|one| one.name.as_str())
    });
    let mut found = containers.filter_map(|name| {
        SIDECARS
            .iter()
            .find(|(sidecar, _)| *sidecar == name)
            .map(|(_, mesh)| *mesh)
    });
    found.next()
}

fn git_ops(service: &Service) -> Option<&'static str> {
    const MARKS: [(&str, &str); 4] = [
        ("argocd.argoproj.io/", "Argo CD"),
        ("kustomize.toolkit.fluxcd.io/", "Flux"),
        ("helm.toolkit.fluxcd.io/", "Flux"),
        ("configmanagement.gke.io/", "Config Sync"),
    ];
    let empty = BTreeMap::new();
    let labels = service.metadata.labels.as_ref().unwrap_or(&empty);
    let annotations = service.metadata.annotations.as_ref().unwrap_or(&empty);
    let mut found = labels.keys().chain(annotations.keys()).filter_map(|key| {
        MARKS
            .iter()
            .find(|(mark, _)| key.starts_with(mark))
            .map(|(_, tool)| *tool)
    });
    found.next()
}
