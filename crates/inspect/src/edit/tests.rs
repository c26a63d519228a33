use proptest::prelude::*;

use super::*;
use crate::exchange::{Body, ExchangeId, Message, Request, Response};

pub(crate) fn exchange(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).into(),
        value: (*value).into(),
    };
    Exchange {
        id: ExchangeId(7),
        place: Default::default(),
        began: Default::default(),
        times: Default::default(),
        protocol: Protocol::Http11,
        source: None,
        request: Request {
            method: method.into(),
            target: target.into(),
            host: "shop".into(),
            message: Message {
                headers: headers.iter().map(header).collect(),
                body: Body::whole(body.into()),
                trailers: Vec::new(),
            },
        },
        response: None,
        outcome: Outcome::Answered,
        tags: Default::default(),
    }
}

#[test]
fn what_belongs_to_a_connection_is_not_repeated() {
    let recorded = exchange(
        "POST",
        "/",
        &[
            ("Host", "shop"),
            ("Connection", "keep-alive, X-Hop, TE"),
            ("X-Hop", "1"),
            ("TE", "trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "99"),
            ("intercept-probe", "n"),
            ("X-Stays", "yes"),
        ],
        b"abc",
    );
    let sent = outgoing(&recorded).unwrap();
    let lines: Vec<_> = sent
        .headers
        .iter()
        .map(|header| format!("{}: {}", header.name, header.value))
        .collect();
    assert_eq!(lines, ["TE: trailers", "X-Stays: yes", "content-length: 3"]);
}

#[test]
fn a_cut_body_is_refused_until_somebody_gives_another() {
    let mut recorded = exchange("PUT", "/a", &[], b"begin");
    recorded.request.message.body.size = 9;
    let refused = ReplayError::Truncated { recorded: 5, size: 9 };
    assert_eq!(outgoing(&recorded), Err(refused));

    let text = write(&recorded).unwrap();
    assert!(text.ends_with("\n\n@recorded\n"), "{text}");
    assert_eq!(read(&text).unwrap().outgoing(&recorded, |_| vec![]), Err(refused));
    let edited = read(&text.replace("@recorded", "all of it")).unwrap();
    assert_eq!(edited.outgoing(&recorded, |_| vec![]).unwrap().body, b"all of it");
}

#[test]
fn what_is_no_request_is_not_repeated() {
    let mut recorded = exchange("GET", "/", &[], b"");
    recorded.response = Some(Response {
        status: 101,
        ..Response::default()
    });
    assert_eq!(outgoing(&recorded), Err(ReplayError::Switched));
    recorded.protocol = Protocol::Bytes;
    assert_eq!(outgoing(&recorded), Err(ReplayError::NotHttp));
    let mut recorded = exchange("GET", "/", &[], b"");
    recorded.outcome = Outcome::InFlight;
    assert_eq!(outgoing(&recorded), Err(ReplayError::InFlight));
}

#[test]
fn an_error_points_at_the_letter() {
    for (text, line, column, problem) in [
        ("", 1, 1, Problem::Empty),
        ("# remark\n\n", 1, 1, Problem::Empty),
        ("GÖT / HTTP/1.1\n", 1, 2, Problem::Method),
        ("GET\n", 1, 4, Problem::Target),
        ("GET /a b HTTP/1.1\n", 1, 8, Problem::Version),
        ("# x\nGET /\nnonsense\n", 3, 9, Problem::NoColon),
        ("GET /\nA b: c\n", 2, 2, Problem::Name),
        ("GET /\nA: b\u{7}\n", 2, 5, Problem::Value),
        ("GET /\nA: @base64:?\n", 2, 3, Problem::Base64),
        ("GET /\nA: @base64:DQo=\n", 2, 3, Problem::Value),
        ("GET /\n\n@base64:?\n", 3, 9, Problem::Base64),
        ("GET /\n\n@recorded\nmore\n", 4, 1, Problem::AfterName),
    ] {
        assert_eq!(
            read(text),
            Err(FormError {
                line,
                column,
                problem
            }),
            "{text:?}"
        );
    }
}

#[test]
fn a_file_is_named_and_read_by_whoever_sends() {
    let edited = read("POST /up\r\nHost: other\r\n\r\n@file:a b.bin\r\n").unwrap();
    assert_eq!(edited.body, EditedBody::File("a b.bin".to_owned()));
    let sent = edited
        .outgoing(&exchange("GET", "/", &[], b""), |path| path.into())
        .unwrap();
    assert_eq!((sent.host, sent.body), ("other".into(), b"a b.bin".to_vec()));
}

proptest! {
    #[test]
    fn any_request_survives_its_text(
        method in "[A-Z#!]{1,7}",
        target: Vec<u8>,
        value in prop::collection::vec(any::<u8>().prop_filter("a line's end", |b| !b"\r\n\0".contains(b)), 0..20),
        body in prop_oneof![any::<Vec<u8>>(), "(@base64:|@recorded|@file:|#)?[ -~\n]{0,40}".prop_map(String::into_bytes)],
    ) {
        prop_assume!(!target.is_empty());
        let mut recorded = exchange(&method, "", &[("X-A", "b")], &body);
        recorded.request.target = target.into();
        recorded.request.message.headers[0].value = value.into();
        let read = read(&write(&recorded).unwrap()).unwrap();
        let sent = read.outgoing(&recorded, |_| unreachable!("no file is named")).unwrap();
        prop_assert_eq!(sent, outgoing(&recorded).unwrap());
    }

    #[test]
    fn any_text_is_read_or_refused_within_it(text in "(?s).{0,80}") {
        if let Err(error) = read(&text) {
            prop_assert!(error.line <= text.split('\n').count().max(1) && error.column >= 1);
        }
    }
}
