//! HTTP/2 with prior knowledge, gRPC among it: both ends, and what must hold between them.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::matching::{Parts, header};
use crate::rig::{Developer, Laptop, Program, record, usable_nginx};

/// Answers every request with `name`, method, path and the length of its body, and trailers as gRPC has them.
pub(crate) async fn answer(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, name: &str) {
    let Ok(mut connection) = h2::server::handshake(io).await else {
        return;
    };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        let name = name.to_owned();
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            let mut length = 0;
            while let Some(Ok(data)) = body.data().await {
                length += data.len();
                let _ = body.flow_control().release_capacity(data.len());
            }
            let text = format!("{name}|{} {}|{length}", head.method, head.uri.path());
            let mut send = respond.send_response(Response::new(()), false).unwrap();
            send.send_data(text.into(), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "5".parse().unwrap());
            send.send_trailers(trailers).unwrap();
        });
    }
}

async fn start_origin() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(io, "origin"));
        }
    });
    port
}

/// The answer's text and its `grpc-status`.
async fn ask(port: u16, request: Request<()>, body: &'static [u8]) -> (String, String) {
    let io = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    let driving = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let (response, mut send) = client.send_request(request, false).unwrap();
    send.send_data(Bytes::from_static(body), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        text.extend_from_slice(&data);
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    let trailers = body.trailers().await.unwrap().unwrap_or_default();
    driving.abort();
    let status = trailers
        .get("grpc-status")
        .map_or("", |value| value.to_str().unwrap());
    (String::from_utf8(text).unwrap(), status.to_owned())
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri(format!("http://api{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn grpc_and_plain_http2_go_both_ways_on_one_port() {
    let Some((_, binary)) = usable_nginx().await else {
        return;
    };
    if !binary.has_http2_upstreams() {
        eprintln!("NOT RUN: {:?} cannot speak HTTP/2 to an origin", binary.version);
        return;
    }
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    let port = record.listeners[0].port;
    record
        .intercepts
        .push(developer.intercept(port, header("X-Dev", Some("a"))));
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    let laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::SpeaksHttp2).await;
    parts.gates_are_open(1).await;
    let grpc = ("content-type", "application/grpc+proto");
    for (mark, who) in [(("x-other", "b"), "origin"), (("x-dev", "a"), "laptop")] {
        let (text, status) = ask(
            port,
            request("POST", "/pkg.Svc/Call", &[mark, grpc, ("te", "trailers")]),
            b"12345",
        )
        .await;
        assert_eq!(
            (text.as_str(), status.as_str()),
            (format!("{who}|POST /pkg.Svc/Call|5").as_str(), "5")
        );
        let (text, _) = ask(port, request("PUT", "/plain", &[mark]), b"123").await;
        assert_eq!(text, format!("{who}|PUT /plain|3"));
    }
    drop(laptop);
    parts.gates_are_open(0).await;
    let (text, status) = ask(
        port,
        request("POST", "/pkg.Svc/Call", &[("x-dev", "a"), grpc]),
        b"1",
    )
    .await;
    assert_eq!(
        (text.as_str(), status.as_str()),
        ("origin|POST /pkg.Svc/Call|1", "5")
    );
}
