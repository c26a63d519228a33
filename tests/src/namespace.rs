//! A namespace for one test: made under a random name, explained when the test fails, deleted always.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde_json::json;

use crate::cluster::Cluster;
use crate::reach::Reach;
use crate::{await_some, dump};

/// Leaves the namespace of a test standing, to be looked at.
const KEEP_VARIABLE: &str = "KEEP_NAMESPACE";
const LABEL: &str = "intercept.dev/test";
const SOON: Duration = Duration::from_secs(20);

/// A namespace that one test has to itself.
#[derive(Clone)]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The cluster it is in.
    pub cluster: Cluster,
    pub(crate) reach: Reach,
}

impl Namespace {
    /// Access to the objects of one kind in it.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.cluster.client.clone(), &self.name)
    }

    /// The administrator's client.
    pub fn client(&self) -> Client {
        self.cluster.client.clone()
    }

    /// From now on only pods under Pod Security *restricted* may be made in it.
    pub async fn enforce_restricted(&self) {
        let labels =
            json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } } });
        let namespaces: Api<core::Namespace> = Api::all(self.client());
        let patched = namespaces
            .patch(&self.name, &PatchParams::default(), &Patch::Merge(labels))
            .await;
        patched.expect("the namespace must take a label");
    }

    /// Makes an object in it from JSON, and returns it as the cluster has it.
    pub async fn create<K>(&self, object: serde_json::Value) -> K
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K: serde::de::DeserializeOwned + serde::Serialize + Clone + std::fmt::Debug,
        K::DynamicType: Default,
    {
        let object: K = serde_json::from_value(object).expect("a fixture must be of its kind");
        self.api::<K>()
            .create(&PostParams::default(), &object)
            .await
            .expect("a fixture must be accepted")
    }
}

/// Runs `test` in a namespace of its own. Where no cluster is named it says so and returns ([`Cluster::find`]).
///
/// A panic of `test` is raised again, after what the namespace held was written down ([`dump`]) and it was deleted.
pub async fn with_namespace(test: impl AsyncFnOnce(Namespace)) {
    let Some(cluster) = Cluster::find().await else {
        return;
    };
    let namespace = make(cluster).await;
    let outcome = AssertUnwindSafe(test(namespace.clone())).catch_unwind().await;
    if outcome.is_err() {
        dump::write(&namespace).await;
    }
    remove(&namespace).await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

async fn make(cluster: Cluster) -> Namespace {
    let name = format!("test-{}", random_suffix());
    let namespaces: Api<core::Namespace> = Api::all(cluster.client.clone());
    let object = json!({ "metadata": { "name": name, "labels": { LABEL: "true" } } });
    let object = serde_json::from_value(object).expect("a namespace must be a namespace");
    namespaces
        .create(&PostParams::default(), &object)
        .await
        .expect("the cluster must accept a namespace");
    let reach = Reach::find(&cluster.client, &name).await;
    let namespace = Namespace { name, cluster, reach };
    let accounts = namespace.api::<core::ServiceAccount>();
    // No pod can be made before the cluster has given the namespace this account.
    await_some(SOON, "the namespace's ServiceAccount", async || {
        accounts.get_opt("default").await.ok().flatten()
    })
    .await;
    namespace
}

#[expect(clippy::print_stderr, reason = "whoever asked to keep it needs its name")]
async fn remove(namespace: &Namespace) {
    if std::env::var_os(KEEP_VARIABLE).is_some() {
        eprintln!("{KEEP_VARIABLE} is set: namespace {} stays", namespace.name);
        return;
    }
    let namespaces: Api<core::Namespace> = Api::all(namespace.client());
    if let Err(error) = namespaces
        .delete(&namespace.name, &DeleteParams::background())
        .await
    {
        eprintln!("cannot delete namespace {}: {error}", namespace.name);
    }
    if let Err(error) = namespace.reach.remove().await {
        eprintln!("cannot delete the dialer of {}: {error}", namespace.name);
    }
}

/// Eight characters that a name may hold.
pub fn random_suffix() -> String {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system must have randomness");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
