//! The developer's program of the demo: says who it is.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

/// A program on a port of this machine; dropped, it ends.
pub(super) struct Laptop {
    port: u16,
    serving: JoinHandle<()>,
}

impl Laptop {
    /// What it answers.
    pub(super) const NAME: &'static str = "your laptop";

    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections
                    .spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
            }
        });
        Ok(Self { port, serving })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Laptop {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = serde_json::json!({ "by": Laptop::NAME }).to_string();
    Ok(Response::new(Full::new(body.into())))
}
