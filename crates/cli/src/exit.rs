//! What the process ends with. Scripts rely on these numbers: they never change their meaning.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Unexpected = 1,
    Usage = 2,
    NoConnection = 3,
    Refused = 4,
    Undone = 5,
    Left = 6,
    Interrupted = 130,
}

/// The table of `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
  0    done; for `start`: it ended as asked, and the Service is restored
  1    unexpected: please report it
  2    wrong command line, wrong value, or an intercept.toml that cannot be used
  3    no connection: kubeconfig, network, certificate or credentials
  4    refused, nothing was changed: no such Service or request, a preflight check, a match somebody else has,
       a command for running sessions while there is none
  5    failed or ended by somebody else; everything was undone
  6    failed, and something may be left in the cluster: `interceptctl session close` goes on
  130  interrupted before the intercept was active; everything was undone";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_documented() {
        let all = [
            Exit::Done,
            Exit::Unexpected,
            Exit::Usage,
            Exit::NoConnection,
            Exit::Refused,
            Exit::Undone,
            Exit::Left,
            Exit::Interrupted,
        ];
        for exit in all {
            let code = (exit as u8).to_string();
            assert!(
                TABLE
                    .lines()
                    .any(|line| line.split_whitespace().next() == Some(&code)),
                "{exit:?}"
            );
        }
    }
}
