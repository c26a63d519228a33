//! Names of Services for programs inside this process, which have no DNS server to ask.

use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::controllers::slices::SERVICE_NAME_LABEL;
use crate::node::cache::Cache;

/// What the cluster's DNS would know.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) services: Cache<Service>,
    pub(crate) slices: Cache<EndpointSlice>,
}

impl Names {
    /// The address of `host` as a pod in `namespace` would find it: `name`, `name.namespace`, and longer forms.
    pub(crate) fn resolve(&self, namespace: &str, host: &str, port: u16) -> Option<SocketAddr> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(SocketAddr::new(ip, port));
        }
        let mut parts = host.split('.');
        let name = parts.next()?.to_owned();
        let namespace = parts.next().unwrap_or(namespace).to_owned();
        let service = self.services.get(&(namespace.clone(), name.clone()))?;
        let ip = service.spec.as_ref()?.cluster_ip.clone()?;
        if let Ok(ip) = ip.parse::<IpAddr>() {
            return Some(SocketAddr::new(ip, port));
        }
        self.headless(&namespace, &name, port)
    }

    /// Any ready pod, on the very port that was asked for: that is what a headless Service gives.
    fn headless(&self, namespace: &str, name: &str, port: u16) -> Option<SocketAddr> {
        let slices = self.slices.in_namespace(namespace);
        let is_of = |slice: &EndpointSlice| {
            let labels = slice.metadata.labels.as_ref();
            labels
                .and_then(|labels| labels.get(SERVICE_NAME_LABEL))
                .map(String::as_str)
                == Some(name)
        };
        let endpoints = slices
            .iter()
            .filter(|slice| is_of(slice))
            .flat_map(|slice| &slice.endpoints);
        let mut ready = endpoints.filter(|one| {
            let conditions = one.conditions.as_ref();
            conditions.and_then(|conditions| conditions.ready).unwrap_or(true)
        });
        let ip = ready.next()?.addresses.first()?.parse().ok()?;
        Some(SocketAddr::new(ip, port))
    }
}
