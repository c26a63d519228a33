use proptest::prelude::*;

use super::*;
use crate::decode::Decoding;
use crate::edit::tests::exchange;
use crate::exchange::{Body, Exchange, ExchangeId, Moment, Outcome, Protocol, Response, Side, Tags, Times};
use crate::redact::{AsRecorded, MARK, Plain, Reader, Redaction, SocketMessage};

fn read(file: &[u8]) -> (Vec<Exchange>, Imported) {
    let mut found = Vec::new();
    let imported = import(file, Limits::default(), |exchange| found.push(exchange)).unwrap();
    (found, imported)
}

fn written(exchanges: Vec<Exchange>) -> Vec<u8> {
    let mut out = Vec::new();
    export(&mut out, exchanges, &AsRecorded).unwrap();
    out
}

/// Without what only this program writes, as another program would have it.
fn without_ours(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|name, _| !name.starts_with('_'));
            map.values_mut().for_each(without_ours);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(without_ours),
        _ => {}
    }
}

#[test]
fn what_browsers_write_is_read() {
    let file = br#"{"log":{"version":"1.2","pages":[{"x":1}],"entries":[{
        "startedDateTime":"2024-05-01T10:00:00.250+02:00","time":30.5,"_initiator":{"type":"other"},
        "request":{"method":"GET","url":"https://u:p@api.test/a?b=c#f","httpVersion":"h2","headers":[
            {"name":":method","value":"GET"},{"name":":authority","value":"api.test"},{"name":"accept","value":"*/*"}],
            "queryString":[],"cookies":[{"name":"a","value":"b","expires":null}],"headersSize":-1,"bodySize":0},
        "response":{"status":200,"statusText":null,"httpVersion":"h2","headers":[{"name":"Content-Encoding","value":"gzip"}],
            "cookies":[],"content":{"size":2,"mimeType":"text/plain","text":"aGk=","encoding":"base64"},"redirectURL":null,
            "headersSize":-1,"bodySize":-1,"_transferSize":9},
        "cache":{},"timings":{"blocked":1,"dns":null,"connect":"2.5","ssl":1,"send":1,"wait":20,"receive":6},"pageref":"p"}]}}"#;
    let (found, imported) = read(&[b"\xef\xbb\xbf", &file[..]].concat());
    assert_eq!((found.len(), imported.left_out_count), (1, 0));
    let found = &found[0];
    assert_eq!(found.began, Moment(1_714_550_400_250_000));
    assert_eq!(
        (found.request.target.to_string(), found.request.host.to_string()),
        ("/a?b=c".into(), "api.test".into())
    );
    assert_eq!(
        (found.protocol, &found.outcome, found.place.intercept.as_str()),
        (Protocol::Http2, &Outcome::Imported, "")
    );
    assert_eq!(found.request.message.headers.len(), 1);
    let times = Times {
        proxy: None,
        connect: Some(2500),
        sent: Some(4500),
        first_byte: Some(24_500),
        last_byte: Some(30_500),
    };
    assert_eq!(found.times, times);
    let answer = found.response.as_ref().unwrap();
    assert_eq!(
        (answer.message.headers.len(), &answer.message.body),
        (0, &Body::whole(b"hi".to_vec()))
    );
}

#[test]
fn a_wrong_entry_is_left_out_and_a_wrong_file_is_pointed_at() {
    let (found, imported) = read(br#"{"log":{"entries":[{"startedDateTime":"yesterday"},{"startedDateTime":"2024-05-01T10:00:00Z","request":{"method":"GET","url":"nowhere"}}]}}"#);
    assert!(found.is_empty());
    assert_eq!(
        imported.left_out[0],
        LeftOut {
            index: 0,
            why: "`yesterday` is not a moment".into()
        }
    );
    assert_eq!(imported.left_out[1].why, "`nowhere` is not a URL");

    let error = import(&b"{\"log\":\n {\"entries\": [}"[..], Limits::default(), |_| ()).unwrap_err();
    assert!(matches!(error, HarError::Syntax { line: 2, .. }), "{error}");
    let error = import(&b"{}"[..], Limits::default(), |_| ()).unwrap_err();
    assert!(error.to_string().contains("missing field `log`"), "{error}");
    let small = Limits {
        file: 10,
        ..Limits::default()
    };
    assert!(matches!(
        import(&br#"{"log":{"entries":[]}}"#[..], small, |_| ()),
        Err(HarError::TooLarge { limit: 10 })
    ));
}

#[test]
fn a_cut_body_says_so_and_stays_cut() {
    let mut cut = exchange("POST", "/", &[], b"begin");
    cut.request.message.body.size = 900;
    let file = written(vec![cut.clone()]);
    assert!(String::from_utf8_lossy(&file).contains("5 of 900 bytes that passed were recorded"));
    assert_eq!(read(&file).0[0].request.message.body, cut.request.message.body);
    let small = Limits {
        body: 2,
        ..Limits::default()
    };
    import(&file[..], small, |found| {
        assert_eq!(found.request.message.body.bytes, b"be");
    })
    .unwrap();
}

/// Stands in for a decoder.
struct Decodes;

impl Reader for Decodes {
    fn plain<'a>(&self, _: &'a crate::exchange::Message) -> Option<Plain<'a>> {
        Some(Plain {
            bytes: b"plain"[..].into(),
            is_whole: true,
        })
    }

    fn socket(&self, exchange: &Exchange) -> Vec<SocketMessage> {
        let message = |from, after, opcode, bytes: &[u8]| SocketMessage {
            from,
            at: Moment(exchange.began.0 + after),
            opcode,
            bytes: bytes.into(),
        };
        vec![
            message(Side::Caller, 1_000_000, 1, b"hi"),
            message(Side::Program, 2_000_000, 2, b"\0\xff"),
        ]
    }
}

#[test]
fn encoded_bodies_and_frames_are_written_as_they_are_read() {
    let mut asked = exchange("GET", "/ws", &[("content-encoding", "gzip")], b"\x1f\x8b");
    asked.response = Some(Response {
        status: 101,
        ..Response::default()
    });
    let mut out = Vec::new();
    export(&mut out, [asked], &Decodes).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let entry = &value["log"]["entries"][0];
    assert_eq!(entry["request"]["postData"]["text"], "plain");
    assert_eq!(entry["_webSocketMessages"][1]["data"], "AP8=");
    let found = read(&out).0.remove(0);
    assert!(found.request.message.headers.is_empty());
    let answer = found.response.unwrap().message.body;
    assert_eq!(
        (&answer.bytes[..], answer.arrivals[0].at),
        (&b"\x82\x02\0\xff"[..], 2_000_000)
    );
}

#[test]
fn a_replay_names_what_it_repeats_by_its_place_in_the_file() {
    let with = |id, replay_of: Option<u64>| {
        let mut made = exchange("GET", "/", &[], b"");
        made.id = ExchangeId(id);
        made.tags.replay_of = replay_of.map(ExchangeId);
        made
    };
    let file = written(vec![with(70, None), with(90, Some(70)), with(91, Some(7))]);
    let repeated = read(&file).0.into_iter().map(|one| one.tags.replay_of);
    assert_eq!(repeated.collect::<Vec<_>>(), [None, Some(ExchangeId(0)), None]);
}

/// A WebSocket that was opened, with what both sides said.
fn conversation(asked: &[&str], answered: &[&str]) -> Exchange {
    let mut made = exchange("GET", "/ws", &[("Upgrade", "websocket")], b"");
    let said = |body: &mut Body, texts: &[&str]| {
        for (at, text) in (1..).zip(texts) {
            crate::frames::add(body, 1, text.as_bytes(), at * 1000, usize::MAX);
        }
    };
    said(&mut made.request.message.body, asked);
    let mut response = Response {
        status: 101,
        ..Response::default()
    };
    response.message.headers = vec![header("Upgrade".into(), "websocket".into())];
    said(&mut response.message.body, answered);
    made.response = Some(response);
    made
}

#[test]
fn what_was_said_over_a_websocket_is_exported_without_its_secrets() {
    let made = conversation(
        &[r#"{"op":"login","password":"hunter2"}"#, "hello"],
        &[r#"{"token":"abc123"}"#],
    );
    let shown = Redaction::new(&[]).unwrap().apply(&made, &Decoding);
    assert_eq!(shown.hidden.len(), 2, "{:?}", shown.hidden);
    let mut out = Vec::new();
    export(&mut out, [shown.exchange.clone()], &Decoding).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let messages = value["log"]["entries"][0]["_webSocketMessages"]
        .as_array()
        .unwrap();
    let said: Vec<_> = messages
        .iter()
        .map(|one| (one["type"].as_str().unwrap(), one["data"].as_str().unwrap()))
        .collect();
    let login = format!(r#"{{"op":"login","password":"{MARK}"}}"#);
    let token = format!(r#"{{"token":"{MARK}"}}"#);
    assert_eq!(said.len(), 3);
    for expected in [("send", &*login), ("send", "hello"), ("receive", &*token)] {
        assert!(said.contains(&expected), "{said:?}");
    }
    let whole = String::from_utf8(out).unwrap();
    assert!(!whole.contains("hunter2") && !whole.contains("abc123"));
    let arrivals = &shown.exchange.request.message.body.arrivals;
    assert_eq!(arrivals[1].at, 2000);
}

#[test]
fn bytes_that_are_no_http_are_left_out_and_counted() {
    let mut bytes = exchange("", "", &[], b"x");
    bytes.protocol = Protocol::Bytes;
    let mut out = Vec::new();
    assert_eq!(export(&mut out, [bytes], &AsRecorded).unwrap(), 1);
    assert_eq!(read(&out).0, []);
}

fn message() -> impl Strategy<Value = crate::exchange::Message> {
    let text = || prop::collection::vec(any::<u8>(), 0..12);
    let line = ("[a-zA-Z][a-zA-Z-]{0,9}", text()).prop_map(|(name, value)| header(name.into(), value.into()));
    (
        prop::collection::vec(line.clone(), 0..4),
        text(),
        prop::collection::vec(line, 0..2),
    )
        .prop_map(|(headers, body, trailers)| crate::exchange::Message {
            headers,
            body: Body::whole(body),
            trailers,
        })
}

prop_compose! {
    fn any_exchange()(
        request in message(),
        response in prop::option::of((100u16..600, message())),
        method in "[A-Z]{1,6}",
        target in prop_oneof!["/[!-~é]{0,9}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..9)],
        began in 0i64..4_000_000_000_000_000,
        steps in prop::array::uniform4(0u64..5_000_000),
        (pinned, edited) in any::<(bool, bool)>(),
    ) -> Exchange {
        let mut made = exchange(&method, "", &[], b"");
        made.request.target = target.into();
        made.request.message = request;
        made.response = response.map(|(status, message)| Response { status, message, ..Response::default() });
        made.began = Moment(began);
        let at = |count: usize| Some(steps[..count].iter().sum());
        made.times = Times { proxy: None, connect: at(1), sent: at(2), first_byte: at(3), last_byte: at(4) };
        made.outcome = Outcome::Imported;
        made.tags = Tags { pinned, edited, replay_of: None };
        made.id = crate::exchange::ExchangeId(0);
        made
    }
}

proptest! {
    #[test]
    fn what_is_exported_is_imported_the_same(exchange in any_exchange()) {
        let found = read(&written(vec![exchange.clone()])).0;
        prop_assert_eq!(found, vec![exchange]);
    }

    #[test]
    fn times_survive_another_program(exchange in any_exchange()) {
        let mut file = serde_json::from_slice(&written(vec![exchange.clone()])).unwrap();
        without_ours(&mut file);
        let found = read(file.to_string().as_bytes()).0.remove(0);
        prop_assert_eq!(found.began, exchange.began);
        prop_assert_eq!(found.times, exchange.times);
        prop_assert_eq!(found.request.method, exchange.request.method);
    }

    #[test]
    fn any_bytes_are_read_or_refused(file: Vec<u8>, middle in "[\\[\\]{}:,\"a-z0-9]{0,40}") {
        let _ = import(&file[..], Limits::default(), |_| ());
        let file = format!("{{\"log\":{{\"entries\":[{middle}]}}}}");
        let _ = import(file.as_bytes(), Limits::default(), |_| ());
    }
}
