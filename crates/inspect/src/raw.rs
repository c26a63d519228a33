//! Requests and answers as the text of HTTP/1.1.
//!
//! Names, order and case are as sent. HTTP/2 is written as if it had been HTTP/1.1: pseudo headers become the first line and
//! `Host`. A body that was sent in chunks is written as one, since how it was cut is not recorded.
//!
//! Deliberately absent: decoding. Whoever wants secrets hidden redacts the exchange first.

use crate::exchange::{Exchange, Header, Message, Protocol};

/// The request, head and body.
pub fn request(exchange: &Exchange) -> Vec<u8> {
    let request = &exchange.request;
    if exchange.protocol == Protocol::Bytes {
        return request.message.body.bytes.clone();
    }
    let method = request.method.as_bytes();
    let mut out = [
        method,
        b" ",
        request.target.as_bytes(),
        b" ",
        version(exchange),
        b"\r\n",
    ]
    .concat();
    let is_hosted = request
        .message
        .headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case("host"));
    if !is_hosted && !request.host.is_empty() {
        line(&mut out, b"Host", request.host.as_bytes());
    }
    message(&mut out, &request.message, exchange.protocol, true);
    out
}

/// The answer, head and body; nothing if there was none.
pub fn response(exchange: &Exchange) -> Option<Vec<u8>> {
    let response = exchange.response.as_ref()?;
    if exchange.protocol == Protocol::Bytes {
        return Some(response.message.body.bytes.clone());
    }
    let status = format!(" {:03} ", response.status);
    let mut out = [
        version(exchange),
        status.as_bytes(),
        response.reason.as_bytes(),
        b"\r\n",
    ]
    .concat();
    let has_body =
        exchange.request.method.as_bytes() != b"HEAD" && !matches!(response.status, 101 | 204 | 304);
    message(&mut out, &response.message, exchange.protocol, has_body);
    Some(out)
}

fn version(exchange: &Exchange) -> &'static [u8] {
    match exchange.protocol {
        Protocol::Http10 => b"HTTP/1.0",
        _ => b"HTTP/1.1",
    }
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
}

fn lines(out: &mut Vec<u8>, headers: &[Header]) {
    for header in headers {
        line(out, header.name.as_bytes(), header.value.as_bytes());
    }
}

fn message(out: &mut Vec<u8>, message: &Message, protocol: Protocol, has_body: bool) {
    lines(out, &message.headers);
    let body = &message.body;
    let has = |name: &str| message.header(name).is_some();
    let mut is_chunked = message
        .header("transfer-encoding")
        .is_some_and(|value| value.shown().to_ascii_lowercase().trim_end().ends_with("chunked"));
    if protocol == Protocol::Http2 && has_body && !is_chunked {
        if !message.trailers.is_empty() && !has("content-length") {
            line(out, b"Transfer-Encoding", b"chunked");
            is_chunked = true;
        } else if !has("content-length") && body.size > 0 {
            line(out, b"Content-Length", body.size.to_string().as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    if !(is_chunked && has_body) {
        out.extend_from_slice(&body.bytes);
        return;
    }
    if !body.bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", body.bytes.len()).as_bytes());
        out.extend_from_slice(&[&body.bytes[..], b"\r\n"].concat());
    }
    // Without its last chunk the text says by itself that something is missing.
    if body.is_whole() {
        out.extend_from_slice(b"0\r\n");
        lines(out, &message.trailers);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::tests::exchange;
    use crate::exchange::Response;

    #[test]
    fn names_keep_their_case_and_order() {
        let exchange = exchange(
            "POST",
            "/a?b",
            &[("hOST", "Shop"), ("B", "1"), ("a", "2"), ("Content-Length", "2")],
            b"hi",
        );
        assert_eq!(
            request(&exchange),
            b"POST /a?b HTTP/1.1\r\nhOST: Shop\r\nB: 1\r\na: 2\r\nContent-Length: 2\r\n\r\nhi"
        );
        assert_eq!(response(&exchange), None);
    }

    #[test]
    fn http2_reads_as_http1_with_host_length_and_trailers() {
        let mut exchange = exchange("POST", "/pkg.S/M", &[("te", "trailers")], b"hi");
        exchange.protocol = Protocol::Http2;
        let mut answer = Response {
            status: 200,
            ..Response::default()
        };
        answer.message.body = crate::exchange::Body::whole(b"yes".to_vec());
        answer.message.trailers = vec![Header {
            name: "grpc-status".into(),
            value: "0".into(),
        }];
        exchange.response = Some(answer);
        assert_eq!(
            request(&exchange),
            b"POST /pkg.S/M HTTP/1.1\r\nHost: shop\r\nte: trailers\r\nContent-Length: 2\r\n\r\nhi"
        );
        assert_eq!(
            response(&exchange).unwrap(),
            b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\ngrpc-status: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_cut_chunked_body_has_no_end() {
        let mut exchange = exchange("POST", "/", &[("Transfer-Encoding", "chunked")], b"hi");
        exchange.request.message.body.size = 3;
        assert!(request(&exchange).ends_with(b"\r\n\r\n2\r\nhi\r\n"));
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_parsed(names in prop::collection::vec("[A-Za-z-]{1,9}", 0..9), value in "[!-~]{0,9}", body: Vec<u8>) {
            let headers: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
            let raw = request(&exchange("GET", "/x", &headers, &body));
            let mut found = [httparse::EMPTY_HEADER; 16];
            let mut parsed = httparse::Request::new(&mut found);
            prop_assert!(parsed.parse(&raw).unwrap().is_complete());
            let at = usize::from(!names.iter().any(|name| name.eq_ignore_ascii_case("host")));
            let parsed: Vec<_> = parsed.headers[at..].iter().map(|header| header.name).collect();
            prop_assert_eq!(parsed, names);
        }
    }
}
