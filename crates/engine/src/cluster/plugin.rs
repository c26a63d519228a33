//! Runs a credential plugin (`users[].user.exec` of a kubeconfig) and reads what it answers.
//!
//! Deliberately absent: keeping and renewing the credential (`credential`).

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::config::{ExecAuthCluster, ExecConfig, ExecInteractiveMode};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::shell_path;

/// A plugin may wait for a person who logs in with a browser; one that waits longer is stuck.
const PLUGIN_LIMIT: Duration = Duration::from_secs(300);
/// What is kept of a failed plugin's last words.
const MAX_STDERR: usize = 2_000;

/// Why a credential plugin gave no credential.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The kubeconfig has `exec` without a command.
    #[error("the kubeconfig's `exec` has no command")]
    NoCommand,
    /// It wants to ask the user, and there is no terminal.
    #[error("credential plugin `{command}` wants a terminal (`interactiveMode: Always`)")]
    NeedsTerminal {
        /// The plugin.
        command: String,
    },
    /// It could not be started.
    #[error("credential plugin `{command}` could not be started{}", hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    Start {
        /// The plugin.
        command: String,
        /// The kubeconfig's advice for whoever does not have it.
        hint: Option<String>,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It ended without success.
    #[error("credential plugin `{command}` failed with {status}{}", said(stderr))]
    Failed {
        /// The plugin.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last words; empty where it spoke to the terminal.
        stderr: String,
    },
    /// It did not end.
    #[error("credential plugin `{command}` did not end within {} s", limit.as_secs())]
    TooSlow {
        /// The plugin.
        command: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// It printed something else than an `ExecCredential`.
    #[error("credential plugin `{command}` printed something else than an ExecCredential with a status")]
    Unreadable {
        /// The plugin.
        command: String,
        /// Where it stops being one, if it is JSON at all.
        source: Option<serde_json::Error>,
    },
    /// The credential has nothing to show to the cluster.
    #[error(
        "credential plugin `{command}` answered with neither a usable token nor a certificate and its key"
    )]
    Empty {
        /// The plugin.
        command: String,
    },
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() {
        String::new()
    } else {
        format!(": {stderr}")
    }
}

/// A credential plugin and how to run it.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    command: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    api_version: Option<String>,
    install_hint: Option<String>,
    interactive: ExecInteractiveMode,
    cluster: Option<ExecAuthCluster>,
}

/// What a plugin answered.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: Option<String>,
    pub(super) expires: Option<Timestamp>,
    /// Certificate and key, both PEM.
    pub(super) identity: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    kind: Option<String>,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    spec: Option<Spec>,
    #[serde(skip_serializing)]
    status: Option<Status>,
}

#[derive(Serialize)]
struct Spec {
    interactive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<ExecAuthCluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<Timestamp>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Plugin {
    /// `cluster` is told to the plugin where the kubeconfig asks for it.
    pub(super) fn new(exec: &ExecConfig, cluster: Option<ExecAuthCluster>) -> Result<Self, PluginError> {
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let pair = |entry: &std::collections::HashMap<String, String>| {
            Some((entry.get("name")?.clone(), entry.get("value")?.clone()))
        };
        Ok(Self {
            command: command.ok_or(PluginError::NoCommand)?,
            args: exec.args.clone().unwrap_or_default(),
            env: exec.env.iter().flatten().filter_map(pair).collect(),
            api_version: exec.api_version.clone(),
            install_hint: exec.install_hint.clone(),
            interactive: exec
                .interactive_mode
                .clone()
                .unwrap_or(ExecInteractiveMode::IfAvailable),
            cluster: cluster.filter(|_| exec.provide_cluster_info),
        })
    }

    /// The plugin's name, for messages.
    pub(super) fn command(&self) -> &str {
        &self.command
    }

    /// Runs it in the user's `PATH`. Cancelled, it takes the plugin down with it.
    pub(super) async fn run(&self) -> Result<Issued, PluginError> {
        self.run_with(shell_path::search_path().await, PLUGIN_LIMIT).await
    }

    async fn run_with(&self, path: Option<OsString>, limit: Duration) -> Result<Issued, PluginError> {
        let command = self.command.clone();
        let interactive = self.is_interactive()?;
        let mut process = self.process(path, interactive);
        let ended = tokio::time::timeout(limit, process.output()).await;
        let output = match ended {
            Err(_) => return Err(PluginError::TooSlow { command, limit }),
            Ok(Err(source)) => {
                return Err(PluginError::Start {
                    command,
                    hint: self.install_hint.clone(),
                    source,
                });
            }
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            let stderr = last_words(&output.stderr);
            return Err(PluginError::Failed {
                command,
                status: output.status,
                stderr,
            });
        }
        self.read(&output.stdout)
    }

    fn is_interactive(&self) -> Result<bool, PluginError> {
        let terminal = std::io::stdin().is_terminal();
        match self.interactive {
            ExecInteractiveMode::Never => Ok(false),
            ExecInteractiveMode::IfAvailable => Ok(terminal),
            ExecInteractiveMode::Always if terminal => Ok(true),
            ExecInteractiveMode::Always => Err(PluginError::NeedsTerminal {
                command: self.command.clone(),
            }),
        }
    }

    fn process(&self, path: Option<OsString>, interactive: bool) -> Command {
        let mut process = Command::new(&self.command);
        if let Some(path) = path {
            process.env("PATH", path);
        }
        process
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        process
            .env("KUBERNETES_EXEC_INFO", self.request(interactive))
            .kill_on_drop(true);
        process.stdout(Stdio::piped());
        if interactive {
            // It talks to the user through the terminal, which is also where its errors belong.
            process.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            process.stdin(Stdio::null()).stderr(Stdio::piped());
        }
        process
    }

    fn request(&self, interactive: bool) -> String {
        let request = ExecCredential {
            api_version: self.api_version.clone(),
            kind: Some("ExecCredential".to_owned()),
            spec: Some(Spec {
                interactive,
                cluster: self.cluster.clone(),
            }),
            status: None,
        };
        serde_json::to_string(&request).expect("a plugin's request must be representable as JSON")
    }

    fn read(&self, stdout: &[u8]) -> Result<Issued, PluginError> {
        let command = || self.command.clone();
        let answer: ExecCredential =
            serde_json::from_slice(stdout).map_err(|source| PluginError::Unreadable {
                command: command(),
                source: Some(source),
            })?;
        let status = answer.status.ok_or_else(|| PluginError::Unreadable {
            command: command(),
            source: None,
        })?;
        let issued = Issued {
            token: status
                .token
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty()),
            expires: status.expiration_timestamp,
            identity: status.client_certificate_data.zip(status.client_key_data),
        };
        if issued.token.is_none() && issued.identity.is_none() {
            return Err(PluginError::Empty { command: command() });
        }
        Ok(issued)
    }
}

fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(MAX_STDERR);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
