//! Words of an order, and what to say of one that is not understood.

use std::time::Duration;

/// A word that is not understood, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    words: String,
    /// Where the word begins, in bytes.
    pub at: usize,
    length: usize,
    expected: &'static str,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let indent = self.words[..self.at].chars().count();
        let marks = "^".repeat(self.words[self.at..self.at + self.length].chars().count().max(1));
        write!(
            f,
            "expected {}\n  {}\n  {}{marks}",
            self.expected,
            self.words,
            " ".repeat(indent)
        )
    }
}

/// The words of an order, read one by one.
pub(super) struct Words<'a> {
    all: &'a str,
    /// With where each begins.
    pub(super) rest: std::iter::Peekable<std::vec::IntoIter<(usize, &'a str)>>,
}

impl<'a> Words<'a> {
    pub(super) fn new(all: &'a str) -> Self {
        let mut words = Vec::new();
        let mut at = 0;
        for word in all.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            if !bare.is_empty() {
                words.push((at, bare));
            }
            at += word.len();
        }
        Self {
            all,
            rest: words.into_iter().peekable(),
        }
    }

    pub(super) fn next(&mut self, expected: &'static str) -> Result<(usize, &'a str), ParseError> {
        self.rest
            .next()
            .ok_or_else(|| self.wrong((self.all.len(), ""), expected))
    }

    pub(super) fn number(&mut self, expected: &'static str) -> Result<u64, ParseError> {
        let word = self.next(expected)?;
        word.1.parse().map_err(|_| self.wrong(word, expected))
    }

    pub(super) fn time(&mut self) -> Result<Duration, ParseError> {
        const EXPECTED: &str = "a time, such as 200ms or 2s";
        let word = self.next(EXPECTED)?;
        duration(word.1).ok_or_else(|| self.wrong(word, EXPECTED))
    }

    pub(super) fn wrong(&self, word: (usize, &str), expected: &'static str) -> ParseError {
        ParseError {
            words: self.all.to_owned(),
            at: word.0,
            length: word.1.len(),
            expected,
        }
    }
}

/// `200ms`, `2s`, `1m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}
