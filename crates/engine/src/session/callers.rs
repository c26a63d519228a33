//! Who sent the requests that were recorded, and those that never came here: joins what the proxy tells with the recorder.
//!
//! The proxy tells later than the recorder writes, so what was written is kept in mind for a while and completed then.

use std::collections::VecDeque;
use std::time::Duration;

use intercept_inspect::exchange::{
    Exchange, ExchangeId, Message, Moment, Outcome, Protocol, Request, Response, Source, Summary, Tags, Times,
};
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::tap::{Learned, Recorded, Recording};
use crate::traffic::{Fallen, Traffic};

/// Reports come a few times a second; whatever is not told by then is not told at all.
const WAIT: Duration = Duration::from_secs(4);
const PENDING: usize = 4096;

/// What was recorded and waits for the proxy's word.
pub(super) struct Callers {
    recording: Recording,
    news_rx: broadcast::Receiver<Recorded>,
    pending: VecDeque<Pending>,
}

struct Pending {
    id: ExchangeId,
    method: String,
    target: String,
    began: Moment,
    since: Instant,
}

impl Callers {
    pub(super) fn new(recording: &Recording) -> Self {
        Self {
            recording: recording.clone(),
            news_rx: recording.news(),
            pending: VecDeque::new(),
        }
    }

    /// Completes what is known by now, and records what fell back.
    pub(super) fn join(&mut self, traffic: &mut Traffic) {
        self.read_news();
        for fallen in traffic.fallen() {
            if let Some(exchange) = self.fell_back(&fallen, traffic) {
                self.recording.add(exchange);
            }
        }
        let mut left = VecDeque::new();
        for pending in self.pending.drain(..) {
            match traffic
                .arrivals()
                .take(&pending.method, &pending.target, pending.began.0)
            {
                Some(arrival) => self.recording.learn(Learned {
                    id: pending.id,
                    source: source(&arrival.address, traffic),
                    proxy: arrival.began.saturating_sub(pending.began.0),
                }),
                None if pending.since.elapsed() < WAIT => left.push_back(pending),
                None => {}
            }
        }
        self.pending = left;
    }

    fn read_news(&mut self) {
        loop {
            match self.news_rx.try_recv() {
                Ok(Recorded::Exchanges(written)) => written.iter().for_each(|one| self.remember(one)),
                Ok(Recorded::Gap(_)) | Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return,
            }
        }
    }

    fn remember(&mut self, written: &Summary) {
        let is_ours = self
            .recording
            .place()
            .is_some_and(|place| place.intercept == written.place.intercept);
        let passed = matches!(
            written.outcome,
            Outcome::Answered | Outcome::Mocked | Outcome::Reset { .. }
        );
        if !is_ours || !passed || written.source.is_some() || written.tags.replay_of.is_some() {
            return;
        }
        if self.pending.len() == PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back(Pending {
            id: written.id,
            method: written.method.clone(),
            target: written.target.clone(),
            began: written.began,
            since: Instant::now(),
        });
    }

    /// Of a request that never came here only the proxy's line is known.
    fn fell_back(&self, fallen: &Fallen, traffic: &Traffic) -> Option<Exchange> {
        let answer = (fallen.status > 0).then(|| Response {
            status: fallen.status,
            ..Response::default()
        });
        Some(Exchange {
            id: ExchangeId(0),
            place: self.recording.place()?.clone(),
            began: Moment(fallen.began),
            times: Times {
                proxy: Some(0),
                last_byte: Some(fallen.took),
                ..Times::default()
            },
            protocol: match fallen.protocol.as_str() {
                "HTTP/1.0" => Protocol::Http10,
                "HTTP/2.0" => Protocol::Http2,
                _ => Protocol::Http11,
            },
            source: Some(source(&fallen.address, traffic)),
            request: Request {
                method: fallen.method.as_str().into(),
                target: fallen.uri.as_str().into(),
                message: Message::default(),
                ..Request::default()
            },
            response: answer,
            outcome: Outcome::FellBack {
                why: "nobody on the laptop took it, so an original pod answered".into(),
            },
            tags: Tags::default(),
        })
    }
}

fn source(address: &str, traffic: &Traffic) -> Source {
    Source {
        address: address.to_owned(),
        pod: traffic.pod(address).map(str::to_owned),
    }
}
