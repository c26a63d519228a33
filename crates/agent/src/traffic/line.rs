//! One line of NGINX: written here as a format, read here again, so that the two cannot disagree.
//!
//! A line is a JSON array of texts, which NGINX escapes; whatever a client put into its request stays inside of its text.
//! Behind the fixed fields stand pairs: a header's name, its value. A line of a health check is `["h"]`.

use intercept_protocol::ids::InterceptId;
use intercept_protocol::record::{Intercept, Listener};

/// NGINX's variables, in the order of the fields. `$to_` gets the port behind it.
const FIELDS: [&str; 15] = [
    "msec",
    "request_time",
    "connection",
    "connection_requests",
    "remote_addr",
    "request_method",
    "request_uri",
    "server_protocol",
    "status",
    "upstream_addr",
    "upstream_bytes_sent",
    "upstream_bytes_received",
    "http_intercept_probe",
    "server_port",
    "to_",
];

/// What NGINX writes for a health check.
pub const HEALTH: &str = r#"["h"]"#;

/// The format of a port's lines, in pieces that a configuration can hold.
pub fn format(listener: &Listener, intercepts: &[&Intercept]) -> Vec<String> {
    let mut pieces = Vec::new();
    for (index, field) in FIELDS.iter().enumerate() {
        let start = if index == 0 { "[" } else { "," };
        let field = match *field {
            "to_" => format!("to_{}", listener.port),
            // The pod may know the port by another number.
            "server_port" => {
                pieces.push(format!("{start}\"{}\"", listener.port));
                continue;
            }
            field => field.to_owned(),
        };
        pieces.push(format!("{start}\"${field}\""));
    }
    for header in headers(intercepts) {
        pieces.push(format!(",\"{header}\",\"$http_{header}\""));
    }
    pieces.push("]".to_owned());
    pieces
}

/// The headers that rules look at, as NGINX names them.
pub fn headers(intercepts: &[&Intercept]) -> Vec<String> {
    let mut all = Vec::new();
    for header in intercepts.iter().filter_map(|one| one.rule.looks_at()) {
        if !all.contains(&header) {
            all.push(header);
        }
    }
    all
}

/// What a line says.
#[derive(Debug)]
pub(super) enum Line {
    Request(Box<Request>),
    Health,
}

/// One request that NGINX is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) ended: i64,
    pub(super) took: u64,
    pub(super) connection: u64,
    pub(super) place: u64,
    pub(super) address: String,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) protocol: String,
    pub(super) status: u16,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// The nonce of a probe.
    pub(super) probe: Option<u64>,
    pub(super) port: u16,
    /// The intercept that NGINX gave it to.
    pub matched: Option<InterceptId>,
    /// Whether NGINX asked the origin because a gate refused.
    pub(super) fell_back: bool,
    headers: Vec<String>,
}

impl Request {
    /// The nonce, where it is one of ours.
    pub(crate) fn probe(&self) -> Option<u64> {
        self.probe
    }

    /// Whether the origin answered for a gate, and with which status.
    pub(crate) fn ending(&self) -> (bool, u16) {
        (self.fell_back, self.status)
    }

    /// A header's value, empty where it did not come.
    pub(super) fn header(&self, name: &str) -> &str {
        let (pairs, _) = self.headers.as_chunks::<2>();
        let found = pairs.iter().find(|[one, _]| one == name);
        found.map_or("", |[_, value]| value)
    }
}

/// Reads a datagram of NGINX, which begins with what syslog wants.
pub(super) fn read(bytes: &[u8]) -> Option<Line> {
    let start = bytes.iter().position(|byte| *byte == b'[')?;
    // Bytes of a header need not be text; no rule's value holds what stands for them afterwards.
    let text = String::from_utf8_lossy(&bytes[start..]);
    let mut all: Vec<String> = serde_json::from_str(&text).ok()?;
    if all.len() < FIELDS.len() {
        return (all == ["h"]).then_some(Line::Health);
    }
    let headers = all.split_off(FIELDS.len());
    let fixed: [String; FIELDS.len()] = all.try_into().ok()?;
    let [
        ended,
        took,
        connection,
        place,
        address,
        method,
        uri,
        protocol,
        status,
        asked,
        sent,
        received,
        probe,
        port,
        to,
    ] = fixed;
    let matched = to.strip_prefix("i_").map(str::to_owned);
    Some(Line::Request(Box::new(Request {
        ended: i64::try_from(micros(&ended)).ok()?,
        took: micros(&took),
        connection: connection.parse().unwrap_or_default(),
        place: place.parse().unwrap_or_default(),
        address,
        method,
        uri,
        protocol,
        status: status.parse().unwrap_or_default(),
        fell_back: matched.is_some() && asked.contains(", "),
        matched: matched.and_then(|id| InterceptId::try_from(id).ok()),
        sent: last(&sent),
        received: last(&received),
        probe: probe.parse().ok(),
        port: port.parse().ok()?,
        headers,
    })))
}

/// Seconds with three decimals as microseconds, without a detour over numbers that round.
fn micros(text: &str) -> u64 {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: u64 = seconds.parse().unwrap_or_default();
    let millis: u64 = rest.parse().unwrap_or_default();
    seconds.saturating_mul(1_000_000).saturating_add(millis * 1000)
}

/// The number of the upstream that was asked last.
fn last(text: &str) -> u64 {
    let number = text.rsplit([',', ':']).next().unwrap_or_default();
    number.trim().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_a_gate_refused_is_told_from_one_it_took() {
        let line = |asked: &str, to: &str| {
            format!(
                r#"<190>Nov 25 16:53:18 i: ["1764089598.123","0.045","7","2","10.0.0.1","GET","/a?b=\u0022","HTTP/1.1","200","{asked}","0, 100","0, 215","","8080","{to}","x_dev","é\\"]"#
            )
        };
        let read = |text: String| match read(text.as_bytes()) {
            Some(Line::Request(request)) => request,
            other => panic!("{other:?}"),
        };
        let id = InterceptId::random();
        let fell = read(line("unix:/run/gate/x.sock, 10.0.0.2:80", &format!("i_{id}")));
        assert!(fell.fell_back && fell.matched == Some(id));
        assert_eq!((fell.ended, fell.took), (1_764_089_598_123_000, 45_000));
        assert_eq!((fell.sent, fell.received, fell.port), (100, 215, 8080));
        assert_eq!((fell.uri.as_str(), fell.header("x_dev")), ("/a?b=\"", "é\\"));
        let origin = read(line("10.0.0.2:80, 10.0.0.3:80", "origin_8080"));
        assert!(!origin.fell_back && origin.matched.is_none());
    }

    #[test]
    fn what_is_no_line_is_none() {
        for bytes in [&b""[..], b"<190>x", b"[", b"[1]", b"[\"a\"]", &[b'[', 0xff, b']']] {
            assert!(read(bytes).is_none());
        }
        assert!(matches!(read(b"<190>x i: [\"h\"]"), Some(Line::Health)));
    }
}
