//! Everything a plan needs to know about one Service, as plain data.
//!
//! `read` fills it from a cluster; tests make it by hand. Deliberately absent: any decision.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use intercept_protocol::ids::SessionId;
use intercept_protocol::names;
use intercept_protocol::record::Record;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;

pub(crate) use read::selected_pods;
pub use read::{SnapshotError, read};

/// What stands in the cluster around one Service at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The Service itself.
    pub service: Service,
    /// Its EndpointSlices.
    pub endpoints: Vec<EndpointSlice>,
    /// The pods its original selector selects.
    pub pods: Vec<Pod>,
    /// The proxy's Deployment, if one stands.
    pub proxy: Option<Deployment>,
    /// The origin Service, if one stands.
    pub origin: Option<Service>,
    /// The record, if one stands.
    pub record: Option<FoundRecord>,
    /// What the user may do there.
    pub rights: Rights,
    /// A StatefulSet whose pods get their DNS names from this Service.
    pub governs: Option<String>,
    /// NetworkPolicies that select the original pods.
    pub network_policies: Vec<String>,
}

/// A record as it was found.
#[derive(Clone, Debug)]
pub struct FoundRecord {
    /// Its content.
    pub record: Record,
    /// For writing it back.
    pub resource_version: String,
    /// The Deployment it belongs to.
    pub owner_uid: Option<String>,
    /// The sessions' signs of life.
    pub heartbeats: BTreeMap<SessionId, String>,
}

/// What the user's credentials allow in the Service's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// What an intercept cannot do without and the user may not do.
    pub missing: Vec<Right>,
    /// What makes an intercept better and the user may not do.
    pub missing_optional: BTreeSet<Optional>,
}

/// One verb on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// As in an RBAC rule.
    pub verb: &'static str,
    /// As in an RBAC rule.
    pub resource: &'static str,
}

/// What an intercept can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Optional {
    /// ServiceAccount, Role and RoleBinding: without them the cluster cannot restore itself.
    SelfRestore,
    /// A Job as a fuse: without it an engage cut off in its first second leaves objects behind.
    Fuse,
    /// A PodDisruptionBudget.
    DisruptionBudget,
}

impl Snapshot {
    /// The Service's namespace.
    pub fn namespace(&self) -> &str {
        self.service.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// The Service's name.
    pub fn name(&self) -> &str {
        self.service.metadata.name.as_deref().unwrap_or_default()
    }

    /// The selector the Service has now.
    pub fn selector(&self) -> BTreeMap<String, String> {
        selector(&self.service)
    }

    /// Whether the Service selects the proxy now.
    pub fn is_switched(&self) -> bool {
        is_proxy_selector(&self.selector(), self.name())
    }

    /// The selector the Service had, or has, without us.
    pub fn original_selector(&self) -> Option<BTreeMap<String, String>> {
        selector_without_us(&self.service)
    }
}

/// A Service's selector; empty where it has none.
pub fn selector(service: &Service) -> BTreeMap<String, String> {
    service
        .spec
        .as_ref()
        .and_then(|spec| spec.selector.clone())
        .unwrap_or_default()
}

/// The selector that sends a Service's requests to its proxy.
pub fn proxy_selector(service: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(names::PROXY_LABEL.to_owned(), service.to_owned())])
}

/// Whether `selector` is the one of `service`'s proxy.
pub fn is_proxy_selector(selector: &BTreeMap<String, String>, service: &str) -> bool {
    *selector == proxy_selector(service)
}

/// What the Service's annotation remembers; `None` where it is absent or not readable.
pub fn original_selector(service: &Service) -> Option<BTreeMap<String, String>> {
    let text = service
        .metadata
        .annotations
        .as_ref()?
        .get(names::ORIGINAL_SELECTOR_ANNOTATION)?;
    serde_json::from_str(text).ok()
}

/// The selector that a Service has, or had, without us; `None` where it selects the proxy and what it was is not known.
pub fn selector_without_us(service: &Service) -> Option<BTreeMap<String, String>> {
    let now = selector(service);
    let name = service.metadata.name.as_deref().unwrap_or_default();
    if is_proxy_selector(&now, name) {
        original_selector(service)
    } else {
        Some(now)
    }
}

/// Whether a pod is ready to be asked: one that is about to go is not, whatever it says of itself.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let mut conditions = status
        .into_iter()
        .flat_map(|status| status.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|one| one.type_ == "Ready" && one.status == "True")
}

/// Reads what a ConfigMap holds as a record's.
///
/// # Errors
/// When it holds none, or one of a newer format.
pub fn found_record(
    map: &k8s_openapi::api::core::v1::ConfigMap,
) -> Result<FoundRecord, intercept_protocol::record::RecordError> {
    let text = map
        .data
        .as_ref()
        .and_then(|data| data.get(names::RECORD_KEY))
        .map_or("", String::as_str);
    let record = Record::parse(text)?;
    let heartbeats = map
        .metadata
        .annotations
        .iter()
        .flatten()
        .filter_map(|(key, value)| {
            let session = key.strip_prefix(names::HEARTBEAT_ANNOTATION_PREFIX)?;
            Some((SessionId::try_from(session.to_owned()).ok()?, value.clone()))
        })
        .collect();
    Ok(FoundRecord {
        record,
        resource_version: map.metadata.resource_version.clone().unwrap_or_default(),
        owner_uid: map
            .metadata
            .owner_references
            .iter()
            .flatten()
            .next()
            .map(|owner| owner.uid.clone()),
        heartbeats,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_pod_is_ready_when_it_says_so_and_is_not_about_to_go() {
        let pod = |deleted: Value, ready: &str| -> Pod {
            let conditions =
                json!([{ "type": "Initialized", "status": "True" }, { "type": "Ready", "status": ready }]);
            let metadata = json!({ "deletionTimestamp": deleted });
            serde_json::from_value(json!({ "metadata": metadata, "status": { "conditions": conditions } }))
                .unwrap()
        };
        assert!(is_ready(&pod(Value::Null, "True")));
        assert!(!is_ready(&pod(Value::Null, "False")) && !is_ready(&Pod::default()));
        assert!(!is_ready(&pod("2026-01-01T00:00:00Z".into(), "True")));
    }

    #[test]
    fn a_selector_without_us_is_the_present_one_or_the_remembered_one() {
        let service = |selector: Value, remembered: &str| -> Service {
            let annotations = json!({ names::ORIGINAL_SELECTOR_ANNOTATION: remembered });
            let metadata = json!({ "name": "api", "annotations": annotations });
            serde_json::from_value(json!({ "metadata": metadata, "spec": { "selector": selector } })).unwrap()
        };
        let ours = json!(proxy_selector("api"));
        let app = |name: &str| Some(BTreeMap::from([("app".to_owned(), name.to_owned())]));
        let without = |selector, remembered| selector_without_us(&service(selector, remembered));
        assert_eq!(without(ours.clone(), r#"{"app":"a"}"#), app("a"));
        assert_eq!(without(json!({ "app": "b" }), r#"{"app":"a"}"#), app("b"));
        assert_eq!(without(ours, "broken"), None);
    }
}
