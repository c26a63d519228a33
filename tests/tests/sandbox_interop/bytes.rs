//! HTTP/1 byte by byte: sockets of our own on both sides.

use intercept_inspect::exchange::{Outcome, Protocol, Side};

use crate::recorded::{Recorded, answered, assert_answered, values};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_1_passes_byte_by_byte_and_is_recorded() {
    let Some(world) = World::start("bytes_facts", "bytes").await else {
        return;
    };
    world.ask().await;
    let (recorded, _folder) = world.stop().await;
    heads(&recorded);
    framings(&recorded);
    ends(&recorded);
}

/// The program answers with the head that reached it: what was recorded is that, line by line.
fn heads(recorded: &Recorded) {
    let mirrored = recorded.some("path:^/mirror", 8);
    for one in &mirrored {
        assert_answered(one);
        let request = &one.request;
        let mut head = format!(
            "{} {} HTTP/1.1\r\n",
            request.method.shown(),
            request.target.shown()
        )
        .into_bytes();
        for header in &request.message.headers {
            head.extend_from_slice(header.name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(header.value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        assert_eq!(
            String::from_utf8_lossy(answered(one)),
            String::from_utf8_lossy(&head)
        );
    }
    let odd = recorded.one("path:=/odd");
    let response = odd.response.unwrap();
    let names: Vec<_> = response
        .message
        .headers
        .iter()
        .map(|header| header.name.shown())
        .collect();
    let wanted = [
        "x-lower",
        "X-UPPER",
        "Set-Cookie",
        "ETag",
        "set-cookie",
        "x_under",
        "X-Accel-Buffering",
        "X-Latin",
        "Vary",
        "Last-Modified",
        "Content-Length",
    ];
    assert_eq!(names, wanted);
}

fn framings(recorded: &Recorded) {
    let old = recorded.one("path:=/old");
    assert_answered(&old);
    assert_eq!(old.protocol, Protocol::Http10);
    for one in recorded.some("path:^/until-close", 2) {
        assert_answered(&one);
        assert_eq!(answered(&one), b"until the end");
    }
    let trailers = recorded.one("has:trailers");
    assert_answered(&trailers);
    assert_eq!(answered(&trailers), b"hello");
    assert_eq!(
        values(&trailers.response.unwrap().message.trailers, "x-sum"),
        ["42"]
    );
    let hinted = recorded.one("path:=/hints");
    assert_answered(&hinted);
    assert_eq!(hinted.response.unwrap().interim, [103]);
    let early = recorded.one("path:=/early");
    assert_eq!(early.response.as_ref().unwrap().status, 413);
    assert_eq!(early.outcome, Outcome::Answered);
    assert!(early.request.message.body.size < 8 * 1024 * 1024);
}

fn ends(recorded: &Recorded) {
    let by_program = Outcome::Reset { by: Side::Program };
    for (path, kept) in [("cut", "cccccccccc"), ("cut-chunks", "hello")] {
        let cut = recorded.one(&format!("path:=/{path}"));
        assert_eq!(cut.outcome, by_program, "{path}");
        assert_eq!(answered(&cut), kept.as_bytes());
    }
    let nothing = recorded.one("path:=/nothing");
    assert_eq!((nothing.outcome, nothing.response), (by_program, None));
    let endless = recorded.one("path:=/endless/gone");
    assert_eq!(endless.outcome, Outcome::Reset { by: Side::Caller });
    assert_eq!(recorded.find("is:reset").len(), 4);
}
