//! Load with every answer checked: POSTs on fresh or on kept-alive connections, counted when lost.
//!
//! POST, because clients silently repeat a GET on a cut connection and hide the loss. Run the same load once without
//! any switch beside it: a rig that loses there proves nothing.

mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use hyper::StatusCode;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use report::LoadReport;

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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::Laptop;

    #[tokio::test]
    async fn an_answer_by_somebody_else_is_a_loss() {
        let laptop = Laptop::start("ada").await;
        for connections in [Connections::Fresh, Connections::KeptAlive] {
            let load = Load::new(&laptop.address(), connections).requests(20);
            assert_eq!(load.clone().answered_by(&["ada"]).run().await.lost, 0);
            assert_eq!(load.answered_by(&["bob"]).run().await.lost, 20);
        }
    }

    #[tokio::test]
    async fn a_connection_cut_after_the_request_is_a_loss() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::local(listener.local_addr().unwrap().port());
        let cutting = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _read = stream.read(&mut [0; 1024]).await;
            }
        });
        let report = Load::new(&address, Connections::KeptAlive)
            .callers(2)
            .requests(10)
            .run()
            .await;
        assert_eq!((report.sent, report.lost), (10, 10), "{report}");
        cutting.abort();
    }
}
