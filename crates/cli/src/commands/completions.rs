//! `interceptctl completions`.

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::Exit;
use crate::output::Output;

/// Prints the script, whatever the format: a shell reads it.
pub(crate) fn completions(shell: clap_complete::Shell, output: &Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "interceptctl", &mut script);
    output.raw(&script);
    Exit::Done
}
