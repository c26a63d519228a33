//! Kinds of failure by what the API server answered.

use std::time::Duration;

use kube::core::Status;

use super::{FailureKind, InvalidField};

/// The reason first, where Kubernetes gives one that is known here; otherwise the code.
pub(super) fn kind_of_status(status: &Status) -> FailureKind {
    match (status.reason.as_str(), status.code) {
        ("Unauthorized", _) => FailureKind::Unauthorized,
        ("Forbidden", _) => forbidden(status),
        ("NotFound", _) => FailureKind::NotFound,
        ("AlreadyExists", _) => FailureKind::AlreadyExists,
        ("Conflict", _) => FailureKind::Conflict,
        ("Invalid" | "BadRequest" | "RequestEntityTooLarge", _) => invalid(status),
        ("TooManyRequests", _) => too_many(status),
        ("Timeout" | "ServerTimeout", _) => FailureKind::Timeout,
        ("Gone" | "Expired", _) => FailureKind::Expired,
        ("InternalError" | "ServiceUnavailable", _) => FailureKind::Server,
        (_, 401) => FailureKind::Unauthorized,
        (_, 403) => forbidden(status),
        (_, 404) => FailureKind::NotFound,
        (_, 409) => FailureKind::Conflict,
        (_, 400 | 413 | 422) => invalid(status),
        (_, 429) => too_many(status),
        (_, 408 | 504) => FailureKind::Timeout,
        (_, 410) => FailureKind::Expired,
        (_, 500..=599) => FailureKind::Server,
        _ => FailureKind::Other,
    }
}

fn forbidden(status: &Status) -> FailureKind {
    let resource = status
        .details
        .as_ref()
        .map(|details| details.kind.as_str())
        .filter(|kind| !kind.is_empty())
        .map(Box::from);
    FailureKind::Forbidden { verb: None, resource }
}

fn invalid(status: &Status) -> FailureKind {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    FailureKind::Invalid {
        causes: causes
            .map(|cause| InvalidField {
                field: cause.field.clone(),
                message: cause.message.clone(),
            })
            .collect(),
    }
}

fn too_many(status: &Status) -> FailureKind {
    let seconds = status
        .details
        .as_ref()
        .map_or(0, |details| details.retry_after_seconds);
    FailureKind::TooManyRequests {
        retry_after: (seconds > 0).then(|| Duration::from_secs(u64::from(seconds))),
    }
}
