//! What containers write, kept in memory and bounded: the present run and the one before, as `kubectl logs` asks.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use k8s_openapi::jiff::Timestamp;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::watch;

use crate::node_access::LogOptions;

/// Of one run; the oldest lines go first.
const MOST_BYTES: usize = 1024 * 1024;
/// A line that never ends is cut.
const MOST_LINE: usize = 16 * 1024;

/// One run's log.
#[derive(Clone, Debug)]
pub struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    lines: Mutex<Lines>,
    // whoever writes → followers: how many lines there were, and whether more can come
    written: watch::Sender<(u64, bool)>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<(Timestamp, Bytes)>,
    bytes: usize,
    dropped: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                lines: Mutex::default(),
                written: watch::Sender::new((0, true)),
            }),
        }
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Nothing panics while it is held.
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one line.
    pub fn line(&self, text: impl Into<String>) {
        let mut line = text.into();
        line.push('\n');
        self.push(Bytes::from(line));
    }

    fn push(&self, line: Bytes) {
        let count = {
            let mut lines = self.lock();
            lines.bytes += line.len();
            lines.kept.push_back((Timestamp::now(), line));
            while lines.bytes > MOST_BYTES {
                let Some((_, oldest)) = lines.kept.pop_front() else {
                    break;
                };
                lines.bytes -= oldest.len();
                lines.dropped += 1;
            }
            lines.dropped + lines.kept.len() as u64
        };
        self.shared.written.send_modify(|written| written.0 = count);
    }

    /// No more lines come; followers end.
    pub(crate) fn end(&self) {
        self.shared.written.send_modify(|written| written.1 = false);
    }

    /// Takes in everything that `source` writes, until it ends.
    pub(crate) async fn take(self, source: impl AsyncRead + Unpin) {
        let mut reader = BufReader::with_capacity(MOST_LINE, source);
        let mut line = Vec::new();
        loop {
            let (taken, is_whole) = match reader.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(part) => match part.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        line.extend_from_slice(&part[..=end]);
                        (end + 1, true)
                    }
                    None => {
                        line.extend_from_slice(part);
                        (part.len(), line.len() >= MOST_LINE)
                    }
                },
            };
            reader.consume(taken);
            if is_whole {
                self.push(Bytes::from(std::mem::take(&mut line)));
            }
        }
        if !line.is_empty() {
            self.push(Bytes::from(line));
        }
    }

    /// The end of it, as an error's message shows it.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let kept = self.lock();
        let skipped = kept.kept.len().saturating_sub(lines);
        let texts = kept
            .kept
            .iter()
            .skip(skipped)
            .map(|(_, line)| String::from_utf8_lossy(line));
        texts.collect()
    }

    /// The lines that were asked for.
    pub(crate) fn read(&self, options: &LogOptions) -> BoxStream<'static, io::Result<Bytes>> {
        let (from, written) = {
            let lines = self.lock();
            let total = lines.dropped + lines.kept.len() as u64;
            let tail = options.tail_lines.unwrap_or(u64::MAX);
            (
                total.saturating_sub(tail).max(lines.dropped),
                self.shared.written.subscribe(),
            )
        };
        let state = Reading {
            log: self.clone(),
            next: from,
            written,
            options: options.clone(),
        };
        stream::unfold(state, |mut reading| async {
            let bytes = reading.next_lines().await?;
            Some((Ok(bytes), reading))
        })
        .boxed()
    }
}

struct Reading {
    log: Log,
    next: u64,
    written: watch::Receiver<(u64, bool)>,
    options: LogOptions,
}

impl Reading {
    async fn next_lines(&mut self) -> Option<Bytes> {
        loop {
            let (total, is_open) = *self.written.borrow_and_update();
            if total > self.next {
                return Some(self.collect());
            }
            if !self.options.follow || !is_open || self.written.changed().await.is_err() {
                return None;
            }
        }
    }

    fn collect(&mut self) -> Bytes {
        let lines = self.log.lock();
        let first = self.next.max(lines.dropped);
        let skipped = usize::try_from(first - lines.dropped).unwrap_or_default();
        let mut out = Vec::new();
        for (at, line) in lines.kept.iter().skip(skipped) {
            if self.options.timestamps {
                out.extend_from_slice(format!("{at} ").as_bytes());
            }
            out.extend_from_slice(line);
        }
        self.next = lines.dropped + lines.kept.len() as u64;
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(log: &Log, options: LogOptions) -> String {
        let parts: Vec<_> = log.read(&options).collect().await;
        let bytes: Vec<u8> = parts
            .into_iter()
            .flat_map(|part| part.unwrap().to_vec())
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    #[tokio::test]
    async fn lines_come_whole_and_the_last_ones_can_be_had() {
        let log = Log::default();
        log.clone().take(&b"one\ntwo\nthree"[..]).await;
        assert_eq!(all(&log, LogOptions::default()).await, "one\ntwo\nthree");
        let tail = LogOptions {
            tail_lines: Some(1),
            ..LogOptions::default()
        };
        assert_eq!(all(&log, tail).await, "three");
    }

    #[tokio::test]
    async fn a_follower_sees_what_comes_and_ends_with_the_container() {
        let log = Log::default();
        log.line("first");
        let follow = LogOptions {
            follow: true,
            ..LogOptions::default()
        };
        let mut lines = log.read(&follow);
        assert_eq!(lines.next().await.unwrap().unwrap(), "first\n");
        log.line("second");
        assert_eq!(lines.next().await.unwrap().unwrap(), "second\n");
        log.end();
        assert!(lines.next().await.is_none());
    }

    #[tokio::test]
    async fn a_log_that_never_stops_stays_within_its_bound() {
        let log = Log::default();
        for _ in 0..3000 {
            log.line("x".repeat(1000));
        }
        assert!(all(&log, LogOptions::default()).await.len() <= MOST_BYTES);
    }
}
