//! Cells that take more than a field: ages, lists, sums.

use jiff::Timestamp;
use serde_json::Value;

/// `<none>` stands where there is nothing.
pub(super) const NONE: &str = "<none>";

pub(super) fn text(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => text.clone().into(),
        Value::String(_) | Value::Null => NONE.into(),
        other => other.to_string().into(),
    }
}

/// A number, 0 where it is missing.
pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn joined(values: impl Iterator<Item = String>) -> Value {
    let all: Vec<String> = values.collect();
    if all.is_empty() {
        NONE.into()
    } else {
        all.join(",").into()
    }
}

/// `app=api,tier=x`.
pub(super) fn pairs(labels: &Value) -> Value {
    let pairs = labels.as_object().into_iter().flatten();
    joined(pairs.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())))
}

/// How long ago, as kubectl says it.
pub(super) fn since(time: &Value) -> Value {
    let Some(then) = time.as_str().and_then(|time| time.parse::<Timestamp>().ok()) else {
        return "<unknown>".into();
    };
    age(Timestamp::now().as_second() - then.as_second()).into()
}

pub(super) fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |big: i64, unit: &str, small: i64, sub: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{sub}"),
    };
    match seconds.max(0) {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(s / MINUTE, "m", s % MINUTE, "s"),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(s / HOUR, "h", s % HOUR / MINUTE, "m"),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(s / DAY, "d", s % DAY / HOUR, "h"),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(s / YEAR, "y", s % YEAR / DAY, "d"),
        s => format!("{}y", s / YEAR),
    }
}

/// A pod's state in one word, as kubectl finds it.
pub(super) fn pod_status(pod: &Value) -> String {
    let status = &pod["status"];
    let mut reason = status["reason"]
        .as_str()
        .or(status["phase"].as_str())
        .unwrap_or("Unknown")
        .to_owned();
    let mut is_initialising = false;
    for (index, init) in items(&status["initContainerStatuses"]).enumerate() {
        if init["state"]["terminated"]["exitCode"] == 0 {
            continue;
        }
        is_initialising = true;
        reason = match waiting_or_ended(init) {
            Some(word) if word != "PodInitializing" => format!("Init:{word}"),
            _ => format!("Init:{index}/{}", items(&pod["spec"]["initContainers"]).count()),
        };
        break;
    }
    if !is_initialising {
        let mut has_running = false;
        for container in items(&status["containerStatuses"])
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if let Some(word) = waiting_or_ended(container) {
                reason = word;
            } else if container["ready"] == true && container["state"]["running"].is_object() {
                has_running = true;
            }
        }
        if reason == "Completed" && has_running {
            reason = "Running".to_owned();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        "Terminating".to_owned()
    } else {
        reason
    }
}

fn waiting_or_ended(container: &Value) -> Option<String> {
    let state = &container["state"];
    if let Some(reason) = state["waiting"]["reason"]
        .as_str()
        .filter(|reason| !reason.is_empty())
    {
        return Some(reason.to_owned());
    }
    let ended = state["terminated"].as_object()?;
    match ended
        .get("reason")
        .and_then(Value::as_str)
        .filter(|reason| !reason.is_empty())
    {
        Some(reason) => Some(reason.to_owned()),
        None => Some(format!("ExitCode:{}", number(&state["terminated"]["exitCode"]))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ages_are_said_as_kubectl_says_them() {
        for (seconds, words) in [
            (5, "5s"),
            (119, "119s"),
            (125, "2m5s"),
            (3600, "60m"),
            (4 * 3600 + 60, "4h1m"),
            (90_000, "25h"),
            (864_000, "10d"),
        ] {
            assert_eq!(age(seconds), words);
        }
    }

    #[test]
    fn a_pods_state_is_the_word_that_explains_it() {
        let pod = |state: Value| json!({ "status": { "phase": "Pending", "containerStatuses": [{ "state": state }] } });
        assert_eq!(
            pod_status(&pod(json!({ "waiting": { "reason": "ImagePullBackOff" } }))),
            "ImagePullBackOff"
        );
        assert_eq!(
            pod_status(&pod(json!({ "terminated": { "exitCode": 3 } }))),
            "ExitCode:3"
        );
        assert_eq!(
            pod_status(&json!({ "status": { "phase": "Running" } })),
            "Running"
        );
        assert_eq!(
            pod_status(
                &json!({ "metadata": { "deletionTimestamp": "x" }, "status": { "phase": "Running" } })
            ),
            "Terminating"
        );
    }
}
