//! Connections: one port for TLS and plain HTTP alike, told apart by their first byte.
//!
//! kubectl sends its token over TLS only, so the kubeconfig says `https`; everything in this process saves
//! itself the cryptography. Nobody gets in without a token either way.

mod tls;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Api;
use super::serve::serve;
use tls::Authority;
pub use tls::TlsError;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;
/// A port that is still closing is tried again, so often.
const BIND_TRIES: u32 = 100;

/// A running API server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The certificate that clients trust.
    pub(crate) authority: String,
    stop: CancellationToken,
    tasks: TaskTracker,
    restarts: Restarts,
}

/// Orders the server to be gone for a while.
#[derive(Clone, Debug)]
pub(crate) struct Restarts {
    orders_tx: mpsc::UnboundedSender<Restart>,
}

/// Takes those orders.
pub(crate) type RestartOrders = mpsc::UnboundedReceiver<Restart>;

/// An order to be gone for a while.
#[derive(Debug)]
pub(crate) struct Restart {
    away: Duration,
    back: oneshot::Sender<()>,
}

impl Restarts {
    pub(crate) fn new() -> (Self, RestartOrders) {
        let (orders_tx, orders_rx) = mpsc::unbounded_channel();
        (Self { orders_tx }, orders_rx)
    }

    /// What comes back ends when the server is back, or is told to stop.
    pub(crate) fn order(&self, away: Duration) -> oneshot::Receiver<()> {
        let (back, is_back) = oneshot::channel();
        // A server that has stopped takes no more orders; dropping this one says so.
        drop(self.orders_tx.send(Restart { away, back }));
        is_back
    }
}

/// What a request may need to know of the connection it came by.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// Ends everything that came by the connection.
    pub(crate) cut: CancellationToken,
    /// What is awaited before the server has stopped.
    pub(crate) tasks: TaskTracker,
}

/// What accepts connections, between two restarts.
struct Door {
    api: Arc<Api>,
    acceptor: TlsAcceptor,
    tasks: TaskTracker,
}

impl Server {
    pub(crate) async fn start(
        api: Arc<Api>,
        port: u16,
        orders_rx: RestartOrders,
        tasks: TaskTracker,
    ) -> Result<Self, StartError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let authority = Authority::new()?;
        let restarts = api.restarts.clone();
        let stop = CancellationToken::new();
        let door = Door {
            api,
            acceptor: authority.acceptor,
            tasks: tasks.clone(),
        };
        tasks.spawn(run(door, listener, address, orders_rx, stop.clone()));
        Ok(Self {
            address,
            authority: authority.pem,
            stop,
            tasks,
            restarts,
        })
    }

    /// Cuts all connections, is gone for a while, and comes back on the same port. Returns when it is back.
    pub(crate) async fn restart(&self, away: Duration) {
        // An error means that it was stopped meanwhile.
        let _ = self.restarts.order(away).await;
    }

    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The API server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port to listen on.
    #[error("the API server cannot listen")]
    Listen(#[source] io::Error),
    /// No certificate.
    #[error("the API server has no certificate")]
    Tls(#[from] TlsError),
}

async fn run(
    door: Door,
    listener: TcpListener,
    address: SocketAddr,
    mut orders_rx: RestartOrders,
    stop: CancellationToken,
) {
    let mut listener = Some(listener);
    while let Some(open) = listener.take() {
        let connections = stop.child_token();
        let order = tokio::select! {
            () = stop.cancelled() => None,
            order = orders_rx.recv() => order,
            () = accept(&door, open, &connections) => None,
        };
        connections.cancel();
        let Some(order) = order else { break };
        door.api.store.compact();
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(order.away) => {}
        }
        listener = listen_again(address).await;
        // Whoever ordered it may have gone.
        let _ = order.back.send(());
    }
    tracing::debug!(%address, "the API server ended");
}

async fn listen_again(address: SocketAddr) -> Option<TcpListener> {
    for _ in 0..BIND_TRIES {
        match TcpListener::bind(address).await {
            Ok(listener) => return Some(listener),
            Err(error) => {
                tracing::debug!(%address, %error, "the port is not free yet");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    tracing::error!(%address, "the API server cannot listen again");
    None
}

async fn accept(door: &Door, listener: TcpListener, connections: &CancellationToken) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (api, acceptor) = (door.api.clone(), door.acceptor.clone());
                let life = Life {
                    cut: connections.clone(),
                    tasks: door.tasks.clone(),
                };
                door.tasks.spawn(async move {
                    tokio::select! {
                        () = life.cut.clone().cancelled_owned() => {}
                        () = connection(api, acceptor, stream, life) => {}
                    }
                });
            }
            // Too many open files: those that are open will close.
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(api: Arc<Api>, acceptor: TlsAcceptor, stream: TcpStream, life: Life) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1) if first[0] == HANDSHAKE => match acceptor.accept(stream).await {
            Ok(stream) => http(api, stream, life).await,
            Err(error) => tracing::debug!(%error, "no TLS"),
        },
        Ok(1) => http(api, stream, life).await,
        _ => {}
    }
}

async fn http<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(api: Arc<Api>, stream: S, life: Life) {
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(life.clone());
        serve(api.clone(), request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}
