//! The controllers that make a Deployment's pods and a Service's endpoints, as kube-controller-manager and
//! kube-scheduler do, through the API alone.
//!
//! ```text
//! Deployment → ReplicaSet → Pod → (scheduler) → node      Service + Pod → EndpointSlice, Endpoints
//! StatefulSet ─────────────► Pod                          Job → its deadline, its end
//! ```
//!
//! Decisions are pure functions over typed objects; what talks to the API server stands beside them.
//! Deliberately absent: DaemonSets, running Jobs' pods, autoscaling, volumes that must be bound.

pub(crate) mod deployment;
pub(crate) mod endpoints;
pub(crate) mod job;
pub(crate) mod replica_set;
pub(crate) mod rollout;
pub(crate) mod scheduler;
pub(crate) mod slices;
pub(crate) mod stateful_set;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{PatchParams, PostParams};
use kube::{Client, Resource};
use tokio::task::JoinSet;

use crate::node::cache::Cache;
use crate::node::events::Recorder;

/// Everything the controllers watch; the node's own parts share it.
#[derive(Clone, Default)]
pub(crate) struct Caches {
    pub(crate) pods: Cache<Pod>,
    pub(crate) services: Cache<Service>,
    pub(crate) slices: Cache<EndpointSlice>,
    pub(crate) replica_sets: Cache<ReplicaSet>,
    pub(crate) deployments: Cache<Deployment>,
    pub(crate) stateful_sets: Cache<StatefulSet>,
    pub(crate) jobs: Cache<Job>,
}

impl Caches {
    /// Follows every kind.
    pub(crate) fn follow(&self, client: &Client, tasks: &mut JoinSet<()>) {
        tasks.spawn(self.pods.clone().follow(client.clone()));
        tasks.spawn(self.services.clone().follow(client.clone()));
        tasks.spawn(self.slices.clone().follow(client.clone()));
        tasks.spawn(self.replica_sets.clone().follow(client.clone()));
        tasks.spawn(self.deployments.clone().follow(client.clone()));
        tasks.spawn(self.stateful_sets.clone().follow(client.clone()));
        tasks.spawn(self.jobs.clone().follow(client.clone()));
    }
}

/// Starts every controller.
pub(crate) fn start(client: &Client, caches: &Caches, tasks: &mut JoinSet<()>) {
    let recorder = |component| Recorder::new(client.clone(), component);
    tasks.spawn(
        deployment::DeploymentController {
            client: client.clone(),
            deployments: caches.deployments.clone(),
            sets: caches.replica_sets.clone(),
            recorder: recorder("deployment-controller"),
        }
        .run(),
    );
    tasks.spawn(
        replica_set::ReplicaSetController {
            client: client.clone(),
            sets: caches.replica_sets.clone(),
            pods: caches.pods.clone(),
            recorder: recorder("replicaset-controller"),
        }
        .run(),
    );
    tasks.spawn(
        endpoints::EndpointsController {
            client: client.clone(),
            services: caches.services.clone(),
            pods: caches.pods.clone(),
            slices: caches.slices.clone(),
        }
        .run(),
    );
    tasks.spawn(
        stateful_set::StatefulSetController {
            client: client.clone(),
            sets: caches.stateful_sets.clone(),
            pods: caches.pods.clone(),
            recorder: recorder("statefulset-controller"),
        }
        .run(),
    );
    tasks.spawn(
        job::JobController {
            client: client.clone(),
            jobs: caches.jobs.clone(),
            recorder: recorder("job-controller"),
        }
        .run(),
    );
    tasks.spawn(
        scheduler::Scheduler {
            client: client.clone(),
            pods: caches.pods.clone(),
            recorder: recorder("default-scheduler"),
        }
        .run(),
    );
}

/// An owner reference that says who manages.
pub(crate) fn controlled_by<K>(owner: &K) -> OwnerReference
where
    K: Resource,
    K::DynamicType: Default,
{
    let meta = owner.meta();
    OwnerReference {
        api_version: K::api_version(&K::DynamicType::default()).into_owned(),
        kind: K::kind(&K::DynamicType::default()).into_owned(),
        name: meta.name.clone().unwrap_or_default(),
        uid: meta.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Name of the controller of `kind`, where `meta` has one.
pub(crate) fn controller_of<'a>(meta: &'a ObjectMeta, kind: &str) -> Option<&'a OwnerReference> {
    let mut owners = meta.owner_references.iter().flatten();
    owners.find(|owner| owner.controller == Some(true) && owner.kind == kind)
}

/// Whether `meta` is controlled by the object with this uid.
pub(crate) fn is_controlled_by(meta: &ObjectMeta, uid: Option<&str>) -> bool {
    let mut owners = meta.owner_references.iter().flatten();
    owners.any(|owner| owner.controller == Some(true) && Some(owner.uid.as_str()) == uid)
}

pub(crate) fn params(manager: &str) -> PatchParams {
    PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    }
}

pub(crate) fn post(manager: &str) -> PostParams {
    PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    }
}

/// Something that is gone, or another one by now, needs no more work.
pub(crate) fn is_gone(done: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
        done => done,
    }
}

/// A status write that came too late is nobody's loss.
pub(crate) fn unless_missing(done: Result<(), kube::Error>) -> Result<(), kube::Error> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        done => done,
    }
}

/// Now, as Kubernetes writes it.
pub(crate) fn now() -> Time {
    Time(Timestamp::now())
}
