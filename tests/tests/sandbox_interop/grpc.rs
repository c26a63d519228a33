//! gRPC: grpcio asks grpcio.

use intercept_inspect::decode::{Content, Half, ProtoValue};
use intercept_inspect::exchange::{Outcome, Side};

use crate::recorded::{Recorded, assert_answered, call, values};
use crate::world::World;

const LONG: u64 = 4 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_calls_pass_unchanged_and_are_recorded() {
    let Some(world) = World::start("grpc_facts", "grpc").await else {
        return;
    };
    world.ask().await;
    let (recorded, _folder) = world.stop().await;
    every_call_is_of_grpc(&recorded);
    single_messages(&recorded);
    streams(&recorded);
    metadata(&recorded);
    refusals(&recorded);
    calls_that_were_given_up(&recorded);
    long_and_packed_messages(&recorded);
    for one in recorded.some("path:/interop.Echo/Kept protocol:grpc is:answered", 200) {
        assert_answered(&one);
        let ((asked, _), (answered, _)) = (call(&one, Half::Request), call(&one, Half::Response));
        assert_eq!(asked[0].content.content, answered[0].content.content);
    }
}

fn every_call_is_of_grpc(recorded: &Recorded) {
    recorded.none("-(protocol:grpc method:POST)");
    // Whoever refuses before an answer begins has answered all the same.
    recorded.none("-is:answered -path:/interop.Echo/Hang");
}

/// The status' code, and how many messages were asked and answered.
fn shape(recorded: &Recorded, filter: &str) -> (String, usize, usize) {
    let one = recorded.one(filter);
    assert_answered(&one);
    let ((asked, _), (answered, status)) = (call(&one, Half::Request), call(&one, Half::Response));
    (status.expect("a status").code, asked.len(), answered.len())
}

fn single_messages(recorded: &Recorded) {
    let both = recorded.some("path:/interop.Echo/Unary", 2);
    let (asked, status) = call(&both[0], Half::Request);
    assert!(status.is_none());
    match &asked[0].content.content {
        Content::Protobuf { fields } => {
            assert_eq!(fields.len(), 1);
            assert!(
                matches!(&fields[0].value, ProtoValue::Text { text } if text == "sku"),
                "{fields:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let (answered, status) = call(&both[0], Half::Response);
    assert_eq!((answered.len(), answered[0].size), (1, 5));
    assert_eq!(status.unwrap().name.as_deref(), Some("OK"));
    let (asked, _) = call(&both[1], Half::Request);
    assert_eq!((asked.len(), asked[0].size), (1, 0));
}

fn streams(recorded: &Recorded) {
    let shape = |method: &str| shape(recorded, &format!("path:/interop.Echo/{method}"));
    assert_eq!(shape("Count"), ("0".to_owned(), 1, 500));
    assert_eq!(shape("Join"), ("0".to_owned(), 100, 1));
    assert_eq!(shape("AnswerEach"), ("0".to_owned(), 50, 50));
    // Each answer came after its request, and before the next one.
    let turns = recorded.one("path:/interop.Echo/AnswerEach");
    let ((asked, _), (answered, _)) = (call(&turns, Half::Request), call(&turns, Half::Response));
    let moments =
        |of: &[intercept_inspect::decode::GrpcMessage]| of.iter().map(|one| one.at).collect::<Vec<_>>();
    assert!(moments(&asked).is_sorted() && moments(&answered).is_sorted());
}

fn metadata(recorded: &Recorded) {
    let one = recorded.one("path:/interop.Echo/Metadata");
    let response = one.response.as_ref().unwrap();
    for headers in [
        &one.request.message.headers,
        &response.message.headers,
        &response.message.trailers,
    ] {
        assert_eq!(values(headers, "x-many"), ["one", "two"]);
        assert_eq!(values(headers, "x-plain"), ["a b, c"]);
        assert_eq!(values(headers, "x-any-bin").len(), 1);
    }
}

fn refusals(recorded: &Recorded) {
    let words = "größer als 50 %\nzweite Zeile: \u{2713}";
    for (filter, code, name, came) in [
        (
            "path:/interop.Echo/Refuse -path:Late",
            "9",
            "FAILED_PRECONDITION",
            0,
        ),
        ("path:/interop.Echo/RefuseLate", "15", "DATA_LOSS", 1),
    ] {
        let one = recorded.one(filter);
        assert_answered(&one);
        let (answered, status) = call(&one, Half::Response);
        let status = status.unwrap();
        assert_eq!(answered.len(), came);
        assert_eq!((status.code.as_str(), status.name.as_deref()), (code, Some(name)));
        assert_eq!(status.message, words);
        assert_eq!(status.details.is_some(), code == "9");
    }
    assert_eq!(shape(recorded, "path:/interop.Echo/Nothing").0, "12");
}

fn calls_that_were_given_up(recorded: &Recorded) {
    for one in recorded.some("path:/interop.Echo/Hang", 2) {
        let (answered, status) = call(&one, Half::Response);
        assert_eq!(answered.len(), 1);
        // A deadline is known to both ends: where the program's clock is the first, it answers DEADLINE_EXCEEDED.
        let has_deadline = !values(&one.request.message.headers, "grpc-timeout").is_empty();
        match status.filter(|_| has_deadline) {
            Some(status) => {
                assert_answered(&one);
                assert_eq!(status.code, "4");
            }
            None => assert_eq!(one.outcome, Outcome::Reset { by: Side::Caller }),
        }
    }
    assert_eq!(recorded.find("reqheader:grpc-timeout").len(), 1);
}

fn long_and_packed_messages(recorded: &Recorded) {
    let long = recorded.one("path:/interop.Echo/Long");
    assert_eq!(long.outcome, Outcome::Answered);
    let response = long.response.as_ref().unwrap();
    for body in [&long.request.message.body, &response.message.body] {
        assert_eq!(body.size, LONG + 5);
        assert!(!body.is_whole() && !body.bytes.is_empty());
    }
    // Of a message that was not kept whole the size is known, and the status behind it.
    let (answered, status) = call(&long, Half::Response);
    assert_eq!((answered[0].size, status.unwrap().code), (LONG, "0".to_owned()));
    let packed = recorded.one("path:/interop.Echo/Packed");
    for half in [Half::Request, Half::Response] {
        let (messages, _) = call(&packed, half);
        assert_eq!(messages[0].content.unpacked, 2051, "{messages:?}");
        assert_eq!(
            messages[0].compressed,
            half == Half::Request || messages[0].size < 2051
        );
    }
}
