//! What could be typed next.

use std::ops::Range;

use super::field::{Field, Kind, fields};

/// Something to put where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What it replaces: bytes of the text.
    pub replaces: Range<usize>,
    /// What to put there.
    pub text: String,
    /// What it means.
    pub meaning: &'static str,
}

/// What fits at `cursor`, a byte offset, which is moved to the start of the character it is within.
pub fn complete(text: &str, cursor: usize) -> Vec<Suggestion> {
    let cursor = (0..=cursor.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let before = &text[..cursor];
    if is_quoted(before) {
        return Vec::new();
    }
    let separates = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|' | ',');
    let word = before
        .rfind(separates)
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let start = cursor - before[word..].trim_start_matches('-').len();
    match before[start..].split_once(':') {
        None => names(&before[start..], start..cursor),
        Some((name, value)) => Field::named(name)
            .map(|field| values(field, value, cursor - value.len()..cursor))
            .unwrap_or_default(),
    }
}

fn is_quoted(text: &str) -> bool {
    let mut is_quoted = false;
    let mut is_escaped = false;
    for character in text.chars() {
        is_quoted ^= character == '"' && !is_escaped;
        is_escaped = is_quoted && character == '\\' && !is_escaped;
    }
    is_quoted
}

fn names(typed: &str, replaces: Range<usize>) -> Vec<Suggestion> {
    let typed = typed.to_ascii_lowercase();
    let is_meant = |name: &&str| name.starts_with(&typed);
    let mut found = Vec::new();
    for about in fields() {
        let mut names = std::iter::once(&about.name).chain(about.aliases).copied();
        if let Some(name) = names.find(is_meant) {
            found.push(Suggestion {
                replaces: replaces.clone(),
                text: format!("{name}:"),
                meaning: about.meaning,
            });
        }
    }
    found
}

fn values(field: Field, typed: &str, replaces: Range<usize>) -> Vec<Suggestion> {
    let words: &[&str] = match (field.about().kind, field) {
        (Kind::Word(words), _) => words,
        (Kind::Status, _) => &["2xx", "3xx", "4xx", "5xx", ">=400", ">=500"],
        (Kind::Duration, _) => &[">100ms", ">300ms", ">1s"],
        (Kind::Size, _) => &[">1kb", ">100kb", ">1mb"],
        (Kind::Ago, _) => &["1m", "10m", "1h", "1d"],
        (_, Field::Method) => &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
        _ => &[],
    };
    let typed = typed.to_ascii_lowercase();
    let fits = words
        .iter()
        .filter(|word| word.to_ascii_lowercase().starts_with(&typed));
    fits.map(|word| Suggestion {
        replaces: replaces.clone(),
        text: (*word).to_owned(),
        meaning: field.about().meaning,
    })
    .collect()
}
