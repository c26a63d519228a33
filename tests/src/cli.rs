//! `interceptctl` as a user runs it: the real binary, on a machine with a home of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

pub use rustix::process::Signal;

const BINARY_VARIABLE: &str = "INTERCEPTCTL_BIN";
/// Long enough for an engage on a loaded machine.
const RUN_LIMIT: Duration = Duration::from_secs(90);

/// The built program: what `INTERCEPTCTL_BIN` names, otherwise the one beside the test.
pub fn binary() -> PathBuf {
    std::env::var_os(BINARY_VARIABLE).map_or_else(beside_the_test, PathBuf::from)
}

fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test must know its own place");
    // target/debug/deps/e2e_x-… → target/debug/interceptctl
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("a test must be in a target folder");
    let binary = folder.join(format!("interceptctl{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "{} is not built; set {BINARY_VARIABLE} or build it first",
        binary.display()
    );
    binary
}

/// One developer's machine: its own home, cache and kubeconfig. Dropping it removes its files.
pub struct Machine {
    home: TempDir,
    kubeconfig: PathBuf,
    /// Variables beside those that every machine has.
    environment: Vec<(String, String)>,
}

impl Machine {
    /// A machine whose kubeconfig is this file.
    pub fn new(kubeconfig: &Path) -> Self {
        let home = TempDir::with_prefix("machine-").expect("a temporary home must be possible");
        Self {
            home,
            kubeconfig: kubeconfig.to_owned(),
            environment: Vec::new(),
        }
    }

    /// With one more variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Its home, where a test may put an `intercept.toml`; programs start there.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts the program, and returns while it runs.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        let mut child = self.command(arguments).spawn().expect("interceptctl must start");
        let (text_tx, text_rx) = watch::channel(Text::default()); // readers of both pipes → whoever waits for a line
        let stdout = child.stdout.take().expect("stdout must be piped");
        let stderr = child.stderr.take().expect("stderr must be piped");
        let readers = vec![
            AbortOnDropHandle::new(tokio::spawn(read(stdout, text_tx.clone(), |text| {
                &mut text.stdout
            }))),
            AbortOnDropHandle::new(tokio::spawn(read(stderr, text_tx, |text| &mut text.stderr))),
        ];
        Running {
            child,
            text_rx,
            readers,
            arguments: arguments.join(" "),
        }
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).ended(RUN_LIMIT).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.home()).env_clear();
        command
            .env("PATH", path)
            .env("HOME", self.home())
            .env("KUBECONFIG", &self.kubeconfig);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

#[derive(Clone, Debug, Default)]
struct Text {
    stdout: String,
    stderr: String,
}

async fn read(
    pipe: impl AsyncRead + Unpin,
    text_tx: watch::Sender<Text>,
    part: fn(&mut Text) -> &mut String,
) {
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    while let Ok(1..) = pipe.read_until(b'\n', &mut line).await {
        text_tx.send_modify(|text| part(text).push_str(&String::from_utf8_lossy(&line)));
        line.clear();
    }
}

/// A program that runs. Dropping it kills it, as a crash would.
pub struct Running {
    child: Child,
    text_rx: watch::Receiver<Text>,
    readers: Vec<AbortOnDropHandle<()>>,
    arguments: String,
}

impl Running {
    /// All it has said until now, on both pipes.
    pub fn output(&self) -> String {
        let text = self.text_rx.borrow();
        format!("{}{}", text.stdout, text.stderr)
    }

    /// Waits until it says this on either pipe, and returns the line.
    ///
    /// # Panics
    /// When it ends before, or does not within `limit`.
    pub async fn await_line(&mut self, limit: Duration, needle: &str) -> String {
        let line_with = |text: &Text| {
            let lines = text.stdout.lines().chain(text.stderr.lines());
            lines
                .into_iter()
                .find(|line| line.contains(needle))
                .map(str::to_owned)
        };
        let waiting = self.text_rx.wait_for(|text| line_with(text).is_some());
        let found = match timeout(limit, waiting).await {
            Ok(Ok(text)) => line_with(&text),
            Ok(Err(_closed)) => None,
            Err(_late) => None,
        };
        found.unwrap_or_else(|| {
            panic!(
                "`{}` did not say {needle:?}; it said:\n{}",
                self.arguments,
                self.output()
            )
        })
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it has ended.
    pub fn pid(&self) -> u32 {
        self.child
            .id()
            .unwrap_or_else(|| panic!("`{}` has ended:\n{}", self.arguments, self.output()))
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id must be one");
        kill_process(pid, signal).expect("an own child must take a signal");
    }

    /// Ends it without a word, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("an own child must be killable");
    }

    /// Ctrl-C, then its end.
    pub async fn interrupt(self, limit: Duration) -> Ended {
        self.signal(Signal::INT);
        self.ended(limit).await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within `limit`.
    pub async fn ended(mut self, limit: Duration) -> Ended {
        let Ok(status) = timeout(limit, self.child.wait()).await else {
            panic!(
                "`{}` has not ended after {limit:?}; it said:\n{}",
                self.arguments,
                self.output()
            );
        };
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe; what matters has been read.
            let _held = timeout(Duration::from_secs(1), reader).await;
        }
        let status = status.expect("an own child must be waitable");
        let text = self.text_rx.borrow().clone();
        Ended {
            code: status.code(),
            stdout: text.stdout,
            stderr: text.stderr,
            arguments: self.arguments.clone(),
        }
    }
}

/// A program that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it said on stdout.
    pub stdout: String,
    /// What it said on stderr.
    pub stderr: String,
    arguments: String,
}

impl Ended {
    /// Both pipes.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            code,
            stdout,
            stderr,
            arguments,
        } = self;
        write!(
            formatter,
            "`interceptctl {arguments}` ended with {code:?}\nstdout: {stdout}\nstderr: {stderr}"
        )
    }
}
