//! Which numbers NGINX listens on so that the Service's ports reach it unchanged.
//!
//! A numeric `targetPort` must be met by the same number; a named one by a container port of that name,
//! whatever its number. Service ports that share a `targetPort` share a listener.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use intercept_protocol::record::{Listener, PortProtocol};
use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::refusal::Refusal;
use crate::spec::PortChoice;

/// What NGINX listens on, and under which container port names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// One for each distinct `targetPort`.
    pub listeners: Vec<Listener>,
    /// Container port names that named `targetPort`s need, with their numbers.
    pub names: BTreeMap<String, u16>,
    /// Port of the agent's relay.
    pub relay_port: u16,
    /// Port of NGINX's readiness answer.
    pub health_port: u16,
}

impl Ports {
    /// Whether original pods are named for some port.
    pub(super) fn is_direct(&self) -> bool {
        self.listeners.iter().any(|one| !one.direct.is_empty())
    }
}

/// First of the numbers tried for our own ports; outside of what images usually listen on.
const OWN_PORTS_FROM: u16 = 47_600;

/// The listeners for a Service.
pub(super) fn ports(service: &Service, endpoints: &[EndpointSlice]) -> Ports {
    let mut listeners: Vec<Listener> = Vec::new();
    let mut names: BTreeMap<String, u16> = BTreeMap::new();
    let declared = tcp_ports(service);
    // Numbers first: a named port must not take a number that another one needs.
    for port in &declared {
        if let Some(number) = numeric_target(port) {
            add(&mut listeners, number, port);
        }
    }
    for port in &declared {
        if let Some(IntOrString::String(name)) = &port.target_port {
            let number = match names.get(name) {
                Some(number) => *number,
                None => free(
                    resolved(port, endpoints).unwrap_or_else(|| number_of(port)),
                    &listeners,
                ),
            };
            names.insert(name.clone(), number);
            add(&mut listeners, number, port);
        }
    }
    let relay_port = free(OWN_PORTS_FROM, &listeners);
    let health_port = free(relay_port + 1, &listeners);
    Ports {
        listeners,
        names,
        relay_port,
        health_port,
    }
}

/// How many original pods are named: enough for the second in which they are needed.
const DIRECT: usize = 16;

/// Fills in where the original pods themselves listen.
pub(crate) fn add_direct(listeners: &mut [Listener], service: &Service, endpoints: &[EndpointSlice]) {
    for declared in tcp_ports(service) {
        let Some(listener) = listeners
            .iter_mut()
            .find(|one| one.service_port == number_of(declared))
        else {
            continue;
        };
        listener.direct = pods_of(declared, service, endpoints);
    }
}

/// Addresses of ready pods on `port`, in the Service's first IP family: the one its ClusterIP is of.
fn pods_of(port: &ServicePort, service: &Service, endpoints: &[EndpointSlice]) -> Vec<SocketAddr> {
    let families = service
        .spec
        .iter()
        .flat_map(|spec| spec.ip_families.iter().flatten());
    let family = families.into_iter().next().map_or("IPv4", String::as_str);
    let mut found = Vec::new();
    for slice in endpoints.iter().filter(|slice| slice.address_type == family) {
        let Some(number) = resolved(port, std::slice::from_ref(slice)) else {
            continue;
        };
        let is_ready = |one: &&Endpoint| one.conditions.as_ref().and_then(|is| is.ready).unwrap_or(true);
        // Addresses of one endpoint are the same pod's.
        let addresses = slice
            .endpoints
            .iter()
            .filter(is_ready)
            .filter_map(|one| one.addresses.first());
        found.extend(addresses.filter_map(|text| Some(SocketAddr::new(text.parse().ok()?, number))));
    }
    found.truncate(DIRECT);
    found
}

/// The Service port that a user means, and the listener it comes to.
pub(super) fn chosen<'a>(
    service: &'a Service,
    choice: Option<&PortChoice>,
) -> Result<&'a ServicePort, Refusal> {
    let declared = tcp_ports(service);
    let known = || declared.iter().map(|port| label(port)).collect();
    match choice {
        Some(choice) => declared
            .iter()
            .find(|port| match choice {
                PortChoice::Number(number) => number_of(port) == *number,
                PortChoice::Name(name) => port.name.as_deref() == Some(name),
            })
            .copied()
            .ok_or_else(|| Refusal::NoSuchPort {
                asked: choice.to_string(),
                known: known(),
            }),
        None => match declared.as_slice() {
            [only] => Ok(only),
            [] => Err(Refusal::NoTcpPort),
            _ => Err(Refusal::WhichPort { known: known() }),
        },
    }
}

/// The listener port that `port` comes to.
pub(super) fn listener_of(ports: &Ports, port: &ServicePort) -> Option<u16> {
    match &port.target_port {
        Some(IntOrString::String(name)) => ports.names.get(name).copied(),
        _ => numeric_target(port),
    }
}

/// What the Service itself says a port speaks: TLS and known non-HTTP protocols pass as connections.
pub(super) fn declared_protocol(port: &ServicePort) -> PortProtocol {
    let said = port
        .app_protocol
        .as_deref()
        .or(port.name.as_deref())
        .unwrap_or_default();
    let word = said.rsplit('/').next().unwrap_or(said).to_ascii_lowercase();
    let first = word.split('-').next().unwrap_or_default();
    const CONNECTIONS: [&str; 12] = [
        "https",
        "tls",
        "tcp",
        "ssl",
        "mysql",
        "postgres",
        "postgresql",
        "redis",
        "mongo",
        "mongodb",
        "amqp",
        "kafka",
    ];
    let is_443 = number_of(port) == 443 && said.is_empty();
    if is_443 || CONNECTIONS.contains(&first) {
        PortProtocol::Tcp
    } else {
        PortProtocol::Http
    }
}

/// The Service's TCP ports.
pub(super) fn tcp_ports(service: &Service) -> Vec<&ServicePort> {
    let declared = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    declared
        .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
        .collect()
}

/// Name and number as people write them.
pub(super) fn label(port: &ServicePort) -> String {
    match &port.name {
        Some(name) => format!("{} ({name})", port.port),
        None => port.port.to_string(),
    }
}

/// The Service port's number.
pub(super) fn number_of(port: &ServicePort) -> u16 {
    u16::try_from(port.port).unwrap_or_default()
}

/// The number of the pods' port that a Service's port leads to, where that is not left to a name.
pub(crate) fn numeric_target(port: &ServicePort) -> Option<u16> {
    match &port.target_port {
        Some(IntOrString::Int(number)) => u16::try_from(*number).ok(),
        Some(IntOrString::String(_)) => None,
        None => Some(number_of(port)),
    }
}

/// The number a port has in the original pods.
fn resolved(port: &ServicePort, endpoints: &[EndpointSlice]) -> Option<u16> {
    let wanted = port.name.as_deref().unwrap_or_default();
    let found = endpoints.iter().flat_map(|slice| slice.ports.iter().flatten());
    found
        .filter(|one| one.name.as_deref().unwrap_or_default() == wanted)
        .find_map(|one| one.port.and_then(|number| u16::try_from(number).ok()))
}

fn add(listeners: &mut Vec<Listener>, number: u16, port: &ServicePort) {
    if listeners.iter().all(|one| one.port != number) {
        let protocol = declared_protocol(port);
        listeners.push(Listener {
            port: number,
            service_port: number_of(port),
            protocol,
            direct: Vec::new(),
        });
    }
}

fn free(wanted: u16, listeners: &[Listener]) -> u16 {
    let upwards = (wanted..=u16::MAX).chain(1024..wanted);
    let mut untaken = upwards.filter(|number| listeners.iter().all(|one| one.port != *number));
    untaken
        .next()
        .expect("a Service must have fewer ports than there are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(ports: &serde_json::Value) -> Service {
        serde_json::from_value(serde_json::json!({ "spec": { "ports": ports } })).unwrap()
    }

    #[test]
    fn ports_with_one_target_share_a_listener() {
        let service = service(&serde_json::json!([
            { "name": "a", "port": 80, "targetPort": 8080 }, { "name": "b", "port": 81, "targetPort": 8080 }
        ]));
        let ports = ports(&service, &[]);
        assert_eq!(ports.listeners.len(), 1);
        assert_eq!(
            (ports.listeners[0].port, ports.listeners[0].service_port),
            (8080, 80)
        );
    }

    #[test]
    fn a_named_target_never_takes_a_number_that_another_port_needs() {
        let service = service(&serde_json::json!([
            { "name": "web", "port": 8080, "targetPort": "web" }, { "name": "b", "port": 81, "targetPort": 8080 }
        ]));
        let ports = ports(&service, &[]);
        let web = ports.names["web"];
        assert_ne!(web, 8080);
        assert_eq!(ports.listeners.len(), 2);
        assert!(
            ports
                .listeners
                .iter()
                .any(|one| one.port == web && one.service_port == 8080)
        );
    }

    #[test]
    fn own_ports_avoid_the_services() {
        let service = service(&serde_json::json!([{ "port": 47600 }, { "port": 47602 }]));
        let ports = ports(&service, &[]);
        assert_eq!((ports.relay_port, ports.health_port), (47601, 47603));
    }

    #[test]
    fn the_only_port_needs_no_name_and_several_do() {
        let one = service(&serde_json::json!([{ "port": 80 }]));
        assert_eq!(chosen(&one, None).unwrap().port, 80);
        let two = service(&serde_json::json!([{ "name": "a", "port": 80 }, { "name": "b", "port": 81 }]));
        assert!(matches!(chosen(&two, None), Err(Refusal::WhichPort { .. })));
        assert_eq!(
            chosen(&two, Some(&PortChoice::Name("b".into()))).unwrap().port,
            81
        );
    }

    #[test]
    fn tls_and_databases_are_connections_and_the_rest_is_http() {
        for (port, expected) in [
            (serde_json::json!({ "port": 443 }), PortProtocol::Tcp),
            (
                serde_json::json!({ "port": 8443, "appProtocol": "https" }),
                PortProtocol::Tcp,
            ),
            (
                serde_json::json!({ "port": 5432, "name": "postgres" }),
                PortProtocol::Tcp,
            ),
            (
                serde_json::json!({ "port": 80, "appProtocol": "kubernetes.io/h2c" }),
                PortProtocol::Http,
            ),
            (
                serde_json::json!({ "port": 80, "name": "http-api" }),
                PortProtocol::Http,
            ),
            (serde_json::json!({ "port": 80 }), PortProtocol::Http),
        ] {
            let port: ServicePort = serde_json::from_value(port).unwrap();
            assert_eq!(declared_protocol(&port), expected, "{port:?}");
        }
    }
}
