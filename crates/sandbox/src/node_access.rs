//! What the API server needs of a node: a byte stream to a pod's port, and a container's log.
//!
//! Everything else between the two goes through the API, as between a real API server and a kubelet. The
//! wire protocols of port-forward and logs are the API server's; here are only bytes.

use std::io;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};

/// Both directions of a connection to a pod's port.
pub trait DuplexStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> DuplexStream for S {}

/// A log's bytes as they come; ends where the log ends, or never when followed.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Which part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// New lines are sent as they are written.
    pub follow: bool,
    /// Only so many lines from the end.
    pub tail_lines: Option<u64>,
    /// The log of the container's previous run.
    pub previous: bool,
    /// Each line begins with when it was written.
    pub timestamps: bool,
}

/// The node cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The node does not run such a pod.
    #[error("pod {pod:?} not found in namespace {namespace:?}")]
    NoPod {
        /// Where it was looked for.
        namespace: String,
        /// Its name.
        pod: String,
    },
    /// The pod has no such container.
    #[error("container {container} is not valid for pod {pod}")]
    NoContainer {
        /// The pod.
        pod: String,
        /// What was asked for.
        container: String,
    },
    /// The container has not started yet, or is over.
    #[error("container {container:?} in pod {pod:?} is waiting to start: {reason}")]
    NotStarted {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// The kubelet's reason, as in the container's status.
        reason: String,
    },
    /// The container never ran before.
    #[error("previous terminated container {container:?} in pod {pod:?} not found")]
    NoPrevious {
        /// The pod.
        pod: String,
        /// The container.
        container: String,
    },
    /// Nothing listens on the port.
    #[error("failed to connect to localhost:{port} inside pod {pod}")]
    NotListening {
        /// The pod.
        pod: String,
        /// The port inside it.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("the node could not do it")]
    Io(#[from] io::Error),
}

/// A node, or all of them, as the API server sees them.
pub trait NodeAccess: Send + Sync {
    /// Connects a port inside a pod.
    fn port_forward<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        port: u16,
    ) -> BoxFuture<'a, Result<Box<dyn DuplexStream>, NodeError>>;

    /// The log of one container.
    fn logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        container: &'a str,
        options: LogOptions,
    ) -> BoxFuture<'a, Result<ByteStream, NodeError>>;
}
