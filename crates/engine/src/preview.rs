//! What an intercept would change, for somebody who wants to know before it is opened. Reads only.
//!
//! Deliberately absent: holding anything. A session reads and plans for itself, since much may have changed meanwhile.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::record::Intercept;
use kube::Client;

use crate::agent_binary;
use crate::plan::{self, Carried, Identity, Plan, Refusal, Warning};
use crate::snapshot::{self, FoundRecord, Snapshot, SnapshotError};
use crate::spec::{InterceptSpec, ProxySettings};
use crate::target::TargetError;

/// What was found out.
#[derive(Debug)]
pub struct Preview {
    /// The plan, or everything that speaks against one.
    pub planned: Result<Plan, Vec<Refusal>>,
    /// Whether what an earlier intercept left is removed first.
    pub has_residue: bool,
    /// How many others intercept this Service now.
    pub others: usize,
    /// How long reading the cluster took.
    pub read_in: Duration,
    /// How long connecting to the target took, or why it failed; that is among the plan's warnings too.
    pub target: Result<Duration, TargetError>,
}

/// Reads the cluster and tries the target.
///
/// # Errors
/// When the cluster cannot be read.
pub async fn preview(
    client: &Client,
    spec: &InterceptSpec,
    proxy: &ProxySettings,
) -> Result<Preview, SnapshotError> {
    let began = Instant::now();
    let snapshot = async {
        let read = snapshot::read(client, &spec.namespace, &spec.service).await;
        (read, began.elapsed())
    };
    let target = async {
        let began = Instant::now();
        spec.target.listening().await.map(|()| began.elapsed())
    };
    let ((snapshot, read_in), target) = tokio::join!(snapshot, target);
    let snapshot = snapshot?;
    let mut planned = plan(&snapshot, spec, proxy);
    if let (Ok(plan), Err(_)) = (&mut planned, &target) {
        plan.warnings.push(Warning::NothingListens {
            target: spec.target.to_string(),
        });
    }
    Ok(Preview {
        planned,
        has_residue: !plan::is_joinable(&snapshot) && !plan::is_untouched(&snapshot),
        others: snapshot
            .record
            .as_ref()
            .map_or(0, |found| found.record.intercepts.len()),
        read_in,
        target,
    })
}

fn plan(snapshot: &Snapshot, spec: &InterceptSpec, proxy: &ProxySettings) -> Result<Plan, Vec<Refusal>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let identity = Identity {
        intercept: InterceptId::random(),
        session: SessionId::random(),
        token_hash: Token::random().hash(),
        now: now.map_or(0, |since| since.as_secs()),
    };
    let carried = Carried {
        parts: agent_binary::parts(),
        architectures: agent_binary::architectures(),
    };
    let record = snapshot.record.as_ref();
    let is_alive = |one: &Intercept| record.is_some_and(|found| is_alive(found, one, identity.now));
    plan::plan(snapshot, spec, proxy, &carried, &identity, is_alive)
}

/// By its signs of life: a session gives three in its grace time, and one that missed four is gone.
fn is_alive(found: &FoundRecord, one: &Intercept, now: u64) -> bool {
    let beat = found
        .heartbeats
        .get(&one.session)
        .and_then(|text| text.parse().ok());
    let grace = u64::from(found.record.grace_seconds);
    now.saturating_sub(beat.unwrap_or(one.created)) < grace * 4 / 3
}
