//! What names, labels and their values may look like. Each rule answers with what is wrong, in Kubernetes'
//! words, or `None`.

const LABEL_1123: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_1123: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const PORT_NAME: &str = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";

pub(crate) fn label_1123(text: &str) -> Option<String> {
    too_long(text, 63).or_else(|| (!is_label(text)).then(|| LABEL_1123.to_owned()))
}

pub(crate) fn label_1035(text: &str) -> Option<String> {
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    too_long(text, 63).or_else(|| (!is_label(text) || !begins).then(|| LABEL_1035.to_owned()))
}

pub(crate) fn subdomain_1123(text: &str) -> Option<String> {
    too_long(text, 253).or_else(|| (!text.split('.').all(is_label)).then(|| SUBDOMAIN_1123.to_owned()))
}

/// What may stand in a path: the rule for RBAC's names.
pub(crate) fn path_segment(text: &str) -> Option<String> {
    if matches!(text, "." | "..") {
        return Some(format!("may not be '{text}'"));
    }
    text.contains(['/', '%'])
        .then(|| "may not contain '/' or '%'".to_owned())
}

/// A label's or annotation's key.
pub(crate) fn qualified(text: &str) -> Option<String> {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            return Some("prefix part must be non-empty".to_owned());
        }
        if let Some(why) = subdomain_1123(prefix) {
            return Some(format!("prefix part {why}"));
        }
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if let Some(why) = too_long(name, 63) {
        return Some(format!("name part {why}"));
    }
    (!is_worded(name)).then(|| QUALIFIED.to_owned())
}

pub(crate) fn label_value(text: &str) -> Option<String> {
    too_long(text, 63).or_else(|| (!text.is_empty() && !is_worded(text)).then(|| VALUE.to_owned()))
}

/// A container port's name, by which Services may target it.
pub(crate) fn port_name(text: &str) -> Option<String> {
    if text.len() > 15 {
        return Some("must be no more than 15 characters".to_owned());
    }
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.bytes().all(is_plain) || text.is_empty() {
        return Some(PORT_NAME.to_owned());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Some("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        return Some("must not contain consecutive hyphens".to_owned());
    }
    (text.starts_with('-') || text.ends_with('-')).then(|| "must not begin or end with a hyphen".to_owned())
}

fn too_long(text: &str, most: usize) -> Option<String> {
    (text.len() > most).then(|| format!("must be no more than {most} characters"))
}

fn is_label(text: &str) -> bool {
    let is_edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_edge)
        && bytes.last().is_some_and(is_edge)
        && bytes.iter().all(|byte| is_edge(byte) || *byte == b'-')
}

fn is_worded(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_kubernetes_judges_them() {
        assert_eq!(label_1035("api-2"), None);
        assert!(label_1035("2-api").is_some_and(|why| why.contains("DNS-1035")));
        assert_eq!(label_1123("2-api"), None);
        assert!(label_1123("a.b").is_some() && subdomain_1123("a.b").is_none());
        assert!(subdomain_1123("a..b").is_some() && subdomain_1123("A").is_some());
        assert_eq!(
            label_1123(&"a".repeat(64)).as_deref(),
            Some("must be no more than 63 characters")
        );
    }

    #[test]
    fn labels_have_keys_with_an_optional_prefix() {
        assert_eq!(qualified("app.kubernetes.io/name"), None);
        for wrong in ["", "/x", "a/", "a/b/c", "UPPER/x", "-x"] {
            assert!(qualified(wrong).is_some(), "{wrong}");
        }
        assert!(label_value("").is_none() && label_value("a b").is_some());
    }

    #[test]
    fn port_names_are_short_and_have_a_letter() {
        assert_eq!(port_name("http-2"), None);
        for wrong in ["", "80", "a--b", "-a", "HTTP", "sixteen-letters-x"] {
            assert!(port_name(wrong).is_some(), "{wrong}");
        }
    }
}
