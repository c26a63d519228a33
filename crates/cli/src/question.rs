//! Questions before something that cannot be taken back.

use std::io::{BufRead as _, IsTerminal as _, stdin};

use crate::errors::Failure;
use crate::output::{Output, bold};

/// An answer longer than this is none.
const LONGEST: u64 = 64;

/// Asks on a terminal. Nobody can be asked elsewhere: there `flag` has to say it.
pub(crate) fn is_agreed(question: &str, flag: &str, output: &Output) -> Result<bool, Failure> {
    if !stdin().is_terminal() || !output.is_text() {
        return Err(Failure::usage(format!("Nobody can be asked here: {question}"))
            .hint(Some(format!("Say {flag} if you mean it."))));
    }
    output.note(&format!("{} [y/N] ", bold(question)));
    let mut answer = String::new();
    let read = std::io::Read::take(stdin().lock(), LONGEST).read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
