//! Cluster addresses and node ports of Services.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::status::{Cause, Failure};
use crate::resources::Kind;
use crate::store::{Object, State};

const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

/// The addresses that Services get; the node makes them reachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceAddresses {
    /// The first one.
    pub first: Ipv4Addr,
    /// The last one.
    pub last: Ipv4Addr,
}

impl Default for ServiceAddresses {
    fn default() -> Self {
        Self {
            first: Ipv4Addr::new(127, 96, 0, 1),
            last: Ipv4Addr::new(127, 96, 255, 254),
        }
    }
}

impl ServiceAddresses {
    fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// The first free one, from a place that differs from object to object: an address is not given out
    /// again at once, so whoever still uses an old one meets nobody.
    fn free(&self, state: &State) -> Option<Ipv4Addr> {
        let (first, last) = (u32::from(self.first), u32::from(self.last));
        let many = last.checked_sub(first)?.saturating_add(1);
        let start = u32::try_from(state.version() % u64::from(many)).unwrap_or_default();
        (0..many)
            .map(|step| Ipv4Addr::from(first + (start + step) % many))
            .find(|address| !state.addresses.contains(&address.to_string()))
    }

    /// Gives a Service what it lacks, keeps what it had, and refuses what another has.
    pub(super) fn assign(
        &self,
        state: &State,
        service: &mut Value,
        before: Option<&Object>,
    ) -> Result<(), Failure> {
        let kind = Kind::known("", "Service");
        let name = service["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let spec = &mut service["spec"];
        if spec["type"] == "ExternalName" {
            for field in ["clusterIP", "clusterIPs"] {
                drop(spec.as_object_mut().and_then(|spec| spec.remove(field)));
            }
            return Ok(());
        }
        let had = before
            .map(|before| &before.value["spec"])
            .filter(|had| had["clusterIP"].is_string());
        if let Some(had) = had
            && spec["clusterIP"].as_str().is_none_or(str::is_empty)
        {
            spec["clusterIP"] = had["clusterIP"].clone();
            spec["clusterIPs"] = had["clusterIPs"].clone();
        }
        let wanted = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
        let keeps = had.is_some_and(|had| had["clusterIP"] == wanted.as_str());
        if !keeps && wanted != "None" {
            let address = self.address(state, &wanted).map_err(|why| {
                let cause = Cause::invalid("spec.clusterIPs", &json!([wanted]), &why);
                Failure::invalid(kind, &name, &[cause])
            })?;
            spec["clusterIP"] = address.to_string().into();
        }
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
        node_ports(state, spec);
        Ok(())
    }

    fn address(&self, state: &State, wanted: &str) -> Result<Ipv4Addr, String> {
        if wanted.is_empty() {
            return self
                .free(state)
                .ok_or_else(|| "failed to allocate IP: range is full".to_owned());
        }
        let address: Ipv4Addr = wanted
            .parse()
            .map_err(|_| "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned())?;
        if !self.contains(address) {
            return Err(format!(
                "failed to allocate IP {address}: the provided network does not match the current range"
            ));
        }
        if state.addresses.contains(wanted) {
            return Err(format!(
                "failed to allocate IP {address}: provided IP is already allocated"
            ));
        }
        Ok(address)
    }
}

fn node_ports(state: &State, spec: &mut Value) {
    if !matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        return;
    }
    let services = state.list(Kind::known("", "Service"), None);
    let mut used: Vec<u64> = services
        .flat_map(|service| service.value["spec"]["ports"].as_array().into_iter().flatten())
        .filter_map(|port| port["nodePort"].as_u64())
        .collect();
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if port["nodePort"].as_u64().unwrap_or_default() == 0
            && let Some(free) = NODE_PORTS.map(u64::from).find(|free| !used.contains(free))
        {
            port["nodePort"] = free.into();
            used.push(free);
        }
    }
}
