//! What a fresh cluster has: its namespaces, the `kubernetes` Service's certificate, the roles everybody
//! binds.

use serde_json::{Value, json};

use crate::api::{defaults_of, meta};
use crate::resources::Kind;
use crate::store::{Key, Store, Transaction};
use crate::upkeep;

const RBAC: &str = "rbac.authorization.k8s.io";

pub(crate) fn create(store: &Store, authority: &str) {
    store.write(|tx| {
        let map =
            json!({ "metadata": { "name": upkeep::ROOT_CERTIFICATE }, "data": { "ca.crt": authority } });
        put(tx, Kind::known("", "ConfigMap"), "kube-public", map);
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            put(
                tx,
                Kind::known("", "Namespace"),
                "",
                json!({ "metadata": { "name": name } }),
            );
            upkeep::furnish(tx, name);
        }
        for (name, rules) in roles() {
            put(
                tx,
                Kind::known(RBAC, "ClusterRole"),
                "",
                json!({ "metadata": { "name": name }, "rules": rules }),
            );
        }
        put(
            tx,
            Kind::known(RBAC, "ClusterRoleBinding"),
            "",
            json!({
                "metadata": { "name": "cluster-admin" },
                "roleRef": { "kind": "ClusterRole", "name": "cluster-admin" },
                "subjects": [{ "kind": "Group", "name": "system:masters" }],
            }),
        );
    });
}

fn put(tx: &mut Transaction<'_>, kind: Kind, namespace: &str, mut object: Value) {
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.into();
    meta::begin(&mut object, kind, namespace);
    defaults_of(kind, &mut object);
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    tx.put(&Key::new(kind, namespace, &name), object);
}

/// The roles for users that every cluster has, without what is not served here.
fn roles() -> [(&'static str, Value); 4] {
    let everything = json!([
        { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }, { "nonResourceURLs": ["*"], "verbs": ["*"] },
    ]);
    let read = json!(["get", "list", "watch"]);
    let write = json!([
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch"
    ]);
    let view = namespaced(&read);
    let mut edit = namespaced(&write);
    edit.extend([
        json!({
            "apiGroups": [""], "verbs": write,
            "resources": ["configmaps", "events", "pods", "secrets", "serviceaccounts", "services", "pods/portforward"],
        }),
        json!({ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": write }),
    ]);
    let mut admin = edit.clone();
    admin.push(json!({ "apiGroups": [RBAC], "resources": ["roles", "rolebindings"], "verbs": write }));
    [
        ("cluster-admin", everything),
        ("admin", json!(admin)),
        ("edit", json!(edit)),
        ("view", json!(view)),
    ]
}

/// What everybody may read, and `verbs` on what people write.
fn namespaced(verbs: &Value) -> Vec<Value> {
    let core = json!([
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "namespaces",
        "pods",
        "pods/log",
        "pods/status",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "services/status",
    ]);
    let apps = json!([
        "daemonsets",
        "deployments",
        "deployments/scale",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
    ]);
    let read = json!(["get", "list", "watch"]);
    vec![
        json!({ "apiGroups": [""], "resources": core, "verbs": read }),
        json!({ "apiGroups": ["apps"], "resources": apps, "verbs": verbs }),
        json!({ "apiGroups": ["batch"], "resources": ["jobs"], "verbs": verbs }),
        json!({ "apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": verbs }),
        json!({ "apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"], "verbs": verbs }),
        json!({ "apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read }),
    ]
}
