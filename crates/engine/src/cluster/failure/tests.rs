use std::io;

use kube::core::response::{StatusCause, StatusDetails};

use super::*;

fn status(code: u16, reason: &str) -> Status {
    Status::failure("said so", reason).with_code(code)
}

fn kind(code: u16, reason: &str) -> FailureKind {
    ApiFailure::from(kube::Error::Api(status(code, reason).boxed())).kind
}

#[test]
fn reasons_decide_before_codes() {
    let unnamed = FailureKind::Forbidden {
        verb: None,
        resource: None,
    };
    let table = [
        (401, "Unauthorized", FailureKind::Unauthorized),
        (403, "Forbidden", unnamed.clone()),
        (404, "NotFound", FailureKind::NotFound),
        (409, "AlreadyExists", FailureKind::AlreadyExists),
        (409, "Conflict", FailureKind::Conflict),
        (422, "Invalid", FailureKind::Invalid { causes: vec![] }),
        (504, "Timeout", FailureKind::Timeout),
        (500, "InternalError", FailureKind::Server),
        (410, "Expired", FailureKind::Expired),
        // Not words Kubernetes' API uses: the code alone speaks.
        (409, "", FailureKind::Conflict),
        (403, "Failed to parse error data", unnamed),
        (502, "Failed to parse error data", FailureKind::Server),
        (418, "", FailureKind::Other),
    ];
    for (code, reason, expected) in table {
        assert_eq!(kind(code, reason), expected, "{code} {reason}");
    }
}

#[test]
fn words_of_a_message_never_decide() {
    let misleading = Status::failure("not found, forbidden, conflict, timeout", "").with_code(500);
    assert_eq!(ApiFailure::from(&misleading).kind, FailureKind::Server);
}

#[test]
fn a_refusal_names_verb_and_resource_and_keeps_kubernetes_words() {
    let details: StatusDetails = serde_json::from_value(serde_json::json!({"kind": "services"})).unwrap();
    let failure = ApiFailure::from(&status(403, "Forbidden").with_details(details)).during("patch", "pods");
    assert_eq!(failure.to_string(), "not allowed to patch services: said so");
    assert_eq!(&*failure.words, "said so");
}

#[test]
fn refused_fields_and_waiting_times_are_kept() {
    let cause = StatusCause {
        reason: "FieldValueInvalid".into(),
        message: "too long".into(),
        field: "spec.x".into(),
    };
    let mut details: StatusDetails =
        serde_json::from_value(serde_json::json!({"retryAfterSeconds": 7})).unwrap();
    details.causes.push(cause);
    let invalid = ApiFailure::from(&status(422, "Invalid").with_details(details.clone()));
    let FailureKind::Invalid { causes } = invalid.kind else {
        panic!("{invalid:?}")
    };
    assert_eq!(
        causes,
        [InvalidField {
            field: "spec.x".into(),
            message: "too long".into()
        }]
    );
    let busy = ApiFailure::from(&status(429, "TooManyRequests").with_details(details));
    assert_eq!(
        busy.kind,
        FailureKind::TooManyRequests {
            retry_after: Some(Duration::from_secs(7))
        }
    );
    assert!(busy.is_transient());
}

#[test]
fn causes_are_found_inside_of_io_errors() {
    let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
    let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls));
    let failure = ApiFailure::from(kube::Error::Service(Box::new(wrapped)));
    assert_eq!(failure.kind, FailureKind::Certificate);
    let refused = kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)));
    assert_eq!(ApiFailure::from(refused).kind, FailureKind::Unreachable);
    let late = kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::TimedOut)));
    assert_eq!(ApiFailure::from(late).kind, FailureKind::Timeout);
}

#[test]
fn a_proxys_long_error_page_is_cut() {
    let page = Status::failure(&"ü".repeat(100_000), "Failed to parse error data").with_code(502);
    assert!(ApiFailure::from(&page).words.chars().count() <= MAX_WORDS + 1);
}
