//! Where a Service's address and port lead, from Services and EndpointSlices: pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// A Service with this label is somebody else's to serve.
const OTHER_PROXY_LABEL: &str = "service.kubernetes.io/service-proxy-name";

/// Endpoints for each address that answers.
pub(crate) type Routes = BTreeMap<SocketAddr, Vec<SocketAddr>>;

/// The routes of one Service. A port with nobody behind it is not there, so that it refuses.
pub(crate) fn routes(service: &Service, slices: &[&EndpointSlice]) -> Routes {
    let Some(spec) = &service.spec else {
        return Routes::new();
    };
    let labels = service.metadata.labels.as_ref();
    let is_others = labels.is_some_and(|labels| labels.contains_key(OTHER_PROXY_LABEL));
    let address = spec
        .cluster_ip
        .as_deref()
        .and_then(|ip| ip.parse::<IpAddr>().ok());
    let (Some(address), false) = (address, is_others) else {
        return Routes::new();
    };
    let ports = spec.ports.iter().flatten();
    ports
        .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
        .filter_map(|port| {
            let number = u16::try_from(port.port).ok()?;
            let behind = behind(port, slices);
            (!behind.is_empty()).then(|| (SocketAddr::new(address, number), behind))
        })
        .collect()
}

/// The ready ones; where there are none, those that end and still serve, as kube-proxy does.
fn behind(port: &ServicePort, slices: &[&EndpointSlice]) -> Vec<SocketAddr> {
    let (mut ready, mut ending) = (Vec::new(), Vec::new());
    for slice in slices {
        let Some(number) = number(port, slice) else {
            continue;
        };
        for endpoint in &slice.endpoints {
            let addresses = endpoint
                .addresses
                .iter()
                .filter_map(|ip| ip.parse::<IpAddr>().ok());
            let addresses = addresses.map(|ip| SocketAddr::new(ip, number));
            match state(endpoint) {
                (true, _) => ready.extend(addresses),
                (false, true) => ending.extend(addresses),
                _ => {}
            }
        }
    }
    if ready.is_empty() { ending } else { ready }
}

fn number(port: &ServicePort, slice: &EndpointSlice) -> Option<u16> {
    let mut ports = slice.ports.iter().flatten();
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    let found = ports.find(|one| name(&one.name) == name(&port.name))?;
    found.port.and_then(|number| u16::try_from(number).ok())
}

/// Ready; and serving while it terminates.
fn state(endpoint: &Endpoint) -> (bool, bool) {
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    let ready = conditions.ready.unwrap_or(true);
    let ending = conditions.terminating.unwrap_or(false) && conditions.serving.unwrap_or(ready);
    (ready, ending)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn service(change: impl FnOnce(&mut Value)) -> Service {
        let mut value = json!({
            "metadata": { "name": "api" },
            "spec": { "clusterIP": "127.9.128.1", "ports": [
                { "name": "http", "port": 80 }, { "name": "admin", "port": 81 },
            ] },
        });
        change(&mut value);
        serde_json::from_value(value).unwrap()
    }

    fn slice(endpoints: &Value) -> EndpointSlice {
        serde_json::from_value(json!({
            "addressType": "IPv4", "endpoints": endpoints, "ports": [{ "name": "http", "port": 8080 }],
        }))
        .unwrap()
    }

    fn endpoint(ip: &str, ready: bool, serving: bool, terminating: bool) -> Value {
        json!({ "addresses": [ip],
                "conditions": { "ready": ready, "serving": serving, "terminating": terminating } })
    }

    #[test]
    fn a_port_leads_to_the_ready_endpoints_alone() {
        let slice = slice(&json!([
            endpoint("127.9.1.1", true, true, false),
            endpoint("127.9.1.2", false, false, false),
            endpoint("127.9.1.3", false, true, true),
        ]));
        let routes = routes(&service(|_| {}), &[&slice]);
        let http: SocketAddr = "127.9.128.1:80".parse().unwrap();
        assert_eq!(routes.len(), 1, "a port without endpoints must refuse");
        assert_eq!(routes[&http], ["127.9.1.1:8080".parse().unwrap()]);
    }

    #[test]
    fn where_none_is_ready_those_that_end_still_serve() {
        let slice = slice(&json!([
            endpoint("127.9.1.2", false, false, true),
            endpoint("127.9.1.3", false, true, true),
        ]));
        let routes = routes(&service(|_| {}), &[&slice]);
        let behind: Vec<_> = routes.into_values().flatten().collect();
        assert_eq!(behind, ["127.9.1.3:8080".parse().unwrap()]);
    }

    #[test]
    fn headless_services_and_those_of_another_proxy_have_no_address() {
        let slice = slice(&json!([endpoint("127.9.1.1", true, true, false)]));
        let headless = service(|value| value["spec"]["clusterIP"] = json!("None"));
        assert!(routes(&headless, &[&slice]).is_empty());
        let other = service(|value| value["metadata"]["labels"] = json!({ OTHER_PROXY_LABEL: "mesh" }));
        assert!(routes(&other, &[&slice]).is_empty());
    }
}
