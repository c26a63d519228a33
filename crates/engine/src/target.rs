//! Where an intercept's requests go on the laptop: what users may write, and how it is shown.
//!
//! Connecting is in [`stream`]. Deliberately absent: anything about HTTP; bytes pass as they come.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

mod stream;

pub use stream::{Connector, TargetError, TargetStream};

const MAX_HOST: usize = 253;

/// A place on the laptop, or reachable from it, that takes connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    host: Host,
    port: u16,
    tls: bool,
    /// For an `https` target: do not ask who signed its certificate. Meant for a developer's own one.
    pub accept_any_certificate: bool,
}

/// The host part. `localhost` stands apart: programs listen on either of its two addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    Localhost,
    Address(IpAddr),
    Name(String),
}

/// A target that cannot be one. The message says what would be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Nothing was given.
    #[error("no target: give a port like 3000, host:port, or a URL like http://localhost:3000")]
    Empty,
    /// Not a number from 1 to 65535.
    #[error("`{0}` is not a port: use a number from 1 to 65535")]
    Port(String),
    /// A host without a port.
    #[error("`{0}` has no port: write {0}:3000, or https://{0} for port 443")]
    NoPort(String),
    /// Not a host's name or address.
    #[error(
        "`{0}` is not a host: use a name, an IPv4 address, or an IPv6 address in brackets like [::1]:3000"
    )]
    Host(String),
    /// Neither http nor https.
    #[error("`{0}://` is not spoken here: use http:// or https://")]
    Scheme(String),
    /// Requests keep their own path, so a base path would be ignored.
    #[error("`{0}` stands behind the port: requests keep their own path, so give only scheme, host and port")]
    Path(String),
    /// A user name or password in a URL.
    #[error("a target takes no user name: give only scheme, host and port")]
    User,
}

impl Target {
    /// `port` of this machine, on whichever loopback address something listens.
    pub fn localhost(port: u16) -> Self {
        Self {
            host: Host::Localhost,
            port,
            tls: false,
            accept_any_certificate: false,
        }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection to it is TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self::localhost(port(text)?));
        }
        let (tls, default_port, rest) = scheme(text)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if !matches!(path, "" | "/") {
            return Err(InvalidTarget::Path(path.to_owned()));
        }
        if authority.contains('@') {
            return Err(InvalidTarget::User);
        }
        let (host_text, port_text) = split_port(authority)?;
        let host = host(host_text)?;
        let port = match (port_text, default_port) {
            (Some(text), _) => port(text)?,
            (None, Some(default)) => default,
            (None, None) => return Err(InvalidTarget::NoPort(authority.to_owned())),
        };
        Ok(Self {
            host,
            port,
            tls,
            accept_any_certificate: false,
        })
    }
}

/// Splits off `http://` or `https://`: TLS or not, the port that goes without saying, the rest.
fn scheme(text: &str) -> Result<(bool, Option<u16>, &str), InvalidTarget> {
    let Some((name, rest)) = text.split_once("://") else {
        return Ok((false, None, text));
    };
    match name.to_ascii_lowercase().as_str() {
        "http" => Ok((false, Some(80), rest)),
        "https" => Ok((true, Some(443), rest)),
        _ => Err(InvalidTarget::Scheme(name.to_owned())),
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), InvalidTarget> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let Some((host, rest)) = bracketed.split_once(']') else {
            return Err(InvalidTarget::Host(authority.to_owned()));
        };
        // Brackets hold an IPv6 address and nothing else.
        if !host.contains(':') {
            return Err(InvalidTarget::Host(authority.to_owned()));
        }
        return match (rest, rest.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err(InvalidTarget::Host(authority.to_owned())),
        };
    }
    match authority.split_once(':') {
        // An IPv6 address without brackets: where it ends and the port begins cannot be told.
        Some((_, port)) if port.contains(':') => Err(InvalidTarget::Host(authority.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn port(text: &str) -> Result<u16, InvalidTarget> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_number && number > 0 => Ok(number),
        _ => Err(InvalidTarget::Port(text.to_owned())),
    }
}

fn host(text: &str) -> Result<Host, InvalidTarget> {
    if text.eq_ignore_ascii_case("localhost") {
        return Ok(Host::Localhost);
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::Address(address));
    }
    let is_name = (1..=MAX_HOST).contains(&text.len())
        && text.split('.').all(|label| (1..=63).contains(&label.len()))
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        // Only digits and dots: a mistyped IPv4 address, never a name.
        && !text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if is_name {
        Ok(Host::Name(text.to_owned()))
    } else {
        Err(InvalidTarget::Host(text.to_owned()))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tls {
            out.write_str("https://")?;
        }
        write!(out, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => out.write_str("localhost"),
            Self::Address(IpAddr::V4(address)) => write!(out, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(out, "[{address}]"),
            Self::Name(name) => out.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_user_may_write_is_shown_again_in_one_form() {
        for (written, shown) in [
            ("3000", "localhost:3000"),
            ("localhost:3000", "localhost:3000"),
            ("LOCALHOST:3000", "localhost:3000"),
            ("10.0.0.5:8080", "10.0.0.5:8080"),
            ("[::1]:3000", "[::1]:3000"),
            ("http://my-host.local:81/", "my-host.local:81"),
            ("http://localhost", "localhost:80"),
            ("https://localhost:8443", "https://localhost:8443"),
            ("HTTPS://box", "https://box:443"),
            ("https://[fe80::1]", "https://[fe80::1]:443"),
            (" 3000 ", "localhost:3000"),
        ] {
            let target: Target = written.parse().unwrap();
            assert_eq!(target.to_string(), shown, "{written:?}");
            assert_eq!(
                shown.parse::<Target>().unwrap(),
                target,
                "{shown:?} must mean the same"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_target_is_refused_by_its_part() {
        use InvalidTarget as No;
        for (written, why) in [
            ("", No::Empty),
            ("0", No::Port("0".into())),
            ("65536", No::Port("65536".into())),
            ("localhost:", No::Port(String::new())),
            ("localhost:+80", No::Port("+80".into())),
            ("localhost", No::NoPort("localhost".into())),
            ("::1:3000", No::Host("::1:3000".into())),
            ("[::1", No::Host("[::1".into())),
            ("[host]:80", No::Host("[host]:80".into())),
            ("10.0.0.256:80", No::Host("10.0.0.256".into())),
            (":3000", No::Host(String::new())),
            ("a b:80", No::Host("a b".into())),
            ("ftp://box:21", No::Scheme("ftp".into())),
            ("http://box:80/base", No::Path("/base".into())),
            ("http://me:pw@box:80", No::User),
        ] {
            assert_eq!(written.parse::<Target>().unwrap_err(), why, "{written:?}");
        }
    }
}
