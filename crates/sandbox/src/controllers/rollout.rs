//! How a Deployment's ReplicaSets should be scaled next, and what its status says: pure.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

pub(crate) const HASH_LABEL: &str = "pod-template-hash";
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
/// Letters that make no words, as Kubernetes takes for generated names.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A change of one ReplicaSet's size.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) name: String,
    pub(crate) from: i32,
    pub(crate) to: i32,
}

/// The label value that stands for a pod template.
pub(crate) fn template_hash(template: &PodTemplateSpec) -> String {
    let mut template = template.clone();
    if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
        labels.remove(HASH_LABEL);
    }
    let mut hasher = DefaultHasher::new();
    // Maps of typed objects are sorted, so one template has one text.
    json!(template).to_string().hash(&mut hasher);
    let mut rest = hasher.finish();
    let letters = (0..10).map(|_| {
        let letter = ALPHABET[usize::try_from(rest % 27).unwrap_or_default()];
        rest /= 27;
        char::from(letter)
    });
    letters.collect()
}

/// The ReplicaSet of the Deployment's present template.
pub(crate) fn newest<'a>(deployment: &Deployment, sets: &'a [ReplicaSet]) -> Option<&'a ReplicaSet> {
    let hash = template_hash(&deployment.spec.as_ref()?.template);
    let has_hash = |set: &&ReplicaSet| {
        let labels = set.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(HASH_LABEL)) == Some(&hash)
    };
    sets.iter().find(has_hash)
}

/// Replicas that a ReplicaSet is asked for.
pub(crate) fn asked(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn counted(
    set: &ReplicaSet,
    count: impl Fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> Option<i32>,
) -> i32 {
    set.status.as_ref().and_then(count).unwrap_or_default()
}

fn available(set: &ReplicaSet) -> i32 {
    counted(set, |status| status.available_replicas)
}

/// The replicas a Deployment is asked for.
pub(crate) fn wanted(spec: &DeploymentSpec) -> i32 {
    spec.replicas.unwrap_or(1)
}

/// `maxSurge` and `maxUnavailable` as numbers; never both zero.
pub(crate) fn bounds(spec: &DeploymentSpec) -> (i32, i32) {
    let rolling = spec.strategy.as_ref().and_then(|one| one.rolling_update.clone());
    let rolling = rolling.unwrap_or_default();
    let quarter = IntOrString::String("25%".to_owned());
    let surge = share(rolling.max_surge.as_ref().unwrap_or(&quarter), wanted(spec), true);
    let unavailable = share(
        rolling.max_unavailable.as_ref().unwrap_or(&quarter),
        wanted(spec),
        false,
    );
    if surge == 0 && unavailable == 0 {
        (0, 1)
    } else {
        (surge, unavailable)
    }
}

fn share(value: &IntOrString, of: i32, rounds_up: bool) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i32 = text.trim_end_matches('%').parse().unwrap_or_default();
            let hundredths = of.saturating_mul(percent);
            (if rounds_up {
                hundredths.saturating_add(99)
            } else {
                hundredths
            }) / 100
        }
    }
}

/// What to scale now. `sets` are all of the Deployment's; the newest one exists.
pub(crate) fn scales(deployment: &Deployment, sets: &[ReplicaSet]) -> Vec<Scale> {
    let (Some(spec), Some(new)) = (&deployment.spec, newest(deployment, sets)) else {
        return Vec::new();
    };
    let old: Vec<&ReplicaSet> = sets
        .iter()
        .filter(|set| set.metadata.uid != new.metadata.uid)
        .collect();
    let active: Vec<&ReplicaSet> = sets.iter().filter(|set| asked(set) > 0).collect();
    // Nothing rolls: whatever runs gets the Deployment's size.
    if let [only] = active.as_slice()
        && (only.metadata.uid == new.metadata.uid || spec.paused == Some(true))
    {
        return scale(only, wanted(spec)).into_iter().collect();
    }
    if spec.paused == Some(true) {
        return Vec::new();
    }
    let recreates = spec.strategy.as_ref().and_then(|one| one.type_.as_deref()) == Some("Recreate");
    if recreates {
        return recreated(spec, new, &old);
    }
    rolled(spec, new, &old)
}

fn scale(set: &ReplicaSet, to: i32) -> Option<Scale> {
    let from = asked(set);
    (from != to).then(|| Scale {
        name: set.metadata.name.clone().unwrap_or_default(),
        from,
        to,
    })
}

fn recreated(spec: &DeploymentSpec, new: &ReplicaSet, old: &[&ReplicaSet]) -> Vec<Scale> {
    let down: Vec<Scale> = old.iter().filter_map(|set| scale(set, 0)).collect();
    let runs = old
        .iter()
        .any(|set| counted(set, |status| Some(status.replicas)) > 0);
    if !down.is_empty() || runs {
        return down;
    }
    scale(new, wanted(spec)).into_iter().collect()
}

fn rolled(spec: &DeploymentSpec, new: &ReplicaSet, old: &[&ReplicaSet]) -> Vec<Scale> {
    let (surge, unavailable) = bounds(spec);
    let wanted = wanted(spec);
    let total: i32 = asked(new) + old.iter().map(|set| asked(set)).sum::<i32>();
    let room = (wanted + surge - total).max(0);
    let up = asked(new).max((asked(new) + room).min(wanted));
    let mut scales: Vec<Scale> = scale(new, if asked(new) > wanted { wanted } else { up })
        .into_iter()
        .collect();
    // Old pods that are not available protect nobody: they go first, and count as gone.
    let least = wanted - unavailable;
    let mut may_go = total - least - (asked(new) - available(new));
    let mut may_hurt = available(new) + old.iter().map(|set| available(set)).sum::<i32>() - least;
    for set in old {
        let broken = (asked(set) - available(set)).min(may_go).max(0);
        let healthy = (may_go - broken).min(may_hurt).min(asked(set) - broken).max(0);
        scales.extend(scale(set, asked(set) - broken - healthy));
        may_go -= broken + healthy;
        may_hurt -= healthy;
    }
    scales
}

/// The Deployment's status, as it follows from its ReplicaSets. Condition times are kept where nothing changed.
pub(crate) fn status(deployment: &Deployment, sets: &[ReplicaSet], now: &str) -> Value {
    let spec = deployment.spec.clone().unwrap_or_default();
    let new = newest(deployment, sets);
    let sum = |count: fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> Option<i32>| {
        sets.iter().map(|set| counted(set, count)).sum::<i32>()
    };
    let (replicas, ready, available) = (
        sum(|status| Some(status.replicas)),
        sum(|status| status.ready_replicas),
        sum(|status| status.available_replicas),
    );
    let updated = new.map_or(0, |set| counted(set, |status| Some(status.replicas)));
    let (_, unavailable) = bounds(&spec);
    let conditions = [
        available_condition(available >= wanted(&spec) - unavailable),
        progressing(
            deployment,
            new,
            updated == wanted(&spec) && replicas == updated && available == updated,
        ),
    ];
    let mut conditions: Vec<Value> = conditions.into();
    conditions.extend(new.and_then(failure));
    let conditions: Vec<Value> = conditions
        .into_iter()
        .map(|one| timed(one, deployment, now))
        .collect();
    // A merge patch takes `null` as absent, which is how Kubernetes shows a count of none.
    let some = |count: i32| (count != 0).then_some(count);
    json!({
        "observedGeneration": deployment.metadata.generation,
        "replicas": some(replicas), "updatedReplicas": some(updated), "readyReplicas": some(ready),
        "availableReplicas": some(available), "unavailableReplicas": some((wanted(&spec).max(replicas) - available).max(0)),
        "conditions": conditions,
    })
}

fn available_condition(is_available: bool) -> Value {
    let (status, reason, message) = if is_available {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    json!({ "type": "Available", "status": status, "reason": reason, "message": message })
}

fn progressing(deployment: &Deployment, new: Option<&ReplicaSet>, is_complete: bool) -> Value {
    let name = new.and_then(|set| set.metadata.name.clone()).unwrap_or_default();
    let (reason, message) = match new {
        None => ("ReplicaSetUpdated", "Created new replica set".to_owned()),
        Some(_) if is_complete => (
            "NewReplicaSetAvailable",
            format!("ReplicaSet \"{name}\" has successfully progressed."),
        ),
        Some(_) => (
            "ReplicaSetUpdated",
            format!("ReplicaSet \"{name}\" is progressing."),
        ),
    };
    let before = condition(deployment, "Progressing");
    // Once it was there, a pod that fails later is no lack of progress.
    if let (Some(before), false, Some(set)) = (&before, is_complete, new)
        && before.reason.as_deref() == Some("NewReplicaSetAvailable")
        && before
            .message
            .as_deref()
            .is_some_and(|text| text.contains(&format!("\"{name}\"")))
        && asked(set) > 0
    {
        return json!({ "type": "Progressing", "status": "True", "reason": before.reason, "message": before.message });
    }
    json!({ "type": "Progressing", "status": "True", "reason": reason, "message": message })
}

fn failure(set: &ReplicaSet) -> Option<Value> {
    let mut conditions = set
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let failed = conditions.find(|one| one.type_ == "ReplicaFailure" && one.status == "True")?;
    Some(json!({
        "type": "ReplicaFailure", "status": "True", "reason": failed.reason, "message": failed.message,
    }))
}

fn condition(deployment: &Deployment, kind: &str) -> Option<k8s_openapi::api::apps::v1::DeploymentCondition> {
    let mut conditions = deployment
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    conditions.find(|one| one.type_ == kind).cloned()
}

fn timed(mut one: Value, deployment: &Deployment, now: &str) -> Value {
    let before = condition(deployment, one["type"].as_str().unwrap_or_default());
    let before = before.map_or(Value::Null, |before| json!(before));
    let same = |field: &str| before[field] == one[field];
    let (update, transition) = (
        if same("status") && same("reason") && same("message") {
            before["lastUpdateTime"].clone()
        } else {
            json!(now)
        },
        if same("status") {
            before["lastTransitionTime"].clone()
        } else {
            json!(now)
        },
    );
    one["lastUpdateTime"] = update;
    one["lastTransitionTime"] = transition;
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(replicas: i32, image: &str, strategy: &Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": "api", "uid": "d" },
            "spec": { "replicas": replicas, "strategy": strategy, "selector": {}, "template": {
                "metadata": { "labels": { "app": "api" } },
                "spec": { "containers": [{ "name": "c", "image": image }] },
            } },
        }))
        .unwrap()
    }

    fn set(of: &Deployment, asked: i32, available: i32) -> ReplicaSet {
        let hash = template_hash(&of.spec.as_ref().unwrap().template);
        serde_json::from_value(json!({
            "metadata": { "name": format!("api-{hash}"), "uid": hash, "labels": { HASH_LABEL: hash } },
            "spec": { "replicas": asked, "selector": {} },
            "status": { "replicas": asked, "availableReplicas": available },
        }))
        .unwrap()
    }

    fn sizes(deployment: &Deployment, sets: &[ReplicaSet]) -> Vec<(i32, i32)> {
        scales(deployment, sets)
            .iter()
            .map(|one| (one.from, one.to))
            .collect()
    }

    #[test]
    fn a_label_of_the_controllers_own_does_not_change_a_templates_hash() {
        let one = deployment(1, "a", &json!({}));
        let mut labelled = one.clone();
        let template = &mut labelled.spec.as_mut().unwrap().template;
        let labels = template.metadata.as_mut().unwrap().labels.as_mut().unwrap();
        labels.insert(HASH_LABEL.into(), "x".into());
        assert_eq!(
            template_hash(&one.spec.unwrap().template),
            template_hash(&labelled.spec.unwrap().template)
        );
    }

    #[test]
    fn a_lone_replica_set_follows_the_deployments_size() {
        let api = deployment(3, "a", &json!({}));
        assert_eq!(sizes(&api, &[set(&api, 0, 0)]), [(0, 3)]);
        assert_eq!(sizes(&api, &[set(&api, 3, 3)]), []);
        let none = deployment(0, "a", &json!({}));
        assert_eq!(sizes(&none, &[set(&none, 3, 3)]), [(3, 0)]);
    }

    #[test]
    fn a_roll_without_unavailability_takes_an_old_pod_only_when_a_new_one_is_available() {
        let strategy = json!({ "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } });
        let (old, new) = (deployment(2, "a", &strategy), deployment(2, "b", &strategy));
        assert_eq!(sizes(&new, &[set(&old, 2, 2), set(&new, 0, 0)]), [(0, 1)]);
        assert_eq!(sizes(&new, &[set(&old, 2, 2), set(&new, 1, 0)]), []);
        assert_eq!(sizes(&new, &[set(&old, 2, 2), set(&new, 1, 1)]), [(2, 1)]);
        assert_eq!(sizes(&new, &[set(&old, 1, 1), set(&new, 1, 1)]), [(1, 2)]);
        assert_eq!(sizes(&new, &[set(&old, 1, 1), set(&new, 2, 2)]), [(1, 0)]);
    }

    #[test]
    fn old_pods_that_never_worked_go_first() {
        let strategy = json!({ "rollingUpdate": { "maxUnavailable": 1, "maxSurge": 0 } });
        let (old, new) = (deployment(3, "a", &strategy), deployment(3, "b", &strategy));
        assert_eq!(sizes(&new, &[set(&old, 3, 0), set(&new, 0, 0)]), [(3, 2)]);
    }

    #[test]
    fn recreate_waits_until_the_old_pods_are_gone() {
        let strategy = json!({ "type": "Recreate" });
        let (old, new) = (deployment(1, "a", &strategy), deployment(1, "b", &strategy));
        assert_eq!(sizes(&new, &[set(&old, 1, 1), set(&new, 0, 0)]), [(1, 0)]);
        let mut going = set(&old, 0, 0);
        going.status.as_mut().unwrap().replicas = 1;
        assert_eq!(sizes(&new, &[going, set(&new, 0, 0)]), []);
        assert_eq!(sizes(&new, &[set(&old, 0, 0), set(&new, 0, 0)]), [(0, 1)]);
    }

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        let api = deployment(3, "a", &json!({}));
        assert_eq!(bounds(&api.spec.unwrap()), (1, 0));
    }

    #[test]
    fn a_pod_that_quota_refuses_shows_on_the_deployment() {
        let api = deployment(1, "a", &json!({}));
        let mut refused = set(&api, 1, 0);
        refused.status = serde_json::from_value(json!({ "replicas": 0, "conditions": [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota",
        }] }))
        .unwrap();
        let status = status(&api, &[refused], "2026-01-01T00:00:00Z");
        assert_eq!(status["conditions"][2]["reason"], "FailedCreate");
        assert_eq!(status["conditions"][0]["status"], "False");
    }
}
