//! The sieve, filled in idle moments and, a little at a time, between others.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::sieve::{self, BLOCK, Gather, Table};
use super::{Store, StoreError, tried, unpacked};
use crate::exchange::ExchangeId;
use crate::filter::Expr;

/// Pieces of different blocks have different keys.
const PIECES: i64 = 1 << 16;
/// Pages given back to the disk at once.
const PAGES: u32 = 256;

impl Store {
    /// Makes searches faster and the file smaller, for about as long as `budget`; whether nothing is left to do.
    /// Meant for moments in which little is recorded: one block is always finished, which takes longer than a small budget.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn index_some(&mut self, budget: Duration) -> Result<bool, StoreError> {
        let began = Instant::now();
        let mut gather = Gather::new();
        self.drop_stale().map_err(tried("index requests"))?;
        loop {
            if began.elapsed() >= budget {
                return Ok(false);
            }
            if !self.index_block(&mut gather)? {
                break;
            }
        }
        while self.give_back().map_err(tried("give back space"))? {
            if began.elapsed() >= budget {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether there was a block to index.
    fn index_block(&mut self, gather: &mut Gather) -> Result<bool, StoreError> {
        let indexing = "index requests";
        let sql = "SELECT sieved, version FROM meta";
        let (block, version): (i64, i64) = self
            .connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(tried(indexing))?;
        if version < last_of(block) {
            return Ok(false);
        }
        let triples = self.triples(block, gather)?;
        let table = (!triples.is_empty()).then(|| Table::new(&triples));
        let edition = self.bodies.edition();
        self.connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|write| keep(&write, block, table.as_ref(), edition).and_then(|()| write.commit()))
            .map_err(tried(indexing))?;
        Ok(true)
    }

    fn triples(&self, block: i64, gather: &mut Gather) -> Result<Vec<(usize, sieve::Triples)>, StoreError> {
        let indexing = "index requests";
        let sql = "SELECT began, pinned, head, request, response, id, version FROM exchange WHERE version BETWEEN ? AND ?";
        let mut select = self.connection.prepare(sql).map_err(tried(indexing))?;
        let mut rows = select
            .query((first_of(block), last_of(block)))
            .map_err(tried(indexing))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(tried(indexing))? {
            let id: i64 = row.get(5).map_err(tried(indexing))?;
            let version: i64 = row.get(6).map_err(tried(indexing))?;
            let place = usize::try_from(version - first_of(block)).unwrap_or_default();
            // A damaged one is a candidate always, so that whoever meets it says so.
            let triples = match unpacked(ExchangeId(id.cast_unsigned()), row) {
                Ok(exchange) => gather.triples(&exchange, &*self.bodies),
                Err(_) => sieve::Triples::All,
            };
            found.push((place, triples));
        }
        Ok(found)
    }

    /// Blocks made by another reading of bodies are made again.
    fn drop_stale(&mut self) -> rusqlite::Result<()> {
        let edition = self.bodies.edition();
        let sql = "SELECT block FROM sieve_block WHERE edition <> ? ORDER BY block";
        let stale = {
            let mut select = self.connection.prepare(sql)?;
            let rows = select.query_map([edition], |row| row.get::<_, i64>(0))?;
            rows.collect::<Result<Vec<_>, _>>()?
        };
        let Some(first) = stale.first() else { return Ok(()) };
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let freed = stale
            .iter()
            .map(|block| drop_block(&write, *block))
            .sum::<rusqlite::Result<i64>>()?;
        let sql = "UPDATE meta SET bytes = bytes - ?, sieved = min(sieved, ?)";
        write.execute(sql, (freed, first))?;
        write.commit()
    }

    /// Drops a block of which nothing is left, or else gives free pages back; whether there was something.
    fn give_back(&mut self) -> rusqlite::Result<bool> {
        let write = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let sql = "SELECT block FROM sieve_block WHERE NOT EXISTS (SELECT 1 FROM exchange
            WHERE version BETWEEN block * ?1 + 1 AND (block + 1) * ?1) LIMIT 1";
        let dead = write
            .query_row(sql, [BLOCK.cast_signed()], |row| row.get(0))
            .optional()?;
        if let Some(block) = dead {
            let freed = drop_block(&write, block)?;
            write.execute("UPDATE meta SET bytes = bytes - ?", [freed])?;
            write.commit()?;
            return Ok(true);
        }
        drop(write);
        let pages = |connection: &Connection, name: &str| {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, u32>(0))
        };
        // Some room is left for what comes next.
        let (free, all) = (
            pages(&self.connection, "freelist_count")?,
            pages(&self.connection, "page_count")?,
        );
        if free <= (all / 8).max(4 * PAGES) {
            return Ok(false);
        }
        let mut vacuum = self
            .connection
            .prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        Ok(true)
    }
}

/// Versions begin with 1.
fn first_of(block: i64) -> i64 {
    block * BLOCK.cast_signed() + 1
}

fn last_of(block: i64) -> i64 {
    (block + 1) * BLOCK.cast_signed()
}

/// Which block a version is in, and where.
pub(super) fn place(version: i64) -> (i64, usize) {
    let zero_based = version.max(1) - 1;
    let place = zero_based % BLOCK.cast_signed();
    (
        zero_based / BLOCK.cast_signed(),
        usize::try_from(place).unwrap_or_default(),
    )
}

fn keep(write: &Transaction<'_>, block: i64, table: Option<&Table>, edition: u32) -> rusqlite::Result<()> {
    let taken = write.execute("UPDATE meta SET sieved = ?1 + 1 WHERE sieved = ?1", [block])?;
    let Some(table) = table.filter(|_| taken > 0) else {
        return Ok(());
    };
    let mut insert = write.prepare("INSERT OR REPLACE INTO sieve VALUES (?, ?)")?;
    let mut bytes = 0;
    for (number, piece) in (block * PIECES..).zip(table.pieces()) {
        insert.execute((number, piece))?;
        bytes += piece.len() as i64;
    }
    bytes -= drop_row(write, block)?;
    let sql = "INSERT INTO sieve_block VALUES (?, ?, ?, ?)";
    write.execute(sql, (block, edition, table.width, bytes))?;
    write
        .execute("UPDATE meta SET bytes = bytes + ?", [bytes])
        .map(drop)
}

/// Those of a block that may have what is wanted; `None`, any of them, where the sieve does not know the block.
pub(super) fn candidates(
    connection: &Connection,
    block: i64,
    edition: u32,
    wanted: &Expr<Vec<u16>>,
) -> rusqlite::Result<Option<sieve::Candidates>> {
    let sql = "SELECT width FROM sieve_block WHERE block = ? AND edition = ?";
    let width: Option<u8> = connection
        .prepare(sql)?
        .query_row((block, edition), |row| row.get(0))
        .optional()?;
    let Some(width) = width else { return Ok(None) };
    let mut select = connection.prepare("SELECT bits FROM sieve WHERE piece = ?")?;
    sieve::sifted(wanted, &mut |hashes| {
        let mut kept = sieve::Candidates::new();
        for hash in hashes {
            let row = sieve::row(*hash, width);
            let mut rows = select.query([block * PIECES + (row / sieve::ROWS) as i64])?;
            if let Some(found) = rows.next()? {
                sieve::keep(&mut kept, found.get_ref(0)?.as_blob()?, row);
            }
        }
        Ok((!kept.is_empty()).then_some(kept))
    })
}

/// Drops the oldest block if nothing of it is left; how many bytes that were.
pub(super) fn drop_oldest(write: &Transaction<'_>) -> rusqlite::Result<i64> {
    let oldest: Option<i64> = write.query_row("SELECT min(block) FROM sieve_block", [], |row| row.get(0))?;
    let Some(block) = oldest else { return Ok(0) };
    let sql = "SELECT EXISTS (SELECT 1 FROM exchange WHERE version BETWEEN ? AND ?)";
    let is_alive: bool = write.query_row(sql, (first_of(block), last_of(block)), |row| row.get(0))?;
    if is_alive { Ok(0) } else { drop_block(write, block) }
}

fn drop_block(write: &Transaction<'_>, block: i64) -> rusqlite::Result<i64> {
    let sql = "DELETE FROM sieve WHERE piece BETWEEN ? AND ?";
    write.execute(sql, (block * PIECES, (block + 1) * PIECES - 1))?;
    drop_row(write, block)
}

fn drop_row(write: &Transaction<'_>, block: i64) -> rusqlite::Result<i64> {
    let sql = "DELETE FROM sieve_block WHERE block = ? RETURNING bytes";
    let bytes: Option<i64> = write.query_row(sql, [block], |row| row.get(0)).optional()?;
    Ok(bytes.unwrap_or_default())
}
