//! The relay: what is said on a connection between laptop and agent.
//!
//! ```text
//! laptop ── MAGIC, version, Hello ──►  agent      one frame each, then yamux takes over
//! laptop ◄── MAGIC, version, Answer ── agent
//! laptop ── first stream: ToAgent ──►  agent      the control stream, frames both ways
//! laptop ◄── StreamOpen, bytes ─────── agent      one stream for each connection to the local program
//! laptop ── Verdict, bytes ─────────►  agent      a verdict for each request, or for the whole connection
//! ```
//!
//! On a stream of requests both ends follow the [`exchange`](crate::exchange). Once it is over the agent may send the
//! next request, which gets a verdict of its own; the laptop may refuse it before it comes, and then takes no more.
//!
//! A frame is a big-endian `u32` length and that many bytes of JSON. The version stands outside of the
//! JSON, so that two programs which share nothing else can still tell each other so.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::ids::{InterceptId, SessionId, Token};
use crate::traffic::{Miss, Report};

/// What both ends say first.
pub const MAGIC: [u8; 8] = *b"intercpt";
/// Version of everything in this module.
pub const PROTOCOL_VERSION: u16 = 2;
/// No frame is longer; a peer that announces more is not one of ours.
pub const MAX_FRAME: usize = 64 * 1024;
/// How often the laptop pings.
pub const PING_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
/// A peer that sent nothing at all for this long is gone.
pub const SILENCE_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
/// Header that marks the agent's own request through NGINX; its value is the probe's nonce.
pub const PROBE_HEADER: &str = "intercept-probe";

/// Laptop to agent, once, before anything else.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// The laptop's program and version, for the agent's log.
    pub program: String,
    /// The session this connection belongs to.
    pub session: SessionId,
    /// The session's secret.
    pub token: Token,
}

/// Agent to laptop, once, in answer to [`Hello`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// The relay is open.
    Welcome {
        /// The agent's program and version.
        program: String,
    },
    /// The agent closes the connection.
    Refused(Refusal),
}

/// Why an agent refuses a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// No intercept in the agent's record belongs to this session and token. It may not have seen the
    /// newest record yet, so the laptop may ask again.
    #[error("the agent knows no intercept of this session")]
    UnknownSession,
    /// The pod is on its way out.
    #[error("the agent's pod is shutting down")]
    Draining,
}

/// Laptop to agent on the control stream.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToAgent {
    /// Every [`PING_EVERY`]; shows that the laptop lives.
    Ping {
        /// Comes back in [`ToLaptop::Pong`].
        sequence: u64,
    },
    /// Send one request through NGINX that only the laptop's relay can answer.
    Probe {
        /// The intercept whose rule the request must fit.
        intercept: InterceptId,
        /// Comes back in [`StreamOpen::Probe`] and in [`ToLaptop::Probed`].
        nonce: u64,
    },
    /// Tell what passes NGINX from now on, or no more.
    Watch {
        /// Whether to tell.
        traffic: bool,
    },
    /// A request with this nonce may come through the Service: tell how far it gets in this pod.
    Trace {
        /// The intercept whose rule it fits.
        intercept: InterceptId,
        /// Its nonce.
        nonce: u64,
        /// Where to send it, port 0 for the Service's own; absent where another agent, or nobody yet, does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<SocketAddr>,
    },
    /// Open no more streams on this relay; it closes after the answer.
    Goodbye,
}

/// Agent to laptop on the control stream.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ToLaptop {
    /// The answer to a ping.
    Pong {
        /// As in the ping.
        sequence: u64,
        /// The agent's clock, microseconds since 1970.
        at: i64,
    },
    /// After hello, and whenever something of it changes.
    Status(Status),
    /// How a probe ended.
    Probed {
        /// As in the request for it.
        nonce: u64,
        /// Absent when it came back from the laptop; otherwise where it stopped.
        failure: Option<String>,
    },
    /// What passed NGINX; only after [`ToAgent::Watch`].
    Traffic(Report),
    /// How far a request of [`ToAgent::Trace`] has come.
    Traced {
        /// Its nonce.
        nonce: u64,
        /// What happened.
        step: TraceStep,
    },
    /// The pod starts to drain: open no more relays to it, keep this one until it closes.
    Draining,
    /// The answer to [`ToAgent::Goodbye`]: requests that come to the agent from here on go elsewhere.
    Goodbye {
        /// How many streams the agent has opened on this relay. Some may still come, behind this answer.
        streams: u64,
    },
}

/// What one agent saw of a traced request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TraceStep {
    /// This agent looks out for it from now on.
    Expected,
    /// This agent cannot send it.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The Service's address took the connection.
    Connected,
    /// It did not.
    NotConnected {
        /// In the system's words.
        reason: String,
    },
    /// This pod's gate of the intercept has it.
    AtGate,
    /// The laptop took it from the gate.
    Delivered,
    /// This pod's NGINX is done with it.
    Passed {
        /// The intercept whose rule it fitted; absent when it went to the original pods.
        matched: Option<InterceptId>,
        /// Why it did not fit the one that was meant.
        miss: Option<Miss>,
        /// Whether the gate was asked and the original pods answered.
        fell_back: bool,
        /// The answer's status.
        status: u16,
    },
    /// The agent that sent it has an answer.
    Answered {
        /// Its first line; empty when the connection ended without one.
        line: String,
        /// Whether it is the laptop's own answer.
        by_laptop: bool,
    },
    /// No answer came in time.
    NoAnswer,
}

/// What this pod's NGINX does now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Intercepts in the configuration that NGINX runs.
    pub routed: Vec<InterceptId>,
    /// Those of them whose gate is open here.
    pub open: Vec<InterceptId>,
    /// Original pods that it asks by their own addresses, because the origin Service was not reached yet; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub direct: Vec<SocketAddr>,
    /// NGINX's words when it refused the newest record; it then keeps running the one before.
    pub rejected: Option<String>,
}

/// Agent to laptop, first on every stream that the agent opens.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StreamOpen {
    /// One connection from NGINX for this intercept, as bytes to its end.
    Connection {
        /// The intercept.
        intercept: InterceptId,
    },
    /// Requests of HTTP/1.1 for this intercept, one after the other.
    Requests {
        /// The intercept.
        intercept: InterceptId,
    },
    /// The agent's own request: the laptop answers it itself, the local program never sees it.
    Probe {
        /// As in the request for it.
        nonce: u64,
    },
}

/// Laptop to agent, one byte, before anything else on every stream that the agent opened, and of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// The local program took the connection; its bytes follow.
    Accepted = 1,
    /// Nothing of it was delivered: the agent sends what it has read elsewhere. Nothing follows.
    Refused = 2,
}

impl Verdict {
    /// Reads the byte; anything else is a peer that is not one of ours.
    ///
    /// # Errors
    /// [`FrameError::Garbage`].
    pub fn from_byte(byte: u8) -> Result<Self, FrameError> {
        match byte {
            1 => Ok(Self::Accepted),
            2 => Ok(Self::Refused),
            other => Err(FrameError::Garbage {
                what: format!("verdict byte {other}"),
            }),
        }
    }
}

/// A peer that does not speak this protocol, or no longer speaks at all.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The connection failed or ended.
    #[error("the relay connection ended")]
    Io(#[from] std::io::Error),
    /// The first bytes were not [`MAGIC`].
    #[error("the other end is not a relay of Intercept")]
    NotOurs,
    /// The other end is older or newer.
    #[error("the other end speaks relay version {theirs}, this program {PROTOCOL_VERSION}")]
    VersionMismatch {
        /// The other end's version.
        theirs: u16,
    },
    /// A frame announced more than [`MAX_FRAME`].
    #[error("a frame of {announced} bytes was announced; the limit is {MAX_FRAME}")]
    TooLong {
        /// The announced length.
        announced: usize,
    },
    /// A frame that says nothing this version knows.
    #[error("not understood: {what}")]
    Garbage {
        /// What was wrong.
        what: String,
    },
}

/// Writes magic, version and `first`.
///
/// # Errors
/// When the connection fails.
pub async fn write_preamble<T: Serialize>(
    io: &mut (impl AsyncWrite + Unpin),
    first: &T,
) -> Result<(), FrameError> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
    bytes.extend(encode(first));
    io.write_all(&bytes).await?;
    io.flush().await?;
    Ok(())
}

/// Reads magic, version and the first frame.
///
/// # Errors
/// When the other end is not ours, has another version, or the connection fails.
pub async fn read_preamble<T: DeserializeOwned>(io: &mut (impl AsyncRead + Unpin)) -> Result<T, FrameError> {
    let mut magic = [0; MAGIC.len()];
    io.read_exact(&mut magic).await?;
    if magic != MAGIC {
        return Err(FrameError::NotOurs);
    }
    let theirs = io.read_u16().await?;
    if theirs != PROTOCOL_VERSION {
        return Err(FrameError::VersionMismatch { theirs });
    }
    read_frame(io).await
}

/// Writes one frame and flushes it.
///
/// # Errors
/// When the connection fails.
pub async fn write_frame<T: Serialize>(
    io: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> Result<(), FrameError> {
    io.write_all(&encode(message)).await?;
    io.flush().await?;
    Ok(())
}

/// Reads one frame. Not safe to cancel between frames' first and last byte: give it a task of its own.
///
/// # Errors
/// When the frame is too long, says nothing known, or the connection fails or ends.
pub async fn read_frame<T: DeserializeOwned>(io: &mut (impl AsyncRead + Unpin)) -> Result<T, FrameError> {
    let announced = io.read_u32().await? as usize;
    if announced > MAX_FRAME {
        return Err(FrameError::TooLong { announced });
    }
    let mut body = vec![0; announced];
    io.read_exact(&mut body).await?;
    serde_json::from_slice(&body).map_err(|error| FrameError::Garbage {
        what: error.to_string(),
    })
}

/// One frame's bytes.
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let body = serde_json::to_vec(message).expect("a relay message must be representable as JSON");
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn a_hello_survives_the_wire() {
        let session = SessionId::random();
        let hello = Hello {
            program: "test".into(),
            session: session.clone(),
            token: Token::random(),
        };
        let mut wire = Vec::new();
        now(write_preamble(&mut wire, &hello)).unwrap();
        let read: Hello = now(read_preamble(&mut wire.as_slice())).unwrap();
        assert_eq!(read.session, session);
        assert!(hello.token.hash().admits(&read.token));
    }

    #[test]
    fn another_version_is_told_before_anything_is_parsed() {
        let mut wire = MAGIC.to_vec();
        wire.extend_from_slice(&7u16.to_be_bytes());
        let read = now(read_preamble::<Hello>(&mut wire.as_slice()));
        assert!(matches!(read, Err(FrameError::VersionMismatch { theirs: 7 })));
    }

    #[test]
    fn an_oversized_frame_is_refused_before_memory_is_taken() {
        let wire = u32::MAX.to_be_bytes();
        let read = now(read_frame::<ToAgent>(&mut wire.as_slice()));
        assert!(matches!(read, Err(FrameError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = now(read_preamble::<Hello>(&mut bytes.as_slice()));
            let _ = now(read_frame::<ToAgent>(&mut bytes.as_slice()));
            let _ = now(read_frame::<ToLaptop>(&mut bytes.as_slice()));
            let mut ours = MAGIC.to_vec();
            ours.extend_from_slice(&PROTOCOL_VERSION.to_be_bytes());
            ours.extend(bytes);
            let _ = now(read_preamble::<Answer>(&mut ours.as_slice()));
        }
    }
}
