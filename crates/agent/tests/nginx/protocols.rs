//! What the two ends of a request see of the proxy, on the ways that differ.

use std::net::Ipv4Addr;

use intercept_protocol::record::{Listener, PortProtocol};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http;
use crate::matching::{Parts, header};
use crate::rig::{Developer, Laptop, Program, ask, free_port, record, start_origin};

const MARK: &str = "X-Dev: a\r\n";

async fn start() -> Option<(Parts, Laptop)> {
    let mut record = record(start_origin().await);
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, header("X-Dev", Some("a"))));
    let parts = Parts::start(&record).await?;
    let laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    Some((parts, laptop))
}

#[tokio::test]
async fn http_1_0_stays_http_1_0() {
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for (mark, who) in [("", "origin"), (MARK, "laptop")] {
        let answer = ask(parts.port, format!("GET /old HTTP/1.0\r\n{mark}\r\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(answer.text(), format!("{who}|GET /old HTTP/1.0|0"));
    }
}

#[tokio::test]
async fn chunked_bodies_arrive_whole() {
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for (mark, who) in [("", "origin"), (MARK, "laptop")] {
        let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
            .await
            .unwrap();
        let head = format!("POST /c HTTP/1.1\r\nHost: api\r\n{mark}Transfer-Encoding: chunked\r\n\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            io.write_all(b"5\r\nhello\r\n").await.unwrap();
        }
        io.write_all(b"0\r\n\r\n").await.unwrap();
        let answer = http::read(&mut io).await.unwrap();
        assert_eq!(answer.text(), format!("{who}|POST /c HTTP/1.1|15"));
    }
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    const LENGTH: usize = 12_000_000;
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for (mark, who) in [("", "origin"), (MARK, "laptop")] {
        let io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
            .await
            .unwrap();
        let (mut reader, mut writer) = io.into_split();
        let head = format!("POST /large HTTP/1.1\r\nHost: api\r\n{mark}Content-Length: {LENGTH}\r\n\r\n");
        let sending = async {
            writer.write_all(head.as_bytes()).await.unwrap();
            writer.write_all(&vec![b'y'; LENGTH]).await.unwrap();
        };
        let ((), answer) = tokio::join!(sending, http::read(&mut reader));
        let text = answer.unwrap().text();
        let said = format!("{who}|POST /large HTTP/1.1|{LENGTH}");
        assert!(
            text.starts_with(&said) && text.len() == said.len() + LENGTH,
            "{} bytes",
            text.len()
        );
    }
}

#[tokio::test]
async fn an_upgraded_connection_carries_bytes_both_ways() {
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for (mark, who) in [("", "origin"), (MARK, "laptop")] {
        let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, parts.port))
            .await
            .unwrap();
        let head =
            format!("GET /ws HTTP/1.1\r\nHost: api\r\n{mark}Connection: upgrade\r\nUpgrade: echo\r\n\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(
            http::read(&mut io).await.unwrap().first_line(),
            "HTTP/1.1 101 Switching Protocols"
        );
        for word in ["one", "two"] {
            io.write_all(word.as_bytes()).await.unwrap();
            let expected = format!("{who} heard {word}");
            let mut heard = vec![0; expected.len()];
            io.read_exact(&mut heard).await.unwrap();
            assert_eq!(String::from_utf8(heard).unwrap(), expected);
        }
    }
}

#[tokio::test]
async fn trace_and_odd_targets_reach_the_origin_untouched() {
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for line in [
        "TRACE /t",
        "GET //a/../b%2f%2e?x=%20&&y",
        "PURGE /x",
        "OPTIONS /o",
    ] {
        let answer = ask(
            parts.port,
            format!("{line} HTTP/1.1\r\nHost: api\r\n\r\n").as_bytes(),
        )
        .await
        .unwrap();
        assert_eq!(answer.text(), format!("origin|{line} HTTP/1.1|0"));
    }
}

#[tokio::test]
async fn nothing_of_the_proxy_shows_in_an_answer() {
    let Some((parts, _laptop)) = start().await else {
        return;
    };
    for mark in ["", MARK] {
        let request = format!("GET / HTTP/1.1\r\nHost: api\r\n{mark}\r\n");
        let answer = ask(parts.port, request.as_bytes()).await.unwrap();
        for name in ["server", "date", "via", "x-forwarded-for"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn an_origin_that_is_not_there_looks_like_a_close() {
    let mut record = record(free_port());
    let developer = Developer::new();
    record
        .intercepts
        .push(developer.intercept(record.listeners[0].port, header("X-Dev", Some("a"))));
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    assert!(
        ask(parts.port, b"GET / HTTP/1.1\r\nHost: api\r\n\r\n")
            .await
            .is_none()
    );
}

#[tokio::test]
async fn plain_tcp_passes_with_half_close_and_can_be_intercepted_whole() {
    let origin = start_echo("origin").await;
    let mut record = record(origin);
    record.listeners = [free_port(), free_port()]
        .map(|port| Listener {
            port,
            service_port: origin,
            protocol: PortProtocol::Tcp,
            direct: Vec::new(),
        })
        .to_vec();
    let developer = Developer::new();
    let all = intercept_protocol::matching::Match::new(intercept_protocol::matching::Mark::All);
    let (mine, other) = (record.listeners[0].port, record.listeners[1].port);
    record.intercepts.push(developer.intercept(mine, all));
    let Some(parts) = Parts::start(&record).await else {
        return;
    };
    assert_eq!(tell(mine, "hello").await, "origin:hello");
    let _laptop = Laptop::connect(record.relay_port, &developer, "laptop", Program::Answers).await;
    parts.gates_are_open(1).await;
    assert_eq!(tell(other, "hello").await, "origin:hello");
    let request = "GET /tcp HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(tell(mine, request).await.ends_with("laptop|GET /tcp HTTP/1.1|0"));
}

/// Says something, half-closes, and hears everything.
async fn tell(port: u16, words: &str) -> String {
    let mut io = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    io.write_all(words.as_bytes()).await.unwrap();
    io.shutdown().await.unwrap();
    let mut heard = String::new();
    io.read_to_string(&mut heard).await.unwrap();
    heard
}

/// Answers only once the other end has finished.
async fn start_echo(name: &'static str) -> u16 {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut heard = String::new();
                io.read_to_string(&mut heard).await.unwrap();
                io.write_all(format!("{name}:{heard}").as_bytes()).await.unwrap();
            });
        }
    });
    port
}
