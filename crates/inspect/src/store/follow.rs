//! What is new, for those who follow, in this process or another.

use serde::{Deserialize, Serialize};

use super::{Gap, Store, StoreError, tried, unpacked, unpacked_gap};
use crate::exchange::{ExchangeId, Moment, Summary};
use crate::filter::{Filter, Ready};

/// Up to where somebody has seen the store. Grows with every write.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub(super) i64);

/// What was written after a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// In the order of writing. One that was written again comes again, and one that passes no longer does not.
    pub summaries: Vec<Summary>,
    /// What was not recorded.
    pub gaps: Vec<Gap>,
    /// What to ask with next.
    pub version: Version,
    /// Whether there is more already.
    pub is_more: bool,
}

impl Store {
    /// Where the store is. Costs microseconds: asking this is how to learn that something is new.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn version(&self) -> Result<Version, StoreError> {
        self.connection
            .query_row("SELECT version FROM meta", [], |row| row.get(0).map(Version))
            .map_err(tried("follow"))
    }

    /// What was written since and passes `filter` at `now`, of the next `limit` writes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn changed_since(
        &self,
        since: Version,
        filter: &Filter,
        now: Moment,
        limit: usize,
    ) -> Result<Changes, StoreError> {
        let following = "follow";
        // One moment for all three questions.
        let reading = self
            .connection
            .unchecked_transaction()
            .map_err(tried(following))?;
        let newest = self.version()?;
        let needs_bodies = filter.ready().terms().into_iter().any(Ready::needs_bodies);
        let bodies = if needs_bodies {
            "request, response"
        } else {
            "x'', x''"
        };
        let sql = format!(
            "SELECT began, pinned, head, {bodies}, id, version FROM exchange WHERE version > ? ORDER BY version LIMIT ?"
        );
        let mut select = self.connection.prepare(&sql).map_err(tried(following))?;
        let limit = i64::try_from(limit.max(1)).unwrap_or(i64::MAX);
        let mut rows = select.query((since.0, limit)).map_err(tried(following))?;
        let (mut summaries, mut seen, mut last) = (Vec::new(), 0, since.0);
        while let Some(row) = rows.next().map_err(tried(following))? {
            let id: i64 = row.get(5).map_err(tried(following))?;
            last = row.get(6).map_err(tried(following))?;
            seen += 1;
            let exchange = unpacked(ExchangeId(id.cast_unsigned()), row)?;
            let passes = filter.matches(&exchange, now, &*self.bodies);
            summaries.extend(passes.then(|| exchange.summary()));
        }
        let is_more = seen == limit;
        let version = if is_more { Version(last) } else { newest };
        let gaps = self.gaps_between(since, version).map_err(tried(following))?;
        drop(rows);
        drop(select);
        reading.finish().map_err(tried(following))?;
        Ok(Changes {
            summaries,
            gaps,
            version,
            is_more,
        })
    }

    fn gaps_between(&self, since: Version, until: Version) -> rusqlite::Result<Vec<Gap>> {
        let sql = "SELECT packed FROM gap WHERE version > ? AND version <= ? ORDER BY version";
        let mut select = self.connection.prepare(sql)?;
        let rows = select.query_map((since.0, until.0), unpacked_gap)?;
        rows.collect()
    }
}
