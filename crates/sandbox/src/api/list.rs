//! Single objects and lists: selected, paged, as JSON or as a table.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use serde_json::{Value, json};

use super::respond::{self, Answer};
use super::route::{Query, Target};
use super::selector::Selector;
use super::status::Failure;
use super::{Api, table};
use crate::store::{Object, State};

/// What the client wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Object,
    /// What kubectl prints.
    Table(RowObject),
    /// Only the metadata.
    Metadata,
}

/// What comes with each row of a table. By other fields than the metadata's, `kubectl get --sort-by` sorts whole objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowObject {
    Nothing,
    Metadata,
    Whole,
}

impl Form {
    pub(crate) fn asked(accept: &str, query: &Query) -> Result<Self, Failure> {
        let Self::Table(_) = Self::from_accept(accept) else {
            return Ok(Self::from_accept(accept));
        };
        Ok(Self::Table(match query.text("includeObject") {
            "" | "Metadata" => RowObject::Metadata,
            "Object" => RowObject::Whole,
            "None" => RowObject::Nothing,
            other => {
                let why = format!("unrecognized includeObject value: \"{other}\"");
                return Err(Failure::bad_request(why));
            }
        }))
    }

    fn from_accept(accept: &str) -> Self {
        for range in accept.split(',') {
            let range = range.trim();
            if range.starts_with("application/json") && range.contains("as=Table") {
                return Self::Table(RowObject::Metadata);
            }
            if range.starts_with("application/json") && range.contains("as=PartialObjectMetadata") {
                return Self::Metadata;
            }
            if range == "application/json" || range.starts_with("*/*") {
                return Self::Object;
            }
        }
        Self::Object
    }
}

/// One page of a list.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) version: u64,
    pub(crate) items: Vec<Arc<Object>>,
    continues: Option<String>,
    remaining: Option<usize>,
}

impl Api {
    pub(crate) fn get(&self, target: &Target, form: Form) -> Result<Answer, Failure> {
        let found = self
            .store
            .read(|state| state.find(target.kind, &target.namespace, &target.name).cloned());
        let found = found.ok_or_else(|| Failure::not_found(target.kind, &target.name))?;
        Ok(match form {
            Form::Object => respond::json_bytes(StatusCode::OK, found.json()),
            Form::Table(with) => {
                let rows = [found.clone()];
                let table = table::of(target.kind, &rows, with, &table_meta(found.version));
                respond::json(StatusCode::OK, &table)
            }
            Form::Metadata => respond::json(StatusCode::OK, &metadata(&found)),
        })
    }

    pub(crate) fn list(&self, target: &Target, query: &Query, form: Form) -> Result<Answer, Failure> {
        let selector = Selector::parse(
            target.kind,
            query.text("labelSelector"),
            query.text("fieldSelector"),
        )?;
        let page = self.store.read(|state| page(state, target, query, &selector))?;
        let meta = page.meta();
        Ok(match form {
            Form::Object => respond::json_bytes(StatusCode::OK, page.json(target, &meta)),
            Form::Table(with) => {
                let table = table::of(target.kind, &page.items, with, &meta);
                respond::json(StatusCode::OK, &table)
            }
            Form::Metadata => {
                let items: Vec<Value> = page.items.iter().map(|object| metadata(object)).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "items": items,
                });
                respond::json(StatusCode::OK, &list)
            }
        })
    }
}

fn table_meta(version: u64) -> Value {
    json!({ "resourceVersion": version.to_string() })
}

pub(crate) fn metadata(object: &Object) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.value["metadata"] })
}

fn page(state: &State, target: &Target, query: &Query, selector: &Selector) -> Result<Page, Failure> {
    let namespace = Some(target.namespace.as_str()).filter(|one| !one.is_empty());
    let limit = query
        .number("limit")?
        .filter(|limit| *limit > 0)
        .and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(usize::MAX);
    let (version, after) = match query.get("continue") {
        Some(token) => Continue::parse(token)?,
        None => {
            check_version(state, query)?;
            (state.version(), None)
        }
    };
    let kind = target.kind;
    let mut rest: Box<dyn Iterator<Item = &Arc<Object>>> = match &after {
        Some((from, name)) => Box::new(state.list_after(kind, namespace, (from, name))),
        None => Box::new(state.list(kind, namespace)),
    };
    let mut matching = rest.by_ref().filter(|object| selector.matches(object));
    let items: Vec<Arc<Object>> = matching.by_ref().take(limit).cloned().collect();
    let has_more = items.len() == limit && matching.next().is_some();
    let last = items.last().filter(|_| has_more);
    // A real server does not count what a selector leaves out.
    let counted = last.filter(|_| selector.is_everything());
    let remaining = counted.map(|last| state.count_after(kind, namespace, (last.namespace(), last.name())));
    let continues = last.map(|last| Continue::write(version, last));
    Ok(Page {
        version,
        items,
        continues,
        remaining,
    })
}

/// A list may ask for a moment: one that is not over yet, or exactly one.
fn check_version(state: &State, query: &Query) -> Result<(), Failure> {
    let Some(asked) = query.get("resourceVersion") else {
        return Ok(());
    };
    let asked: u64 = asked.parse().map_err(|_| {
        Failure::bad_request(format!(
            "resourceVersion: Invalid value: {asked:?}: strconv.ParseUint: invalid syntax"
        ))
    })?;
    let now = state.version();
    if asked > now {
        let message = format!("Timeout: Too large resource version: {asked}, current: {now}");
        let mut failure = Failure::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        failure.details = Some(json!({ "causes": [
            { "reason": "ResourceVersionTooLarge", "message": "Too large resource version" },
        ] }));
        failure.retry_after = Some(1);
        return Err(failure);
    }
    if query.get("resourceVersionMatch") == Some("Exact") && asked != now {
        return Err(Failure::expired(format!(
            "The resourceVersion for the provided list is too old: {asked}"
        )));
    }
    Ok(())
}

/// Where a list goes on: `version:namespace:name`.
struct Continue;

impl Continue {
    fn write(version: u64, last: &Object) -> String {
        format!("{version}:{}:{}", last.namespace(), last.name())
    }

    fn parse(token: &str) -> Result<(u64, Option<(String, String)>), Failure> {
        let mut parts = token.splitn(3, ':');
        let mut parsed = || {
            let version = parts.next()?.parse().ok()?;
            Some((
                version,
                Some((parts.next()?.to_owned(), parts.next()?.to_owned())),
            ))
        };
        parsed().ok_or_else(|| Failure::bad_request("invalid continue token: continue key is not valid"))
    }
}

impl Page {
    fn meta(&self) -> Value {
        let mut meta = table_meta(self.version);
        if let Some(token) = &self.continues {
            meta["continue"] = token.clone().into();
        }
        if let Some(remaining) = self.remaining {
            meta["remainingItemCount"] = remaining.into();
        }
        meta
    }

    /// Put together from what each object looks like already: lists may be long.
    fn json(&self, target: &Target, meta: &Value) -> Bytes {
        let head = format!(
            "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{meta},\"items\":[",
            target.kind.kind,
            target.kind.api_version()
        );
        let pieces: Vec<Bytes> = self.items.iter().map(|object| object.json()).collect();
        let size: usize = pieces.iter().map(|piece| piece.len() + 1).sum();
        let mut body = BytesMut::with_capacity(head.len() + size + 2);
        body.put_slice(head.as_bytes());
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                body.put_u8(b',');
            }
            body.put_slice(piece);
        }
        body.put_slice(b"]}");
        body.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_is_understood_is_taken() {
        for (accept, form) in [
            ("", Form::Object),
            ("application/json", Form::Object),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Form::Table(RowObject::Metadata),
            ),
            (
                "application/vnd.kubernetes.protobuf;as=Table, application/json",
                Form::Object,
            ),
            (
                "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
                Form::Metadata,
            ),
        ] {
            assert_eq!(Form::from_accept(accept), form, "{accept}");
        }
    }

    #[test]
    fn a_token_of_another_server_is_refused() {
        assert_eq!(
            Continue::parse("5:shop:api").unwrap(),
            (5, Some(("shop".to_owned(), "api".to_owned())))
        );
        assert!(Continue::parse("eyJ2IjoibWV0YSJ9").is_err());
    }
}
