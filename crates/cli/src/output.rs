//! The only place that prints. Results go to the standard output; progress, notes and errors beside it.
//!
//! A reader that is gone (a closed pipe, a dead terminal) never stops the program: restoring a Service goes
//! before telling somebody about it. Text from a cluster is shown as text: control characters are replaced.

mod pen;
mod style;
mod table;

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

pub(crate) use style::{block, bold, dim, good, one_line, warning};
pub(crate) use table::Table;

use self::pen::{Pen, To};
use crate::args::{Color, Format};
use crate::errors::Failure;

/// How often the live line's mark turns.
const TICK: Duration = Duration::from_millis(120);

/// Where and how everything is shown.
pub(crate) struct Output {
    format: Format,
    out_colors: bool,
    err_colors: bool,
    live: ProgressBar,
    pen: OnceLock<Pen>,
    is_unread: AtomicBool,
}

impl Output {
    pub(crate) fn new(format: Format, color: Color) -> Self {
        // What is exported is written by whoever exports it; everything beside it is for people.
        let format = match format {
            Format::Har | Format::Curl => Format::Text,
            other => other,
        };
        let is_live = format == Format::Text && io::stderr().is_terminal() && !is_dumb();
        Self {
            format,
            out_colors: wants_colors(color, io::stdout().is_terminal()),
            err_colors: wants_colors(color, io::stderr().is_terminal()),
            live: if is_live { spinner() } else { ProgressBar::hidden() },
            pen: OnceLock::new(),
            is_unread: AtomicBool::new(false),
        }
    }

    /// Whether people read this rather than programs.
    pub(crate) fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// Whether there is a line that can be redrawn.
    pub(crate) fn is_live(&self) -> bool {
        !self.live.is_hidden()
    }

    /// From here on nobody who does not read holds this program up. On a terminal there is always somebody.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(crate) fn go_on_unread(&self) -> io::Result<()> {
        if !self.is_live() && self.pen.get().is_none() {
            let _ = self.pen.set(Pen::start()?);
        }
        Ok(())
    }

    /// Whether what can be done without may be said now.
    pub(crate) fn has_room(&self) -> bool {
        self.pen.get().is_none_or(Pen::has_room)
    }

    /// Waits for what is still to be written, but not for ever for somebody who does not read it.
    pub(crate) fn finish(&self, limit: Duration) {
        if let Some(pen) = self.pen.get() {
            pen.finish(limit);
        }
    }

    /// Whether the standard output was closed by its reader.
    pub(crate) fn is_unread(&self) -> bool {
        self.is_unread.load(Ordering::Relaxed)
    }

    /// Columns of the terminal that results go to, if they do.
    pub(crate) fn width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.map(|(width, _)| usize::from(width.0))
    }

    /// Columns of the terminal that everything beside results goes to.
    pub(crate) fn side_width(&self) -> Option<usize> {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map(|(width, _)| usize::from(width.0))
    }

    /// Bytes that somebody sent: as they are into a file or a pipe, as text to a terminal.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        if io::stdout().is_terminal() {
            let text = style::block(&String::from_utf8_lossy(bytes));
            swallow(
                io::stdout().lock(),
                ended(&style::render(&text, false)).as_bytes(),
            );
        } else {
            self.raw(bytes);
        }
    }

    /// A result: `text` for people, `document` for programs.
    pub(crate) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Text | Format::Har | Format::Curl => self.line(&text()),
            Format::Json => self.write_out(&json(serde_json::to_string_pretty(document))),
            Format::Yaml => self.write_out(&yaml(document)),
        }
    }

    /// One of several results: a line of JSON, or a document of YAML. People get nothing.
    pub(crate) fn event(&self, event: &impl Serialize) {
        match self.format {
            Format::Text | Format::Har | Format::Curl => {}
            Format::Json => self.write_out(&json(serde_json::to_string(event))),
            Format::Yaml => self.write_out(&format!("---\n{}", yaml(event))),
        }
    }

    /// A line of the result for people.
    pub(crate) fn line(&self, text: &str) {
        if self.is_text() {
            self.write_out(&style::render(text, self.out_colors));
        }
    }

    /// Something beside the result, for people.
    pub(crate) fn note(&self, text: &str) {
        if self.is_text() {
            self.write_err(&style::render(text, self.err_colors));
        }
    }

    /// Replaces the live line; nothing where there is none.
    pub(crate) fn live(&self, text: &str) {
        if self.is_live() {
            self.live.enable_steady_tick(TICK);
            self.live.set_message(style::render(text, self.err_colors));
        }
    }

    /// Takes the live line away.
    pub(crate) fn still(&self) {
        if self.is_live() {
            self.live.disable_steady_tick();
            self.live.set_message("");
            self.live.finish_and_clear();
            self.live.reset();
        }
    }

    /// An error, with its causes and what to do.
    pub(crate) fn failure(&self, failure: &Failure) {
        self.still();
        match self.format {
            Format::Text | Format::Har | Format::Curl => {
                self.write_err(&style::render(&failure.text(), self.err_colors));
            }
            Format::Json => self.write_err(&json(serde_json::to_string(&failure.document()))),
            Format::Yaml => self.write_err(&yaml(&failure.document())),
        }
    }

    /// What clap wants to say: help and version.
    pub(crate) fn clap(&self, message: &clap::Error) {
        // It writes with the terminal's abilities; a closed pipe is not worth a word.
        let _ = message.print();
    }

    /// Bytes as they are, such as a script.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        if !swallow(io::stdout().lock(), bytes) {
            self.is_unread.store(true, Ordering::Relaxed);
        }
    }

    /// A writer for log lines that keeps them off the live line.
    pub(crate) fn log_writer(&self) -> LogWriter {
        LogWriter(self.live.clone())
    }

    fn write_out(&self, text: &str) {
        let text = ended(text);
        match self.pen.get() {
            Some(pen) => pen.write(To::Out, text.into_bytes()),
            None => self.live.suspend(|| {
                if !swallow(io::stdout().lock(), text.as_bytes()) {
                    self.is_unread.store(true, Ordering::Relaxed);
                }
            }),
        }
    }

    fn write_err(&self, text: &str) {
        let text = ended(text);
        match self.pen.get() {
            Some(pen) => pen.write(To::Err, text.into_bytes()),
            None => self.live.suspend(|| {
                swallow(io::stderr().lock(), text.as_bytes());
            }),
        }
    }
}

/// Writes log lines to the standard error.
#[derive(Clone)]
pub(crate) struct LogWriter(ProgressBar);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| {
            swallow(io::stderr().lock(), bytes);
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether somebody took it.
fn swallow(mut to: impl Write, bytes: &[u8]) -> bool {
    to.write_all(bytes).and_then(|()| to.flush()).is_ok()
}

fn ended(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

fn json(text: serde_json::Result<String>) -> String {
    text.expect("results must be representable as JSON")
}

fn yaml(document: &impl Serialize) -> String {
    // Through JSON's model, so that both forms hold the same keys.
    let value = serde_json::to_value(document).expect("results must be representable as JSON");
    serde_saphyr::to_string(&value).expect("JSON must be representable as YAML")
}

fn wants_colors(color: Color, is_terminal: bool) -> bool {
    let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && !is_refused && !is_dumb(),
    }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let shape = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template must be valid");
    bar.set_style(shape);
    bar
}
