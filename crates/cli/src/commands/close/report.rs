//! What a close found, what it came to, and the proof.

use std::collections::BTreeMap;

use intercept_engine::residue::{CloseResult, Closed, Standing};
use intercept_protocol::record::Intercept;
use serde_json::{Value, json};

use super::Choice;
use crate::commands::services::place;
use crate::errors::Failure;
use crate::output::{bold, good, warning};
use crate::words::{now, requests, span};

pub(super) fn document(closed: &[Closed], kept: &[&Standing]) -> Value {
    shown(json!({ "dryRun": false, "closed": closed, "kept": kept }))
}

pub(super) fn dry_document(chosen: &[(Standing, Choice)]) -> Value {
    let found = chosen.iter().map(|(standing, choice)| {
        let (action, ids) = match choice {
            Choice::Keep => ("keep", None),
            Choice::Whole => ("restore", None),
            Choice::Intercepts(ids) => ("takeOut", Some(ids)),
        };
        json!({ "found": standing, "action": action, "intercepts": ids })
    });
    shown(json!({ "dryRun": true, "wouldClose": found.collect::<Vec<_>>() }))
}

/// Without what belongs to a session's secret: it helps nobody who reads this.
fn shown(mut document: Value) -> Value {
    match &mut document {
        Value::Object(fields) => {
            fields.remove("tokenHash");
            fields.values_mut().for_each(|value| *value = shown(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| *value = shown(value.take())),
        _ => {}
    }
    document
}

pub(super) fn dry_text(chosen: &[(Standing, Choice)], namespace: Option<&str>) -> String {
    if chosen.is_empty() {
        return format!("Nothing of Intercept stands in {}.", place(namespace));
    }
    let one = |(standing, choice): &(Standing, Choice)| {
        let would = match choice {
            Choice::Keep => "nothing: a living session of somebody else may stand behind it".to_owned(),
            Choice::Whole => match &standing.original {
                Some(original) => format!("restore selector {} and remove every object", inline(original)),
                None => "remove every object".to_owned(),
            },
            Choice::Intercepts(ids) => format!(
                "take out {} of {} intercepts",
                ids.len(),
                standing.intercepts.len()
            ),
        };
        format!("{}\n{}", found(standing), field("would", &would))
    };
    let blocks: Vec<String> = chosen.iter().map(one).collect();
    format!("{}\n\nDry run: nothing was changed.", blocks.join("\n\n"))
}

/// One Service after its close.
pub(super) fn closed(done: &Closed) -> String {
    let removed: Vec<&str> = done
        .found
        .objects
        .difference(&done.remaining)
        .map(String::as_str)
        .collect();
    let remaining: Vec<&str> = done.remaining.iter().map(String::as_str).collect();
    let mut lines = vec![found(&done.found), field("selector", &comparison(done))];
    if !removed.is_empty() {
        lines.push(field("removed", &removed.join(", ")));
    }
    let remains = match done.result {
        CloseResult::OthersRemain => "the proxy, for the intercepts of others".to_owned(),
        CloseResult::Clean => good("nothing"),
        CloseResult::Incomplete if remaining.is_empty() => warning("the Service is not as it was"),
        CloseResult::Incomplete => warning(remaining.join(", ")),
    };
    lines.push(field("remains", &remains));
    lines.join("\n")
}

/// What is to be said when all is done; nothing where the blocks above say it all.
pub(super) fn rest(
    closed: &[Closed],
    kept: &[&Standing],
    failures: &[Failure],
    namespace: Option<&str>,
) -> Option<String> {
    if !kept.is_empty() {
        let names: Vec<String> = kept
            .iter()
            .map(|one| format!("{}/{}", one.namespace, one.service))
            .collect();
        let words = "Left alone, because a living session of somebody else may stand behind it";
        return Some(format!(
            "{words}: {}.\nName it, or use --all, to close it all the same.",
            names.join(", ")
        ));
    }
    let is_nothing = closed.is_empty() && failures.is_empty();
    is_nothing.then(|| format!("Nothing of Intercept stands in {}.", place(namespace)))
}

fn found(standing: &Standing) -> String {
    let state = if standing.switched {
        "selects the proxy"
    } else {
        "does not select the proxy"
    };
    let summary = format!(
        "{state}; {}, {}",
        count(standing.intercepts.len(), "intercept"),
        count(standing.objects.len(), "object")
    );
    let head = bold(format!("Service {}/{}", standing.namespace, standing.service));
    let mut lines = vec![head, field("found", &summary)];
    lines.extend(standing.intercepts.iter().map(|one| field("", &intercept(one))));
    lines.join("\n")
}

fn intercept(one: &Intercept) -> String {
    let age = span(now().saturating_sub(one.created));
    format!(
        "{} to {}, by {}, {age} old, id {}",
        requests(&one.rule),
        one.target,
        one.owner,
        one.id
    )
}

/// The Service's selector beside the one it had before the first intercept.
fn comparison(done: &Closed) -> String {
    let Some(now) = &done.selector_now else {
        return "the Service is gone: nothing to restore".to_owned();
    };
    let shown = inline(now);
    match (&done.found.original, done.is_original) {
        (Some(_), true) => format!("{shown}  {}", good("= as before the first intercept")),
        (None, true) => format!("{shown}  {}", good("= never changed")),
        (_, false) if done.result == CloseResult::OthersRemain => {
            format!("{shown}  (the proxy's, for others)")
        }
        (Some(original), false) => format!("{shown}  {}", warning(format!("≠ {} before", inline(original)))),
        (None, false) => format!("{shown}  {}", warning("and what it was before is not known")),
    }
}

fn inline(selector: &BTreeMap<String, String>) -> String {
    let terms: Vec<String> = selector
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if terms.is_empty() {
        "(none)".to_owned()
    } else {
        terms.join(",")
    }
}

fn field(name: &str, value: &str) -> String {
    format!("  {name:<10} {value}")
}

fn count(many: usize, what: &str) -> String {
    format!("{many} {what}{}", if many == 1 { "" } else { "s" })
}
