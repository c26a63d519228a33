//! The pure middle: snapshot and intercept in, ordered steps out, each with its undo and a sentence.
//!
//! ```text
//! Snapshot + InterceptSpec ──► plan() ──► Plan { way, steps, warnings } | refusals
//! ```
//!
//! Deliberately absent: any I/O, any clock, any randomness; what is random comes in as [`Identity`].

mod diff;
mod manifest;
pub(crate) mod ports;
mod preflight;
mod refusal;
mod step;
#[cfg(test)]
mod tests;
mod words;

use intercept_protocol::ids::{InterceptId, SessionId, TokenHash};
use intercept_protocol::record::{Intercept, PortProtocol, Record};

pub use ports::Ports;
pub(crate) use ports::numeric_target;
pub use refusal::{Refusal, Warning};
pub use step::{Action, Object, RecordDraft, Step, Switch};

use crate::agent_binary::AgentPart;
use crate::snapshot::{Optional, Snapshot, proxy_selector};
use crate::spec::{InterceptSpec, ProxySettings};
use manifest::Blueprint;

/// What a new intercept is known by.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The intercept.
    pub intercept: InterceptId,
    /// Its session.
    pub session: SessionId,
    /// The session's secret, hashed.
    pub token_hash: TokenHash,
    /// Now, seconds since 1970 UTC.
    pub now: u64,
}

/// What the program carries for the cluster.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// The agent's binary.
    pub parts: Vec<AgentPart>,
    /// Where it runs.
    pub architectures: Vec<&'static str>,
}

/// An ordered change.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// Which of its ports is intercepted; the record has the one that NGINX listens on.
    pub service_port: u16,
    /// What kind of change it is.
    pub way: Way,
    /// What to do, in this order; neighbours of one [`Step::stage`] at the same time.
    pub steps: Vec<Step>,
    /// What to know before saying yes.
    pub warnings: Vec<Warning>,
    /// The intercept as it will stand in the record.
    pub intercept: Intercept,
}

/// What kind of change a plan is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing of ours is there: everything is made.
    Engage,
    /// A proxy is there: only its record changes.
    Join,
    /// The same intercept stands there from a session of the same owner that is gone: it is taken over.
    TakeOver,
    /// The same owner holds exactly this intercept in a living session: nothing changes.
    AlreadyHeld,
}

/// Makes the plan for one intercept.
///
/// # Errors
/// Every reason that speaks against it, not just the first.
pub fn plan(
    snapshot: &Snapshot,
    spec: &InterceptSpec,
    settings: &ProxySettings,
    carried: &Carried,
    identity: &Identity,
    is_alive: impl Fn(&Intercept) -> bool,
) -> Result<Plan, Vec<Refusal>> {
    let mut refusals = preflight::refusals(snapshot);
    if settings.agent_image.is_none() && carried.parts.is_empty() {
        refusals.push(Refusal::NoAgent);
    }
    let chosen = match ports::chosen(&snapshot.service, spec.port.as_ref()) {
        Ok(port) if refusals.is_empty() => port,
        Ok(_) => return Err(refusals),
        Err(refusal) => {
            if refusals.is_empty() {
                refusals.push(refusal);
            }
            return Err(refusals);
        }
    };
    let standing = snapshot.record.as_ref().map(|found| &found.record);
    let fresh = ports::ports(&snapshot.service, &snapshot.endpoints);
    let ports = standing.map_or_else(|| fresh.clone(), |record| ports_of(record, &fresh));
    let Some(port) = ports::listener_of(&ports, chosen) else {
        return Err(vec![Refusal::NoSuchPort {
            asked: ports::label(chosen),
            known: Vec::new(),
        }]);
    };
    let protocol = protocol(&ports, port, spec);
    if protocol == PortProtocol::Tcp && !spec.rule.takes_everything() {
        return Err(vec![Refusal::OnlyAllTraffic {
            port: ports::label(chosen),
        }]);
    }
    let intercept = intercept(spec, identity, port);
    let way = way(standing, &intercept, is_alive)?;
    let mut ports = ports;
    // In a mesh only a Service's address gets the mutual TLS that the pods may insist on. And where the proxy may not
    // show the origin Service itself, a session that dies too early would leave it with pods that come and go.
    let may_show_origin = !snapshot.rights.missing_optional.contains(&Optional::SelfRestore);
    if way == Way::Engage && may_show_origin && preflight::mesh(&snapshot.pods).is_none() {
        ports::add_direct(&mut ports.listeners, &snapshot.service, &snapshot.endpoints);
    }
    let draft = RecordDraft {
        ports,
        grace_seconds: u32::try_from(settings.grace.as_secs()).unwrap_or(u32::MAX),
        forwarded_headers: settings.forwarded_headers,
        protocol: (port, protocol),
    };
    let steps = match way {
        Way::Engage => engage(snapshot, settings, carried, &draft, &intercept),
        Way::Join | Way::TakeOver => join(snapshot),
        Way::AlreadyHeld => Vec::new(),
    };
    Ok(Plan {
        namespace: snapshot.namespace().to_owned(),
        service: snapshot.name().to_owned(),
        service_port: ports::number_of(chosen),
        warnings: if way == Way::Engage {
            preflight::warnings(snapshot, settings)
        } else {
            Vec::new()
        },
        way,
        steps,
        intercept,
    })
}

/// A standing proxy keeps the ports it has: its pods are not restarted for a newcomer.
fn ports_of(record: &Record, fresh: &Ports) -> Ports {
    Ports {
        listeners: record.listeners.clone(),
        names: fresh.names.clone(),
        relay_port: record.relay_port,
        health_port: record.health_port,
    }
}

fn protocol(ports: &Ports, port: u16, spec: &InterceptSpec) -> PortProtocol {
    let declared = ports
        .listeners
        .iter()
        .find(|one| one.port == port)
        .map(|one| one.protocol);
    spec.protocol.or(declared).unwrap_or(PortProtocol::Http)
}

fn intercept(spec: &InterceptSpec, identity: &Identity, port: u16) -> Intercept {
    Intercept {
        id: identity.intercept.clone(),
        port,
        rule: spec.rule.clone(),
        owner: spec.owner.clone(),
        session: identity.session.clone(),
        token_hash: identity.token_hash.clone(),
        target: spec.target.to_string(),
        created: identity.now,
        expires: spec.ttl.map(|ttl| identity.now.saturating_add(ttl.as_secs())),
    }
}

/// Decides by the record alone; also used again when somebody changed the record meanwhile.
///
/// # Errors
/// When somebody holds exactly this match.
pub(crate) fn way(
    standing: Option<&Record>,
    wanted: &Intercept,
    is_alive: impl Fn(&Intercept) -> bool,
) -> Result<Way, Vec<Refusal>> {
    let Some(record) = standing else {
        return Ok(Way::Engage);
    };
    let same = record
        .intercepts
        .iter()
        .find(|one| one.port == wanted.port && one.rule.same_as(&wanted.rule));
    match same {
        None => Ok(Way::Join),
        Some(one) if one.owner != wanted.owner => Err(vec![taken(one)]),
        Some(one) if !is_alive(one) => Ok(Way::TakeOver),
        Some(one) if one.target == wanted.target => Ok(Way::AlreadyHeld),
        Some(one) => Err(vec![taken(one)]),
    }
}

fn taken(one: &Intercept) -> Refusal {
    Refusal::MatchTaken {
        owner: one.owner.clone(),
        rule: one.rule.to_string(),
        target: one.target.clone(),
    }
}

fn engage(
    snapshot: &Snapshot,
    settings: &ProxySettings,
    carried: &Carried,
    draft: &RecordDraft,
    first: &Intercept,
) -> Vec<Step> {
    let lacks = |right| snapshot.rights.missing_optional.contains(&right);
    let blueprint = blueprint(snapshot, settings, carried, draft);
    let selector = snapshot.original_selector().unwrap_or_default();
    let mut steps = Vec::new();
    let mut add = |stage, action| steps.push(Step { stage, action });
    if !lacks(Optional::Fuse) {
        add(
            0,
            Action::Create(Object::Fuse(Box::new(blueprint.fuse(&first.id)))),
        );
    }
    add(1, Action::Create(Object::Proxy(Box::new(blueprint.deployment()))));
    add(
        2,
        Action::Create(Object::Origin(Box::new(
            blueprint.origin(&snapshot.service, &selector),
        ))),
    );
    for part in blueprint.agent_parts() {
        add(2, Action::Create(Object::AgentPart(Box::new(part))));
    }
    if blueprint.self_restore {
        add(
            2,
            Action::Create(Object::ServiceAccount(Box::new(blueprint.service_account()))),
        );
        add(2, Action::Create(Object::Role(Box::new(blueprint.role()))));
        add(
            2,
            Action::Create(Object::RoleBinding(Box::new(blueprint.role_binding()))),
        );
    }
    let replicas = preflight::replicas(snapshot);
    if replicas > 1 && !lacks(Optional::DisruptionBudget) {
        add(
            2,
            Action::Create(Object::DisruptionBudget(Box::new(blueprint.disruption_budget()))),
        );
    }
    add(3, Action::WriteRecord(draft.clone()));
    add(4, Action::Scale { replicas });
    add(5, Action::OpenTunnel);
    if !lacks(Optional::Fuse) {
        add(6, Action::Defuse);
    }
    add(7, Action::Switch(switch(snapshot)));
    add(8, Action::AwaitSwitched);
    if draft.ports.is_direct() {
        add(9, Action::ShowOrigin);
    }
    steps
}

fn blueprint<'a>(
    snapshot: &'a Snapshot,
    settings: &'a ProxySettings,
    carried: &'a Carried,
    draft: &'a RecordDraft,
) -> Blueprint<'a> {
    let lacks_rights = snapshot.rights.missing_optional.contains(&Optional::SelfRestore);
    Blueprint {
        namespace: snapshot.namespace(),
        service: snapshot.name(),
        ports: &draft.ports,
        parts: if settings.agent_image.is_none() {
            &carried.parts
        } else {
            &[]
        },
        architectures: &carried.architectures,
        settings,
        self_restore: !lacks_rights,
    }
}

/// A newcomer finishes what the first one may not have finished yet: whoever is first to see the proxy
/// ready switches the Service, so an intercept never waits for a session that died.
fn join(snapshot: &Snapshot) -> Vec<Step> {
    let mut steps = vec![Step {
        stage: 3,
        action: Action::AddToRecord,
    }];
    let proxy = snapshot.proxy.as_ref().and_then(|proxy| proxy.spec.as_ref());
    if proxy.is_some_and(|spec| spec.replicas == Some(0)) {
        let replicas = preflight::replicas(snapshot);
        steps.push(Step {
            stage: 4,
            action: Action::Scale { replicas },
        });
    }
    steps.push(Step {
        stage: 5,
        action: Action::OpenTunnel,
    });
    if !snapshot.is_switched() {
        steps.push(Step {
            stage: 6,
            action: Action::Defuse,
        });
        steps.push(Step {
            stage: 7,
            action: Action::Switch(switch(snapshot)),
        });
        steps.push(Step {
            stage: 8,
            action: Action::AwaitSwitched,
        });
    }
    if snapshot.origin.as_ref().is_some_and(manifest::is_hidden) {
        steps.push(Step {
            stage: 9,
            action: Action::ShowOrigin,
        });
    }
    steps
}

fn switch(snapshot: &Snapshot) -> Switch {
    Switch {
        from: snapshot.original_selector().unwrap_or_default(),
        to: proxy_selector(snapshot.name()),
        has_annotations: snapshot.service.metadata.annotations.is_some(),
    }
}

/// Whether what stands in the cluster is a proxy one can join, or something to be cleaned away first.
pub fn is_joinable(snapshot: &Snapshot) -> bool {
    let has_intercepts = snapshot
        .record
        .as_ref()
        .is_some_and(|found| !found.record.intercepts.is_empty());
    let proxy_uid = snapshot
        .proxy
        .as_ref()
        .and_then(|proxy| proxy.metadata.uid.clone());
    let belongs = snapshot
        .record
        .as_ref()
        .is_some_and(|found| found.owner_uid == proxy_uid);
    let is_going = snapshot
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.metadata.deletion_timestamp.is_some());
    snapshot.proxy.is_some() && has_intercepts && belongs && !is_going
}

/// Whether nothing of ours stands around this Service.
pub fn is_untouched(snapshot: &Snapshot) -> bool {
    let annotated = crate::snapshot::original_selector(&snapshot.service).is_some();
    !snapshot.is_switched() && !annotated && snapshot.proxy.is_none() && snapshot.record.is_none()
}
