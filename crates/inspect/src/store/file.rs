//! The file: opened, made, brought up to date, or set aside.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{SetAside, StoreError};

const NAME: &str = "exchanges.db";
/// Says whose file it is: "icpt".
const OURS: i32 = 0x6963_7074;
/// Another process writes for milliseconds at a time.
const PATIENCE: Duration = Duration::from_secs(10);

/// One statement list for each step from an older form to the next; the first makes a new file.
const STEPS: &[&str] = &["
    CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, number INTEGER NOT NULL,
        count INTEGER NOT NULL, bytes INTEGER NOT NULL, sieved INTEGER NOT NULL);
    INSERT INTO meta VALUES (1, 0, 1, 0, 0, 0);
    CREATE TABLE exchange (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, began INTEGER NOT NULL,
        pinned INTEGER NOT NULL, status INTEGER, took INTEGER, request_size INTEGER NOT NULL,
        response_size INTEGER NOT NULL, outcome TEXT NOT NULL, method BLOB NOT NULL, service TEXT NOT NULL,
        namespace TEXT NOT NULL, bytes INTEGER NOT NULL, head BLOB NOT NULL, request BLOB NOT NULL, response BLOB NOT NULL);
    CREATE UNIQUE INDEX exchange_version ON exchange (version);
    CREATE INDEX exchange_listed ON exchange (began, id, version, pinned, status, took, request_size, response_size,
        outcome, method, service, namespace);
    CREATE TABLE sieve_block (block INTEGER PRIMARY KEY, edition INTEGER NOT NULL, width INTEGER NOT NULL, bytes INTEGER NOT NULL);
    CREATE TABLE sieve (piece INTEGER PRIMARY KEY, bits BLOB NOT NULL);
    CREATE TABLE gap (version INTEGER PRIMARY KEY, from_moment INTEGER NOT NULL, to_moment INTEGER NOT NULL, packed TEXT NOT NULL);
    CREATE INDEX gap_moment ON gap (from_moment);
"];

/// The store's file in `directory`, ready for use.
pub(super) fn open(directory: &Path) -> Result<(Connection, Option<SetAside>), StoreError> {
    let path = directory.join(NAME);
    let in_directory = |source| StoreError::Directory {
        path: directory.to_owned(),
        source,
    };
    fs::create_dir_all(directory).map_err(in_directory)?;
    // Who opens, opens alone: two that find a damaged file must not set aside each other's new one.
    let lock = private(&directory.join("exchanges.lock")).map_err(in_directory)?;
    lock.lock().map_err(in_directory)?;
    private(&path).map_err(in_directory)?;
    let why = match ready(&path) {
        Ok(connection) => return Ok((connection, None)),
        Err(Unfit::Strange(why)) => why,
        Err(Unfit::Newer(version)) => return Err(StoreError::Newer { path, version }),
        Err(Unfit::Failed(source)) => return Err(StoreError::Open { path, source }),
    };
    let kept = set_aside(&path).map_err(|source| StoreError::SetAside {
        path: path.clone(),
        why: why.clone(),
        source,
    })?;
    private(&path).map_err(in_directory)?;
    match ready(&path) {
        Ok(connection) => Ok((connection, Some(SetAside { kept, why }))),
        Err(Unfit::Failed(source)) => Err(StoreError::Open { path, source }),
        Err(Unfit::Strange(_) | Unfit::Newer(_)) => Err(StoreError::Changed { path }),
    }
}

/// Makes the file, if need be, readable to its owner alone. SQLite gives the files beside it the same mode.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

enum Unfit {
    /// Not a store, or no longer.
    Strange(String),
    Newer(i32),
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unfit {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Strange(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

fn ready(path: &Path) -> Result<Connection, Unfit> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    let number = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let (owner, version) = (number("application_id")?, number("user_version")?);
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    if owner != OURS && (owner != 0 || tables > 0) {
        return Err(Unfit::Strange("it is another program's database".to_owned()));
    }
    let done = usize::try_from(version).unwrap_or_default();
    if done > STEPS.len() {
        return Err(Unfit::Newer(version));
    }
    // Must be said before the first table is made. Freed pages can then be given back bit by bit.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;")?;
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432;
         PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;",
    )?;
    if done < STEPS.len() {
        let steps = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        STEPS[done..]
            .iter()
            .try_for_each(|step| steps.execute_batch(step))?;
        steps.pragma_update(None, "application_id", OURS)?;
        steps.pragma_update(None, "user_version", STEPS.len() as i64)?;
        steps.commit()?;
    }
    connection
        .query_row("SELECT version FROM meta", [], |row| row.get::<_, i64>(0))
        .map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Unfit::Strange("it has lost its first row".to_owned()),
            other => other.into(),
        })?;
    Ok(connection)
}

/// Gives it another name, and what belongs to it.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let beside = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let free = (1..).map(|number| beside(path, &format!(".set-aside-{number}")));
    let kept = free
        .take(10_000)
        .find(|kept| !kept.exists())
        .ok_or(std::io::ErrorKind::AlreadyExists)?;
    for end in ["-wal", "-shm"] {
        if beside(path, end).exists() {
            fs::rename(beside(path, end), beside(&kept, end))?;
        }
    }
    fs::rename(path, &kept)?;
    Ok(kept)
}
