//! Links that open the sheet: `intercept://start?svc=cart&ns=shop&port=80&to=3000&header=X-Dev=ann&context=kind`.
//!
//! Anybody can write one, on any page: they fill the sheet and do nothing. Whoever reads it decides.

use percent_encoding::percent_decode_str;

use crate::wire::{Goal, InterceptWish, MarkWish, Preferences};

/// A link is typed or generated; nothing sensible is longer.
const LONGEST: usize = 4096;

/// Where a link leads; nothing where it is none of ours.
pub fn goal(link: &str, preferences: &Preferences) -> Option<Goal> {
    let rest = link
        .strip_prefix("intercept://")
        .filter(|_| link.len() <= LONGEST)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    match place.trim_end_matches('/') {
        "start" => Some(Goal::Sheet {
            wish: Box::new(wish(query, preferences)),
        }),
        "requests" => Some(Goal::Inspector),
        "" => Some(Goal::Services),
        _ => None,
    }
}

fn wish(query: &str, preferences: &Preferences) -> InterceptWish {
    let mut wish = InterceptWish {
        context: preferences.last_context.clone().unwrap_or_default(),
        namespace: String::new(),
        service: String::new(),
        port: None,
        mark: MarkWish::Header {
            name: preferences.default_header.clone(),
            value: Some(preferences.default_value.clone()),
        },
        path_prefix: None,
        methods: Vec::new(),
        target: String::new(),
        accept_any_certificate: false,
        ttl_seconds: None,
        protocol: None,
        recording: preferences.recording,
    };
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = decoded(value);
        match name {
            "context" | "ctx" => wish.context = value,
            "ns" | "namespace" => wish.namespace = value,
            "svc" | "service" => wish.service = value,
            "port" => wish.port = Some(value),
            "to" => wish.target = value,
            "path" => wish.path_prefix = Some(value),
            "method" => wish.methods.push(value),
            "all" => wish.mark = MarkWish::All,
            "header" => {
                let (name, value) = pair(&value);
                wish.mark = MarkWish::Header { name, value };
            }
            "baggage" => {
                let (key, value) = pair(&value);
                wish.mark = MarkWish::Baggage { key, value };
            }
            _ => {}
        }
    }
    wish
}

fn pair(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8_lossy();
    decoded.chars().filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fills_the_sheet() {
        let link =
            "intercept://start?svc=cart&ns=shop&port=80&to=3000&header=X-Dev%3Dann&context=kind&method=GET";
        let Some(Goal::Sheet { wish }) = goal(link, &Preferences::default()) else {
            panic!("it leads to the sheet");
        };
        assert_eq!(
            (
                wish.service.as_str(),
                wish.namespace.as_str(),
                wish.context.as_str()
            ),
            ("cart", "shop", "kind")
        );
        assert_eq!((wish.port.as_deref(), wish.target.as_str()), (Some("80"), "3000"));
        let mark = MarkWish::Header {
            name: "X-Dev".to_owned(),
            value: Some("ann".to_owned()),
        };
        assert_eq!(
            (wish.mark, wish.methods.as_slice()),
            (mark, ["GET".to_owned()].as_slice())
        );
    }

    #[test]
    fn what_is_not_said_is_as_the_user_prefers() {
        let preferences = Preferences {
            last_context: Some("staging".to_owned()),
            ..Preferences::default()
        };
        let Some(Goal::Sheet { wish }) = goal("intercept://start?svc=cart", &preferences) else {
            panic!("it leads to the sheet");
        };
        assert_eq!(wish.context, "staging");
        assert!(matches!(wish.mark, MarkWish::Header { name, .. } if name == "X-C6O-INTERCEPT"));
    }

    #[test]
    fn what_is_none_of_ours_leads_nowhere() {
        let preferences = Preferences::default();
        for link in ["http://start?svc=a", "intercept://stop", "intercept://../etc", ""] {
            assert_eq!(goal(link, &preferences), None, "{link}");
        }
        assert_eq!(
            goal(
                &format!("intercept://start?svc={}", "a".repeat(5000)),
                &preferences
            ),
            None
        );
        let hostile = goal("intercept://start?svc=%00%0aa%ff&&&=&x", &preferences);
        assert!(matches!(hostile, Some(Goal::Sheet { wish }) if wish.service.starts_with('a')));
    }
}
