//! Requests for other programs: HAR and shells.

use std::io::{BufWriter, Write as _};

use intercept_inspect::curl::{To, command};
use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::har::Writer;
use intercept_inspect::store::Store;

use crate::errors::Failure;
use crate::exit::Exit;
use crate::output::{Output, one_line};
use crate::recorded::{Cover, Reading};

/// Writes a HAR file to the standard output, one exchange in memory at a time.
pub(crate) fn har(
    store: &Store,
    ids: &[ExchangeId],
    cover: &Cover,
    output: &Output,
) -> Result<Exit, Failure> {
    let mut left_out = 0;
    let stdout = BufWriter::new(std::io::stdout().lock());
    let Ok(mut writer) = Writer::new(stdout) else {
        return Ok(Exit::Done);
    };
    for id in ids {
        let Some(exchange) = store.get(*id)? else {
            left_out += 1;
            continue;
        };
        // A reader that is gone wants no more.
        if writer.add(&cover.exchange(&exchange).exchange, &Reading).is_err() {
            return Ok(Exit::Done);
        }
    }
    // What is held back is written here, or nobody reads it.
    let _ = writer.finish().and_then(|mut stdout| stdout.flush());
    if left_out > 0 {
        output.note(&format!(
            "{left_out} requests are left out: they were removed to make room meanwhile"
        ));
    }
    Ok(Exit::Done)
}

/// Writes one command for each.
pub(crate) fn curl(
    store: &Store,
    ids: &[ExchangeId],
    cover: &Cover,
    output: &Output,
) -> Result<Exit, Failure> {
    for id in ids {
        let Some(exchange) = store.get(*id)? else { continue };
        match curl_of(&exchange, cover) {
            Ok(command) => output.bytes(command.as_bytes()),
            Err(failure) => output.note(&one_line(&format!("Left out: {}", failure.in_short()))),
        }
    }
    Ok(Exit::Done)
}

/// The command for one, with a line's end.
pub(crate) fn curl_of(exchange: &Exchange, cover: &Cover) -> Result<String, Failure> {
    let covered = cover.exchange(exchange).exchange;
    let mut command = command(&covered, To::Host).map_err(|error| {
        Failure::from_error(Exit::Undone, "noCurl", &error)
            .hint(Some("See it as it is with `interceptctl request ID --raw`."))
    })?;
    command.push('\n');
    Ok(command)
}
