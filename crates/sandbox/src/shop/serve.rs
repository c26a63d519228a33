//! HTTP/1 and HTTP/2 with prior knowledge on one port, until the container is asked to end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::task::JoinSet;

use crate::network::loopback::Listening;
use crate::node::image::Context;

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A whole body.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut answer = Response::new(full(format!("{value}\n")));
    *answer.status_mut() = status;
    let is = hyper::header::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, is);
    answer
}

/// Serves ports with `answer` until the container should end; its exit code.
pub(super) async fn ports<F, Fut>(context: &Context, ports: &[u16], answer: F) -> i32
where
    F: Fn(Arc<Context>, u16, Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let shared = Arc::new(context.clone());
    let mut serving = JoinSet::new();
    for port in ports {
        let listening = match context.listen(*port).await {
            Ok(listening) => listening,
            Err(error) => return refused(context, *port, &error),
        };
        context.log.line(format!("listening on {}", listening.address()));
        serving.spawn(connections(shared.clone(), listening, *port, answer.clone()));
    }
    context.stop.cancelled().await;
    context.log.line("asked to stop");
    serving.shutdown().await;
    0
}

/// What a program says that may not listen, and its exit code.
pub(super) fn refused(context: &Context, port: u16, error: &std::io::Error) -> i32 {
    let ip = context.ip;
    context.log.line(format!("listen tcp {ip}:{port}: bind: {error}"));
    1
}

async fn connections<F, Fut>(context: Arc<Context>, listening: Listening, port: u16, answer: F)
where
    F: Fn(Arc<Context>, u16, Request<Incoming>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<Body>> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let Ok(io) = listening.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let (context, answer) = (context.clone(), answer.clone());
        open.spawn(async move {
            let service = service_fn(move |request| {
                let answered = answer(context.clone(), port, request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
            if let Err(error) = connection.await {
                tracing::trace!(error, "a connection to a sample program ended early");
            }
        });
    }
}
