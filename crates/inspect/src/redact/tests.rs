use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::exchange::{Body, Header, Request, Response};

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-DEF_123";

fn headers(lines: &[(&str, &str)]) -> Vec<Header> {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).into(),
        value: (*value).into(),
    };
    lines.iter().map(header).collect()
}

fn asked(lines: &[(&str, &str)], body: &[u8]) -> Exchange {
    Exchange {
        id: crate::exchange::ExchangeId(1),
        place: Default::default(),
        began: Default::default(),
        times: Default::default(),
        protocol: Default::default(),
        source: None,
        request: Request {
            method: "POST".into(),
            target: "/".into(),
            host: "api".into(),
            message: Message {
                headers: headers(lines),
                body: Body::whole(body.into()),
                trailers: vec![],
            },
        },
        response: None,
        outcome: Default::default(),
        tags: Default::default(),
    }
}

fn shown(exchange: &Exchange) -> Redacted {
    Redaction::new(&[]).unwrap().apply(exchange, &AsRecorded)
}

fn shown_body(content_type: &str, body: &str) -> String {
    let seen = shown(&asked(&[("content-type", content_type)], body.as_bytes()));
    String::from_utf8(seen.exchange.request.message.body.bytes).unwrap()
}

#[test]
fn headers_keep_what_is_not_secret_in_them() {
    let seen = shown(&asked(
        &[
            ("Authorization", "Bearer s3cret"),
            ("Cookie", "a=1; b=two"),
            ("Set-Cookie", "sid=9; Path=/; HttpOnly"),
            ("X-Api-Key", "k"),
            ("Referer", "http://x/?a=1&access_token=zzz#f"),
            ("X-Note", &format!("see {JWT}!")),
            ("X-Plain", "plain"),
            ("intercept-relay", "ours"),
        ],
        b"",
    ));
    let values: Vec<_> = seen
        .exchange
        .request
        .message
        .headers
        .iter()
        .map(|h| h.value.to_string())
        .collect();
    assert_eq!(
        values,
        [
            "Bearer ••••",
            "a=••••; b=••••",
            "sid=••••; Path=/; HttpOnly",
            "••••",
            "http://x/?a=1&access_token=••••#f",
            "see ••••!",
            "plain"
        ]
    );
    assert_eq!(seen.hidden.len(), 7);
    assert!(
        seen.hidden
            .iter()
            .any(|hidden| matches!(hidden.place, Where::Own { .. }))
    );
}

#[test]
fn json_stays_json_and_all_else_stays_as_it_was() {
    let body = r#"{"n":1.50,"password":"x\"y","pin":null,"token":{"a":[1,"b"]},"z":"p","u":"http://h/?token=a&b=c"}"#;
    assert_eq!(
        shown_body("application/json", body),
        r#"{"n":1.50,"password":"••••","pin":null,"token":{"a":["••••","••••"]},"z":"p","u":"http://h/?token=••••&b=c"}"#
    );
}

#[test]
fn json_within_a_string_is_looked_into() {
    let seen = shown_body(
        "application/json",
        r#"{"log":"{\"password\":\"hunter2\"}","b":"say \"hi\""}"#,
    );
    assert_eq!(seen, r#"{"log":"••••","b":"say \"hi\""}"#);
}

#[test]
fn a_cut_body_loses_its_secret_too() {
    assert_eq!(
        shown_body("application/json", r#"{"a":1,"password":"hunt"#),
        r#"{"a":1,"password":"••••""#
    );
}

#[test]
fn forms_parts_events_and_xml_lose_their_secrets() {
    assert_eq!(
        shown_body(
            "application/x-www-form-urlencoded",
            "password=a%20b&x=1&t%6Fken=q"
        ),
        "password=••••&x=1&t%6Fken=••••"
    );
    assert_eq!(
        shown_body("text/event-stream", "data: {\"secret\":\"s\"}\n\ndata: x\n\n"),
        "data: {\"secret\":\"••••\"}\n\ndata: x\n\n"
    );
    assert_eq!(
        shown_body("text/xml", "<a><Password>x</Password><b>y</b></a>"),
        "<a><Password>••••</Password><b>y</b></a>"
    );
    let parts = "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n--B--\r\n";
    assert_eq!(
        shown_body("multipart/form-data; boundary=B", parts),
        parts.replace("hunter2", MARK)
    );
}

#[test]
fn a_body_that_cannot_be_read_is_left_out_and_said_so() {
    let seen = shown(&asked(&[("content-encoding", "gzip")], b"\x1f\x8b..."));
    assert!(seen.exchange.request.message.body.bytes.is_empty());
    assert!(!seen.exchange.request.message.body.is_whole());
    let why = Unread::Encoded {
        encoding: "gzip".to_owned(),
    };
    assert_eq!(
        seen.hidden,
        [Hidden {
            part: Part::RequestBody,
            place: Where::Body { why }
        }]
    );

    let mut switched = asked(&[], b"masked frames");
    switched.response = Some(Response {
        status: 101,
        ..Response::default()
    });
    assert!(shown(&switched).exchange.request.message.body.bytes.is_empty());
}

/// Stands in for a decoder: knows what the body says.
struct Says(&'static [u8]);

impl Reader for Says {
    fn plain<'a>(&self, _: &'a Message) -> Option<Plain<'a>> {
        Some(Plain {
            bytes: Cow::Borrowed(self.0),
            is_whole: true,
        })
    }

    fn socket(&self, _: &Exchange) -> Vec<SocketMessage> {
        Vec::new()
    }
}

#[test]
fn an_encoded_body_stays_encoded_without_secrets_and_is_plain_with_them() {
    let exchange = asked(
        &[("Content-Encoding", "br"), ("Content-Length", "4")],
        b"\0\0\0\0",
    );
    let redaction = Redaction::new(&[]).unwrap();
    assert_eq!(redaction.apply(&exchange, &Says(b"{\"a\":1}")).exchange, exchange);

    let seen = redaction
        .apply(&exchange, &Says(b"{\"otp\":1}"))
        .exchange
        .request
        .message;
    assert_eq!(seen.headers, headers(&[("Content-Length", "22")]));
    assert_eq!(seen.body, Body::whole("{\"otp\":\"••••\"}".into()));
}

#[test]
fn bytes_that_count_themselves_keep_their_length() {
    let body = [b"\0\0\0\0\x30\x0a\xff", JWT.as_bytes(), b"\0"].concat();
    let seen = shown(&asked(&[("content-type", "application/grpc")], &body));
    assert_eq!(seen.exchange.request.message.body.bytes.len(), body.len());
    assert!(memchr::memmem::find(&seen.exchange.request.message.body.bytes, b"eyJ").is_none());
}

#[test]
fn a_users_rules_hide_more_and_break_no_json() {
    let rules = [
        Rule::Header {
            name: "x-customer".to_owned(),
        },
        Rule::Field {
            name: "Plate".to_owned(),
        },
        Rule::Pattern {
            regex: r#""ssn":\s*\d+"#.to_owned(),
        },
        Rule::Pattern {
            regex: r"card (\d+)".to_owned(),
        },
    ];
    let redaction = Redaction::new(&rules).unwrap();
    let exchange = asked(
        &[("X-Customer", "me"), ("content-type", "application/json")],
        br#"{"ssn": 123, "plate":"B 1","t":"card 4111 is","e":"\n card 4 "}"#,
    );
    let seen = redaction.apply(&exchange, &AsRecorded).exchange.request.message;
    assert_eq!(seen.headers[0].value, MARK.into());
    assert_eq!(
        String::from_utf8(seen.body.bytes).unwrap(),
        r#"{"ssn": "••••", "plate":"••••","t":"card •••• is","e":"••••"}"#
    );
}

#[test]
fn a_bad_rule_is_named() {
    let error = Redaction::new(&[
        Rule::Field { name: "a".into() },
        Rule::Pattern { regex: "(".into() },
    ])
    .unwrap_err();
    assert!(error.to_string().starts_with("redaction rule 2 (`(`)"), "{error}");
    let huge = Rule::Pattern {
        regex: r"(\w{500}){500}".into(),
    };
    assert!(matches!(
        Redaction::new(&[huge]),
        Err(RuleError::Pattern { number: 1, .. })
    ));
}

#[test]
fn whoever_asks_sees_everything_but_what_is_ours() {
    let exchange = asked(
        &[("Authorization", "Basic x"), ("Intercept-Token", "t")],
        b"{\"password\":1}",
    );
    let seen = Redaction::revealed()
        .apply(&exchange, &AsRecorded)
        .exchange
        .request
        .message;
    assert_eq!(seen.headers, headers(&[("Authorization", "Basic x")]));
    assert_eq!(seen.body, exchange.request.message.body);
}

#[test]
fn arrivals_move_with_what_was_covered() {
    let mut exchange = asked(
        &[("content-type", "text/event-stream")],
        b"data: {\"token\":\"0123456789012345\"}\n\ndata: 2\n\n",
    );
    exchange.request.message.body.arrivals = vec![crate::exchange::Arrival { offset: 36, at: 5 }];
    let body = shown(&exchange).exchange.request.message.body;
    assert!(body.is_whole());
    let second = usize::try_from(body.arrivals[0].offset).unwrap();
    assert_eq!(&body.bytes[second..], b"data: 2\n\n");
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        ".{0,12}".prop_map(serde_json::Value::String),
    ];
    let key = prop_oneof![Just("password".to_owned()), "[a-z\"\\\\é]{0,5}"];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_stays_json(value in json(), pattern in "[a-z\\\\\"]{1,2}") {
        let rule = Rule::Pattern { regex: regex::escape(&pattern) };
        let redaction = Redaction::new(&[rule]).unwrap();
        let (text, _) = redaction.text(Some("application/json"), &value.to_string());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{} became {}", value, text);
    }

    #[test]
    fn any_bytes_are_survived(kind in "(application/json|text/html|multipart/x; boundary=a|application/x-www-form-urlencoded|image/png)?", body: Vec<u8>) {
        shown(&asked(&[("content-type", &kind)], &body));
    }

    #[test]
    fn a_token_is_found_anywhere(before in "[ -~]{0,20} ", after in " [ -~]{0,20}") {
        let seen = shown_body("text/plain", &format!("{before}{JWT}{after}"));
        prop_assert!(!seen.contains(JWT));
    }
}
