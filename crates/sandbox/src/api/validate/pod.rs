//! What is wrong with a pod's spec, alone or in a template.

use std::collections::HashSet;

use serde_json::Value;

use super::items;
use crate::api::names;
use crate::api::status::Cause;

pub(super) fn check(place: &str, spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if items(&spec["containers"]).next().is_none() {
        causes.push(Cause::required(format!("{place}.containers"), ""));
    }
    let volumes: HashSet<&str> = items(&spec["volumes"])
        .filter_map(|(_, volume)| volume["name"].as_str())
        .collect();
    let mut seen = HashSet::new();
    for list in ["containers", "initContainers"] {
        for (index, one) in items(&spec[list]) {
            let at = format!("{place}.{list}[{index}]");
            if !seen.insert(one["name"].as_str().unwrap_or_default()) {
                causes.push(Cause::duplicate(format!("{at}.name"), &one["name"]));
            }
            causes.extend(container(&at, one, &volumes));
        }
    }
    let mut names = HashSet::new();
    for (index, volume) in items(&spec["volumes"]) {
        if !names.insert(volume["name"].as_str().unwrap_or_default()) {
            causes.push(Cause::duplicate(
                format!("{place}.volumes[{index}].name"),
                &volume["name"],
            ));
        }
    }
    let restart = spec["restartPolicy"].as_str().unwrap_or("Always");
    if !matches!(restart, "Always" | "OnFailure" | "Never") {
        let supported = ["Always", "Never", "OnFailure"];
        causes.push(Cause::not_supported(
            format!("{place}.restartPolicy"),
            restart,
            &supported,
        ));
    }
    causes
}

fn container(at: &str, container: &Value, volumes: &HashSet<&str>) -> Vec<Cause> {
    let mut causes = Vec::new();
    match container["name"].as_str().unwrap_or_default() {
        "" => causes.push(Cause::required(format!("{at}.name"), "")),
        name => {
            if let Some(why) = names::label_1123(name) {
                causes.push(Cause::invalid(format!("{at}.name"), &container["name"], &why));
            }
        }
    }
    if container["image"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required(format!("{at}.image"), ""));
    }
    for (index, port) in items(&container["ports"]) {
        let number = port["containerPort"].as_i64().unwrap_or_default();
        if !(1..=65535).contains(&number) {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(
                format!("{at}.ports[{index}].containerPort"),
                &port["containerPort"],
                why,
            ));
        }
        if let Some(why) = port["name"].as_str().and_then(names::port_name) {
            causes.push(Cause::invalid(
                format!("{at}.ports[{index}].name"),
                &port["name"],
                &why,
            ));
        }
    }
    for (index, mount) in items(&container["volumeMounts"]) {
        let name = mount["name"].as_str().unwrap_or_default();
        if !volumes.contains(name) {
            causes.push(Cause::not_found(format!("{at}.volumeMounts[{index}].name"), name));
        }
    }
    causes
}
