//! What a session tells, in words for people and as events for programs.

use std::collections::BTreeSet;
use std::time::Duration;

use intercept_engine::apply::Progress;
use intercept_engine::cluster::Cluster;
use intercept_engine::plan::{Action, Plan};
use intercept_engine::record_store::RecordStore;
use intercept_engine::session::{CloseReason, Phase, SessionEvent};
use intercept_engine::spec::InterceptSpec;
use intercept_engine::tunnel::RelayEvent;
use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::PortProtocol;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::events::{phase_event, port_value, relay_words};
use crate::commands::plan::{warnings, way};
use crate::output::{Output, bold, dim, good, warning};
use crate::words::{curl, now, requests, span, took};

/// The port's number is only for reading; nobody waits long for it.
const PORT_WITHIN: Duration = Duration::from_secs(1);
/// Seconds by which this machine's clock and the nodes' may differ.
const CLOCKS_DIFFER: u64 = 2;

/// Shows one session.
pub(super) struct Show<'a> {
    output: &'a Output,
    cluster: &'a Cluster,
    spec: InterceptSpec,
    port: Option<String>,
    planned: Option<Box<Plan>>,
    phase: Phase,
    ready: Option<Instant>,
    relays: BTreeSet<String>,
    not_served: u64,
    signals: usize,
}

impl<'a> Show<'a> {
    pub(super) fn new(output: &'a Output, cluster: &'a Cluster, spec: &InterceptSpec) -> Self {
        Self {
            output,
            cluster,
            spec: spec.clone(),
            port: None,
            planned: None,
            phase: Phase::Planning,
            ready: None,
            relays: BTreeSet::new(),
            not_served: 0,
            signals: 0,
        }
    }

    pub(super) fn output(&self) -> &Output {
        self.output
    }

    /// Which intercept it is, once that is planned.
    pub(super) fn intercept(&self) -> Option<&InterceptId> {
        self.planned.as_ref().map(|plan| &plan.intercept.id)
    }

    /// The Service's port, once that is known.
    pub(super) fn port(&self) -> Option<String> {
        self.port.clone()
    }

    /// `namespace/service`.
    pub(super) fn service(&self) -> String {
        format!("{}/{}", self.spec.namespace, self.spec.service)
    }

    pub(super) async fn event(&mut self, event: SessionEvent) {
        match event {
            SessionEvent::Phase(phase) => self.phase(phase),
            SessionEvent::Planned(plan) => self.planned(plan).await,
            SessionEvent::Progress(progress) => self.progress(&progress),
            SessionEvent::Ready { took } => self.ready(took),
            SessionEvent::Relay(event) => self.relay(&event),
            SessionEvent::PlannedAgain => {
                self.output.event(&json!({ "event": "plannedAgain" }));
                self.output
                    .note(&dim("Somebody else was at work on this Service: planning again"));
            }
        }
        self.status();
    }

    /// A request to end. The second one is told that it changes nothing.
    pub(super) fn asked_to_stop(&mut self, signal: &str) {
        self.signals += 1;
        self.output
            .event(&json!({ "event": "signal", "signal": signal, "count": self.signals }));
        let service = self.service();
        if self.signals > 1 {
            return self.output.note(&warning(format!(
                "Still restoring {service}: {signal} does not skip that, and it ends soon"
            )));
        }
        if self.ready.is_some() {
            self.output.note(&format!(
                "Stopping ({signal}): restoring {service}. Asking again does not skip that."
            ));
        } else {
            self.output.note(&format!(
                "Stopping ({signal}): undoing what was begun on {service}"
            ));
        }
    }

    async fn planned(&mut self, plan: Box<Plan>) {
        self.port = self.find_port(&plan).await;
        let (intercept, port) = (&plan.intercept, &self.port);
        self.output.event(&json!({
            "event": "planned",
            "namespace": plan.namespace,
            "service": plan.service,
            "port": port_value(port.as_deref()),
            "way": way(&plan.way),
            "intercept": intercept.id,
            "session": intercept.session,
            "match": intercept.rule.to_string(),
            "target": intercept.target,
            "owner": intercept.owner,
            "expires": intercept.expires,
            "steps": plan.steps.len(),
            "warnings": warnings(&plan),
        }));
        let rule = requests(&intercept.rule);
        self.output.note(&format!(
            "{}: {rule} go to {}",
            bold(self.place()),
            intercept.target
        ));
        for one in &plan.warnings {
            self.output.note(&format!("{} {one}", warning("Warning:")));
        }
        self.planned = Some(plan);
    }

    /// The Service port's number: from the plan, from the flags, or from the record of a standing proxy.
    async fn find_port(&self, plan: &Plan) -> Option<String> {
        let listener = plan.intercept.port;
        let drafts = plan.steps.iter().filter_map(|step| match &step.action {
            Action::WriteRecord(draft) => Some(&draft.ports.listeners),
            _ => None,
        });
        let planned = drafts
            .flatten()
            .find(|one| one.port == listener)
            .map(|one| one.service_port);
        if let Some(port) = planned {
            return Some(port.to_string());
        }
        let store = RecordStore::new(&self.cluster.client(), &self.spec.namespace, &self.spec.service);
        let found = timeout(PORT_WITHIN, store.read()).await.ok()?.ok().flatten();
        let port = found
            .as_ref()
            .and_then(|found| found.record.listener(listener))
            .map(|one| one.service_port.to_string());
        port.or_else(|| self.spec.port.as_ref().map(ToString::to_string))
    }

    /// `namespace/service:port`.
    fn place(&self) -> String {
        let port = self
            .port
            .as_ref()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        format!("{}{port}", self.service())
    }

    fn progress(&self, progress: &Progress) {
        match progress {
            Progress::Begun { sentence } => {
                self.output
                    .event(&json!({ "event": "step", "state": "begun", "sentence": sentence }));
                self.output.live(sentence);
            }
            Progress::Done { sentence, took: time } => {
                let millis = time.as_millis() as u64;
                self.output.event(
                    &json!({ "event": "step", "state": "done", "sentence": sentence, "tookMs": millis }),
                );
                // On a terminal the live line has shown it.
                if !self.output.is_live() {
                    self.output.note(&dim(format!("  {sentence} ({})", took(*time))));
                }
            }
            Progress::Trouble(trouble) => {
                let mut event = serde_json::to_value(trouble).unwrap_or_default();
                event["event"] = "trouble".into();
                self.output.event(&event);
                self.output
                    .note(&format!("{} {trouble}", warning("The proxy does not start yet:")));
            }
        }
    }

    fn ready(&mut self, time: Duration) {
        self.ready = Some(Instant::now());
        let rule = self.rule();
        let target = self.spec.target.to_string();
        self.output.event(&json!({
            "event": "ready",
            "tookMs": time.as_millis() as u64,
            "namespace": self.spec.namespace,
            "service": self.spec.service,
            "port": port_value(self.port.as_deref()),
            "intercept": self.planned.as_ref().map(|plan| &plan.intercept.id),
            "match": self.spec.rule.to_string(),
            "target": target,
        }));
        self.output.line(&format!(
            "{} in {:.1}s: {}, {rule} are answered by {target}",
            good("Ready"),
            time.as_secs_f64(),
            self.place()
        ));
        if self.spec.protocol != Some(PortProtocol::Tcp) {
            let port = self.port.as_deref().unwrap_or("80");
            let command = curl(&self.spec.rule, &self.spec.namespace, &self.spec.service, port);
            self.output
                .note(&format!("Try it from inside the cluster: {}", bold(command)));
        }
        self.output.note(&dim("Ctrl-C ends it and restores the Service"));
    }

    fn rule(&self) -> String {
        requests(&self.spec.rule)
    }

    fn phase(&mut self, phase: Phase) {
        let phase = match phase {
            Phase::Closing { why } => Phase::Closing {
                why: self.reason(why),
            },
            other => other,
        };
        self.output.event(&phase_event(&phase));
        let was_away = matches!(self.phase, Phase::Reconnecting | Phase::Displaced { .. });
        match &phase {
            Phase::Active if was_away => {
                self.output.note(&good(format!("Connected again: {} come here again", self.rule())));
            }
            Phase::Reconnecting => self.output.note(&warning(
                "No tunnel to the proxy: the original pods answer everything meanwhile. Reconnecting by itself.",
            )),
            Phase::Displaced { by } => self.output.note(&warning(format!(
                "{by} changed the Service's selector: nothing arrives here until it is the proxy's again. \
                 Nothing is fought over; to engage again, stop and start."
            ))),
            Phase::Closing { why } => self.closing(*why),
            _ => {}
        }
        self.phase = phase;
    }

    /// The agent counts the lifetime too, and may be the first to end it.
    pub(super) fn reason(&self, why: CloseReason) -> CloseReason {
        let end = self.planned.as_ref().and_then(|plan| plan.intercept.expires);
        let is_over = end.is_some_and(|end| end <= now() + CLOCKS_DIFFER);
        if why == CloseReason::RemovedByOther && is_over {
            CloseReason::Expired
        } else {
            why
        }
    }

    fn closing(&self, why: CloseReason) {
        let service = self.service();
        match why {
            // Told when the signal came.
            CloseReason::Asked if self.signals > 0 => {}
            CloseReason::Asked => self
                .output
                .note(&format!("It did not work: undoing what was begun on {service}")),
            CloseReason::Expired => self
                .output
                .note(&format!("Its time is over: restoring {service}")),
            CloseReason::RemovedByOther => self
                .output
                .note(&warning("The intercept was taken out from elsewhere")),
            CloseReason::ProxyLost => {
                self.output.note(&warning(format!(
                    "No proxy pod is ready: restoring {service} at once"
                )));
            }
        }
    }

    fn relay(&mut self, event: &RelayEvent) {
        let (what, pod, words) = relay_words(event);
        match event {
            RelayEvent::Opened { pod, .. } => {
                self.relays.insert(pod.to_string());
            }
            RelayEvent::Lost { pod, .. } | RelayEvent::Draining { pod } => {
                self.relays.remove(&pod.to_string());
            }
            RelayEvent::NotServed { .. } => self.not_served += 1,
            _ => {}
        }
        self.output
            .event(&json!({ "event": "relay", "what": what, "pod": pod, "message": words }));
        match event {
            RelayEvent::Opened { .. } => self.output.note(&dim(words)),
            _ => self.output.note(&warning(words)),
        }
    }

    /// Redraws the live line.
    pub(super) fn status(&self) {
        let Some(since) = self.ready.filter(|_| self.output.is_live()) else {
            return;
        };
        let phase = match &self.phase {
            Phase::Reconnecting => warning("reconnecting"),
            Phase::Displaced { .. } => warning("displaced"),
            Phase::Closing { .. } => "restoring".to_owned(),
            _ => good("active"),
        };
        let mut parts = vec![
            format!("{phase} {}", self.place()),
            span(since.elapsed().as_secs()),
        ];
        if let Some(ttl) = self.spec.ttl {
            parts.push(format!(
                "ends in {}",
                span(ttl.saturating_sub(since.elapsed()).as_secs())
            ));
        }
        if !self.relays.is_empty() {
            parts.push(format!("{} reconnected", self.relays.len()));
        }
        if self.not_served > 0 {
            parts.push(format!("{} not served here", self.not_served));
        }
        self.output.live(&parts.join(" · "));
    }
}
