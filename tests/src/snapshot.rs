//! The proof after every test: the Service is what it was, and nothing of ours is left.

use std::time::Duration;

use intercept_protocol::names::{MANAGED_BY, MANAGED_BY_LABEL};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::discovery::{Scope, verbs};
use kube::{Discovery, ResourceExt};
use serde_json::Value;

use crate::{Namespace, await_true};

/// A Service as it was before a test touched it.
pub struct ServiceBefore {
    namespace: Namespace,
    name: String,
    json: Value,
}

impl ServiceBefore {
    /// Remembers it.
    pub async fn take(namespace: &Namespace, service: &str) -> Self {
        let json = comparable(namespace, service).await;
        Self {
            namespace: namespace.clone(),
            name: service.to_owned(),
            json,
        }
    }

    /// Whether it is what it was, byte for byte but for resourceVersion and managedFields.
    pub async fn is_untouched(&self) -> bool {
        comparable(&self.namespace, &self.name).await == self.json
    }

    /// # Panics
    /// When it is not what it was.
    pub async fn assert_untouched(&self) {
        assert_eq!(
            comparable(&self.namespace, &self.name).await,
            self.json,
            "Service {} changed",
            self.name
        );
    }

    /// Waits until it is what it was, for ways back that the cluster goes by itself.
    pub async fn await_untouched(&self, limit: Duration) {
        await_true(limit, "the Service to be what it was", async || {
            self.is_untouched().await
        })
        .await;
    }
}

async fn comparable(namespace: &Namespace, service: &str) -> Value {
    let mut service = namespace
        .api::<Service>()
        .get(service)
        .await
        .expect("the Service must be there");
    service.metadata.resource_version = None;
    service.metadata.managed_fields = None;
    serde_json::to_value(service).expect("a Service must be JSON")
}

/// Everything in the namespace that is ours by label or by name, of whatever kind.
pub async fn residue(namespace: &Namespace) -> Vec<String> {
    let discovery = Discovery::new(namespace.client())
        .run_aggregated()
        .await
        .expect("discovery must work");
    let mut found = Vec::new();
    for (resource, capabilities) in discovery
        .groups()
        .flat_map(kube::discovery::ApiGroup::recommended_resources)
    {
        let is_listed =
            capabilities.scope == Scope::Namespaced && capabilities.supports_operation(verbs::LIST);
        // Events tell of objects that are gone, as they should; metrics are no objects.
        if !is_listed || resource.kind == "Event" || resource.group == "metrics.k8s.io" {
            continue;
        }
        let objects: Api<DynamicObject> =
            Api::namespaced_with(namespace.client(), &namespace.name, &resource);
        let objects = objects
            .list(&ListParams::default())
            .await
            .expect("an administrator must be able to list");
        let ours = objects.items.iter().filter(|object| is_ours(object));
        found.extend(ours.map(|object| format!("{}/{}", resource.kind, object.name_any())));
    }
    found
}

fn is_ours(object: &DynamicObject) -> bool {
    let name = object.name_any();
    let is_labelled = object
        .labels()
        .get(MANAGED_BY_LABEL)
        .is_some_and(|value| value == MANAGED_BY);
    is_labelled || name.contains("-intercept-") || name.starts_with("intercept-agent-")
}

/// Waits until nothing of ours is left: draining pods and the garbage collector take their time.
///
/// # Panics
/// When something is left after `limit`, naming it.
pub async fn await_no_residue(namespace: &Namespace, limit: Duration) {
    let waiting = tokio::time::timeout(limit, async {
        while !residue(namespace).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    if waiting.await.is_err() {
        panic!(
            "left in namespace {} after {limit:?}: {:?}",
            namespace.name,
            residue(namespace).await
        );
    }
}
