//! Requests a second through the laptop's side of the relay, beside the same requests made directly.
//!
//! `cargo run --release --example relay_bench -p intercept-engine`. The agent's side is the protocol's own
//! multiplexer, unbuffered, over loopback TCP; NGINX, API server and kubelet are not in the way, so this
//! shows what the laptop's side costs and not what a user sees (tests/bench does).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::stream::{self, BoxStream, StreamExt as _};
use intercept_engine::tap::Tap;
use intercept_engine::target::Target;
use intercept_engine::tunnel::{ConnectError, PodConnector, PodName, PodStage, RelayPool, Routes};
use intercept_protocol::ids::{InterceptId, SessionId, Token};
use intercept_protocol::mux::{Mux, Side};
use intercept_protocol::relay::{
    Answer, Hello, StreamOpen, ToAgent, ToLaptop, encode, read_frame, read_preamble, write_frame,
    write_preamble,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const REQUEST: &[u8] =
    b"GET /api HTTP/1.1\r\nHost: api.shop\r\nX-C6O-INTERCEPT: yes\r\nConnection: close\r\n\r\n";
const RUN: Duration = Duration::from_secs(3);

struct Loopback(u16);

impl PodConnector for Loopback {
    type Stream = TcpStream;

    fn pods(&self) -> BoxStream<'static, BTreeMap<PodName, PodStage>> {
        let pods = BTreeMap::from([(PodName::from("pod"), PodStage::Running)]);
        stream::iter([pods]).chain(stream::pending()).boxed()
    }

    fn connect<'a>(&'a self, _pod: &'a PodName) -> BoxFuture<'a, Result<TcpStream, ConnectError>> {
        Box::pin(async {
            let io = TcpStream::connect(("127.0.0.1", self.0)).await?;
            io.set_nodelay(true)?;
            Ok(io)
        })
    }
}

#[tokio::main]
async fn main() {
    let local = local_program().await;
    let agent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (routes, intercept) = (Routes::default(), InterceptId::random());
    routes.insert(
        intercept.clone(),
        Tap::to(&Target::localhost(local), None).unwrap(),
    );
    let connector = Loopback(agent.local_addr().unwrap().port());
    let pool = RelayPool::start(
        connector,
        "relay_bench".into(),
        SessionId::random(),
        Token::random(),
        routes,
    );
    let mux = welcome(agent).await;
    for callers in [1, 32] {
        let direct = measure(callers, || ask_directly(local)).await;
        let relayed = measure(callers, || ask_through(&mux, &intercept)).await;
        println!("{callers:>2} callers  direct {direct}  relay {relayed}");
    }
    pool.stop().await;
}

/// Answers each connection's one request.
async fn local_program() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut io, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if io.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                    let _ = io.write_all(answer).await;
                }
            });
        }
    });
    port
}

async fn welcome(listener: TcpListener) -> Mux {
    let (mut io, _) = listener.accept().await.unwrap();
    io.set_nodelay(true).unwrap();
    let _: Hello = read_preamble(&mut io).await.unwrap();
    write_preamble(
        &mut io,
        &Answer::Welcome {
            program: "agent".into(),
        },
    )
    .await
    .unwrap();
    let (mux, mut incoming, _driver) = Mux::start(io, Side::Agent);
    let mut control = incoming.accept().await.unwrap();
    tokio::spawn(async move {
        let _incoming = incoming;
        while let Ok(ToAgent::Ping { sequence }) = read_frame(&mut control).await {
            write_frame(&mut control, &ToLaptop::Pong { sequence })
                .await
                .unwrap();
        }
    });
    mux
}

async fn ask_directly(port: u16) -> usize {
    let mut io = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    io.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::with_capacity(256);
    io.read_to_end(&mut answer).await.unwrap()
}

async fn ask_through(mux: &Mux, intercept: &InterceptId) -> usize {
    let mut io = mux.open().await.unwrap();
    let mut first = encode(&StreamOpen::Connection {
        intercept: intercept.clone(),
    });
    first.extend_from_slice(REQUEST);
    io.write_all(&first).await.unwrap();
    let mut answer = Vec::with_capacity(256);
    let read = io.read_to_end(&mut answer).await.unwrap();
    io.shutdown().await.unwrap();
    read
}

/// Requests a second and the median of their times.
async fn measure<F: Future<Output = usize>>(callers: usize, ask: impl Fn() -> F) -> String {
    let end = Instant::now() + RUN;
    let each = join_all((0..callers).map(|_| async {
        let mut times = Vec::new();
        while Instant::now() < end {
            let began = Instant::now();
            assert!(ask().await > 50, "the answer must be whole");
            times.push(began.elapsed());
        }
        times
    }));
    let mut times: Vec<Duration> = each.await.into_iter().flatten().collect();
    times.sort_unstable();
    let rate = times.len() as f64 / RUN.as_secs_f64();
    format!("{rate:>6.0}/s p50 {:>4} µs", times[times.len() / 2].as_micros())
}
