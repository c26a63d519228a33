//! `interceptctl requests`: recorded requests, listed, followed or exported.

mod export;
mod follow;

use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use intercept_inspect::exchange::{ExchangeId, Moment, Summary};
use intercept_inspect::filter::Filter;
use intercept_inspect::store::{Found, Page, Store};
use serde_json::json;

pub(crate) use self::export::{curl, curl_of, har};
use crate::args::{Format, Global, RequestsArgs};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::line::Lines;
use crate::output::{Output, dim};
use crate::recorded::{Cover, filter, open};

/// Lists, follows or exports.
pub(crate) async fn requests(global: &Global, args: &RequestsArgs, output: &Output) -> Result<Exit, Failure> {
    let filter = wanted(global, &args.typed())?;
    if args.follow && matches!(global.output, Format::Har | Format::Curl) {
        return Err(
            Failure::usage("--follow goes with the formats text, json and yaml")
                .hint(Some("Leave --follow out to export what is there.")),
        );
    }
    let store = open(output)?;
    let cover = Cover::new(args.reveal)?;
    let seen = store.version()?;
    let found = find(&store, &filter, args.limit as usize)?;
    let ids: Vec<ExchangeId> = found.summaries.iter().map(|one| one.id).collect();
    match global.output {
        Format::Har => return har(&store, &ids, &cover, output),
        Format::Curl => return curl(&store, &ids, &cover, output),
        _ => {}
    }
    let lines = Lines::new(cover, output.width(), true);
    if args.follow {
        return follow::follow(&store, (&filter, seen), &found, &lines, output).await;
    }
    let document = json!({
        "requests": documents(&found, &lines),
        "isComplete": found.is_complete(),
    });
    output.result(&document, || listed(&found, &lines));
    Ok(Exit::Done)
}

/// The filter that was typed, within the context and namespace that flags name.
fn wanted(global: &Global, typed: &str) -> Result<Filter, Failure> {
    // Alone first, so that an error points into what was typed.
    let alone = filter(typed)?;
    let mut within = Vec::new();
    for (field, value) in [("ns", &global.namespace), ("context", &global.context)] {
        if let Some(value) = value {
            within.push(format!("{field}:={}", quoted(value)));
        }
    }
    if within.is_empty() {
        return Ok(alone);
    }
    if !typed.trim().is_empty() {
        within.push(format!("({typed})"));
    }
    filter(&within.join(" "))
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn find(store: &Store, filter: &Filter, limit: usize) -> Result<Found, Failure> {
    let page = Page { before: None, limit };
    // Ctrl-C ends the whole process.
    let never = AtomicBool::new(false);
    let mut found = store.find(filter, page, now(), &never)?;
    found.summaries.reverse();
    Ok(found)
}

/// Now, as exchanges know it.
pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn documents(found: &Found, lines: &Lines) -> Vec<Summary> {
    found.summaries.iter().map(|one| lines.covered(one)).collect()
}

fn listed(found: &Found, lines: &Lines) -> String {
    if found.summaries.is_empty() {
        return "No requests".to_owned();
    }
    let mut out = vec![lines.head()];
    out.extend(found.summaries.iter().map(|one| lines.line(one)));
    if !found.is_complete() {
        out.push(dim(format!(
            "The newest {}; there may be more: see --limit",
            found.summaries.len()
        )));
    }
    out.join("\n")
}
