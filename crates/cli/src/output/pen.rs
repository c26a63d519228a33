//! Writes from a thread of its own, so that nobody who does not read what is said holds up who says it.
//!
//! A session must restore its Service also where its output goes into a pipe that somebody has stopped reading.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Which of the two.
#[derive(Clone, Copy, Debug)]
pub(super) enum To {
    Out,
    Err,
}

/// What can be done without is not written while so much waits.
const ENOUGH: usize = 256;

/// Puts things to be written on a list.
pub(super) struct Pen {
    list_tx: Sender<Order>, // whoever says something → the thread that writes
    waiting: Arc<AtomicUsize>,
}

enum Order {
    Write(To, Vec<u8>),
    /// Say when all before this is written.
    Tell(Sender<()>),
}

impl Pen {
    pub(super) fn start() -> io::Result<Self> {
        let (list_tx, list_rx) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("output".into())
            .spawn(move || run(&list_rx, &count))?;
        Ok(Self { list_tx, waiting })
    }

    pub(super) fn write(&self, to: To, bytes: Vec<u8>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The thread ends with the process alone.
        let _ = self.list_tx.send(Order::Write(to, bytes));
    }

    /// Whether there is room for what can be done without.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < ENOUGH
    }

    /// Waits until everything is written, or for `limit`.
    pub(super) fn finish(&self, limit: Duration) {
        let (told_tx, told_rx) = channel();
        if self.list_tx.send(Order::Tell(told_tx)).is_ok() {
            let _ = told_rx.recv_timeout(limit);
        }
    }
}

fn run(list: &Receiver<Order>, waiting: &AtomicUsize) {
    for order in list {
        match order {
            Order::Write(To::Out, bytes) => written(io::stdout().lock(), &bytes, waiting),
            Order::Write(To::Err, bytes) => written(io::stderr().lock(), &bytes, waiting),
            Order::Tell(told) => {
                // Who asked may have stopped waiting.
                let _ = told.send(());
            }
        }
    }
}

fn written(mut to: impl Write, bytes: &[u8], waiting: &AtomicUsize) {
    let _ = to.write_all(bytes).and_then(|()| to.flush());
    waiting.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_no_longer_waiting() {
        let pen = Pen::start().unwrap();
        pen.write(To::Err, Vec::new());
        pen.finish(Duration::from_secs(10));
        assert!(pen.has_room());
        assert_eq!(pen.waiting.load(Ordering::Relaxed), 0);
    }
}
