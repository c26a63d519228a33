//! What a filter lets pass, the newest first.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Row, Statement};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, index, sieve, tried, unpacked};
use crate::exchange::{ExchangeId, Moment, Summary};
use crate::filter::{Check, Expr, Field, Filter, Ready};

/// Where a page ended.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// When the last one looked at began.
    pub began: Moment,
    /// Its number.
    pub id: ExchangeId,
}

/// Which part of what is found.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Older than this; from the newest on without it.
    pub before: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The newest first.
    pub summaries: Vec<Summary>,
    /// Where the search ended before the oldest exchange: because the page is full, or it was cancelled.
    pub next: Option<Cursor>,
    /// How many exchanges were looked at, if only in the index.
    pub looked_at: u64,
}

impl Found {
    /// Whether there is nothing older to look at.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }
}

/// The columns of the index, in their order.
const LISTED: &str = "began, id, version, pinned, status, took, request_size, response_size, outcome, method, service, namespace";
const WITH_BODIES: &str = "SELECT began, pinned, head, request, response FROM exchange WHERE id = ?";
const WITHOUT: &str = "SELECT began, pinned, head, x'', x'' FROM exchange WHERE id = ?";

impl Store {
    /// What `filter` lets pass at `now`, the newest first. Ends soon after `cancel` is set, with what it has.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(
        &self,
        filter: &Filter,
        page: Page,
        now: Moment,
        cancel: &AtomicBool,
    ) -> Result<Found, StoreError> {
        let mut search = Search::new(self, filter, now)?;
        let (oldest, newest) = span(filter.ready(), now);
        let before = page.before.map_or((i64::MAX, i64::MAX), |cursor| {
            (cursor.began.0, cursor.id.0.cast_signed())
        });
        let sql = format!(
            "SELECT {LISTED} FROM exchange INDEXED BY exchange_listed
             WHERE (began, id) < (?1, ?2) AND began BETWEEN ?3 AND ?4 ORDER BY began DESC, id DESC"
        );
        let mut statement = self.connection.prepare(&sql).map_err(tried(SEARCHING))?;
        let mut rows = statement
            .query((before.0, before.1, oldest, newest))
            .map_err(tried(SEARCHING))?;
        let mut found = Found {
            summaries: Vec::new(),
            next: None,
            looked_at: 0,
        };
        let mut last = page.before;
        while let Some(row) = rows.next().map_err(tried(SEARCHING))? {
            if found.summaries.len() >= page.limit || cancel.load(Ordering::Relaxed) {
                // Cancelled before the first: the page begins where it was to begin.
                found.next = Some(last.unwrap_or(Cursor {
                    began: Moment(i64::MAX),
                    id: ExchangeId(i64::MAX as u64),
                }));
                break;
            }
            let listed = Listed::read(row).map_err(tried(SEARCHING))?;
            found.looked_at += 1;
            last = Some(listed.cursor());
            found.summaries.extend(search.look(&listed)?);
        }
        Ok(found)
    }
}

const SEARCHING: &str = "search";

/// One row of the index.
struct Listed<'a> {
    row: &'a Row<'a>,
    began: i64,
    id: i64,
    version: i64,
}

impl<'a> Listed<'a> {
    fn read(row: &'a Row<'a>) -> rusqlite::Result<Self> {
        Ok(Self {
            row,
            began: row.get(0)?,
            id: row.get(1)?,
            version: row.get(2)?,
        })
    }

    fn cursor(&self) -> Cursor {
        Cursor {
            began: Moment(self.began),
            id: ExchangeId(self.id.cast_unsigned()),
        }
    }

    fn number(&self, column: usize) -> Option<u64> {
        self.row
            .get::<_, Option<i64>>(column)
            .ok()?
            .map(i64::cast_unsigned)
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.row.get_ref(column).ok()?.as_bytes().ok()
    }

    /// What the index alone can say.
    fn holds(&self, term: &Ready, now: Moment) -> Option<bool> {
        Some(match term.field {
            Field::Id => term.has_number(Some(self.id.cast_unsigned())),
            Field::Status => term.has_number(self.number(4)),
            Field::Took => term.has_number(self.number(5)),
            Field::RequestSize => term.has_number(self.number(6)),
            Field::ResponseSize => term.has_number(self.number(7)),
            Field::Size => term.has_number(Some(self.number(6)?.saturating_add(self.number(7)?))),
            Field::Since | Field::Before => term.has_moment(Moment(self.began), now),
            Field::Method => term.has_text(std::str::from_utf8(self.bytes(9)?).ok()?.as_bytes()),
            Field::Service => term.has_text(self.bytes(10)?),
            Field::Namespace => term.has_text(self.bytes(11)?),
            Field::Is => return self.is(term),
            _ => return None,
        })
    }

    fn is(&self, term: &Ready) -> Option<bool> {
        match term.check {
            Check::Word("pinned") => Some(self.number(3)? != 0),
            Check::Word("replayed" | "edited") => None,
            // A refusal of gRPC is in its trailers.
            Check::Word("error") => (self.number(4).unwrap_or_default() >= 500).then_some(true),
            Check::Word(word) => Some(self.bytes(8)? == word.as_bytes()),
            _ => None,
        }
    }
}

/// One filter asked of many rows.
pub(super) struct Search<'a> {
    store: &'a Store,
    filter: &'a Filter,
    now: Moment,
    /// What to look for in the sieve, for each term by its index; nothing where it cannot help.
    wanted: Vec<Option<Expr<Vec<u16>>>>,
    blocks: HashMap<(i64, usize), Option<sieve::Candidates>>,
    /// Reads what is to be checked, with bodies if the filter asks for them.
    exact: Statement<'a>,
    /// Reads what passes for certain.
    certain: Statement<'a>,
}

impl<'a> Search<'a> {
    pub(super) fn new(store: &'a Store, filter: &'a Filter, now: Moment) -> Result<Self, StoreError> {
        let terms = filter.ready().terms();
        let sql = if terms.iter().any(|term| term.needs_bodies()) {
            WITH_BODIES
        } else {
            WITHOUT
        };
        Ok(Self {
            store,
            filter,
            now,
            wanted: terms.iter().map(|term| sought(term)).collect(),
            blocks: HashMap::new(),
            exact: store.connection.prepare(sql).map_err(tried(SEARCHING))?,
            certain: store.connection.prepare(WITHOUT).map_err(tried(SEARCHING))?,
        })
    }

    fn look(&mut self, listed: &Listed<'_>) -> Result<Option<Summary>, StoreError> {
        let ready = self.filter.ready();
        let now = self.now;
        // Columns first: most rows need no look into the sieve.
        let mut decided = ready.decide(&mut |term| listed.holds(term, now));
        if decided.is_none() && self.wanted.iter().any(Option::is_some) {
            let mut failed = None;
            decided = ready.decide(&mut |term| {
                let said = listed.holds(term, now);
                said.or_else(|| {
                    self.sifted(term.index, listed.version).unwrap_or_else(|error| {
                        failed = Some(error);
                        None
                    })
                })
            });
            if let Some(error) = failed {
                return Err(tried(SEARCHING)(error));
            }
        }
        match decided {
            Some(false) => Ok(None),
            decided => self.check(listed.cursor().id, decided.is_some()),
        }
    }

    /// `Some(false)` where the sieve rules it out.
    fn sifted(&mut self, term: usize, version: i64) -> rusqlite::Result<Option<bool>> {
        let Some(wanted) = &self.wanted[term] else {
            return Ok(None);
        };
        let (block, place) = index::place(version);
        if !self.blocks.contains_key(&(block, term)) {
            let edition = self.store.bodies.edition();
            let found = index::candidates(&self.store.connection, block, edition, wanted)?;
            self.blocks.insert((block, term), found);
        }
        let bits = self.blocks.get(&(block, term)).and_then(Option::as_ref);
        let is_candidate = bits.is_none_or(|bits| {
            bits.get(place / 8)
                .is_none_or(|byte| byte & (1 << (place % 8)) != 0)
        });
        Ok(if is_candidate { None } else { Some(false) })
    }

    /// Reads the exchange and asks the filter itself, unless the index was certain.
    fn check(&mut self, id: ExchangeId, is_certain: bool) -> Result<Option<Summary>, StoreError> {
        let select = if is_certain {
            &mut self.certain
        } else {
            &mut self.exact
        };
        let mut rows = select.query([id.0.cast_signed()]).map_err(tried(SEARCHING))?;
        let Some(row) = rows.next().map_err(tried(SEARCHING))? else {
            return Ok(None);
        };
        let exchange = unpacked(id, row)?;
        let passes = is_certain || self.filter.matches(&exchange, self.now, &*self.store.bodies);
        Ok(passes.then(|| exchange.summary()))
    }
}

/// What the sieve can look for: it knows what free text is looked for in.
fn sought(term: &Ready) -> Option<Expr<Vec<u16>>> {
    let is_known = matches!(
        term.field,
        Field::Anything
            | Field::Path
            | Field::Query
            | Field::Host
            | Field::Type
            | Field::Header
            | Field::RequestHeader
            | Field::ResponseHeader
            | Field::Body
            | Field::RequestBody
            | Field::ResponseBody
    );
    let hashes = |text: &String| Ok::<_, Infallible>(sieve::wanted(text));
    let Ok(wanted) = term.needed.try_map(&mut { hashes });
    let is_helpful = wanted.terms().iter().any(|hashes| !hashes.is_empty());
    (is_known && is_helpful).then_some(wanted)
}

/// Between which moments everything lies that can pass.
fn span(ready: &Expr<Ready>, now: Moment) -> (i64, i64) {
    let each = |part: &Expr<Ready>| match part {
        Expr::One(Ready {
            field,
            check: Check::Ago(micros),
            ..
        }) => {
            let border = now.0.saturating_sub(i64::try_from(*micros).unwrap_or(i64::MAX));
            if *field == Field::Since {
                (border, i64::MAX)
            } else {
                (i64::MIN, border)
            }
        }
        _ => (i64::MIN, i64::MAX),
    };
    match ready {
        Expr::All(parts) => parts.iter().map(each).fold((i64::MIN, i64::MAX), |all, one| {
            (all.0.max(one.0), all.1.min(one.1))
        }),
        other => each(other),
    }
}
