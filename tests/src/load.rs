//! Load with every answer checked: POSTs on fresh or on kept-alive connections, counted when lost.
//!
//! POST, because clients silently repeat a GET on a cut connection and hide the loss. Run the same load once without
//! any switch beside it: a rig that loses there proves nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use hyper::StatusCode;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::http::{Account, Address, Answer, Ask, Connection, Lost};

/// A few reasons tell as much as thousands.
const REASONS_KEPT: usize = 8;

/// Whether each request has a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// A new one for each request.
    Fresh,
    /// One for each caller, as long as the server lets it.
    KeptAlive,
}

/// A load that is to be run.
#[derive(Clone)]
pub struct Load {
    address: Address,
    connections: Connections,
    callers: usize,
    header: Option<(String, String)>,
    expected: Vec<String>,
    limit: Option<u64>,
}

impl Load {
    /// POSTs to `address` by eight callers, until stopped.
    pub fn new(address: &Address, connections: Connections) -> Self {
        Self {
            address: address.clone(),
            connections,
            callers: 8,
            header: None,
            expected: Vec::new(),
            limit: None,
        }
    }

    /// By so many callers at once.
    #[must_use]
    pub fn callers(mut self, callers: usize) -> Self {
        self.callers = callers;
        self
    }

    /// Every request carries this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.header = Some((name.to_owned(), value.to_owned()));
        self
    }

    /// An answer by anybody but these is a loss; unsaid, anybody of the rig may answer.
    #[must_use]
    pub fn answered_by(mut self, names: &[&str]) -> Self {
        self.expected = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Ends by itself after so many requests.
    #[must_use]
    pub fn requests(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Begins, and goes on while the test does other things.
    pub fn start(self) -> RunningLoad {
        let sent = Arc::new(AtomicU64::new(0));
        let stop = CancellationToken::new();
        let load = Arc::new(self);
        let begun = Instant::now();
        let callers = (0..load.callers).map(|caller| {
            let caller = Caller {
                load: Arc::clone(&load),
                number: caller,
                sent: Arc::clone(&sent),
                stop: stop.clone(),
                connection: None,
                report: LoadReport::default(),
            };
            AbortOnDropHandle::new(tokio::spawn(caller.run()))
        });
        RunningLoad {
            callers: callers.collect(),
            sent,
            stop,
            begun,
        }
    }

    /// Runs to its end: needs [`Load::requests`].
    pub async fn run(self) -> LoadReport {
        assert!(
            self.limit.is_some(),
            "a load without a number of requests runs forever"
        );
        self.start().finish().await
    }
}

/// A load that runs. Dropping it ends it without a report.
pub struct RunningLoad {
    callers: Vec<AbortOnDropHandle<LoadReport>>,
    sent: Arc<AtomicU64>,
    stop: CancellationToken,
    begun: Instant,
}

impl RunningLoad {
    /// How many requests have been begun.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until `more` requests have been begun from now on.
    pub async fn await_requests(&self, more: u64) {
        let goal = self.sent() + more;
        crate::await_true(Duration::from_secs(120), "the load to go on", async || {
            self.sent() >= goal
        })
        .await;
    }

    /// Begins no further request, waits for those under way, and tells how it went.
    pub async fn stop(self) -> LoadReport {
        self.stop.cancel();
        self.finish().await
    }

    /// Waits for its end by number of requests.
    pub async fn finish(self) -> LoadReport {
        let mut report = LoadReport::default();
        for part in join_all(self.callers).await {
            report.add(part.expect("a caller must not panic"));
        }
        report.took = self.begun.elapsed();
        report.milliseconds.sort_unstable_by(f32::total_cmp);
        report
    }
}

/// How a load went.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// Requests begun.
    pub sent: u64,
    /// Requests without the right answer.
    pub lost: u64,
    /// The first reasons, with when they happened.
    pub reasons: Vec<String>,
    /// Good answers by who gave them.
    pub by: BTreeMap<String, u64>,
    /// How long it ran.
    pub took: Duration,
    /// How long each good answer took, sorted.
    milliseconds: Vec<f32>,
}

impl LoadReport {
    /// The latency that this share of the good answers did not exceed; `0.5` for the median.
    pub fn percentile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index"
        )]
        let index = (self.milliseconds.len() as f64 * share) as usize;
        let last = self.milliseconds.len().saturating_sub(1);
        let milliseconds = self
            .milliseconds
            .get(index.min(last))
            .copied()
            .unwrap_or_default();
        Duration::from_secs_f32(milliseconds / 1000.0)
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let sent = self.sent as f64;
        sent / self.took.as_secs_f64().max(f64::EPSILON)
    }

    /// Both loads as one, for loads that ran side by side.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let took = self.took.max(other.took);
        self.add(other);
        self.took = took;
        self.milliseconds.sort_unstable_by(f32::total_cmp);
        self
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.lost += other.lost;
        self.reasons.extend(other.reasons);
        self.reasons.truncate(REASONS_KEPT);
        for (name, count) in other.by {
            *self.by.entry(name).or_default() += count;
        }
        self.milliseconds.extend(other.milliseconds);
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99, max) = (self.percentile(0.5), self.percentile(0.99), self.percentile(1.0));
        write!(
            formatter,
            "{} lost of {} in {:.1?} ({:.0}/s), ",
            self.lost,
            self.sent,
            self.took,
            self.rate()
        )?;
        write!(
            formatter,
            "p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}, answered by {:?}",
            self.by
        )?;
        for reason in &self.reasons {
            write!(formatter, "\n  {reason}")?;
        }
        Ok(())
    }
}

struct Caller {
    load: Arc<Load>,
    number: usize,
    sent: Arc<AtomicU64>,
    stop: CancellationToken,
    connection: Option<Connection>,
    report: LoadReport,
}

impl Caller {
    async fn run(mut self) -> LoadReport {
        let begun = Instant::now();
        while !self.stop.is_cancelled() {
            let index = self.sent.fetch_add(1, Ordering::Relaxed);
            if self.load.limit.is_some_and(|limit| index >= limit) {
                break;
            }
            self.report.sent += 1;
            let asked = Instant::now();
            match self.ask(index).await {
                Ok(by) => {
                    *self.report.by.entry(by).or_default() += 1;
                    self.report
                        .milliseconds
                        .push(asked.elapsed().as_secs_f32() * 1000.0);
                }
                Err(reason) => self.note_loss(&reason, begun.elapsed()),
            }
        }
        self.report
    }

    fn note_loss(&mut self, reason: &str, after: Duration) {
        self.report.lost += 1;
        self.connection = None;
        if self.report.reasons.len() < REASONS_KEPT {
            self.report
                .reasons
                .push(format!("after {after:.2?}, caller {}: {reason}", self.number));
        }
    }

    /// One request; its answer must show that exactly this one was answered.
    async fn ask(&mut self, index: u64) -> Result<String, String> {
        let target = format!("/load/{index}");
        let body = format!("body of request {index} of caller {}", self.number);
        let mut ask = Ask::post(&target, body.clone());
        if let Some((name, value)) = &self.load.header {
            ask = ask.header(name, value);
        }
        let answer = self.exchange(&ask).await.map_err(|lost| lost.to_string())?;
        self.check(&answer, &target, body.as_bytes())
    }

    async fn exchange(&mut self, ask: &Ask) -> Result<Answer, Lost> {
        let address = &self.load.address;
        if let Some(mut kept) = self.connection.take()
            && let Some(outcome) = kept.exchange_unless_closed(ask.request(address)).await
        {
            self.connection = outcome.is_ok().then_some(kept);
            return outcome;
        }
        let mut connection = Connection::open(address).await?;
        let answer = connection.exchange(ask.request(address)).await?;
        self.connection = (self.load.connections == Connections::KeptAlive).then_some(connection);
        Ok(answer)
    }

    fn check(&self, answer: &Answer, target: &str, body: &[u8]) -> Result<String, String> {
        let account = answer.account.as_ref().ok_or_else(|| foreign(answer))?;
        let Account {
            by,
            method,
            target: arrived,
            body_sha256,
            ..
        } = account;
        let is_mine = answer.status == StatusCode::OK && method == "POST" && arrived == target;
        if !is_mine || *body_sha256 != sha256(body) {
            return Err(format!("the answer is to another request: {account:?}"));
        }
        if !self.load.expected.is_empty() && !self.load.expected.contains(by) {
            return Err(format!("answered by {by}"));
        }
        Ok(by.clone())
    }
}

fn foreign(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    format!(
        "status {} with {:?}",
        answer.status,
        text.chars().take(120).collect::<String>()
    )
}

/// Hexadecimal SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
