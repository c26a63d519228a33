//! A team's defaults: the file `intercept.toml` in the repository.
//!
//! Every setting has a flag that goes before it. What stands in the file is checked like what is typed, and
//! a key nobody knows is an error: a misspelt default that is silently ignored would surprise a whole team.
//! Deliberately absent: writing the file, and secrets of any kind.

mod here;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use intercept_protocol::matching::{Mark, Match, Method, PathPrefix};
use intercept_protocol::record::PortProtocol;
use serde::Deserialize;

pub(crate) use here::user;
pub use here::{InvalidOwner, owner, recorded_requests, session_locks};
pub use values::{
    InvalidDuration, InvalidImage, InvalidName, grace, image, label, mark_baggage, mark_header, method,
    path_prefix, protocol, ttl,
};

use crate::spec::PortChoice;
use crate::target::Target;

/// The file's name.
pub const FILE: &str = "intercept.toml";
/// Far more than anybody writes by hand; keeps a wrong path from filling the memory.
const MAX_BYTES: u64 = 1024 * 1024;

/// What the file may hold; every key is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The kubeconfig's context.
    pub context: Option<String>,
    /// The namespace.
    #[serde(deserialize_with = "values::optional_name")]
    pub namespace: Option<String>,
    /// Who the intercepts belong to; of use in the home folder's file.
    pub owner: Option<String>,
    /// The lifetime of an intercept.
    #[serde(deserialize_with = "values::optional_ttl")]
    pub ttl: Option<Duration>,
    /// Which requests.
    #[serde(rename = "match")]
    pub rule: MatchSettings,
    /// How the proxy is built.
    pub proxy: ProxyDefaults,
    /// Where the agent comes from.
    pub agent: AgentDefaults,
    /// Defaults for single Services, by name.
    pub services: BTreeMap<String, ServiceDefaults>,
}

/// The parts of a match that are set; what is not set is left to whoever comes after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "values::MatchTable")]
pub struct MatchSettings {
    /// What marks a request.
    pub mark: Option<Mark>,
    /// Only below this path; `/` is every path.
    pub path: Option<PathPrefix>,
    /// Only these methods.
    pub methods: Option<Vec<Method>>,
}

/// How the proxy is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyDefaults {
    /// A stock NGINX image.
    #[serde(deserialize_with = "values::optional_image")]
    pub image: Option<String>,
    /// Names of Secrets for pulling the images.
    #[serde(deserialize_with = "values::names")]
    pub pull_secrets: Vec<String>,
    /// How long an intercept outlives its session.
    #[serde(deserialize_with = "values::optional_grace")]
    pub grace: Option<Duration>,
    /// Add `X-Forwarded-*` to requests.
    pub forwarded_headers: Option<bool>,
}

/// Where the agent comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentDefaults {
    /// An image that holds it, for clusters that forbid programs from ConfigMaps.
    #[serde(deserialize_with = "values::optional_image")]
    pub image: Option<String>,
}

/// Defaults for one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceDefaults {
    /// The local target.
    #[serde(deserialize_with = "values::optional_target")]
    pub to: Option<Target>,
    /// The Service's port.
    #[serde(deserialize_with = "values::optional_port")]
    pub port: Option<PortChoice>,
    /// What the port speaks.
    pub protocol: Option<PortProtocol>,
    /// Accept any certificate of an `https` target.
    pub insecure_local_certificate: bool,
    /// Which requests; goes before the file's general match, part by part.
    #[serde(rename = "match")]
    pub rule: MatchSettings,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The operating system does not give it.
    #[error("{} cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Far larger than any file of settings.
    #[error("{} is larger than {} KiB: not a file of settings", file.display(), MAX_BYTES / 1024)]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// No TOML, an unknown key or a value that cannot be.
    #[error("{}{}: {problem}", file.display(), at(*line))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: Option<usize>,
        /// What is wrong.
        problem: String,
    },
}

impl SettingsError {
    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::TooLarge { .. } => {
                "Check the path given with --config, or leave it out."
            }
            Self::Invalid { .. } => "Correct that line; `interceptctl start --help` names every key.",
        }
    }
}

impl Settings {
    /// Reads `explicit`, or the file that [`locate`] finds from `folder` upwards; without one, no defaults.
    ///
    /// # Errors
    /// When the file cannot be read or holds something that cannot be.
    pub fn load(explicit: Option<&Path>, folder: &Path, home: Option<&Path>) -> Result<Self, SettingsError> {
        let found = explicit.map(Path::to_owned).or_else(|| locate(folder, home));
        found.map_or_else(|| Ok(Self::default()), |file| Self::read(&file))
    }

    fn read(file: &Path) -> Result<Self, SettingsError> {
        let failed = |source| SettingsError::Read {
            file: file.to_owned(),
            source,
        };
        let mut bytes = Vec::new();
        let opened = File::open(file).map_err(failed)?;
        opened
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SettingsError::TooLarge {
                file: file.to_owned(),
            });
        }
        let text = String::from_utf8(bytes).map_err(|_| SettingsError::Invalid {
            file: file.to_owned(),
            line: None,
            problem: "it is not text".to_owned(),
        })?;
        tracing::debug!(file = %file.display(), "settings");
        Self::parse(&text, file)
    }

    fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        let invalid = |line, problem| SettingsError::Invalid {
            file: file.to_owned(),
            line,
            problem,
        };
        let read: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            invalid(line, error.message().to_owned())
        })?;
        for service in read.services.keys() {
            label(service).map_err(|error| invalid(None, format!("[services.{service}]: {error}")))?;
        }
        Ok(read)
    }

    /// The defaults of one Service; empty where the file says nothing about it.
    pub fn service(&self, name: &str) -> ServiceDefaults {
        self.services.get(name).cloned().unwrap_or_default()
    }
}

impl MatchSettings {
    /// Fills what is not set here from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            mark: self.mark.or(other.mark),
            path: self.path.or(other.path),
            methods: self.methods.or(other.methods),
        }
    }

    /// The match; without a mark the documented default header.
    pub fn into_match(self) -> Match {
        let mut rule = self.mark.map_or_else(Match::default, Match::new);
        rule.path_prefix = self.path.filter(|path| path.as_str() != "/");
        rule.methods = self.methods.into_iter().flatten().collect();
        rule
    }
}

/// The nearest `intercept.toml` from `folder` upwards, no higher than the repository's root or the home folder.
///
/// Outside of both only `folder` itself is looked at: anybody may write to places like `/tmp`.
pub fn locate(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let is_top = |one: &&Path| one.join(".git").exists() || Some(*one) == home;
    let levels = folder
        .ancestors()
        .position(|one| is_top(&one))
        .map_or(1, |top| top + 1);
    folder
        .ancestors()
        .take(levels)
        .map(|one| one.join(FILE))
        .find(|file| file.is_file())
}

fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

fn at(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}
