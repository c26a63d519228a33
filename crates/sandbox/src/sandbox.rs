//! One sandbox: an API server with its store, told to stop and awaited.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::access::{Access, User};
use crate::api::server::{Restarts, Server, StartError};
use crate::api::{Api, ServiceAddresses, defaults_of, meta};
use crate::faults::Faults;
use crate::node_access::NodeAccess;
use crate::resources::Kind;
use crate::store::{Key, Store};
use crate::upkeep;

/// What a sandbox starts with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The API server's port; 0 takes a free one.
    pub port: u16,
    /// The addresses that Services get.
    pub service_addresses: ServiceAddresses,
    /// So many changes of each kind are remembered: a watch from before them gets 410 Gone.
    pub history: usize,
    /// How often a quiet watch is told how far it has come.
    pub bookmarks: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            service_addresses: ServiceAddresses::default(),
            history: 10_000,
            bookmarks: Duration::from_secs(10),
        }
    }
}

/// A running sandbox. Dropping it ends it too, without waiting.
pub struct Sandbox {
    api: Arc<Api>,
    server: Server,
    token: String,
    stop: CancellationToken,
}

/// A client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("no client for the sandbox")]
pub struct ClientError(#[source] kube::Error);

/// An object that cannot be inserted.
#[derive(Debug, thiserror::Error)]
#[error("object {index} cannot be inserted: {why}")]
pub struct InsertError {
    index: usize,
    why: &'static str,
}

impl Sandbox {
    /// Starts an API server with the namespaces of a fresh cluster. It has no node until one is set.
    ///
    /// # Errors
    /// When it cannot listen, or has no certificate.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let store = Arc::new(Store::new(options.history));
        let access = Access::default();
        let token = access.token(User::admin("sandbox-admin"));
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let (restarts, restart_orders) = Restarts::new();
        let api = Arc::new(Api {
            store: store.clone(),
            access,
            faults: Faults::default(),
            node: RwLock::new(None),
            addresses: options.service_addresses,
            restarts,
            bookmarks: options.bookmarks,
        });
        let server = Server::start(api.clone(), options.port, restart_orders, tasks.clone()).await?;
        tasks.spawn(upkeep::run(store.clone(), stop.clone()));
        crate::genesis::create(&store, &server.authority);
        Ok(Self {
            api,
            server,
            token,
            stop,
        })
    }

    /// The node that port-forwards and logs go to.
    pub fn set_node(&self, node: Arc<dyn NodeAccess>) {
        *self.api.node.write() = Some(node);
    }

    /// Orders faults.
    pub fn faults(&self) -> &Faults {
        &self.api.faults
    }

    /// Where the API server listens, for TLS and for plain HTTP.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The certificate that clients trust, as pods find it in `ca.crt`.
    pub fn authority_pem(&self) -> &str {
        &self.server.authority
    }

    /// A token for a user: an admin, or somebody who has what stored roles give.
    pub fn token_for(&self, user: User) -> String {
        self.api.access.token(user)
    }

    /// Lets a user in with a token of the caller's choice.
    pub fn accept_token(&self, token: &str, user: User) {
        self.api.access.accept(token, user);
    }

    /// A kubeconfig whose user may do everything.
    pub fn kubeconfig_yaml(&self) -> String {
        self.kubeconfig("sandbox-admin", &self.token)
    }

    /// A kubeconfig for a user.
    pub fn kubeconfig_for(&self, user: User) -> String {
        let name = user.name.clone();
        self.kubeconfig(&name, &self.token_for(user))
    }

    fn kubeconfig(&self, user: &str, token: &str) -> String {
        let authority = k8s_openapi::ByteString(self.server.authority.clone().into_bytes());
        // JSON is YAML, and needs no quoting of ours.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "sandbox",
            "clusters": [{ "name": "sandbox", "cluster": {
                "server": format!("https://{}", self.server.address), "certificate-authority-data": authority,
            } }],
            "users": [{ "name": user, "user": { "token": token } }],
            "contexts": [{ "name": "sandbox", "context": {
                "cluster": "sandbox", "user": user, "namespace": "default",
            } }],
        });
        format!("{config:#}\n")
    }

    /// Writes the kubeconfig to a file that only its owner may read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig(&self, path: &Path) -> io::Result<()> {
        write_private(path, &self.kubeconfig_yaml())
    }

    /// A client that may do everything.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn client(&self) -> Result<kube::Client, ClientError> {
        self.client_with(&self.token)
    }

    /// A client for a user.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn client_for(&self, user: User) -> Result<kube::Client, ClientError> {
        self.client_with(&self.token_for(user))
    }

    /// Plain HTTP: both ends are in this process.
    fn client_with(&self, token: &str) -> Result<kube::Client, ClientError> {
        let uri = format!("http://{}", self.server.address);
        let uri: http::Uri = uri.parse().expect("an address must make a URI");
        let mut config = kube::Config::new(uri);
        config.auth_info.token = Some(token.to_owned().into());
        config.read_timeout = None;
        kube::Client::try_from(config).map_err(ClientError)
    }

    /// Inserts objects without HTTP, checks or defaults that need other objects: for clusters of tens of
    /// thousands. Each needs `apiVersion`, `kind` and a name.
    ///
    /// # Errors
    /// When one has no known kind or no name; those before it are inserted.
    pub fn insert_many(&self, objects: impl IntoIterator<Item = Value>) -> Result<usize, InsertError> {
        self.api.store.write(|tx| {
            let mut count = 0;
            for mut object in objects {
                let wrong = |why| InsertError { index: count, why };
                let (group, name) = {
                    let version = object["apiVersion"].as_str().unwrap_or_default();
                    let group = version.split_once('/').map_or("", |(group, _)| group);
                    (
                        group.to_owned(),
                        object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
                    )
                };
                let kind = Kind::by_name(&group, object["kind"].as_str().unwrap_or_default());
                let kind = kind
                    .filter(|kind| kind.is_stored)
                    .ok_or_else(|| wrong("its kind is not served"))?;
                if name.is_empty() {
                    return Err(wrong("it has no name"));
                }
                let namespace = object["metadata"]["namespace"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let uid = object["metadata"]["uid"].as_str().map(str::to_owned);
                meta::begin(&mut object, kind, &namespace);
                // Objects that own others come with the uid that those name.
                if let Some(uid) = uid {
                    object["metadata"]["uid"] = uid.into();
                }
                defaults_of(kind, &mut object);
                if kind.is("", "Service") {
                    self.api
                        .assign_address(tx, &mut object)
                        .map_err(|_| wrong("it gets no address"))?;
                }
                tx.put(&Key::new(kind, &namespace, &name), object);
                if kind.is("", "Namespace") {
                    upkeep::furnish(tx, &name);
                }
                count += 1;
            }
            Ok(count)
        })
    }

    /// Cuts every connection, is gone for a while and comes back on the same port, without its history: all
    /// watches are told 410 Gone. Returns when it is back.
    pub async fn restart(&self, away: Duration) {
        self.server.restart(away).await;
    }

    /// Forgets the history, as a compaction does: watches that fall behind are told 410 Gone.
    pub fn compact(&self) {
        self.api.store.compact();
    }

    /// Ends it and waits until nothing of it runs any more.
    pub async fn stop(self) {
        self.api.faults.clear();
        self.stop.cancel();
        self.server.stop().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)
}
