//! LimitRanges: what a container gets that asks for nothing, and how much or little one may ask for.
//!
//! Deliberately absent: limits of whole pods and of volumes, and ratios.

use serde_json::Value;

use crate::api::status::Failure;
use crate::resources::Kind;
use crate::store::State;

/// Fills in the defaults of the namespace's ranges.
pub(in crate::api) fn fill_in(state: &State, namespace: &str, pod: &mut Value) {
    for range in of_containers(state, namespace) {
        for list in ["initContainers", "containers"] {
            for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
                let resources = &mut container["resources"];
                fill(&mut resources["limits"], &range["default"]);
                fill(&mut resources["requests"], &range["defaultRequest"]);
            }
        }
    }
}

/// Judges a pod by the ranges of its namespace.
pub(in crate::api) fn check(state: &State, namespace: &str, pod: &Value) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for range in of_containers(state, namespace) {
        for list in ["initContainers", "containers"] {
            for container in pod["spec"][list].as_array().into_iter().flatten() {
                judge(&range, &container["resources"], &mut wrong);
            }
        }
    }
    let why = match wrong.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    Err(Failure::forbidden(Kind::known("", "Pod"), name, &why))
}

fn of_containers(state: &State, namespace: &str) -> Vec<Value> {
    let ranges = state.list(Kind::known("", "LimitRange"), Some(namespace));
    let limits = ranges.flat_map(|range| range.value["spec"]["limits"].as_array().into_iter().flatten());
    limits.filter(|one| one["type"] == "Container").cloned().collect()
}

fn fill(amounts: &mut Value, defaults: &Value) {
    for (name, amount) in defaults.as_object().into_iter().flatten() {
        if amounts[name].is_null() {
            amounts[name] = amount.clone();
        }
    }
}

fn judge(range: &Value, resources: &Value, wrong: &mut Vec<String>) {
    let amounts = |field: &str| range[field].as_object().into_iter().flatten();
    let mut compare = |end: &str, name: &str, bound: &Value, what: &str, is_beyond: fn(f64, f64) -> bool| {
        let asked = &resources[format!("{what}s")][name];
        let bound_text = bound.as_str().unwrap_or_default();
        let words = match (amount(asked), amount(bound)) {
            (Some(asked), Some(bound)) if !is_beyond(asked, bound) => return,
            (Some(_), _) => format!("but {what} is {}", asked.as_str().unwrap_or_default()),
            (None, _) => format!("but no {what} is specified"),
        };
        wrong.push(format!(
            "{end} {name} usage per Container is {bound_text}, {words}"
        ));
    };
    for (name, bound) in amounts("min") {
        compare("minimum", name, bound, "request", |asked, bound| asked < bound);
    }
    for (name, bound) in amounts("max") {
        compare("maximum", name, bound, "limit", |asked, bound| asked > bound);
    }
}

/// `100m`, `1.5`, `64Mi`, `1e3`: near enough to compare.
fn amount(value: &Value) -> Option<f64> {
    let text = value.as_str()?;
    let end = text.find(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E'));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (number, unit) = match number.strip_suffix('E') {
        Some(number) if unit.is_empty() || unit == "i" => (number, if unit.is_empty() { "E" } else { "Ei" }),
        _ => (number, unit),
    };
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        _ => return None,
    };
    Some(number * factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_compared_whatever_their_unit() {
        for (text, number) in [
            ("100m", 0.1),
            ("1.5", 1.5),
            ("1k", 1e3),
            ("1e3", 1e3),
            ("2Ki", 2048.0),
            ("1E", 1e18),
            ("1Ei", 1024_f64.powi(6)),
        ] {
            assert_eq!(amount(&json!(text)), Some(number), "{text}");
        }
        assert_eq!(amount(&json!("much")), None);
    }

    #[test]
    fn a_container_beyond_its_range_is_told_by_how_much() {
        let range = json!({ "min": { "cpu": "100m" }, "max": { "memory": "1Gi" } });
        let mut wrong = Vec::new();
        let resources = json!({ "requests": { "cpu": "50m" }, "limits": { "memory": "2Gi" } });
        judge(&range, &resources, &mut wrong);
        assert_eq!(
            wrong,
            [
                "minimum cpu usage per Container is 100m, but request is 50m",
                "maximum memory usage per Container is 1Gi, but limit is 2Gi",
            ]
        );
        wrong.clear();
        judge(&range, &json!({ "requests": { "cpu": "1" } }), &mut wrong);
        assert_eq!(
            wrong,
            ["maximum memory usage per Container is 1Gi, but no limit is specified"]
        );
    }
}
