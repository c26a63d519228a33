//! One connection to the API server, verified with the CA that the pod was given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::rt::{Read, ReadBufCursor, Write};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tokio_util::task::AbortOnDropHandle;

use crate::settings::ApiServer;

const LIMIT: Duration = Duration::from_secs(5);

/// No connection to the API server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The account's files.
    #[error("{} cannot be read", path.display())]
    Account {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The CA that the pod was given.
    #[error("{} holds no usable certificate", path.display())]
    Authority {
        /// Which file.
        path: PathBuf,
    },
    /// TCP.
    #[error("{address} does not answer")]
    Tcp {
        /// The API server.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server is not who it should be, or speaks no TLS.
    #[error("no TLS with {address}")]
    Tls {
        /// The API server.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// TLS could not be set up at all.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
    /// HTTP.
    #[error("no HTTP with the API server")]
    Http(#[source] hyper::Error),
    /// Nothing within the limit.
    #[error("no answer within {} s", LIMIT.as_secs())]
    TimedOut,
}

/// A connection, and the task that drives it; dropped together.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    pub(super) async fn open(server: &ApiServer, account_dir: &Path) -> Result<Self, ConnectError> {
        timeout(LIMIT, Self::connect(server, account_dir))
            .await
            .map_err(|_| ConnectError::TimedOut)?
    }

    async fn connect(server: &ApiServer, account_dir: &Path) -> Result<Self, ConnectError> {
        let address = server.address;
        let tcp = async {
            let io = TcpStream::connect(address).await?;
            io.set_nodelay(true)?;
            std::io::Result::Ok(io)
        };
        let tcp = tcp
            .await
            .map_err(|source| ConnectError::Tcp { address, source })?;
        if !server.tls {
            return Self::over(tcp).await;
        }
        let config = tls(account_dir)?;
        let name = ServerName::IpAddress(address.ip().into());
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        Self::over(tls.map_err(|source| ConnectError::Tls { address, source })?).await
    }

    async fn over<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(io: T) -> Result<Self, ConnectError> {
        let (sender, driver) = handshake(HyperIo(io)).await.map_err(ConnectError::Http)?;
        let driver = tokio::spawn(async move {
            // Whoever waits for the answer is told the same.
            let _ = driver.await;
        });
        Ok(Self {
            sender,
            _driver: AbortOnDropHandle::new(driver),
        })
    }
}

/// The account's token; the kubelet replaces the file while the pod runs.
pub(super) fn token(account_dir: &Path) -> Result<String, ConnectError> {
    let text = read(account_dir.join("token"))?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

fn read(path: PathBuf) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(&path).map_err(|source| ConnectError::Account { path, source })
}

fn tls(account_dir: &Path) -> Result<ClientConfig, ConnectError> {
    let path = account_dir.join("ca.crt");
    let pem = read(path.clone())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem).flatten() {
        // One that cannot be used does not spoil the others.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(ConnectError::Authority { path });
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(ConnectError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// tokio's streams as hyper wants them.
struct HyperIo<T>(T);

impl<T: AsyncRead + Unpin> Read for HyperIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        // Through a buffer of its own: handing hyper's over directly would need unsafe code.
        let mut bytes = [0; 8192];
        let room = cursor.remaining().min(bytes.len());
        let mut buf = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf))?;
        cursor.put_slice(buf.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Write for HyperIo<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
