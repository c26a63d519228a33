//! Every change of an object: decoded, completed, checked, owned, stored, in one transaction.

pub(crate) mod delete;
pub(crate) mod subresources;

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::access::User;
use super::decode::{self, Unknown};
use super::fields::{self, Author, Tree};
use super::patch::{self, Patch};
use super::route::{Query, Target};
use super::status::{Cause, Failure};
use super::{Api, admission, defaults, meta, validate};
use crate::resources::Kind;
use crate::store::{Key, Object, Transaction};

/// A generated name that is taken is generated again, so often.
const NAME_TRIES: usize = 8;
/// Who writes when nobody says so.
const UNKNOWN_MANAGER: &str = "unknown";

/// Who writes, and how.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) user: User,
    pub(crate) manager: String,
    /// It said so itself, not its program's name.
    is_named: bool,
    pub(crate) is_dry: bool,
    pub(crate) unknown: Unknown,
    /// An apply that takes what others own.
    pub(crate) is_forced: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) object: Arc<Object>,
    pub(crate) code: StatusCode,
    pub(crate) warnings: Vec<String>,
}

impl Writer {
    pub(crate) fn from_request(user: User, query: &Query, agent: Option<&str>) -> Result<Self, Failure> {
        let is_dry = match query.get("dryRun") {
            None => false,
            Some("All") => true,
            Some(other) => {
                let cause = Cause::unsupported_list("dryRun", other, "All");
                return Err(Failure::invalid_options("CreateOptions", &cause));
            }
        };
        let agent = agent
            .and_then(|agent| agent.split('/').next())
            .filter(|agent| !agent.is_empty());
        Ok(Self {
            user,
            manager: query
                .get("fieldManager")
                .or(agent)
                .unwrap_or(UNKNOWN_MANAGER)
                .to_owned(),
            is_named: query.get("fieldManager").is_some(),
            is_dry,
            unknown: Unknown::from_query(query)?,
            is_forced: query.flag("force"),
        })
    }

    fn author<'a>(&'a self, is_apply: bool, subresource: Option<&'a str>) -> Author<'a> {
        Author {
            manager: &self.manager,
            is_apply,
            subresource,
        }
    }

    /// Stores, unless it is only asked what would be.
    fn store(&self, tx: &mut Transaction<'_>, key: &Key, object: Value) -> Arc<Object> {
        if !self.is_dry {
            return tx.put(key, object);
        }
        let version = tx.get(key).map_or(0, |before| before.version);
        Arc::new(Object::preview(object, version))
    }
}

impl Api {
    pub(crate) fn create(&self, writer: &Writer, target: &Target, body: Value) -> Result<Written, Failure> {
        let kind = target.kind;
        let (mut object, warnings) = decode::typed(kind, body, writer.unknown)?;
        decode::check_place(target, &mut object)?;
        if object["metadata"]["resourceVersion"]
            .as_str()
            .is_some_and(|version| !version.is_empty())
        {
            return Err(Failure::unexplained(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let object = self
            .store
            .write(|tx| self.create_in(tx, writer, target, object, None))?;
        Ok(Written {
            object,
            code: StatusCode::CREATED,
            warnings,
        })
    }

    /// `applied`: the fields of a server-side apply, which owns just them.
    fn create_in(
        &self,
        tx: &mut Transaction<'_>,
        writer: &Writer,
        target: &Target,
        mut object: Value,
        applied: Option<Tree>,
    ) -> Result<Arc<Object>, Failure> {
        let kind = target.kind;
        name(tx, target, &mut object);
        let key = Key::new(
            kind,
            &target.namespace,
            object["metadata"]["name"].as_str().unwrap_or_default(),
        );
        admission::check_namespace(tx, kind, &key.namespace, &key.name)?;
        meta::begin(&mut object, kind, &key.namespace);
        if kind.has_subresource("status")
            && let Some(fields) = object.as_object_mut()
        {
            fields.remove("status");
        }
        defaults::fill_in(kind, &mut object);
        let author = writer.author(applied.is_some(), None);
        fields::record(kind, None, &mut object, &author, applied);
        if kind.is("", "Pod") {
            admission::give_account(tx, &mut object, &key.namespace)?;
            admission::limits::fill_in(tx, &key.namespace, &mut object);
        }
        defaults::complete(kind, &mut object);
        check(kind, &key.name, &object, None)?;
        if kind.is("", "Pod") {
            admission::limits::check(tx, &key.namespace, &object)?;
            admission::pod_security::check(tx, &key.namespace, &object)?;
        }
        admission::check_grants(tx, &writer.user, kind, &object)?;
        if tx.get(&key).is_some() {
            return Err(Failure::already_exists(kind, &key.name));
        }
        if kind.is("", "Service") {
            self.addresses.assign(tx, &mut object, None)?;
        }
        admission::check_quota(tx, kind, &key.namespace, &key.name)?;
        let stored = writer.store(tx, &key, object);
        if kind.is("", "Namespace") && !writer.is_dry {
            crate::upkeep::furnish(tx, &key.name);
        }
        Ok(stored)
    }

    pub(crate) fn replace(&self, writer: &Writer, target: &Target, body: Value) -> Result<Written, Failure> {
        let (mut object, warnings) = decode::typed(target.kind, body, writer.unknown)?;
        decode::check_place(target, &mut object)?;
        let (object, code) = self.store.write(|tx| match standing(tx, target) {
            Ok((key, before)) => {
                let changed = self.change_in(tx, writer, target, &key, &before, object, None)?;
                Ok((changed, StatusCode::OK))
            }
            Err(_) if is_created_by_update(target) => {
                let created = self.create_in(tx, writer, target, object, None)?;
                Ok((created, StatusCode::CREATED))
            }
            Err(failure) => Err(failure),
        })?;
        Ok(Written {
            object,
            code,
            warnings,
        })
    }

    pub(crate) fn patch(&self, writer: &Writer, target: &Target, patch: &Patch) -> Result<Written, Failure> {
        if let Patch::Apply(configuration) = patch {
            return self.apply(writer, target, configuration);
        }
        self.store.write(|tx| {
            let (key, before) = standing(tx, target)?;
            let proposed = patch.applied(target.kind, &before.value)?;
            let uid = &proposed["metadata"]["uid"];
            if uid.as_str().is_some_and(|uid| uid != before.uid()) {
                let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
                return Err(Failure::invalid(target.kind, &target.name, &[cause]));
            }
            let (mut object, warnings) = decode::typed(target.kind, proposed, writer.unknown)
                .map_err(|failure| Failure::invalid_patch(&failure.message))?;
            decode::check_place(target, &mut object)?;
            let object = self.change_in(tx, writer, target, &key, &before, object, None)?;
            Ok(Written {
                object,
                code: StatusCode::OK,
                warnings,
            })
        })
    }

    fn apply(&self, writer: &Writer, target: &Target, configuration: &Value) -> Result<Written, Failure> {
        let kind = target.kind;
        if !writer.is_named {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(Failure::invalid_options("PatchOptions", &cause));
        }
        if !configuration["metadata"]["managedFields"].is_null() {
            return Err(Failure::bad_request("metadata.managedFields must be nil"));
        }
        // Only for what is wrong with it: what is applied must not gain fields by being read.
        let (_, warnings) = decode::typed(kind, configuration.clone(), writer.unknown)?;
        let mut configuration = configuration.clone();
        decode::quantities(&mut configuration);
        decode::check_place(target, &mut configuration)?;
        self.store.write(|tx| {
            let author = writer.author(true, target.subresource);
            let found = tx.find(kind, &target.namespace, &target.name).cloned();
            let before = found
                .as_ref()
                .map_or_else(|| serde_json::json!({}), |found| found.value.clone());
            let done = patch::apply::apply(kind, &before, &configuration, &author, writer.is_forced)?;
            let (object, _) = decode::typed(kind, done.object, Unknown::Ignore)?;
            let (object, code) = match &found {
                None => (
                    self.create_in(tx, writer, target, object, Some(done.fields))?,
                    StatusCode::CREATED,
                ),
                Some(found) => {
                    let key = Key::new(kind, &target.namespace, &target.name);
                    (
                        self.change_in(tx, writer, target, &key, found, object, Some(done.fields))?,
                        StatusCode::OK,
                    )
                }
            };
            Ok(Written {
                object,
                code,
                warnings,
            })
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one place where everything about a change meets"
    )]
    fn change_in(
        &self,
        tx: &mut Transaction<'_>,
        writer: &Writer,
        target: &Target,
        key: &Key,
        before: &Arc<Object>,
        mut object: Value,
        applied: Option<Tree>,
    ) -> Result<Arc<Object>, Failure> {
        let kind = target.kind;
        meta::carry_over(&mut object, before, kind)?;
        keep_other_half(target, &mut object, before);
        defaults::fill_in(kind, &mut object);
        let author = writer.author(
            applied.is_some(),
            target.subresource.filter(|sub| *sub != "finalize"),
        );
        fields::record(kind, Some(&before.value), &mut object, &author, applied);
        defaults::complete(kind, &mut object);
        if kind.is("", "Service") {
            let wanted = object["spec"]["clusterIP"].clone();
            if wanted.is_null() || wanted == before.value["spec"]["clusterIP"] {
                self.addresses.assign(tx, &mut object, Some(before))?;
            }
        }
        check(kind, &key.name, &object, Some(&before.value))?;
        if kind.is("", "Service") {
            self.addresses.assign(tx, &mut object, Some(before))?;
        }
        admission::check_grants(tx, &writer.user, kind, &object)?;
        meta::count_generation(&mut object, before, kind);
        let stored = writer.store(tx, key, object);
        if !writer.is_dry {
            delete::finish(tx, key);
        }
        Ok(stored)
    }
}

fn check(kind: Kind, name: &str, object: &Value, before: Option<&Value>) -> Result<(), Failure> {
    let causes: Vec<Cause> = validate::check(kind, object, before);
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid(kind, name, &causes))
    }
}

/// Makes up the name that `generateName` asks for.
fn name(tx: &Transaction<'_>, target: &Target, object: &mut Value) {
    let meta = &object["metadata"];
    let has_name = meta["name"].as_str().is_some_and(|name| !name.is_empty());
    let Some(prefix) = meta["generateName"]
        .as_str()
        .filter(|_| !has_name)
        .map(str::to_owned)
    else {
        return;
    };
    for _ in 0..NAME_TRIES {
        let name = meta::generated(&prefix);
        let is_taken = tx.find(target.kind, &target.namespace, &name).is_some();
        object["metadata"]["name"] = name.into();
        if !is_taken {
            return;
        }
    }
}

/// The object that a change is about.
fn standing(tx: &Transaction<'_>, target: &Target) -> Result<(Key, Arc<Object>), Failure> {
    let key = Key::new(target.kind, &target.namespace, &target.name);
    let found = tx.get(&key).cloned();
    found
        .map(|found| (key, found))
        .ok_or_else(|| Failure::not_found(target.kind, &target.name))
}

/// A PUT of what is not there creates it, for these.
fn is_created_by_update(target: &Target) -> bool {
    let kind = target.kind;
    target.subresource.is_none()
        && (matches!(
            kind.kind,
            "Service" | "Endpoints" | "Event" | "Lease" | "LimitRange"
        ) || kind.group == "rbac.authorization.k8s.io")
}

/// Writers of the spec leave the status alone, and the other way round.
fn keep_other_half(target: &Target, object: &mut Value, before: &Object) {
    if target.subresource == Some("status") {
        let status = object.get("status").cloned();
        let mut whole = before.value.clone();
        if let (Some(fields), Some(status)) = (whole.as_object_mut(), status) {
            fields.insert("status".to_owned(), status);
        }
        *object = whole;
    } else if target.kind.has_subresource("status")
        // A binding tells of itself in the status.
        && target.subresource != Some("binding")
        && let Some(fields) = object.as_object_mut()
    {
        match before.value.get("status") {
            Some(status) => drop(fields.insert("status".to_owned(), status.clone())),
            None => drop(fields.remove("status")),
        }
    }
}
