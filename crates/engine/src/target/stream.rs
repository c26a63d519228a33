//! Connections to a target: bounded in time, without Nagle, through TLS where it asks for it.
//!
//! An `https` target is offered HTTP/1.1 alone (ALPN). Bytes pass unchanged, so a caller that speaks HTTP/2
//! with prior knowledge reaches a plain target as HTTP/2, but a TLS target would take it for broken HTTP/1.1.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Host, Target};

mod any_certificate;

/// A program on this machine answers in microseconds; one elsewhere should not make callers wait longer.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// For the look before an intercept starts.
const LISTENING_LIMIT: Duration = Duration::from_secs(1);

/// A target that did not take a connection.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The machine answered that nothing listens there: the program is not started, or on another port.
    #[error("nothing listens on {target}; start your program, or give the port it listens on")]
    NotListening {
        /// The target.
        target: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The name has no address.
    #[error("the name in {target} has no address")]
    UnknownHost {
        /// The target.
        target: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// The connection failed in another way.
    #[error("{target} could not be reached")]
    Unreachable {
        /// The target.
        target: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{target} did not answer within {} s", .limit.as_secs())]
    TimedOut {
        /// The target.
        target: String,
        /// How long was waited.
        limit: Duration,
    },
    /// It listens, but its certificate is not one this machine trusts.
    #[error(
        "the certificate of {target} is not trusted here; if it is your own, ask to accept any certificate of this target"
    )]
    Certificate {
        /// The target.
        target: String,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// It listens, but does not speak TLS.
    #[error("{target} does not speak TLS as expected; is it a plain http target?")]
    Tls {
        /// The target.
        target: String,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
    /// TLS could not be set up on this machine.
    #[error("TLS for {target} cannot be set up on this machine")]
    TlsSetup {
        /// The target.
        target: String,
        /// What went wrong.
        #[source]
        source: rustls::Error,
    },
}

impl Target {
    /// Prepares connections: loads trusted certificates once where TLS needs them.
    ///
    /// # Errors
    /// [`TargetError::TlsSetup`].
    pub fn connector(&self) -> Result<Connector, TargetError> {
        let tls = if self.tls { Some(tls(self)?) } else { None };
        Ok(Connector {
            target: self.clone(),
            tls,
            prefer_v4: AtomicBool::new(false),
        })
    }

    /// One connection. Whoever makes many keeps a [`Connector`].
    ///
    /// # Errors
    /// When the target does not take it in time.
    pub async fn connect(&self) -> Result<TargetStream, TargetError> {
        self.connector()?.connect().await
    }

    /// Whether something that speaks as expected listens there now; the connection is closed again.
    ///
    /// # Errors
    /// Why requests would not be answered.
    pub async fn listening(&self) -> Result<(), TargetError> {
        let connector = self.connector()?;
        connector
            .connect_within(LISTENING_LIMIT)
            .await
            .map(TargetStream::finish)
    }
}

/// Makes connections to one target.
pub struct Connector {
    target: Target,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// Which of localhost's addresses answered last, so that the next connection asks it first.
    prefer_v4: AtomicBool,
}

impl Connector {
    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// One connection, ready for the first byte.
    ///
    /// # Errors
    /// When the target does not take it in time.
    pub async fn connect(&self) -> Result<TargetStream, TargetError> {
        self.connect_within(CONNECT_LIMIT).await
    }

    async fn connect_within(&self, limit: Duration) -> Result<TargetStream, TargetError> {
        let late = |_| TargetError::TimedOut {
            target: self.target.to_string(),
            limit,
        };
        timeout(limit, self.connect_unbounded()).await.map_err(late)?
    }

    async fn connect_unbounded(&self) -> Result<TargetStream, TargetError> {
        let tcp = self.dial().await?;
        // Fails only on a connection that is already broken; the first write will say so.
        let _ = tcp.set_nodelay(true);
        let Some((tls, name)) = &self.tls else {
            return Ok(TargetStream(Kind::Plain(tcp)));
        };
        match tls.connect(name.clone(), tcp).await {
            Ok(stream) => Ok(TargetStream(Kind::Tls(Box::new(stream)))),
            Err(error) => Err(self.tls_failure(error)),
        }
    }

    async fn dial(&self) -> Result<TcpStream, TargetError> {
        let port = self.target.port;
        match &self.target.host {
            Host::Address(address) => TcpStream::connect((*address, port))
                .await
                .map_err(|error| self.failure(error)),
            Host::Localhost => self.dial_localhost(port).await,
            Host::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), port)).await;
                let addresses: Vec<SocketAddr> = found
                    .map_err(|source| TargetError::UnknownHost {
                        target: self.target.to_string(),
                        source,
                    })?
                    .collect();
                TcpStream::connect(addresses.as_slice())
                    .await
                    .map_err(|error| self.failure(error))
            }
        }
    }

    /// Development servers listen on one of the two loopback addresses or on both, and rarely say which.
    async fn dial_localhost(&self, port: u16) -> Result<TcpStream, TargetError> {
        let prefer_v4 = self.prefer_v4.load(Ordering::Relaxed);
        let mut addresses = [
            IpAddr::from(Ipv6Addr::LOCALHOST),
            IpAddr::from(Ipv4Addr::LOCALHOST),
        ];
        if prefer_v4 {
            addresses.reverse();
        }
        if let Ok(tcp) = TcpStream::connect((addresses[0], port)).await {
            return Ok(tcp);
        }
        let second = TcpStream::connect((addresses[1], port))
            .await
            .map_err(|error| self.failure(error))?;
        self.prefer_v4.store(!prefer_v4, Ordering::Relaxed);
        Ok(second)
    }

    fn failure(&self, source: io::Error) -> TargetError {
        let target = self.target.to_string();
        if source.kind() == io::ErrorKind::ConnectionRefused {
            TargetError::NotListening { target, source }
        } else {
            TargetError::Unreachable { target, source }
        }
    }

    fn tls_failure(&self, source: io::Error) -> TargetError {
        let target = self.target.to_string();
        match source.downcast::<rustls::Error>() {
            Ok(source @ rustls::Error::InvalidCertificate(_)) => TargetError::Certificate { target, source },
            Ok(other) => TargetError::Tls {
                target,
                source: io::Error::other(other),
            },
            Err(source) => TargetError::Tls { target, source },
        }
    }
}

fn tls(target: &Target) -> Result<(TlsConnector, ServerName<'static>), TargetError> {
    let failed = |source| TargetError::TlsSetup {
        target: target.to_string(),
        source,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(target, &provider).map_err(failed)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = match &target.host {
        Host::Localhost => "localhost".to_owned(),
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    };
    let unusable = |_| {
        failed(rustls::Error::General(format!(
            "`{name}` cannot be in a certificate"
        )))
    };
    let name = ServerName::try_from(name.clone()).map_err(unusable)?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

/// Who is asked about the target's certificate: the operating system, or nobody when the user said so.
fn verifier(
    target: &Target,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if target.accept_any_certificate {
        return Ok(any_certificate::verifier(provider));
    }
    Ok(Arc::new(rustls_platform_verifier::Verifier::new(Arc::clone(
        provider,
    ))?))
}

/// A connection to the target. Dropped before [`TargetStream::finish`] it is reset, so that a program
/// never takes a request that was cut off for a whole one.
pub struct TargetStream(Kind);

enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Finished,
}

impl TargetStream {
    /// Both directions have ended in order: closes without a reset.
    pub fn finish(mut self) {
        drop(std::mem::replace(&mut self.0, Kind::Finished));
    }

    /// Whether nothing has come of it that was not read: neither bytes nor an end. Asks the operating system, since
    /// readiness that was noted earlier says nothing about this moment.
    pub fn is_silent(&self) -> bool {
        let tcp = match &self.0 {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(tls) => tls.get_ref().0,
            Kind::Finished => return false,
        };
        let peeked = SockRef::from(tcp).peek(&mut [MaybeUninit::uninit()]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl Drop for TargetStream {
    fn drop(&mut self) {
        let tcp = match &self.0 {
            Kind::Plain(tcp) => tcp,
            Kind::Tls(tls) => tls.get_ref().0,
            Kind::Finished => return,
        };
        // Fails only on a connection that is already broken.
        let _ = tcp.set_zero_linger();
    }
}

impl AsyncRead for TargetStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Kind::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Kind::Finished => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for TargetStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Kind::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
            Kind::Finished => Poll::Ready(Ok(0)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Kind::Finished => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Kind::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Kind::Finished => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests;
