use proptest::prelude::*;

use super::*;
use crate::exchange::{Arrival, Header};

const LIMIT: usize = 4096;

fn room() -> Room {
    Room::new(64 * 1024 * 1024)
}

fn seen(request: &[u8], answer: &[u8], end: End) -> Seen {
    in_pieces(request, answer, end, usize::MAX)
}

/// Everything comes in pieces of this size, a millisecond apart.
fn in_pieces(request: &[u8], answer: &[u8], end: End, piece: usize) -> Seen {
    let mut seen = Seen::new(Arc::default(), Moment(1_000_000), LIMIT, &room());
    let mut at = 0;
    for part in request.chunks(piece) {
        seen.request.pass(part, at);
        at += 1000;
    }
    if seen.request.is_http2() {
        seen.answer.speaks_http2();
    }
    for part in answer.chunks(piece) {
        seen.answer.pass(part, at);
        at += 1000;
    }
    seen.end = end;
    seen
}

fn one(seen: &Seen) -> Exchange {
    let mut found = exchanges(seen);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn named(headers: &[Header]) -> Vec<(String, String)> {
    let shown = |header: &Header| (header.name.to_string(), header.value.to_string());
    headers.iter().map(shown).collect()
}

#[test]
fn a_request_and_its_answer_are_kept_as_they_were_said() {
    let request =
        b"POST /a?b=c HTTP/1.1\r\nHost: api\r\nX-UPPER: 1\r\nx-upper:  2 \r\nContent-Length: 5\r\n\r\nhello";
    let answer = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 201 Made Here\r\nContent-Length: 2\r\n\r\nok";
    for piece in [1, 7, usize::MAX] {
        let found = one(&in_pieces(request, answer, End::Over, piece));
        assert_eq!(found.request.method, "POST".into());
        assert_eq!(found.request.target, "/a?b=c".into());
        assert_eq!(found.request.host, "api".into());
        let headers = named(&found.request.message.headers);
        assert_eq!(headers[1], ("X-UPPER".into(), "1".into()));
        assert_eq!(headers[2], ("x-upper".into(), "2".into()));
        assert_eq!(found.request.message.body.bytes, b"hello");
        let response = found.response.unwrap();
        assert_eq!((response.status, response.reason), (201, "Made Here".into()));
        assert_eq!(response.interim, [103]);
        assert_eq!(response.message.body.bytes, b"ok");
        assert_eq!(found.outcome, Outcome::Answered);
        assert_eq!(found.protocol, Protocol::Http11);
    }
}

#[test]
fn chunks_are_put_together_and_trailers_follow() {
    let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\nSum: 11\r\n\r\n";
    let found = one(&in_pieces(b"GET / HTTP/1.1\r\n\r\n", answer, End::Over, 10));
    let message = found.response.unwrap().message;
    assert_eq!(message.body.bytes, b"hello world");
    assert!(message.body.is_whole());
    assert_eq!(named(&message.trailers), [("Sum".into(), "11".into())]);
    let offsets: Vec<_> = message.body.arrivals.iter().map(|one| one.offset).collect();
    assert!(
        offsets.is_sorted() && offsets.iter().all(|offset| *offset <= 11),
        "{offsets:?}"
    );
}

#[test]
fn a_long_body_is_cut_and_its_true_size_is_known() {
    let size = LIMIT * 40;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.extend(vec![b'x'; size]);
    let seen = in_pieces(b"GET / HTTP/1.1\r\n\r\n", &answer, End::Over, 1000);
    let body = one(&seen).response.unwrap().message.body;
    assert_eq!(body.size, size as u64);
    assert!(!body.is_whole() && body.bytes.len() >= LIMIT && seen.answer.kept() < size);
}

#[test]
fn without_room_nothing_is_kept_and_everything_is_counted() {
    let room = Room::new(100);
    let mut seen = Seen::new(Arc::default(), Moment(0), LIMIT, &room);
    seen.request.pass(b"GET / HTTP/1.1\r\n\r\n", 0);
    assert_eq!(room.left(), 82);
    seen.answer.pass(&[b'x'; 200], 1);
    assert_eq!((seen.answer.kept(), seen.answer.passed()), (0, 200));
    drop(seen);
    assert_eq!(room.left(), 100);
}

#[test]
fn after_a_switch_both_directions_are_bodies_with_moments() {
    let request = b"GET /ws HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut seen = Seen::new(Arc::default(), Moment(0), LIMIT, &room());
    seen.request.pass(request, 0);
    seen.answer
        .pass(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 1000);
    seen.request.pass(b"one", 2000);
    seen.answer.pass(b"two", 3000);
    seen.request.pass(b"three", 9000);
    let found = one(&seen);
    assert_eq!(found.outcome, Outcome::InFlight);
    assert_eq!(found.times.last_byte, None);
    let body = found.request.message.body;
    assert_eq!(body.bytes, b"onethree");
    let arrived = |offset, at| Arrival { offset, at };
    assert!(
        body.arrivals.ends_with(&[arrived(0, 2000), arrived(3, 9000)]),
        "{body:?}"
    );
    assert_eq!(found.response.unwrap().message.body.bytes, b"two");
}

#[test]
fn what_is_not_http_is_bytes() {
    let found = one(&seen(b"\x16\x03\x01hello", b"\x15alert", End::Over));
    assert_eq!(found.protocol, Protocol::Bytes);
    assert_eq!(found.request.message.body.bytes, b"\x16\x03\x01hello");
    assert_eq!(found.response.unwrap().message.body.bytes, b"\x15alert");
}

#[test]
fn a_program_that_closes_without_a_word_has_reset() {
    let found = one(&seen(b"GET / HTTP/1.1\r\n\r\n", b"", End::Over));
    assert_eq!(found.outcome, Outcome::Reset { by: Side::Program });
}

#[test]
fn a_head_that_has_not_come_whole_shows_what_is_there() {
    let found = one(&seen(b"GET /x HTTP/1.1\r\nHost: api\r\nAccep", b"", End::None));
    assert_eq!(found.request.target, "/x".into());
    assert_eq!(
        named(&found.request.message.headers),
        [("Host".into(), "api".into())]
    );
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn packed(encoder: &mut loona_hpack::Encoder<'_>, headers: &[(&str, &str)]) -> Vec<u8> {
    encoder.encode(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    )
}

/// A gRPC call as clients send it: settings first, headers in two parts, padded data, trailers.
fn grpc_call(message: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut caller, mut program) = (loona_hpack::Encoder::new(), loona_hpack::Encoder::new());
    let head = packed(
        &mut caller,
        &[
            (":method", "POST"),
            (":path", "/shop.Cart/Add"),
            (":authority", "api"),
            ("content-type", "application/grpc"),
        ],
    );
    let (front, back) = head.split_at(head.len() / 2);
    let mut padded = vec![3];
    padded.extend(message);
    padded.extend([0; 3]);
    let asked = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 0, 1, front),
        frame(9, 4, 1, back),
        frame(0, 8 | 1, 1, &padded),
    ];
    let answered = [
        frame(4, 0, 0, &[]),
        frame(4, 1, 0, &[]),
        frame(
            1,
            4,
            1,
            &packed(
                &mut program,
                &[(":status", "200"), ("content-type", "application/grpc")],
            ),
        ),
        frame(0, 0, 1, message),
        frame(1, 4 | 1, 1, &packed(&mut program, &[("grpc-status", "0")])),
    ];
    (asked.concat(), answered.concat())
}

#[test]
fn a_grpc_call_is_read_whatever_its_pieces() {
    let (asked, answered) = grpc_call(b"\0\0\0\0\x02hi");
    for piece in [1, 5, 24, 1000] {
        let found = one(&in_pieces(&asked, &answered, End::None, piece));
        assert_eq!(found.protocol, Protocol::Http2);
        assert_eq!(found.request.target, "/shop.Cart/Add".into());
        assert_eq!(found.request.host, "api".into());
        assert_eq!(found.request.message.body.bytes, b"\0\0\0\0\x02hi");
        let response = found.response.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.message.body.bytes, b"\0\0\0\0\x02hi");
        assert_eq!(
            named(&response.message.trailers),
            [("grpc-status".into(), "0".into())]
        );
        assert_eq!(found.outcome, Outcome::Answered, "in pieces of {piece}");
    }
}

#[test]
fn frames_that_say_nothing_leave_no_trace_between_those_that_do() {
    let quiet = [
        frame(6, 0, 0, b"\0\0\x04\x03\0\0\0\0"),
        frame(8, 0, 1, &[0, 0, 1, 0]),
        frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
    ]
    .concat();
    let (mut caller, mut program) = (loona_hpack::Encoder::new(), loona_hpack::Encoder::new());
    let head = [(":method", "POST"), (":path", "/shop.Cart/Add")];
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let asked = [
        preface,
        frame(1, 4, 1, &packed(&mut caller, &head)),
        frame(0, 1, 1, b"hi"),
    ];
    let answered = [
        frame(1, 4, 1, &packed(&mut program, &[(":status", "200")])),
        frame(0, 0, 1, b"hello"),
        frame(1, 4 | 1, 1, &packed(&mut program, &[("grpc-status", "0")])),
    ];
    let (asked, answered) = (asked.join(&quiet[..]), answered.join(&quiet[..]));
    for piece in [1, 5, 24, 1000] {
        let found = one(&in_pieces(
            &[&asked, &quiet[..]].concat(),
            &answered,
            End::Over,
            piece,
        ));
        assert_eq!(found.request.message.body.bytes, b"hi", "in pieces of {piece}");
        let message = found.response.unwrap().message;
        assert_eq!(message.body.bytes, b"hello");
        assert_eq!(named(&message.trailers), [("grpc-status".into(), "0".into())]);
    }
}

#[test]
fn an_answer_without_a_body_is_whole_with_its_head() {
    let cut_off = End::Reset(Side::Caller);
    for (method, status, outcome) in [
        ("HEAD", "200", Outcome::Answered),
        ("GET", "204", Outcome::Answered),
        ("GET", "304", Outcome::Answered),
        ("GET", "200", Outcome::Reset { by: Side::Caller }),
        ("HEAD", "103", Outcome::Reset { by: Side::Caller }),
    ] {
        let (mut caller, mut program) = (loona_hpack::Encoder::new(), loona_hpack::Encoder::new());
        let head = packed(&mut caller, &[(":method", method), (":path", "/")]);
        let mut asked = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        asked.extend(frame(1, 5, 1, &head));
        let answered = frame(1, 4, 1, &packed(&mut program, &[(":status", status)]));
        assert_eq!(
            one(&seen(&asked, &answered, cut_off)).outcome,
            outcome,
            "{method} {status}"
        );
    }
}

#[test]
fn trailers_behind_more_data_than_is_kept_are_still_read() {
    let (mut asked, mut answered) = grpc_call(b"\0\0\0\0\x02hi");
    let mut program = loona_hpack::Encoder::new();
    answered.truncate(0);
    answered.extend(frame(1, 4, 1, &packed(&mut program, &[(":status", "200")])));
    for _ in 0..100 {
        answered.extend(frame(0, 0, 1, &[b'x'; 1000]));
    }
    answered.extend(frame(1, 4 | 1, 1, &packed(&mut program, &[("grpc-status", "5")])));
    asked.extend(frame(8, 0, 0, &[0, 0, 1, 0]));
    let found = one(&seen(&asked, &answered, End::Over));
    let message = found.response.unwrap().message;
    assert_eq!(message.body.size, 100_000);
    assert_eq!(message.body.bytes.len(), LIMIT / 1000 * 1000);
    assert_eq!(named(&message.trailers), [("grpc-status".into(), "5".into())]);
}

#[test]
fn a_few_bytes_cannot_stand_for_endless_headers() {
    let mut caller = loona_hpack::Encoder::new();
    let long = "v".repeat(3000);
    let first = packed(
        &mut caller,
        &[(":method", "GET"), (":path", "/"), ("x-long", &long)],
    );
    let mut asked = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    asked.extend(frame(1, 5, 1, &first));
    // The newest entry of the table, over and over.
    for stream in 0..40_u32 {
        asked.extend(frame(1, 5, 3 + 2 * stream, &[0xbe; 1000]));
    }
    let mut seen = Seen::new(Arc::default(), Moment(0), 1024 * 1024, &room());
    seen.request.pass(&asked, 0);
    let found = exchanges(&seen);
    let unpacked: usize = found
        .iter()
        .flat_map(|one| &one.request.message.headers)
        .map(|one| one.value.as_bytes().len())
        .sum();
    assert!(!found.is_empty() && unpacked <= 4 * 1024 * 1024, "{unpacked}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        request in prop::collection::vec(any::<u8>(), 0..300),
        answer in prop::collection::vec(any::<u8>(), 0..300),
        piece in 1..64_usize,
    ) {
        exchanges(&in_pieces(&request, &answer, End::None, piece));
        let mut http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        http2.extend(&request);
        exchanges(&in_pieces(&http2, &answer, End::Over, piece));
        let mut answered = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        answered.extend(&answer);
        exchanges(&in_pieces(b"GET / HTTP/1.1\r\n\r\n", &answered, End::Over, piece));
    }

    #[test]
    fn a_damaged_call_never_makes_it_panic(
        at in 0..200_usize, byte in any::<u8>(), cut in 0..200_usize, piece in 1..64_usize,
    ) {
        let (mut asked, mut answered) = grpc_call(b"\0\0\0\0\x02hi");
        if let Some(changed) = asked.get_mut(24 + at) {
            *changed = byte;
        }
        if let Some(changed) = answered.get_mut(at) {
            *changed ^= byte;
        }
        answered.truncate(cut);
        exchanges(&in_pieces(&asked, &answered, End::Over, piece));
    }
}
