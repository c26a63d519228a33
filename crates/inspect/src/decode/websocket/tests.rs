use flate2::{Compress, Compression, FlushCompress};

use super::super::tests::{body, exchange, header};
use super::super::{Options, ProblemKind, decode};
use super::*;
use crate::exchange::Arrival;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let bit = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        0..126 => bytes.push(bit | payload.len() as u8),
        126..=0xffff => {
            bytes.push(bit | 126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(bit | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend(MASK);
        bytes.extend(
            payload
                .iter()
                .zip(MASK.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    } else {
        bytes.extend(payload);
    }
    bytes
}

fn switched(asked: Vec<u8>, answered: Vec<u8>, extensions: &str) -> Exchange {
    let mut exchange = exchange(asked, answered);
    let response = exchange.response.as_mut().unwrap();
    response.status = 101;
    response.message.headers = vec![
        header("Upgrade", "websocket"),
        header("Sec-WebSocket-Extensions", extensions),
    ];
    exchange
}

fn conversation(exchange: &Exchange) -> (Vec<SocketMessage>, Vec<Problem>) {
    let decoded = decode(exchange, Half::Response, &Options::default());
    match decoded.content {
        Content::WebSocket { messages } => (messages, decoded.problems),
        other => panic!("{other:?}"),
    }
}

fn text(message: &SocketMessage) -> String {
    match &message.content.content {
        Content::Text { text, .. } => text.clone(),
        Content::Json { pretty, .. } => pretty.clone(),
        Content::Empty => String::new(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_are_merged_in_the_order_of_time() {
    let (first, second) = (frame(0x81, true, b"Hello"), frame(0x81, true, b"again"));
    let (answer, bye) = (frame(0x81, false, b"[1]"), frame(0x88, false, b"\x03\xe8done"));
    let mut exchange = switched([&first[..], &second].concat(), [&answer[..], &bye].concat(), "");
    let at = |offset: usize, at| Arrival {
        offset: offset as u64,
        at,
    };
    exchange.request.message.body.arrivals = vec![at(0, 10), at(first.len(), 30)];
    let response = exchange.response.as_mut().unwrap();
    response.message.body.arrivals = vec![at(0, 20), at(answer.len(), 40)];
    let (messages, problems) = conversation(&exchange);
    assert_eq!(problems, []);
    let said: Vec<_> = messages
        .iter()
        .map(|message| (message.from, message.at, text(message)))
        .collect();
    let expected = [
        (Half::Request, Some(10), "Hello".to_owned()),
        (Half::Response, Some(20), "[\n  1\n]".to_owned()),
        (Half::Request, Some(30), "again".to_owned()),
        (Half::Response, Some(40), String::new()),
    ];
    assert_eq!(said, expected);
    let close = messages[3].close.as_ref().unwrap();
    assert_eq!(
        (close.code, close.name.as_deref(), &*close.reason),
        (1000, Some("normal closure"), "done")
    );
}

#[test]
fn control_frames_stand_between_the_frames_of_a_message() {
    let answered = [
        frame(0x01, false, b"one "),
        frame(0x89, false, b"p"),
        frame(0x00, false, b"two "),
        frame(0x80, false, b"three"),
    ];
    let (messages, problems) = conversation(&switched(Vec::new(), answered.concat(), ""));
    assert_eq!(problems, []);
    assert_eq!(messages[0].opcode, Opcode::Ping);
    assert_eq!(
        (messages[1].frames, text(&messages[1])),
        (3, "one two three".to_owned())
    );
}

#[test]
fn lengths_of_two_and_eight_bytes_are_read() {
    let answered = [
        frame(0x81, false, &[b'a'; 300]),
        frame(0x81, false, &vec![b'b'; 70_000]),
    ];
    let (messages, _) = conversation(&switched(Vec::new(), answered.concat(), ""));
    let sizes: Vec<_> = messages.iter().map(|message| text(message).len()).collect();
    assert_eq!(sizes, [300, 70_000]);
}

fn compressed(state: &mut Compress, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1000);
    state.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
    out.truncate(out.len() - 4);
    out
}

#[test]
fn compressed_messages_refer_to_earlier_ones() {
    let sentence = b"a sentence that comes again, and again";
    let mut state = Compress::new(Compression::default(), false);
    let messages = [compressed(&mut state, sentence), compressed(&mut state, sentence)];
    assert!(messages[1].len() < messages[0].len() / 2);
    let frames: Vec<u8> = messages
        .iter()
        .flat_map(|message| frame(0xc1, false, message))
        .collect();
    let (found, problems) = conversation(&switched(Vec::new(), frames.clone(), "permessage-deflate"));
    assert_eq!(problems, []);
    for message in &found {
        assert_eq!(text(message).as_bytes(), sentence);
        assert!(message.compressed && message.content.problems.is_empty());
    }
    let forgetting = "permessage-deflate; server_no_context_takeover; client_max_window_bits=10";
    let (found, _) = conversation(&switched(Vec::new(), frames, forgetting));
    assert_ne!(
        serde_json::to_value(&found[1].content.content).unwrap()["text"],
        "a sentence that comes again, and again"
    );
}

#[test]
fn the_compressed_messages_of_the_standard_are_read() {
    for payload in [
        &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
    ] {
        let bytes = frame(0xc1, true, payload);
        let (found, _) = conversation(&switched(bytes, Vec::new(), "permessage-deflate"));
        assert_eq!(
            (text(&found[0]), &found[0].content.problems),
            ("Hello".to_owned(), &Vec::new())
        );
    }
}

#[test]
fn a_frame_that_was_cut_shows_its_beginning() {
    let mut bytes = frame(0x81, false, b"Hello, world");
    bytes.truncate(7);
    let (messages, problems) = conversation(&switched(Vec::new(), bytes, ""));
    assert_eq!(
        (text(&messages[0]), messages[0].complete),
        ("Hello".to_owned(), false)
    );
    assert_eq!(problems[0].kind, ProblemKind::Cut);
}

#[test]
fn what_is_no_frame_ends_the_reading_with_its_place() {
    for (wrong, why) in [
        (frame(0x83, false, b"x"), "opcode"),
        (frame(0xc1, false, b"x"), "extension"),
        (frame(0x80, false, b"x"), "continues"),
        (frame(0x09, false, b"x"), "control"),
    ] {
        let good = frame(0x81, false, b"ok");
        let (messages, problems) = conversation(&switched(Vec::new(), [&good[..], &wrong].concat(), ""));
        assert_eq!(messages.len(), 1);
        assert!(problems[0].text.contains(why), "{}", problems[0]);
        assert_eq!(problems[0].at.unwrap().byte, good.len() as u64);
    }
}

#[test]
fn a_beginning_of_a_conversation_says_that_it_is_one() {
    let mut exchange = switched(frame(0x81, true, b"x"), Vec::new(), "");
    exchange.request.message.body = crate::exchange::Body {
        size: 1000,
        ..body(frame(0x81, true, b"x"))
    };
    let (_, problems) = conversation(&exchange);
    assert!(problems[0].text.contains("of 1000 bytes"));
}
