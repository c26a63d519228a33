use std::borrow::Cow;
use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::exchange::{
    Arrival, ExchangeId, Header, Moment, Outcome, Place, Protocol, Request, Response, Tags, Times,
};

pub(super) fn header(name: &str, value: &str) -> Header {
    Header {
        name: name.into(),
        value: value.into(),
    }
}

pub(super) fn body(bytes: Vec<u8>) -> Body {
    Body::whole(bytes)
}

pub(super) fn exchange(asked: Vec<u8>, answered: Vec<u8>) -> Exchange {
    let mut request = Request::default();
    request.message.body = body(asked);
    let mut response = Response::default();
    response.message.body = body(answered);
    Exchange {
        id: ExchangeId(1),
        place: Place::default(),
        began: Moment(0),
        times: Times::default(),
        protocol: Protocol::default(),
        source: None,
        request,
        response: Some(response),
        outcome: Outcome::Answered,
        tags: Tags::default(),
    }
}

fn answer(media: &str, bytes: &[u8]) -> Exchange {
    let mut exchange = exchange(Vec::new(), bytes.to_vec());
    let message = &mut exchange.response.as_mut().unwrap().message;
    message.headers.push(header("Content-Type", media));
    exchange
}

fn read(media: &str, bytes: &[u8]) -> Decoded {
    decode(&answer(media, bytes), Half::Response, &Options::default())
}

/// What is left of a picture when only what says its size is kept.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0";

#[test]
fn what_bytes_are_is_told_by_their_type_or_by_themselves() {
    let kinds: [(&str, &[u8], &str); 14] = [
        ("application/json", b"{}", "json"),
        ("application/vnd.api+json; charset=utf-8", b"[]", "json"),
        ("", b" {\"a\":1}", "json"),
        ("", b"{not json}", "text"),
        ("application/x-ndjson", b"{}\n{}\n", "jsonLines"),
        ("application/x-www-form-urlencoded", b"a=b", "form"),
        ("text/event-stream", b"data: x\n\n", "events"),
        ("text/html", b"<p>", "text"),
        ("application/octet-stream", PNG, "image"),
        ("image/svg+xml", b"<svg/>", "text"),
        ("image/png", b"no picture", "bytes"),
        ("application/x-protobuf", b"\x08\x01", "protobuf"),
        ("", b"\x00\x01\xff", "bytes"),
        ("text/plain", b"", "empty"),
    ];
    for (media, bytes, kind) in kinds {
        let shown = serde_json::to_value(read(media, bytes)).unwrap();
        assert_eq!(shown["content"]["kind"], kind, "{media} {bytes:?}");
    }
}

#[test]
fn a_form_keeps_order_and_repeated_fields() {
    let Content::Form { fields } = read("application/x-www-form-urlencoded", b"b=1&a=x+y%21&b=2&c").content
    else {
        panic!("a form");
    };
    let fields: Vec<_> = fields.iter().map(|field| (&*field.name, &*field.value)).collect();
    assert_eq!(fields, [("b", "1"), ("a", "x y!"), ("b", "2"), ("c", "")]);
}

#[test]
fn parts_are_decoded_again() {
    let bytes = b"preamble\r\n--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--Xy\r\n\
        --X\r\nContent-Disposition: form-data; name=f; filename=\"x\"; filename*=UTF-8''caf%C3%A9.json\r\n\
        Content-Type: application/json\r\n\r\n{\"k\":[]}\r\n--X\r\nContent-Type: multipart/mixed; boundary=Y\r\n\r\n\
        --Y\r\n\r\ninner\r\n--Y--\r\n--X--\r\nepilogue";
    let decoded = read("multipart/form-data; boundary=X", bytes);
    assert_eq!(decoded.problems, []);
    let Content::Multipart { parts } = decoded.content else {
        panic!("parts");
    };
    assert_eq!(parts[0].name.as_deref(), Some("a"));
    assert!(matches!(&parts[0].content.content, Content::Text { text, .. } if text == "1\r\n--Xy"));
    assert_eq!(parts[1].filename.as_deref(), Some("caf\u{e9}.json"));
    assert!(
        matches!(&parts[1].content.content, Content::Json { pretty, .. } if pretty == "{\n  \"k\": []\n}")
    );
    let start = usize::try_from(parts[1].offset).unwrap();
    assert!(bytes[start..].starts_with(b"{\"k\""));
    assert!(matches!(&parts[2].content.content, Content::Multipart { parts } if parts.len() == 1));
}

#[test]
fn a_part_whose_end_is_missing_is_shown() {
    let decoded = read("multipart/form-data; boundary=X", b"--X\r\n\r\nabc");
    assert_eq!(decoded.problems[0].kind, ProblemKind::Cut);
    assert!(matches!(&decoded.content, Content::Multipart { parts } if parts.len() == 1));
}

#[test]
fn endless_parts_within_parts_end() {
    let mut inner = b"x".to_vec();
    for level in 0..50 {
        let head = format!(
            "--B{level}\r\nContent-Type: multipart/mixed; boundary=B{}\r\n\r\n",
            level - 1
        );
        inner = [
            head.as_bytes(),
            &inner,
            format!("\r\n--B{level}--\r\n").as_bytes(),
        ]
        .concat();
    }
    let shown = serde_json::to_string(&read("multipart/mixed; boundary=B49", &inner)).unwrap();
    assert!(shown.contains("nested too deep"));
}

#[test]
fn a_picture_has_a_format_and_a_size() {
    let expected = Content::Image {
        format: "image/png".into(),
        width: 3,
        height: 2,
    };
    assert_eq!(read("image/png", PNG).content, expected);
}

#[test]
fn events_are_told_apart_with_the_moments_at_which_they_ended() {
    let bytes = b": hi\n\nid: 7\nevent: tick\r\ndata: one\ndata:two\n\nretry: 100\n\ndata: cut";
    let mut exchange = answer("text/event-stream", bytes);
    let arrivals = vec![Arrival { offset: 0, at: 5 }, Arrival { offset: 20, at: 9 }];
    exchange.response.as_mut().unwrap().message.body.arrivals = arrivals;
    let Content::Events { events } = decode(&exchange, Half::Response, &Options::default()).content else {
        panic!("events");
    };
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::Comment,
            EventKind::Event,
            EventKind::Quiet,
            EventKind::Unfinished
        ]
    );
    assert_eq!((&*events[0].data, events[0].at), ("hi", Some(5)));
    let event = &events[1];
    assert_eq!(
        (event.id.as_deref(), event.event.as_deref(), &*event.data),
        (Some("7"), Some("tick"), "one\ntwo")
    );
    assert_eq!((event.at, event.offset), (Some(9), 6));
    assert_eq!(events[2].retry, Some(100));
}

#[test]
fn a_body_of_which_a_beginning_was_kept_says_so() {
    let mut exchange = answer("text/plain", b"caf\xc3");
    exchange.response.as_mut().unwrap().message.body.size = 100;
    let decoded = decode(&exchange, Half::Response, &Options::default());
    assert!(matches!(&decoded.content, Content::Text { text, .. } if text == "caf"));
    assert_eq!(
        (decoded.recorded, decoded.size, decoded.problems[0].kind),
        (4, 100, ProblemKind::Cut)
    );
}

#[test]
fn an_exchange_without_an_answer_has_nothing_to_show() {
    let mut exchange = answer("text/plain", b"x");
    exchange.response = None;
    assert_eq!(
        decode(&exchange, Half::Response, &Options::default()),
        Decoded::default()
    );
}

fn found(media: &str, coding: &str, bytes: &[u8]) -> (String, bool) {
    let mut exchange = answer(media, bytes);
    let message = &mut exchange.response.as_mut().unwrap().message;
    message.headers.push(header("content-encoding", coding));
    let text = searchable(message);
    let is_borrowed = matches!(text, Cow::Borrowed(_));
    (text.into_owned(), is_borrowed)
}

#[test]
fn text_is_found_unpacked_and_in_its_charset_and_pictures_are_not() {
    assert_eq!(
        found("application/json", "", "{\"é\":1}".as_bytes()),
        ("{\"é\":1}".to_owned(), true)
    );
    assert_eq!(found("", "", b"plain"), ("plain".to_owned(), true));
    assert_eq!(
        found("text/plain; charset=iso-8859-1", "", b"caf\xe9").0,
        "caf\u{e9}"
    );
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"packed").unwrap();
    assert_eq!(
        found("text/plain", "gzip", &encoder.finish().unwrap()).0,
        "packed"
    );
    for (media, bytes) in [
        ("image/png", PNG),
        ("", b"\0\x01"),
        ("application/grpc", b"\0\0\0\0\x02\x08\x01"),
    ] {
        assert_eq!(found(media, "", bytes).0, "", "{media}");
    }
    let form = b"--X\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\0\x01\x02\r\n--X\r\n\r\nneedle\r\n--X--";
    let (text, _) = found("multipart/form-data; boundary=X", "", form);
    assert!(text.contains("needle") && text.contains("\"file\"") && !text.contains('\0'));
}

fn medias() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "application/json",
        "application/x-ndjson",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=X",
        "image/png",
        "text/html; charset=utf-16",
        "text/event-stream",
        "application/x-protobuf",
        "application/grpc",
        "application/grpc-web-text",
        "application/grpc+json",
        "application/octet-stream",
        "text/plain; charset=shift_jis",
        "",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => ".{0,40}"]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        &b"--X\r\n"[..],
        b"\r\n\r\n",
        b"--X--",
        b"{\"a\":",
        b"[",
        b"data: x\n\n",
        b"\x08\x01",
        b"\x0a\x03",
        b"\0\0\0\0\x05",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"II*\0",
        b"\0\0\0\x18ftypavif",
        b"a=b&",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x81\x05",
        b"\xc1\x85",
        b"\x1f\x8b\x08\0",
        b"\x28\xb5\x2f\xfd",
        b"AAAA",
        b"Content-Type: application/json\r\n",
        b"\x0b\x0c",
        b"BM",
        b"\xff\x0a",
    ]);
    let piece = prop_oneof![
        words.prop_map(<[u8]>::to_vec),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn anything_is_decoded_without_a_panic_and_within_the_limits(
        media in medias(),
        coding in prop::sample::select(vec!["", "gzip", "br", "zstd", "deflate", "deflate, gzip", "x"]),
        asked in bytes(),
        answered in bytes(),
        missing in 0..2u64,
        switched: bool,
        shown in 0..400usize,
    ) {
        let mut exchange = answer(&media, &answered);
        exchange.request.message.body = body(asked);
        let response = exchange.response.as_mut().unwrap();
        response.message.body.size += missing;
        response.message.headers.push(header("content-encoding", coding));
        if switched {
            response.status = 101;
            response.message.headers.push(header("upgrade", "WebSocket"));
            response.message.headers.push(header("sec-websocket-extensions", "permessage-deflate"));
        }
        let limits = Limits { shown, items: 8, freely: 2000, unpacked: 4000, ..Limits::default() };
        let options = Options { limits, ..Options::default() };
        for half in [Half::Request, Half::Response] {
            let decoded = decode(&exchange, half, &options);
            let text = serde_json::to_string(&decoded).unwrap();
            // JSON writes up to six bytes for one; each item has a frame of names and numbers and a few problems.
            prop_assert!(text.len() <= 6 * shown + 8 * 3000 + 4000, "{} {}", text.len(), text);
            prop_assert_eq!(serde_json::from_str::<Decoded>(&text).unwrap(), decoded);
        }
        prop_assert!(searchable(&exchange.response.as_ref().unwrap().message).len() <= 3 * (256 << 10));
    }
}
