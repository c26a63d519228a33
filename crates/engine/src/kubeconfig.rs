//! Finds, reads and merges kubeconfig files as kubectl does, and lists their contexts.
//!
//! Deliberately absent: connecting (`cluster`), writing kubeconfigs, and the in-cluster configuration of
//! pods: Intercept runs where a developer sits.

mod merge;
mod read;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use kube::config::{AuthInfo, Cluster, Context, Kubeconfig};
use serde::Serialize;

/// The kubeconfig files that apply, merged.
#[derive(Clone)]
pub struct Kubeconfigs {
    merged: Kubeconfig,
    files: Vec<PathBuf>,
}

/// One context, as listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextSummary {
    /// Its name.
    pub name: String,
    /// The cluster it names; empty where it names none.
    pub cluster: String,
    /// The user it names; empty where it names none.
    pub user: String,
    /// The namespace it sets, if it does.
    pub namespace: Option<String>,
    /// Whether it is the `current-context`.
    pub is_current: bool,
}

/// Where kubeconfig files were looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Named by the user for this run.
    Explicit,
    /// `KUBECONFIG`.
    Environment,
    /// `~/.kube/config`.
    Home,
}

/// A kubeconfig that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// None of the places holds a file.
    #[error("no kubeconfig found at {} ({origin})", paths(places))]
    NotFound {
        /// Where was looked.
        places: Vec<PathBuf>,
        /// Why there.
        origin: Origin,
    },
    /// Without a home folder there is no default place.
    #[error("no kubeconfig named, and the home folder is not known")]
    NoHome,
    /// The operating system does not give the file.
    #[error("kubeconfig {} cannot be read", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Far larger than any kubeconfig.
    #[error("{} is larger than {limit_mib} MiB: not a kubeconfig", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The largest that is read.
        limit_mib: u64,
    },
    /// The bytes are no text.
    #[error("{} is not text: not a kubeconfig", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// No YAML, or another YAML than a kubeconfig's.
    #[error("kubeconfig {}{} is not valid: {problem}", file.display(), at(*line))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1, where known.
        line: Option<u64>,
        /// What is wrong, without the file's text: that may hold secrets.
        problem: String,
    },
    /// A Kubernetes file of another kind.
    #[error("{} holds a {kind}, not a kubeconfig", file.display())]
    OtherKind {
        /// The file.
        file: PathBuf,
        /// Its `kind` and `apiVersion`.
        kind: String,
    },
    /// A name stands twice in one list of one file; kubectl refuses that too.
    #[error("kubeconfig {} names {what} `{name}` twice", file.display())]
    Duplicate {
        /// The file.
        file: PathBuf,
        /// `cluster`, `user` or `context`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The files hold no context at all.
    #[error("the kubeconfig has no contexts: {}", paths(files))]
    Empty {
        /// The files read.
        files: Vec<PathBuf>,
    },
}

impl KubeconfigError {
    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound {
                origin: Origin::Explicit,
                ..
            } => "Check the path given with --kubeconfig.",
            Self::NotFound {
                origin: Origin::Environment,
                ..
            } => "Set KUBECONFIG to an existing file, or unset it to use ~/.kube/config.",
            Self::NotFound {
                origin: Origin::Home, ..
            }
            | Self::NoHome => {
                "Name a file with --kubeconfig or KUBECONFIG, or let your cluster's tool write ~/.kube/config."
            }
            Self::Read { .. } => "Check that the file is yours and readable.",
            Self::TooLarge { .. } | Self::NotText { .. } | Self::OtherKind { .. } => {
                "Name a kubeconfig: a YAML file with `kind: Config`."
            }
            Self::Invalid { .. } | Self::Duplicate { .. } => {
                "Correct the file; `kubectl config view` shows what kubectl makes of it."
            }
            Self::Empty { .. } => {
                "Add a context, for instance with `kubectl config set-context`, or name another file with --kubeconfig."
            }
        }
    }
}

impl Kubeconfigs {
    /// Reads the file `explicit`, or those of `KUBECONFIG`, or `~/.kube/config`.
    ///
    /// # Errors
    /// When there is none, one cannot be read or is no kubeconfig, or no context stands in any.
    pub fn load(explicit: Option<&Path>) -> Result<Self, KubeconfigError> {
        Self::load_from(
            explicit,
            std::env::var_os("KUBECONFIG").as_deref(),
            std::env::home_dir(),
        )
    }

    fn load_from(
        explicit: Option<&Path>,
        variable: Option<&OsStr>,
        home: Option<PathBuf>,
    ) -> Result<Self, KubeconfigError> {
        let (places, origin) = places(explicit, variable, home)?;
        let mut merged = Kubeconfig::default();
        let mut files = Vec::new();
        for place in &places {
            let Some(one) = read::read(place)? else { continue };
            merge::merge(&mut merged, one, place)?;
            files.push(place.clone());
        }
        if files.is_empty() {
            return Err(KubeconfigError::NotFound { places, origin });
        }
        if merged.contexts.is_empty() {
            return Err(KubeconfigError::Empty { files });
        }
        Ok(Self { merged, files })
    }

    /// All contexts, by name.
    pub fn contexts(&self) -> Vec<ContextSummary> {
        let mut contexts: Vec<ContextSummary> =
            self.merged.contexts.iter().map(|one| self.summary(one)).collect();
        contexts.sort_by(|a, b| a.name.cmp(&b.name));
        contexts
    }

    /// The files that were found, first to last.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The `current-context`, if one is set.
    pub fn current(&self) -> Option<&str> {
        self.merged.current_context.as_deref()
    }

    fn summary(&self, named: &kube::config::NamedContext) -> ContextSummary {
        let context = named.context.clone().unwrap_or_default();
        ContextSummary {
            is_current: self.current() == Some(&named.name),
            name: named.name.clone(),
            cluster: context.cluster,
            user: context.user.unwrap_or_default(),
            namespace: context.namespace.filter(|namespace| !namespace.is_empty()),
        }
    }

    pub(crate) fn context(&self, name: &str) -> Option<Context> {
        let named = self.merged.contexts.iter().find(|one| one.name == name)?;
        Some(named.context.clone().unwrap_or_default())
    }

    pub(crate) fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.merged
            .clusters
            .iter()
            .find(|one| one.name == name)?
            .cluster
            .as_ref()
    }

    pub(crate) fn user(&self, name: &str) -> Option<&AuthInfo> {
        self.merged
            .auth_infos
            .iter()
            .find(|one| one.name == name)?
            .auth_info
            .as_ref()
    }
}

impl fmt::Debug for Kubeconfigs {
    /// The files only: the merged content holds secrets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Kubeconfigs")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Explicit => "named with --kubeconfig",
            Self::Environment => "named by KUBECONFIG",
            Self::Home => "the default place",
        })
    }
}

fn places(
    explicit: Option<&Path>,
    variable: Option<&OsStr>,
    home: Option<PathBuf>,
) -> Result<(Vec<PathBuf>, Origin), KubeconfigError> {
    if let Some(file) = explicit {
        return Ok((vec![file.to_owned()], Origin::Explicit));
    }
    let mut listed: Vec<PathBuf> = Vec::new();
    for file in variable.into_iter().flat_map(std::env::split_paths) {
        if !file.as_os_str().is_empty() && !listed.contains(&file) {
            listed.push(file);
        }
    }
    if !listed.is_empty() {
        return Ok((listed, Origin::Environment));
    }
    let home = home
        .filter(|home| !home.as_os_str().is_empty())
        .ok_or(KubeconfigError::NoHome)?;
    Ok((vec![home.join(".kube").join("config")], Origin::Home))
}

fn paths(files: &[PathBuf]) -> String {
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    shown.join(", ")
}

fn at(line: Option<u64>) -> String {
    line.map(|line| format!(", line {line},")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
