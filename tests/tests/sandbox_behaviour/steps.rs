//! The calls of a recorded run, and what can befall each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use intercept_sandbox::faults::{Call, Effect, Fault};

/// One call: the nth of its verb and resource.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    verb: String,
    resource: String,
    name: String,
    nth: u64,
}

impl Step {
    /// The calls of one user that come in every run. Requests for no resource (the version) are no steps; and how often a
    /// tunnel is tried until the pod listens depends on how busy the machine is, so only the first try is one.
    pub(crate) fn of_calls(calls: impl Iterator<Item = Call>) -> Vec<Self> {
        let steps = calls.filter(|call| !call.resource.starts_with('/'));
        let mut steps = Self::numbered(steps.map(|call| Self {
            verb: call.verb,
            resource: call.resource,
            name: call.name,
            nth: 0,
        }));
        steps.retain(|step| !step.is_tunnel() || step.nth == 1);
        steps
    }

    /// Numbers steps of the same verb and resource from one.
    pub(crate) fn numbered(steps: impl Iterator<Item = Self>) -> Vec<Self> {
        let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
        let number = |step: Self| {
            let nth = seen
                .entry((step.verb.clone(), step.resource.clone()))
                .or_default();
            *nth += 1;
            Self { nth: *nth, ..step }
        };
        steps.map(number).collect()
    }

    /// The first call of this kind.
    pub(crate) fn first(verb: &str, resource: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            name: String::new(),
            nth: 1,
        }
    }

    pub(crate) fn fault(&self, effect: Effect, user: &str) -> Fault {
        Fault::new(&self.verb, &self.resource, effect)
            .by_user(user)
            .nth(self.nth)
    }

    pub(crate) fn is_of(&self, resource: &str) -> bool {
        self.resource == resource
    }

    /// A list, or the watch that follows it.
    pub(crate) fn is_look(&self) -> bool {
        self.is_watch() || self.verb == "list"
    }

    /// The only patch of a record is a sign of life.
    pub(crate) fn is_heartbeat(&self) -> bool {
        self.verb == "patch" && self.is_of("configmaps")
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.verb == "watch"
    }

    pub(crate) fn is_tunnel(&self) -> bool {
        self.resource == "pods/portforward"
    }

    /// Changes the cluster.
    pub(crate) fn is_write(&self) -> bool {
        let writes = ["create", "update", "patch", "delete"].contains(&self.verb.as_str());
        writes && !self.is_tunnel() && !self.resource.ends_with("accessreviews")
    }

    /// What can befall it.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        let status = |code| Effect::Status {
            code,
            retry_after: None,
        };
        let mut effects: Vec<Effect> = [403, 500, 503].map(status).into();
        effects.extend([
            Effect::Hang,
            Effect::Delay(Duration::from_millis(50)),
            Effect::Drop,
        ]);
        if self.is_watch() {
            effects.extend([Effect::Gone, Effect::Stale]);
        } else if self.is_tunnel() {
            effects.extend([Effect::Refuse, Effect::Cut, Effect::Corrupt, Effect::Stall]);
        } else {
            effects.extend([status(409), status(422), Effect::Cut, Effect::Lost]);
            effects.push(Effect::Status {
                code: 429,
                retry_after: Some(1),
            });
        }
        effects
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {}/{} (number {})",
            self.verb, self.resource, self.name, self.nth
        )
    }
}

/// Which effects the `index`th step meets: a few of them, more where something is changed, so chosen that neighbours
/// meet different ones and every effect comes up many times. All of them where that is wanted.
pub(crate) fn chosen(index: usize, step: &Step) -> Vec<Effect> {
    let every = match std::env::var_os("INTERCEPT_ALL_FAULTS") {
        Some(_) => 1,
        None if step.is_write() => 4,
        None => 11,
    };
    let effects = step.effects().into_iter().enumerate();
    effects
        .filter(|(place, _)| (index + place).is_multiple_of(every))
        .map(|(_, effect)| effect)
        .collect()
}
