//! `interceptctl record`: how much running sessions record, now and from now on.

use intercept_engine::control::{Held, Request};
use intercept_engine::tap::Level;
use serde_json::json;

use crate::args::{Global, RecordArgs, RecordOrder};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, Table, one_line};
use crate::running::{PROGRAM, Running, is_meant, none, running};

/// Says it, after having changed it if that was asked for.
pub(crate) async fn record(global: &Global, args: &RecordArgs, output: &Output) -> Result<Exit, Failure> {
    let service = args.service.as_deref();
    let mut found = running(output).await?;
    found.retain(|one| is_meant(&one.held, global, service));
    if found.is_empty() && args.order.is_some() {
        return Err(none(service));
    }
    if let (Some(RecordOrder::Pause | RecordOrder::Resume), Some(service)) = (args.order, service) {
        return Err(
            Failure::usage(format!("a pause is for all sessions, not only for {service}")).hint(Some(
                format!("To record nothing of it alone: `interceptctl record nothing {service}`."),
            )),
        );
    }
    if let Some(order) = args.order {
        found = changed(found, order).await?;
    }
    let sessions: Vec<&Held> = found.iter().map(|one| &one.held).collect();
    output.result(&json!({ "sessions": sessions }), || shown(&sessions));
    Ok(Exit::Done)
}

async fn changed(found: Vec<Running>, order: RecordOrder) -> Result<Vec<Running>, Failure> {
    let mut changed = Vec::new();
    for one in found {
        let id = one.held.intercept.clone();
        let request = match order {
            RecordOrder::Pause => Request::Pause { is_paused: true },
            RecordOrder::Resume => Request::Pause { is_paused: false },
            RecordOrder::Bodies => record_at(id, Level::Bodies),
            RecordOrder::Heads => record_at(id, Level::Heads),
            RecordOrder::Nothing => record_at(id, Level::Nothing),
        };
        let told = one.program.held(PROGRAM, &request).await?;
        let held = told.into_iter().find(|held| held.intercept == one.held.intercept);
        changed.push(Running {
            held: held.unwrap_or(one.held),
            ..one
        });
    }
    Ok(changed)
}

fn record_at(intercept: Option<intercept_protocol::ids::InterceptId>, level: Level) -> Request {
    Request::Record { intercept, level }
}

fn shown(sessions: &[&Held]) -> String {
    if sessions.is_empty() {
        return "No session of yours runs on this machine".to_owned();
    }
    let mut table = Table::new(&["CONTEXT", "NAMESPACE", "SERVICE", "TARGET", "RECORDS"]);
    for held in sessions {
        table.row(vec![
            one_line(&held.context),
            one_line(&held.namespace),
            one_line(&held.service),
            one_line(&held.target),
            records(held).to_owned(),
        ]);
    }
    table.to_string()
}

fn records(held: &Held) -> &'static str {
    match (held.recording, held.is_paused) {
        (None, _) => "nothing: it cannot",
        (Some(Level::Nothing), _) => "nothing",
        (Some(_), true) => "nothing: paused",
        (Some(Level::Heads), false) => "heads",
        (Some(Level::Bodies), false) => "heads and bodies",
    }
}
