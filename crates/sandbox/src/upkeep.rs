//! What tidies up behind everybody: the garbage collector, the emptying of namespaces, quotas' counts.
//!
//! Runs right after the change that calls for it, in a transaction of its own: a client may see the moment
//! between, as in a real cluster, but never for long.

mod collector;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::api::meta;
use crate::api::write::delete;
use crate::resources::Kind;
use crate::store::{Key, Store, Transaction};

/// Where pods find the certificate of the API server.
pub(crate) const ROOT_CERTIFICATE: &str = "kube-root-ca.crt";

/// What every namespace has from its first moment.
pub(crate) fn furnish(tx: &mut Transaction<'_>, namespace: &str) {
    let accounts = Kind::known("", "ServiceAccount");
    let mut account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
    meta::begin(&mut account, accounts, namespace);
    tx.put(&Key::new(accounts, namespace, "default"), account);
    // The certificate is the same everywhere; a pod finds it in its own namespace.
    let maps = Kind::known("", "ConfigMap");
    if let Some(root) = tx.find(maps, "kube-public", ROOT_CERTIFICATE).cloned()
        && namespace != "kube-public"
    {
        let mut map = root.value.clone();
        meta::begin(&mut map, maps, namespace);
        tx.put(&Key::new(maps, namespace, ROOT_CERTIFICATE), map);
    }
}

/// Tidies until told to stop.
pub(crate) async fn run(store: Arc<Store>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = store.untidy.notified() => while store.write(tidy) {},
        }
    }
    tracing::debug!("upkeep ended");
}

/// Looks at everything that may need it, once. Returns whether there is more to look at.
fn tidy(tx: &mut Transaction<'_>) -> bool {
    let keys: HashSet<Key> = std::mem::take(&mut tx.untidy);
    for key in keys {
        if key.kind.is("", "Namespace") {
            namespace(tx, &key);
        } else {
            collector::look_at(tx, &key);
        }
    }
    !tx.untidy.is_empty()
}

fn namespace(tx: &mut Transaction<'_>, key: &Key) {
    let Some(found) = tx.get(key).cloned() else { return };
    if !found.is_going() {
        return count_quotas(tx, &key.name);
    }
    let left: Vec<Key> = tx.keys_in(&key.name).collect();
    for one in left {
        if tx.get(&one).is_some_and(|object| !object.is_going()) {
            delete::begin(tx, &one, &delete::DeleteOptions::default());
        }
    }
    if tx.is_empty(&key.name) {
        let mut object = found.value.clone();
        drop(
            object["spec"]
                .as_object_mut()
                .and_then(|spec| spec.remove("finalizers")),
        );
        tx.put(key, object);
        delete::finish(tx, key);
    }
}

fn count_quotas(tx: &mut Transaction<'_>, namespace: &str) {
    let kind = Kind::known("", "ResourceQuota");
    let quotas: Vec<_> = tx.list(kind, Some(namespace)).cloned().collect();
    for quota in quotas {
        let mut value = quota.value.clone();
        let used = crate::api::quota_used(tx, &value, namespace);
        value["status"] = json!({ "hard": value["spec"]["hard"], "used": used });
        tx.put(&Key::new(kind, namespace, quota.name()), value);
    }
}

#[cfg(test)]
mod tests;
