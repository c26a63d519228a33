//! A request that one intercept takes and none that is asked before it.

use std::fmt::Write as _;

use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::record::{Intercept, Record};
use intercept_protocol::relay::PROBE_HEADER;
use intercept_protocol::traffic::Asked;

/// Tried where a rule leaves the method open; somebody before may have named some of them.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROBE"];
/// The value where any will do: unlikely to be anybody's own.
const ANY_VALUE: &str = "intercept-probe";

/// Methods that change nothing, wherever they end up.
const HARMLESS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// What a request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Anything: it only ever meets a gate.
    Any,
    /// Nothing that could change something, because it may meet an original pod.
    Harmless,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    method: String,
    path: String,
    mark: Option<(String, String)>,
}

fn mark(mark: &Mark) -> Option<(String, String)> {
    let or_any = |value: &Option<_>| {
        value.as_ref().map_or(
            ANY_VALUE.to_owned(),
            |value: &intercept_protocol::matching::Value| value.as_str().to_owned(),
        )
    };
    match mark {
        Mark::All => None,
        Mark::Header { name, value } => Some((name.as_str().to_owned(), or_any(value))),
        Mark::Baggage { key, value } => {
            Some(("baggage".to_owned(), format!("{key}={}", percent(&or_any(value)))))
        }
    }
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

impl Request {
    /// A request that NGINX gives to `intercept`; none when others take everything it could.
    pub(crate) fn fitting(record: &Record, intercept: &Intercept, wanted: Wanted) -> Option<Request> {
        let rule = &intercept.rule;
        let named = rule.methods.iter().map(|method| method.as_str().to_owned());
        let any = METHODS.map(str::to_owned).into_iter();
        let mut methods: Vec<String> = if rule.methods.is_empty() {
            any.collect()
        } else {
            named.collect()
        };
        methods.retain(|method| wanted == Wanted::Any || HARMLESS.contains(&method.as_str()));
        let prefix = rule.path_prefix.as_ref().map_or("/", |prefix| prefix.as_str());
        let below = format!("{}/intercept-probe", prefix.trim_end_matches('/'));
        let order = record.by_precedence(intercept.port);
        [prefix.to_owned(), below]
            .into_iter()
            .flat_map(|path| methods.iter().map(move |method| (path.clone(), method.clone())))
            .map(|(path, method)| Request {
                method,
                path,
                mark: mark(&rule.mark),
            })
            .find(|request| {
                let first = order.iter().find(|one| request.fits(&one.rule));
                first.is_some_and(|one| one.id == intercept.id)
            })
    }

    fn fits(&self, rule: &Match) -> bool {
        let header = |name: &str| match &self.mark {
            Some((header, value)) if header.to_ascii_lowercase().replace('-', "_") == name => value.as_str(),
            _ => "",
        };
        let asked = Asked {
            method: &self.method,
            uri: &self.path,
            header: &header,
        };
        rule.judge(&asked).is_ok()
    }

    /// The request as it is sent.
    pub(crate) fn to_bytes(&self, host: &str, probe_header: &str, nonce: u64) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        if let Some((name, value)) = &self.mark {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let _ = write!(
            text,
            "{probe_header}: {nonce}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        text.into_bytes()
    }
}

/// The nonce in the head of a request, if it has one.
pub(super) fn nonce_in(first: &[u8]) -> Option<u64> {
    first.split(|byte| *byte == b'\n').find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (name, value) = line.split_once(':')?;
        if !name.eq_ignore_ascii_case(PROBE_HEADER) {
            return None;
        }
        value.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use intercept_protocol::ids::{InterceptId, SessionId, Token};
    use intercept_protocol::matching::{BaggageKey, HeaderName, Method, PathPrefix, Value};
    use intercept_protocol::record::Owner;

    use super::*;

    fn intercept(rule: Match) -> Intercept {
        Intercept {
            id: InterceptId::random(),
            port: 80,
            rule,
            owner: Owner {
                user: "u".into(),
                host: "h".into(),
            },
            session: SessionId::random(),
            token_hash: Token::random().hash(),
            target: String::new(),
            created: 0,
            expires: None,
        }
    }

    fn record(intercepts: Vec<Intercept>) -> Record {
        Record {
            format: 1,
            namespace: "n".into(),
            service: "s".into(),
            origin: [127, 0, 0, 1].into(),
            listeners: Vec::new(),
            relay_port: 1,
            health_port: 2,
            grace_seconds: 60,
            forwarded_headers: false,
            intercepts,
        }
    }

    fn header(value: Option<&str>) -> Match {
        Match::new(Mark::Header {
            name: HeaderName::new("X-Dev").unwrap(),
            value: value.map(|value| Value::new(value).unwrap()),
        })
    }

    #[test]
    fn a_probe_avoids_the_methods_of_whoever_comes_first() {
        let mut gets = header(Some("a"));
        gets.methods.insert(Method::new("GET").unwrap());
        let mine = intercept(header(Some("a")));
        let record = record(vec![mine.clone(), intercept(gets)]);
        assert_eq!(
            Request::fitting(&record, &mine, Wanted::Any).unwrap().method,
            "POST"
        );
    }

    #[test]
    fn a_rule_that_is_wholly_covered_has_no_probe() {
        let mut wide = header(Some("a"));
        wide.path_prefix = Some(PathPrefix::new("/").unwrap());
        let mine = intercept(header(Some("a")));
        let record = record(vec![mine.clone(), intercept(wide)]);
        assert_eq!(Request::fitting(&record, &mine, Wanted::Any), None);
    }

    #[test]
    fn a_baggage_value_is_sent_encoded() {
        let rule = Match::new(Mark::Baggage {
            key: BaggageKey::new("dev").unwrap(),
            value: Some(Value::new("jürgen, a").unwrap()),
        });
        let mine = intercept(rule);
        let request = Request::fitting(&record(vec![mine.clone()]), &mine, Wanted::Any).unwrap();
        let text = String::from_utf8(request.to_bytes("s", PROBE_HEADER, 7)).unwrap();
        assert!(text.contains("baggage: dev=j%C3%BCrgen%2C%20a\r\n"), "{text}");
        assert_eq!(nonce_in(text.as_bytes()), Some(7));
    }

    #[test]
    fn other_bytes_have_no_nonce() {
        assert_eq!(nonce_in(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"), None);
        assert_eq!(nonce_in(&[0xff, b'\n', 0x16, 3, 1]), None);
    }
}
