//! What an intercept would change, as the sheet shows it.

use std::time::Duration;

use intercept_engine::plan::{self, Plan, Refusal};
use intercept_engine::preview::Preview;
use intercept_engine::spec::{InterceptSpec, ProxySettings};
use intercept_engine::words::{curl, requests};

use crate::wire::{Check, CheckState, PlanView, PlannedStep, Way};

/// Converts what was found out.
pub(crate) fn view(preview: Preview, spec: &InterceptSpec, proxy: &ProxySettings) -> PlanView {
    let Preview {
        planned,
        has_residue,
        others,
        read_in,
        target,
    } = preview;
    let mut checks = vec![passed("The cluster answers", Some(read_in))];
    if let Ok(took) = target {
        checks.push(passed(&format!("{} takes connections", spec.target), Some(took)));
    }
    let planned = match planned {
        Ok(plan) => plan,
        Err(refusals) => {
            checks.extend(refusals.iter().map(failed));
            return PlanView {
                way: Way::Impossible,
                sentence: "Nothing can be changed as long as something speaks against it.".to_owned(),
                steps: Vec::new(),
                diff: Vec::new(),
                checks,
                is_possible: false,
                curl: curl(&spec.rule, &spec.namespace, &spec.service, &asked_port(spec)),
                removes_residue: has_residue,
            };
        }
    };
    checks.push(passed(
        &format!("You may do all of this in {}", plan_place(&planned)),
        None,
    ));
    checks.push(passed(&company(&planned, others), None));
    checks.extend(planned.warnings.iter().map(|warning| Check {
        state: CheckState::Warned,
        sentence: capital(&warning.to_string()),
        hint: None,
        took_ms: None,
    }));
    PlanView {
        way: way(&planned.way),
        sentence: sentence(&planned, spec, proxy),
        steps: planned.steps.iter().map(step).collect(),
        diff: planned.diff().lines().map(str::to_owned).collect(),
        checks,
        is_possible: true,
        curl: curl(
            &spec.rule,
            &spec.namespace,
            &spec.service,
            &planned.service_port.to_string(),
        ),
        removes_residue: has_residue,
    }
}

/// The port as it was asked for, where no plan says which one it is.
pub(crate) fn asked_port(spec: &InterceptSpec) -> String {
    spec.port
        .as_ref()
        .map_or_else(|| "80".to_owned(), ToString::to_string)
}

fn plan_place(plan: &Plan) -> String {
    format!("namespace {}", plan.namespace)
}

fn company(plan: &Plan, others: usize) -> String {
    let service = &plan.service;
    match (&plan.way, others) {
        (plan::Way::TakeOver, _) => "Your earlier session that held this is gone".to_owned(),
        (plan::Way::AlreadyHeld, _) => "You hold exactly this already".to_owned(),
        (_, 0) => format!("Nobody else intercepts {service}"),
        (_, 1) => format!("One other intercept of {service} stays as it is"),
        (_, many) => format!("{many} other intercepts of {service} stay as they are"),
    }
}

fn way(way: &plan::Way) -> Way {
    match way {
        plan::Way::Engage => Way::Engage,
        plan::Way::Join => Way::Join,
        plan::Way::TakeOver => Way::TakeOver,
        plan::Way::AlreadyHeld => Way::AlreadyHeld,
    }
}

fn step(step: &plan::Step) -> PlannedStep {
    PlannedStep {
        sentence: step.sentence(),
        undo: step.undo(),
        stage: step.stage,
    }
}

fn sentence(plan: &Plan, spec: &InterceptSpec, proxy: &ProxySettings) -> String {
    let all = spec.rule.takes_everything();
    let others = if all {
        String::new()
    } else {
        " All others stay with the original pods.".to_owned()
    };
    format!(
        "{} to {}.{} go to {}.{others} If this laptop disappears, the cluster restores itself after {} s.",
        capital(&requests(&spec.rule)),
        plan.service,
        plan.namespace,
        spec.target,
        proxy.grace.as_secs()
    )
}

fn passed(sentence: &str, took: Option<Duration>) -> Check {
    Check {
        state: CheckState::Passed,
        sentence: sentence.to_owned(),
        hint: None,
        took_ms: took.map(millis),
    }
}

fn failed(refusal: &Refusal) -> Check {
    Check {
        state: CheckState::Failed,
        sentence: capital(&refusal.to_string()),
        hint: Some(refusal.hint()),
        took_ms: None,
    }
}

/// Messages begin small, sentences do not.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(crate) fn millis(took: Duration) -> u32 {
    u32::try_from(took.as_millis()).unwrap_or(u32::MAX)
}
