//! The columns of each kind.

use serde_json::Value;

use super::Column;
use super::words::{NONE, items, joined, number, pairs, pod_status, since, text};
use crate::resources::Kind;

const fn column(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        is_wide: false,
        cell,
    }
}

const fn wide(name: &'static str, cell: fn(&Value) -> Value) -> Column {
    Column {
        name,
        is_wide: true,
        cell,
    }
}

const NAME: Column = column("Name", |object| object["metadata"]["name"].clone());
const AGE: Column = column("Age", |object| since(&object["metadata"]["creationTimestamp"]));

const CONTAINERS: Column = wide("Containers", |object| containers(object, "name"));
const IMAGES: Column = wide("Images", |object| containers(object, "image"));
const SELECTOR: Column = wide("Selector", |object| {
    pairs(&object["spec"]["selector"]["matchLabels"])
});

pub(super) fn of(kind: Kind) -> &'static [Column] {
    match (kind.group, kind.kind) {
        ("", "Pod") => PODS,
        ("", "Service") => SERVICES,
        ("", "ConfigMap") => CONFIG_MAPS,
        ("", "Secret") => SECRETS,
        ("", "Namespace") => NAMESPACES,
        ("", "Node") => NODES,
        ("", "Endpoints") => ENDPOINTS,
        ("", "Event") => EVENTS,
        ("", "ServiceAccount") => SERVICE_ACCOUNTS,
        ("apps", "Deployment") => DEPLOYMENTS,
        ("apps", "ReplicaSet") => REPLICA_SETS,
        ("apps", "StatefulSet") => STATEFUL_SETS,
        ("apps", "DaemonSet") => DAEMON_SETS,
        ("batch", "Job") => JOBS,
        ("discovery.k8s.io", "EndpointSlice") => SLICES,
        ("coordination.k8s.io", "Lease") => LEASES,
        ("policy", "PodDisruptionBudget") => BUDGETS,
        ("networking.k8s.io", "NetworkPolicy") => POLICIES,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => BINDINGS,
        ("rbac.authorization.k8s.io", _) => ROLES,
        _ => OTHERS,
    }
}

const OTHERS: &[Column] = &[NAME, AGE];

const ROLES: &[Column] = &[
    NAME,
    column("Created At", |role| role["metadata"]["creationTimestamp"].clone()),
];

const BINDINGS: &[Column] = &[
    NAME,
    column("Role", |binding| {
        let of = &binding["roleRef"];
        format!(
            "{}/{}",
            of["kind"].as_str().unwrap_or_default(),
            of["name"].as_str().unwrap_or_default()
        )
        .into()
    }),
    AGE,
];

const PODS: &[Column] = &[
    NAME,
    column("Ready", |pod| {
        let ready = items(&pod["status"]["containerStatuses"])
            .filter(|one| one["ready"] == true)
            .count();
        format!("{ready}/{}", items(&pod["spec"]["containers"]).count()).into()
    }),
    column("Status", |pod| pod_status(pod).into()),
    column("Restarts", |pod| {
        let restarts: i64 = items(&pod["status"]["containerStatuses"])
            .map(|one| number(&one["restartCount"]))
            .sum();
        restarts.to_string().into()
    }),
    AGE,
    wide("IP", |pod| text(&pod["status"]["podIP"])),
    wide("Node", |pod| text(&pod["spec"]["nodeName"])),
    wide("Nominated Node", |pod| text(&pod["status"]["nominatedNodeName"])),
    wide("Readiness Gates", |_| NONE.into()),
];

const SERVICES: &[Column] = &[
    NAME,
    column("Type", |service| text(&service["spec"]["type"])),
    column("Cluster-IP", |service| text(&service["spec"]["clusterIP"])),
    column("External-IP", |service| match service["spec"]["type"].as_str() {
        Some("ExternalName") => text(&service["spec"]["externalName"]),
        Some("LoadBalancer") => match service["status"]["loadBalancer"]["ingress"].as_array() {
            Some(all) if !all.is_empty() => {
                joined(all.iter().filter_map(|one| one["ip"].as_str().map(str::to_owned)))
            }
            _ => "<pending>".into(),
        },
        _ => joined(items(&service["spec"]["externalIPs"]).filter_map(|one| one.as_str().map(str::to_owned))),
    }),
    column("Port(s)", |service| {
        joined(items(&service["spec"]["ports"]).map(|port| {
            let node = port["nodePort"]
                .as_i64()
                .map(|node| format!(":{node}"))
                .unwrap_or_default();
            format!(
                "{}{node}/{}",
                number(&port["port"]),
                port["protocol"].as_str().unwrap_or("TCP")
            )
        }))
    }),
    AGE,
    wide("Selector", |service| pairs(&service["spec"]["selector"])),
];

const CONFIG_MAPS: &[Column] = &[
    NAME,
    column("Data", |map| {
        (entries(&map["data"]) + entries(&map["binaryData"]))
            .to_string()
            .into()
    }),
    AGE,
];

const SECRETS: &[Column] = &[
    NAME,
    column("Type", |secret| text(&secret["type"])),
    column("Data", |secret| entries(&secret["data"]).to_string().into()),
    AGE,
];

const NAMESPACES: &[Column] = &[
    NAME,
    column("Status", |namespace| text(&namespace["status"]["phase"])),
    AGE,
];

const SERVICE_ACCOUNTS: &[Column] = &[
    NAME,
    column("Secrets", |account| {
        items(&account["secrets"]).count().to_string().into()
    }),
    AGE,
];

const NODES: &[Column] = &[
    NAME,
    column("Status", |node| {
        let ready = items(&node["status"]["conditions"]).find(|one| one["type"] == "Ready");
        let is_ready = ready.is_some_and(|one| one["status"] == "True");
        let cordoned = if node["spec"]["unschedulable"] == true {
            ",SchedulingDisabled"
        } else {
            ""
        };
        format!("{}{cordoned}", if is_ready { "Ready" } else { "NotReady" }).into()
    }),
    column("Roles", |node| {
        let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
        joined(labels.filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/").map(str::to_owned)))
    }),
    AGE,
    column("Version", |node| {
        text(&node["status"]["nodeInfo"]["kubeletVersion"])
    }),
    wide("Internal-IP", |node| {
        let addresses = items(&node["status"]["addresses"]);
        text(
            addresses
                .filter(|one| one["type"] == "InternalIP")
                .map(|one| &one["address"])
                .next()
                .unwrap_or(&Value::Null),
        )
    }),
    wide("OS-Image", |node| text(&node["status"]["nodeInfo"]["osImage"])),
    wide("Container-Runtime", |node| {
        text(&node["status"]["nodeInfo"]["containerRuntimeVersion"])
    }),
];

const ENDPOINTS: &[Column] = &[
    NAME,
    column("Endpoints", |endpoints| {
        joined(items(&endpoints["subsets"]).flat_map(|subset| {
            items(&subset["addresses"]).flat_map(|address| {
                let ip = address["ip"].as_str().unwrap_or_default();
                items(&subset["ports"]).map(move |port| format!("{ip}:{}", number(&port["port"])))
            })
        }))
    }),
    AGE,
];

const SLICES: &[Column] = &[
    NAME,
    column("AddressType", |slice| text(&slice["addressType"])),
    column("Ports", |slice| {
        joined(items(&slice["ports"]).map(|port| number(&port["port"]).to_string()))
    }),
    column("Endpoints", |slice| {
        let addresses = items(&slice["endpoints"]).flat_map(|endpoint| items(&endpoint["addresses"]));
        joined(addresses.filter_map(|address| address.as_str().map(str::to_owned)))
    }),
    AGE,
];

const EVENTS: &[Column] = &[
    column("Last Seen", |event| {
        let times = [
            &event["lastTimestamp"],
            &event["eventTime"],
            &event["metadata"]["creationTimestamp"],
        ];
        since(
            times
                .into_iter()
                .find(|time| time.is_string())
                .unwrap_or(&Value::Null),
        )
    }),
    column("Type", |event| text(&event["type"])),
    column("Reason", |event| text(&event["reason"])),
    column("Object", |event| {
        let object = &event["involvedObject"];
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        format!("{kind}/{}", object["name"].as_str().unwrap_or_default()).into()
    }),
    column("Message", |event| text(&event["message"])),
    wide("Name", |event| event["metadata"]["name"].clone()),
];

const DEPLOYMENTS: &[Column] = &[
    NAME,
    column("Ready", |one| {
        format!(
            "{}/{}",
            number(&one["status"]["readyReplicas"]),
            number(&one["spec"]["replicas"])
        )
        .into()
    }),
    column("Up-to-date", |one| {
        number(&one["status"]["updatedReplicas"]).into()
    }),
    column("Available", |one| {
        number(&one["status"]["availableReplicas"]).into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const REPLICA_SETS: &[Column] = &[
    NAME,
    column("Desired", |one| number(&one["spec"]["replicas"]).into()),
    column("Current", |one| number(&one["status"]["replicas"]).into()),
    column("Ready", |one| number(&one["status"]["readyReplicas"]).into()),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const STATEFUL_SETS: &[Column] = &[
    NAME,
    column("Ready", |one| {
        format!(
            "{}/{}",
            number(&one["status"]["readyReplicas"]),
            number(&one["spec"]["replicas"])
        )
        .into()
    }),
    AGE,
    CONTAINERS,
    IMAGES,
];

const DAEMON_SETS: &[Column] = &[
    NAME,
    column("Desired", |one| {
        number(&one["status"]["desiredNumberScheduled"]).into()
    }),
    column("Current", |one| {
        number(&one["status"]["currentNumberScheduled"]).into()
    }),
    column("Ready", |one| number(&one["status"]["numberReady"]).into()),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const JOBS: &[Column] = &[
    NAME,
    column("Status", |job| {
        let is = |kind: &str| {
            items(&job["status"]["conditions"]).any(|one| one["type"] == kind && one["status"] == "True")
        };
        let words = [
            ("Complete", "Complete"),
            ("Failed", "Failed"),
            ("Suspended", "Suspended"),
        ];
        words
            .iter()
            .find(|(kind, _)| is(kind))
            .map_or("Running", |(_, word)| word)
            .into()
    }),
    column("Completions", |job| {
        format!(
            "{}/{}",
            number(&job["status"]["succeeded"]),
            number(&job["spec"]["completions"])
        )
        .into()
    }),
    AGE,
];

const LEASES: &[Column] = &[
    NAME,
    column("Holder", |lease| text(&lease["spec"]["holderIdentity"])),
    AGE,
];

const BUDGETS: &[Column] = &[
    NAME,
    column("Min Available", |one| or_none(&one["spec"]["minAvailable"])),
    column("Max Unavailable", |one| or_none(&one["spec"]["maxUnavailable"])),
    column("Allowed Disruptions", |one| {
        number(&one["status"]["disruptionsAllowed"]).into()
    }),
    AGE,
];

const POLICIES: &[Column] = &[
    NAME,
    column("Pod-Selector", |policy| {
        pairs(&policy["spec"]["podSelector"]["matchLabels"])
    }),
    AGE,
];

fn or_none(value: &Value) -> Value {
    match value {
        Value::Null => "N/A".into(),
        other => text(other),
    }
}

fn entries(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

fn containers(object: &Value, field: &str) -> Value {
    let all = items(&object["spec"]["template"]["spec"]["containers"]);
    joined(all.filter_map(|container| container[field].as_str().map(str::to_owned)))
}
