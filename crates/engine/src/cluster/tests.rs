//! Connecting over real sockets: a small API server, proxies, TLS and plugins on the loopback address.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

/// An executable shell script, written by another process: a file that this one has open for writing,
/// if only in a child that another test's thread forks just then, could not be executed.
#[cfg(unix)]
pub(crate) fn mk_script(folder: &Path, name: &str, body: &str) -> PathBuf {
    let path = folder.join(name);
    let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
    let written = std::process::Command::new("/bin/sh")
        .args(["-c", write, "sh"])
        .arg(&path)
        .arg(body)
        .status();
    assert!(written.unwrap().success(), "{} must be written", path.display());
    path
}

/// Kubeconfigs with one context `test`, of these parts.
fn mk_kubeconfigs(cluster: &Value, user: &Value) -> Kubeconfigs {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = json!({
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
            {"name": "other", "context": {"cluster": "c", "user": "u", "namespace": "bank"}},
            {"name": "no-cluster", "context": {"cluster": "gone", "user": "u"}},
            {"name": "no-user", "context": {"cluster": "c", "user": "gone"}},
        ],
    });
    std::fs::write(file.path(), config.to_string()).unwrap();
    Kubeconfigs::load(Some(file.path())).unwrap()
}

/// Answers one request on `io`, and tells its head on `head_tx`.
async fn answer(
    io: impl AsyncRead + AsyncWrite + Unpin,
    status: &str,
    body: &str,
    head_tx: &mpsc::UnboundedSender<String>,
) {
    let mut io = BufReader::new(io);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if io.read_line(&mut head).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let _ = head_tx.send(head);
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = io.write_all(text.as_bytes()).await;
}

const VERSION: &str = r#"{"gitVersion": "v1.35.0"}"#;

/// An API server that gives every request the same answer.
struct Server {
    address: String,
    port: u16,
    // server task → test: heads of requests
    head_rx: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn mk_server(
    status: &'static str,
    body: &'static str,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (head_tx, head_rx) = mpsc::unbounded_channel();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let task = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            match &tls {
                None => answer(tcp, status, body, &head_tx).await,
                Some(settings) => {
                    let Ok(io) = tokio_rustls::TlsAcceptor::from(settings.clone())
                        .accept(tcp)
                        .await
                    else {
                        continue;
                    };
                    answer(io, status, body, &head_tx).await;
                }
            }
        }
    });
    Server {
        address: format!("{scheme}://127.0.0.1:{port}"),
        port,
        head_rx,
        task,
    }
}

async fn connect(cluster: Value, user: Value) -> Result<Cluster, ClusterError> {
    Cluster::connect(&mk_kubeconfigs(&cluster, &user), None).await
}

#[tokio::test]
async fn contexts_that_lead_nowhere_are_told_apart() {
    let kubeconfigs = mk_kubeconfigs(&json!({"server": "http://127.0.0.1:1"}), &json!({}));
    let missing = Cluster::connect(&kubeconfigs, Some("prod")).await.unwrap_err();
    assert!(missing.hint().unwrap().contains("test"), "{missing:?}");
    assert!(
        matches!(missing, ClusterError::NoSuchContext { .. }),
        "{missing:?}"
    );
    let cluster = Cluster::connect(&kubeconfigs, Some("no-cluster"))
        .await
        .unwrap_err();
    assert!(
        matches!(cluster, ClusterError::Incomplete { what: "cluster", .. }),
        "{cluster:?}"
    );
    let user = Cluster::connect(&kubeconfigs, Some("no-user")).await.unwrap_err();
    assert!(
        matches!(user, ClusterError::Incomplete { what: "user", .. }),
        "{user:?}"
    );
    for server in ["", "ftp://x", "http://", "not a host"] {
        let address = connect(json!({"server": server}), json!({})).await.unwrap_err();
        assert!(
            matches!(address, ClusterError::ServerAddress { .. }),
            "{server}: {address:?}"
        );
    }
}

#[tokio::test]
async fn a_context_that_works_is_connected_with_its_token_and_namespaces() {
    let mut server = mk_server("200 OK", VERSION, None).await;
    let cluster = connect(
        json!({"server": server.address}),
        json!({"token": "t0ken", "as": "somebody"}),
    )
    .await
    .unwrap();
    let head = server.head_rx.recv().await.unwrap();
    assert!(head.starts_with("GET /version HTTP/1.1"), "{head}");
    assert!(head.contains("authorization: Bearer t0ken"), "{head}");
    assert!(head.contains("impersonate-user: somebody"), "{head}");
    assert_eq!(
        (cluster.context(), cluster.server()),
        ("test", server.address.as_str())
    );
    assert_eq!(cluster.default_namespace(), "shop");
    assert_eq!(cluster.known_namespaces(), ["shop", "bank"]);
}

#[tokio::test]
async fn answers_are_told_apart() {
    let status =
        |code: u16, reason: &str| json!({"kind": "Status", "code": code, "reason": reason, "message": "m"});
    let unauthorized: &'static str = status(401, "Unauthorized").to_string().leak();
    let forbidden: &'static str = status(403, "Forbidden").to_string().leak();
    let table = [
        ("401 Unauthorized", unauthorized, "Unauthorized"),
        ("403 Forbidden", forbidden, "Ok"),
        ("200 OK", "<html>log in</html>", "NotKubernetes"),
        ("404 Not Found", "nothing here", "NotKubernetes"),
        ("502 Bad Gateway", "upstream", "Unreachable"),
    ];
    for (line, body, expected) in table {
        let server = mk_server(line, body, None).await;
        let connected = connect(json!({"server": server.address}), json!({})).await;
        assert!(
            format!("{connected:?}")
                .trim_start_matches("Err(")
                .starts_with(expected),
            "{line}: {connected:?}"
        );
    }
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = connect(json!({"server": address}), json!({})).await.unwrap_err();
    assert!(matches!(&error, ClusterError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&address), "{error}");
}

/// A server that speaks TLS as `cluster.test` only, and the `certificate-authority-data` to trust it by.
async fn mk_tls_server() -> (Server, String) {
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let ca = rcgen::CertifiedIssuer::self_signed(parameters, ca_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["cluster.test".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64.encode(ca.der())
    );
    (
        mk_server("200 OK", VERSION, Some(Arc::new(settings))).await,
        BASE64.encode(pem),
    )
}

#[tokio::test]
async fn tls_settings_of_the_kubeconfig_are_honoured() {
    let (server, data) = mk_tls_server().await;
    let address = server.address.as_str();
    let trusted =
        json!({"server": address, "certificate-authority-data": data, "tls-server-name": "cluster.test"});
    connect(trusted, json!({})).await.unwrap();
    connect(
        json!({"server": address, "insecure-skip-tls-verify": true}),
        json!({}),
    )
    .await
    .unwrap();
    let other_name = connect(
        json!({"server": address, "certificate-authority-data": data}),
        json!({}),
    )
    .await;
    assert!(
        matches!(other_name, Err(ClusterError::Certificate { .. })),
        "{other_name:?}"
    );
    let unknown = connect(
        json!({"server": address, "tls-server-name": "cluster.test"}),
        json!({}),
    )
    .await;
    assert!(
        matches!(unknown, Err(ClusterError::Certificate { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn files_that_hold_no_certificate_are_named() {
    let cluster = json!({"server": "https://127.0.0.1:1", "certificate-authority": "/nowhere/ca.crt"});
    let gone = connect(cluster, json!({})).await.unwrap_err();
    assert!(gone.to_string().contains("/nowhere/ca.crt"), "{gone}");
    let empty = json!({"server": "https://127.0.0.1:1", "certificate-authority-data": "bm90aGluZw=="});
    let no_pem = connect(empty, json!({})).await.unwrap_err();
    assert!(
        matches!(
            no_pem,
            ClusterError::CredentialField {
                field: "certificate-authority",
                ..
            }
        ),
        "{no_pem:?}"
    );
    let user = json!({"client-certificate": "/nowhere/u.crt", "client-key": "/nowhere/u.key"});
    let identity = connect(json!({"server": "https://127.0.0.1:1"}), user)
        .await
        .unwrap_err();
    assert!(identity.to_string().contains("/nowhere/u."), "{identity}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_plugins_token_is_sent_and_its_failure_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = mk_server("200 OK", VERSION, None).await;
    let works = mk_script(
        folder.path(),
        "works",
        r#"echo '{"status": {"token": "from-plugin"}}'"#,
    );
    let exec = |command: &Path| json!({"exec": {"command": command, "interactiveMode": "Never"}});
    connect(json!({"server": server.address}), exec(&works))
        .await
        .unwrap();
    let head = server.head_rx.recv().await.unwrap();
    assert!(head.contains("authorization: Bearer from-plugin"), "{head}");
    let fails = mk_script(folder.path(), "fails", "echo expired >&2; exit 1");
    let error = connect(json!({"server": server.address}), exec(&fails))
        .await
        .unwrap_err();
    let ClusterError::Plugin { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("expired"), "{source}");
}

/// Accepts one connection as an HTTP or SOCKS5 proxy and joins it with the API server on `port`.
async fn proxy(listener: TcpListener, port: u16, socks: bool) -> String {
    let (mut tcp, _) = listener.accept().await.unwrap();
    let mut asked = Vec::new();
    if socks {
        let mut greeting = [0; 3];
        tcp.read_exact(&mut greeting).await.unwrap();
        tcp.write_all(&[5, 0]).await.unwrap();
        let mut request = [0; 10];
        tcp.read_exact(&mut request).await.unwrap();
        tcp.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        asked.extend(request);
    } else {
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(tcp.read_u8().await.unwrap());
        }
        tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    }
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut tcp, &mut server).await;
    String::from_utf8_lossy(&asked).into_owned()
}

#[tokio::test]
async fn the_kubeconfigs_proxy_is_used_also_for_this_machine() {
    for (scheme, socks) in [("http", false), ("socks5", true)] {
        let server = mk_server("200 OK", VERSION, None).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let proxied = tokio::spawn(proxy(listener, server.port, socks));
        connect(json!({"server": server.address, "proxy-url": url}), json!({}))
            .await
            .unwrap();
        let asked = proxied.await.unwrap();
        assert!(
            socks || asked.starts_with(&format!("CONNECT 127.0.0.1:{}", server.port)),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_proxys_password_goes_to_the_proxy_alone() {
    let mut server = mk_server("200 OK", VERSION, None).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://me:p%40ss@{}", listener.local_addr().unwrap());
    let proxied = tokio::spawn(proxy(listener, server.port, false));
    connect(json!({"server": server.address, "proxy-url": url}), json!({}))
        .await
        .unwrap();
    assert!(
        proxied
            .await
            .unwrap()
            .contains("Proxy-Authorization: Basic bWU6cEBzcw==")
    );
    assert!(
        !server
            .head_rx
            .recv()
            .await
            .unwrap()
            .to_lowercase()
            .contains("proxy-auth")
    );
    let odd = connect(
        json!({"server": "http://x", "proxy-url": "ftp://me:secret@p:1"}),
        json!({}),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(&odd, ClusterError::Proxy { .. }) && !odd.to_string().contains("secret"),
        "{odd:?}"
    );
}
