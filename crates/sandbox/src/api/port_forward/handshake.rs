//! Which protocol a client asks for, and the answer that switches to it.

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::api::respond::{self, Answer};
use crate::api::serve::header;

const CHANNELS: &str = "v4.channel.k8s.io";
const TUNNELLED: &str = "SPDY/3.1+portforward.k8s.io";
const SPDY: &str = "SPDY/3.1";
const PORT_FORWARD: &str = "portforward.k8s.io";

/// How a port-forward goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Channels,
    SpdyInWebSocket,
    Spdy,
}

impl Protocol {
    pub(super) fn asked(parts: &Parts) -> Option<Self> {
        let upgrade = header(parts, UPGRADE);
        if upgrade.eq_ignore_ascii_case(SPDY) {
            return Some(Self::Spdy);
        }
        if !upgrade.eq_ignore_ascii_case("websocket") {
            return None;
        }
        let offered = parts.headers.get_all(SEC_WEBSOCKET_PROTOCOL);
        let mut offered = offered
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|all| all.split(','))
            .map(str::trim);
        offered.find_map(|one| match one {
            TUNNELLED => Some(Self::SpdyInWebSocket),
            CHANNELS => Some(Self::Channels),
            _ => None,
        })
    }
}

pub(super) fn accept(parts: &Parts, protocol: Protocol) -> Answer {
    let mut answer = Response::new(respond::whole(""));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if protocol == Protocol::Spdy {
        headers.insert(UPGRADE, HeaderValue::from_static(SPDY));
        headers.insert(
            "x-stream-protocol-version",
            HeaderValue::from_static(PORT_FORWARD),
        );
        return answer;
    }
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let key = derive_accept_key(header(parts, SEC_WEBSOCKET_KEY).as_bytes());
    if let Ok(key) = HeaderValue::from_str(&key) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    }
    let chosen = if protocol == Protocol::Channels {
        CHANNELS
    } else {
        TUNNELLED
    };
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen));
    answer
}
