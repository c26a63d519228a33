//! One port of the stand-in: whole connections, or requests one by one, to a gate or to the origin.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use intercept_agent::agent::Agent;
use intercept_agent::nginx::render::gate_file;
use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::{Listener, PortProtocol};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use super::rule::fits;
use crate::network::loopback::Listening;
use crate::node::image::Context;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// One port, and what decides about it.
#[derive(Clone)]
pub(super) struct Router {
    pub(super) context: Context,
    pub(super) agent: Arc<Agent>,
    /// Absent for the port that only says that the proxy is ready.
    pub(super) listener: Option<Listener>,
    pub(super) origin: Option<SocketAddr>,
}

/// Where a request goes.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

impl Router {
    /// Serves until dropped.
    pub(super) async fn serve(self, listening: Listening) {
        let mut open = JoinSet::new();
        loop {
            while open.try_join_next().is_some() {}
            let Ok(io) = listening.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let router = self.clone();
            open.spawn(async move {
                let is_http = router
                    .listener
                    .as_ref()
                    .is_none_or(|one| one.protocol == PortProtocol::Http);
                let done = if is_http {
                    router.requests(io).await
                } else {
                    router.connection(io).await
                };
                if let Err(error) = done {
                    tracing::trace!(error, "a connection through the stand-in ended early");
                }
            });
        }
    }

    async fn connection(&self, mut near: TcpStream) -> Result<(), Failure> {
        let chosen = self.chosen(|rule| rule.takes_everything());
        let mut far = self.reach(chosen.as_ref()).await?;
        copy_bidirectional(&mut near, &mut far).await?;
        Ok(())
    }

    async fn requests(self, near: TcpStream) -> Result<(), Failure> {
        let service = service_fn(move |request| {
            let router = self.clone();
            async move { Ok::<_, Infallible>(router.answer(request).await) }
        });
        let builder = Builder::new(TokioExecutor::new());
        builder
            .serve_connection_with_upgrades(TokioIo::new(near), service)
            .await
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        if self.listener.is_none() {
            return empty(StatusCode::NO_CONTENT);
        }
        let mut answer = match self.pass(request).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(error, "a request found nobody");
                empty(StatusCode::BAD_GATEWAY)
            }
        };
        // On its way out it asks callers to come back on a new connection, which goes elsewhere.
        if *self.agent.draining.borrow() && answer.version() != Version::HTTP_2 {
            answer
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn pass(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Failure> {
        let target = request
            .uri()
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string);
        let chosen = self.chosen(|rule| fits(rule, request.method().as_str(), &target, request.headers()));
        let far = TokioIo::new(self.reach(chosen.as_ref()).await?);
        let near = hyper::upgrade::on(&mut request);
        let mut answer = if request.version() == Version::HTTP_2 {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), far).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        } else {
            if request.uri().authority().is_some() {
                *request.uri_mut() = target.parse()?;
            }
            let (mut sender, connection) = http1::handshake(far).await?;
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await?
        };
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS && answer.headers().contains_key(UPGRADE) {
            let far = hyper::upgrade::on(&mut answer);
            tokio::spawn(async move {
                if let (Ok(near), Ok(far)) = tokio::join!(near, far) {
                    // Ends as either side ends; nobody is left to tell.
                    let _ = copy_bidirectional(&mut TokioIo::new(near), &mut TokioIo::new(far)).await;
                }
            });
        }
        Ok(answer.map(http_body_util::BodyExt::boxed_unsync))
    }

    /// The first intercept of this port whose rule fits.
    fn chosen(&self, fits: impl Fn(&intercept_protocol::matching::Match) -> bool) -> Option<InterceptId> {
        let record = self.agent.record.borrow().clone()?;
        let port = self.listener.as_ref()?.port;
        let found = record
            .by_precedence(port)
            .into_iter()
            .find(|one| fits(&one.rule))?;
        Some(found.id.clone())
    }

    /// A gate that is shut refuses, and then the origin answers, as with NGINX.
    async fn reach(&self, chosen: Option<&InterceptId>) -> Result<Box<dyn Wire>, Failure> {
        if let Some(id) = chosen
            && let Ok(gate) = UnixStream::connect(gate_file(&self.agent.settings.run_dir, id)).await
        {
            return Ok(Box::new(gate));
        }
        let origin = self.origin.ok_or("this port has no origin")?;
        let io = self
            .context
            .connect(&origin.ip().to_string(), origin.port())
            .await?;
        Ok(Box::new(io))
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}
