//! A program that a developer runs on a port of this machine: it says whose it is.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// A program that answers every request with `{"by": its name}`. Dropped, it ends.
pub struct Program {
    port: u16,
    _serving: AbortOnDropHandle<()>,
}

impl Program {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(name: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let answer: Arc<str> = serde_json::json!({ "by": name }).to_string().into();
        let serving = tokio::spawn(serve(listener, answer));
        Ok(Self {
            port,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}

async fn serve(listener: TcpListener, answer: Arc<str>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let answer = answer.clone();
        connections.spawn(async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let body = Full::new(Bytes::copy_from_slice(answer.as_bytes()));
                async { Ok::<_, Infallible>(Response::new(body)) }
            });
            // A caller that goes away is no news.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
