//! A request in the user's editor, and back.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _, stdin};
use std::path::Path;
use std::process::Command;

use intercept_inspect::edit::{Edited, Outgoing, outgoing, read, write};
use intercept_inspect::exchange::Exchange;

use crate::errors::Failure;
use crate::exit::Exit;

/// A body that is named as a file may have so many bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// What the user made of it, and whether that is something else.
pub(super) fn edited(exchange: &Exchange) -> Result<(Outgoing, bool), Failure> {
    let unrepeatable = |error: &dyn std::error::Error| {
        let mut failure = Failure::new(
            Exit::Refused,
            "notRepeatable",
            format!("Request {} cannot be sent again", exchange.id),
        );
        failure.causes.push(error.to_string());
        failure
    };
    let before = write(exchange).map_err(|error| unrepeatable(&error))?;
    let after = round_trip(&before)?;
    if after == before {
        return Ok((outgoing(exchange).map_err(|error| unrepeatable(&error))?, false));
    }
    if after.trim().is_empty() {
        return Err(Failure::new(
            Exit::Refused,
            "notAgreed",
            "Nothing was sent: the text is empty",
        ));
    }
    let edited = read(&after).map_err(|error| {
        let shown = after
            .lines()
            .nth(error.line.saturating_sub(1))
            .unwrap_or_default();
        let mark = " ".repeat(error.column.saturating_sub(1));
        Failure::from_error(Exit::Usage, "edit", &error)
            .during(format!("What was written is no request:\n  {shown}\n  {mark}^"))
            .hint(Some("Run the same command again, and leave the form as it was."))
    })?;
    let file = file(&edited)?;
    let outgoing = edited
        .outgoing(exchange, |_| file)
        .map_err(|error| unrepeatable(&error))?;
    Ok((outgoing, true))
}

/// The bytes of the file that stands for the body, if one does.
fn file(edited: &Edited) -> Result<Vec<u8>, Failure> {
    let intercept_inspect::edit::EditedBody::File(path) = &edited.body else {
        return Ok(Vec::new());
    };
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::from_error(Exit::Usage, "file", error).during(format!("{path} cannot be read for the body"))
    };
    let size = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if size > MAX_FILE {
        return Err(Failure::usage(format!("{path} is too long for a body"))
            .hint(Some(format!("At most {MAX_FILE} bytes can be sent."))));
    }
    std::fs::read(path).map_err(|error| failed(&error))
}

/// Writes the text where only the user reads it, waits for the editor, and reads it again.
fn round_trip(text: &str) -> Result<String, Failure> {
    let failed = |error: &std::io::Error| {
        Failure::from_error(Exit::Undone, "editor", error)
            .during("The request cannot be handed to an editor")
            .hint(Some("Set VISUAL or EDITOR to a program that is there."))
    };
    let mut file = tempfile::Builder::new()
        .prefix("request-")
        .suffix(".http")
        .tempfile()
        .map_err(|error| failed(&error))?;
    file.write_all(text.as_bytes()).map_err(|error| failed(&error))?;
    file.flush().map_err(|error| failed(&error))?;
    let status = command(file.path())?.status().map_err(|error| failed(&error))?;
    if !status.success() {
        return Err(Failure::new(
            Exit::Refused,
            "notAgreed",
            format!("Nothing was sent: the editor ended with {status}"),
        )
        .hint(Some("End it as usual to send what you wrote.")));
    }
    // Some editors put a new file in the old one's place: read by name.
    let path = file.into_temp_path();
    std::fs::read_to_string(&path).map_err(|error| failed(&error))
}

fn command(file: &Path) -> Result<Command, Failure> {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|editor| !editor.is_empty());
    if named.is_none() && !stdin().is_terminal() {
        return Err(Failure::usage(
            "There is no editor: this is no terminal, and neither VISUAL nor EDITOR is set",
        ));
    }
    let usual = if cfg!(windows) { "notepad" } else { "vi" };
    Ok(with_arguments(named.unwrap_or_else(|| usual.into()), file))
}

/// Editors are named with arguments, `code --wait`: a shell knows how to take that apart.
#[cfg(unix)]
fn with_arguments(editor: OsString, file: &Path) -> Command {
    let mut script = editor;
    script.push(" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg("sh").arg(file);
    command
}

/// Editors are named with arguments, `code --wait`.
#[cfg(not(unix))]
fn with_arguments(editor: OsString, file: &Path) -> Command {
    let text = editor.to_string_lossy().into_owned();
    let mut words = text.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("notepad"));
    command.args(words).arg(file);
    command
}
