//! What there is: groups, versions, kinds; the server's version and health.

use http::StatusCode;
use serde_json::{Value, json};

use super::openapi;
use super::respond::{self, Answer};
use super::route::Verb;
use crate::resources::Kind;

/// The Kubernetes that this stands in for.
pub(crate) const VERSION: &str = "v1.35.0";
/// The aggregated form, by version: newest first.
const AGGREGATED: [(&str, &str); 2] = [
    (
        "v2",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    ),
    (
        "v2beta1",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    ),
];
/// Binary documents that clients ask for first, and do without.
const BINARY: &str = "application/com.github.proto-openapi";

pub(super) fn answer(path: &str, accept: &str) -> Option<Answer> {
    let path = path.trim_end_matches('/');
    let wanted = AGGREGATED
        .iter()
        .find(|(_, form)| accept.split(',').any(|range| is_form(range, form)));
    if let Some((version, form)) = wanted.filter(|_| matches!(path, "/api" | "/apis")) {
        let body = respond::whole(aggregated(version, path == "/api").to_string());
        return Some(respond::with_type(StatusCode::OK, form, body));
    }
    if accept.trim().starts_with(BINARY) {
        return Some(respond::json(StatusCode::NOT_ACCEPTABLE, &json!({})));
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let found = match parts.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Some(respond::text("ok")),
        ["version"] => version(),
        ["api"] => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        ["apis"] => group_list(),
        ["api", version] => resource_list("", version)?,
        ["apis", group] => self::group(group)?,
        ["apis", group, version] => resource_list(group, version)?,
        ["openapi", "v3"] => openapi::index(),
        ["openapi", "v3", rest @ ..] => openapi::at(&rest.join("/"))?,
        [""] => {
            json!({ "paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"] })
        }
        _ => return None,
    };
    Some(respond::json(StatusCode::OK, &found))
}

/// The same parameters, in any order.
fn is_form(range: &str, form: &str) -> bool {
    let has = |part: &str| range.split(';').any(|one| one.trim() == part);
    form.split(';').all(has)
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "35", "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2025-12-17T00:00:00Z", "goVersion": "", "compiler": "", "platform": "linux/amd64",
    })
}

fn group(group: &str) -> Option<Value> {
    let groups = openapi::groups();
    let (_, api_version) = groups.iter().find(|(one, _)| *one == group && !one.is_empty())?;
    let version = json!({ "groupVersion": api_version, "version": "v1" });
    Some(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": [version], "preferredVersion": version,
    }))
}

fn group_list() -> Value {
    let groups: Vec<Value> = openapi::groups()
        .iter()
        .filter_map(|(name, _)| group(name))
        .collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

fn verbs(kind: Kind) -> Vec<&'static str> {
    if kind.is_stored {
        Verb::ALL.iter().map(|verb| verb.as_str()).collect()
    } else {
        vec!["create"]
    }
}

/// `(verbs, kind, group of the kind, version)` of a subresource.
fn subresource(kind: Kind, name: &str) -> (Vec<&'static str>, &'static str, &'static str, &'static str) {
    match name {
        "scale" => (vec!["get", "patch", "update"], "Scale", "autoscaling", "v1"),
        "token" => (vec!["create"], "TokenRequest", "authentication.k8s.io", "v1"),
        "binding" => (vec!["create"], "Binding", "", "v1"),
        "eviction" => (vec!["create"], "Eviction", "policy", "v1"),
        "log" => (vec!["get"], "Pod", "", "v1"),
        "portforward" => (vec!["create", "get"], "PodPortForwardOptions", "", "v1"),
        "finalize" => (vec!["update"], "Namespace", "", "v1"),
        _ => (
            vec!["get", "patch", "update"],
            kind.kind,
            kind.group,
            kind.version,
        ),
    }
}

fn resource_list(group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for kind in Kind::all().filter(|kind| kind.group == group && kind.version == version) {
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.is_namespaced, "kind": kind.kind,
            "verbs": verbs(kind),
        });
        if !kind.short.is_empty() {
            resource["shortNames"] = json!(kind.short);
        }
        if kind.in_all {
            resource["categories"] = json!(["all"]);
        }
        resources.push(resource);
        for sub in kind.subresources {
            let (verbs, of, group, version) = subresource(kind, sub);
            resources.push(json!({
                "name": format!("{}/{sub}", kind.plural), "singularName": "", "namespaced": kind.is_namespaced,
                "group": group, "version": version, "kind": of, "verbs": verbs,
            }));
        }
    }
    let api_version = crate::resources::api_version(group, version);
    (!resources.is_empty()).then(|| {
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": resources })
    })
}

/// Everything at once, in the form that newer clients ask for.
fn aggregated(version: &str, is_core: bool) -> Value {
    let groups = openapi::groups();
    let items: Vec<Value> = groups
        .iter()
        .filter(|(group, _)| group.is_empty() == is_core)
        .map(|(group, _)| {
            let kinds = Kind::all().filter(|kind| kind.group == *group);
            let resources: Vec<Value> = kinds.map(discovered).collect();
            let meta = if is_core {
                json!({ "creationTimestamp": null })
            } else {
                json!({ "name": group, "creationTimestamp": null })
            };
            json!({
                "metadata": meta,
                "versions": [{ "version": "v1", "resources": resources, "freshness": "Current" }],
            })
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": items,
    })
}

fn discovered(kind: Kind) -> Value {
    let subresources: Vec<Value> = kind
        .subresources
        .iter()
        .map(|sub| {
            let (verbs, of, group, version) = subresource(kind, sub);
            json!({
                "subresource": sub, "responseKind": { "group": group, "version": version, "kind": of }, "verbs": verbs,
            })
        })
        .collect();
    let mut resource = json!({
        "resource": kind.plural, "singularResource": kind.singular, "verbs": verbs(kind),
        "responseKind": { "group": kind.group, "version": kind.version, "kind": kind.kind },
        "scope": if kind.is_namespaced { "Namespaced" } else { "Cluster" },
    });
    if !kind.short.is_empty() {
        resource["shortNames"] = json!(kind.short);
    }
    if kind.in_all {
        resource["categories"] = json!(["all"]);
    }
    if !subresources.is_empty() {
        resource["subresources"] = json!(subresources);
    }
    resource
}
