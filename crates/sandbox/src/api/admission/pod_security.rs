//! Pod Security Standards, enforced by a namespace's label, in the words of a real server.
//!
//! Deliberately absent: `warn` and `audit`, older versions of the standards, Windows pods, and what no pod here asks
//! for (AppArmor, SELinux, host probes).

use std::fmt::Write as _;

use serde_json::Value;

use crate::api::status::Failure;
use crate::resources::Kind;
use crate::store::State;

const LABEL: &str = "pod-security.kubernetes.io/enforce";
const SAFE_SYSCTLS: [&str; 8] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
];
const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const RESTRICTED_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// A new pod keeps to the level of its namespace.
pub(in crate::api) fn check(state: &State, namespace: &str, pod: &Value) -> Result<(), Failure> {
    let found = state.find(Kind::known("", "Namespace"), "", namespace);
    let level = found
        .and_then(|namespace| namespace.label(LABEL))
        .unwrap_or_default();
    let violations = match level {
        "restricted" => Spec(&pod["spec"]).restricted(),
        "baseline" => Spec(&pod["spec"]).baseline(),
        _ => return Ok(()),
    };
    if violations.is_empty() {
        return Ok(());
    }
    let why = format!(
        "violates PodSecurity \"{level}:latest\": {}",
        violations.join(", ")
    );
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    Err(Failure::forbidden(Kind::known("", "Pod"), name, &why))
}

/// A pod's spec being judged. Each check tells what is violated, and by what.
struct Spec<'a>(&'a Value);

impl<'a> Spec<'a> {
    fn containers(&self) -> impl Iterator<Item = &'a Value> {
        let all = ["initContainers", "containers", "ephemeralContainers"];
        all.into_iter().flat_map(|list| items(&self.0[list]))
    }

    /// `container "a" WORDS` or `containers "a", "b" WORDS`, of those that are meant.
    fn blamed(&self, words: &str, is_meant: impl Fn(&Value) -> bool) -> Option<String> {
        self.blamed_as("container", words, is_meant)
    }

    fn blamed_as(&self, what: &str, words: &str, is_meant: impl Fn(&Value) -> bool) -> Option<String> {
        let names = self.containers().filter(|one| is_meant(one));
        let names: Vec<String> = names.map(|one| one["name"].to_string()).collect();
        let plural = if names.len() == 1 { "" } else { "s" };
        (!names.is_empty()).then(|| format!("{what}{plural} {} {words}", names.join(", ")))
    }

    fn baseline(&self) -> Vec<String> {
        let seccomp = self.unconfined();
        let checks = [
            self.capabilities(),
            self.host_namespaces(),
            self.host_paths(),
            self.host_ports(),
            self.privileged(),
            self.proc_mount(),
            seccomp,
            self.sysctls(),
        ];
        checks.into_iter().flatten().collect()
    }

    fn restricted(&self) -> Vec<String> {
        let checks = [
            self.escalation(),
            self.host_namespaces(),
            self.host_ports(),
            self.privileged(),
            self.proc_mount(),
            self.unrestricted_capabilities(),
            self.volume_types(),
            self.may_be_root(),
            self.is_root(),
            self.no_seccomp(),
            self.sysctls(),
        ];
        checks.into_iter().flatten().collect()
    }

    fn host_namespaces(&self) -> Option<String> {
        let shared = ["hostNetwork", "hostPID", "hostIPC"].into_iter();
        let shared: Vec<String> = shared
            .filter(|field| self.0[field] == true)
            .map(|field| format!("{field}=true"))
            .collect();
        (!shared.is_empty()).then(|| format!("host namespaces ({})", shared.join(", ")))
    }

    fn privileged(&self) -> Option<String> {
        let words = "must not set securityContext.privileged=true";
        self.blamed(words, |one| one["securityContext"]["privileged"] == true)
            .map(|who| format!("privileged ({who})"))
    }

    fn proc_mount(&self) -> Option<String> {
        let words = "must not set securityContext.procMount to \"Unmasked\"";
        self.blamed(words, |one| one["securityContext"]["procMount"] == "Unmasked")
            .map(|who| format!("procMount ({who})"))
    }

    fn host_ports(&self) -> Option<String> {
        let uses = |one: &Value| {
            items(&one["ports"]).any(|port| port["hostPort"].as_u64().is_some_and(|port| port > 0))
        };
        self.blamed("must not use hostPorts", uses)
            .map(|who| format!("hostPort ({who})"))
    }

    fn host_paths(&self) -> Option<String> {
        let volumes = items(&self.0["volumes"]).filter(|volume| volume["hostPath"].is_object());
        listed("hostPath volumes (volume", volumes)
    }

    fn volume_types(&self) -> Option<String> {
        let is_restricted = |volume: &&Value| {
            let mut sources = volume
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key.as_str());
            !sources.all(|source| source == "name" || RESTRICTED_VOLUMES.contains(&source))
        };
        let volumes = items(&self.0["volumes"]).filter(is_restricted);
        listed("restricted volume types (volume", volumes)
    }

    fn sysctls(&self) -> Option<String> {
        let names = items(&self.0["securityContext"]["sysctls"]).filter_map(|one| one["name"].as_str());
        let unsafe_ones: Vec<&str> = names.filter(|name| !SAFE_SYSCTLS.contains(name)).collect();
        (!unsafe_ones.is_empty()).then(|| format!("forbidden sysctls ({})", unsafe_ones.join(", ")))
    }

    fn capabilities(&self) -> Option<String> {
        let beyond = |one: &Value| added(one).any(|name| !BASELINE_CAPABILITIES.contains(&name));
        let words =
            "must not include capabilities beyond the default set in securityContext.capabilities.add";
        self.blamed(words, beyond)
            .map(|who| format!("non-default capabilities ({who})"))
    }

    fn unrestricted_capabilities(&self) -> Option<String> {
        let keeps =
            |one: &Value| !items(&one["securityContext"]["capabilities"]["drop"]).any(|name| name == "ALL");
        let adds = |one: &Value| added(one).any(|name| name != "NET_BIND_SERVICE");
        let keeps = self.blamed("must set securityContext.capabilities.drop=[\"ALL\"]", keeps);
        let adds = self.blamed("must not add capabilities but \"NET_BIND_SERVICE\"", adds);
        let both: Vec<String> = keeps.into_iter().chain(adds).collect();
        (!both.is_empty()).then(|| format!("unrestricted capabilities ({})", both.join("; ")))
    }

    fn escalation(&self) -> Option<String> {
        let words = "must set securityContext.allowPrivilegeEscalation=false";
        self.blamed(words, |one| {
            one["securityContext"]["allowPrivilegeEscalation"] != false
        })
        .map(|who| format!("allowPrivilegeEscalation != false ({who})"))
    }

    fn may_be_root(&self) -> Option<String> {
        let of_pod = &self.0["securityContext"]["runAsNonRoot"];
        let may = |one: &Value| match &one["securityContext"]["runAsNonRoot"] {
            Value::Null => *of_pod != true,
            own => *own != true,
        };
        self.blamed_as(
            "pod or container",
            "must set securityContext.runAsNonRoot=true",
            may,
        )
        .map(|who| format!("runAsNonRoot != true ({who})"))
    }

    fn is_root(&self) -> Option<String> {
        let is_pod = self.0["securityContext"]["runAsUser"] == 0;
        let pod = is_pod.then(|| "pod must not set runAsUser=0".to_owned());
        let own = self.blamed("must not set runAsUser=0", |one| {
            one["securityContext"]["runAsUser"] == 0
        });
        let all: Vec<String> = pod.into_iter().chain(own).collect();
        (!all.is_empty()).then(|| format!("runAsUser=0 ({})", all.join(", ")))
    }

    fn no_seccomp(&self) -> Option<String> {
        let is_confined =
            |profile: &Value| matches!(profile["type"].as_str(), Some("RuntimeDefault" | "Localhost"));
        let of_pod = &self.0["securityContext"]["seccompProfile"];
        let is_open = |one: &Value| match &one["securityContext"]["seccompProfile"] {
            Value::Null => !is_confined(of_pod),
            own => !is_confined(own),
        };
        let words = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
        self.blamed_as("pod or container", words, is_open)
            .map(|who| format!("seccompProfile ({who})"))
    }

    fn unconfined(&self) -> Option<String> {
        let is_unconfined = |context: &Value| context["seccompProfile"]["type"] == "Unconfined";
        let words = "must not set securityContext.seccompProfile.type to \"Unconfined\"";
        let pod = is_unconfined(&self.0["securityContext"]).then(|| format!("pod {words}"));
        let own = self.blamed(words, |one| is_unconfined(&one["securityContext"]));
        let all: Vec<String> = pod.into_iter().chain(own).collect();
        (!all.is_empty()).then(|| format!("seccompProfile ({})", all.join(", ")))
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn added(container: &Value) -> impl Iterator<Item = &str> {
    items(&container["securityContext"]["capabilities"]["add"]).filter_map(Value::as_str)
}

/// `BEGINNING "a", "b")`, with an s where there are several.
fn listed<'a>(beginning: &str, volumes: impl Iterator<Item = &'a Value>) -> Option<String> {
    let names: Vec<String> = volumes.map(|volume| volume["name"].to_string()).collect();
    let mut words = beginning.to_owned();
    if names.len() > 1 {
        words.push('s');
    }
    write!(words, " {})", names.join(", ")).expect("a string must take text");
    (!names.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn restrained() -> Value {
        json!({
            "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
                "sysctls": [{ "name": "net.ipv4.ip_unprivileged_port_start", "value": "0" }] },
            "containers": [{ "name": "a", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } } }],
            "volumes": [{ "name": "run", "emptyDir": {} }, { "name": "record", "configMap": { "name": "x" } }],
        })
    }

    #[test]
    fn a_pod_that_asks_for_nothing_is_restricted_enough() {
        assert_eq!(Spec(&restrained()).restricted(), Vec::<String>::new());
        assert_eq!(
            Spec(&json!({ "containers": [{ "name": "a" }] })).baseline(),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_careless_pod_is_refused_in_the_words_of_a_real_server() {
        let careless = json!({ "containers": [{ "name": "a" }, { "name": "b" }] });
        assert_eq!(
            Spec(&careless).restricted(),
            [
                "allowPrivilegeEscalation != false (containers \"a\", \"b\" must set securityContext.allowPrivilegeEscalation=false)",
                "unrestricted capabilities (containers \"a\", \"b\" must set securityContext.capabilities.drop=[\"ALL\"])",
                "runAsNonRoot != true (pod or containers \"a\", \"b\" must set securityContext.runAsNonRoot=true)",
                "seccompProfile (pod or containers \"a\", \"b\" must set securityContext.seccompProfile.type to \
                 \"RuntimeDefault\" or \"Localhost\")",
            ]
        );
    }

    #[test]
    fn what_reaches_for_the_node_is_refused_at_either_level() {
        for (pointer, value, words) in [
            ("/hostNetwork", json!(true), "host namespaces"),
            ("/containers/0/ports", json!([{ "hostPort": 80 }]), "hostPort"),
            (
                "/containers/0/securityContext/privileged",
                json!(true),
                "privileged",
            ),
            (
                "/volumes/0",
                json!({ "name": "etc", "hostPath": { "path": "/etc" } }),
                "volume",
            ),
            (
                "/securityContext/sysctls/0/name",
                json!("kernel.msgmax"),
                "forbidden sysctls",
            ),
            (
                "/containers/0/securityContext/capabilities/add",
                json!(["SYS_ADMIN"]),
                "capabilities",
            ),
            (
                "/securityContext/seccompProfile/type",
                json!("Unconfined"),
                "seccompProfile",
            ),
        ] {
            let mut spec = restrained();
            let (parent, field) = pointer.rsplit_once('/').unwrap();
            let parent = spec.pointer_mut(parent).unwrap();
            match parent {
                Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
                parent => parent[field] = value,
            }
            for violations in [Spec(&spec).baseline(), Spec(&spec).restricted()] {
                assert_eq!(violations.len(), 1, "{pointer}: {violations:?}");
                assert!(violations[0].contains(words), "{violations:?}");
            }
        }
    }
}
