//! What went wrong in a call to the Kubernetes API, in the few kinds the engine acts on.
//!
//! The kind comes from HTTP status codes, `Status.reason` and error types, never from the text of a
//! message. Kubernetes' own words are kept beside it, for people to read.

mod cause;
mod status;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use kube::core::Status;
use kube::runtime::watcher;
use serde::Serialize;

use self::cause::{chain, kind_of_cause};
use self::status::kind_of_status;

/// An error page of a proxy in between can be long; nobody reads more of it than this.
const MAX_WORDS: usize = 2_000;

/// A call to the Kubernetes API that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiFailure {
    /// What to act on.
    pub kind: FailureKind,
    /// Kubernetes' own words, or those of the network where it never answered.
    pub words: Box<str>,
}

/// The kinds of [`ApiFailure`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum FailureKind {
    /// No answer: name resolution, connection, proxy, or a connection that broke.
    Unreachable,
    /// Somebody answered whose certificate is not trusted, or ours is not.
    Certificate,
    /// The credential plugin of the kubeconfig gave no credential.
    Credential,
    /// 401: the credential is not (or no longer) accepted.
    Unauthorized,
    /// 403: rights, an admission rule or a quota; only the words tell which.
    Forbidden {
        /// What was tried, where the caller said so with [`ApiFailure::during`].
        verb: Option<Box<str>>,
        /// The resource, as Kubernetes or the caller names it.
        resource: Option<Box<str>>,
    },
    /// 404: no such object, namespace or API.
    NotFound,
    /// 409: an object of this name is there already.
    AlreadyExists,
    /// 409: somebody else changed the object. (A JSON patch whose `test` does not hold is [`Self::Invalid`].)
    Conflict,
    /// 400, 422: Kubernetes does not accept the object.
    Invalid {
        /// What it says about single fields.
        causes: Vec<InvalidField>,
    },
    /// 429: slow down.
    TooManyRequests {
        /// After how long, where the server says so.
        retry_after: Option<Duration>,
    },
    /// 504, or an answer that did not come in time.
    Timeout,
    /// 410: a list or watch must start again.
    Expired,
    /// 5xx: the server's own trouble.
    Server,
    /// Anything else.
    Other,
}

/// One field that Kubernetes refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvalidField {
    /// Its path in the object.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl ApiFailure {
    /// Says what was tried, so that a missing right can be named: Kubernetes puts the verb into its words only.
    #[must_use]
    pub fn during(mut self, tried_verb: &str, tried_resource: &str) -> Self {
        if let FailureKind::Forbidden { verb, resource } = &mut self.kind {
            verb.get_or_insert_with(|| tried_verb.into());
            resource.get_or_insert_with(|| tried_resource.into());
        }
        self
    }

    /// Whether there is no such object.
    pub fn is_not_found(&self) -> bool {
        self.kind == FailureKind::NotFound
    }

    /// Whether an object of this name is there already.
    pub fn is_already_exists(&self) -> bool {
        self.kind == FailureKind::AlreadyExists
    }

    /// Whether somebody else changed the object meanwhile.
    pub fn is_conflict(&self) -> bool {
        self.kind == FailureKind::Conflict
    }

    /// Whether rights, an admission rule or a quota stand against it.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.kind, FailureKind::Forbidden { .. })
    }

    /// Whether the same call may succeed a little later without anybody doing something.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Unreachable
                | FailureKind::TooManyRequests { .. }
                | FailureKind::Timeout
                | FailureKind::Expired
                | FailureKind::Server
        )
    }

    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.kind {
            FailureKind::Unreachable => {
                "Check the network or VPN, and that the server's address in the kubeconfig is right."
            }
            FailureKind::Certificate => {
                "Check `certificate-authority`, `tls-server-name` and the client certificate in the kubeconfig; a proxy that opens TLS also causes this."
            }
            FailureKind::Credential => {
                "Run the kubeconfig's credential plugin by hand, for instance with `kubectl get namespaces`, and log in again."
            }
            FailureKind::Unauthorized => "The credential is not accepted: log in again.",
            FailureKind::Forbidden { .. } => {
                "Ask whoever runs the cluster for this right, or see in Kubernetes' words which rule refused it."
            }
            FailureKind::TooManyRequests { .. } | FailureKind::Timeout | FailureKind::Server => {
                "The cluster's API server is busy or in trouble: try again in a moment."
            }
            _ => return None,
        })
    }

    fn transport(error: &(dyn StdError + 'static)) -> Self {
        let chain = chain(error);
        let kind = chain
            .iter()
            .find_map(|one| kind_of_cause(*one))
            .unwrap_or(FailureKind::Unreachable);
        // The innermost error says what happened; those around it only where.
        let innermost = chain
            .last()
            .map_or_else(|| error.to_string(), |one| one.to_string());
        Self::with_words(kind, innermost)
    }

    fn with_words(kind: FailureKind, mut words: String) -> Self {
        if let Some((end, _)) = words.char_indices().nth(MAX_WORDS) {
            words.truncate(end);
            words.push('…');
        }
        Self {
            kind,
            words: words.into(),
        }
    }
}

impl fmt::Display for ApiFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.kind {
            FailureKind::Unreachable => "the cluster cannot be reached",
            FailureKind::Certificate => "a certificate is not trusted",
            FailureKind::Credential => "the credential plugin gave no credential",
            FailureKind::Unauthorized => "the cluster does not accept the credential",
            FailureKind::Forbidden {
                verb: Some(verb),
                resource: Some(resource),
            } => {
                return write!(out, "not allowed to {verb} {resource}: {}", self.words);
            }
            FailureKind::Forbidden { .. } => "not allowed",
            FailureKind::NotFound => "not found",
            FailureKind::AlreadyExists => "already there",
            FailureKind::Conflict => "changed by somebody else meanwhile",
            FailureKind::Invalid { .. } => "not accepted by Kubernetes",
            FailureKind::TooManyRequests { .. } => "the cluster asks to slow down",
            FailureKind::Timeout => "no answer in time",
            FailureKind::Expired => "the list is too old",
            FailureKind::Server => "the cluster's API server failed",
            FailureKind::Other => "the call failed",
        };
        if self.words.is_empty() {
            return out.write_str(what);
        }
        write!(out, "{what}: {}", self.words)
    }
}

impl StdError for ApiFailure {}

impl From<kube::Error> for ApiFailure {
    fn from(error: kube::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&kube::Error> for ApiFailure {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::from(status.as_ref()),
            // The answer came and is not what the API promises.
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) | kube::Error::BuildRequest(_) => {
                Self::with_words(FailureKind::Other, error.to_string())
            }
            other => Self::transport(other),
        }
    }
}

impl From<&Status> for ApiFailure {
    fn from(status: &Status) -> Self {
        Self::with_words(kind_of_status(status), status.message.clone())
    }
}

impl From<&watcher::Error> for ApiFailure {
    fn from(error: &watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(source)
            | watcher::Error::WatchStartFailed(source)
            | watcher::Error::WatchFailed(source) => Self::from(source),
            watcher::Error::WatchError(status) => Self::from(status.as_ref()),
            watcher::Error::NoResourceVersion => Self::with_words(FailureKind::Other, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
