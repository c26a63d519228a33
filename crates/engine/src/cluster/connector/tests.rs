use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::*;

#[tokio::test]
async fn connections_send_without_delay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server: Uri = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let opened: TokioIo<TcpStream> = tcp().oneshot(server).await.unwrap();
    assert!(opened.inner().nodelay().unwrap());
}

#[test]
fn the_environments_proxy_is_not_for_this_machine() {
    for own in [
        "http://localhost:8080",
        "https://127.0.0.1:6443",
        "https://[::1]:6443",
    ] {
        let config = Config::new(own.parse().unwrap());
        assert!(proxy(&config).unwrap().is_none(), "{own}");
    }
}

#[test]
fn passwords_of_proxies_are_not_shown() {
    let proxy: Uri = "ftp://me:secret@proxy:1/".parse().unwrap();
    assert_eq!(without_password(&proxy), "ftp://proxy:1");
}
