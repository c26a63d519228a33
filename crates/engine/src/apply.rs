//! Carries out a plan, step by step, watching for what can go wrong while it waits.
//!
//! A write that was begun is always finished, so that cancelling never leaves a change nobody knows of;
//! waits end at once. Deliberately absent: undoing. `revert` does that from the cluster's state alone,
//! after a failure as well as after a crash.

mod direct;
mod error;
mod objects;
mod ready;
pub mod switch;
pub mod trouble;

use std::net::IpAddr;
use std::time::Duration;

use futures::future::try_join_all;
use intercept_protocol::names;
use intercept_protocol::record::{Intercept, Record};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::Patch;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cluster::ApiFailure;
use crate::plan::{self, Action, Object, Plan, RecordDraft, Step, Way};
use crate::record_store::{Change, RecordStore};
use crate::tunnel::RelayPool;
pub use error::ApplyError;
pub(crate) use objects::{Kind, delete};
use objects::{create, create_or_adopt, create_origin, manager, owned_by};
use switch::await_endpoints;
use trouble::Trouble;

/// From a ready proxy to an open tunnel and an answered probe.
const TUNNEL_WITHIN: Duration = Duration::from_secs(20);

/// How far an apply has come.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A step begins.
    Begun {
        /// Its sentence.
        sentence: String,
    },
    /// A step is done.
    Done {
        /// Its sentence.
        sentence: String,
        /// How long it took.
        took: Duration,
    },
    /// Something keeps the proxy from starting; it is not given up yet.
    Trouble(Trouble),
}

/// What an apply works with.
pub(crate) struct Apply<'a> {
    pub(crate) client: &'a Client,
    pub(crate) plan: &'a Plan,
    pub(crate) pool: &'a RelayPool,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) report: &'a (dyn Fn(Progress) + Send + Sync),
    /// Decides whether a standing intercept of the same owner belongs to a living session.
    pub(crate) is_alive: &'a (dyn Fn(&Intercept) -> bool + Send + Sync),
}

/// What earlier steps made: later ones need it, and so does whoever undoes a half-done plan.
#[derive(Default)]
pub(crate) struct Made {
    fuse: Option<Job>,
    proxy: Option<Deployment>,
    origin: Option<IpAddr>,
    /// Whether the intercept stands in the record.
    pub(crate) recorded: bool,
}

impl Made {
    /// The fuse's name and uid, while it stands.
    pub(crate) fn fuse(&self) -> Option<(String, Option<String>)> {
        self.fuse.as_ref().map(|fuse| (fuse.name_any(), fuse.uid()))
    }

    /// The uid of the Deployment that this plan made.
    pub(crate) fn proxy_uid(&self) -> Option<String> {
        self.proxy.as_ref().and_then(Deployment::uid)
    }
}

impl Apply<'_> {
    /// Carries out every step; steps of one stage at the same time.
    pub(crate) async fn run(&self, made: &mut Made) -> Result<(), ApplyError> {
        let mut rest = self.plan.steps.as_slice();
        while let Some(first) = rest.first() {
            let many = rest.iter().take_while(|step| step.stage == first.stage).count();
            let (stage, later) = rest.split_at(many);
            if self.cancel.is_cancelled() {
                return Err(ApplyError::Cancelled);
            }
            self.stage(stage, made).await?;
            rest = later;
        }
        Ok(())
    }

    async fn stage(&self, steps: &[Step], made: &mut Made) -> Result<(), ApplyError> {
        let started = Instant::now();
        for step in steps {
            (self.report)(Progress::Begun {
                sentence: step.sentence(),
            });
        }
        if let [only] = steps {
            self.single(only, made).await?;
        } else {
            let owner = made.proxy.as_ref().map(owned_by);
            let addresses = try_join_all(steps.iter().map(|step| self.owned(step, owner.as_ref()))).await?;
            made.origin = addresses.into_iter().flatten().next().or(made.origin);
        }
        for step in steps {
            (self.report)(Progress::Done {
                sentence: step.sentence(),
                took: started.elapsed(),
            });
        }
        Ok(())
    }

    async fn single(&self, step: &Step, made: &mut Made) -> Result<(), ApplyError> {
        match &step.action {
            Action::Create(Object::Fuse(fuse)) => {
                let created = create(self.client, &**fuse).await;
                made.fuse = match &created {
                    Ok(created) => Some(created.clone()),
                    // It may stand all the same: only the answer was lost.
                    Err(failure) => failure.is_transient().then(|| (**fuse).clone()),
                };
                created.map(drop).map_err(|source| object(step, source))
            }
            Action::Create(Object::Proxy(proxy)) => {
                made.proxy = Some(self.proxy(step, proxy, made.fuse.as_ref()).await?);
                Ok(())
            }
            Action::Create(_) => {
                let owner = made.proxy.as_ref().map(owned_by);
                made.origin = self.owned(step, owner.as_ref()).await?.or(made.origin);
                Ok(())
            }
            Action::WriteRecord(draft) => {
                let written = self.write_record(draft, made).await;
                made.recorded = may_stand(&written);
                written
            }
            Action::AddToRecord => {
                let added = self.add_to_record().await;
                made.recorded = may_stand(&added);
                added
            }
            Action::Scale { replicas } => self.scale(step, *replicas).await,
            Action::OpenTunnel => self.open_tunnel().await,
            Action::Defuse => {
                self.defuse(step).await?;
                made.fuse = None;
                Ok(())
            }
            Action::Switch(change) => {
                let of = (self.plan.namespace.as_str(), self.plan.service.as_str());
                direct::refresh(self.client, of, self.pool, &step.sentence()).await?;
                switch::switch(self.client, &self.plan.namespace, &self.plan.service, change)
                    .await
                    .map_err(ApplyError::Switch)
            }
            Action::AwaitSwitched => self.await_switched().await,
            Action::ShowOrigin => self.show_origin(step).await,
        }
    }

    /// The Deployment's name decides who of several engages first.
    async fn proxy(
        &self,
        step: &Step,
        proxy: &Deployment,
        fuse: Option<&Job>,
    ) -> Result<Deployment, ApplyError> {
        let mut proxy = proxy.clone();
        proxy.metadata.owner_references = fuse.map(|fuse| vec![owned_by(fuse)]);
        match create(self.client, &proxy).await {
            Err(failure) if failure.is_already_exists() => Err(ApplyError::Raced),
            outcome => outcome.map_err(|source| object(step, source)),
        }
    }

    /// Makes one object that the proxy owns; the origin's address comes back.
    async fn owned(&self, step: &Step, owner: Option<&OwnerReference>) -> Result<Option<IpAddr>, ApplyError> {
        let Action::Create(wanted) = &step.action else {
            return Ok(None);
        };
        let client = self.client;
        let outcome = match wanted {
            Object::Origin(one) => {
                let origin = create_origin(client, &with_owner(&**one, owner)).await;
                return origin_address(&origin.map_err(|source| object(step, source))?).map(Some);
            }
            Object::AgentPart(one) => adopt(client, &**one, owner).await,
            Object::ServiceAccount(one) => adopt(client, &**one, owner).await,
            Object::Role(one) => adopt(client, &**one, owner).await,
            Object::RoleBinding(one) => adopt(client, &**one, owner).await,
            Object::DisruptionBudget(one) => adopt(client, &**one, owner).await,
            Object::Fuse(one) => adopt(client, &**one, owner).await,
            Object::Proxy(one) => adopt(client, &**one, owner).await,
        };
        outcome.map(|()| None).map_err(|source| object(step, source))
    }

    async fn write_record(&self, draft: &RecordDraft, made: &Made) -> Result<(), ApplyError> {
        let origin = made.origin.ok_or_else(|| ApplyError::NoOriginAddress {
            name: names::origin(&self.plan.service),
        })?;
        let Some(owner) = made.proxy.as_ref().map(owned_by) else {
            return Err(ApplyError::Raced);
        };
        let (namespace, service) = (&self.plan.namespace, &self.plan.service);
        let record = draft.record(namespace, service, origin, self.plan.intercept.clone());
        let store = RecordStore::new(self.client, namespace, service);
        if let Some(old) = store.read().await? {
            // Left by a proxy that is going; the garbage collector would take it with that one.
            let _ = delete::<ConfigMap>(self.client, namespace, &names::proxy(service), None).await;
            tracing::debug!(owner = ?old.owner_uid, "an earlier proxy's record was removed");
        }
        Ok(store.create(&record, owner).await?)
    }

    async fn add_to_record(&self) -> Result<(), ApplyError> {
        let store = RecordStore::new(self.client, &self.plan.namespace, &self.plan.service);
        let outcome = store.update(|record| self.joined(record)).await;
        match outcome {
            Err(ApplyError::Record(error)) if error.is_gone() => Err(ApplyError::Raced),
            outcome => outcome,
        }
    }

    /// An empty record belongs to a proxy that is being removed: nobody may join it.
    fn joined(&self, record: &mut Record) -> Result<Change<()>, ApplyError> {
        let wanted = &self.plan.intercept;
        if record.intercepts.is_empty() || record.listener(wanted.port).is_none() {
            return Err(ApplyError::Raced);
        }
        match plan::way(Some(record), wanted, self.is_alive) {
            Ok(Way::AlreadyHeld) => Ok(Change::Keep(())),
            Ok(Way::TakeOver) => {
                record
                    .intercepts
                    .retain(|one| !(one.port == wanted.port && one.rule.same_as(&wanted.rule)));
                record.intercepts.push(wanted.clone());
                Ok(Change::Write(()))
            }
            Ok(_) => {
                record.intercepts.push(wanted.clone());
                Ok(Change::Write(()))
            }
            Err(refusals) => match refusals.into_iter().next() {
                Some(refusal) => Err(ApplyError::Refused(refusal)),
                None => Err(ApplyError::Raced),
            },
        }
    }

    async fn scale(&self, step: &Step, replicas: i32) -> Result<(), ApplyError> {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let scaled = self
            .deployments()
            .patch(&self.proxy_name(), &manager(), &patch)
            .await;
        match scaled.map_err(ApiFailure::from) {
            // Its fuse burned down, or its maker gave up.
            Err(failure) if failure.is_not_found() => Err(ApplyError::Raced),
            outcome => outcome.map(drop).map_err(|source| object(step, source)),
        }
    }

    /// Waits for the tunnel rather than for the pods: an open relay proves more than a Ready condition.
    async fn open_tunnel(&self) -> Result<(), ApplyError> {
        let ready = async {
            self.await_ready().await?;
            let id = &self.plan.intercept.id;
            self.pool
                .await_open(id, TUNNEL_WITHIN)
                .await
                .map_err(ApplyError::Tunnel)?;
            self.pool
                .probe(id, TUNNEL_WITHIN)
                .await
                .map(drop)
                .map_err(ApplyError::Tunnel)
        };
        tokio::select! {
            () = self.cancel.cancelled() => Err(ApplyError::Cancelled),
            outcome = ready => outcome,
        }
    }

    async fn defuse(&self, step: &Step) -> Result<(), ApplyError> {
        let deployments = self.deployments();
        let Some(proxy) = deployments
            .get_opt(&self.proxy_name())
            .await
            .map_err(|error| object(step, error.into()))?
        else {
            return Err(ApplyError::Raced);
        };
        let fuses: Vec<OwnerReference> = proxy
            .owner_references()
            .iter()
            .filter(|owner| owner.kind == "Job")
            .cloned()
            .collect();
        if fuses.is_empty() {
            return Ok(());
        }
        let patch = Patch::Merge(json!({ "metadata": { "uid": proxy.uid(), "ownerReferences": null } }));
        let defused = deployments.patch(&self.proxy_name(), &manager(), &patch).await;
        defused.map_err(|error| object(step, error.into()))?;
        for fuse in fuses {
            delete::<Job>(self.client, &self.plan.namespace, &fuse.name, Some(&fuse.uid))
                .await
                .map_err(|source| object(step, source))?;
        }
        Ok(())
    }

    async fn await_switched(&self) -> Result<(), ApplyError> {
        let service = &self.plan.service;
        tokio::select! {
            () = self.cancel.cancelled() => Err(ApplyError::Cancelled),
            followed = await_endpoints(self.client, &self.plan.namespace, service, true) => match followed {
                true => Ok(()),
                false => Err(ApplyError::NotFollowed { service: service.clone() }),
            },
        }
    }

    async fn show_origin(&self, step: &Step) -> Result<(), ApplyError> {
        let services: Api<Service> = Api::namespaced(self.client.clone(), &self.plan.namespace);
        let labels = json!({ (names::PROXY_NAME_LABEL): null });
        let patch = Patch::Merge(json!({ "metadata": { "labels": labels } }));
        let shown = services
            .patch(&names::origin(&self.plan.service), &manager(), &patch)
            .await;
        match shown.map_err(ApiFailure::from) {
            // It went with its proxy, which somebody removed.
            Err(failure) if failure.is_not_found() => Err(ApplyError::Raced),
            outcome => outcome.map(drop).map_err(|source| object(step, source)),
        }
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.plan.namespace)
    }

    fn proxy_name(&self) -> String {
        names::proxy(&self.plan.service)
    }
}

/// A write whose answer was lost may have happened; taking out what is not there does no harm.
fn may_stand(recorded: &Result<(), ApplyError>) -> bool {
    matches!(recorded, Ok(()) | Err(ApplyError::Record(_)))
}

fn object(step: &Step, source: ApiFailure) -> ApplyError {
    ApplyError::Object {
        step: step.sentence(),
        source,
    }
}

fn with_owner<K: Kind>(object: &K, owner: Option<&OwnerReference>) -> K {
    let mut owned = object.clone();
    owned.owner_references_mut().extend(owner.cloned());
    owned
}

async fn adopt<K: Kind>(
    client: &Client,
    object: &K,
    owner: Option<&OwnerReference>,
) -> Result<(), ApiFailure> {
    create_or_adopt(client, &with_owner(object, owner))
        .await
        .map(drop)
}

fn origin_address(origin: &Service) -> Result<IpAddr, ApplyError> {
    let address = origin
        .spec
        .as_ref()
        .and_then(|spec| spec.cluster_ip.as_deref())
        .map(str::parse);
    match address {
        Some(Ok(address)) => Ok(address),
        _ => Err(ApplyError::NoOriginAddress {
            name: origin.name_any(),
        }),
    }
}
