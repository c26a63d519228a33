//! The `PATH` of the user's login shell.
//!
//! A program started from a graphical desktop does not see what the user's shell profile adds, and
//! credential plugins usually live just there. The shell is asked once for each run of the program, in
//! a bounded time; whatever goes wrong, the program's own `PATH` is good enough to go on with.
//! Deliberately absent: changing this process's environment.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Slow profiles take a second or two; a profile that waits for somebody never ends.
const SHELL_LIMIT: Duration = Duration::from_secs(5);
/// More than any profile has reason to say.
const OUTPUT_LIMIT: u64 = 1024 * 1024;
const BEGIN: &str = "intercept-path-begin:";
const END: &str = ":intercept-path-end";

/// The shell is asked at most once, so this is the one thing here that outlives its caller.
static PATH: OnceCell<Option<OsString>> = OnceCell::const_new();

/// Why the login shell gave no `PATH`. Only logged: the own one serves then.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShellError {
    #[error("the login shell {} could not be started", shell.display())]
    Start { shell: PathBuf, source: std::io::Error },
    #[error("the login shell {} did not answer within {} s", shell.display(), limit.as_secs())]
    Silent { shell: PathBuf, limit: Duration },
    #[error("the login shell {} answered without a PATH", shell.display())]
    NoPath { shell: PathBuf },
}

/// The `PATH` for programs that the user expects to be found.
pub(super) async fn search_path() -> Option<OsString> {
    PATH.get_or_init(find).await.clone()
}

async fn find() -> Option<OsString> {
    let own = std::env::var_os("PATH");
    // Started from a terminal: the shell is already our parent.
    if !cfg!(unix) || std::io::stdin().is_terminal() {
        return own;
    }
    let Some(shell) = std::env::var_os("SHELL").filter(|shell| !shell.is_empty()) else {
        return own;
    };
    match ask(Path::new(&shell), SHELL_LIMIT).await {
        Ok(theirs) => Some(joined(&theirs, own.as_deref())),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "going on with the own PATH"
            );
            own
        }
    }
}

/// Asks `shell`, started as a login and interactive shell, since either profile may set the `PATH`.
pub(super) async fn ask(shell: &Path, limit: Duration) -> Result<OsString, ShellError> {
    match tokio::time::timeout(limit, output_of(shell)).await {
        Err(_) => Err(ShellError::Silent {
            shell: shell.to_owned(),
            limit,
        }),
        Ok(Err(source)) => Err(ShellError::Start {
            shell: shell.to_owned(),
            source,
        }),
        Ok(Ok(output)) => between_marks(&output).ok_or_else(|| ShellError::NoPath {
            shell: shell.to_owned(),
        }),
    }
}

async fn output_of(shell: &Path) -> std::io::Result<String> {
    // `sh` writes it, because other shells print a PATH in ways of their own.
    let script = format!("/usr/bin/env sh -c 'echo \"{BEGIN}$PATH{END}\"'");
    let mut command = Command::new(shell);
    command.args(["-l", "-i", "-c", &script]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.kill_on_drop(true);
    // Away from our terminal's process group, so an interactive shell cannot take it from us.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(OUTPUT_LIMIT).read_to_end(&mut output).await?;
    }
    child.wait().await?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn between_marks(output: &str) -> Option<OsString> {
    let (_, rest) = output.rsplit_once(BEGIN)?;
    let (path, _) = rest.split_once(END)?;
    (!path.is_empty()).then(|| OsString::from(path))
}

/// The shell's entries first, then what only we have.
fn joined(theirs: &OsStr, own: Option<&OsStr>) -> OsString {
    let mut entries: Vec<PathBuf> = std::env::split_paths(theirs).collect();
    for entry in own.into_iter().flat_map(std::env::split_paths) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    std::env::join_paths(entries).unwrap_or_else(|_| theirs.to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::cluster::tests::mk_script;

    #[tokio::test]
    async fn what_a_profile_prints_does_not_disturb() {
        let dir = tempfile::tempdir().unwrap();
        let body = r#"echo "welcome"; export PATH="/opt/fake tools:$PATH"; while [ "$1" != -c ]; do shift; done; eval "$2"; echo bye"#;
        let shell = mk_script(dir.path(), "shell", body);
        let path = ask(&shell, Duration::from_secs(20)).await.unwrap();
        assert_eq!(
            std::env::split_paths(&path).next(),
            Some(PathBuf::from("/opt/fake tools"))
        );
    }

    #[tokio::test]
    async fn a_shell_that_waits_for_somebody_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let shell = mk_script(dir.path(), "shell", "exec sleep 60");
        let asked = ask(&shell, Duration::from_millis(50)).await;
        assert!(matches!(asked, Err(ShellError::Silent { .. })), "{asked:?}");
    }

    #[tokio::test]
    async fn shells_that_are_none_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let missing = ask(&dir.path().join("none"), Duration::from_secs(20)).await;
        assert!(matches!(missing, Err(ShellError::Start { .. })), "{missing:?}");
        let mute = mk_script(dir.path(), "mute", "exit 0");
        let nothing = ask(&mute, Duration::from_secs(20)).await;
        assert!(matches!(nothing, Err(ShellError::NoPath { .. })), "{nothing:?}");
    }

    #[test]
    fn entries_of_both_are_kept_once_the_shells_first() {
        let path = joined(OsStr::new("/a:/b"), Some(OsStr::new("/b:/c")));
        assert_eq!(path, OsString::from("/a:/b:/c"));
    }
}
