//! One request: routed, recognised, let through, struck by a fault or answered.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT, WARNING};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::access::{User, reviews, rules, tokens};
use super::list::Form;
use super::patch::Patch;
use super::respond::{self, Answer, Cut};
use super::route::{Query, Route, Target, Verb};
use super::selector::Selector;
use super::status::Failure;
use super::table;
use super::write::delete::DeleteOptions;
use super::write::subresources::{ScaleChange, scale};
use super::write::{Writer, Written};
use super::{Api, decode, discovery, logs, port_forward};
use crate::faults::{Call, Effect};

/// What a real API server takes.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// A request that was let through.
pub(crate) struct Asked {
    pub(crate) parts: Parts,
    pub(crate) query: Query,
    pub(crate) user: User,
    pub(crate) target: Target,
    pub(crate) call: Call,
    pub(crate) form: Form,
}

/// Answers one request, or cuts the connection.
pub(crate) async fn serve(api: Arc<Api>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let (parts, body) = request.into_parts();
    let answered = match Route::parse(parts.uri.path()) {
        Err(failure) => Err(failure),
        Ok(Route::Other) => other(&api, &parts).await,
        Ok(Route::Resource(target)) => return resource(api, parts, body, target).await,
    };
    Ok(answered.unwrap_or_else(|failure| respond::failure(&failure)))
}

fn who(api: &Api, parts: &Parts) -> Result<User, Failure> {
    let authorization = parts
        .headers
        .get(AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default());
    let user = api.store.read(|state| api.access.user(state, authorization))?;
    let Some(other) = parts
        .headers
        .get("impersonate-user")
        .and_then(|name| name.to_str().ok())
    else {
        return Ok(user);
    };
    let groups = parts
        .headers
        .get_all("impersonate-group")
        .iter()
        .filter_map(|group| group.to_str().ok());
    let other = groups.fold(User::new(other), User::in_group);
    api.store
        .read(|state| rules::check_impersonation(state, &user, &other))?;
    Ok(other)
}

async fn other(api: &Arc<Api>, parts: &Parts) -> Result<Answer, Failure> {
    let user = who(api, parts)?;
    let (method, path) = (&parts.method, parts.uri.path());
    let verb = method.as_str().to_lowercase();
    api.store
        .read(|state| rules::check_path(state, &user, &verb, path))?;
    let call = Call {
        verb,
        resource: path.to_owned(),
        user: user.name.clone(),
        is_component: user.is_component(),
        ..Call::default()
    };
    if let Some(Effect::Status { code, retry_after }) = api.faults.meet(&call).await {
        return Err(ordered(code, retry_after));
    }
    if *method != Method::GET && *method != Method::HEAD {
        return Err(Failure::method_not_allowed());
    }
    Ok(discovery::answer(path, header(parts, ACCEPT)).unwrap_or_else(respond::no_page))
}

pub(crate) fn header(parts: &Parts, name: http::HeaderName) -> &str {
    parts
        .headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

async fn resource(api: Arc<Api>, mut parts: Parts, body: Incoming, target: Target) -> Result<Answer, Cut> {
    let query = Query::parse(parts.uri.query());
    let let_through = who(&api, &parts).and_then(|user| {
        let verb = target.verb(&parts.method, query.flag("watch"))?;
        let name = rights_name(&target, &query);
        api.store
            .read(|state| rules::check(state, &user, verb, &target, &name))?;
        let form = Form::asked(header(&parts, ACCEPT), &query)?;
        Ok((user, verb, form))
    });
    let (user, verb, form) = match let_through {
        Ok(through) => through,
        Err(failure) => return Ok(respond::failure(&failure)),
    };
    let call = Call {
        verb: verb.as_str().to_owned(),
        resource: target.resource(),
        namespace: target.namespace.clone(),
        name: target.name.clone(),
        user: user.name.clone(),
        is_component: user.is_component(),
    };
    let upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let asked = Asked {
        parts,
        query,
        user,
        target,
        call,
        form,
    };
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(failure) => return Ok(respond::failure(&failure)),
    };
    // A create names its object in its body; faults and tests want to know it.
    let call = named(&asked, &body);
    let struck = api.faults.meet(&call).await;
    let answer = match struck {
        Some(Effect::Status { code, retry_after }) => {
            return Ok(respond::failure(&ordered(code, retry_after)));
        }
        Some(Effect::Drop) => return Err(Cut),
        Some(Effect::Gone) => return Ok(respond::failure(&ordered(410, None))),
        Some(Effect::Restart(away)) => {
            // Ends this connection too; whoever ordered it does not wait for the server to be back.
            drop(api.restarts.order(away));
            return Err(Cut);
        }
        _ if asked.target.subresource == Some("portforward") => {
            port_forward::answer(&api, &asked, upgrade, struck.as_ref()).await
        }
        _ => answer(&api, asked, verb, &body).await,
    };
    let answer = answer.unwrap_or_else(|failure| respond::failure(&failure));
    match struck {
        Some(Effect::Lost) => Err(Cut),
        Some(Effect::Cut) => Ok(respond::cut_short(answer).await),
        _ => Ok(answer),
    }
}

fn named(asked: &Asked, body: &[u8]) -> Call {
    let mut call = asked.call.clone();
    if call.name.is_empty()
        && call.verb == "create"
        && let Ok(object) = read_object(asked, body)
    {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        call.name = name.to_owned();
    }
    call
}

/// A list of one name needs no more than the right to that name.
fn rights_name(target: &Target, query: &Query) -> String {
    if !target.name.is_empty() {
        return target.name.clone();
    }
    let selector = Selector::parse(target.kind, "", query.text("fieldSelector"));
    selector
        .ok()
        .and_then(|selector| selector.only_name().map(str::to_owned))
        .unwrap_or_default()
}

async fn read_body(body: Incoming) -> Result<Bytes, Failure> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::too_large()),
        Err(error) => Err(Failure::bad_request(format!(
            "the body could not be read: {error}"
        ))),
    }
}

/// The answer that a fault orders.
fn ordered(code: u16, retry_after: Option<u64>) -> Failure {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (reason, words) = match code {
        400 => ("BadRequest", "the request is bad"),
        401 => ("Unauthorized", "Unauthorized"),
        403 => ("Forbidden", "forbidden: a fault was ordered"),
        404 => ("NotFound", "not found: a fault was ordered"),
        409 => (
            "Conflict",
            "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again",
        ),
        410 => ("Expired", "too old resource version"),
        422 => (
            "Invalid",
            "the server rejected our request due to an error in our request",
        ),
        429 => ("TooManyRequests", "too many requests, please try again later"),
        500 => ("InternalError", "Internal error occurred: a fault was ordered"),
        503 => (
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        ),
        504 => (
            "Timeout",
            "Timeout: request did not complete within the allotted timeout",
        ),
        _ => ("InternalError", "a fault was ordered"),
    };
    let mut failure = Failure::new(status, reason, words);
    failure.retry_after = retry_after;
    failure
}

async fn answer(api: &Arc<Api>, asked: Asked, verb: Verb, body: &[u8]) -> Result<Answer, Failure> {
    match (asked.target.subresource, verb) {
        (Some("log"), Verb::Get) => return logs::answer(api, &asked).await,
        (Some("scale"), _) => return answer_scale(api, &asked, verb, body),
        (Some("token" | "binding" | "eviction" | "finalize"), _) => {
            return answer_special(api, &asked, verb, body);
        }
        _ => {}
    }
    let (target, query, form) = (&asked.target, &asked.query, asked.form);
    if !target.kind.is_stored {
        return review(api, &asked, body);
    }
    match verb {
        Verb::Get => api.get(target, form),
        Verb::List => api.list(target, query, form),
        Verb::Watch => api.watch(target, query, form, asked.call.clone()),
        Verb::Create => {
            if target.kind.is_namespaced && target.namespace.is_empty() {
                return Err(Failure::method_not_allowed());
            }
            written(
                &asked,
                api.create(&writer(&asked)?, target, read_object(&asked, body)?),
            )
        }
        Verb::Update => written(
            &asked,
            api.replace(&writer(&asked)?, target, read_object(&asked, body)?),
        ),
        Verb::Patch => {
            let patch = Patch::read(header(&asked.parts, CONTENT_TYPE), body)?;
            written(&asked, api.patch(&writer(&asked)?, target, &patch))
        }
        Verb::Delete => {
            let (code, left) = api.delete(target, &delete_options(&asked, body)?)?;
            Ok(respond::json(code, &left))
        }
        Verb::DeleteCollection => {
            let selector = Selector::parse(
                target.kind,
                query.text("labelSelector"),
                query.text("fieldSelector"),
            )?;
            let (version, gone) = api.delete_all(target, &selector, &delete_options(&asked, body)?);
            let items: Vec<&Value> = gone.iter().map(|object| &object.value).collect();
            Ok(respond::json(
                StatusCode::OK,
                &json!({
                    "kind": format!("{}List", target.kind.kind), "apiVersion": target.kind.api_version(),
                    "metadata": { "resourceVersion": version.to_string() }, "items": items,
                }),
            ))
        }
    }
}

fn writer(asked: &Asked) -> Result<Writer, Failure> {
    Writer::from_request(
        asked.user.clone(),
        &asked.query,
        Some(header(&asked.parts, USER_AGENT)),
    )
}

fn read_object(asked: &Asked, body: &[u8]) -> Result<Value, Failure> {
    decode::body(header(&asked.parts, CONTENT_TYPE), body)
}

fn delete_options(asked: &Asked, body: &[u8]) -> Result<DeleteOptions, Failure> {
    let body = if body.is_empty() {
        Value::Null
    } else {
        read_object(asked, body)?
    };
    DeleteOptions::read(&body, &asked.query)
}

fn written(asked: &Asked, outcome: Result<Written, Failure>) -> Result<Answer, Failure> {
    let done = outcome?;
    let mut answer = match asked.form {
        Form::Table(with) => {
            let meta = json!({ "resourceVersion": done.object.version.to_string() });
            let rows = [done.object.clone()];
            respond::json(done.code, &table::of(asked.target.kind, &rows, with, &meta))
        }
        Form::Metadata => respond::json(done.code, &super::list::metadata(&done.object)),
        Form::Object => respond::json_bytes(done.code, done.object.json()),
    };
    for warning in done.warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            answer.headers_mut().append(WARNING, value);
        }
    }
    Ok(answer)
}

fn answer_scale(api: &Api, asked: &Asked, verb: Verb, body: &[u8]) -> Result<Answer, Failure> {
    let target = &asked.target;
    let change = match verb {
        Verb::Get => {
            let found = api
                .store
                .read(|state| state.find(target.kind, &target.namespace, &target.name).cloned());
            let found = found.ok_or_else(|| Failure::not_found(target.kind, &target.name))?;
            return Ok(respond::json(StatusCode::OK, &scale(&found)));
        }
        Verb::Update => ScaleChange::Whole(read_object(asked, body)?),
        Verb::Patch => ScaleChange::Patch(Patch::read(header(&asked.parts, CONTENT_TYPE), body)?),
        _ => return Err(Failure::method_not_allowed()),
    };
    let done = api.write_scale(&writer(asked)?, target, change)?;
    Ok(respond::json(done.code, &scale(&done.object)))
}

fn answer_special(api: &Api, asked: &Asked, verb: Verb, body: &[u8]) -> Result<Answer, Failure> {
    let target = &asked.target;
    let body = read_object(asked, body)?;
    match (target.subresource, verb) {
        (Some("token"), Verb::Create) => {
            let place = (target.namespace.as_str(), target.name.as_str());
            let token = api
                .store
                .read(|state| tokens::request(&api.access, state, place, body))?;
            Ok(respond::json(StatusCode::CREATED, &token))
        }
        (Some("binding"), Verb::Create) => {
            let done = api.bind(&writer(asked)?, target, &body)?;
            Ok(respond::json(StatusCode::CREATED, &done))
        }
        (Some("eviction"), Verb::Create) => {
            Ok(respond::json(StatusCode::CREATED, &api.evict(target, &body)?))
        }
        (Some("finalize"), Verb::Update) => written(asked, api.finalize(target, body)),
        _ => Err(Failure::method_not_allowed()),
    }
}

fn review(api: &Api, asked: &Asked, body: &[u8]) -> Result<Answer, Failure> {
    let target = &asked.target;
    let (review, _) = decode::typed(target.kind, read_object(asked, body)?, decode::Unknown::Ignore)?;
    let answered = api.store.read(|state| {
        reviews::answer(
            &api.access,
            state,
            &asked.user,
            target.kind,
            &target.namespace,
            review,
        )
    });
    Ok(respond::json(StatusCode::CREATED, &answered))
}
