//! What is wrong with a Service.

use std::collections::HashSet;

use serde_json::Value;

use super::items;
use crate::api::status::Cause;
use crate::api::{meta, names};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

pub(super) fn check(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    let mut causes = meta::check_labels("spec.selector", &spec["selector"]);
    if !TYPES.contains(&kind) {
        causes.push(Cause::not_supported("spec.type", kind, &TYPES));
    }
    let affinity = spec["sessionAffinity"].as_str().unwrap_or_default();
    if !matches!(affinity, "None" | "ClientIP") {
        causes.push(Cause::not_supported(
            "spec.sessionAffinity",
            affinity,
            &["ClientIP", "None"],
        ));
    }
    let is_headless = spec["clusterIP"] == "None";
    let has_ports = items(&spec["ports"]).next().is_some();
    if !has_ports && !is_headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind == "ExternalName" {
        match spec["externalName"].as_str().unwrap_or_default() {
            "" => causes.push(Cause::required("spec.externalName", "")),
            name => {
                if let Some(why) = names::subdomain_1123(name.trim_end_matches('.')) {
                    causes.push(Cause::invalid("spec.externalName", &spec["externalName"], &why));
                }
            }
        }
    }
    causes.extend(ports(&spec["ports"]));
    causes
}

fn ports(ports: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut names_seen = HashSet::new();
    let mut numbers_seen = HashSet::new();
    let many = items(ports).count() > 1;
    for (index, port) in items(ports) {
        let at = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && many {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else if !name.is_empty() {
            if let Some(why) = names::label_1123(name) {
                causes.push(Cause::invalid(format!("{at}.name"), &port["name"], &why));
            } else if !names_seen.insert(name) {
                causes.push(Cause::duplicate(format!("{at}.name"), &port["name"]));
            }
        }
        causes.extend(number(&format!("{at}.port"), &port["port"]));
        let protocol = port["protocol"].as_str().unwrap_or_default();
        if !PROTOCOLS.contains(&protocol) {
            causes.push(Cause::not_supported(
                format!("{at}.protocol"),
                protocol,
                &PROTOCOLS,
            ));
        }
        match &port["targetPort"] {
            Value::String(name) => causes.extend(
                names::port_name(name)
                    .map(|why| Cause::invalid(format!("{at}.targetPort"), &port["targetPort"], &why)),
            ),
            Value::Null => {}
            target => causes.extend(number(&format!("{at}.targetPort"), target)),
        }
        if !numbers_seen.insert((port["port"].as_i64(), protocol)) {
            let both = serde_json::json!({ "port": port["port"], "protocol": protocol });
            causes.push(Cause::duplicate(at, &both));
        }
    }
    causes
}

fn number(place: &str, port: &Value) -> Option<Cause> {
    let is_port = port.as_i64().is_some_and(|port| (1..=65535).contains(&port));
    (!is_port).then(|| Cause::invalid(place, port, "must be between 1 and 65535, inclusive"))
}
