//! What a running sandbox has to tell.

use intercept_sandbox::{Fate, FateError};
use intercept_trial::{Arrival, Colleague};
use serde_json::json;

use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, dim, warning};

/// Tells it as it happens.
pub(super) struct News<'a> {
    pub(super) output: &'a Output,
}

impl News<'_> {
    /// Somebody else intercepts a Service, or does not.
    pub(super) fn arrival(&self, arrival: &Arrival) {
        let (owner, service) = (Colleague::owner().to_string(), Colleague::SERVICE);
        match arrival {
            Arrival::Underway => {}
            Arrival::Active => {
                self.output
                    .event(&json!({ "event": "colleague", "owner": owner, "service": service }));
                self.output.note(&dim(format!("{owner} intercepts {service}")));
            }
            Arrival::Absent(why) => {
                let words = format!("Nobody else intercepts {service}: {why}");
                self.output
                    .event(&json!({ "event": "colleague", "service": service, "error": why }));
                self.output.note(&warning(words));
            }
        }
    }

    /// What was ordered has happened, or could not.
    pub(super) fn fate(&self, fate: Result<Fate, FateError>) {
        let (event, words) = match fate {
            Ok(Fate::Died { pod }) => (json!({ "event": "died", "pod": pod }), format!("Pod {pod} died")),
            Ok(Fate::Crashed { pod }) => (
                json!({ "event": "crashed", "pod": pod }),
                format!("Pod {pod} crashed"),
            ),
            Ok(Fate::Sleeps(time)) => (
                json!({ "event": "sleeps", "milliseconds": time.as_millis() }),
                format!("The sandbox sleeps for {time:?}"),
            ),
            Ok(Fate::Awake) => (
                json!({ "event": "awake" }),
                "The sandbox is awake, and its clocks have jumped".to_owned(),
            ),
            Err(error) => {
                let failure = Failure::from_error(Exit::Unexpected, "fault", &error)
                    .during("What was ordered did not happen");
                self.output.failure(&failure);
                return;
            }
        };
        self.output.event(&event);
        self.output.note(&dim(words));
    }
}
