//! Requests all the time while somebody engages and leaves: none may be lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::intercept::{Laptop, engage, leave, proxied};
use crate::rig::ask;

#[derive(Default)]
struct Count {
    answered: AtomicUsize,
    lost: AtomicUsize,
    stop: AtomicBool,
}

impl Count {
    fn note(&self, done: Result<(), String>) {
        match done {
            Ok(()) => self.answered.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                eprintln!("lost: {error}");
                self.lost.fetch_add(1, Ordering::Relaxed)
            }
        };
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// A connection for each request.
async fn fresh(address: SocketAddr, count: Arc<Count>) {
    while count.goes_on() {
        let answer = ask(address, "/", &[]).await;
        count.note(answer.and_then(|answer| match answer.status.as_u16() {
            200 => Ok(()),
            other => Err(format!("answered {other}")),
        }));
    }
}

/// One connection for as long as the other side lets it.
async fn kept(address: SocketAddr, count: Arc<Count>) {
    while count.goes_on() {
        let io = match TcpStream::connect(address).await {
            Ok(io) => io,
            Err(error) => {
                count.note(Err(error.to_string()));
                continue;
            }
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
        let connection = tokio::spawn(connection);
        while count.goes_on() {
            if sender.ready().await.is_err() {
                // Closed in order, between two requests.
                break;
            }
            let request = Request::post("/")
                .header("host", "api")
                .body(Full::new(Bytes::from_static(b"x")))
                .unwrap();
            let answer = async {
                let answer = sender
                    .send_request(request)
                    .await
                    .map_err(|error| error.to_string())?;
                let is_last = answer
                    .headers()
                    .get("connection")
                    .is_some_and(|value| value == "close");
                answer
                    .into_body()
                    .collect()
                    .await
                    .map_err(|error| error.to_string())?;
                Ok::<_, String>(is_last)
            };
            match answer.await {
                Ok(is_last) => {
                    count.note(Ok(()));
                    if is_last {
                        break;
                    }
                }
                Err(error) => {
                    count.note(Err(error));
                    break;
                }
            }
        }
        connection.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_when_an_intercept_comes_and_goes() {
    let Some((cluster, _)) = proxied().await else {
        return;
    };
    let address = cluster.service_address("default", "api", 8080).unwrap();
    let laptop = Laptop::start().await;
    let count = Arc::new(Count::default());
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        callers.spawn(fresh(address, count.clone()));
        callers.spawn(kept(address, count.clone()));
    }
    for _ in 0..2 {
        let engaged = engage(&cluster, laptop.port).await;
        leave(engaged).await;
    }
    // The proxies drain for a few seconds after the last one left.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    count.stop.store(true, Ordering::Relaxed);
    callers.join_all().await;
    let (answered, lost) = (
        count.answered.load(Ordering::Relaxed),
        count.lost.load(Ordering::Relaxed),
    );
    eprintln!("{answered} answered, {lost} lost");
    assert!(answered > 1000 && lost == 0, "{answered} answered, {lost} lost");
    cluster.stop().await;
}
