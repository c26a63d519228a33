//! Access reviews: the same evaluation as for requests, asked about.

use serde_json::{Value, json};

use super::rules::{Deed, allow, allow_path, rules};
use super::{Access, User};
use crate::resources::Kind;
use crate::store::State;

/// Answers a review; it comes back with its `status`.
pub(crate) fn answer(
    access: &Access,
    state: &State,
    user: &User,
    kind: Kind,
    namespace: &str,
    mut review: Value,
) -> Value {
    let status = match kind.kind {
        "SelfSubjectReview" => json!({ "userInfo": user_info(user) }),
        "TokenReview" => token(access, state, &review["spec"]),
        "SelfSubjectRulesReview" => all_rules(
            state,
            user,
            review["spec"]["namespace"].as_str().unwrap_or_default(),
        ),
        "SelfSubjectAccessReview" => verdict(state, user, &review["spec"]),
        _ => {
            if review["spec"]["resourceAttributes"].is_object() && !namespace.is_empty() {
                review["spec"]["resourceAttributes"]["namespace"] = namespace.into();
            }
            verdict(state, &subject(&review["spec"]), &review["spec"])
        }
    };
    review["status"] = status;
    if review["metadata"].is_null() {
        review["metadata"] = json!({});
    }
    review
}

fn user_info(user: &User) -> Value {
    json!({ "username": user.name, "groups": user.groups })
}

fn subject(spec: &Value) -> User {
    let groups = spec["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        groups: groups.map(str::to_owned).collect(),
    }
}

fn token(access: &Access, state: &State, spec: &Value) -> Value {
    match access.holder(state, spec["token"].as_str().unwrap_or_default()) {
        Some(user) => json!({ "authenticated": true, "user": user_info(&user) }),
        None => json!({ "authenticated": false, "error": "invalid bearer token" }),
    }
}

fn verdict(state: &State, user: &User, spec: &Value) -> Value {
    let text = |place: &'static str| spec.pointer(place).and_then(Value::as_str).unwrap_or_default();
    let allowed = if spec["nonResourceAttributes"].is_object() {
        let verb = text("/nonResourceAttributes/verb");
        allow_path(&rules(state, user, ""), verb, text("/nonResourceAttributes/path"))
    } else {
        let namespace = text("/resourceAttributes/namespace");
        let resource = match text("/resourceAttributes/subresource") {
            "" => text("/resourceAttributes/resource").to_owned(),
            sub => format!("{}/{sub}", text("/resourceAttributes/resource")),
        };
        let deed = Deed {
            verb: text("/resourceAttributes/verb"),
            group: text("/resourceAttributes/group"),
            resource: &resource,
            name: text("/resourceAttributes/name"),
        };
        allow(&rules(state, user, namespace), &deed)
    };
    json!({ "allowed": allowed })
}

fn all_rules(state: &State, user: &User, namespace: &str) -> Value {
    let (paths, resources): (Vec<Value>, Vec<Value>) = rules(state, user, namespace)
        .into_iter()
        .partition(|rule| rule["nonResourceURLs"].is_array());
    json!({ "resourceRules": resources, "nonResourceRules": paths, "incomplete": false })
}
