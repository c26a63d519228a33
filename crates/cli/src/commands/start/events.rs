//! Events of a session as programs read them; their names are stable.

use intercept_engine::session::{CloseReason, Phase};
use intercept_engine::tunnel::RelayEvent;
use serde_json::{Value, json};

use crate::words::span;

/// A number where it is one, as everywhere else.
pub(super) fn port_value(port: Option<&str>) -> Value {
    port.map(|port| {
        port.parse::<u16>()
            .map_or_else(|_| Value::from(port), Value::from)
    })
    .unwrap_or_default()
}

pub(super) fn phase_event(phase: &Phase) -> Value {
    let named = |name: &str| json!({ "event": "phase", "phase": name });
    match phase {
        Phase::Planning => named("planning"),
        Phase::Applying => named("applying"),
        Phase::Active => named("active"),
        Phase::Reconnecting => named("reconnecting"),
        Phase::Displaced { by } => json!({ "event": "phase", "phase": "displaced", "by": by }),
        Phase::Closing { why } => json!({ "event": "phase", "phase": "closing", "why": reason(*why) }),
        Phase::Closed => named("closed"),
    }
}

/// Why it closes, for programs.
pub(super) fn reason(why: CloseReason) -> &'static str {
    match why {
        CloseReason::Asked => "asked",
        CloseReason::Expired => "expired",
        CloseReason::RemovedByOther => "removedByOther",
        CloseReason::ProxyLost => "proxyLost",
    }
}

pub(super) fn relay_words(event: &RelayEvent) -> (&'static str, Option<String>, String) {
    match event {
        RelayEvent::Opened { pod, agent } => (
            "opened",
            Some(pod.to_string()),
            format!("Tunnel to {pod} is open ({agent})"),
        ),
        RelayEvent::Lost { pod, reason } => (
            "lost",
            Some(pod.to_string()),
            format!("Tunnel to {pod} was lost: {reason}"),
        ),
        RelayEvent::Rejected { pod, words } => (
            "rejected",
            Some(pod.to_string()),
            format!("NGINX in {pod} refused the newest record: {words}"),
        ),
        RelayEvent::Draining { pod } => (
            "draining",
            Some(pod.to_string()),
            format!("{pod} is on its way out; others take over"),
        ),
        RelayEvent::NotServed { reason, .. } => (
            "notServed",
            None,
            format!("Not answered here, so the original pods got it: {reason}"),
        ),
        RelayEvent::Slept { duration } => (
            "slept",
            None,
            format!("This machine slept for {}", span(duration.as_secs())),
        ),
    }
}
