//! Labels, annotations, file places and object names that engine and agent must agree on.

use sha2::{Digest, Sha256};

use crate::ids::InterceptId;

/// Label on every object of ours, with the value [`MANAGED_BY`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Value of [`MANAGED_BY_LABEL`].
pub const MANAGED_BY: &str = "intercept";
/// Label on every object of ours: the intercepted Service's name.
pub const SERVICE_LABEL: &str = "intercept.dev/service";
/// Label on the proxy pods alone; the intercepted Service selects by it.
pub const PROXY_LABEL: &str = "intercept.dev/proxy";
/// Annotation on the intercepted Service: its selector before the first intercept, as JSON.
pub const ORIGINAL_SELECTOR_ANNOTATION: &str = "intercept.dev/original-selector";
/// Annotation prefix on the record's ConfigMap; followed by a session id, changed by that session to show it lives.
pub const HEARTBEAT_ANNOTATION_PREFIX: &str = "heartbeat.intercept.dev/";
/// Annotation on proxy pods; changing it makes the kubelet sync the pod's volumes at once.
pub const TOUCH_ANNOTATION: &str = "intercept.dev/record-version";
/// Label by which a Service asks the nodes' own proxies to leave it alone; Kubernetes' own.
pub const PROXY_NAME_LABEL: &str = "service.kubernetes.io/service-proxy-name";
/// Value of [`PROXY_NAME_LABEL`] on an origin Service until the intercepted Service was switched.
pub const NOT_YET: &str = "intercept-not-yet";
/// The one field manager under which engine and agent write.
pub const FIELD_MANAGER: &str = "intercept";

/// Key of the record in its ConfigMap, and the file's name in the pod.
pub const RECORD_KEY: &str = "record.json";
/// Where the record's ConfigMap is mounted in both containers.
pub const RECORD_DIR: &str = "/etc/intercept/record";
/// Where the agent's binary parts are mounted, one folder a part.
pub const AGENT_PARTS_DIR: &str = "/etc/intercept/agent";
/// Memory-backed folder shared by both containers: the agent's binary, nginx.conf, sockets, temporary files.
pub const RUN_DIR: &str = "/run/intercept";

/// Name of the container that runs NGINX.
pub const NGINX_CONTAINER: &str = "nginx";
/// Name of the container that runs the agent.
pub const AGENT_CONTAINER: &str = "agent";

const MAX_NAME: usize = 63;

/// The Service that keeps selecting the original pods.
pub fn origin(service: &str) -> String {
    bounded(service, "-intercept-origin")
}

/// The proxy's Deployment, its record ConfigMap, ServiceAccount, Role, RoleBinding and disruption budget.
pub fn proxy(service: &str) -> String {
    bounded(service, "-intercept-proxy")
}

/// One part of the agent's binary: shared by every proxy of the namespace that runs this build.
pub fn agent_part(arch: &str, hash: &str, index: usize) -> String {
    format!("intercept-agent-{arch}-{hash}-{index}")
}

/// The fuse of one engage.
pub fn fuse(service: &str, intercept: &InterceptId) -> String {
    bounded(service, &format!("-intercept-fuse-{intercept}"))
}

/// Keeps the readable name where it fits; otherwise cuts it and adds a hash so two long names stay apart.
fn bounded(service: &str, suffix: &str) -> String {
    let whole = format!("{service}{suffix}");
    if whole.len() <= MAX_NAME {
        return whole;
    }
    let hash = hex(&Sha256::digest(service.as_bytes())[..4]);
    let room = MAX_NAME - suffix.len() - hash.len() - 1;
    let head = service.get(..room).unwrap_or(service).trim_end_matches('-');
    format!("{head}-{hash}{suffix}")
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_stay_readable() {
        assert_eq!(origin("api"), "api-intercept-origin");
        assert_eq!(proxy("api"), "api-intercept-proxy");
    }

    #[test]
    fn long_names_fit_a_label_and_stay_apart() {
        let one = format!("{}a", "x".repeat(62));
        let two = format!("{}b", "x".repeat(62));
        for name in [origin(&one), proxy(&one)] {
            assert!(name.len() <= 63, "{name} must fit 63 characters");
        }
        assert_ne!(origin(&one), origin(&two));
    }
}
