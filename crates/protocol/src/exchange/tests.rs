use proptest::prelude::*;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: api\r\n\r\n";

/// An exchange whose request was this.
fn asked(request: &str) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.follow_request(request.as_bytes());
    exchange
}

fn answered(request: &str, answer: &str) -> Exchange {
    let mut exchange = asked(request);
    exchange.follow_answer(answer.as_bytes());
    exchange
}

#[test]
fn an_answer_is_whole_with_the_last_byte_of_its_body() {
    for whole in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nNot a header\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"1\"\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    ] {
        for cut in 0..whole.len() {
            let (head, rest) = whole.as_bytes().split_at(cut);
            let mut exchange = asked(GET);
            assert_eq!(exchange.follow_answer(head), head.len());
            assert!(!exchange.has_whole_answer(), "{:?}", &whole[..cut]);
            assert_eq!(exchange.follow_answer(rest), rest.len());
            assert!(exchange.has_whole_answer(), "{whole:?} cut at {cut}");
        }
    }
}

#[test]
fn what_follows_a_whole_message_is_not_counted_as_its_own() {
    let mut exchange = Exchange::default();
    assert_eq!(
        exchange.follow_request(format!("{GET}{GET}").as_bytes()),
        GET.len()
    );
    assert_eq!(exchange.follow_request(GET.as_bytes()), 0);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(
        exchange.follow_answer(format!("{answer}more").as_bytes()),
        answer.len()
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_eq!(
        asked(GET).follow_answer(format!("{chunked}more").as_bytes()),
        chunked.len()
    );
}

#[test]
fn bytes_of_bodies_are_counted_without_their_framing() {
    let request = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n";
    for piece in [1, 7, 1000] {
        let mut exchange = Exchange::default();
        for part in request.as_bytes().chunks(piece) {
            exchange.follow_request(part);
        }
        for part in answer.as_bytes().chunks(piece) {
            exchange.follow_answer(part);
        }
        assert_eq!(exchange.bodies(), (3, 6), "in pieces of {piece}");
    }
}

#[test]
fn requests_without_a_length_have_no_body_and_answers_end_with_their_connection() {
    let exchange = answered(GET, "HTTP/1.1 200 OK\r\n\r\n");
    assert!(!exchange.has_whole_answer());
    assert!(asked(GET).has_whole_request());
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert!(answered("HEAD / HTTP/1.1\r\nHost: api\r\n\r\n", answer).has_whole_answer());
    assert!(!answered(GET, answer).has_whole_answer());
}

#[test]
fn a_request_to_switch_is_whole_until_the_answer_switches() {
    let request = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(answered(request, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").has_whole_request());
    let mut switched = answered(
        request,
        "HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(!switched.has_whole_request() && !switched.has_whole_answer());
    assert_eq!(switched.follow_request(b"frame"), 5);
    assert_eq!(switched.follow_answer(b"frame"), 5);
}

#[test]
fn an_answer_before_its_question_is_understood_with_the_question() {
    let (begun, rest) = ("GET / HT", "TP/1.1\r\n\r\n");
    let answer = "HTTP/1.1 408 Timeout\r\nContent-Length: 2\r\n\r\nno";
    for cut in 0..=answer.len() {
        let (early, late) = answer.split_at(cut);
        let mut exchange = asked(begun);
        assert_eq!(exchange.follow_answer(early.as_bytes()), early.len());
        assert!(!exchange.has_whole_answer());
        exchange.follow_request(rest.as_bytes());
        assert_eq!(exchange.follow_answer(late.as_bytes()), late.len());
        assert!(exchange.is_over() && !exchange.has_surplus(), "{cut}");
    }
}

#[test]
fn whoever_says_more_than_his_answer_is_remembered() {
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let mut at_once = asked(GET);
    at_once.follow_answer(format!("{answer}0\r\n\r\n").as_bytes());
    let mut later = answered(GET, answer);
    assert!(!later.has_surplus());
    later.follow_answer(b"0\r\n\r\n");
    let mut early = asked("GET / HT");
    early.follow_answer(format!("{answer}0").as_bytes());
    early.follow_request(b"TP/1.1\r\n\r\n");
    for exchange in [at_once, later, early] {
        assert!(exchange.is_over() && exchange.has_surplus());
    }
}

#[test]
fn a_head_of_thousands_of_long_lines_is_followed() {
    let lines: String = (0..10_000)
        .map(|at| format!("X-{at}: {}\r\n", "v".repeat(300)))
        .collect();
    let request = format!("POST / HTTP/1.1\r\n{lines}Content-Length: 2\r\n\r\nhi");
    let answer = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
    let mut exchange = Exchange::default();
    for part in request.as_bytes().chunks(8192) {
        assert_eq!(exchange.follow_request(part), part.len());
    }
    exchange.follow_answer(answer.as_bytes());
    assert!(exchange.is_over());
}

#[test]
fn whether_a_head_is_too_long_does_not_depend_on_its_pieces() {
    let fixed = "POST / HTTP/1.1\r\nContent-Length: 70000\r\nX: \r\n\r\n".len();
    for (length, fits) in [(MAX_HEAD, true), (MAX_HEAD + 1, false)] {
        let filler = "v".repeat(length - fixed);
        let head = format!("POST / HTTP/1.1\r\nContent-Length: 70000\r\nX: {filler}\r\n\r\n");
        assert_eq!(head.len(), length);
        let whole = [head.as_bytes(), &[b'x'; 70_000]].concat();
        for piece in [whole.len(), 65_536, 7919] {
            let mut exchange = Exchange::default();
            for part in whole.chunks(piece) {
                exchange.follow_request(part);
            }
            assert_eq!(
                exchange.has_whole_request(),
                fits,
                "{length} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn what_could_be_read_in_two_ways_is_never_whole() {
    for text in [
        "GET / HTTP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: +0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        "\u{0}\u{1}\u{2}",
    ] {
        assert!(!asked(text).has_whole_request(), "{text:?}");
        let answered = answered(text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(!answered.has_whole_answer(), "{text:?}");
    }
    assert!(!answered(GET, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").has_whole_answer());
}

#[test]
fn a_head_without_end_is_not_kept_in_memory_for_ever() {
    let mut exchange = asked("GET / HTTP/1.1\r\n");
    for _ in 0..=MAX_HEAD / 8192 {
        exchange.follow_request(&[b'a'; 8192]);
    }
    assert!(matches!(exchange.request.state, State::Opaque));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut fresh = Exchange::default();
        let mut chunked = answered(GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for part in parts {
            prop_assert!(fresh.follow_request(&part) <= part.len());
            prop_assert!(chunked.follow_answer(&part) <= part.len());
        }
    }

    #[test]
    fn chunks_of_any_size_in_pieces_of_any_size_end_where_they_end(
        sizes in prop::collection::vec(1..5000_usize, 0..8), piece in 1..700_usize,
    ) {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for size in sizes {
            bytes.extend(format!("{size:x}\r\n").into_bytes());
            bytes.extend(vec![b'0'; size]);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        let mut exchange = asked(GET);
        let (body, last) = bytes.split_at(bytes.len() - 1);
        for part in body.chunks(piece) {
            exchange.follow_answer(part);
            prop_assert!(!exchange.has_whole_answer());
        }
        exchange.follow_answer(last);
        prop_assert!(exchange.has_whole_answer());
    }
}
