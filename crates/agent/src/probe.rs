//! The probe: one request through NGINX that proves the whole way to a laptop, before any real one takes it.
//!
//! It fits the intercept's rule like any other request, so NGINX treats it like any other. The gate knows
//! it by its nonce, and only while it is under way; the local program and the origin never see it.

mod request;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::relay::PROBE_HEADER;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::agent::Agent;
pub(crate) use request::{Request, Wanted};

const LIMIT: Duration = Duration::from_secs(5);
const MAX_ANSWER: u64 = 16 * 1024;

/// How far a probe has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Sent,
    AtGate,
    Taken,
}

/// Probes under way.
#[derive(Debug, Default)]
pub struct Probes {
    under_way: Mutex<BTreeMap<u64, Stage>>,
}

/// Where a probe stopped.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The record here is older than the laptop's.
    #[error("the agent's record does not hold the intercept yet")]
    Unknown,
    /// NGINX does not have it.
    #[error("NGINX does not run a configuration with the intercept yet")]
    NotRouted,
    /// No laptop is connected for it.
    #[error("the intercept's gate is shut")]
    GateShut,
    /// Every request it could take belongs to somebody who comes first.
    #[error("other intercepts take every request that this one could")]
    Shadowed,
    /// NGINX could not be asked.
    #[error("NGINX cannot be reached on port {port}: {reason}")]
    Unreachable {
        /// The listener's port.
        port: u16,
        /// Why.
        reason: String,
    },
    /// NGINX sent it elsewhere.
    #[error("NGINX answered `{answer}` without asking the intercept's gate")]
    PassedBy {
        /// The answer's first line.
        answer: String,
    },
    /// The laptop did not take it.
    #[error("the laptop did not take the probe")]
    NotTaken,
    /// The laptop took it and its answer did not come back.
    #[error("the laptop's answer did not come back through NGINX")]
    NoAnswer,
    /// Nothing came back in time.
    #[error("no answer within {} s, stopped {at}", LIMIT.as_secs())]
    TimedOut {
        /// How far it had come.
        at: &'static str,
    },
}

impl Probes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Stage>> {
        // Nothing panics while it is held, and a map of numbers is whole at any moment.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any is under way; then connections are looked at.
    pub fn is_any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// The nonce, if `first` begins a probe that is under way and was not claimed before.
    pub fn claim(&self, first: &[u8]) -> Option<u64> {
        let mut under_way = self.lock();
        if under_way.is_empty() {
            return None;
        }
        let nonce = request::nonce_in(first)?;
        let stage = under_way.get_mut(&nonce).filter(|stage| **stage == Stage::Sent)?;
        *stage = Stage::AtGate;
        Some(nonce)
    }

    /// The laptop took it.
    pub fn taken(&self, nonce: u64) {
        if let Some(stage) = self.lock().get_mut(&nonce) {
            *stage = Stage::Taken;
        }
    }

    /// From here on, and until the answer is dropped, a request with this nonce is one.
    pub(crate) fn begin(&self, nonce: u64) -> UnderWay<'_> {
        self.lock().insert(nonce, Stage::Sent);
        UnderWay { probes: self, nonce }
    }
}

/// A probe that ends when this is dropped.
pub(crate) struct UnderWay<'a> {
    probes: &'a Probes,
    nonce: u64,
}

impl UnderWay<'_> {
    fn stage(&self) -> Stage {
        self.probes
            .lock()
            .get(&self.nonce)
            .copied()
            .unwrap_or(Stage::Sent)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.probes.lock().remove(&self.nonce);
    }
}

/// Sends one probe and waits for the laptop's answer.
///
/// # Errors
/// Where it stopped.
pub async fn send(agent: &Agent, intercept: &InterceptId, nonce: u64) -> Result<(), ProbeError> {
    let record = agent.record.borrow().clone().ok_or(ProbeError::Unknown)?;
    let found = record.intercepts.iter().find(|one| one.id == *intercept);
    let found = found.ok_or(ProbeError::Unknown)?;
    {
        let status = agent.status.borrow();
        if !status.routed.contains(intercept) {
            return Err(ProbeError::NotRouted);
        }
        // Otherwise NGINX would give it to the origin.
        if !status.open.contains(intercept) {
            return Err(ProbeError::GateShut);
        }
    }
    let request = Request::fitting(&record, found, Wanted::Any).ok_or(ProbeError::Shadowed)?;
    let bytes = request.to_bytes(&record.service, PROBE_HEADER, nonce);
    let under_way = agent.probes.begin(nonce);
    let answer = timeout(
        LIMIT,
        ask(SocketAddr::new(agent.settings.own_address(), found.port), &bytes),
    )
    .await;
    match (answer, under_way.stage()) {
        (Err(_), stage) => Err(ProbeError::TimedOut { at: stage.place() }),
        (Ok(Err(error)), _) => Err(ProbeError::Unreachable {
            port: found.port,
            reason: error.to_string(),
        }),
        (Ok(Ok(answer)), Stage::Taken) if answer.starts_with("HTTP/") => Ok(()),
        (Ok(Ok(_)), Stage::Taken) => Err(ProbeError::NoAnswer),
        (Ok(Ok(_)), Stage::AtGate) => Err(ProbeError::NotTaken),
        (Ok(Ok(answer)), Stage::Sent) => Err(ProbeError::PassedBy { answer }),
    }
}

impl Stage {
    fn place(self) -> &'static str {
        match self {
            Stage::Sent => "before the intercept's gate",
            Stage::AtGate => "between gate and laptop",
            Stage::Taken => "on the laptop",
        }
    }
}

/// The answer's first line, empty where there was none.
async fn ask(address: SocketAddr, bytes: &[u8]) -> std::io::Result<String> {
    let mut io = TcpStream::connect(address).await?;
    io.write_all(bytes).await?;
    let mut answer = Vec::new();
    io.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).chars().take(100).collect())
}
