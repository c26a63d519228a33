//! What changes the store.

use std::ops::Range;

use rusqlite::{Statement, Transaction, TransactionBehavior, params};

use super::{Gap, Limits, Store, StoreError, index, row, tried};
use crate::exchange::{Exchange, ExchangeId};
use crate::filter::outcome_word;

/// What a row takes beside what is in it: columns, index entries, its part of a page.
const ROW_BYTES: i64 = 320;
/// Exchanges that one write removes at most, beside as many as it brought: it stays short.
const EVICTED: usize = 256;
/// Older gaps are forgotten.
pub(super) const MOST_GAPS: usize = 10_000;
/// Exchanges removed by one transaction when all go.
const CLEARED: usize = 1000;

/// The counts that every write keeps.
struct Meta {
    version: i64,
    count: i64,
    bytes: i64,
}

impl Store {
    /// Takes `count` numbers for exchanges, which no other process gets.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn numbers(&mut self, count: u64) -> Result<Range<u64>, StoreError> {
        let sql = "UPDATE meta SET number = number + ?1 RETURNING number";
        let after: i64 = self
            .connection
            .query_row(sql, [count.min(1 << 32).cast_signed()], |row| row.get(0))
            .map_err(tried("take numbers"))?;
        let after = after.cast_unsigned();
        Ok(after - count.min(1 << 32)..after)
    }

    /// Writes exchanges, in place of what has their numbers, and makes room for them. What is pinned stays so.
    ///
    /// # Errors
    /// When the file cannot be written; then none of them is.
    pub fn put(&mut self, exchanges: &[Exchange]) -> Result<(), StoreError> {
        let heads = exchanges
            .iter()
            .map(|exchange| row::pack(exchange).map_err(|source| (exchange.id, source)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|(id, source)| StoreError::Pack { id, source })?;
        let limits = self.limits;
        self.write("record requests", |write, meta| {
            insert(write, meta, exchanges, &heads)?;
            evict(write, meta, limits, exchanges.len() + EVICTED)
        })
    }

    /// Pins an exchange or lets it go; whether it is there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn pin(&mut self, id: ExchangeId, is_pinned: bool) -> Result<bool, StoreError> {
        self.write("pin a request", |write, meta| {
            meta.version += 1;
            let sql = "UPDATE exchange SET pinned = ?2, version = ?3 WHERE id = ?1";
            let changed = write.execute(sql, (id.0.cast_signed(), is_pinned, meta.version))?;
            Ok(changed > 0)
        })
    }

    /// Removes exchanges, pinned ones too; how many there were.
    ///
    /// # Errors
    /// When the file cannot be written; then none is removed.
    pub fn delete(&mut self, ids: &[ExchangeId]) -> Result<usize, StoreError> {
        self.write("delete requests", |write, meta| {
            let before = meta.count;
            let mut delete = write.prepare(DELETE)?;
            for id in ids {
                remove(&mut delete, meta, id.0.cast_signed())?;
            }
            Ok(usize::try_from(before - meta.count).unwrap_or_default())
        })
    }

    /// Removes everything, or everything that is not pinned, and the gaps; how many exchanges there were.
    ///
    /// # Errors
    /// When the file cannot be written; some may be removed then.
    pub fn clear(&mut self, also_pinned: bool) -> Result<usize, StoreError> {
        // What is recorded meanwhile stays: otherwise this might never end.
        let last = self.version()?.0;
        let mut all = 0;
        loop {
            let some = self.write("delete requests", |write, meta| {
                let sql = "SELECT id FROM exchange WHERE version <= ?1 AND (?2 OR pinned = 0) LIMIT ?3";
                let mut select = write.prepare(sql)?;
                let ids = select
                    .query_map((last, also_pinned, CLEARED as i64), |row| row.get(0))?
                    .collect::<Result<Vec<i64>, _>>()?;
                let mut delete = write.prepare(DELETE)?;
                ids.iter().try_for_each(|id| remove(&mut delete, meta, *id))?;
                Ok(ids.len())
            })?;
            all += some;
            if some < CLEARED {
                break;
            }
        }
        self.write("delete gaps", |write, _| {
            write.execute("DELETE FROM gap WHERE version <= ?", [last])
        })?;
        Ok(all)
    }

    /// Notes what was not recorded.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        let packed = serde_json::to_string(gap)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
            .map_err(tried("note a gap"))?;
        self.write("note a gap", |write, meta| {
            meta.version += 1;
            write.execute(
                "INSERT INTO gap VALUES (?, ?, ?, ?)",
                (meta.version, gap.from.0, gap.to.0, packed),
            )?;
            let sql = "DELETE FROM gap WHERE version <= (SELECT version FROM gap ORDER BY version DESC LIMIT 1 OFFSET ?)";
            write.execute(sql, [MOST_GAPS as i64]).map(drop)
        })
    }

    /// One transaction, with the counts read before and written after.
    fn write<T>(
        &mut self,
        what: &'static str,
        change: impl FnOnce(&Transaction<'_>, &mut Meta) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(tried(what))?;
        let done = (|| {
            let mut meta = transaction.query_row("SELECT version, count, bytes FROM meta", [], |row| {
                Ok(Meta {
                    version: row.get(0)?,
                    count: row.get(1)?,
                    bytes: row.get(2)?,
                })
            })?;
            let done = change(&transaction, &mut meta)?;
            transaction.execute(
                "UPDATE meta SET version = ?, count = ?, bytes = ?",
                (meta.version, meta.count, meta.bytes),
            )?;
            transaction.commit()?;
            Ok(done)
        })();
        done.map_err(tried(what))
    }
}

fn insert(
    write: &Transaction<'_>,
    meta: &mut Meta,
    exchanges: &[Exchange],
    heads: &[Vec<u8>],
) -> rusqlite::Result<()> {
    let mut old = write.prepare("SELECT bytes, pinned FROM exchange WHERE id = ?")?;
    let mut insert =
        write.prepare("INSERT OR REPLACE INTO exchange VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?;
    for (exchange, head) in exchanges.iter().zip(heads) {
        let id = exchange.id.0.cast_signed();
        let mut was_pinned = false;
        if let Some(row) = old.query([id])?.next()? {
            meta.bytes -= row.get::<_, i64>(0)?;
            meta.count -= 1;
            was_pinned = row.get(1)?;
        }
        let request = &exchange.request.message.body;
        let response = exchange.response.as_ref().map(|response| &response.message.body);
        let response_bytes = response.map_or(&[][..], |body| &body.bytes);
        let bytes = (head.len() + request.bytes.len() + response_bytes.len()) as i64 + ROW_BYTES;
        meta.version += 1;
        meta.count += 1;
        meta.bytes += bytes;
        insert.execute(params![
            id,
            meta.version,
            exchange.began.0,
            was_pinned || exchange.tags.pinned,
            exchange.response.as_ref().map(|response| response.status),
            exchange.times.last_byte.map(u64::cast_signed),
            request.size.cast_signed(),
            response.map_or(0, |body| body.size).cast_signed(),
            outcome_word(&exchange.outcome),
            exchange.request.method.as_bytes(),
            exchange.place.service,
            exchange.place.namespace,
            bytes,
            head,
            request.bytes,
            response_bytes,
        ])?;
    }
    Ok(())
}

const DELETE: &str = "DELETE FROM exchange WHERE id = ? RETURNING bytes";

fn remove(delete: &mut Statement<'_>, meta: &mut Meta, id: i64) -> rusqlite::Result<()> {
    let mut rows = delete.query([id])?;
    while let Some(row) = rows.next()? {
        meta.bytes -= row.get::<_, i64>(0)?;
        meta.count -= 1;
    }
    Ok(())
}

/// Removes the oldest that are not pinned until the limits hold again, or `most` are gone.
fn evict(write: &Transaction<'_>, meta: &mut Meta, limits: Limits, most: usize) -> rusqlite::Result<()> {
    let limit = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (bytes, count) = (limit(limits.bytes), limit(limits.count));
    if meta.bytes <= bytes && meta.count <= count {
        return Ok(());
    }
    let mut oldest = write.prepare("SELECT id FROM exchange WHERE pinned = 0 ORDER BY began, id LIMIT ?")?;
    let ids = oldest
        .query_map([most as i64], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    let mut delete = write.prepare(DELETE)?;
    for id in ids {
        if meta.bytes <= bytes && meta.count <= count {
            break;
        }
        remove(&mut delete, meta, id)?;
    }
    meta.bytes -= index::drop_oldest(write)?;
    Ok(())
}
