//! One request, and who answered it. Nothing is retried, nothing is hidden: a cut connection is an error.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::reach::{Reach, Wire};

/// Long enough for a loaded machine, shorter than the three seconds that a lost SYN costs are doubled.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Where a request goes: a Service's ClusterIP, a pod, or the laptop itself.
#[derive(Clone)]
pub struct Address {
    /// IP address or name.
    pub host: String,
    /// TCP port.
    pub port: u16,
    reach: Reach,
}

impl Address {
    /// An address inside the cluster.
    pub(crate) fn new(host: String, port: u16, reach: Reach) -> Self {
        Self { host, port, reach }
    }

    /// An address on this machine.
    pub fn local(port: u16) -> Self {
        Self::new(Ipv4Addr::LOCALHOST.to_string(), port, Reach::Straight)
    }

    /// Whether the cluster routes there already; to be asked before anything else is sent to a new Service.
    pub async fn is_routed(&self) -> bool {
        self.reach.takes_connections(&self.host, self.port).await
    }

    /// Opens a connection, for tests that speak something else than HTTP.
    ///
    /// # Errors
    /// When nothing accepts it in time.
    pub async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let connecting = timeout(PATIENCE, self.reach.connect(&self.host, self.port));
        connecting
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers beside Host and Content-Length.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

impl Ask {
    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target, "")
    }

    /// A POST with a body; no client of any kind repeats it silently.
    pub fn post(target: &str, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, target, body)
    }

    /// Any method.
    pub fn new(method: Method, target: &str, body: impl Into<Bytes>) -> Self {
        Self {
            method,
            target: target.to_owned(),
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn request(&self, address: &Address) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(&self.target)
            .header("host", address.to_string());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request
            .body(Full::new(self.body.clone()))
            .expect("a test's request must be well-formed")
    }
}

/// What came back, and what the program that answered says of itself.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Response headers.
    pub headers: HeaderMap,
    /// Response body.
    pub body: Bytes,
    /// What the sample program or [`crate::Laptop`] says; `None` where something else answered.
    pub account: Option<Account>,
}

impl Answer {
    /// Who answered: `original`, the laptop's name, or `nobody of ours`.
    pub fn by(&self) -> &str {
        self.account
            .as_ref()
            .map_or("nobody of ours", |account| &account.by)
    }
}

/// What a program of the rig says of a request that reached it; its Go twin is in `tests/cluster/sample`.
#[derive(Clone, Debug, Deserialize, serde::Serialize, PartialEq, Eq)]
pub struct Account {
    /// `original`, or the laptop's name.
    pub by: String,
    /// The pod that answered; empty on a laptop.
    pub pod: String,
    /// The port it came to.
    pub port: u16,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub proto: String,
    /// Method of the request.
    pub method: String,
    /// Path and query as they arrived.
    pub target: String,
    /// Host header, or :authority.
    pub host: String,
    /// Headers, without Host.
    pub headers: std::collections::BTreeMap<String, Vec<String>>,
    /// Length of the request's body.
    pub body_bytes: u64,
    /// Hash of the request's body, hexadecimal.
    pub body_sha256: String,
}

/// Why there is no answer; the step that failed.
#[derive(Debug)]
pub enum Lost {
    /// No connection, or not in time.
    Connect(String),
    /// It was cut, or malformed, after the request may have been sent.
    Exchange(hyper::Error),
    /// No complete answer within [`PATIENCE`].
    Late,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(formatter, "connect: {why}"),
            Self::Exchange(error) => write!(formatter, "exchange: {error:?}"),
            Self::Late => write!(formatter, "no answer within {PATIENCE:?}"),
        }
    }
}

/// One connection; closed with a reset when dropped, so that a load leaves no TIME_WAIT behind.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, Lost> {
        let stream = address
            .connect()
            .await
            .map_err(|error| Lost::Connect(error.to_string()))?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(Lost::Exchange)?;
        // Its error reaches the sender too.
        let driver = tokio::spawn(async { driver.await.unwrap_or(()) });
        Ok(Self {
            sender,
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    pub(crate) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
        let exchange = async { collect(self.sender.send_request(request).await?).await };
        timeout(PATIENCE, exchange)
            .await
            .map_err(|_| Lost::Late)?
            .map_err(Lost::Exchange)
    }

    /// `None` when the server had closed the connection before a byte of the request was sent: that loses nothing,
    /// and every client opens another.
    pub(crate) async fn exchange_unless_closed(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Option<Result<Answer, Lost>> {
        let exchange = async {
            match self.sender.try_send_request(request).await {
                Ok(response) => Some(collect(response).await),
                Err(refused) if refused.message().is_some() => None,
                Err(refused) => Some(Err(refused.into_error())),
            }
        };
        match timeout(PATIENCE, exchange).await {
            Ok(outcome) => outcome.map(|outcome| outcome.map_err(Lost::Exchange)),
            Err(_) => Some(Err(Lost::Late)),
        }
    }
}

async fn collect(response: hyper::Response<hyper::body::Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    let account = serde_json::from_slice(&body).ok();
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body,
        account,
    })
}

/// Sends one request on a connection of its own.
///
/// # Errors
/// When there is no complete answer. A status that tells of an error is an answer.
pub async fn send(address: &Address, ask: &Ask) -> Result<Answer, Lost> {
    let mut connection = Connection::open(address).await?;
    connection.exchange(ask.request(address)).await
}
