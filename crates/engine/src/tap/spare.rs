//! A part of the recorder's time for work that can wait, also while requests never cease to come.
//!
//! Where there is an idle moment, that is a better one. Deliberately absent: knowing what the work is.

use std::time::{Duration, Instant};

use super::recorder::Shelf;

/// Not more often than this.
const EVERY: Duration = Duration::from_millis(100);
/// After a step it rests so many times as long as that took.
const REST: u32 = 4;

/// When the next step may be taken.
pub(super) struct Spare {
    next: Instant,
}

impl Spare {
    pub(super) fn new() -> Self {
        Self {
            next: Instant::now() + EVERY,
        }
    }

    /// One step, if it is time for it.
    pub(super) fn use_some(&mut self, shelf: &mut impl Shelf) {
        let began = Instant::now();
        if began < self.next {
            return;
        }
        shelf.tidy();
        let now = Instant::now();
        self.next = now + EVERY.max(REST * (now - began));
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::mpsc;

    use intercept_inspect::exchange::{
        Exchange, ExchangeId, Moment, Outcome, Place, Protocol, Request, Tags, Times,
    };
    use intercept_inspect::store::Gap;

    use super::super::recorder::{Recorder, ShelfError};
    use super::*;

    /// Tells when it is tidied, and what it was given before.
    struct Tidied {
        put: usize,
        tidied_tx: mpsc::Sender<usize>,
    }

    impl Shelf for Tidied {
        fn numbers(&mut self, count: u64) -> Result<Range<u64>, ShelfError> {
            Ok(1..1 + count)
        }

        fn put(&mut self, exchanges: &[Exchange]) -> Result<(), ShelfError> {
            self.put += exchanges.len();
            Ok(())
        }

        fn get(&mut self, _: ExchangeId) -> Result<Option<Exchange>, ShelfError> {
            Ok(None)
        }

        fn gap(&mut self, _: &Gap) -> Result<(), ShelfError> {
            Ok(())
        }

        fn tidy(&mut self) -> bool {
            let _ = self.tidied_tx.send(self.put);
            false
        }
    }

    #[test]
    fn a_shelf_is_tidied_while_requests_keep_coming() {
        let (tidied_tx, tidied_rx) = mpsc::channel();
        let recorder = Recorder::start(Tidied { put: 0, tidied_tx }, 1024).unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        let mut sent = 0;
        // Requests that come so often never leave an idle moment.
        while Instant::now() < until && tidied_rx.recv_timeout(EVERY / 20).is_err() {
            recorder.add(some_exchange());
            sent += 1;
        }
        assert!(Instant::now() < until, "not tidied while {sent} requests came");
    }

    fn some_exchange() -> Exchange {
        Exchange {
            id: ExchangeId(0),
            place: Place::default(),
            began: Moment(0),
            times: Times::default(),
            protocol: Protocol::Http11,
            source: None,
            request: Request::default(),
            response: None,
            outcome: Outcome::Answered,
            tags: Tags::default(),
        }
    }
}
