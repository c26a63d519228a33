//! A container as processes of this machine, and the certainty that none of them outlives the sandbox.
//!
//! Every container has a process group of its own whose leader is a *guard*: a shell that reads from a pipe which
//! only the sandbox's process holds open. When that process is gone, however it went, the guard reads the end
//! and kills the group, itself included. Processes join the group in the moment they are made, so there is none
//! that the guard does not reach; a program that leaves its group on purpose is not met.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

use super::logs::Log;

const GUARD: &str = "read -r _; kill -KILL 0";

/// What to run, and where.
#[derive(Clone, Debug)]
pub(crate) struct Commanded {
    pub(crate) command: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) folder: PathBuf,
}

/// A running container's processes. Dropping it kills them.
#[derive(Debug)]
pub(crate) struct Process {
    main: Child,
    group: Arc<Group>,
}

/// The process group of one container.
#[derive(Debug)]
pub(crate) struct Group {
    id: Pid,
    main: Pid,
    has_ended: AtomicBool,
    commanded: Commanded,
    /// Its standard input is the pipe; reaped by tokio once killed.
    _guard: Child,
}

impl Process {
    /// Starts a container's command.
    ///
    /// # Errors
    /// When the program is not there or may not be run.
    pub(crate) fn start(commanded: Commanded, log: &Log) -> io::Result<Self> {
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD])
            .current_dir(&commanded.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let id = pid(&guard)?;
        let started = command(&commanded, id).and_then(|mut command| {
            let mut main = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
            let number = pid(&main)?;
            if let Some(out) = main.stdout.take() {
                tokio::spawn(log.clone().take(out));
            }
            if let Some(out) = main.stderr.take() {
                tokio::spawn(log.clone().take(out));
            }
            Ok((main, number))
        });
        let (main, number) = match started {
            Ok(started) => started,
            Err(error) => {
                kill_group(id);
                return Err(error);
            }
        };
        Ok(Self {
            main,
            group: Arc::new(Group {
                id,
                main: number,
                has_ended: AtomicBool::new(false),
                commanded,
                _guard: guard,
            }),
        })
    }

    /// By which others signal it.
    pub(crate) fn group(&self) -> Arc<Group> {
        self.group.clone()
    }

    /// Waits for the main process; then the rest of the group is killed, as with a container.
    pub(crate) async fn ended(mut self) -> io::Result<ExitStatus> {
        let status = self.main.wait().await;
        self.group.kill();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.kill();
    }
}

impl Group {
    /// Tells the main process.
    pub(crate) fn signal(&self, signal: Signal) {
        if !self.has_ended.load(Ordering::Acquire)
            && let Err(error) = kill_process(self.main, signal)
        {
            tracing::debug!(%error, "a container could not be signalled");
        }
    }

    /// Ends all of it, at once.
    pub(crate) fn kill(&self) {
        if !self.has_ended.swap(true, Ordering::AcqRel) {
            kill_group(self.id);
        }
    }

    /// Stops all of it but the guard, which must still see the sandbox's end.
    pub(crate) fn stop(&self) {
        self.tell_all(Signal::STOP);
        if let Err(error) = kill_process(self.id, Signal::CONT) {
            tracing::debug!(%error, "a container's guard is gone");
        }
    }

    /// Lets all of it go on.
    pub(crate) fn go_on(&self) {
        self.tell_all(Signal::CONT);
    }

    fn tell_all(&self, signal: Signal) {
        if !self.has_ended.load(Ordering::Acquire)
            && let Err(error) = kill_process_group(self.id, signal)
        {
            tracing::debug!(%error, "a container's processes could not be signalled");
        }
    }

    /// Runs one more command in the container; its output, if it failed.
    ///
    /// # Errors
    /// When it could not be run.
    pub(crate) async fn exec(&self, words: Vec<String>) -> io::Result<Result<(), String>> {
        let commanded = Commanded {
            command: words,
            ..self.commanded.clone()
        };
        let output = command(&commanded, self.id)?.kill_on_drop(true).output().await?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        let text = [output.stdout, output.stderr].concat();
        Ok(Err(String::from_utf8_lossy(&text).into_owned()))
    }
}

fn command(commanded: &Commanded, group: Pid) -> io::Result<Command> {
    let (program, args) = commanded
        .command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command specified"))?;
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .envs(&commanded.env)
        .current_dir(&commanded.folder)
        .stdin(Stdio::null())
        .process_group(group.as_raw_nonzero().get());
    Ok(command)
}

fn pid(child: &Child) -> io::Result<Pid> {
    let number = child.id().and_then(|id| i32::try_from(id).ok());
    number
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("the process ended at once"))
}

fn kill_group(group: Pid) {
    // Nothing is left of a group that has ended, and that is what is wanted.
    let _ = kill_process_group(group, Signal::KILL);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::test_kill_process_group;
    use tokio::time::timeout;

    use super::*;

    fn shell(script: &str) -> Commanded {
        Commanded {
            command: vec!["sh".into(), "-c".into(), script.into()],
            env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            folder: std::env::temp_dir(),
        }
    }

    async fn await_gone(group: Pid) {
        let gone = async {
            while test_kill_process_group(group).is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), gone)
            .await
            .expect("the group must end");
    }

    #[tokio::test]
    async fn what_a_container_started_ends_with_it() {
        let process = Process::start(shell("sleep 600 & sleep 600 & exit 3"), &Log::default()).unwrap();
        let group = process.group.id;
        let status = process.ended().await.unwrap();
        assert_eq!(status.code(), Some(3));
        await_gone(group).await;
    }

    #[tokio::test]
    async fn a_group_whose_sandbox_is_gone_kills_itself() {
        let mut process = Process::start(shell("sleep 600"), &Log::default()).unwrap();
        let group = process.group.id;
        // What the kernel does to the pipe when the sandbox's process dies.
        let shared = Arc::get_mut(&mut process.group).unwrap();
        drop(shared._guard.stdin.take());
        let status = timeout(Duration::from_secs(10), process.main.wait())
            .await
            .unwrap();
        assert!(!status.unwrap().success());
        // The guard stays a zombie for as long as its handle is held.
        drop(process);
        await_gone(group).await;
    }

    #[tokio::test]
    async fn a_group_that_is_stopped_when_its_sandbox_goes_kills_itself() {
        let mut process = Process::start(shell("sleep 600"), &Log::default()).unwrap();
        process.group.stop();
        drop(Arc::get_mut(&mut process.group).unwrap()._guard.stdin.take());
        let status = timeout(Duration::from_secs(10), process.main.wait())
            .await
            .unwrap();
        assert!(!status.unwrap().success());
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_is_an_error_and_leaves_nothing() {
        let mut missing = shell("");
        missing.command = vec!["/nonexistent/program".into()];
        let error = Process::start(missing, &Log::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
