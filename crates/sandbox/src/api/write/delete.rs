//! Deletion: at once, with grace, in the foreground, or leaving dependents alone.

use std::sync::Arc;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::route::{Query, Target};
use crate::api::selector::Selector;
use crate::api::status::{self, Cause, Failure};
use crate::api::{Api, meta};
use crate::resources::Kind;
use crate::store::{Key, Object, Transaction};

pub(crate) const FOREGROUND: &str = "foregroundDeletion";
pub(crate) const ORPHAN: &str = "orphan";
const POD_GRACE_SECONDS: i64 = 30;

/// What happens to the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Propagation {
    #[default]
    Background,
    Foreground,
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    pub(crate) propagation: Propagation,
    pub(crate) grace_seconds: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
    pub(crate) is_dry: bool,
}

impl DeleteOptions {
    /// From the body, and from the query where the body is silent.
    pub(crate) fn read(body: &Value, query: &Query) -> Result<Self, Failure> {
        let text = |field: &str| {
            body[field]
                .as_str()
                .or_else(|| query.get(field))
                .map(str::to_owned)
        };
        let orphan = body["orphanDependents"] == true || query.flag("orphanDependents");
        let propagation = match text("propagationPolicy").as_deref() {
            Some("Foreground") => Propagation::Foreground,
            Some("Orphan") => Propagation::Orphan,
            None if orphan => Propagation::Orphan,
            Some("Background") | None => Propagation::Background,
            Some(other) => {
                let supported = ["Foreground", "Background", "Orphan", "nil"];
                let cause = Cause::not_supported("propagationPolicy", other, &supported);
                return Err(Failure::invalid_options("DeleteOptions", &cause));
            }
        };
        let asked = query
            .number("gracePeriodSeconds")?
            .and_then(|seconds| i64::try_from(seconds).ok());
        let precondition = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
        Ok(Self {
            propagation,
            grace_seconds: body["gracePeriodSeconds"].as_i64().or(asked),
            uid: precondition("uid"),
            version: precondition("resourceVersion"),
            is_dry: body["dryRun"].as_array().is_some_and(|all| !all.is_empty())
                || query.get("dryRun").is_some(),
        })
    }

    pub(crate) fn propagating(propagation: Propagation) -> Self {
        Self {
            propagation,
            ..Self::default()
        }
    }

    fn check(&self, kind: Kind, object: &Object) -> Result<(), Failure> {
        let name = object.name();
        if let Some(uid) = self.uid.as_deref().filter(|uid| *uid != object.uid()) {
            let why = format!(
                "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
                 deleted and then recreated",
                object.uid()
            );
            return Err(Failure::precondition(kind, name, &why));
        }
        match &self.version {
            Some(version) if *version != object.version.to_string() => {
                let why = format!(
                    "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record \
                     ({}). The object might have been modified",
                    object.version
                );
                Err(Failure::precondition(kind, name, &why))
            }
            _ => Ok(()),
        }
    }
}

impl Api {
    /// Deletes one object: what is left of it comes back, or that nothing is.
    pub(crate) fn delete(
        &self,
        target: &Target,
        options: &DeleteOptions,
    ) -> Result<(StatusCode, Value), Failure> {
        self.store.write(|tx| {
            let (key, before) = super::standing(tx, target)?;
            options.check(target.kind, &before)?;
            if options.is_dry {
                return Ok((StatusCode::OK, before.value.clone()));
            }
            match begin(tx, &key, options) {
                Some(standing) => Ok((StatusCode::OK, standing.value.clone())),
                None if returns_deleted(target.kind) => Ok((StatusCode::OK, before.value.clone())),
                None => Ok((StatusCode::OK, success(target.kind, &before))),
            }
        })
    }

    /// Deletes every object that matches; they come back as a list's items.
    pub(crate) fn delete_all(
        &self,
        target: &Target,
        selector: &Selector,
        options: &DeleteOptions,
    ) -> (u64, Vec<Arc<Object>>) {
        self.store.write(|tx| {
            let namespace = Some(target.namespace.as_str()).filter(|one| !one.is_empty());
            let all = tx
                .list(target.kind, namespace)
                .filter(|object| selector.matches(object));
            let all: Vec<Arc<Object>> = all.cloned().collect();
            if !options.is_dry {
                for object in &all {
                    begin(
                        tx,
                        &Key::new(target.kind, object.namespace(), object.name()),
                        options,
                    );
                }
            }
            (tx.version(), all)
        })
    }
}

/// These come back even when nothing of them is left.
fn returns_deleted(kind: Kind) -> bool {
    matches!(kind.kind, "Pod" | "Service" | "ServiceAccount" | "ResourceQuota") && kind.group.is_empty()
}

fn success(kind: Kind, object: &Object) -> Value {
    let mut details = status::details(object.name(), kind.group, kind.plural);
    details["uid"] = object.uid().into();
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

/// Starts a deletion. What stands until its grace or its finalizers are over comes back.
pub(crate) fn begin(tx: &mut Transaction<'_>, key: &Key, options: &DeleteOptions) -> Option<Arc<Object>> {
    let before = tx.get(key)?.clone();
    let mut object = before.value.clone();
    set_finalizer(
        &mut object,
        FOREGROUND,
        options.propagation == Propagation::Foreground,
    );
    set_finalizer(&mut object, ORPHAN, options.propagation == Propagation::Orphan);
    let grace = grace(key.kind, &before, options);
    let was = before.meta("deletionGracePeriodSeconds").as_i64();
    // A second delete may only shorten what the first one granted.
    let grace = was.map_or(grace, |was| grace.min(was));
    if !before.is_going() || Some(grace) != was {
        let ends = Timestamp::now().saturating_add(SignedDuration::from_secs(grace));
        object["metadata"]["deletionTimestamp"] = meta::stamp(ends.unwrap_or(Timestamp::MAX)).into();
        object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
        if key.kind.has_generation() {
            let generation = before.meta("generation").as_i64().unwrap_or(1);
            object["metadata"]["generation"] = (generation + 1).into();
        }
    }
    if key.kind.is("", "Namespace") {
        object["status"]["phase"] = "Terminating".into();
    }
    if is_over(key.kind, &object) {
        tx.remove(key);
        return None;
    }
    Some(tx.put(key, object))
}

/// Removes an object whose deletion nothing holds up any more.
pub(crate) fn finish(tx: &mut Transaction<'_>, key: &Key) {
    let is_over = tx
        .get(key)
        .is_some_and(|object| object.is_going() && is_over(key.kind, &object.value));
    if is_over {
        tx.remove(key);
    }
}

fn is_over(kind: Kind, object: &Value) -> bool {
    let meta = &object["metadata"];
    let is_held = meta["finalizers"].as_array().is_some_and(|all| !all.is_empty());
    let has_grace = kind.is("", "Pod") && meta["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() > 0;
    // A namespace is emptied first.
    let is_full = kind.is("", "Namespace")
        && object["spec"]["finalizers"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
    !is_held && !has_grace && !is_full
}

/// Only pods that run somewhere are given time.
fn grace(kind: Kind, object: &Object, options: &DeleteOptions) -> i64 {
    let value = &object.value;
    let runs = value["spec"]["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty())
        && !matches!(value["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !kind.is("", "Pod") || !runs {
        return 0;
    }
    let own = value["spec"]["terminationGracePeriodSeconds"]
        .as_i64()
        .unwrap_or(POD_GRACE_SECONDS);
    options.grace_seconds.unwrap_or(own).max(0)
}

fn set_finalizer(object: &mut Value, name: &str, is_wanted: bool) {
    let mut all = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let has = all.iter().any(|one| one == name);
    if has == is_wanted {
        return;
    }
    if is_wanted {
        all.push(name.into());
    } else {
        all.retain(|one| one != name);
    }
    if all.is_empty() {
        drop(
            object["metadata"]
                .as_object_mut()
                .and_then(|meta| meta.remove("finalizers")),
        );
    } else {
        object["metadata"]["finalizers"] = Value::Array(all);
    }
}

/// Takes a finalizer away, and the object with its last one.
pub(crate) fn release(tx: &mut Transaction<'_>, key: &Key, finalizer: &str) {
    let Some(before) = tx.get(key).cloned() else {
        return;
    };
    let mut object = before.value.clone();
    set_finalizer(&mut object, finalizer, false);
    tx.put(key, object);
    finish(tx, key);
}
