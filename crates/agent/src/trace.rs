//! A request through the Service's own address, followed through every proxy pod it may meet.
//!
//! Unlike a [probe](crate::probe) it goes the way of everybody's requests: through the nodes' routing, to whichever pod
//! that picks. Each agent is told its nonce before one of them sends it, and each tells what it sees. It may end up at an
//! original pod, so it never asks for anything that could change something there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::{Listener, PortProtocol, Record};
use intercept_protocol::relay::{PROBE_HEADER, ToLaptop, TraceStep};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::agent::Agent;
use crate::probe::{Request, Wanted};
use crate::traffic::{Passed, why};

/// Somebody who sends it does so within this.
const EXPECTED_FOR: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(4);
const MAX_HEAD: usize = 16 * 1024;
/// Far more than there are people who ask why.
const MAX_EXPECTED: usize = 64;

/// Requests that may come, and who wants to know.
#[derive(Debug, Default)]
pub struct Traces {
    expected: Mutex<Vec<Expected>>,
}

#[derive(Debug)]
struct Expected {
    nonce: u64,
    intercept: InterceptId,
    // here → control stream
    tell_tx: mpsc::Sender<ToLaptop>,
}

impl Traces {
    fn lock(&self) -> MutexGuard<'_, Vec<Expected>> {
        // Nothing panics while it is held.
        self.expected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether any is expected; then lines are read.
    pub fn is_any(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Tells a step of one that is expected.
    pub fn step(&self, nonce: u64, step: TraceStep) {
        if let Some(expected) = self.lock().iter().find(|one| one.nonce == nonce) {
            // A laptop that does not read is not asked to.
            let _ = expected.tell_tx.try_send(ToLaptop::Traced { nonce, step });
        }
    }

    /// NGINX is done with a request; where it is one of these, its laptop is told.
    pub fn passed(&self, record: &Record, request: &Passed) {
        let Some(nonce) = request.probe() else { return };
        let meant = {
            let expected = self.lock();
            let found = expected.iter().find(|one| one.nonce == nonce);
            found.map(|one| one.intercept.clone())
        };
        let Some(meant) = meant else { return };
        let intercept = record.intercepts.iter().find(|one| one.id == meant);
        let is_matched = request.matched.as_ref() == Some(&meant);
        let miss = intercept
            .filter(|_| !is_matched)
            .map(|intercept| why(intercept, request).0);
        let (fell_back, status) = request.ending();
        let step = TraceStep::Passed {
            matched: request.matched.clone(),
            miss,
            fell_back,
            status,
        };
        self.step(nonce, step);
    }
}

/// Looks out for a request until it cannot come any more.
pub async fn expect(agent: &Agent, intercept: InterceptId, nonce: u64, tell_tx: mpsc::Sender<ToLaptop>) {
    if agent.traces.lock().len() >= MAX_EXPECTED {
        let reason = "too many others are looked out for".to_owned();
        let step = TraceStep::NotSent { reason };
        let _ = tell_tx.send(ToLaptop::Traced { nonce, step }).await;
        return;
    }
    let _probe = agent.probes.begin(nonce);
    agent.traces.lock().push(Expected {
        nonce,
        intercept,
        tell_tx,
    });
    agent.traces.step(nonce, TraceStep::Expected);
    sleep(EXPECTED_FOR).await;
    agent.traces.lock().retain(|one| one.nonce != nonce);
}

/// Sends it to the Service's address, and tells what comes of that.
pub async fn send(
    agent: &Agent,
    intercept: &InterceptId,
    nonce: u64,
    to: SocketAddr,
    tell_tx: mpsc::Sender<ToLaptop>,
) {
    let tell = async |step| {
        // A laptop that left meanwhile needs no answer.
        let _ = tell_tx.send(ToLaptop::Traced { nonce, step }).await;
    };
    let (bytes, to) = match prepare(agent, intercept, nonce, to) {
        Ok(prepared) => prepared,
        Err(reason) => return tell(TraceStep::NotSent { reason }).await,
    };
    let connected = timeout(CONNECT, TcpStream::connect(to)).await;
    let mut io = match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(io) => io,
        Err(error) => {
            let reason = error.to_string();
            return tell(TraceStep::NotConnected { reason }).await;
        }
    };
    tell(TraceStep::Connected).await;
    let step = match timeout(ANSWER, ask(&mut io, &bytes)).await {
        Ok(Ok(head)) => answered(&head, nonce),
        Ok(Err(_)) => answered("", nonce),
        Err(_) => TraceStep::NoAnswer,
    };
    tell(step).await;
}

fn answered(head: &str, nonce: u64) -> TraceStep {
    const LINE: usize = 100;
    let own = format!("{PROBE_HEADER}: {nonce}");
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().chars().take(LINE).collect();
    let by_laptop = lines.any(|line| line.eq_ignore_ascii_case(&own));
    TraceStep::Answered { line, by_laptop }
}

fn prepare(
    agent: &Agent,
    intercept: &InterceptId,
    nonce: u64,
    mut to: SocketAddr,
) -> Result<(Vec<u8>, SocketAddr), String> {
    let record = agent.record.borrow().clone();
    let record = record.ok_or("the agent has no record yet")?;
    let found = record.intercepts.iter().find(|one| one.id == *intercept);
    let found = found.ok_or("the agent's record does not hold the intercept")?;
    let listener = record.listener(found.port).ok_or("the record has no such port")?;
    if to.port() == 0 {
        to.set_port(listener.service_port);
    }
    if !is_the_services(listener, to, agent.settings.pod_address) {
        return Err(format!("{to} cannot be an address of the Service"));
    }
    let request = Request::fitting(&record, found, Wanted::Harmless)
        .ok_or("no request that is sure to change nothing fits the rule, or other rules take all of them")?;
    Ok((request.to_bytes(&record.service, PROBE_HEADER, nonce), to))
}

/// The laptop names the address; it must not become a way to speak to anything else.
fn is_the_services(listener: &Listener, to: SocketAddr, own: Option<IpAddr>) -> bool {
    let is_port = listener.protocol == PortProtocol::Http
        && [listener.service_port, listener.port].contains(&to.port());
    let is_special = match to.ip() {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local(),
    };
    // Pods that share one network have no other addresses.
    is_port && !is_special && (own.is_some() || !to.ip().is_loopback())
}

/// The head of the answer, as far as it came.
async fn ask(io: &mut TcpStream, bytes: &[u8]) -> io::Result<String> {
    io.write_all(bytes).await?;
    let mut head = Vec::new();
    while head.len() < MAX_HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if io.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_to_nothing_but_a_services_port() {
        let listener = |protocol| Listener {
            port: 8080,
            service_port: 80,
            protocol,
            direct: Vec::new(),
        };
        let http = listener(PortProtocol::Http);
        let may = |to: &str| is_the_services(&http, to.parse().unwrap(), None);
        assert!(may("10.96.0.7:80") && may("10.0.0.3:8080") && may("[fd00::7]:80"));
        for to in [
            "10.96.0.7:22",
            "169.254.169.254:80",
            "127.0.0.1:80",
            "0.0.0.0:80",
            "224.0.0.1:80",
            "[fe80::1]:80",
            "[::1]:80",
        ] {
            assert!(!may(to), "{to}");
        }
        let own = Some(IpAddr::from([127, 0, 0, 9]));
        assert!(is_the_services(&http, "127.9.0.1:80".parse().unwrap(), own));
        let tcp = listener(PortProtocol::Tcp);
        assert!(!is_the_services(&tcp, "10.96.0.7:80".parse().unwrap(), None));
    }

    #[test]
    fn an_answer_is_the_laptops_only_with_the_nonce() {
        let answer = |head: &str| match answered(head, 7) {
            TraceStep::Answered { line, by_laptop } => (line, by_laptop),
            other => panic!("{other:?}"),
        };
        let own = "HTTP/1.1 204 No Content\r\nIntercept-Probe: 7\r\n\r\n";
        assert_eq!(answer(own), ("HTTP/1.1 204 No Content".to_owned(), true));
        assert!(!answer("HTTP/1.1 200 OK\r\nintercept-probe: 8\r\n\r\n").1);
        assert_eq!(answer(""), (String::new(), false));
    }
}
