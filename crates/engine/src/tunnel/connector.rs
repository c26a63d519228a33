//! The way to the proxy pods and their relay port, behind a trait: production watches pods and takes the
//! API server's port-forward, tests take whatever they like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// A proxy pod's name. Pods of a Deployment never share one, also not one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodName(Arc<str>);

impl PodName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Arc<str>>> From<T> for PodName {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// How far a proxy pod has come. A change is a reason to try its relay again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodStage {
    /// It has a node; its agent may or may not run yet.
    Starting,
    /// Kubernetes says that the agent's container runs.
    Running,
}

/// A connection to a relay.
pub trait PodStream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> PodStream for T {}

/// Knows the proxy pods of one Service and opens connections to their relay port.
pub trait PodConnector: Send + Sync + 'static {
    /// What a connection is.
    type Stream: PodStream;

    /// All pods that a relay may be opened to, each time that changes. A pod that is left out keeps the
    /// relay it has until that ends.
    fn pods(&self) -> BoxStream<'static, BTreeMap<PodName, PodStage>>;

    /// Opens one. May be cancelled; the caller bounds the time.
    fn connect<'a>(&'a self, pod: &'a PodName) -> BoxFuture<'a, Result<Self::Stream, ConnectError>>;
}

/// No connection to a pod.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The pod is gone; the watch will say so too.
    #[error("the pod is gone")]
    NoPod,
    /// The user may not open port-forwards: `create` on `pods/portforward` is missing.
    #[error("port-forwards to pods are not allowed here; the right to create pods/portforward is missing")]
    Forbidden(#[source] kube::Error),
    /// The API server or the node did not make it.
    #[error("the cluster did not open a port-forward")]
    Api(#[source] kube::Error),
    /// The record that says where the relay listens cannot be read, or not yet.
    #[error("the proxy's record cannot be read")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another transport failed.
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
}
