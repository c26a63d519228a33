//! A plan as a diff of the cluster: what people read before they say yes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use intercept_protocol::names::{NOT_YET, ORIGINAL_SELECTOR_ANNOTATION, PROXY_NAME_LABEL, RECORD_KEY};
use serde_json::Value;

use super::{Action, Object, Plan, Switch, Way};

impl Plan {
    /// The plan as a diff: `+` is made, `~` is changed, and nothing else is touched.
    pub fn diff(&self) -> String {
        let mut out = String::new();
        if self.way == Way::AlreadyHeld {
            out.push_str("  nothing changes: this intercept is already yours\n");
        }
        for step in &self.steps {
            match &step.action {
                Action::Create(object) => created(&mut out, object),
                Action::WriteRecord(draft) => {
                    let draft = draft.record(
                        &self.namespace,
                        &self.service,
                        [0, 0, 0, 0].into(),
                        self.intercept.clone(),
                    );
                    let mut record = serde_json::to_value(draft).unwrap_or_default();
                    record["origin"] = "(assigned by the cluster)".into();
                    record["intercepts"][0]["tokenHash"] = "(a secret's hash)".into();
                    line(
                        &mut out,
                        '+',
                        &format!("ConfigMap {}", intercept_protocol::names::proxy(&self.service)),
                    );
                    block(&mut out, '+', RECORD_KEY, &record);
                }
                Action::AddToRecord => {
                    line(
                        &mut out,
                        '~',
                        &format!("ConfigMap {}", intercept_protocol::names::proxy(&self.service)),
                    );
                    line(
                        &mut out,
                        '+',
                        &format!(
                            "  intercepts: {} → {}",
                            self.intercept.rule, self.intercept.target
                        ),
                    );
                }
                Action::Scale { replicas } => {
                    let proxy = intercept_protocol::names::proxy(&self.service);
                    line(&mut out, '~', &format!("Deployment {proxy}"));
                    line(&mut out, '~', &format!("  spec.replicas: 0 → {replicas}"));
                }
                Action::Switch(switch) => switched(&mut out, &self.service, switch),
                Action::ShowOrigin => {
                    let origin = intercept_protocol::names::origin(&self.service);
                    line(&mut out, '~', &format!("Service {origin}"));
                    line(
                        &mut out,
                        '-',
                        &format!("  metadata.labels.{PROXY_NAME_LABEL}: {NOT_YET}"),
                    );
                }
                Action::OpenTunnel | Action::Defuse | Action::AwaitSwitched => {}
            }
        }
        out
    }
}

fn created(out: &mut String, object: &Object) {
    line(out, '+', &object.label());
    let manifest = match object {
        Object::Fuse(one) => serde_json::to_value(one),
        Object::Proxy(one) => serde_json::to_value(one),
        Object::Origin(one) => serde_json::to_value(one),
        Object::AgentPart(one) => {
            let bytes: usize = one
                .binary_data
                .iter()
                .flat_map(|data| data.values())
                .map(|part| part.0.len())
                .sum();
            return line(out, '+', &format!("  binaryData: {bytes} bytes"));
        }
        Object::ServiceAccount(_) => return,
        Object::Role(one) => serde_json::to_value(one),
        Object::RoleBinding(one) => serde_json::to_value(one),
        Object::DisruptionBudget(one) => serde_json::to_value(one),
    };
    let manifest = manifest.unwrap_or_default();
    for part in ["spec", "rules", "roleRef", "subjects"] {
        if let Some(value) = manifest.get(part) {
            block(out, '+', part, value);
        }
    }
}

fn switched(out: &mut String, service: &str, switch: &Switch) {
    line(out, '~', &format!("Service {service}"));
    line(
        out,
        '+',
        &format!(
            "  metadata.annotations.{ORIGINAL_SELECTOR_ANNOTATION}: {}",
            inline(&switch.from)
        ),
    );
    line(out, '-', &format!("  spec.selector: {}", inline(&switch.from)));
    line(out, '+', &format!("  spec.selector: {}", inline(&switch.to)));
}

/// A selector on one line.
pub(super) fn inline(selector: &BTreeMap<String, String>) -> String {
    let terms: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    terms.join(",")
}

fn block(out: &mut String, sign: char, key: &str, value: &Value) {
    nested(out, sign, 1, Some(key), value);
}

/// YAML's layout, enough of it for reading.
fn nested(out: &mut String, sign: char, depth: usize, key: Option<&str>, value: &Value) {
    let indent = "  ".repeat(depth);
    let head = key.map_or_else(|| format!("{indent}- "), |key| format!("{indent}{key}: "));
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            line(out, sign, head.trim_end());
            for (key, value) in fields {
                nested(out, sign, depth + 1, Some(key), value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            line(out, sign, head.trim_end());
            for value in items {
                nested(out, sign, depth + 1, None, value);
            }
        }
        Value::String(text) => line(out, sign, &format!("{head}{text}")),
        other => line(out, sign, &format!("{head}{other}")),
    }
}

fn line(out: &mut String, sign: char, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{sign} {text}");
}
