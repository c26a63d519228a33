//! One intercept as people follow it: what a session told, made into what is to be seen. Pure.

use intercept_engine::apply::Progress;
use intercept_engine::apply::switch::Restored;
use intercept_engine::plan::Plan;
use intercept_engine::revert::{Left, RevertError};
use intercept_engine::session::{CloseReason, Outcome, Phase, SessionError, SessionEvent};
use intercept_engine::spec::InterceptSpec;
use intercept_engine::tunnel::RelayEvent;
use intercept_engine::words::{curl, requests};

use crate::plan::{asked_port, capital, millis};
use crate::wire::{
    Ending, EndingKind, InterceptView, InterceptWish, Relay, StepState, StepView, TimelineKind,
};

/// An intercept from asked for to ended.
pub(crate) struct Story {
    pub(crate) view: InterceptView,
    spec: InterceptSpec,
}

/// Something for the timeline.
pub(crate) type News = (TimelineKind, String);

impl Story {
    pub(crate) fn new(key: u32, wish: InterceptWish, spec: InterceptSpec, since: u64) -> Self {
        let view = InterceptView {
            key,
            id: None,
            port: None,
            rule: requests(&spec.rule),
            target: spec.target.to_string(),
            phase: Phase::Planning,
            trouble: None,
            steps: Vec::new(),
            since,
            expires: spec.ttl.map(|ttl| since + ttl.as_secs()),
            ready_after_ms: None,
            relays: Vec::new(),
            recording: None,
            curl: curl(&spec.rule, &spec.namespace, &spec.service, &asked_port(&spec)),
            ending: None,
            wish,
        };
        Self { view, spec }
    }

    /// Takes in what happened; what of it is worth remembering.
    pub(crate) fn event(&mut self, event: SessionEvent) -> Option<News> {
        match event {
            SessionEvent::Phase(phase) => self.phase(phase),
            SessionEvent::Planned(plan) => {
                self.planned(&plan);
                None
            }
            SessionEvent::Progress(progress) => self.progress(progress),
            SessionEvent::Ready { took } => {
                self.view.ready_after_ms = Some(millis(took));
                Some((
                    TimelineKind::Good,
                    format!(
                        "{} to {} go to {} now, after {:.1} s.",
                        capital(&self.view.rule),
                        self.name(),
                        self.view.target,
                        took.as_secs_f64()
                    ),
                ))
            }
            SessionEvent::Relay(event) => self.relay(event),
            SessionEvent::PlannedAgain => {
                self.view.steps.clear();
                Some((
                    TimelineKind::Notice,
                    format!(
                        "Somebody else changed {} first; it is planned again.",
                        self.name()
                    ),
                ))
            }
        }
    }

    /// The local program takes connections again.
    pub(crate) fn target_is_back(&mut self) -> Option<News> {
        self.view.trouble.take()?;
        Some((
            TimelineKind::Good,
            format!("{} takes connections again.", self.view.target),
        ))
    }

    /// Whether the local program was found not to answer.
    pub(crate) fn waits_for_target(&self) -> bool {
        self.view.trouble.is_some() && self.view.phase == Phase::Active
    }

    /// `cart in shop`.
    fn name(&self) -> String {
        format!("{} in {}", self.spec.service, self.spec.namespace)
    }

    fn phase(&mut self, phase: Phase) -> Option<News> {
        let before = std::mem::replace(&mut self.view.phase, phase.clone());
        let name = self.name();
        self.view.trouble = match &phase {
            Phase::Reconnecting => Some("The relay is lost. The original pods answer meanwhile.".to_owned()),
            Phase::Displaced { by } => Some(format!(
                "{by} changed the Service's selector: no request reaches this laptop."
            )),
            _ => None,
        };
        match (before, phase) {
            (_, Phase::Reconnecting) => Some((
                TimelineKind::Bad,
                format!("The relay of {name} is lost; its original pods answer."),
            )),
            (Phase::Reconnecting, Phase::Active) => {
                Some((TimelineKind::Good, format!("The relay of {name} is open again.")))
            }
            (_, Phase::Displaced { by }) => Some((
                TimelineKind::Bad,
                format!("{by} changed the selector of {name}: no request reaches this laptop."),
            )),
            (Phase::Displaced { .. }, Phase::Active) => Some((
                TimelineKind::Good,
                format!("{name} selects the proxy again; requests reach this laptop."),
            )),
            _ => None,
        }
    }

    fn planned(&mut self, plan: &Plan) {
        self.view.id = Some(plan.intercept.id.to_string());
        self.view.port = Some(plan.service_port);
        self.view.curl = curl(
            &self.spec.rule,
            &self.spec.namespace,
            &self.spec.service,
            &plan.service_port.to_string(),
        );
        let waiting = |step: &intercept_engine::plan::Step| StepView {
            sentence: step.sentence(),
            state: StepState::Waiting,
            took_ms: None,
        };
        self.view.steps = plan.steps.iter().map(waiting).collect();
    }

    fn progress(&mut self, progress: Progress) -> Option<News> {
        match progress {
            Progress::Begun { sentence } => self.step(sentence, StepState::Running, None),
            Progress::Done { sentence, took } => {
                self.view.trouble = None;
                self.step(sentence, StepState::Done, Some(millis(took)));
            }
            Progress::Trouble(trouble) => {
                let words = capital(&trouble.to_string());
                if self.view.trouble.as_ref() == Some(&words) {
                    return None;
                }
                self.view.trouble = Some(words.clone());
                return Some((TimelineKind::Notice, format!("{}: {words}", self.name())));
            }
        }
        None
    }

    fn step(&mut self, sentence: String, state: StepState, took_ms: Option<u32>) {
        let known = self.view.steps.iter_mut();
        let mut open = known.filter(|step| step.sentence == sentence && step.state != StepState::Done);
        match open.next() {
            Some(step) => (step.state, step.took_ms) = (state, took_ms),
            None => self.view.steps.push(StepView {
                sentence,
                state,
                took_ms,
            }),
        }
    }

    fn relay(&mut self, event: RelayEvent) -> Option<News> {
        let name = self.name();
        match event {
            RelayEvent::Opened { pod, .. } => {
                self.pod(&pod.to_string(), None);
                None
            }
            RelayEvent::Lost { pod, reason } => {
                self.pod(&pod.to_string(), Some(capital(&reason.to_string())));
                Some((
                    TimelineKind::Notice,
                    format!("The relay to {pod} was lost: {reason}."),
                ))
            }
            RelayEvent::Rejected { pod, words } => {
                let why = format!("NGINX there refused the newest record: {words}");
                self.pod(&pod.to_string(), Some(why.clone()));
                Some((TimelineKind::Bad, format!("{pod}: {why}")))
            }
            RelayEvent::Draining { pod } => {
                let pod = pod.to_string();
                self.view.relays.retain(|relay| relay.pod != pod);
                None
            }
            RelayEvent::NotServed { reason, .. } => {
                let words = format!("{}. The original pods answer meanwhile.", capital(&reason));
                if self.view.trouble.as_ref() == Some(&words) {
                    return None;
                }
                self.view.trouble = Some(words);
                Some((
                    TimelineKind::Bad,
                    format!("{name}: {reason}; the original pods answer."),
                ))
            }
            RelayEvent::Slept { duration } => Some((
                TimelineKind::Notice,
                format!(
                    "This machine slept for {} s; the original pods answered meanwhile.",
                    duration.as_secs()
                ),
            )),
        }
    }

    fn pod(&mut self, pod: &str, why: Option<String>) {
        let relay = Relay {
            pod: pod.to_owned(),
            is_open: why.is_none(),
            why,
        };
        match self.view.relays.iter_mut().find(|known| known.pod == pod) {
            Some(known) => *known = relay,
            None => self.view.relays.push(relay),
        }
    }

    /// How it ended.
    pub(crate) fn ended(&mut self, outcome: Outcome) -> News {
        let name = self.name();
        self.view.phase = Phase::Closed;
        self.view.relays.clear();
        self.view.trouble = None;
        let ending = match outcome {
            Outcome::Closed { why, left: Ok(left) } => closed(why, left, &name),
            Outcome::Closed { left: Err(error), .. } => not_undone(&name, &error, Vec::new()),
            Outcome::Failed {
                error,
                reverted: Ok(()),
            } => failed(&error, &name),
            Outcome::Failed {
                error,
                reverted: Err(revert),
            } => not_undone(&name, &revert, causes(&error)),
            Outcome::AlreadyHeld { owner, .. } => Ending {
                kind: EndingKind::AlreadyHeld,
                is_restored: true,
                sentence: format!(
                    "{owner} holds this intercept of {name} in another session already; nothing was changed."
                ),
                causes: Vec::new(),
                hint: Some("Use the other session, or stop it there.".to_owned()),
            },
        };
        let what = match (ending.is_restored, ending.kind) {
            (false, _) | (_, EndingKind::Failed | EndingKind::ProxyLost) => TimelineKind::Bad,
            (_, EndingKind::RemovedByOther | EndingKind::AlreadyHeld) => TimelineKind::Notice,
            _ => TimelineKind::Good,
        };
        let news = (what, ending.sentence.clone());
        self.view.ending = Some(ending);
        news
    }
}

fn closed(why: CloseReason, left: Left, name: &str) -> Ending {
    let restored = match left {
        Left::OthersRemain => format!("Your intercept of {name} is out; those of others stay"),
        Left::LastOne {
            service: Restored::ServiceGone,
            ..
        } => format!("The Service {name} is gone; there is nothing to restore"),
        Left::LastOne { followed: true, .. } => format!("The original pods of {name} answer again"),
        Left::LastOne { followed: false, .. } => {
            format!("{name} selects its original pods again; its endpoints follow in a moment")
        }
    };
    let (kind, why, hint) = match why {
        CloseReason::Asked => (EndingKind::Stopped, None, None),
        CloseReason::Expired => (EndingKind::Expired, Some("its lifetime was over"), None),
        CloseReason::RemovedByOther => (
            EndingKind::RemovedByOther,
            Some("the intercept was taken out from elsewhere"),
            Some(
                "Somebody closed it, or the cluster heard nothing from here for the grace time. Start it again if it was not meant.",
            ),
        ),
        CloseReason::ProxyLost => (
            EndingKind::ProxyLost,
            Some("no proxy pod was ready for some seconds"),
            Some("See the namespace's events for why, then start it again."),
        ),
    };
    Ending {
        kind,
        is_restored: true,
        sentence: why.map_or_else(|| format!("{restored}."), |why| format!("{restored}: {why}.")),
        causes: Vec::new(),
        hint: hint.map(str::to_owned),
    }
}

fn failed(error: &SessionError, name: &str) -> Ending {
    let mut causes = causes(error);
    if let SessionError::Refused(refusals) = error {
        causes = refusals.iter().map(|one| capital(&one.to_string())).collect();
    }
    Ending {
        kind: EndingKind::Failed,
        is_restored: true,
        sentence: format!("The intercept of {name} did not start; what was begun is undone."),
        causes,
        hint: error.hint(),
    }
}

fn not_undone(name: &str, error: &RevertError, mut first: Vec<String>) -> Ending {
    first.extend(causes(error));
    Ending {
        kind: EndingKind::Failed,
        is_restored: false,
        sentence: format!("{name} could not be restored completely."),
        causes: first,
        hint: Some(
            "Once the cluster can be reached, stop it again from the list of Services. Otherwise the cluster restores \
             itself after the grace time."
                .to_owned(),
        ),
    }
}

/// The error and what stands behind it, outermost first.
fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut words = vec![capital(&error.to_string())];
    let mut next = error.source();
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    words
}
