use proptest::prelude::*;

use super::*;

fn answer(text: &str) -> Message {
    let mut message = Message::answer(false);
    message.follow(text.as_bytes());
    message
}

fn request(text: &str) -> Message {
    let mut message = Message::request();
    message.follow(text.as_bytes());
    message
}

#[test]
fn a_message_is_complete_with_the_last_byte_of_its_body() {
    for whole in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=\"1\"\r\nhello\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    ] {
        for cut in 0..whole.len() {
            let (head, rest) = whole.as_bytes().split_at(cut);
            let mut message = Message::answer(false);
            message.follow(head);
            assert!(!message.is_complete(), "{:?}", &whole[..cut]);
            message.follow(rest);
            assert!(message.is_complete(), "{whole:?} cut at {cut}");
        }
    }
}

#[test]
fn requests_without_a_length_have_no_body_and_answers_end_with_their_connection() {
    assert!(request("GET / HTTP/1.1\r\nHost: api\r\n\r\n").is_complete());
    assert!(!answer("HTTP/1.1 200 OK\r\n\r\n").is_complete());
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    let mut message = Message::answer(true);
    message.follow(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(message.is_complete());
}

#[test]
fn what_could_be_read_in_two_ways_is_never_complete() {
    for text in [
        "GET / HTTP/1.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nContent-Length: +0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "\u{0}\u{1}\u{2}",
    ] {
        assert!(!request(text).is_complete(), "{text:?}");
    }
    assert!(!answer("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 0\r\n\r\n").is_complete());
    assert!(!answer("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").is_complete());
}

#[test]
fn a_head_without_end_is_not_kept_in_memory_for_ever() {
    let mut message = Message::request();
    message.follow(b"GET / HTTP/1.1\r\n");
    for _ in 0..40 {
        message.follow(&[b'a'; 8192]);
    }
    assert!(matches!(message.state, State::Opaque));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let (mut request, mut answer) = (Message::request(), Message::answer(false));
        answer.follow(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for part in parts {
            request.follow(&part);
            answer.follow(&part);
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
        let mut message = Message::answer(false);
        let (body, last) = bytes.split_at(bytes.len() - 1);
        for part in body.chunks(piece) {
            message.follow(part);
            prop_assert!(!message.is_complete());
        }
        message.follow(last);
        prop_assert!(message.is_complete());
    }
}
