//! A caller of the shop.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 1024 * 1024;

/// Asks one Service, on a connection for each request.
pub(super) struct Asking {
    address: SocketAddr,
    host: String,
}

impl Asking {
    pub(super) fn new(address: SocketAddr, host: String) -> Self {
        Self { address, host }
    }

    /// Who answered; nobody, where there was no answer that says so.
    pub(super) async fn who(&self, mark: Option<(&str, &str)>) -> Option<String> {
        timeout(PATIENCE, self.ask(mark)).await.ok().flatten()
    }

    pub(super) async fn is_answered_by(&self, mark: Option<(&str, &str)>, name: &str) -> bool {
        self.who(mark).await.as_deref() == Some(name)
    }

    async fn ask(&self, mark: Option<(&str, &str)>) -> Option<String> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut request = Request::get("/").header(header::HOST, &self.host);
        if let Some((name, value)) = mark {
            request = request.header(name, value);
        }
        let request = request.body(Empty::<Bytes>::new()).ok()?;
        let answered = async {
            let answer = sender.send_request(request).await.ok()?;
            Limited::new(answer.into_body(), MAX_ANSWER).collect().await.ok()
        };
        // The connection has to be driven as long as the answer is awaited.
        let body = tokio::select! {
            body = answered => body?.to_bytes(),
            _ = connection => return None,
        };
        let account: Value = serde_json::from_slice(&body).ok()?;
        let by = account["by"].as_str()?;
        Some(
            account["pod"]
                .as_str()
                .map_or_else(|| by.to_owned(), |pod| format!("pod {pod}")),
        )
    }
}
