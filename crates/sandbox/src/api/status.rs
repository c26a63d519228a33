//! Failures as Kubernetes tells them: a `Status` with reason, details and causes, in its words.

use http::StatusCode;
use serde_json::{Value, json};

use crate::resources::Kind;

/// A request that was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    pub(crate) details: Option<Value>,
    pub(crate) retry_after: Option<u64>,
}

/// One thing wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    reason: &'static str,
    message: String,
    field: String,
}

impl Cause {
    /// `value` is not what the field takes.
    pub(crate) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        let shown = match value {
            Value::Object(_) | Value::Array(_) | Value::String(_) => value.to_string(),
            Value::Null => "null".to_owned(),
            other => other.to_string(),
        };
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {shown}: {why}"),
            field: field.into(),
        }
    }

    pub(crate) fn required(field: impl Into<String>, why: &str) -> Self {
        let colon = if why.is_empty() { "" } else { ": " };
        Self {
            reason: "FieldValueRequired",
            message: format!("Required value{colon}{why}"),
            field: field.into(),
        }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {value}"),
            field: field.into(),
        }
    }

    pub(crate) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.into(),
        }
    }

    pub(crate) fn not_supported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            message: format!(
                "Unsupported value: {value:?}: supported values: {}",
                quoted.join(", ")
            ),
            field: field.into(),
        }
    }

    /// One of a list's values.
    pub(crate) fn unsupported_list(field: &str, value: &str, supported: &str) -> Self {
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: [{value:?}]: supported values: {supported:?}"),
            field: field.to_owned(),
        }
    }

    pub(crate) fn not_found(field: impl Into<String>, value: &str) -> Self {
        Self {
            reason: "FieldValueNotFound",
            message: format!("Not found: {value:?}"),
            field: field.into(),
        }
    }

    pub(crate) fn too_long(field: impl Into<String>, most: usize) -> Self {
        Self {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {most} bytes"),
            field: field.into(),
        }
    }

    /// A field that somebody else owns; `who` as in `"kubectl" using v1`.
    pub(crate) fn owned(field: String, who: &str) -> Self {
        Self {
            reason: "FieldManagerConflict",
            message: format!("conflict with {who}"),
            field,
        }
    }

    fn json(&self) -> Value {
        json!({ "reason": self.reason, "message": self.message, "field": self.field })
    }
}

/// What is empty is left out.
pub(crate) fn details(name: &str, group: &str, kind: &str) -> Value {
    let all = [("name", name), ("group", group), ("kind", kind)];
    let set = all.into_iter().filter(|(_, value)| !value.is_empty());
    Value::Object(set.map(|(key, value)| (key.to_owned(), value.into())).collect())
}

impl Failure {
    pub(crate) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            retry_after: None,
        }
    }

    fn about(mut self, kind: Kind, name: &str) -> Self {
        self.details = Some(details(name, kind.group, kind.plural));
        self
    }

    pub(crate) fn not_found(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.group_resource());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(kind, name)
    }

    /// No such path, or no such kind.
    pub(crate) fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        let mut failure = Self::new(StatusCode::NOT_FOUND, "NotFound", message);
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn already_exists(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.group_resource());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        let what = kind.group_resource();
        let message = format!("Operation cannot be fulfilled on {what} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind, name)
    }

    /// Somebody changed the object since it was read.
    pub(crate) fn stale(kind: Kind, name: &str) -> Self {
        Self::conflict(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// A delete that means another object.
    pub(crate) fn precondition(kind: Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.kind);
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        failure.details = Some(details(name, kind.group, kind.kind));
        failure
    }

    /// Parameters that a request may not have; `options` is their kind.
    pub(crate) fn invalid_options(options: &str, cause: &Cause) -> Self {
        let message = format!(
            "{options}.meta.k8s.io \"\" is invalid: {}: {}",
            cause.field, cause.message
        );
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        failure.details = Some(json!({ "group": "meta.k8s.io", "kind": options, "causes": [cause.json()] }));
        failure
    }

    /// A patch whose outcome is no object of its kind.
    pub(crate) fn invalid_patch(why: &str) -> Self {
        let message = format!(" \"\" is invalid: patch: Invalid value: {why}");
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        failure.details = Some(json!({ "causes": [
            { "reason": "FieldValueInvalid", "message": format!("Invalid value: {why}"), "field": "patch" },
        ] }));
        failure
    }

    pub(crate) fn wrong_uid(kind: Kind, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!("Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}");
        Self::conflict(kind, name, &why)
    }

    /// An apply that would take fields from other managers.
    pub(crate) fn apply_conflict(causes: &[Cause]) -> Self {
        let lines: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.message, cause.field))
            .collect();
        let count = causes.len();
        let message = match lines.as_slice() {
            [only] => format!("Apply failed with 1 conflict: {only}"),
            _ => format!("Apply failed with {count} conflicts: {}", lines.join("\n")),
        };
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        let causes: Vec<Value> = causes.iter().map(Cause::json).collect();
        failure.details = Some(json!({ "causes": causes }));
        failure
    }

    pub(crate) fn invalid(kind: Kind, name: &str, causes: &[Cause]) -> Self {
        let words: Vec<String> = causes
            .iter()
            .map(|one| format!("{}: {}", one.field, one.message))
            .collect();
        let all = match words.as_slice() {
            [only] => only.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {all}", kind.group_kind());
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        let mut details = details(name, kind.group, kind.kind);
        details["causes"] = causes.iter().map(Cause::json).collect();
        failure.details = Some(details);
        failure
    }

    /// A JSON patch that does not fit what it patches: a real server does not say where.
    pub(crate) fn patch_does_not_fit() -> Self {
        let message = "the server rejected our request due to an error in our request";
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// What a real server answers with 500 and no reason, although it is the client's mistake.
    pub(crate) fn unexplained(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// `why` is a whole sentence's end, as in `User "x" cannot list resource …`.
    pub(crate) fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        let what = kind.group_resource();
        let quoted = if name.is_empty() {
            String::new()
        } else {
            format!(" {name:?}")
        };
        let message = format!("{what}{quoted} is forbidden: {why}");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(kind, name)
    }

    pub(crate) fn forbidden_path(message: String) -> Self {
        let mut failure = Self::new(StatusCode::FORBIDDEN, "Forbidden", message);
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {accepted}"
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
    }

    pub(crate) fn unsupported_patch() -> Self {
        let message = "415: Unsupported Media Type";
        let mut failure = Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        );
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn too_large() -> Self {
        let message = "Request entity too large: limit is 3145728";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = format!("Internal error occurred: {}", message.into());
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// The `Status` object that tells it.
    pub(crate) fn json(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(seconds) = self.retry_after {
            status["details"]["retryAfterSeconds"] = seconds.into();
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_speak_as_kubernetes_does() {
        let deployments = Kind::known("apps", "Deployment");
        assert_eq!(
            Failure::not_found(deployments, "api").message,
            r#"deployments.apps "api" not found"#
        );
        assert_eq!(
            Failure::stale(Kind::known("", "ConfigMap"), "x").message,
            "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please apply your \
             changes to the latest version and try again"
        );
    }

    #[test]
    fn an_invalid_object_names_every_cause() {
        let causes = [
            Cause::required("spec.ports", ""),
            Cause::invalid("spec.clusterIP", &json!("x"), "field is immutable"),
        ];
        let failure = Failure::invalid(Kind::known("", "Service"), "api", &causes);
        assert_eq!(
            failure.message,
            "Service \"api\" is invalid: [spec.ports: Required value, spec.clusterIP: Invalid value: \"x\": \
             field is immutable]"
        );
        assert_eq!(
            failure.json()["details"]["causes"][1]["reason"],
            "FieldValueInvalid"
        );
    }
}
