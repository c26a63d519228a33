//! HTTP/1.1 and HTTP/2 with prior knowledge: httpx, h11 and h2 ask Hypercorn.

use intercept_inspect::decode::{Content, Half, ServerEvent};
use intercept_inspect::exchange::Protocol;

use crate::recorded::{Recorded, answered, assert_answered, read, values};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_passes_unchanged_and_is_recorded() {
    let Some(world) = World::start("http_facts", "http").await else {
        return;
    };
    world.ask().await;
    let (recorded, _folder) = world.stop().await;
    recorded.none("-is:answered");
    sizes(&recorded);
    without_bodies(&recorded);
    events(&recorded);
    uploads(&recorded);
    headers_and_trailers(&recorded);
    let kept = recorded.some("path:=/echo/kept", 30);
    // Connecting is a part of the first one alone, as long as no pause lasts a second.
    let connects = kept.iter().filter(|one| one.times.connect.is_some());
    assert!(connects.count() < 6);
    for one in recorded.some("path:^/together/ protocol:http2", 50) {
        assert_answered(&one);
        let number = one.request.target.shown().rsplit_once('/').unwrap().1.to_owned();
        assert_eq!(one.request.message.body.size.to_string(), number);
        assert_eq!(answered(&one), number.as_bytes());
    }
    let expected = recorded.one("path:=/echo/expected");
    assert_eq!(
        (answered(&expected), expected.request.message.body.size),
        (&b"hello"[..], 5)
    );
}

/// In both versions.
const VERSIONS: [(&str, Protocol); 2] = [("1", Protocol::Http11), ("2", Protocol::Http2)];

fn sizes(recorded: &Recorded) {
    for (version, protocol) in VERSIONS {
        for size in [0, 1, 1000, 65_536, 3 * 1024 * 1024] {
            let one = recorded.one(&format!("method:POST path:=/echo/{version} query:=size={size}"));
            let response = one.response.as_ref().unwrap();
            let (request, answer) = (&one.request.message.body, &response.message.body);
            assert_eq!((one.protocol, request.size, answer.size), (protocol, size, size));
            assert_eq!(request.is_whole(), size <= 1024 * 1024);
            let kept = request.bytes.len().min(answer.bytes.len());
            assert!(size == 0 || kept > 0);
            assert_eq!(request.bytes[..kept], answer.bytes[..kept]);
        }
        assert_eq!(recorded.find(&format!("path:=/echo/method-{version}")).len(), 6);
    }
}

fn without_bodies(recorded: &Recorded) {
    for (version, protocol) in VERSIONS {
        for (filter, status) in [("status:204", 204), ("status:304", 304), ("method:HEAD", 200)] {
            let one = recorded.one(&format!("path:^/status/ query:=v={version} {filter}"));
            assert_answered(&one);
            let response = one.response.as_ref().unwrap();
            assert_eq!((one.protocol, response.status), (protocol, status));
            assert_eq!(response.message.body.size, 0);
        }
    }
}

fn events(recorded: &Recorded) {
    for (version, protocol) in VERSIONS {
        let one = recorded.one(&format!("path:=/events/{version} protocol:sse"));
        assert_answered(&one);
        assert_eq!(one.protocol, protocol);
        let Content::Events { events } = read(&one, Half::Response).content else {
            panic!("no events");
        };
        assert_eq!(events.len(), 20);
        let data: Vec<_> = events.iter().map(|event| event.data.clone()).collect();
        assert_eq!(data[19], "event 19");
        // Each came on its own: a round of the caller lies between any two, though moments closer than half a millisecond
        // are told as one.
        let moments: std::collections::BTreeSet<_> =
            events.iter().filter_map(|event: &ServerEvent| event.at).collect();
        assert!(moments.len() > 10, "{moments:?}");
    }
}

fn uploads(recorded: &Recorded) {
    let parts: String = (0..20).map(|number| format!("part {number}\n")).collect();
    for (version, protocol) in VERSIONS {
        let one = recorded.one(&format!("path:=/upload/{version}"));
        assert_answered(&one);
        assert_eq!(one.protocol, protocol);
        // Without chunks, in which HTTP/1.1 carries them.
        assert_eq!(one.request.message.body.bytes, parts.as_bytes());
        assert_eq!(answered(&one), parts.as_bytes());
    }
}

fn headers_and_trailers(recorded: &Recorded) {
    for (version, _) in VERSIONS {
        let one = recorded.one(&format!("path:=/headers/{version}"));
        let headers = &one.request.message.headers;
        assert_eq!(values(headers, "x-two"), ["a", "b"]);
        assert_eq!(values(headers, "x-long")[0].len(), 6000);
        assert_eq!(
            values(&one.response.unwrap().message.headers, "set-cookie"),
            ["a=1", "b=2"]
        );
    }
    let one = recorded.one("has:trailers");
    let message = &one.response.as_ref().unwrap().message;
    assert_eq!(values(&message.trailers, "x-sum"), ["42", "43"]);
    assert_eq!(message.body.bytes, b"with trailers");
}
