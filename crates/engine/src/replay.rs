//! A request sent again: to the local program, to the original pods, or to both for a comparison.
//!
//! Replays do not pass the proxy, so they are nobody's traffic but the developer's; they are recorded like what passed.
//! Deliberately absent: whether a request may be sent again and with what ([`intercept_inspect::edit`]), and whether
//! somebody has to be asked first.

mod http2;
mod originals;

pub use originals::{OriginalError, Originals};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use intercept_inspect::edit::Outgoing;
use intercept_inspect::exchange::{Body, Message, Times};
use intercept_inspect::exchange::{
    Exchange, ExchangeId, Header, Moment, Outcome, Place, Protocol, Request, Tags,
};
use intercept_inspect::record::{End, Room, Seen, exchanges};
use intercept_protocol::exchange::Exchange as Followed;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use crate::tap::{Observed, in_words, now, pass};
use crate::target::Target;

/// An answer that takes longer is not waited for.
pub const USUAL_LIMIT: Duration = Duration::from_secs(60);
/// What is kept of either body: more than of what passes, since somebody asked for it.
const BODY: usize = 16 * 1024 * 1024;
const READ_AT_ONCE: usize = 64 * 1024;

/// A request that is to be sent again.
#[derive(Clone, Debug)]
pub struct Replay {
    /// What is sent.
    pub outgoing: Outgoing,
    /// Which recorded exchange it repeats.
    pub of: ExchangeId,
    /// Whether it differs from that one.
    pub is_edited: bool,
    /// Where that one passed.
    pub place: Place,
    /// How long an answer is waited for.
    pub limit: Duration,
}

/// Where a replay goes.
pub enum To<'a> {
    /// The local program.
    Laptop(&'a Target),
    /// One of the pods that the Service selects without us.
    Cluster(&'a Originals),
}

impl Replay {
    /// Sends it. Whatever happens is told by the exchange's outcome. Cancelled, the connection is cut.
    pub async fn send(&self, to: To<'_>) -> Exchange {
        let began = now();
        let asked = Instant::now();
        let (sent, answered) = match to {
            To::Laptop(target) => match target.connect().await {
                Ok(io) => (self.over(io, began, asked.elapsed()).await, Outcome::Answered),
                Err(error) => return self.failed(began, in_words(&error)),
            },
            To::Cluster(originals) => match originals.connect(&self.place).await {
                Ok(io) => (
                    self.over(io, began, asked.elapsed()).await,
                    Outcome::AnsweredByCluster,
                ),
                Err(error) => return self.failed(began, in_words(&error)),
            },
        };
        let mut exchange = sent;
        if exchange.outcome == Outcome::Answered {
            exchange.outcome = answered;
        }
        exchange
    }

    async fn over<S>(&self, io: S, began: Moment, connect: Duration) -> Exchange
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let room = Room::new(4 * BODY);
        let mut seen = Seen::new(Arc::new(self.place.clone()), began, BODY, &room);
        seen.connect = u64::try_from(connect.as_micros()).ok();
        let since = Instant::now();
        let mut io = Observed::program(io, |way, bytes| pass(&mut seen, way, bytes, since.elapsed()));
        let ended = match self.outgoing.protocol {
            Protocol::Http2 => timeout(self.limit, http2::ask(&mut io, &self.outgoing)).await,
            _ => timeout(self.limit, self.ask(&mut io)).await,
        };
        let (end, is_late) = match &ended {
            Ok(Ok(())) => (End::Over, false),
            Ok(Err(_)) => (crate::tap::cut_off(false), false),
            Err(_) => (End::None, true),
        };
        seen.end = end;
        let mut found = exchanges(&seen);
        let Some(mut exchange) = (!found.is_empty()).then(|| found.swap_remove(0)) else {
            let why = ended.map(|ended| ended.err().map(|error| error.to_string()));
            return self.failed(
                began,
                why.ok().flatten().unwrap_or_else(|| "nothing was sent".into()),
            );
        };
        if is_late {
            exchange.outcome = Outcome::TimedOut;
        }
        exchange.tags = self.tags();
        exchange
    }

    /// HTTP/1: one request on a connection of its own.
    async fn ask<S>(&self, io: S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let bytes = self.http1();
        let (mut from, mut to) = tokio::io::split(io);
        // A program that answers early may not take the rest.
        let writing = async {
            match to.write_all(&bytes).await {
                Ok(()) => to.flush().await,
                Err(error) => Err(error),
            }
        };
        let reading = self.answer(&mut from, &bytes);
        let (written, read) = tokio::join!(writing, reading);
        match read {
            Ok(0) => written.and(Err(io::ErrorKind::UnexpectedEof.into())),
            read => read.map(|_| ()),
        }
    }

    /// Reads one answer; how many bytes of it came.
    async fn answer(&self, from: &mut (impl AsyncRead + Unpin), request: &[u8]) -> io::Result<usize> {
        let mut followed = Followed::default();
        followed.follow_request(request);
        let (mut buffer, mut total) = (vec![0; READ_AT_ONCE], 0);
        loop {
            let read = from.read(&mut buffer).await?;
            total += read;
            followed.follow_answer(&buffer[..read]);
            if read == 0 || followed.has_whole_answer() {
                return Ok(total);
            }
        }
    }

    fn http1(&self) -> Vec<u8> {
        let outgoing = &self.outgoing;
        let version = match outgoing.protocol {
            Protocol::Http10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        let has_trailers = !outgoing.trailers.is_empty() && outgoing.protocol != Protocol::Http10;
        let mut bytes = [outgoing.method.as_bytes(), b" ", outgoing.target.as_bytes(), b" "].concat();
        bytes.extend_from_slice(format!("{version}\r\n").as_bytes());
        if !outgoing.host.is_empty() {
            line(&mut bytes, b"Host", outgoing.host.as_bytes());
        }
        for header in &outgoing.headers {
            if !(has_trailers && header.name.eq_ignore_ascii_case("content-length")) {
                line(&mut bytes, header.name.as_bytes(), header.value.as_bytes());
            }
        }
        line(&mut bytes, b"Connection", b"close");
        if has_trailers {
            line(&mut bytes, b"Transfer-Encoding", b"chunked");
            bytes.extend_from_slice(b"\r\n");
            chunked(&mut bytes, &outgoing.body, &outgoing.trailers);
        } else {
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&outgoing.body);
        }
        bytes
    }

    fn tags(&self) -> Tags {
        Tags {
            replay_of: Some(self.of),
            edited: self.is_edited,
            ..Tags::default()
        }
    }

    /// One that never reached anybody.
    fn failed(&self, began: Moment, why: String) -> Exchange {
        let outgoing = &self.outgoing;
        Exchange {
            id: ExchangeId(0),
            place: self.place.clone(),
            began,
            times: Times::default(),
            protocol: outgoing.protocol,
            source: None,
            request: Request {
                method: outgoing.method.clone(),
                target: outgoing.target.clone(),
                host: outgoing.host.clone(),
                message: Message {
                    headers: outgoing.headers.clone(),
                    body: Body::whole(outgoing.body.clone()),
                    trailers: outgoing.trailers.clone(),
                },
            },
            response: None,
            outcome: Outcome::Failed { why },
            tags: self.tags(),
        }
    }
}

fn line(bytes: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        bytes.extend_from_slice(part);
    }
}

fn chunked(bytes: &mut Vec<u8>, body: &[u8], trailers: &[Header]) {
    if !body.is_empty() {
        bytes.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n");
    for header in trailers {
        line(bytes, header.name.as_bytes(), header.value.as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
