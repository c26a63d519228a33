//! A way to a server that can be cut and mended, as a network does.

use std::net::SocketAddr;
use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes connections on, while it is whole.
#[derive(Debug)]
pub struct Cut {
    near: SocketAddr,
    far: SocketAddr,
    passing: Option<JoinHandle<()>>,
}

impl Cut {
    /// A way to the API server that this kubeconfig, in JSON, names by address.
    pub async fn to_server_of(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig can be read");
        let kubeconfig: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str();
        let server = server.and_then(|server| server.strip_prefix("https://"));
        let far = server
            .and_then(|server| server.parse().ok())
            .expect("it names an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = listener.local_addr().expect("a bound port has an address");
        let passing = Some(tokio::spawn(pass(listener, far)));
        Self { near, far, passing }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.near.port()
    }

    /// Ends every connection, and refuses further ones.
    pub async fn cut(&mut self) {
        if let Some(passing) = self.passing.take() {
            passing.abort();
            // Cancelled, which is what was asked for.
            let _ = passing.await;
        }
    }

    /// Passes connections again.
    pub async fn mend(&mut self) {
        self.cut().await;
        let listener = TcpListener::bind(self.near)
            .await
            .expect("the port was this one's own");
        self.passing = Some(tokio::spawn(pass(listener, self.far)));
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(passing) = &self.passing {
            passing.abort();
        }
    }
}

async fn pass(listener: TcpListener, far: SocketAddr) {
    // They end with it.
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(far).await {
                // An end that leaves is no news here.
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
