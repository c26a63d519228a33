//! Runs the real binary in an empty folder and home, with nothing of this machine's environment.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder to run in.
pub(crate) struct Place {
    folder: TempDir,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder must be had"),
        }
    }

    pub(crate) fn with(self, file: &str, text: &str) -> Self {
        fs::write(self.path().join(file), text).expect("the folder must be writable");
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interceptctl"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_clear();
        command
            .env("HOME", self.path())
            .env("USERPROFILE", self.path())
            .stdin(Stdio::null());
        // Windows programs do not start without it.
        command.envs(std::env::var_os("SystemRoot").map(|root| ("SystemRoot", root)));
        command
    }

    pub(crate) fn run(&self, line: &str) -> Run {
        Run::of(self.command(line).output().expect("the program must start"))
    }
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the program must not be killed"),
            out: String::from_utf8(output.stdout).expect("it must print text"),
            err: String::from_utf8(output.stderr).expect("it must print text"),
        }
    }
}
