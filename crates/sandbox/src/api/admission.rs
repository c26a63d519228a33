//! What stands between a well-formed object and the store: its namespace, its account, limits, quotas, Pod
//! Security, and the rule that nobody grants more than they have; and what stands before an eviction.

pub(super) mod disruption;
pub(super) mod limits;
pub(super) mod pod_security;

use serde_json::{Value, json};

use super::access::{User, rules};
use super::status::Failure;
use crate::resources::Kind;
use crate::store::{State, Transaction};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A new object needs a namespace that is there to stay.
pub(super) fn check_namespace(state: &State, kind: Kind, namespace: &str, name: &str) -> Result<(), Failure> {
    if !kind.is_namespaced {
        return Ok(());
    }
    let namespaces = Kind::known("", "Namespace");
    let found = state
        .find(namespaces, "", namespace)
        .ok_or_else(|| Failure::not_found(namespaces, namespace))?;
    if !found.is_going() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut failure = Failure::forbidden(kind, name, &why);
    let cause = json!({
        "reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"),
        "field": "metadata.namespace",
    });
    if let Some(details) = failure.details.as_mut() {
        details["causes"] = json!([cause]);
    }
    Err(failure)
}

/// A pod runs as a ServiceAccount that exists.
pub(super) fn give_account(state: &State, pod: &mut Value, namespace: &str) -> Result<(), Failure> {
    let spec = &mut pod["spec"];
    if spec["serviceAccountName"].as_str().is_none_or(str::is_empty) {
        spec["serviceAccountName"] = "default".into();
    }
    let account = spec["serviceAccountName"].as_str().unwrap_or_default().to_owned();
    spec["serviceAccount"] = account.clone().into();
    let accounts = Kind::known("", "ServiceAccount");
    if state.find(accounts, namespace, &account).is_some() {
        return Ok(());
    }
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let why = format!(
        "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
    );
    Err(Failure::forbidden(Kind::known("", "Pod"), name, &why))
}

/// One more object of a kind must fit into every quota of its namespace.
pub(super) fn check_quota(
    tx: &mut Transaction<'_>,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<(), Failure> {
    let counts = quota_names(kind);
    let used = tx.count(kind, namespace) as u64;
    let quotas = tx.list(Kind::known("", "ResourceQuota"), Some(namespace));
    for quota in quotas {
        for count in &counts {
            let Some(limit) = amount(&quota.value["spec"]["hard"][count]) else {
                continue;
            };
            if used + 1 > limit {
                let why = format!(
                    "exceeded quota: {}, requested: {count}=1, used: {count}={used}, limited: {count}={limit}",
                    quota.name()
                );
                return Err(Failure::forbidden(kind, name, &why));
            }
        }
    }
    Ok(())
}

/// Under which names a quota may count a kind.
fn quota_names(kind: Kind) -> Vec<String> {
    let mut names = vec![format!("count/{}", kind.group_resource())];
    if matches!(
        kind.plural,
        "pods" | "services" | "configmaps" | "secrets" | "resourcequotas"
    ) {
        names.push(kind.plural.to_owned());
    }
    names
}

fn amount(value: &Value) -> Option<u64> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| value.as_u64())
}

/// What a quota's namespace uses, of what the quota limits and is counted here.
pub(crate) fn quota_used(state: &State, quota: &Value, namespace: &str) -> Value {
    let hard = quota["spec"]["hard"].as_object();
    let mut used = json!({});
    for kind in Kind::stored().filter(|kind| kind.is_namespaced) {
        for name in quota_names(kind) {
            if hard.is_some_and(|hard| hard.contains_key(&name)) {
                used[name] = state.count(kind, namespace).to_string().into();
            }
        }
    }
    used
}

/// Roles and bindings give nothing that their author has not.
pub(super) fn check_grants(state: &State, user: &User, kind: Kind, object: &Value) -> Result<(), Failure> {
    if user.is_admin() || kind.group != RBAC {
        return Ok(());
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let granted = match kind.kind {
        "Role" | "ClusterRole" => object["rules"].as_array().cloned().unwrap_or_default(),
        _ => rules::role_rules(state, &object["roleRef"], namespace),
    };
    rules::check_grant(state, user, kind, (namespace, name), &granted)
}
