//! The connection to one cluster: a context of the kubeconfig, tried out, with a client to share.
//!
//! Deliberately absent: what stands in the cluster (`discover`) and every change to it.

mod connector;
mod credential;
mod failure;
mod plugin;
mod settings;
mod shell_path;

use std::time::Duration;

use kube::Client;
use serde::Deserialize;

use self::connector::ConnectorError;
pub use self::failure::{ApiFailure, FailureKind, InvalidField};
pub use self::plugin::PluginError;
use crate::kubeconfig::Kubeconfigs;

/// From the first packet to the server's answer; connecting itself is given half of it.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// A cluster that answered. Cheap to clone: clones share connections and credentials.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    context: String,
    server: String,
    default_namespace: String,
    known_namespaces: Vec<String>,
}

/// Why there is no connection to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No context was named and the kubeconfig has no `current-context`.
    #[error("no context named, and the kubeconfig has no current-context")]
    NoCurrentContext {
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The kubeconfig has no such context.
    #[error("the kubeconfig has no context `{name}`")]
    NoSuchContext {
        /// The name.
        name: String,
        /// The contexts there are.
        known: Vec<String>,
    },
    /// The context points at something that is not in the kubeconfig.
    #[error("context `{context}` names {what} `{name}`, which the kubeconfig does not have")]
    Incomplete {
        /// The context.
        context: String,
        /// `cluster` or `user`.
        what: &'static str,
        /// The name that leads nowhere.
        name: String,
    },
    /// The server's address is missing or is no URL.
    #[error("cluster `{cluster}` has `server: {server}`, which is not an http or https address")]
    ServerAddress {
        /// The cluster's name in the kubeconfig.
        cluster: String,
        /// What stands there.
        server: String,
    },
    /// A certificate, key or token of the kubeconfig cannot be used.
    #[error("`{field}` of context `{context}` cannot be used: {problem}")]
    CredentialField {
        /// The context.
        context: String,
        /// The field of the kubeconfig.
        field: &'static str,
        /// What is wrong, with the file's name where it is one.
        problem: String,
    },
    /// The proxy cannot be used.
    #[error("the proxy {proxy} has a scheme other than http, https or socks5")]
    Proxy {
        /// The proxy, without its password.
        proxy: String,
    },
    /// The credential plugin gave no credential.
    #[error("context `{context}` gets no credential from its plugin")]
    Plugin {
        /// The context.
        context: String,
        /// Why.
        #[source]
        source: PluginError,
    },
    /// Nobody answers at the server's address.
    #[error("the cluster at {server} cannot be reached: {}", failure.words)]
    Unreachable {
        /// The address.
        server: String,
        /// What was tried last.
        failure: ApiFailure,
    },
    /// The server's certificate is not trusted, or it does not trust ours.
    #[error("the cluster at {server} and this machine do not trust each other's certificate: {}", failure.words)]
    Certificate {
        /// The address.
        server: String,
        /// What TLS says.
        failure: ApiFailure,
    },
    /// The server does not accept the credential.
    #[error("the cluster at {server} does not accept the credential of context `{context}`: {}", failure.words)]
    Unauthorized {
        /// The address.
        server: String,
        /// The context.
        context: String,
        /// What it says.
        failure: ApiFailure,
    },
    /// Something answered that does not behave as a Kubernetes API.
    #[error("the server at {server} does not answer as Kubernetes does: {}", failure.words)]
    NotKubernetes {
        /// The address.
        server: String,
        /// What it says.
        failure: ApiFailure,
    },
}

/// The answer of `/version`, as far as it matters.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "gitVersion")]
    git_version: String,
}

impl ClusterError {
    /// What the user can do, where that is known.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoCurrentContext { known } => format!("Name one with --context: {}.", known.join(", ")),
            Self::NoSuchContext { known, .. } => format!("There are: {}.", known.join(", ")),
            Self::Incomplete { .. } | Self::ServerAddress { .. } | Self::CredentialField { .. } => {
                "Correct the kubeconfig; `kubectl config view` shows what kubectl makes of it.".to_owned()
            }
            Self::Proxy { .. } => "Correct `proxy-url` in the kubeconfig, or HTTPS_PROXY.".to_owned(),
            Self::Plugin { .. } => {
                "Run it by hand, for instance with `kubectl get namespaces`, and log in again.".to_owned()
            }
            Self::Unreachable { failure, .. }
            | Self::Certificate { failure, .. }
            | Self::Unauthorized { failure, .. } => failure.hint()?.to_owned(),
            Self::NotKubernetes { .. } => {
                "Check `server` in the kubeconfig; a proxy or login page in between also answers so."
                    .to_owned()
            }
        })
    }
}

impl Cluster {
    /// Connects to `context`, or to the kubeconfig's current one, and asks for the version to be sure.
    ///
    /// Runs the context's credential plugin, which may wait for the user. Everything else is bounded.
    ///
    /// # Errors
    /// When the context is incomplete, its credential cannot be had, or the cluster does not answer.
    pub async fn connect(kubeconfigs: &Kubeconfigs, context: Option<&str>) -> Result<Self, ClusterError> {
        let settings = settings::resolve(kubeconfigs, context)?;
        let context = settings.context.clone();
        let credential = settings::credential(&settings).await?;
        let (config, credential) = settings::config(&settings, credential)?;
        let server = settings.server.clone();
        let client = connector::client(&config, credential).map_err(|error| unusable(&context, error))?;
        let cluster = Self {
            default_namespace: client.default_namespace().to_owned(),
            known_namespaces: settings.known_namespaces,
            client,
            context,
            server,
        };
        cluster.probe().await?;
        Ok(cluster)
    }

    /// A cluster behind a client that exists already. Nothing is asked of it.
    pub fn from_client(client: Client, context: &str, server: &str) -> Self {
        let default_namespace = client.default_namespace().to_owned();
        let known_namespaces = vec![default_namespace.clone()];
        Self {
            client,
            context: context.to_owned(),
            server: server.to_owned(),
            default_namespace,
            known_namespaces,
        }
    }

    /// The client; clones share its connections.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The namespace the context sets, or `default`.
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// The context's name.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Namespaces that the kubeconfig names for this cluster; the default one is the first.
    pub(crate) fn known_namespaces(&self) -> &[String] {
        &self.known_namespaces
    }

    async fn probe(&self) -> Result<(), ClusterError> {
        let request = http::Request::get("/version")
            .body(Vec::new())
            .expect("the version's path must be valid");
        let answered = tokio::time::timeout(PROBE_LIMIT, self.client.request::<Version>(request)).await;
        let failure = match answered {
            Ok(Ok(version)) => {
                tracing::debug!(server = self.server, version = version.git_version, "connected");
                return Ok(());
            }
            Ok(Err(error)) => ApiFailure::from(error),
            Err(_) => ApiFailure {
                kind: FailureKind::Timeout,
                words: format!("no answer within {} s", PROBE_LIMIT.as_secs()).into(),
            },
        };
        self.judge(failure)
    }

    fn judge(&self, failure: ApiFailure) -> Result<(), ClusterError> {
        let (server, context) = (self.server.clone(), self.context.clone());
        Err(match failure.kind {
            // Known to the server and only not allowed to ask this: what is allowed shows later.
            FailureKind::Forbidden { .. } | FailureKind::TooManyRequests { .. } => return Ok(()),
            FailureKind::Unauthorized | FailureKind::Credential => ClusterError::Unauthorized {
                server,
                context,
                failure,
            },
            FailureKind::Certificate => ClusterError::Certificate { server, failure },
            FailureKind::Unreachable | FailureKind::Timeout | FailureKind::Server => {
                ClusterError::Unreachable { server, failure }
            }
            _ => ClusterError::NotKubernetes { server, failure },
        })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = out.debug_struct("Cluster");
        shown
            .field("context", &self.context)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

fn unusable(context: &str, error: ConnectorError) -> ClusterError {
    let context = context.to_owned();
    match error {
        ConnectorError::ProxyScheme { proxy } => ClusterError::Proxy { proxy },
        ConnectorError::ServerName { .. } => ClusterError::CredentialField {
            context,
            field: "tls-server-name",
            problem: error.to_string(),
        },
        ConnectorError::Settings(source) => ClusterError::CredentialField {
            context,
            field: "client-certificate, client-key or token",
            problem: source.to_string(),
        },
    }
}

#[cfg(test)]
pub(crate) mod tests;
