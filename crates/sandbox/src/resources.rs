//! The table of kinds: what the API serves, and under which names. A new kind is a line in it.
//!
//! Deliberately absent: behaviour. Defaults, validation and columns look kinds up by name where one differs
//! from the rest.

use std::ops::Deref;

use k8s_openapi::api::{apps, authentication, authorization, batch, coordination, core, discovery, events};
use k8s_openapi::api::{networking, policy, rbac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a value must look like to be of a kind; unknown fields do not come back.
pub(crate) type Shape = fn(Value) -> Result<Value, serde_path_to_error::Error<serde_json::Error>>;

/// What one kind is called and has.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    pub(crate) short: &'static [&'static str],
    pub(crate) is_namespaced: bool,
    /// `status`, `scale` and the ones with a protocol or an object of their own.
    pub(crate) subresources: &'static [&'static str],
    /// Shown by `kubectl get all`.
    pub(crate) in_all: bool,
    /// Reviews are answered, not stored.
    pub(crate) is_stored: bool,
    pub(crate) shape: Shape,
}

/// A kind of object: a place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind(u8);

impl Kind {
    /// Every kind there is, in the order of discovery.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(|index| Self(u8::try_from(index).expect("the table must be short")))
    }

    /// Only those with stored objects.
    pub(crate) fn stored() -> impl Iterator<Item = Self> {
        Self::all().filter(|kind| kind.is_stored)
    }

    pub(crate) fn by_plural(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::all().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    pub(crate) fn by_name(group: &str, name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.group == group && kind.kind == name)
    }

    /// A kind that the program itself works with.
    pub(crate) fn known(group: &str, name: &str) -> Self {
        Self::by_name(group, name).expect("the kind must be in the table")
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(self) -> String {
        api_version(self.group, self.version)
    }

    /// `deployments.apps`, `pods`: as messages name it.
    pub(crate) fn group_resource(self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// `Deployment.apps`, `Pod`: as messages about a single object name it.
    pub(crate) fn group_kind(self) -> String {
        match self.group {
            "" => self.kind.to_owned(),
            group => format!("{}.{group}", self.kind),
        }
    }

    pub(crate) fn is(self, group: &str, name: &str) -> bool {
        self.group == group && self.kind == name
    }

    pub(crate) fn has_subresource(self, name: &str) -> bool {
        self.subresources.contains(&name)
    }

    /// Whether `metadata.generation` counts the changes of its spec.
    pub(crate) fn has_generation(self) -> bool {
        self.is("", "Pod")
            || matches!(
                self.group,
                "apps" | "batch" | "policy" | "networking.k8s.io" | "discovery.k8s.io"
            )
    }
}

impl Deref for Kind {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &TABLE[self.index()]
    }
}

/// `v1`, `apps/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

fn shape<K: Serialize + DeserializeOwned>(
    value: Value,
) -> Result<Value, serde_path_to_error::Error<serde_json::Error>> {
    let typed: K = serde_path_to_error::deserialize(value)?;
    // Whatever was read can be written: all of these kinds are maps with string keys.
    Ok(serde_json::to_value(typed).unwrap_or_default())
}

const fn facts(group: &'static str, kind: &'static str, plural: &'static str, shape: Shape) -> Facts {
    Facts {
        group,
        version: "v1",
        kind,
        plural,
        singular: "",
        short: &[],
        is_namespaced: true,
        subresources: &[],
        in_all: false,
        is_stored: true,
        shape,
    }
}

impl Facts {
    const fn named(mut self, singular: &'static str, short: &'static [&'static str]) -> Self {
        self.singular = singular;
        self.short = short;
        self
    }

    const fn cluster_wide(mut self) -> Self {
        self.is_namespaced = false;
        self
    }

    const fn with(mut self, subresources: &'static [&'static str]) -> Self {
        self.subresources = subresources;
        self
    }

    const fn in_all(mut self) -> Self {
        self.in_all = true;
        self
    }

    const fn answered(mut self) -> Self {
        self.is_stored = false;
        self
    }
}

const APPS: &str = "apps";
const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const SCALED: &[&str] = &["status", "scale"];
const STATUS: &[&str] = &["status"];

#[rustfmt::skip]
static TABLE: &[Facts] = &[
    facts("", "ConfigMap", "configmaps", shape::<core::v1::ConfigMap>).named("configmap", &["cm"]),
    facts("", "Endpoints", "endpoints", shape::<core::v1::Endpoints>).named("endpoints", &["ep"]),
    facts("", "Event", "events", shape::<core::v1::Event>).named("event", &["ev"]),
    facts("", "LimitRange", "limitranges", shape::<core::v1::LimitRange>).named("limitrange", &["limits"]),
    facts("", "Namespace", "namespaces", shape::<core::v1::Namespace>).named("namespace", &["ns"]).cluster_wide().with(&["status", "finalize"]),
    facts("", "Node", "nodes", shape::<core::v1::Node>).named("node", &["no"]).cluster_wide().with(STATUS),
    facts("", "Pod", "pods", shape::<core::v1::Pod>).named("pod", &["po"]).with(&["status", "binding", "eviction", "log", "portforward"]).in_all(),
    facts("", "ResourceQuota", "resourcequotas", shape::<core::v1::ResourceQuota>).named("resourcequota", &["quota"]).with(STATUS),
    facts("", "Secret", "secrets", shape::<core::v1::Secret>).named("secret", &[]),
    facts("", "ServiceAccount", "serviceaccounts", shape::<core::v1::ServiceAccount>).named("serviceaccount", &["sa"]).with(&["token"]),
    facts("", "Service", "services", shape::<core::v1::Service>).named("service", &["svc"]).with(STATUS).in_all(),
    facts(APPS, "DaemonSet", "daemonsets", shape::<apps::v1::DaemonSet>).named("daemonset", &["ds"]).with(STATUS).in_all(),
    facts(APPS, "Deployment", "deployments", shape::<apps::v1::Deployment>).named("deployment", &["deploy"]).with(SCALED).in_all(),
    facts(APPS, "ReplicaSet", "replicasets", shape::<apps::v1::ReplicaSet>).named("replicaset", &["rs"]).with(SCALED).in_all(),
    facts(APPS, "StatefulSet", "statefulsets", shape::<apps::v1::StatefulSet>).named("statefulset", &["sts"]).with(SCALED).in_all(),
    facts("events.k8s.io", "Event", "events", shape::<events::v1::Event>).named("event", &["ev"]),
    facts(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", shape::<authentication::v1::SelfSubjectReview>).named("selfsubjectreview", &[]).cluster_wide().answered(),
    facts(AUTHENTICATION, "TokenReview", "tokenreviews", shape::<authentication::v1::TokenReview>).named("tokenreview", &[]).cluster_wide().answered(),
    facts(AUTHORIZATION, "LocalSubjectAccessReview", "localsubjectaccessreviews", shape::<authorization::v1::LocalSubjectAccessReview>).named("localsubjectaccessreview", &[]).answered(),
    facts(AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", shape::<authorization::v1::SelfSubjectAccessReview>).named("selfsubjectaccessreview", &[]).cluster_wide().answered(),
    facts(AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", shape::<authorization::v1::SelfSubjectRulesReview>).named("selfsubjectrulesreview", &[]).cluster_wide().answered(),
    facts(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", shape::<authorization::v1::SubjectAccessReview>).named("subjectaccessreview", &[]).cluster_wide().answered(),
    facts("batch", "Job", "jobs", shape::<batch::v1::Job>).named("job", &[]).with(STATUS).in_all(),
    facts(NETWORKING, "Ingress", "ingresses", shape::<networking::v1::Ingress>).named("ingress", &["ing"]).with(STATUS),
    facts(NETWORKING, "NetworkPolicy", "networkpolicies", shape::<networking::v1::NetworkPolicy>).named("networkpolicy", &["netpol"]),
    facts("policy", "PodDisruptionBudget", "poddisruptionbudgets", shape::<policy::v1::PodDisruptionBudget>).named("poddisruptionbudget", &["pdb"]).with(STATUS),
    facts(RBAC, "ClusterRoleBinding", "clusterrolebindings", shape::<rbac::v1::ClusterRoleBinding>).named("clusterrolebinding", &[]).cluster_wide(),
    facts(RBAC, "ClusterRole", "clusterroles", shape::<rbac::v1::ClusterRole>).named("clusterrole", &[]).cluster_wide(),
    facts(RBAC, "RoleBinding", "rolebindings", shape::<rbac::v1::RoleBinding>).named("rolebinding", &[]),
    facts(RBAC, "Role", "roles", shape::<rbac::v1::Role>).named("role", &[]),
    facts("coordination.k8s.io", "Lease", "leases", shape::<coordination::v1::Lease>).named("lease", &[]),
    facts("discovery.k8s.io", "EndpointSlice", "endpointslices", shape::<discovery::v1::EndpointSlice>).named("endpointslice", &[]),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_found_by_what_its_url_says() {
        let found = Kind::by_plural("apps", "v1", "deployments").unwrap();
        assert_eq!(found, Kind::known("apps", "Deployment"));
        assert_eq!(found.group_resource(), "deployments.apps");
        assert!(Kind::by_plural("apps", "v1beta1", "deployments").is_none());
    }

    #[test]
    fn no_two_kinds_share_a_name() {
        let mut names: Vec<_> = Kind::all().map(|kind| (kind.group, kind.plural)).collect();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        assert!(Kind::all().all(|kind| !kind.singular.is_empty()));
    }

    #[test]
    fn a_shape_drops_what_its_kind_does_not_know() {
        let pod = (Kind::known("", "Pod").shape)(json!({
            "apiVersion": "v1", "kind": "Pod", "spec": { "containers": [], "wings": 2 },
        }));
        assert_eq!(pod.unwrap()["spec"]["wings"], Value::Null);
    }

    #[test]
    fn a_shape_names_the_place_of_a_mistake() {
        let error = (Kind::known("", "Service").shape)(json!({ "spec": { "ports": [{ "port": "x" }] } }));
        assert_eq!(error.unwrap_err().path().to_string(), "spec.ports[0].port");
    }
}
