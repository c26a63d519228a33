//! `serviceaccounts/token`: tokens for pods, and for `kubectl create token`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Access, Holder, User};
use crate::api::status::{Cause, Failure};
use crate::resources::Kind;
use crate::store::State;

/// The token of a pod that does not say otherwise.
const LIFETIME_SECONDS: i64 = 3600;
/// A real API server refuses shorter ones.
const SHORTEST_SECONDS: i64 = 600;

/// Answers a TokenRequest for a ServiceAccount.
pub(crate) fn request(
    access: &Access,
    state: &State,
    (namespace, name): (&str, &str),
    mut request: Value,
) -> Result<Value, Failure> {
    let accounts = Kind::known("", "ServiceAccount");
    let account = state
        .find(accounts, namespace, name)
        .ok_or_else(|| Failure::not_found(accounts, name))?;
    let seconds = request["spec"]["expirationSeconds"]
        .as_i64()
        .unwrap_or(LIFETIME_SECONDS);
    if seconds < SHORTEST_SECONDS {
        let why = "may not specify a duration less than 10 minutes";
        let cause = Cause::invalid("spec.expirationSeconds", &seconds.into(), why);
        return Err(Failure::invalid(accounts, name, &[cause]));
    }
    let mut bound_to = vec![account.uid().to_owned()];
    bound_to.extend(bound_pod(state, namespace, &request["spec"]["boundObjectRef"])?);
    let expires = Timestamp::now().saturating_add(SignedDuration::from_secs(seconds));
    let expires = expires.unwrap_or(Timestamp::MAX);
    let token = access.give(Holder {
        user: User::service_account(namespace, name),
        bound_to,
        expires: Some(expires),
    });
    request["apiVersion"] = "authentication.k8s.io/v1".into();
    request["kind"] = "TokenRequest".into();
    request["metadata"] = json!({
        "name": name, "namespace": namespace, "creationTimestamp": crate::api::meta::now(),
    });
    request["spec"]["expirationSeconds"] = seconds.into();
    request["status"] = json!({ "token": token, "expirationTimestamp": crate::api::meta::stamp(expires) });
    Ok(request)
}

fn bound_pod(state: &State, namespace: &str, bound: &Value) -> Result<Option<String>, Failure> {
    let Some(name) = bound["name"].as_str() else {
        return Ok(None);
    };
    let kind = Kind::by_name("", bound["kind"].as_str().unwrap_or_default());
    let kind = kind.filter(|kind| matches!(kind.kind, "Pod" | "Secret"));
    let kind =
        kind.ok_or_else(|| Failure::bad_request(format!("cannot bind token for serviceaccount to {bound}")))?;
    let found = state
        .find(kind, namespace, name)
        .ok_or_else(|| Failure::not_found(kind, name))?;
    match bound["uid"].as_str() {
        Some(uid) if uid != found.uid() => {
            let why = format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated"
            );
            Err(Failure::conflict(kind, name, &why))
        }
        _ => Ok(Some(found.uid().to_owned())),
    }
}
