//! `interceptctl plan`: what `start` would do. Reads only.

use intercept_engine::plan::{self, Plan, Warning, Way};
use intercept_engine::preview::{Preview, preview};
use serde_json::{Value, json};

use crate::args::{Global, InterceptArgs};
use crate::connection::{connect, settings};
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, bold, dim, good, warning};
use crate::request::{asked, header_of_environment};
use crate::words::requests;

/// Plans and shows it.
pub(crate) async fn plan(global: &Global, args: &InterceptArgs, output: &Output) -> Result<Exit, Failure> {
    let settings = settings(global)?;
    let asked = asked(args, &settings, header_of_environment().as_deref())?;
    let connection = connect(global, &settings, output).await?;
    let asked = asked.within(&connection.namespace);
    let (client, spec) = (connection.cluster.client(), &asked.spec);
    output.live("Reading the cluster");
    let previewed = Box::pin(preview(&client, spec, &asked.proxy)).await;
    output.still();
    let Preview {
        planned, has_residue, ..
    } = previewed?;
    let planned = planned.map_err(|refusals| {
        Failure::refused(
            format!(
                "Service {}/{} cannot be intercepted",
                spec.namespace, spec.service
            ),
            refusals,
        )
    })?;
    output.result(&document(&planned, has_residue), || text(&planned, has_residue));
    output.note(&dim("Nothing was changed."));
    Ok(Exit::Done)
}

pub(super) fn way(way: &Way) -> &'static str {
    match way {
        Way::Engage => "engage",
        Way::Join => "join",
        Way::TakeOver => "takeOver",
        Way::AlreadyHeld => "alreadyHeld",
    }
}

pub(super) fn warnings(plan: &Plan) -> Value {
    let with_words = |one: &Warning| {
        let mut value = serde_json::to_value(one).unwrap_or_default();
        value["message"] = one.to_string().into();
        value
    };
    plan.warnings.iter().map(with_words).collect()
}

fn document(plan: &Plan, has_residue: bool) -> Value {
    let step =
        |step: &plan::Step| json!({ "stage": step.stage, "sentence": step.sentence(), "undo": step.undo() });
    json!({
        "namespace": plan.namespace,
        "service": plan.service,
        "way": way(&plan.way),
        "residueIsRemovedFirst": has_residue,
        "match": plan.intercept.rule.to_string(),
        "target": plan.intercept.target,
        "owner": plan.intercept.owner,
        "steps": plan.steps.iter().map(step).collect::<Vec<_>>(),
        "warnings": warnings(plan),
        "diff": plan.diff(),
    })
}

fn text(plan: &Plan, has_residue: bool) -> String {
    let intercept = &plan.intercept;
    let head = format!(
        "{}/{}: {} go to {}",
        plan.namespace,
        plan.service,
        requests(&intercept.rule),
        intercept.target
    );
    let mut parts = vec![bold(head), about(&plan.way).to_owned()];
    if has_residue {
        parts.push(warning(
            "What an earlier intercept left is removed first, unless its owner is at work right now.",
        ));
    }
    if !plan.steps.is_empty() {
        let steps = plan.steps.iter().enumerate();
        let lines = steps.map(|(at, step)| {
            format!(
                "{:>3}. {}\n     {}",
                at + 1,
                step.sentence(),
                dim(format!("undo: {}", step.undo()))
            )
        });
        parts.push(lines.collect::<Vec<_>>().join("\n"));
    }
    parts.push(colored(&plan.diff()));
    parts.extend(
        plan.warnings
            .iter()
            .map(|one| format!("{} {one}", warning("Warning:"))),
    );
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn about(way: &Way) -> &'static str {
    match way {
        Way::Engage => "First intercept of this Service: a proxy is put in front of it.",
        Way::Join => "A proxy stands there already: this intercept joins it.",
        Way::TakeOver => "Your session that held this intercept is gone: it is taken over.",
        Way::AlreadyHeld => "You hold this intercept already.",
    }
}

fn colored(diff: &str) -> String {
    let lines = diff.trim_end().lines().map(|line| match line.chars().next() {
        Some('+') => good(line),
        Some('-' | '~') => warning(line),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}
