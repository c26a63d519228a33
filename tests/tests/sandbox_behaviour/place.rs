//! One Service in a namespace of its own: what it was, whether it is so again, and closing it from elsewhere.

use std::collections::BTreeSet;
use std::fmt::Debug;

use intercept_engine::record_store::RecordStore;
use intercept_engine::residue::{self, CloseResult};
use intercept_protocol::names;
use intercept_protocol::record::Intercept;
use intercept_tests::{await_some, await_true};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::world::{LIMIT, World};

/// The Service of every place.
pub(crate) const SERVICE: &str = "api";

/// A namespace with one Service.
pub(crate) struct Place<'w> {
    pub(crate) world: &'w World,
    pub(crate) namespace: String,
    before: Value,
}

/// What tests read, of any kind.
pub(crate) trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned
{
}
impl<K> Kind for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned
{
}

impl<'w> Place<'w> {
    pub(crate) async fn make(world: &'w World, namespace: String) -> Self {
        let made: Namespace = object(json!({ "metadata": { "name": namespace } }));
        Api::all(world.client.clone())
            .create(&PostParams::default(), &made)
            .await
            .expect("a namespace must be made");
        let mut place = Self {
            world,
            namespace,
            before: Value::Null,
        };
        place.create::<Deployment>(deployment()).await;
        place.create::<Service>(service()).await;
        await_true(LIMIT, "the original pod", async || {
            place.ready_endpoints().await > 0
        })
        .await;
        place.before = place.service().await.expect("the Service was just made");
        place
    }

    /// What the Service's proxy is called, and whatever belongs to it.
    pub(crate) fn proxy(&self) -> String {
        names::proxy(SERVICE)
    }

    pub(crate) fn api<K: Kind>(&self) -> Api<K> {
        Api::namespaced(self.world.client.clone(), &self.namespace)
    }

    async fn create<K: Kind + Serialize>(&self, value: Value) {
        let created = self
            .api::<K>()
            .create(&PostParams::default(), &object(value))
            .await;
        created.expect("an object must be taken");
    }

    /// The Service as the API server tells it, without what every write changes.
    async fn service(&self) -> Option<Value> {
        let path = format!("/api/v1/namespaces/{}/services/{SERVICE}", self.namespace);
        let request = http::Request::get(path)
            .body(Vec::new())
            .expect("a request must be one");
        let text = self.world.client.request_text(request).await.ok()?;
        let mut service: Value = serde_json::from_str(&text).expect("the API server must answer with JSON");
        let meta = service["metadata"]
            .as_object_mut()
            .expect("a Service must have metadata");
        meta.remove("resourceVersion");
        meta.remove("managedFields");
        Some(service)
    }

    /// How many pods answer for the Service.
    pub(crate) async fn ready_endpoints(&self) -> usize {
        let own = ListParams::default().labels(&of_service());
        match self.api::<EndpointSlice>().list(&own).await {
            Ok(slices) => slices.items.iter().map(ready_in).sum(),
            Err(_) => 0,
        }
    }

    /// Whom the record names.
    pub(crate) async fn intercepts(&self) -> Vec<Intercept> {
        let store = RecordStore::new(&self.world.client, &self.namespace, SERVICE);
        // Right after a restart of the API server a first answer may not come.
        let found = await_some(LIMIT, "the record", async || store.read().await.ok()).await;
        found.map(|found| found.record.intercepts).unwrap_or_default()
    }

    /// What differs from the beginning; nothing is clean.
    pub(crate) async fn differs(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        match self.service().await {
            Some(now) if now == self.before => {}
            now => {
                found.insert(format!("the Service is {now:?}, and was {}", self.before));
            }
        }
        self.collect::<Service>(&mut found).await;
        self.collect::<EndpointSlice>(&mut found).await;
        self.collect::<Deployment>(&mut found).await;
        self.collect::<ReplicaSet>(&mut found).await;
        self.collect::<Pod>(&mut found).await;
        self.collect::<ConfigMap>(&mut found).await;
        self.collect::<Secret>(&mut found).await;
        self.collect::<Job>(&mut found).await;
        self.collect::<ServiceAccount>(&mut found).await;
        self.collect::<Role>(&mut found).await;
        self.collect::<RoleBinding>(&mut found).await;
        self.collect::<PodDisruptionBudget>(&mut found).await;
        found
    }

    async fn collect<K: Kind>(&self, found: &mut BTreeSet<String>) {
        let is_ours = |one: &K| {
            one.name_any().contains("intercept") || one.labels().contains_key(names::MANAGED_BY_LABEL)
        };
        match self.api::<K>().list(&ListParams::default()).await {
            Ok(all) => {
                let ours = all.items.into_iter().filter(is_ours);
                found.extend(ours.map(|one| format!("{} {}", K::kind(&()), one.name_any())));
            }
            Err(error) => {
                found.insert(format!("{}s cannot be listed: {error}", K::kind(&())));
            }
        }
    }

    /// Waits until everything is as it was.
    pub(crate) async fn await_clean(&self, after: &str) {
        self.await_clean_but(after, |_| false).await;
    }

    /// Waits until everything is as it was, but for what is excused.
    pub(crate) async fn await_clean_but(&self, after: &str, is_excused: impl Fn(&str) -> bool) {
        let begun = std::time::Instant::now();
        loop {
            let found = self.differs().await;
            if found.iter().all(|one| is_excused(one)) {
                return;
            }
            assert!(
                begun.elapsed() < LIMIT / 4,
                "after {after} this is left in {}: {found:#?}",
                self.namespace
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// `session close`, from another machine.
    pub(crate) async fn close(&self, after: &str) {
        let client = &self.world.client;
        let found = residue::find(client, Some(&self.namespace)).await;
        for standing in found.unwrap_or_else(|error| panic!("after {after}: {error:?}")) {
            let closed = residue::close(client, &standing, None).await;
            let closed = closed.unwrap_or_else(|error| panic!("after {after}: {error:?}"));
            assert_eq!(closed.result, CloseResult::Clean, "after {after}: {closed:?}");
        }
    }
}

/// Selects the EndpointSlices of the Service.
pub(crate) fn of_service() -> String {
    format!("kubernetes.io/service-name={SERVICE}")
}

/// How many pods answer by this slice.
pub(crate) fn ready_in(slice: &EndpointSlice) -> usize {
    slice.endpoints.iter().filter(|one| is_ready(one)).count()
}

/// Whether requests are sent there; where nothing is said, they are.
pub(crate) fn is_ready(one: &Endpoint) -> bool {
    one.conditions.as_ref().is_none_or(|is| is.ready.unwrap_or(true))
}

fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).expect("an object must have its kind's shape")
}

fn deployment() -> Value {
    json!({
        "metadata": { "name": SERVICE },
        "spec": { "replicas": 1, "selector": { "matchLabels": { "app": SERVICE } }, "template": {
            "metadata": { "labels": { "app": SERVICE } },
            "spec": { "terminationGracePeriodSeconds": 0, "containers": [{
                "name": "echo", "image": "sandbox/echo:1",
                "ports": [{ "name": "web", "containerPort": 8081 }],
                "env": [{ "name": "HTTP_PORTS", "value": "8081" }],
            }] },
        } },
    })
}

fn service() -> Value {
    json!({
        "metadata": { "name": SERVICE },
        "spec": { "selector": { "app": SERVICE }, "ports": [{ "name": "http", "port": 8080, "targetPort": "web" }] },
    })
}
