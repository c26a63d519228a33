//! Requests, written down for other programs, and read from them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use intercept_inspect::curl::{To, command};
use intercept_inspect::decode::Reading;
use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::har::{Limits, Writer, import};
use intercept_inspect::raw;
use intercept_inspect::redact::Redaction;
use intercept_inspect::store::{Store, StoreError};

use crate::error::{CommandError, ErrorCode};
use crate::wire::{ExportFormat, RequestText};

/// Nobody pastes more.
const MOST_TEXT: usize = 32 * 1024 * 1024;
/// Imported in one go.
const AT_ONCE: usize = 256;

/// How many were written, and how many of them with something covered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    count: u32,
    covered: u32,
}

/// As text, for the clipboard.
pub(crate) fn text(
    store: &Store,
    ids: &[ExchangeId],
    format: ExportFormat,
    covering: &Redaction,
) -> Result<RequestText, CommandError> {
    let mut bytes = Bounded(Vec::new());
    let written = write(store, ids, format, covering, &mut bytes).map_err(|error| match error {
        Failed::Store(error) => error,
        Failed::Write(_) => CommandError::said(
            ErrorCode::Wrong,
            "That is too much for the clipboard.",
            "Choose fewer requests, or save them to a file.",
        ),
    })?;
    Ok(RequestText {
        text: String::from_utf8_lossy(&bytes.0).into_owned(),
        count: written.count,
        covered: written.covered,
    })
}

/// Into a file. What was there before is replaced only by something whole.
pub(crate) fn save(
    store: &Store,
    ids: &[ExchangeId],
    format: ExportFormat,
    covering: &Redaction,
    path: &Path,
) -> Result<u32, CommandError> {
    let unwritable = |error: &std::io::Error| {
        CommandError::said(
            ErrorCode::Wrong,
            format!("{} cannot be written: {error}.", path.display()),
            "Choose another place, or make room there.",
        )
    };
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let saved = (|| {
        let mut file = BufWriter::new(File::create(&beside).map_err(Failed::Write)?);
        let written = write(store, ids, format, covering, &mut file)?;
        file.flush().map_err(Failed::Write)?;
        drop(file);
        std::fs::rename(&beside, path).map_err(Failed::Write)?;
        Ok(written.count)
    })();
    saved.map_err(|error| {
        // Half a file helps nobody.
        let _ = std::fs::remove_file(&beside);
        match error {
            Failed::Store(error) => error,
            Failed::Write(error) => unwritable(&error),
        }
    })
}

enum Failed {
    Store(CommandError),
    Write(std::io::Error),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}

fn write(
    store: &Store,
    ids: &[ExchangeId],
    format: ExportFormat,
    covering: &Redaction,
    out: &mut impl Write,
) -> Result<Written, Failed> {
    match format {
        ExportFormat::Har => {
            let mut writer = Writer::new(&mut *out)?;
            let written = each(store, ids, covering, |exchange| {
                writer.add(exchange, &Reading)?;
                Ok(true)
            })?;
            writer.finish()?;
            Ok(written)
        }
        ExportFormat::Curl => each(store, ids, covering, |exchange| {
            match command(exchange, To::Host) {
                Ok(command) => {
                    writeln!(out, "{command}")?;
                    Ok(true)
                }
                Err(error) => {
                    writeln!(out, "# {} is left out: {error}", exchange.id)?;
                    Ok(false)
                }
            }
        }),
        ExportFormat::Raw => each(store, ids, covering, |exchange| {
            out.write_all(&raw::request(exchange))?;
            out.write_all(b"\n\n")?;
            if let Some(answer) = raw::response(exchange) {
                out.write_all(&answer)?;
                out.write_all(b"\n\n")?;
            }
            Ok(true)
        }),
    }
}

/// Does it with each that is still there, one in memory at a time.
fn each(
    store: &Store,
    ids: &[ExchangeId],
    covering: &Redaction,
    mut act: impl FnMut(&Exchange) -> Result<bool, std::io::Error>,
) -> Result<Written, Failed> {
    let mut written = Written::default();
    for id in ids {
        let Some(exchange) = store.get(*id)? else { continue };
        let shown = covering.apply(&exchange, &Reading);
        if act(&shown.exchange)? {
            written.count += 1;
            written.covered += u32::from(!shown.hidden.is_empty());
        }
    }
    Ok(written)
}

/// Refuses to grow without end.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_TEXT {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Records what a HAR file holds. How many.
pub(crate) fn read(store: &mut Store, path: &Path) -> Result<u32, CommandError> {
    let unreadable = |error: &dyn std::error::Error| {
        CommandError::said(
            ErrorCode::Wrong,
            format!("{} cannot be imported: {error}.", path.display()),
            "Choose a HAR file, as browsers and proxies write them.",
        )
    };
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let (mut waiting, mut count, mut failed) = (Vec::new(), 0_u32, None);
    let mut put = |waiting: &mut Vec<Exchange>| {
        if failed.is_none() && !waiting.is_empty() {
            count += u32::try_from(waiting.len()).unwrap_or(u32::MAX);
            failed = keep(store, waiting).err();
        }
        waiting.clear();
    };
    let imported = import(file, Limits::default(), |exchange| {
        waiting.push(exchange);
        if waiting.len() >= AT_ONCE {
            put(&mut waiting);
        }
    });
    put(&mut waiting);
    if let Some(error) = failed {
        return Err(error.into());
    }
    imported.map_err(|error| unreadable(&error))?;
    Ok(count)
}

fn keep(store: &mut Store, exchanges: &mut [Exchange]) -> Result<(), StoreError> {
    let numbers = store.numbers(exchanges.len() as u64)?;
    for (exchange, number) in exchanges.iter_mut().zip(numbers) {
        exchange.id = ExchangeId(number);
    }
    store.put(exchanges)
}
