//! Words for rules that every face of the program says alike.

use intercept_protocol::matching::{Mark, Match};

/// Which requests a rule takes.
pub fn requests(rule: &Match) -> String {
    let mut words = match &rule.mark {
        Mark::Header {
            name,
            value: Some(value),
        } => format!("requests with {name}: {value}"),
        Mark::Header { name, value: None } => format!("requests with any {name}"),
        Mark::Baggage {
            key,
            value: Some(value),
        } => format!("requests with baggage {key}={value}"),
        Mark::Baggage { key, value: None } => format!("requests with any baggage {key}"),
        Mark::All => "all requests".to_owned(),
    };
    if let Some(path) = &rule.path_prefix {
        words += &format!(" below {path}");
    }
    if !rule.methods.is_empty() {
        let methods: Vec<&str> = rule.methods.iter().map(|one| one.as_str()).collect();
        words += &format!(" by {}", methods.join(" or "));
    }
    words
}

/// A command by which one request that fits can be sent, from inside the cluster.
pub fn curl(rule: &Match, namespace: &str, service: &str, port: &str) -> String {
    let mut words = String::from("curl");
    if let Some(method) = rule
        .methods
        .iter()
        .next()
        .filter(|_| rule.methods.iter().all(|one| one.as_str() != "GET"))
    {
        words += &format!(" -X {method}");
    }
    let any = "anything";
    match &rule.mark {
        Mark::Header { name, value } => {
            let value = value.as_ref().map_or(any, |value| value.as_str());
            words += &format!(" -H {}", quoted(&format!("{name}: {value}")));
        }
        Mark::Baggage { key, value } => {
            let value = value.as_ref().map_or(any, |value| value.as_str());
            words += &format!(" -H {}", quoted(&format!("baggage: {key}={}", percent(value))));
        }
        Mark::All => {}
    }
    let path = rule.path_prefix.as_ref().map_or("/", |path| path.as_str());
    words + " " + &quoted(&format!("http://{service}.{namespace}:{port}{path}"))
}

/// Quoted for a shell where that is needed.
fn quoted(text: &str) -> String {
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_./:=".contains(&b));
    if is_plain {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// As W3C baggage carries it.
fn percent(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.~!#$&'()*+/:<=>?@[]^`{|}".contains(&b);
    value
        .bytes()
        .map(|b| {
            if keep(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{mark_baggage, mark_header, method, path_prefix};

    #[test]
    fn a_rule_is_told_and_tried() {
        let mut rule = Match::default();
        assert_eq!(requests(&rule), "requests with X-C6O-INTERCEPT: yes");
        assert_eq!(
            curl(&rule, "shop", "api", "80"),
            "curl -H 'X-C6O-INTERCEPT: yes' http://api.shop:80/"
        );
        rule.path_prefix = Some(path_prefix("/cart").unwrap());
        rule.methods = [method("post").unwrap(), method("put").unwrap()].into();
        rule.mark = mark_header("X-Dev=it's").unwrap();
        assert_eq!(
            requests(&rule),
            "requests with X-Dev: it's below /cart by POST or PUT"
        );
        assert_eq!(
            curl(&rule, "shop", "api", "80"),
            r"curl -X POST -H 'X-Dev: it'\''s' http://api.shop:80/cart"
        );
        let baggage = Match::new(mark_baggage("dev=a b").unwrap());
        assert_eq!(
            curl(&baggage, "shop", "api", "80"),
            "curl -H 'baggage: dev=a%20b' http://api.shop:80/"
        );
        assert_eq!(requests(&Match::new(Mark::All)), "all requests");
    }
}
