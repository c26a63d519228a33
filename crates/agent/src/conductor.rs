//! Carries out the record: each new one is read, handed to the gates, and given to NGINX.
//!
//! A record or configuration that is no good changes nothing; what runs goes on, and the laptops are told.

use std::sync::Arc;
use std::time::Duration;

use intercept_protocol::record::{Record, RecordError};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::agent::Agent;
use crate::log::chain;
use crate::nginx::{ApplyError, Mode, Nginx};
use crate::record_source::Observed;
use crate::{info, origin, warning};

/// NGINX may have been starting, or out of memory; a refusal of its own words is not asked again.
const TRY_AGAIN: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("the ConfigMap holds no record")]
    Empty,
    #[error("the record cannot be used")]
    Unreadable(#[from] RecordError),
    #[error("the record is of {0}, not of this pod's Service")]
    Foreign(String),
    #[error("NGINX does not run the newest record")]
    NotApplied(#[from] ApplyError),
}

/// Conducts until the task is dropped.
pub async fn conduct(
    agent: Arc<Agent>,
    mut nginx: Nginx,
    mut observed_rx: watch::Receiver<Option<Observed>>,
) {
    let mut draining_rx = agent.draining.subscribe();
    let mut origin_rx = agent.origin_known.subscribe();
    loop {
        let seen = observed_rx.borrow_and_update().clone();
        let mode = mode(*draining_rx.borrow_and_update());
        origin_rx.mark_unchanged();
        let outcome = match &seen {
            Some(seen) => carry_out(&agent, &mut nginx, seen, mode).await,
            None => Ok(()),
        };
        let is_worth_another_try = matches!(
            outcome,
            Err(Rejected::NotApplied(
                ApplyError::NotTakenOver | ApplyError::Signal(_) | ApplyError::Check(_)
            ))
        );
        tell(&agent, outcome.err());
        let changed = async {
            tokio::select! {
                changed = observed_rx.changed() => changed.is_ok(),
                changed = draining_rx.changed() => changed.is_ok(),
                changed = origin_rx.changed() => changed.is_ok(),
            }
        };
        let goes_on = if is_worth_another_try {
            timeout(TRY_AGAIN, changed).await.unwrap_or(true)
        } else {
            changed.await
        };
        if !goes_on {
            return;
        }
    }
}

fn mode(is_draining: bool) -> Mode {
    if is_draining {
        Mode::Draining
    } else {
        Mode::Serving
    }
}

async fn carry_out(agent: &Agent, nginx: &mut Nginx, seen: &Observed, mode: Mode) -> Result<(), Rejected> {
    let before = agent.record.borrow().clone();
    let record = match (mode, before) {
        // A record that comes now is the next proxy's, of the same name; or it went with ours.
        (Mode::Draining, Some(before)) => before,
        _ => read(agent, seen)?,
    };
    let record = origin::reachable(agent, record).await;
    // An empty record means that this proxy is on its way out: callers are asked away from now on.
    let mode = if record.intercepts.is_empty() {
        Mode::Draining
    } else {
        mode
    };
    agent.record.send_if_modified(|current| {
        let is_new = current.as_ref() != Some(&record);
        *current = Some(record.clone());
        is_new
    });
    let routed = nginx.apply(&record, mode).await?;
    agent.drain_configured.send_replace(mode == Mode::Draining);
    let direct = record.direct();
    agent.status.send_if_modified(|status| {
        let (is_same, is_as_direct) = (status.routed == routed, status.direct == direct);
        if !is_same {
            info!("NGINX routes {} intercept(s)", routed.len());
        }
        (status.routed, status.direct) = (routed, direct);
        !is_same || !is_as_direct
    });
    Ok(())
}

fn read(agent: &Agent, seen: &Observed) -> Result<Arc<Record>, Rejected> {
    let text = seen.text.as_deref().ok_or(Rejected::Empty)?;
    let record = Record::parse(text)?;
    let settings = &agent.settings;
    if record.service != settings.service || record.namespace != settings.namespace {
        return Err(Rejected::Foreign(format!(
            "{}/{}",
            record.namespace, record.service
        )));
    }
    Ok(Arc::new(record))
}

fn tell(agent: &Agent, rejected: Option<Rejected>) {
    let words = rejected.map(|rejected| chain(&rejected));
    agent.status.send_if_modified(|status| {
        if status.rejected == words {
            return false;
        }
        if let Some(words) = &words {
            warning!("{words}");
        }
        status.rejected = words;
        true
    });
}
