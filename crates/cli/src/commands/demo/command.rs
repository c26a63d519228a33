//! This program itself, as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::unexpected;
use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, dim};

const LIMIT: Duration = Duration::from_secs(30);

/// Runs commands on one cluster.
pub(super) struct Program<'a> {
    path: PathBuf,
    kubeconfig: &'a Path,
    namespace: &'a str,
    output: &'a Output,
}

/// A session in the foreground. Dropped, it is killed.
pub(super) struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl<'a> Program<'a> {
    pub(super) fn new(kubeconfig: &'a Path, namespace: &'a str, output: &'a Output) -> Result<Self, Failure> {
        let path = std::env::current_exe().map_err(|error| unexpected(&error))?;
        Ok(Self {
            path,
            kubeconfig,
            namespace,
            output,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .arg("--kubeconfig")
            .arg(self.kubeconfig)
            .args(["--namespace", self.namespace])
            .args(arguments)
            // A team's settings are about another cluster.
            .env_remove("INTERCEPT_CONTEXT")
            .env_remove("INTERCEPT_CONFIG")
            .env_remove("INTERCEPT_OUTPUT")
            .current_dir(self.kubeconfig.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn announce(&self, arguments: &[&str]) {
        self.output
            .line(&dim(format!("$ interceptctl {}", arguments.join(" "))));
    }

    /// Runs a command to its end and shows what it says, or the first lines of that.
    pub(super) async fn shown(&self, arguments: &[&str], lines: usize) -> Result<(), Failure> {
        self.announce(arguments);
        let ended = timeout(LIMIT, self.command(arguments).output()).await;
        let ended = ended
            .map_err(|_| late(arguments))?
            .map_err(|error| unexpected(&error))?;
        let text = String::from_utf8_lossy(&ended.stdout);
        let all: Vec<&str> = text.trim_end().lines().collect();
        for line in all.iter().take(lines) {
            self.output.line(line);
        }
        if all.len() > lines {
            self.output
                .line(&dim(format!("  … and {} more lines", all.len() - lines)));
        }
        if ended.status.success() {
            return Ok(());
        }
        Err(failed(arguments, &String::from_utf8_lossy(&ended.stderr)))
    }

    /// Starts a session and waits until requests can arrive.
    pub(super) async fn started(&self, arguments: &[&str]) -> Result<Running, Failure> {
        self.announce(arguments);
        let mut child = self
            .command(arguments)
            .spawn()
            .map_err(|error| unexpected(&error))?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed(arguments, "it has no output"));
        };
        let mut running = Running {
            child,
            out: BufReader::new(out).lines(),
            err: BufReader::new(err).lines(),
        };
        let ready = timeout(LIMIT, running.ready())
            .await
            .map_err(|_| late(arguments))?;
        match ready {
            Ok(line) => self.output.line(&line),
            Err(words) => return Err(failed(arguments, &words)),
        }
        Ok(running)
    }
}

impl Running {
    /// The line that begins with `Ready`; or, where none comes, what it said instead.
    async fn ready(&mut self) -> Result<String, String> {
        let mut words = String::new();
        loop {
            tokio::select! {
                line = self.out.next_line() => match line {
                    Ok(Some(line)) if line.starts_with("Ready") => return Ok(line),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return Err(words),
                },
                Ok(Some(line)) = self.err.next_line() => {
                    words.push_str(&line);
                    words.push('\n');
                }
            }
        }
    }

    /// As if the machine had gone.
    pub(super) async fn kill(mut self) {
        // It may have ended by itself; then it is gone all the same.
        let _ = self.child.kill().await;
    }

    /// As Ctrl-C; waits for the end, and says what it said.
    pub(super) async fn interrupt(mut self, program: &Program<'_>) -> Result<(), Failure> {
        program.output.line(&dim("^C"));
        self.signal(program).await?;
        let told = async {
            while let Ok(Some(line)) = self.out.next_line().await {
                program.output.line(&line);
            }
            self.child.wait().await
        };
        let ended = timeout(LIMIT, told).await.map_err(|_| late(&["start"]))?;
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(&["start"], &format!("it ended with {status}"))),
            Err(error) => Err(unexpected(&error)),
        }
    }

    #[cfg(unix)]
    async fn signal(&mut self, _: &Program<'_>) -> Result<(), Failure> {
        use rustix::process::{Pid, Signal, kill_process};
        let id = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let id = id.ok_or_else(|| failed(&["start"], "it has ended by itself"))?;
        kill_process(id, Signal::INT).map_err(|error| unexpected(&error))
    }

    /// There is no Ctrl-C for one process alone here: another program closes what this one holds.
    #[cfg(not(unix))]
    async fn signal(&mut self, program: &Program<'_>) -> Result<(), Failure> {
        program.shown(&["session", "close", "--all"], usize::MAX).await
    }
}

fn late(arguments: &[&str]) -> Failure {
    failed(
        arguments,
        &format!("it was not done within {} s", LIMIT.as_secs()),
    )
}

fn failed(arguments: &[&str], words: &str) -> Failure {
    let mut failure = Failure::new(
        Exit::Unexpected,
        "demo",
        format!("`interceptctl {}` failed", arguments.join(" ")),
    );
    failure.causes = words.lines().map(str::to_owned).collect();
    failure
}
