//! Recorded exchanges on disk: one file for all of a user's processes, bounded, searched.
//!
//! ```text
//! put ──► exchange rows ──► find ◄── Filter: index columns first, then the sieve, the exchange itself last
//!              └── index_some, in idle moments ──► sieve
//! ```
//!
//! Every write gets the exchange a new version. Versions only grow, so they say what is new to a follower and what the
//! sieve does not know yet. A number that was evicted is gone; followers are not told.
//!
//! Deliberately absent: threads, a clock, and reading of bodies (a [`Readable`] does). Calls block, for as long as another
//! process writes; all of them are short but for a search, which can be cancelled. Nothing of a body is ever logged.

mod file;
mod find;
mod follow;
mod index;
mod row;
mod sieve;
#[cfg(test)]
mod tests;
mod write;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

pub use find::{Cursor, Found, Page};
pub use follow::{Changes, Version};

use crate::exchange::{Exchange, ExchangeId, Moment, Place};
use crate::filter::Readable;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of bodies, heads and index.
    pub bytes: u64,
    /// Exchanges.
    pub count: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            count: 100_000,
        }
    }
}

/// Recorded exchanges on disk. Not shared between threads: each opens its own.
pub struct Store {
    connection: Connection,
    limits: Limits,
    bodies: Arc<dyn Readable>,
    set_aside: Option<SetAside>,
}

/// A file that could not be used, kept under another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub kept: PathBuf,
    /// What was wrong with it.
    pub why: String,
}

/// Exchanges that passed and were not recorded.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// Whose they were.
    pub place: Place,
    /// When the first began.
    pub from: Moment,
    /// When the last began.
    pub to: Moment,
    /// How many.
    pub exchanges: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Why they are missing.
    pub why: String,
}

/// How full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// As [`Limits::bytes`] counts.
    pub bytes: u64,
    /// Exchanges.
    pub count: u64,
    /// When the oldest began.
    pub oldest: Option<Moment>,
    /// Bytes of the file, with what is free in it.
    pub file: u64,
}

/// Which of an exchange's two bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What was asked.
    Request,
    /// What was answered.
    Response,
}

/// Why the store did not do what it should.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("cannot prepare {path} for recorded requests: check that it is yours to write")]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("cannot open {path}, the recorded requests")]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error(
        "{path} was written by a newer version of this program (form {version}): use that one, or move the file away"
    )]
    Newer { path: PathBuf, version: i32 },
    #[error("{path} cannot be used ({why}), nor be given another name: move it away")]
    SetAside {
        path: PathBuf,
        why: String,
        source: std::io::Error,
    },
    #[error("{path} was replaced by something else while it was opened: try again")]
    Changed { path: PathBuf },
    #[error("cannot {what} in the recorded requests")]
    Sql {
        what: &'static str,
        source: rusqlite::Error,
    },
    #[error("cannot pack request {id} to record it")]
    Pack {
        id: ExchangeId,
        source: rmp_serde::encode::Error,
    },
    #[error("request {id} is damaged in the file: delete it, or start the file anew")]
    Unpack {
        id: ExchangeId,
        source: rmp_serde::decode::Error,
    },
}

impl StoreError {
    /// What the user can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Newer { .. } => "Use the newer version of this program, or move the file away.",
            Self::Directory { .. } | Self::Open { .. } => {
                "Check that the folder is yours and that the disk has room."
            }
            _ => "Try again; if it stays, move the file away: it is begun anew.",
        }
    }
}

/// Names what was tried.
fn tried(what: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Sql { what, source }
}

impl Store {
    /// Opens the store in `directory`, or makes it. A file that is damaged or not a store is kept under another name,
    /// see [`Store::set_aside`].
    ///
    /// # Errors
    /// When the directory or file cannot be used, or the file is of a newer form.
    pub fn open(directory: &Path, limits: Limits, bodies: Arc<dyn Readable>) -> Result<Self, StoreError> {
        let (connection, set_aside) = file::open(directory)?;
        Ok(Self {
            connection,
            limits,
            bodies,
            set_aside,
        })
    }

    /// What opening found in the file's place, if that could not be used.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// An exchange with its bodies.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, id: ExchangeId) -> Result<Option<Exchange>, StoreError> {
        let reading = "read a request";
        let sql = "SELECT began, pinned, head, request, response FROM exchange WHERE id = ?";
        let mut statement = self.connection.prepare(sql).map_err(tried(reading))?;
        let mut rows = statement.query([id.0.cast_signed()]).map_err(tried(reading))?;
        match rows.next().map_err(tried(reading))? {
            Some(row) => unpacked(id, row).map(Some),
            None => Ok(None),
        }
    }

    /// Bytes of a body, as far as they are there; nothing if the exchange is not.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn body(&self, id: ExchangeId, half: Half, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        let column = match half {
            Half::Request => "request",
            Half::Response => "response",
        };
        let (start, length) = (
            range.start.saturating_add(1),
            range.end.saturating_sub(range.start),
        );
        let most = i64::MAX.cast_unsigned();
        self.connection
            .query_row(
                &format!("SELECT substr({column}, ?2, ?3) FROM exchange WHERE id = ?1"),
                (
                    id.0.cast_signed(),
                    start.min(most).cast_signed(),
                    length.min(most).cast_signed(),
                ),
                |row| row.get(0),
            )
            .optional()
            .map_err(tried("read a body"))
    }

    /// How full it is.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let sql = "SELECT bytes, count, (SELECT min(began) FROM exchange),
            (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size) FROM meta";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Usage {
                bytes: row.get::<_, i64>(0)?.max(0).cast_unsigned(),
                count: row.get::<_, i64>(1)?.max(0).cast_unsigned(),
                oldest: row.get::<_, Option<i64>>(2)?.map(Moment),
                file: row.get::<_, i64>(3)?.cast_unsigned(),
            })
        };
        self.connection
            .query_row(sql, [], read)
            .map_err(tried("see how much there is"))
    }

    /// Gaps that lie, even in part, between two moments: the latest first, at most `most`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn gaps(&self, from: Moment, to: Moment, most: usize) -> Result<Vec<Gap>, StoreError> {
        let sql = "SELECT packed FROM gap WHERE from_moment <= ?2 AND to_moment >= ?1 ORDER BY from_moment DESC LIMIT ?3";
        let reading = "read gaps";
        let mut statement = self.connection.prepare(sql).map_err(tried(reading))?;
        let rows = statement
            .query_map((from.0, to.0, most.min(write::MOST_GAPS) as i64), unpacked_gap)
            .map_err(tried(reading))?;
        rows.collect::<Result<_, _>>().map_err(tried(reading))
    }
}

/// From `began, pinned, head, request, response`.
fn unpacked(id: ExchangeId, row: &rusqlite::Row<'_>) -> Result<Exchange, StoreError> {
    let read = || {
        let blob = |column| {
            row.get_ref(column)
                .map(|value| value.as_blob().unwrap_or_default())
        };
        Ok((row.get(0)?, row.get(1)?, blob(2)?, blob(3)?, blob(4)?))
    };
    let (began, is_pinned, head, request, response) = read().map_err(tried("read a request"))?;
    row::unpack(id, Moment(began), is_pinned, head, (request, response))
        .map_err(|source| StoreError::Unpack { id, source })
}

fn unpacked_gap(row: &rusqlite::Row<'_>) -> rusqlite::Result<Gap> {
    let packed = row.get_ref(0)?.as_str()?;
    serde_json::from_str(packed).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}
