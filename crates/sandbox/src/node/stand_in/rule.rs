//! Whether a request fits a rule: the same questions that the agent has NGINX ask.

use hyper::HeaderMap;
use intercept_protocol::matching::{Mark, Match};

/// Whether the request fits.
pub(super) fn fits(rule: &Match, method: &str, target: &str, headers: &HeaderMap) -> bool {
    let has_method = rule.methods.is_empty() || rule.methods.iter().any(|one| one.as_str() == method);
    let has_path = rule
        .path_prefix
        .as_ref()
        .is_none_or(|prefix| below(prefix.as_str(), target));
    has_method && has_path && marked(&rule.mark, headers)
}

fn below(prefix: &str, target: &str) -> bool {
    let Some(rest) = target.strip_prefix(prefix) else {
        return false;
    };
    prefix.ends_with('/') || rest.is_empty() || rest.starts_with(['/', '?'])
}

fn marked(mark: &Mark, headers: &HeaderMap) -> bool {
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    match mark {
        Mark::All => true,
        Mark::Header { name, value } => {
            let wanted = name.variable();
            let same = headers
                .iter()
                .filter(|(name, _)| name.as_str().replace('-', "_") == wanted);
            let sent: Vec<String> = same.map(|(_, value)| text(value)).collect();
            // NGINX joins what is sent several times.
            let sent = sent.join(", ");
            value
                .as_ref()
                .map_or(!sent.is_empty(), |value| sent == value.as_str())
        }
        Mark::Baggage { key, value } => {
            let lists = headers.get_all("baggage").iter().map(text);
            lists.into_iter().any(|list| {
                list.split(',').any(|member| {
                    let member = member.split(';').next().unwrap_or_default();
                    let Some((name, sent)) = member.split_once('=') else {
                        return false;
                    };
                    let sent = percent_encoding::percent_decode_str(sent.trim())
                        .decode_utf8_lossy()
                        .into_owned();
                    name.trim() == key.as_str()
                        && value
                            .as_ref()
                            .map_or(!sent.is_empty(), |value| sent == value.as_str())
                })
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use intercept_protocol::matching::{BaggageKey, HeaderName, PathPrefix, Value};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_header_fits_by_its_whole_value() {
        let rule = Match::default();
        assert!(fits(&rule, "GET", "/", &headers(&[("x-c6o-intercept", "yes")])));
        assert!(!fits(&rule, "GET", "/", &headers(&[("x-c6o-intercept", "Yes")])));
        assert!(!fits(&rule, "GET", "/", &headers(&[])));
        let any = Match::new(Mark::Header {
            name: HeaderName::new("X-Dev").unwrap(),
            value: None,
        });
        assert!(fits(&any, "GET", "/", &headers(&[("x-dev", "whatever")])));
    }

    #[test]
    fn a_baggage_member_fits_among_others_and_with_properties() {
        let rule = Match::new(Mark::Baggage {
            key: BaggageKey::new("dev").unwrap(),
            value: Some(Value::new("a b").unwrap()),
        });
        assert!(fits(
            &rule,
            "GET",
            "/",
            &headers(&[("baggage", "x=1, dev = a%20b ;p=2")])
        ));
        assert!(!fits(&rule, "GET", "/", &headers(&[("baggage", "xdev=a%20b")])));
    }

    #[test]
    fn a_path_fits_by_whole_segments() {
        let mut rule = Match::new(Mark::All);
        rule.path_prefix = Some(PathPrefix::new("/cart").unwrap());
        for (target, expected) in [
            ("/cart", true),
            ("/cart/1", true),
            ("/cart?x", true),
            ("/cartoon", false),
        ] {
            assert_eq!(
                fits(&rule, "GET", target, &HeaderMap::new()),
                expected,
                "{target}"
            );
        }
    }
}
