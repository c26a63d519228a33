//! What a port-forward does to the bytes it carries: nothing, unless a fault is ordered.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::watch;

use super::Pod;
use crate::faults::TunnelFault;

/// Watches for faults on one open port-forward.
pub(super) struct Carrier {
    pod: Pod,
    changes: watch::Receiver<u64>,
}

/// The port-forward is to end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

impl Carrier {
    pub(super) fn new(pod: Pod) -> Self {
        let changes = pod.api.faults.changes();
        Self { pod, changes }
    }

    /// Passes bytes on, late, changed or not at all.
    pub(super) async fn pass(&mut self, bytes: Bytes) -> Result<Bytes, Ended> {
        let fault = self.pod.api.faults.tunnel(&self.pod.call);
        match fault {
            Some(TunnelFault::Cut) => Err(Ended),
            Some(TunnelFault::Stall) => {
                self.pod.is_stalled.store(true, Ordering::SeqCst);
                self.stall().await
            }
            Some(TunnelFault::Corrupt) => Ok(corrupted(&bytes)),
            None if self.pod.is_stalled.load(Ordering::SeqCst) => self.stall().await,
            None => Ok(bytes),
        }
    }

    /// Ends when a fault says so, while nothing passes.
    pub(super) async fn cut(&mut self) {
        loop {
            if self.changes.changed().await.is_err() {
                return std::future::pending().await;
            }
            match self.pod.api.faults.tunnel(&self.pod.call) {
                Some(TunnelFault::Cut) => return,
                Some(TunnelFault::Stall) => self.pod.is_stalled.store(true, Ordering::SeqCst),
                Some(TunnelFault::Corrupt) | None => {}
            }
        }
    }

    /// Nothing passes any more; a cut still ends it.
    async fn stall(&mut self) -> Result<Bytes, Ended> {
        self.cut().await;
        Err(Ended)
    }
}

fn corrupted(bytes: &Bytes) -> Bytes {
    let mut changed = bytes.to_vec();
    if let Some(middle) = changed.len().checked_div(2).and_then(|at| changed.get_mut(at)) {
        *middle ^= 0x40;
    }
    changed.into()
}
