//! The record: the JSON in the proxy's ConfigMap that says everything about one intercepted Service.
//!
//! The engine writes it with `resourceVersion`; the agent reads it, renders it, and removes intercepts
//! whose time is over. Deliberately absent: NGINX's own configuration. The agent renders that from the
//! record, so the two can never disagree.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::ids::{InterceptId, SessionId, TokenHash};
use crate::matching::Match;

/// The record's format this build writes. A program that meets a newer one must not touch it.
pub const FORMAT: u32 = 1;

/// Everything about one intercepted Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Format of this document, [`FORMAT`].
    pub format: u32,
    /// The intercepted Service's namespace.
    pub namespace: String,
    /// The intercepted Service's name.
    pub service: String,
    /// ClusterIP of the origin Service.
    pub origin: IpAddr,
    /// What NGINX listens on.
    pub listeners: Vec<Listener>,
    /// Port of the agent's relay, on the pod's loopback address only.
    pub relay_port: u16,
    /// Port of NGINX's readiness answer.
    pub health_port: u16,
    /// How long an intercept outlives its session, in seconds.
    pub grace_seconds: u32,
    /// Add `X-Forwarded-*` to requests (off: a proxy nobody can see).
    #[serde(default)]
    pub forwarded_headers: bool,
    /// Everybody's intercepts, oldest first.
    pub intercepts: Vec<Intercept>,
}

/// One port that NGINX listens on in the Service's stead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// The number NGINX listens on: what the Service's `targetPort` comes to in the proxy pod.
    pub port: u16,
    /// The Service's port number, which the origin Service has too.
    pub service_port: u16,
    /// How an intercepted port is spoken to. Ports that never had an intercept pass as plain TCP.
    pub protocol: PortProtocol,
    /// Original pods as they were when the proxy was made. They are the way to the origin until every node
    /// knows the origin Service; empty afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<SocketAddr>,
}

/// What is spoken on a port.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortProtocol {
    /// HTTP/1 and HTTP/2 with prior knowledge, so that single requests can be matched.
    Http,
    /// Anything else, TLS included: only whole connections can be intercepted.
    Tcp,
}

/// One developer's rule on one port of the Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intercept {
    /// Its id.
    pub id: InterceptId,
    /// The [`Listener::port`] it stands on.
    pub port: u16,
    /// Which requests it takes.
    #[serde(rename = "match")]
    pub rule: Match,
    /// Who holds it.
    pub owner: Owner,
    /// The session it lives and dies with.
    pub session: SessionId,
    /// Who may open a relay for it.
    pub token_hash: TokenHash,
    /// Where requests go on the laptop, for people to read.
    pub target: String,
    /// When it began, seconds since 1970 UTC.
    pub created: u64,
    /// When it ends at the latest, seconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
}

/// Who holds an intercept.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The user's name on the laptop, or as set.
    pub user: String,
    /// The laptop's host name.
    pub host: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}@{}", self.user, self.host)
    }
}

/// A document that is not a record this build can work with.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The text is not the JSON of a record; somebody edited it by hand, or it is not ours.
    #[error("the record is not readable")]
    Unreadable(#[source] serde_json::Error),
    /// Written by a newer program.
    #[error("the record has format {found}, this program knows up to {FORMAT}: update Intercept")]
    Newer {
        /// The format found.
        found: u32,
    },
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// When it is no record, or one of a newer format.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(RecordError::Unreadable)?;
        if head.format > FORMAT {
            return Err(RecordError::Newer { found: head.format });
        }
        serde_json::from_str(text).map_err(RecordError::Unreadable)
    }

    /// The record as it stands in the ConfigMap.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a record must be representable as JSON")
    }

    /// The intercepts of one port, in the order in which they are asked.
    pub fn by_precedence(&self, port: u16) -> Vec<&Intercept> {
        let mut found: Vec<&Intercept> = self.intercepts.iter().filter(|one| one.port == port).collect();
        found.sort_by_key(|one| one.rule.precedence());
        found
    }

    /// Where the origin of `listener` is reached.
    pub fn origins(&self, listener: &Listener) -> Vec<SocketAddr> {
        if listener.direct.is_empty() {
            vec![self.origin_service(listener)]
        } else {
            listener.direct.clone()
        }
    }

    /// Where the origin Service answers for `listener`.
    pub fn origin_service(&self, listener: &Listener) -> SocketAddr {
        SocketAddr::new(self.origin, listener.service_port)
    }

    /// Whether some port still has original pods by their own addresses.
    pub fn is_direct(&self) -> bool {
        self.listeners.iter().any(|one| !one.direct.is_empty())
    }

    /// All those addresses, sorted.
    pub fn direct(&self) -> Vec<SocketAddr> {
        let all: BTreeSet<SocketAddr> = self
            .listeners
            .iter()
            .flat_map(|one| one.direct.iter().copied())
            .collect();
        all.into_iter().collect()
    }

    /// Forgets the original pods' own addresses: from here on the origin Service is the way.
    pub fn forget_direct(&mut self) {
        for listener in &mut self.listeners {
            listener.direct.clear();
        }
    }

    /// The listener on `port`.
    pub fn listener(&self, port: u16) -> Option<&Listener> {
        self.listeners.iter().find(|one| one.port == port)
    }
}
