//! Errors as the window receives them: a code to decide by, words to read, and the next step.

use std::error::Error;

use intercept_engine::cluster::{ClusterError, FailureKind};
use intercept_engine::discover::DiscoverError;
use intercept_engine::kubeconfig::{KubeconfigError, Origin};
use intercept_engine::residue::ResidueError;
use intercept_engine::snapshot::SnapshotError;
use intercept_inspect::filter::FilterError;
use intercept_inspect::store::StoreError;
use intercept_trial::TrialError;
use serde::Serialize;
use ts_rs::TS;

/// A refused command.
#[derive(Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    code: ErrorCode,
    /// What was tried, and why it failed.
    message: String,
    /// What to do next.
    hint: String,
    /// The field of what was asked that is wrong, where it is one: `target`, `mark`, `pathPrefix`, `methods`, `port`.
    field: Option<String>,
    /// The place in a filter that cannot be read.
    spot: Option<Spot>,
}

/// A part of a text that was typed, in UTF-16 units as the window counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Spot {
    /// Where it begins.
    pub at: u32,
    /// How long it is; it may be empty, at the end.
    pub length: u32,
}

/// What the window decides by. A new one only where it acts differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// There is none, or none with a context in it: somebody who starts for the first time.
    KubeconfigMissing,
    /// There is one, and it cannot be read.
    KubeconfigUnreadable,
    /// The kubeconfig's entry for this context lacks something or has it wrong.
    ContextUnusable,
    /// The sandbox cannot run here.
    SandboxUnstartable,
    /// The cluster does not know the user, or the program that logs in failed.
    LoginFailed,
    /// Nothing answers at the cluster's address.
    ClusterUnreachable,
    /// Rights are missing.
    Forbidden,
    /// Something that was typed cannot be; `field` says what.
    Wrong,
    /// A filter cannot be read; `spot` says where.
    FilterWrong,
    /// Something may change by it, and nobody agreed.
    NotAgreed,
    /// It is not known where the local program is.
    NoTarget,
    /// What it is about is gone.
    Gone,
    /// Nothing can be recorded or read in this run.
    NoRecorder,
    /// Anything else.
    Unexpected,
}

/// Where the engine knows no better one.
const LOOK_AGAIN: &str = "Look again; if it stays, check the cluster with `kubectl get services`.";

impl CommandError {
    fn new(code: ErrorCode, error: &dyn Error, hint: Option<&str>) -> Self {
        Self {
            code,
            message: with_causes(error),
            hint: hint.unwrap_or(LOOK_AGAIN).to_owned(),
            field: None,
            spot: None,
        }
    }
}

impl CommandError {
    /// Something that was typed cannot be.
    pub(crate) fn wrong(field: &str, error: &dyn Error, hint: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(ErrorCode::Wrong, error, Some(hint))
        }
    }

    /// Something that the desktop refused.
    pub fn of_desktop(what: &str, error: &dyn Error) -> Self {
        Self::said(
            ErrorCode::Unexpected,
            format!("{what}: {}.", with_causes(error)),
            "Try again; if it stays, start Intercept anew.",
        )
    }

    /// With words of its own.
    pub(crate) fn said(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hint: hint.into(),
            field: None,
            spot: None,
        }
    }

    /// A filter that cannot be read.
    pub(crate) fn of_filter(text: &str, error: FilterError) -> Self {
        // A window counts as its texts do.
        let units = |bytes: usize| {
            let before = text.get(..bytes).unwrap_or(text);
            u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX)
        };
        let (at, end) = (units(error.at), units(error.at + error.length));
        Self {
            spot: Some(Spot { at, length: end - at }),
            ..Self::said(
                ErrorCode::FilterWrong,
                error.what,
                error
                    .hint
                    .unwrap_or_else(|| "The list is as it was before.".to_owned()),
            )
        }
    }

    /// What it is decided by.
    pub fn code(&self) -> ErrorCode {
        self.code
    }
}

impl Error for CommandError {}

impl std::fmt::Display for CommandError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.message, self.hint)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorCode::NoRecorder, &error, Some(error.hint()))
    }
}

impl From<ResidueError> for CommandError {
    fn from(error: ResidueError) -> Self {
        let hint = "It goes on where it stopped: close it again in a moment.";
        Self::new(ErrorCode::Unexpected, &error, Some(hint))
    }
}

impl From<SnapshotError> for CommandError {
    fn from(error: SnapshotError) -> Self {
        let code = match &error {
            SnapshotError::NoSuchService { .. } => ErrorCode::Gone,
            SnapshotError::Read { source, .. } => of_failure(&source.kind),
            SnapshotError::Record { .. } => ErrorCode::Unexpected,
        };
        Self::new(code, &error, Some(&error.hint()))
    }
}

impl From<KubeconfigError> for CommandError {
    fn from(error: KubeconfigError) -> Self {
        // A window has no `--kubeconfig`, which the engine's hint for these speaks of.
        let hint = match &error {
            KubeconfigError::NotFound {
                origin: Origin::Home, ..
            }
            | KubeconfigError::NoHome => {
                "Let your cluster's tool write ~/.kube/config, or start Intercept with KUBECONFIG naming your files."
            }
            KubeconfigError::Empty { .. } => "Add a context, for instance with `kubectl config set-context`.",
            _ => error.hint(),
        };
        let code = match &error {
            KubeconfigError::NotFound { .. } | KubeconfigError::NoHome | KubeconfigError::Empty { .. } => {
                ErrorCode::KubeconfigMissing
            }
            _ => ErrorCode::KubeconfigUnreadable,
        };
        Self::new(code, &error, Some(hint))
    }
}

impl From<TrialError> for CommandError {
    fn from(error: TrialError) -> Self {
        Self::new(
            ErrorCode::SandboxUnstartable,
            &error,
            Some(
                "It needs loopback addresses and a folder for temporary files. Try again, or choose a cluster.",
            ),
        )
    }
}

impl From<ClusterError> for CommandError {
    fn from(error: ClusterError) -> Self {
        let code = match &error {
            ClusterError::Plugin { .. } | ClusterError::Unauthorized { .. } => ErrorCode::LoginFailed,
            ClusterError::Unreachable { .. }
            | ClusterError::Certificate { .. }
            | ClusterError::NotKubernetes { .. } => ErrorCode::ClusterUnreachable,
            _ => ErrorCode::ContextUnusable,
        };
        Self::new(code, &error, error.hint().as_deref())
    }
}

impl From<DiscoverError> for CommandError {
    fn from(error: DiscoverError) -> Self {
        Self::new(of_failure(&error.failure().kind), &error, error.hint())
    }
}

fn of_failure(kind: &FailureKind) -> ErrorCode {
    match kind {
        FailureKind::Forbidden { .. } => ErrorCode::Forbidden,
        FailureKind::Unauthorized | FailureKind::Credential => ErrorCode::LoginFailed,
        FailureKind::Unreachable | FailureKind::Timeout | FailureKind::Certificate => {
            ErrorCode::ClusterUnreachable
        }
        _ => ErrorCode::Unexpected,
    }
}

/// The error and what stands behind it, outermost first.
fn with_causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}
