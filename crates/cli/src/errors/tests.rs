use intercept_protocol::record::Owner;

use super::*;

fn taken() -> Refusal {
    let owner = Owner {
        user: "bob".into(),
        host: "desk".into(),
    };
    Refusal::MatchTaken {
        owner,
        rule: "X-Dev: a".into(),
        target: "localhost:1".into(),
    }
}

#[test]
fn a_refusal_names_every_reason_with_its_code() {
    let failure = Failure::of_session(
        SessionError::Refused(vec![taken(), Refusal::NoTcpPort]),
        "shop/api",
    );
    assert_eq!((failure.exit, failure.causes.len()), (Exit::Refused, 2));
    let document = failure.document();
    assert_eq!(document["error"]["code"], "refused");
    assert_eq!(document["error"]["refusals"][0]["code"], "matchTaken");
    assert!(failure.text().contains("bob@desk"));
}

#[test]
fn a_match_taken_meanwhile_is_a_refusal_too() {
    let raced = SessionError::Apply(ApplyError::Refused(taken()));
    assert_eq!(Failure::of_session(raced, "shop/api").exit, Exit::Refused);
}

#[test]
fn an_interrupt_before_the_start_has_its_own_code() {
    let failure = Failure::of_session(SessionError::Apply(ApplyError::Cancelled), "shop/api");
    assert_eq!(failure.exit, Exit::Interrupted);
}

#[test]
fn a_service_that_is_not_there_is_told_with_where_to_look() {
    let missing = SnapshotError::NoSuchService {
        namespace: "shop".into(),
        name: "apii".into(),
    };
    let failure = Failure::of_session(SessionError::Snapshot(missing), "shop/apii");
    assert_eq!((failure.exit, failure.code), (Exit::Refused, "noSuchService"));
    assert!(failure.hint.unwrap().contains("services --namespace shop"));
}

#[test]
fn the_same_words_do_not_stand_twice_in_a_row() {
    let mut failure = Failure::usage("a");
    let io = std::io::Error::other("a");
    failure.caused_by(Some(&io));
    assert!(failure.causes.is_empty());
}
