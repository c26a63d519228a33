//! Media types and header parameters.

use crate::exchange::Message;

/// A media type with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// In lower case; empty where none was given.
    pub(super) essence: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    pub(super) fn of(message: &Message) -> Self {
        match message.header("content-type") {
            Some(value) => Self::parse(&value.shown()),
            None => Self::default(),
        }
    }

    /// Reads the value of a header whose parameters are separated by `;`.
    pub(super) fn parse(value: &str) -> Self {
        let (essence, rest) = value.split_once(';').unwrap_or((value, ""));
        Self {
            essence: essence.trim().to_ascii_lowercase(),
            parameters: parameters(rest),
        }
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// Whether it is `application/NAME` or ends in `+NAME`.
    pub(super) fn is(&self, name: &str) -> bool {
        let subtype = self.essence.split_once('/').map_or("", |(_, subtype)| subtype);
        subtype == name || subtype.rsplit_once('+').is_some_and(|(_, suffix)| suffix == name)
    }

    /// Whether nothing useful was said.
    pub(super) fn is_vague(&self) -> bool {
        matches!(
            self.essence.as_str(),
            "" | "application/octet-stream" | "binary/octet-stream" | "*/*"
        )
    }
}

/// Reads `a=b; c="d;e"`. Names are in lower case; what has no `=` is left out.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once('=') {
        let name = name.rsplit(';').next().unwrap_or_default();
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim_end().to_owned(), &after[end..])
            }
        };
        found.push((name.trim().to_ascii_lowercase(), value));
        rest = left;
    }
    found
}

/// Up to the closing quote. A backslash protects quotes and itself only: file names have others.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match (character, characters.peek().map(|(_, next)| *next)) {
            ('"', _) => return (value, &text[at + 1..]),
            ('\\', Some(next @ ('"' | '\\'))) => {
                value.push(next);
                characters.next();
            }
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_and_without_quotes() {
        let media = Media::parse("Multipart/Form-Data ;x; Boundary=\"a;\\\"b\" ; charset = utf-8");
        assert_eq!(media.essence, "multipart/form-data");
        assert_eq!(media.parameter("boundary"), Some("a;\"b"));
        assert_eq!(media.parameter("charset"), Some("utf-8"));
        assert_eq!(media.parameter("x"), None);
    }

    #[test]
    fn a_suffix_says_what_a_type_is_made_of() {
        assert!(Media::parse("application/problem+json").is("json"));
        assert!(Media::parse("text/json; charset=x").is("json"));
        assert!(!Media::parse("application/jsonp").is("json"));
    }
}
