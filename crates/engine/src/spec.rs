//! What a user wants: one intercept, before anything is known about the cluster.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use intercept_protocol::matching::Match;
use intercept_protocol::record::{Owner, PortProtocol};

use crate::target::Target;

/// One intercept as asked for.
#[derive(Clone, Debug)]
pub struct InterceptSpec {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service's name.
    pub service: String,
    /// Which of its ports; may be absent where it has only one.
    pub port: Option<PortChoice>,
    /// Which requests.
    pub rule: Match,
    /// Where they go on the laptop.
    pub target: Target,
    /// How long it may last at most.
    pub ttl: Option<Duration>,
    /// What the port speaks, where the Service does not say so itself.
    pub protocol: Option<PortProtocol>,
    /// Who asks.
    pub owner: Owner,
}

/// A Service port by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// The Service's port number.
    Number(u16),
    /// The Service port's name.
    Name(String),
}

/// A port that is neither a number nor a port's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a port: use a number from 1 to 65535 or a Service port's name")]
pub struct InvalidPort(String);

impl FromStr for PortChoice {
    type Err = InvalidPort;
    fn from_str(text: &str) -> Result<Self, InvalidPort> {
        let is_name = text.len() <= 63
            && text.bytes().any(|b| b.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        match text.parse::<u16>() {
            Ok(number) if number > 0 => Ok(Self::Number(number)),
            _ if is_name => Ok(Self::Name(text.to_owned())),
            _ => Err(InvalidPort(text.to_owned())),
        }
    }
}

impl fmt::Display for PortChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Name(name) => out.write_str(name),
        }
    }
}

/// How the proxy is built; a team's defaults can set all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// Image of both containers: a stock NGINX.
    pub image: String,
    /// Image to take the agent from, where programs from ConfigMaps may not be run.
    pub agent_image: Option<String>,
    /// Names of Secrets in the namespace for pulling the images.
    pub pull_secrets: Vec<String>,
    /// How long an intercept outlives its session.
    pub grace: Duration,
    /// Add `X-Forwarded-*` to requests.
    pub forwarded_headers: bool,
}

/// The stock image, by its exact version: a moving tag would make two developers' proxies differ.
pub const DEFAULT_PROXY_IMAGE: &str = "nginx:1.31.4";
/// How long an intercept outlives its session unless set.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(60);
/// Shorter graces would restore Services whose laptop only changed its network.
pub const MIN_GRACE: Duration = Duration::from_secs(5);

impl Default for ProxySettings {
    fn default() -> Self {
        Self {
            image: DEFAULT_PROXY_IMAGE.into(),
            agent_image: None,
            pull_secrets: Vec::new(),
            grace: DEFAULT_GRACE,
            forwarded_headers: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_or_names() {
        assert_eq!("80".parse::<PortChoice>().unwrap(), PortChoice::Number(80));
        assert_eq!(
            "http-api".parse::<PortChoice>().unwrap(),
            PortChoice::Name("http-api".into())
        );
        for wrong in ["", "0", "65536", "-1", "HTTP", "a b", "80/tcp"] {
            assert!(wrong.parse::<PortChoice>().is_err(), "{wrong:?}");
        }
    }
}
