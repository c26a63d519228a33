//! The developer's own program: a local server that answers with its name, and can be stopped and started again.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::http::{Account, Address};
use crate::load::sha256;

/// A program on 127.0.0.1 that speaks HTTP/1.1, and HTTP/2 with prior knowledge.
pub struct Laptop {
    name: Arc<str>,
    port: u16,
    answered: Arc<AtomicU64>,
    server: Option<AbortOnDropHandle<()>>,
}

impl Laptop {
    /// Starts it on a free port; it answers `by` this name.
    pub async fn start(name: &str) -> Self {
        let mut laptop = Self {
            name: name.into(),
            port: 0,
            answered: Arc::default(),
            server: None,
        };
        laptop.restart().await;
        laptop
    }

    /// The port it has, also while it is stopped.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it answers without any intercept.
    pub fn address(&self) -> Address {
        Address::local(self.port)
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it as a crash would: nothing listens any more, and what was connected is cut.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.abort();
            // Ended by the abort, and its connections with it: they are its own.
            let _cancelled = server.await;
        }
    }

    /// Starts it again on the port it had.
    pub async fn restart(&mut self) {
        self.stop().await;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = TcpListener::bind(address)
            .await
            .expect("the laptop's port must be free");
        self.port = listener
            .local_addr()
            .expect("a listener must have an address")
            .port();
        let of_connection = Answering {
            name: Arc::clone(&self.name),
            port: self.port,
            answered: Arc::clone(&self.answered),
        };
        self.server = Some(AbortOnDropHandle::new(tokio::spawn(serve(
            listener,
            of_connection,
        ))));
    }
}

#[derive(Clone)]
struct Answering {
    name: Arc<str>,
    port: u16,
    answered: Arc<AtomicU64>,
}

async fn serve(listener: TcpListener, answering: Answering) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, answering.clone()));
    }
}

async fn connection(stream: TcpStream, answering: Answering) {
    let answer = service_fn(move |request| answering.clone().answer(request));
    // A caller that goes away is no concern of a program.
    let _cut = stream.set_nodelay(true);
    let _cut = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}

impl Answering {
    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return Ok(Response::builder()
                .status(400)
                .body(Full::default())
                .expect("a status must make a response"));
        };
        self.answered.fetch_add(1, Ordering::Relaxed);
        let account = self.account(&head, &body);
        let json = serde_json::to_vec(&account).expect("an account must be JSON");
        let response = Response::builder().header("content-type", "application/json");
        Ok(response
            .body(Full::from(json))
            .expect("fixed headers must make a response"))
    }

    fn account(&self, head: &hyper::http::request::Parts, body: &Bytes) -> Account {
        let mut headers = std::collections::BTreeMap::<_, Vec<_>>::new();
        for (name, value) in head.headers.iter().filter(|(name, _)| *name != "host") {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(name.as_str().to_owned()).or_default().push(value);
        }
        let host = head
            .headers
            .get("host")
            .and_then(|host| host.to_str().ok())
            .map(str::to_owned);
        Account {
            by: self.name.to_string(),
            pod: String::new(),
            port: self.port,
            proto: format!("{:?}", head.version),
            method: head.method.to_string(),
            target: head
                .uri
                .path_and_query()
                .map(ToString::to_string)
                .unwrap_or_default(),
            host: host
                .or_else(|| head.uri.authority().map(ToString::to_string))
                .unwrap_or_default(),
            headers,
            body_bytes: body.len() as u64,
            body_sha256: sha256(body),
        }
    }
}
