//! How a session ended, and what the process ends with.

use std::error::Error;

use intercept_engine::apply::switch::Restored;
use intercept_engine::revert::{Left, RevertError};
use intercept_engine::session::{CloseReason, Outcome};
use serde_json::json;

use super::events::reason;
use super::show::Show;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::good;

/// Says it, and judges it.
pub(super) fn ended(outcome: Outcome, show: &Show<'_>) -> Result<Exit, Failure> {
    let service = show.service();
    match outcome {
        Outcome::Closed { why, left: Ok(left) } => closed(show.reason(why), left, show),
        Outcome::Closed { left: Err(error), .. } => Err(not_undone(&service, &error)),
        Outcome::Failed {
            error,
            reverted: Ok(()),
        } => {
            let failure = Failure::of_session(error, &service);
            show.output()
                .event(&json!({ "event": "failed", "restored": failure.exit != Exit::Left }));
            Err(failure)
        }
        Outcome::Failed {
            error,
            reverted: Err(revert),
        } => {
            let mut failure = not_undone(&service, &revert);
            // The first error is why there was something to undo.
            failure.causes.push(Failure::of_session(error, &service).message);
            show.output()
                .event(&json!({ "event": "failed", "restored": false }));
            Err(failure)
        }
        Outcome::AlreadyHeld { intercept, owner } => {
            show.output()
                .event(&json!({ "event": "alreadyHeld", "intercept": intercept, "owner": owner }));
            show.output().line(&format!(
                "Already yours: {owner} holds this intercept of {service} in another session (id {intercept}); nothing was changed"
            ));
            Ok(Exit::Done)
        }
    }
}

fn closed(why: CloseReason, left: Left, show: &Show<'_>) -> Result<Exit, Failure> {
    let service = show.service();
    let others = left == Left::OthersRemain;
    show.output()
        .event(&json!({ "event": "closed", "why": reason(why), "restored": true, "othersRemain": others }));
    let words = match left {
        Left::OthersRemain => format!("your intercept of {service} is out; those of others stay"),
        Left::LastOne {
            service: Restored::ServiceGone,
            ..
        } => format!("Service {service} is gone; nothing to restore"),
        Left::LastOne { followed: true, .. } => format!("{service} selects its original pods again"),
        Left::LastOne { followed: false, .. } => {
            format!("{service} selects its original pods again; its endpoints have not followed yet")
        }
    };
    show.output().line(&format!("{}: {words}", good("Closed")));
    let unasked = match why {
        CloseReason::Asked | CloseReason::Expired => return Ok(Exit::Done),
        CloseReason::RemovedByOther => Failure::new(Exit::Undone, "removedByOther", "The intercept was taken out from elsewhere")
            .hint(Some("Somebody ran `session close`, or the cluster heard nothing from here for the grace time. Start it again if it was not meant.")),
        CloseReason::ProxyLost => Failure::new(Exit::Undone, "proxyLost", "No proxy pod was ready for some seconds, so the Service was restored")
            .hint(Some("See why with `kubectl get events`, then start it again.")),
    };
    Err(unasked)
}

fn not_undone(service: &str, error: &RevertError) -> Failure {
    let message = format!("{service} could not be restored completely");
    let mut failure = Failure::new(Exit::Left, "incomplete", message);
    failure.caused_by(Some(error as &(dyn Error + 'static)));
    let name = service.split('/').next_back().unwrap_or(service);
    let namespace = service.split('/').next().unwrap_or_default();
    failure.hint(Some(format!(
        "Run `interceptctl session close {name} --namespace {namespace}`, from any machine. Otherwise the cluster restores itself after the grace time."
    )))
}
