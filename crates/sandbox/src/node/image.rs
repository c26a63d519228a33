//! What images are on a node without a registry: programs inside this process, the machine's NGINX, and images
//! that make trouble on order.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::logs::Log;
use crate::network::loopback::{Listening, Loopback};
use crate::network::names::Names;

/// Everything a program inside this process knows about the container it is.
#[derive(Clone)]
pub struct Context {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// The pod's address.
    pub ip: std::net::Ipv4Addr,
    /// The container's environment.
    pub env: BTreeMap<String, String>,
    /// The container's command and arguments.
    pub args: Vec<String>,
    /// Where it writes.
    pub log: Log,
    /// Cancelled when the container should end; it then has the pod's grace period.
    pub stop: CancellationToken,
    pub(crate) network: Loopback,
    pub(crate) names: Names,
}

impl Context {
    /// Listens on a port of the pod.
    ///
    /// # Errors
    /// When it is taken, or not this user's to listen on.
    pub async fn listen(&self, port: u16) -> io::Result<Listening> {
        self.network.listen(SocketAddr::from((self.ip, port))).await
    }

    /// Connects to a Service by its name, as a program in a cluster would.
    ///
    /// # Errors
    /// When there is no such Service, or nobody behind it.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let address = self
            .names
            .resolve(&self.namespace, host, port)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("lookup {host}: no such host")))?;
        self.network.connect(address).await
    }

    /// A number from the environment.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.env.get(name)?.parse().ok()
    }
}

/// A program inside this process: runs until it ends, with an exit code.
pub type Service = Arc<dyn Fn(Context) -> BoxFuture<'static, i32> + Send + Sync>;

/// What a container of an image is.
#[derive(Clone)]
pub(crate) enum Program {
    /// A task of this process.
    Task(Service),
    /// Processes of this machine: the shell's commands, with NGINX found.
    Nginx,
    /// A task that stands in for those.
    #[cfg(target_os = "linux")]
    StandIn,
}

/// One image.
#[derive(Clone)]
pub struct Image {
    pub(crate) program: Program,
    /// How long the first container of it waits.
    pub(crate) pull: Duration,
    pub(crate) is_never_ready: bool,
}

impl Image {
    /// An image whose containers run `service`.
    pub fn service<F, Fut>(service: F) -> Self
    where
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = i32> + Send + 'static,
    {
        Self {
            program: Program::Task(Arc::new(move |context| Box::pin(service(context)))),
            pull: Duration::ZERO,
            is_never_ready: false,
        }
    }

    fn running(program: Program) -> Self {
        Self {
            program,
            pull: Duration::ZERO,
            is_never_ready: false,
        }
    }

    /// An image that takes a while to pull.
    #[must_use]
    pub fn pulled_within(mut self, pull: Duration) -> Self {
        self.pull = pull;
        self
    }

    /// An image whose containers never get ready.
    #[must_use]
    pub fn never_ready(mut self) -> Self {
        self.is_never_ready = true;
        self
    }
}

/// Images by repository: registry and path, without tag and digest.
#[derive(Clone)]
pub struct Images {
    known: BTreeMap<String, Image>,
    nginx: Option<Program>,
}

impl Images {
    /// The images that make trouble, and NGINX under any registry's name.
    pub fn new() -> Self {
        let mut images = Self {
            known: BTreeMap::new(),
            nginx: Some(Program::Nginx),
        };
        let crash = |context: Context| async move {
            context.log.line("fatal: this image crashes on order");
            1
        };
        let idle = |context: Context| async move {
            context.stop.cancelled().await;
            0
        };
        let deaf = |_: Context| std::future::pending();
        images.insert("sandbox/trouble/crash", Image::service(crash));
        images.insert("sandbox/trouble/completes", Image::service(|_| async { 0 }));
        images.insert("sandbox/trouble/never-ready", Image::service(idle).never_ready());
        images.insert(
            "sandbox/trouble/slow-pull",
            Image::service(idle).pulled_within(Duration::from_secs(5)),
        );
        images.insert("sandbox/trouble/ignores-stop", Image::service(deaf));
        images
    }

    /// Adds an image under a repository's name.
    pub fn insert(&mut self, repository: &str, image: Image) {
        self.known.insert(repository.to_owned(), image);
    }

    /// Where no NGINX can run: what stands in for it, if anything can.
    pub(crate) fn without_nginx(&mut self) {
        self.nginx = stand_in();
    }

    /// What `reference` is, if it is here.
    pub(crate) fn find(&self, reference: &str) -> Option<Image> {
        let repository = repository(reference);
        if let Some(image) = self.known.get(repository) {
            return Some(image.clone());
        }
        let is_nginx = repository.rsplit('/').next() == Some("nginx");
        let program = self.nginx.clone().filter(|_| is_nginx)?;
        Some(Image::running(program))
    }
}

#[cfg(target_os = "linux")]
fn stand_in() -> Option<Program> {
    Some(Program::StandIn)
}

#[cfg(not(target_os = "linux"))]
fn stand_in() -> Option<Program> {
    None
}

impl Default for Images {
    fn default() -> Self {
        Self::new()
    }
}

/// An image's reference without tag and digest. A port of the registry is not a tag.
fn repository(reference: &str) -> &str {
    let named = reference.split_once('@').map_or(reference, |(named, _)| named);
    match named.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nginx_is_known_under_every_registrys_name_and_tag() {
        let images = Images::new();
        for reference in [
            "nginx",
            "docker.io/library/nginx:1.31.4",
            "registry:5000/mirror/nginx@sha256:00",
        ] {
            assert!(images.find(reference).is_some(), "{reference}");
        }
        for reference in ["nginx-debug", "registry:5000/nginx/api:1", "busybox"] {
            assert!(images.find(reference).is_none(), "{reference}");
        }
    }
}
