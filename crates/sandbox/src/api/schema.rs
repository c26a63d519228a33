//! How lists and maps merge: Kubernetes' `patchMergeKey`, `x-kubernetes-list-map-keys` and
//! `x-kubernetes-map-type`, for the kinds served here.
//!
//! Told apart by a field's name and the one above it, which is enough because the names repeat with one
//! meaning throughout the API. A list that is not named here is replaced as a whole.

use serde_json::Value;

use crate::resources::Kind;

/// How a list merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListType {
    Atomic,
    /// Of plain values, each once.
    Set,
    /// Of objects told apart by keys.
    Map(Keys),
}

/// Which fields tell the items of a list apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// In a strategic merge patch.
    pub(crate) patch: &'static str,
    /// In managed fields and server-side apply, with what a missing one stands for.
    pub(crate) apply: &'static [(&'static str, Option<&'static str>)],
}

const fn by(patch: &'static str, apply: &'static [(&'static str, Option<&'static str>)]) -> ListType {
    ListType::Map(Keys { patch, apply })
}

/// The type of the list at a path of field names.
pub(crate) fn list_type(kind: Kind, path: &[String]) -> ListType {
    let last = path.last().map_or("", String::as_str);
    let above = path.len().checked_sub(2).map_or("", |at| path[at].as_str());
    match (last, above) {
        ("finalizers", _) => ListType::Set,
        ("ownerReferences", "metadata") => by("uid", &[("uid", None)]),
        ("conditions", "status") => by("type", &[("type", None)]),
        ("containers" | "initContainers" | "ephemeralContainers" | "volumes", "spec") => {
            by("name", &[("name", None)])
        }
        ("imagePullSecrets", _) => by("name", &[("name", None)]),
        ("secrets", "") if kind.is("", "ServiceAccount") => by("name", &[("name", None)]),
        ("env", _) => by("name", &[("name", None)]),
        ("volumeMounts", _) => by("mountPath", &[("mountPath", None)]),
        ("volumeDevices", _) => by("devicePath", &[("devicePath", None)]),
        ("hostAliases", _) => by("ip", &[("ip", None)]),
        ("topologySpreadConstraints", _) => by(
            "topologyKey",
            &[("topologyKey", None), ("whenUnsatisfiable", None)],
        ),
        ("schedulingGates" | "resourceClaims", _) => by("name", &[("name", None)]),
        ("ports", "spec") if kind.is("", "Service") => {
            by("port", &[("port", None), ("protocol", Some("TCP"))])
        }
        ("ports", "containers" | "initContainers" | "ephemeralContainers") => by(
            "containerPort",
            &[("containerPort", None), ("protocol", Some("TCP"))],
        ),
        ("addresses", "status") if kind.is("", "Node") => by("type", &[("type", None)]),
        ("taints", "spec") if kind.is("", "Node") => ListType::Map(Keys {
            patch: "key",
            apply: &[("key", None), ("effect", None)],
        }),
        ("podIPs" | "hostIPs", "status") => by("ip", &[("ip", None)]),
        _ => ListType::Atomic,
    }
}

/// Whether the object at a path is owned as a whole.
pub(crate) fn is_atomic(path: &[String]) -> bool {
    matches!(
        path.last().map(String::as_str),
        Some(
            "selector"
                | "labelSelector"
                | "podSelector"
                | "namespaceSelector"
                | "nodeSelector"
                | "roleRef"
                | "targetRef"
                | "involvedObject"
                | "regarding"
                | "fieldRef"
                | "resourceFieldRef"
                | "configMapKeyRef"
                | "secretKeyRef"
                | "scopeSelector"
        )
    )
}

/// Whether what is at a path is part of every object, written or not.
pub(crate) fn is_always_there(path: &[String]) -> bool {
    matches!(
        path.last().map(String::as_str),
        None | Some(
            "spec" | "metadata" | "status" | "template" | "strategy" | "updateStrategy" | "containers"
        )
    )
}

/// Whether two items of a list are the same one, in server-side apply.
pub(crate) fn is_same_item(keys: &Keys, one: &Value, other: &Value) -> bool {
    keys.apply.iter().all(|(key, default)| {
        let value = |item: &Value| match &item[*key] {
            Value::Null => default.map_or(Value::Null, Value::from),
            found => found.clone(),
        };
        value(one) == value(other)
    })
}
