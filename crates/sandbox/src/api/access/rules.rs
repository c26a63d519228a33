//! RBAC: what the stored roles and bindings let somebody do.

use serde_json::{Value, json};

use super::User;
use crate::api::route::{Target, Verb};
use crate::api::status::Failure;
use crate::resources::Kind;
use crate::store::State;

const RBAC: &str = "rbac.authorization.k8s.io";

/// One thing somebody wants to do with resources.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deed<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    /// With its subresource: `pods/log`.
    pub(crate) resource: &'a str,
    pub(crate) name: &'a str,
}

/// Every rule that holds for a user in a namespace; an empty one means cluster-wide.
pub(crate) fn rules(state: &State, user: &User, namespace: &str) -> Vec<Value> {
    if user.is_admin() {
        return vec![
            json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }),
            json!({ "nonResourceURLs": ["*"], "verbs": ["*"] }),
        ];
    }
    let mut rules = basic_rules(user);
    for binding in state.list(Kind::known(RBAC, "ClusterRoleBinding"), None) {
        if binds(&binding.value, user, "") {
            rules.extend(role_rules(state, &binding.value["roleRef"], ""));
        }
    }
    if !namespace.is_empty() {
        for binding in state.list(Kind::known(RBAC, "RoleBinding"), Some(namespace)) {
            if binds(&binding.value, user, namespace) {
                rules.extend(role_rules(state, &binding.value["roleRef"], namespace));
            }
        }
    }
    rules
}

/// What a real cluster's `system:basic-user`, `system:discovery` and `system:public-info-viewer` give.
fn basic_rules(user: &User) -> Vec<Value> {
    let mut rules = vec![json!({
        "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"], "verbs": ["get"],
    })];
    if user.groups.iter().any(|group| group == super::AUTHENTICATED) {
        rules.push(json!({
            "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"], "verbs": ["get"],
        }));
        rules.push(json!({
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], "verbs": ["create"],
        }));
        rules.push(json!({
            "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"],
        }));
    }
    rules
}

pub(crate) fn role_rules(state: &State, role: &Value, namespace: &str) -> Vec<Value> {
    let name = role["name"].as_str().unwrap_or_default();
    let found = match role["kind"].as_str() {
        Some("Role") => state.find(Kind::known(RBAC, "Role"), namespace, name),
        _ => state.find(Kind::known(RBAC, "ClusterRole"), "", name),
    };
    found
        .and_then(|role| role.value["rules"].as_array())
        .cloned()
        .unwrap_or_default()
}

fn binds(binding: &Value, user: &User, namespace: &str) -> bool {
    let subjects = binding["subjects"].as_array();
    subjects.into_iter().flatten().any(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => name == user.name,
            Some("Group") => user.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let of = subject["namespace"].as_str().unwrap_or(namespace);
                user.name == format!("system:serviceaccount:{of}:{name}")
            }
            _ => false,
        }
    })
}

/// Whether one of the rules allows it.
pub(crate) fn allow(rules: &[Value], deed: &Deed<'_>) -> bool {
    rules.iter().any(|rule| {
        names(rule, "verbs", |verb| verb == "*" || verb == deed.verb)
            && names(rule, "apiGroups", |group| group == "*" || group == deed.group)
            && names(rule, "resources", |resource| covers(resource, deed.resource))
            && (is_empty(rule, "resourceNames") || names(rule, "resourceNames", |name| name == deed.name))
    })
}

/// Whether one of the rules allows a path without objects.
pub(crate) fn allow_path(rules: &[Value], verb: &str, path: &str) -> bool {
    rules.iter().any(|rule| {
        names(rule, "verbs", |one| one == "*" || one == verb)
            && names(rule, "nonResourceURLs", |one| match one.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => one == path,
            })
    })
}

fn covers(rule: &str, resource: &str) -> bool {
    rule == "*"
        || rule == resource
        || rule
            .strip_prefix("*/")
            .is_some_and(|sub| resource.split_once('/').is_some_and(|(_, wanted)| wanted == sub))
}

fn names(rule: &Value, field: &str, is: impl Fn(&str) -> bool) -> bool {
    rule[field]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(is)
}

fn is_empty(rule: &Value, field: &str) -> bool {
    rule[field].as_array().is_none_or(Vec::is_empty)
}

/// Lets the user through, or says in Kubernetes' words that it may not.
pub(crate) fn check(
    state: &State,
    user: &User,
    verb: Verb,
    target: &Target,
    name: &str,
) -> Result<(), Failure> {
    if user.is_admin() {
        return Ok(());
    }
    let resource = target.resource();
    let deed = Deed {
        verb: verb.as_str(),
        group: target.kind.group,
        resource: &resource,
        name,
    };
    let of = match target.kind.is("", "Namespace") {
        true => name,
        false => target.namespace.as_str(),
    };
    if allow(&rules(state, user, of), &deed) {
        return Ok(());
    }
    let scope = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {:?}", target.namespace)
    };
    let why = format!(
        "User {:?} cannot {} resource {resource:?} in API group {:?} {scope}",
        user.name, deed.verb, deed.group
    );
    Err(Failure::forbidden(target.kind, name, &why))
}

/// Being somebody else for a request is a right of its own.
pub(crate) fn check_impersonation(state: &State, user: &User, other: &User) -> Result<(), Failure> {
    let deed = Deed {
        verb: "impersonate",
        group: "",
        resource: "users",
        name: &other.name,
    };
    if allow(&rules(state, user, ""), &deed) {
        return Ok(());
    }
    let message = format!(
        "users {:?} is forbidden: User {:?} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
        other.name, user.name
    );
    Err(Failure::forbidden_path(message))
}

/// The same for a path without objects.
pub(crate) fn check_path(state: &State, user: &User, verb: &str, path: &str) -> Result<(), Failure> {
    if allow_path(&rules(state, user, ""), verb, path) {
        return Ok(());
    }
    let message = format!("forbidden: User {:?} cannot {verb} path {path:?}", user.name);
    Err(Failure::forbidden_path(message))
}

/// A role may give nothing that its author has not.
pub(crate) fn check_grant(
    state: &State,
    user: &User,
    kind: Kind,
    key: (&str, &str),
    granted: &[Value],
) -> Result<(), Failure> {
    let (namespace, name) = key;
    let held = rules(state, user, namespace);
    let missing = granted.iter().flat_map(single).find(|rule| !holds(&held, rule));
    let Some(missing) = missing else { return Ok(()) };
    let why = format!(
        "user {:?} (groups={:?}) is attempting to grant RBAC permissions not currently held:\n{missing}",
        user.name, user.groups
    );
    Err(Failure::forbidden(kind, name, &why))
}

/// Splits a rule into those with one verb, group and resource each.
fn single(rule: &Value) -> Vec<Value> {
    let texts = |field: &str| -> Vec<String> {
        let all = rule[field].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let names = texts("resourceNames");
    let mut all = Vec::new();
    for verb in texts("verbs") {
        for group in texts("apiGroups") {
            for resource in texts("resources") {
                all.push(json!({
                    "apiGroups": [group], "resources": [resource], "verbs": [verb], "resourceNames": names,
                }));
            }
        }
        all.extend(
            texts("nonResourceURLs")
                .iter()
                .map(|url| json!({ "nonResourceURLs": [url], "verbs": [verb] })),
        );
    }
    all
}

fn holds(held: &[Value], rule: &Value) -> bool {
    let only = |field: &str| rule[field][0].as_str().unwrap_or_default();
    if rule["nonResourceURLs"].is_array() {
        return allow_path(held, only("verbs"), only("nonResourceURLs"));
    }
    let names: Vec<&str> = rule["resourceNames"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let deed = |name| Deed {
        verb: only("verbs"),
        group: only("apiGroups"),
        resource: only("resources"),
        name,
    };
    match names.as_slice() {
        [] => allow(held, &deed("")),
        names => names.iter().all(|name| allow(held, &deed(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed<'a>(verb: &'a str, resource: &'a str, name: &'a str) -> Deed<'a> {
        Deed {
            verb,
            resource,
            name,
            ..Deed::default()
        }
    }

    #[test]
    fn resource_names_narrow_a_rule() {
        let rules = [json!({
            "apiGroups": [""], "resources": ["services"], "resourceNames": ["api"], "verbs": ["patch"],
        })];
        assert!(allow(&rules, &deed("patch", "services", "api")));
        assert!(!allow(&rules, &deed("patch", "services", "web")));
        assert!(!allow(&rules, &deed("list", "services", "")));
    }

    #[test]
    fn a_subresource_is_a_resource_of_its_own() {
        let rules = [json!({ "apiGroups": [""], "resources": ["pods", "*/scale"], "verbs": ["*"] })];
        assert!(allow(&rules, &deed("get", "pods", "p")));
        assert!(!allow(&rules, &deed("get", "pods/log", "p")));
        assert!(allow(&rules, &deed("patch", "deployments/scale", "d")));
    }

    #[test]
    fn nobody_grants_more_than_they_have() {
        let held = [json!({ "apiGroups": [""], "resources": ["services"], "verbs": ["get", "patch"] })];
        let narrower = json!({
            "apiGroups": [""], "resources": ["services"], "resourceNames": ["api"], "verbs": ["patch"],
        });
        let wider = json!({ "apiGroups": ["*"], "resources": ["services"], "verbs": ["get"] });
        assert!(single(&narrower).iter().all(|rule| holds(&held, rule)));
        assert!(!single(&wider).iter().all(|rule| holds(&held, rule)));
    }
}
