//! What went wrong, for people and for programs: what was tried, why it failed, what to do.

use std::error::Error;
use std::fmt::Write as _;

use intercept_engine::apply::ApplyError;
use intercept_engine::cluster::{ApiFailure, ClusterError, FailureKind};
use intercept_engine::discover::DiscoverError;
use intercept_engine::kubeconfig::KubeconfigError;
use intercept_engine::plan::Refusal;
use intercept_engine::residue::ResidueError;
use intercept_engine::session::SessionError;
use intercept_engine::settings::SettingsError;
use intercept_engine::snapshot::SnapshotError;
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::output::{bold, warning};

/// Nested causes of one error; more would be a loop.
const MAX_CAUSES: usize = 16;

/// An end that is not a success.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Stable, for programs.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hint: Option<String>,
    /// Every reason of a refusal, with a code of its own.
    pub(crate) refusals: Vec<Refusal>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
            refusals: Vec::new(),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    pub(crate) fn from_error(exit: Exit, code: &'static str, error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(exit, code, error.to_string());
        failure.caused_by(error.source());
        failure
    }

    pub(crate) fn hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// Puts what was tried in front; what was the message becomes the first cause.
    pub(crate) fn during(mut self, tried: impl Into<String>) -> Self {
        self.causes
            .insert(0, std::mem::replace(&mut self.message, tried.into()));
        self
    }

    /// Adds an error and what stands behind it.
    pub(crate) fn caused_by(&mut self, error: Option<&(dyn Error + 'static)>) {
        let chain =
            std::iter::successors(error, |one: &&(dyn Error + 'static)| (*one).source()).take(MAX_CAUSES);
        for words in chain.map(ToString::to_string) {
            if self.causes.last().unwrap_or(&self.message) != &words {
                self.causes.push(words);
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut out = format!("{} {}", warning(bold("Error:")), self.message);
        for cause in &self.causes {
            // Writing to a String cannot fail.
            let _ = write!(out, "\n  because: {cause}");
        }
        if let Some(hint) = &self.hint {
            let _ = write!(out, "\n{} {hint}", bold("What to do:"));
        }
        out
    }

    /// In one line, without what to do.
    pub(crate) fn in_short(&self) -> String {
        let causes = self.causes.iter().map(String::as_str);
        std::iter::once(self.message.as_str())
            .chain(causes)
            .collect::<Vec<_>>()
            .join(": ")
    }

    pub(crate) fn document(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "exit": self.exit as u8,
            "message": self.message,
            "causes": self.causes,
            "hint": self.hint,
        });
        if !self.refusals.is_empty() {
            error["refusals"] = self.refusals.iter().map(refusal).collect();
        }
        json!({ "error": error })
    }

    pub(crate) fn refused(message: impl Into<String>, refusals: Vec<Refusal>) -> Self {
        let mut failure = Self::new(Exit::Refused, "refused", message);
        failure.causes = refusals.iter().map(ToString::to_string).collect();
        let mut hints: Vec<String> = refusals.iter().map(Refusal::hint).collect();
        hints.dedup();
        failure.hint = Some(hints.join(" ")).filter(|hint| !hint.is_empty());
        failure.refusals = refusals;
        failure
    }

    /// An intercept that never got active and of which nothing is left.
    pub(crate) fn of_session(error: SessionError, service: &str) -> Self {
        let tried = format!("Service {service} cannot be intercepted");
        let hint = error.hint();
        match error {
            SessionError::Refused(refusals) => Self::refused(tried, refusals),
            SessionError::Snapshot(error) => error.into(),
            SessionError::Target(error) => Self::from_error(Exit::Usage, "target", &error)
                .during(tried)
                .hint(hint),
            SessionError::Apply(ApplyError::Cancelled) => Self::new(
                Exit::Interrupted,
                "interrupted",
                "Interrupted before the intercept was active",
            ),
            SessionError::Apply(ApplyError::Refused(refusal)) => Self::refused(tried, vec![refusal]),
            SessionError::Apply(error) => Self::from_error(Exit::Undone, "failed", &error)
                .during(tried)
                .hint(hint),
            error @ SessionError::Residue(_) => Self::from_error(Exit::Left, "incomplete", &error).hint(hint),
            error => Self::from_error(Exit::Undone, "failed", &error)
                .during(tried)
                .hint(hint),
        }
    }
}

fn refusal(one: &Refusal) -> Value {
    let mut value = serde_json::to_value(one).unwrap_or_default();
    value["message"] = one.to_string().into();
    value["hint"] = one.hint().into();
    value
}

/// A question that the cluster did not answer. Nothing was changed by asking.
fn unanswered(failure: &ApiFailure) -> (Exit, &'static str) {
    match failure.kind {
        FailureKind::Unreachable
        | FailureKind::Certificate
        | FailureKind::Credential
        | FailureKind::Unauthorized
        | FailureKind::Timeout => (Exit::NoConnection, "cluster"),
        FailureKind::Forbidden { .. } => (Exit::Refused, "forbidden"),
        _ => (Exit::Undone, "failed"),
    }
}

impl From<KubeconfigError> for Failure {
    fn from(error: KubeconfigError) -> Self {
        Self::from_error(Exit::NoConnection, "kubeconfig", &error).hint(Some(error.hint()))
    }
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let code = match error {
            ClusterError::NoSuchContext { .. } | ClusterError::NoCurrentContext { .. } => "context",
            _ => "cluster",
        };
        Self::from_error(Exit::NoConnection, code, &error).hint(error.hint())
    }
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Self {
        let (exit, code) = unanswered(error.failure());
        Self::from_error(exit, code, &error).hint(error.hint())
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::from_error(Exit::Usage, "config", &error).hint(Some(error.hint()))
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        let hint = Some(error.hint());
        let (exit, code) = match &error {
            SnapshotError::NoSuchService { .. } => (Exit::Refused, "noSuchService"),
            SnapshotError::Read { source, .. } => unanswered(source),
            SnapshotError::Record { .. } => (Exit::Undone, "failed"),
        };
        Self::from_error(exit, code, &error).hint(hint)
    }
}

impl From<ResidueError> for Failure {
    fn from(error: ResidueError) -> Self {
        let (exit, code, hint) = match &error {
            ResidueError::List { source, .. } => {
                let (exit, code) = unanswered(source);
                (exit, code, source.hint())
            }
            ResidueError::Record(error) => (Exit::Undone, "failed", Some(error.hint())),
            ResidueError::Revert(_) | ResidueError::Fuse(_) => (
                Exit::Left,
                "incomplete",
                Some("Run the same command again: it goes on where this one stopped."),
            ),
        };
        Self::from_error(exit, code, &error).hint(hint)
    }
}

#[cfg(test)]
mod tests;
