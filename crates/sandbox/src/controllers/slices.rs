//! Which addresses a Service has, from its pods: pure.
//!
//! One group of endpoints for each set of resolved ports, since pods may give a named port different numbers.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ObjectReference, Pod, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::node::pod::{is_over, is_ready};

pub(crate) const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
pub(crate) const HEADLESS_LABEL: &str = "service.kubernetes.io/headless";
const MANAGED_BY_LABEL: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGED_BY: &str = "endpointslice-controller.k8s.io";
/// As kube-controller-manager's `--max-endpoints-per-slice`.
const MOST_ENDPOINTS: usize = 100;

/// What one EndpointSlice should hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) ports: Vec<EndpointPort>,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// What is to be done to the slices that stand.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    Create(Box<EndpointSlice>),
    Replace(Box<EndpointSlice>),
    Delete(String),
}

/// A Service's selector, where it has one that selects anything.
pub(crate) fn selector(service: &Service) -> Option<&BTreeMap<String, String>> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    spec.selector.as_ref().filter(|selector| !selector.is_empty())
}

/// Whether a pod has every label that is asked for.
pub(crate) fn selects(selector: &BTreeMap<String, String>, pod: &Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    selector
        .iter()
        .all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

/// Whether a Service has no ClusterIP.
pub(crate) fn is_headless(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.cluster_ip.as_deref()) == Some("None")
}

/// The groups of endpoints of `service`; one empty group where nothing is selected.
pub(crate) fn wanted<'a>(service: &Service, pods: impl IntoIterator<Item = &'a Pod>) -> Vec<Wanted> {
    let mut groups: Vec<Wanted> = Vec::new();
    for pod in pods {
        let Some(endpoint) = endpoint(service, pod) else {
            continue;
        };
        let ports = ports(service, pod);
        match groups.iter_mut().find(|group| group.ports == ports) {
            Some(group) => group.endpoints.push(endpoint),
            None => groups.push(Wanted {
                ports,
                endpoints: vec![endpoint],
            }),
        }
    }
    if groups.is_empty() {
        groups.push(Wanted {
            ports: Vec::new(),
            endpoints: Vec::new(),
        });
    }
    groups.into_iter().flat_map(cut).collect()
}

fn cut(mut group: Wanted) -> Vec<Wanted> {
    group
        .endpoints
        .sort_by(|one, other| one.addresses.cmp(&other.addresses));
    if group.endpoints.len() <= MOST_ENDPOINTS {
        return vec![group];
    }
    let parts = group.endpoints.chunks(MOST_ENDPOINTS);
    parts
        .map(|part| Wanted {
            ports: group.ports.clone(),
            endpoints: part.to_vec(),
        })
        .collect()
}

fn endpoint(service: &Service, pod: &Pod) -> Option<Endpoint> {
    let address = pod.status.as_ref()?.pod_ip.clone().filter(|ip| !ip.is_empty())?;
    if is_over(pod) {
        return None;
    }
    let publishes = service
        .spec
        .as_ref()
        .and_then(|spec| spec.publish_not_ready_addresses)
        .unwrap_or_default();
    let (serving, terminating) = (is_ready(pod), pod.metadata.deletion_timestamp.is_some());
    let spec = pod.spec.as_ref();
    let hostname = spec
        .filter(|spec| spec.subdomain.is_some() && spec.subdomain == service.metadata.name)
        .and_then(|spec| spec.hostname.clone());
    Some(Endpoint {
        addresses: vec![address],
        conditions: Some(EndpointConditions {
            ready: Some(publishes || (serving && !terminating)),
            serving: Some(serving),
            terminating: Some(terminating),
        }),
        hostname,
        node_name: spec.and_then(|spec| spec.node_name.clone()),
        target_ref: Some(reference(pod)),
        ..Endpoint::default()
    })
}

/// How endpoints name their pod.
pub(crate) fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        kind: Some("Pod".to_owned()),
        namespace: pod.metadata.namespace.clone(),
        name: pod.metadata.name.clone(),
        uid: pod.metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

/// The Service's ports as this pod meets them; one that it does not have is left out.
pub(crate) fn ports(service: &Service, pod: &Pod) -> Vec<EndpointPort> {
    let declared = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    declared
        .filter_map(|port| {
            Some(EndpointPort {
                name: Some(port.name.clone().unwrap_or_default()),
                port: Some(target(port, pod)?),
                protocol: Some(protocol(port).to_owned()),
                app_protocol: port.app_protocol.clone(),
            })
        })
        .collect()
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn target(port: &ServicePort, pod: &Pod) -> Option<i32> {
    match &port.target_port {
        None | Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
            containers
                .filter_map(|container| named(container, name, protocol(port)))
                .next()
        }
    }
}

fn named(container: &Container, name: &str, protocol: &str) -> Option<i32> {
    let mut ports = container.ports.iter().flatten();
    ports
        .find(|one| one.name.as_deref() == Some(name) && one.protocol.as_deref().unwrap_or("TCP") == protocol)
        .map(|one| one.container_port)
}

/// The labels of a Service's slices: its own, and those that say whose they are.
pub(crate) fn labels(service: &Service) -> BTreeMap<String, String> {
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.remove(HEADLESS_LABEL);
    if is_headless(service) {
        labels.insert(HEADLESS_LABEL.to_owned(), String::new());
    }
    labels.insert(
        SERVICE_NAME_LABEL.to_owned(),
        service.metadata.name.clone().unwrap_or_default(),
    );
    labels.insert(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned());
    labels
}

/// Whether a slice is this controller's.
pub(crate) fn is_ours(slice: &EndpointSlice) -> bool {
    let labels = slice.metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get(MANAGED_BY_LABEL))
        .map(String::as_str)
        == Some(MANAGED_BY)
}

/// What makes `standing` into what is wanted, touching as few slices as possible.
pub(crate) fn actions(
    service: &Service,
    wanted: Vec<Wanted>,
    standing: &[std::sync::Arc<EndpointSlice>],
) -> Vec<Action> {
    let labels = labels(service);
    let mut left: Vec<&EndpointSlice> = standing.iter().map(AsRef::as_ref).collect();
    left.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let mut actions = Vec::new();
    for group in wanted {
        let same = |slice: &&EndpointSlice| slice.ports.as_deref().unwrap_or_default() == group.ports;
        let place = left
            .iter()
            .position(same)
            .or(if left.is_empty() { None } else { Some(0) });
        let Some(place) = place else {
            actions.push(Action::Create(Box::new(fresh(service, &labels, group))));
            continue;
        };
        let before = left.remove(place);
        let is_same = before.ports.as_deref().unwrap_or_default() == group.ports
            && before.endpoints == group.endpoints
            && before.metadata.labels.as_ref() == Some(&labels);
        if !is_same {
            let mut after = before.clone();
            after.metadata.labels = Some(labels.clone());
            (after.ports, after.endpoints) = (Some(group.ports), group.endpoints);
            actions.push(Action::Replace(Box::new(after)));
        }
    }
    let surplus = left.into_iter().filter_map(|slice| slice.metadata.name.clone());
    actions.extend(surplus.map(Action::Delete));
    actions
}

fn fresh(service: &Service, labels: &BTreeMap<String, String>, group: Wanted) -> EndpointSlice {
    EndpointSlice {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
            generate_name: service.metadata.name.as_ref().map(|name| format!("{name}-")),
            namespace: service.metadata.namespace.clone(),
            labels: Some(labels.clone()),
            owner_references: Some(vec![super::controlled_by(service)]),
            ..Default::default()
        },
        address_type: "IPv4".to_owned(),
        endpoints: group.endpoints,
        ports: Some(group.ports),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn service(change: impl FnOnce(&mut Value)) -> Service {
        let mut value = json!({
            "metadata": { "name": "api", "namespace": "shop", "uid": "u", "labels": { "team": "a" } },
            "spec": { "clusterIP": "127.9.128.1", "selector": { "app": "api" },
                      "ports": [{ "name": "http", "port": 80, "targetPort": "web" }] },
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn pod(name: &str, ip: &str, is_ready: bool, web: i32) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": name, "namespace": "shop", "uid": name, "labels": { "app": "api" } },
            "spec": { "nodeName": "sandbox", "containers": [
                { "name": "c", "ports": [{ "name": "web", "containerPort": web }] },
            ] },
            "status": { "phase": "Running", "podIP": ip,
                        "conditions": [{ "type": "Ready", "status": if is_ready { "True" } else { "False" } }] },
        }))
        .unwrap()
    }

    fn conditions(wanted: &[Wanted]) -> (bool, bool, bool) {
        let conditions = wanted[0].endpoints[0].conditions.clone().unwrap();
        (
            conditions.ready.unwrap(),
            conditions.serving.unwrap(),
            conditions.terminating.unwrap(),
        )
    }

    #[test]
    fn a_named_port_is_resolved_by_each_pod_and_pods_that_differ_have_slices_of_their_own() {
        let service = service(|_| {});
        let pods = [
            pod("a", "127.9.0.1", true, 8080),
            pod("b", "127.9.0.2", true, 9090),
        ];
        let wanted = wanted(&service, &pods);
        let numbers: Vec<_> = wanted.iter().map(|group| group.ports[0].port).collect();
        assert_eq!(numbers, [Some(8080), Some(9090)]);
        assert_eq!(
            wanted[0].endpoints[0].target_ref.as_ref().unwrap().uid.as_deref(),
            Some("a")
        );
    }

    #[test]
    fn a_pod_that_terminates_still_serves_and_is_not_ready() {
        let mut one = pod("a", "127.9.0.1", true, 8080);
        one.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
            Default::default(),
        ));
        let only_ready = service(|_| {});
        assert_eq!(conditions(&wanted(&only_ready, [&one])), (false, true, true));
        let publishing = service(|value| value["spec"]["publishNotReadyAddresses"] = json!(true));
        assert_eq!(conditions(&wanted(&publishing, [&one])), (true, true, true));
    }

    #[test]
    fn a_pod_that_is_over_or_has_no_address_is_no_endpoint() {
        let mut over = pod("a", "127.9.0.1", true, 8080);
        over.status.as_mut().unwrap().phase = Some("Failed".into());
        let homeless = pod("b", "", true, 8080);
        let wanted = wanted(&service(|_| {}), [&over, &homeless]);
        assert!(wanted.len() == 1 && wanted[0].endpoints.is_empty());
    }

    #[test]
    fn slices_carry_the_services_labels_and_say_headless() {
        let headless = service(|value| value["spec"]["clusterIP"] = json!("None"));
        let labels = labels(&headless);
        assert_eq!(labels["team"], "a");
        assert_eq!(labels[SERVICE_NAME_LABEL], "api");
        assert!(labels.contains_key(HEADLESS_LABEL));
    }

    #[test]
    fn what_is_right_already_is_not_touched() {
        let service = service(|_| {});
        let pods = [pod("a", "127.9.0.1", true, 8080)];
        let Action::Create(made) = actions(&service, wanted(&service, &pods), &[]).remove(0) else {
            panic!("a first slice must be created");
        };
        let standing = [Arc::new(*made)];
        assert_eq!(actions(&service, wanted(&service, &pods), &standing), []);
        let other = [pod("a", "127.9.0.1", false, 8080)];
        assert!(matches!(
            actions(&service, wanted(&service, &other), &standing)[..],
            [Action::Replace(_)]
        ));
    }

    #[test]
    fn a_hundred_and_one_endpoints_need_two_slices() {
        let pods: Vec<Pod> = (0..101)
            .map(|n| pod(&format!("p{n}"), &format!("127.9.0.{n}"), true, 1))
            .collect();
        assert_eq!(wanted(&service(|_| {}), &pods).len(), 2);
    }
}
