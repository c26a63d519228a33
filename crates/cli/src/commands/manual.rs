//! `interceptctl manual`, for whoever makes a package: not in the help.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::errors::Failure;
use crate::exit::Exit;

/// Writes one page for each command, made of the same definition that parses the command line.
pub(crate) fn manual(folder: &Path) -> Result<Exit, Failure> {
    clap_mangen::generate_to(Cli::command(), folder).map_err(|error| {
        Failure::from_error(Exit::Unexpected, "unexpected", &error)
            .during(format!("The manual cannot be written to {}", folder.display()))
            .hint(Some("Name a folder that exists and may be written to."))
    })?;
    Ok(Exit::Done)
}
