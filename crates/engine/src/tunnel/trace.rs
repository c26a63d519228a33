//! A request through the Service's own address, followed by all agents that a relay is open to.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use intercept_protocol::ids::InterceptId;
use intercept_protocol::relay::TraceStep;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::connector::PodName;
use super::pool::RelayPool;
use super::relay::Order;
use super::state::RelayState;

/// An agent that lives says within this that it looks out.
const LOOKS_OUT: Duration = Duration::from_secs(1);
/// Longer than an agent waits for its answer.
const ANSWERED: Duration = Duration::from_secs(8);
/// NGINX tells of a request after its answer.
const TOLD_AFTER: Duration = Duration::from_millis(500);
const STEPS: usize = 64;

/// One step, as a pod's agent saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The pod.
    pub pod: PodName,
    /// What it saw.
    pub step: TraceStep,
    /// After the request was asked for.
    pub after: Duration,
}

/// What all agents saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Pods whose agents looked out for it.
    pub looking: BTreeSet<PodName>,
    /// Proxy pods that nobody could look out in, and how their relays stand.
    pub blind: Vec<(PodName, String)>,
    /// Who sent it.
    pub sender: Option<PodName>,
    /// Everything seen, in the order of hearing of it.
    pub steps: Vec<Traced>,
}

impl RelayPool {
    /// Follows one request that fits the intercept's rule from a proxy pod to `service`. Bounded in time.
    pub async fn trace(&self, intercept: &InterceptId, service: SocketAddr) -> Trace {
        let mut trace = Trace::default();
        let mut open = Vec::new();
        for (pod, state) in &*self.states_rx.borrow() {
            match state {
                RelayState::Open { .. } => open.push(pod.clone()),
                other => trace.blind.push((pod.clone(), other.to_string())),
            }
        }
        let nonce = self.nonces.fetch_add(1, Ordering::Relaxed);
        // relays → here
        let (steps_tx, mut steps_rx) = mpsc::channel(STEPS);
        let order = |to| Order::Trace {
            intercept: intercept.clone(),
            nonce,
            to,
            steps_tx: steps_tx.clone(),
        };
        for pod in &open {
            // A pool that has stopped answers nobody, which the wait below finds out.
            let _ = self.order_tx.send((pod.clone(), order(None))).await;
        }
        let deadline = Instant::now() + LOOKS_OUT;
        while trace.looking.len() < open.len() {
            match timeout_at(deadline, steps_rx.recv()).await {
                Ok(Some((pod, TraceStep::Expected))) => drop(trace.looking.insert(pod)),
                Ok(Some(_)) => {}
                _ => break,
            }
        }
        let silent = open.into_iter().filter(|pod| !trace.looking.contains(pod));
        trace
            .blind
            .extend(silent.map(|pod| (pod, "does not answer".to_owned())));
        trace.sender = trace.looking.first().cloned();
        if let Some(sender) = trace.sender.clone() {
            let began = Instant::now();
            let _ = self.order_tx.send((sender, order(Some(service)))).await;
            drop(steps_tx);
            follow(&mut trace, &mut steps_rx, began).await;
        }
        trace
    }
}

/// Until the sender has its answer, and NGINX has told of it or will not any more.
async fn follow(trace: &mut Trace, steps_rx: &mut mpsc::Receiver<(PodName, TraceStep)>, began: Instant) {
    let mut deadline = began + ANSWERED;
    let (mut is_answered, mut is_told) = (false, false);
    while let Ok(Some((pod, step))) = timeout_at(deadline, steps_rx.recv()).await {
        match &step {
            TraceStep::NotSent { .. } | TraceStep::NotConnected { .. } => is_answered = true,
            TraceStep::Answered { .. } | TraceStep::NoAnswer => {
                is_answered = true;
                deadline = deadline.min(Instant::now() + TOLD_AFTER);
            }
            TraceStep::Passed { .. } => is_told = true,
            _ => {}
        }
        let is_unsent = matches!(step, TraceStep::NotSent { .. } | TraceStep::NotConnected { .. });
        trace.steps.push(Traced {
            pod,
            step,
            after: began.elapsed(),
        });
        if is_unsent || (is_answered && is_told) {
            return;
        }
    }
}
