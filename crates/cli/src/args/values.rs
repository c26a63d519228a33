//! Values that only the command line writes in this form.

use intercept_engine::settings::{self, InvalidName};
use intercept_engine::spec::{InvalidPort, PortChoice};
use intercept_protocol::record::PortProtocol;

/// `SERVICE[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceArg {
    pub(crate) name: String,
    pub(crate) port: Option<PortChoice>,
}

/// A Service that cannot be one.
#[derive(Debug)]
pub(crate) enum InvalidService {
    Name(InvalidName),
    Port(InvalidPort),
}

impl std::fmt::Display for InvalidService {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(error) => error.fmt(out),
            Self::Port(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for InvalidService {}

/// As kubectl writes it too: `svc/api`.
pub(super) fn service(text: &str) -> Result<ServiceArg, InvalidService> {
    let (name, port) = text
        .split_once(':')
        .map_or((text, None), |(name, port)| (name, Some(port)));
    let name = settings::label(without_kind(name)).map_err(InvalidService::Name)?;
    let port = port.map(str::parse).transpose().map_err(InvalidService::Port)?;
    Ok(ServiceArg { name, port })
}

/// A Service's name or an intercept's id; both have the characters of a name.
pub(super) fn closing(text: &str) -> Result<String, InvalidName> {
    settings::label(without_kind(text))
}

pub(super) fn protocol(text: &str) -> Result<PortProtocol, &'static str> {
    settings::protocol(&text.to_ascii_lowercase()).ok_or("use `http` or `tcp`")
}

fn without_kind(text: &str) -> &str {
    let kinds = ["svc/", "service/", "services/"];
    kinds
        .iter()
        .find_map(|kind| text.strip_prefix(kind))
        .unwrap_or(text)
}
