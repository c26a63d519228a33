//! Programs of this machine that take connections.

use std::collections::BTreeMap;
use std::time::Instant;

use intercept_engine::target::Target;

use crate::plan::millis;
use crate::wire::{Listener, TargetCheck};

/// Below are the system's own.
const FIRST_PORT: u16 = 1024;

/// What listens on ports that developers use, each port once. Nothing where the system does not tell.
pub(crate) async fn listeners() -> Vec<Listener> {
    let found = tokio::task::spawn_blocking(|| {
        listeners::get_all().map_err(|error| tracing::warn!(%error, "the programs that listen are not known"))
    });
    let own = std::process::id();
    let mut by_port = BTreeMap::new();
    for one in found.await.ok().and_then(Result::ok).unwrap_or_default() {
        let port = one.socket.port();
        let is_meant =
            one.protocol == listeners::Protocol::TCP && port >= FIRST_PORT && one.process.pid != own;
        let is_here = one.socket.ip().is_loopback() || one.socket.ip().is_unspecified();
        if is_meant && is_here {
            by_port.entry(port).or_insert(Listener {
                port,
                program: one.process.name,
                pid: one.process.pid,
            });
        }
    }
    by_port.into_values().collect()
}

/// Tries it.
pub(crate) async fn check(target: &Target) -> TargetCheck {
    let began = Instant::now();
    let tried = target.listening().await;
    TargetCheck {
        target: target.to_string(),
        is_listening: tried.is_ok(),
        why: tried.err().map(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        }),
        took_ms: millis(began.elapsed()),
    }
}
