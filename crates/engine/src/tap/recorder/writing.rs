//! The recorder's thread: puts on the shelf what has come to the inbox, and what is under way for long.

use std::ops::Range;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use intercept_inspect::exchange::{Exchange, ExchangeId};
use intercept_inspect::record::exchanges;
use intercept_inspect::store::Gap;

use super::inbox::{Inbox, Queue, bodies, passed};
use super::{Learned, Recorded, Shelf, ShelfError};
use crate::tap::spare::Spare;
use crate::tap::watch::UnderWay;

/// Once something has come, more of it is awaited: one transaction for many.
const GATHER: Duration = Duration::from_millis(8);
/// How often it is looked what is under way.
const LOOK: Duration = Duration::from_millis(100);
/// What takes longer than this is shown before its end.
const LONG: Duration = Duration::from_millis(200);
/// It is written again after as long as it has taken, but not more seldom than this.
const SELDOM: Duration = Duration::from_secs(5);
/// Numbers reserved at once.
const NUMBERS: u64 = 128;
/// Exchanges written in one go.
const BATCH: usize = 2048;

/// The thread's own.
pub(super) struct Writing<S> {
    inbox: Arc<Inbox>,
    shelf: S,
    numbers: Range<u64>,
}

impl<S: Shelf> Writing<S> {
    pub(super) fn new(inbox: Arc<Inbox>, shelf: S) -> Self {
        Self {
            inbox,
            shelf,
            numbers: 0..0,
        }
    }

    /// Until it is to stop and everything that has come by then is written.
    pub(super) fn run(mut self) {
        let (mut looked, mut spare) = (Instant::now(), Spare::new());
        loop {
            let queue = self.next();
            let (is_stopping, is_idle) = (queue.is_stopping, queue.is_empty());
            self.write(queue);
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
            }
            if is_stopping {
                return;
            }
            if is_idle {
                while self.shelf.tidy() && self.inbox.queue().is_empty() {}
            } else {
                spare.use_some(&mut self.shelf);
            }
        }
    }

    /// What has come; nothing after a while.
    fn next(&self) -> Queue {
        let inbox = &self.inbox;
        let queue = inbox.queue();
        let waited = inbox
            .wake
            .wait_timeout_while(queue, LOOK, |queue| queue.is_empty() && !queue.is_stopping);
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_alone = !queue.is_empty() && queue.seen.len() < BATCH;
        let gathered = inbox.wake.wait_timeout_while(queue, GATHER, |queue| {
            is_alone && !queue.is_stopping && queue.seen.len() < BATCH
        });
        let (mut queue, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let is_stopping = queue.is_stopping;
        let taken = std::mem::take(&mut *queue);
        queue.is_stopping = is_stopping;
        taken
    }

    fn write(&mut self, queue: Queue) {
        let mut batch = queue.whole;
        for seen in queue.seen {
            batch.extend(exchanges(&seen));
            if batch.len() >= BATCH {
                self.put(std::mem::take(&mut batch));
            }
        }
        self.put(batch);
        let known: Vec<_> = queue
            .learned
            .iter()
            .filter_map(|one| self.complete(one))
            .collect();
        self.put(known);
        for gap in queue.gaps {
            tracing::warn!(exchanges = gap.exchanges, why = %gap.why, "not recorded");
            if let Err(error) = self.shelf.gap(&gap) {
                tracing::warn!(%error, "a gap is not recorded either");
            }
            let _ = self.inbox.news_tx.send(Recorded::Gap(gap));
        }
    }

    /// What is there, with what became known of it. Nothing where it is gone: there was no room for it.
    fn complete(&mut self, learned: &Learned) -> Option<Exchange> {
        let mut exchange = self.shelf.get(learned.id).ok().flatten()?;
        exchange.source = Some(learned.source.clone());
        exchange.times.proxy = Some(learned.proxy);
        Some(exchange)
    }

    /// Numbers and puts them; how many of them could not be written is a gap of its own.
    fn put(&mut self, mut batch: Vec<Exchange>) {
        if batch.is_empty() {
            return;
        }
        let put = self.number(&mut batch).and_then(|()| self.shelf.put(&batch));
        match put {
            Ok(()) => self.tell(&batch),
            Err(error) => {
                tracing::warn!(%error, exchanges = batch.len(), "not recorded");
                let (from, to) = (batch[0].began, batch[batch.len() - 1].began);
                let _ = self.inbox.news_tx.send(Recorded::Gap(Gap {
                    place: batch[0].place.clone(),
                    from,
                    to,
                    exchanges: batch.len() as u64,
                    bytes: batch.iter().map(bodies).sum(),
                    why: "the store could not be written".to_owned(),
                }));
            }
        }
    }

    fn number(&mut self, batch: &mut [Exchange]) -> Result<(), ShelfError> {
        for exchange in batch.iter_mut().filter(|one| one.id.0 == 0) {
            exchange.id = next_number(&mut self.numbers, &mut self.shelf)?;
        }
        Ok(())
    }

    fn tell(&self, batch: &[Exchange]) {
        if self.inbox.news_tx.receiver_count() > 0 {
            let summaries = batch.iter().map(Exchange::summary).collect();
            let _ = self.inbox.news_tx.send(Recorded::Exchanges(summaries));
        }
    }

    /// Writes what has been under way for long.
    fn look(&mut self) {
        let slots = self.inbox.open_slots().clone();
        let mut batch = Vec::new();
        for slot in slots {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(under_way) = slot.under_way.as_mut().filter(|one| is_due(one)) else {
                continue;
            };
            under_way.written = Some((Instant::now(), passed(&under_way.seen)));
            let mut found = exchanges(&under_way.seen);
            // The other ones of its connection are written when that ends.
            if let [exchange] = &mut found[..] {
                if exchange.id.0 == 0 {
                    match next_number(&mut self.numbers, &mut self.shelf) {
                        Ok(id) => exchange.id = id,
                        Err(_) => continue,
                    }
                }
                under_way.seen.id = Some(exchange.id);
                batch.append(&mut found);
            }
        }
        self.put(batch);
    }
}

fn next_number(numbers: &mut Range<u64>, shelf: &mut impl Shelf) -> Result<ExchangeId, ShelfError> {
    loop {
        match numbers.next() {
            Some(number) => return Ok(ExchangeId(number)),
            None => *numbers = shelf.numbers(NUMBERS)?,
        }
    }
}

/// Whether something under way is worth being written now.
fn is_due(under_way: &UnderWay) -> bool {
    let age = under_way.began.elapsed();
    match under_way.written {
        None => age >= LONG,
        Some((when, before)) => before != passed(&under_way.seen) && when.elapsed() >= age.min(SELDOM),
    }
}
