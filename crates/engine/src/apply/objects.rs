//! Creates the objects of one proxy, or takes over what an earlier proxy of the same Service left.

use std::fmt::Debug;

use intercept_protocol::names;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::cluster::ApiFailure;

/// How often an object may vanish or appear between two of our calls before that is somebody's loop.
const TRIES: usize = 5;

pub(crate) trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned
{
}
impl<K> Kind for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
{
}

/// Creates `object`; fails where one of its name is there.
pub(crate) async fn create<K: Kind>(client: &Client, object: &K) -> Result<K, ApiFailure> {
    let resource = K::plural(&()).into_owned();
    let created = api::<K>(client, object).create(&post(), object).await;
    created.map_err(|error| ApiFailure::from(error).during("create", &resource))
}

/// Creates `object`, or adds its owners to the one of ours that is there.
pub(crate) async fn create_or_adopt<K: Kind>(client: &Client, object: &K) -> Result<K, ApiFailure> {
    let api = api::<K>(client, object);
    let name = object.name_any();
    // Merged by uid: whoever owned it before stays an owner.
    let owners = Patch::Strategic(json!({ "metadata": { "ownerReferences": object.owner_references() } }));
    let mut last = None;
    for _ in 0..TRIES {
        match create(client, object).await {
            Err(failure) if failure.is_already_exists() => {}
            outcome => return outcome,
        }
        match api
            .patch(&name, &manager(), &owners)
            .await
            .map_err(ApiFailure::from)
        {
            Err(failure) if failure.is_not_found() => last = Some(failure),
            outcome => return outcome,
        }
    }
    Err(last.expect("the loop must have run"))
}

/// Creates the origin Service. One that an earlier, still draining proxy uses is taken over, since its
/// ClusterIP is in use: it gets the newest selector and ports and one more owner.
pub(crate) async fn create_origin(client: &Client, origin: &Service) -> Result<Service, ApiFailure> {
    let api = api::<Service>(client, origin);
    let name = origin.name_any();
    let mut last = None;
    for _ in 0..TRIES {
        match create(client, origin).await {
            Err(failure) if failure.is_already_exists() => {}
            outcome => return outcome,
        }
        let Some(mut standing) = api.get_opt(&name).await.map_err(ApiFailure::from)? else {
            continue;
        };
        let wanted = origin.spec.clone().unwrap_or_default();
        let spec = standing.spec.get_or_insert_default();
        (spec.selector, spec.ports) = (wanted.selector, wanted.ports);
        standing
            .owner_references_mut()
            .extend(origin.owner_references().to_vec());
        match api
            .replace(&name, &post(), &standing)
            .await
            .map_err(ApiFailure::from)
        {
            Err(failure) if failure.is_conflict() || failure.is_not_found() => last = Some(failure),
            outcome => return outcome,
        }
    }
    match last {
        Some(failure) => Err(failure),
        None => create(client, origin).await,
    }
}

/// Deletes what has this name and uid; gone already is as good.
pub(crate) async fn delete<K: Kind>(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
) -> Result<(), ApiFailure> {
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let mut params = DeleteParams::background();
    if let Some(uid) = uid {
        params = params.preconditions(kube::api::Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        });
    }
    let mut last = None;
    for _ in 0..TRIES {
        match api.delete(name, &params).await.map_err(ApiFailure::from) {
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_not_found() => return Ok(()),
            Err(failure) if failure.is_conflict() => last = Some(failure),
            Err(failure) => return Err(failure.during("delete", &K::plural(&()))),
        }
        // Another object stands under this name and ours is gone, or somebody wrote to ours at this moment.
        let standing = api.get_metadata_opt(name).await.map_err(ApiFailure::from)?;
        let is_other = |now: &PartialObjectMeta<K>| uid.is_some() && now.uid().as_deref() != uid;
        if standing.as_ref().is_none_or(is_other) {
            return Ok(());
        }
    }
    Err(last.expect("the loop must have run"))
}

/// A reference that makes an object go with `owner`.
pub(crate) fn owned_by<K: Kind>(owner: &K) -> OwnerReference {
    OwnerReference {
        api_version: K::api_version(&()).into_owned(),
        kind: K::kind(&()).into_owned(),
        name: owner.name_any(),
        uid: owner.uid().unwrap_or_default(),
        ..OwnerReference::default()
    }
}

pub(crate) fn manager() -> PatchParams {
    PatchParams {
        field_manager: Some(names::FIELD_MANAGER.into()),
        ..PatchParams::default()
    }
}

fn post() -> PostParams {
    PostParams {
        field_manager: Some(names::FIELD_MANAGER.into()),
        ..PostParams::default()
    }
}

fn api<K: Kind>(client: &Client, object: &K) -> Api<K> {
    Api::namespaced(client.clone(), &object.namespace().unwrap_or_default())
}
