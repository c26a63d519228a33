//! Builds the client: connections, proxies, TLS and credentials.
//!
//! kube's own builder leaves Nagle's algorithm on, which costs 12 ms for each request through a
//! port-forward; that is why the stack is put together here, from kube's parts.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::retry::RetryPolicy;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::{Client, Config};
use tower::retry::RetryLayer;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _};

use super::credential::{Credential, WithCredential};

/// Name resolution, proxy and TLS together.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Shows within a minute that the other end of an idle connection is gone; firewalls forget them later.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;
/// Busy answers (429, 503, 504) are asked again for about two seconds in all; then the caller is told.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(1);
const RETRIES: u32 = 4;

/// A client that cannot be built from its settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectorError {
    #[error("the proxy {proxy} has a scheme other than http, https or socks5")]
    ProxyScheme { proxy: String },
    #[error("the certificates, key or server name of the kubeconfig cannot be used")]
    Settings(#[source] kube::Error),
    #[error("`tls-server-name: {name}` is not a host name")]
    ServerName { name: String },
}

/// A client for `config`. `config.proxy_url` is the kubeconfig's; without one the environment's applies.
pub(super) fn client(config: &Config, credential: Option<Arc<Credential>>) -> Result<Client, ConnectorError> {
    let direct = tcp();
    let Some(proxy) = proxy(config)? else {
        return stack(config, direct, credential);
    };
    match proxy.uri().scheme_str() {
        Some("socks5" | "socks5h") => {
            let mut socks = SocksV5::new(proxy.uri().clone(), direct);
            if let Some((user, password)) = proxy.raw_auth() {
                socks = socks.with_auth(user.to_owned(), password.to_owned());
            }
            stack(config, socks, credential)
        }
        Some("http") => stack(config, tunnel(&proxy, direct), credential),
        Some("https") => stack(config, tunnel(&proxy, tls(config, direct)?), credential),
        _ => Err(ConnectorError::ProxyScheme {
            proxy: proxy.uri().to_string(),
        }),
    }
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    connector
}

/// As kubectl does: the kubeconfig's proxy always, the environment's never for this machine itself.
fn proxy(config: &Config) -> Result<Option<Intercept>, ConnectorError> {
    let server = &config.cluster_url;
    if let Some(named) = &config.proxy_url {
        let unusable = || ConnectorError::ProxyScheme {
            proxy: without_password(named),
        };
        let found = Matcher::builder()
            .all(named.to_string())
            .build()
            .intercept(server);
        return found.ok_or_else(unusable).map(Some);
    }
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_own = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    Ok(if is_own {
        None
    } else {
        Matcher::from_env().intercept(server)
    })
}

fn without_password(proxy: &Uri) -> String {
    let place = proxy.authority().map_or("", |authority| authority.as_str());
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    format!("{}://{place}", proxy.scheme_str().unwrap_or_default())
}

fn tunnel<C>(proxy: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    match proxy.basic_auth() {
        Some(auth) => tunnel.with_auth(auth.clone()),
        None => tunnel,
    }
}

fn tls<C>(config: &Config, connector: C) -> Result<HttpsConnector<C>, ConnectorError> {
    let settings = config.rustls_client_config().map_err(ConnectorError::Settings)?;
    let mut builder = HttpsConnectorBuilder::new()
        .with_tls_config(settings)
        .https_or_http();
    if let Some(name) = &config.tls_server_name {
        let invalid = |_| ConnectorError::ServerName { name: name.clone() };
        let name = rustls::pki_types::ServerName::try_from(name.clone()).map_err(invalid)?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(connector))
}

fn stack<C>(
    config: &Config,
    connector: C,
    credential: Option<Arc<Credential>>,
) -> Result<Client, ConnectorError>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
    HttpsConnector<C>:
        Service<Uri, Error = BoxError, Future: Send, Response: Connection + Read + Write + Send + Unpin>,
{
    let mut connector = TimeoutConnector::new(tls(config, connector)?);
    connector.set_connect_timeout(Some(CONNECT_LIMIT));
    let http = hyper_util::client::legacy::Builder::new(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .build::<_, Body>(connector)
        .map_err(BoxError::from);
    let retry = RetryPolicy::new(RETRY_FIRST, RETRY_LONGEST, RETRIES, false)
        .expect("the retry policy's constants must be in order");
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(retry))
        .option_layer(config.auth_layer().map_err(ConnectorError::Settings)?)
        .layer(config.extra_headers_layer().map_err(ConnectorError::Settings)?)
        .service(WithCredential {
            inner: http,
            credential,
        });
    Ok(ClientBuilder::new(service.map_err(BoxError::from), config.default_namespace.clone()).build())
}

#[cfg(test)]
mod tests;
