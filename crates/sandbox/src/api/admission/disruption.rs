//! PodDisruptionBudgets, asked when a pod is to be evicted.
//!
//! Deliberately absent: a budget's status, and the scale of what owns the pods: the pods there are count as those
//! that are expected.

use http::StatusCode;
use serde_json::{Value, json};

use crate::api::status::Failure;
use crate::resources::Kind;
use crate::store::{Object, State};

/// A pod may be evicted if every budget that counts it can spare it.
pub(in crate::api) fn check(state: &State, pod: &Object) -> Result<(), Failure> {
    if is_nobodys_loss(pod) {
        return Ok(());
    }
    let budgets = state.list(
        Kind::known("policy", "PodDisruptionBudget"),
        Some(pod.namespace()),
    );
    let budgets: Vec<_> = budgets.filter(|budget| selects(budget, pod)).collect();
    match budgets.as_slice() {
        [] => Ok(()),
        [budget] => spare(state, budget, pod),
        _ => Err(Failure::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )),
    }
}

fn spare(state: &State, budget: &Object, pod: &Object) -> Result<(), Failure> {
    let pods = state.list(Kind::known("", "Pod"), Some(pod.namespace()));
    let (mut expected, mut healthy) = (0, 0);
    for one in pods.filter(|one| selects(budget, one)) {
        expected += 1;
        healthy += u64::from(is_healthy(one));
    }
    let needed = needed(&budget.value["spec"], expected);
    // One that is ill already may go where the others are enough.
    let left = if is_healthy(pod) {
        healthy.saturating_sub(1)
    } else {
        healthy
    };
    if left >= needed {
        return Ok(());
    }
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message);
    let why = format!(
        "The disruption budget {} needs {needed} healthy pods and has {healthy} currently",
        budget.name()
    );
    failure.details = Some(json!({ "causes": [{ "reason": "DisruptionBudget", "message": why }] }));
    Err(failure)
}

/// How many must stay healthy.
fn needed(spec: &Value, expected: u64) -> u64 {
    let amount = |value: &Value| match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let percent: u64 = text.strip_suffix('%')?.parse().ok()?;
            Some((expected * percent).div_ceil(100))
        }
        _ => None,
    };
    let at_least = amount(&spec["minAvailable"]);
    at_least
        .or_else(|| Some(expected.saturating_sub(amount(&spec["maxUnavailable"])?)))
        .unwrap_or_default()
}

fn is_nobodys_loss(pod: &Object) -> bool {
    let phase = pod.value["status"]["phase"].as_str();
    pod.is_going() || matches!(phase, None | Some("Pending" | "Succeeded" | "Failed"))
}

fn is_healthy(pod: &Object) -> bool {
    let conditions = pod.value["status"]["conditions"].as_array();
    let is_ready = |one: &Value| one["type"] == "Ready" && one["status"] == "True";
    !pod.is_going() && conditions.is_some_and(|all| all.iter().any(is_ready))
}

/// An empty selector selects every pod, none selects nothing.
fn selects(budget: &Object, pod: &Object) -> bool {
    let selector = &budget.value["spec"]["selector"];
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    selector.is_object()
        && labels
            .into_iter()
            .all(|(key, value)| pod.label(key) == value.as_str())
        && expressions.all(|one| fulfils(one, pod))
}

fn fulfils(expression: &Value, pod: &Object) -> bool {
    let label = pod.label(expression["key"].as_str().unwrap_or_default());
    let values = expression["values"].as_array();
    let is_one = || values.is_some_and(|values| values.iter().any(|value| value.as_str() == label));
    match expression["operator"].as_str() {
        Some("In") => label.is_some() && is_one(),
        Some("NotIn") => label.is_none() || !is_one(),
        Some("Exists") => label.is_some(),
        _ => label.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_in_pods_or_percent() {
        for (spec, of_ten) in [
            (json!({ "minAvailable": 3 }), 3),
            (json!({ "minAvailable": "25%" }), 3),
            (json!({ "maxUnavailable": 3 }), 7),
            (json!({ "maxUnavailable": "25%" }), 7),
            (json!({ "maxUnavailable": 20 }), 0),
            (json!({}), 0),
        ] {
            assert_eq!(needed(&spec, 10), of_ten, "{spec}");
        }
    }
}
