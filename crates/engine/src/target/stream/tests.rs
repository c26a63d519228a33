use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

async fn listen(address: &str) -> (TcpListener, u16) {
    let listener = TcpListener::bind(address).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A server with a certificate nobody signed.
fn self_signed() -> TlsAcceptor {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn localhost_is_found_on_either_of_its_addresses() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(_) = TcpListener::bind(address).await else {
            continue;
        };
        let (_listener, port) = listen(address).await;
        let connector = Target::localhost(port).connector().unwrap();
        // The second time it is asked first where it answered.
        for _ in 0..2 {
            connector.connect().await.unwrap().finish();
        }
        Target::localhost(port).listening().await.unwrap();
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_says_so() {
    let (listener, port) = listen("127.0.0.1:0").await;
    drop(listener);
    for written in [
        format!("{port}"),
        format!("127.0.0.1:{port}"),
        format!("https://127.0.0.1:{port}"),
    ] {
        let mut target: Target = written.parse().unwrap();
        target.accept_any_certificate = true;
        let error = target.listening().await.unwrap_err();
        assert!(
            matches!(error, TargetError::NotListening { .. }),
            "{written}: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_never_finishes_its_handshake_is_given_up() {
    let (_listener, port) = listen("127.0.0.1:0").await;
    let mut target: Target = format!("https://127.0.0.1:{port}").parse().unwrap();
    target.accept_any_certificate = true;
    let error = target.listening().await.unwrap_err();
    assert!(matches!(error, TargetError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_nobody_signed_is_refused_unless_asked() {
    let (listener, port) = listen("127.0.0.1:0").await;
    let acceptor = self_signed();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                assert_eq!(tls.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
                let byte = tls.read_u8().await.unwrap();
                tls.write_all(&[byte + 1]).await.unwrap();
                tls.shutdown().await.unwrap();
            }
        }
    });
    let mut target: Target = format!("https://localhost:{port}").parse().unwrap();
    let error = target.connect().await.err().unwrap();
    assert!(
        matches!(
            error,
            TargetError::Certificate { .. } | TargetError::TlsSetup { .. }
        ),
        "{error}"
    );
    target.accept_any_certificate = true;
    let mut stream = target.connect().await.unwrap();
    stream.write_all(b"a").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'b');
    stream.finish();
}

#[tokio::test]
async fn a_plain_program_behind_https_says_that_it_is_plain() {
    let (listener, port) = listen("127.0.0.1:0").await;
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        tcp.read_u8().await.unwrap();
    });
    let mut target: Target = format!("https://127.0.0.1:{port}").parse().unwrap();
    target.accept_any_certificate = true;
    let error = target.connect().await.err().unwrap();
    assert!(matches!(error, TargetError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn only_a_finished_connection_ends_without_a_reset() {
    let (listener, port) = listen("127.0.0.1:0").await;
    let target = Target::localhost(port);
    let stream = target.connect().await.unwrap();
    let (mut program, _) = listener.accept().await.unwrap();
    stream.finish();
    assert_eq!(program.read(&mut [0; 1]).await.unwrap(), 0);
    let stream = target.connect().await.unwrap();
    let (mut program, _) = listener.accept().await.unwrap();
    drop(stream);
    assert_eq!(
        program.read(&mut [0; 1]).await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
}
