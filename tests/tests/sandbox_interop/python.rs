//! The Python programs: a local program that serves, a caller that asks.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// All facts of one caller, on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(240);
const START_LIMIT: Duration = Duration::from_secs(60);

/// The libraries' folder.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    libraries: PathBuf,
}

impl Python {
    /// Where it is known.
    pub(crate) fn find() -> Option<Self> {
        let libraries = std::env::var_os("INTERCEPT_PYTHON")?.into();
        Some(Self { libraries })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/");
        let mut command = Command::new("python3");
        command
            .arg(format!("{folder}{program}.py"))
            .args(arguments)
            .env("PYTHONPATH", &self.libraries)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts a local program.
    pub(crate) async fn serve(&self, program: &str) -> Serving {
        let mut child = self
            .command(program, &["serve"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("Python must start");
        let mut lines = lines(&mut child);
        let told = timeout(START_LIMIT, lines.next_line()).await;
        let told = told.unwrap_or_else(|_| panic!("{program} does not listen"));
        let told = told.unwrap().unwrap_or_else(|| panic!("{program} ended"));
        let told: Value = serde_json::from_str(&told).unwrap();
        let port = told["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        Serving {
            port: port.expect("a program must tell its port"),
            _child: child,
            _lines: lines,
        }
    }

    /// Asks for all facts, and fails where one does not hold.
    pub(crate) async fn ask(&self, program: &str, through: &str, direct: &str) {
        let mut child = self
            .command(program, &["ask", through, direct])
            .stdin(Stdio::null())
            .spawn()
            .expect("Python must start");
        let mut lines = lines(&mut child);
        let judged = timeout(LIMIT, async {
            let mut facts = Facts::default();
            while let Some(line) = lines.next_line().await.unwrap() {
                facts.hear(program, &serde_json::from_str(&line).unwrap());
            }
            assert!(child.wait().await.unwrap().success(), "{program} failed");
            facts
        });
        judged
            .await
            .unwrap_or_else(|_| panic!("{program} hangs"))
            .judge(program);
    }
}

fn lines(child: &mut Child) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

/// A running local program; ends when dropped.
pub(crate) struct Serving {
    pub(crate) port: u16,
    _child: Child,
    _lines: Lines<BufReader<ChildStdout>>,
}

#[derive(Default)]
struct Facts {
    heard: u64,
    failed: Vec<String>,
    /// How many there were to be, by the caller itself.
    all: Option<u64>,
}

impl Facts {
    fn hear(&mut self, program: &str, line: &Value) {
        if let Some(all) = line["facts"].as_u64() {
            self.all = Some(all);
            return;
        }
        let fact = line["fact"].as_str().expect("a line must name its fact");
        self.heard += 1;
        match line["failed"].as_str() {
            None => eprintln!("{program}: {fact}"),
            Some(why) => self.failed.push(format!("{fact}:\n{why}")),
        }
    }

    fn judge(&self, program: &str) {
        assert!(
            self.failed.is_empty(),
            "{program}: {} of {} facts do not hold:\n{}",
            self.failed.len(),
            self.heard,
            self.failed.join("\n")
        );
        assert!(
            self.heard > 0 && self.all == Some(self.heard),
            "{program} told {} facts of {:?}",
            self.heard,
            self.all
        );
    }
}
