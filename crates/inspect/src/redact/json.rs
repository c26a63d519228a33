//! The words of JSON text, with where each stands.
//!
//! Deliberately absent: a judgement whether the text is JSON. It is read word by word, so that a body that was cut, or that
//! has JSON in the middle of something else (events, lines), is read as far as it goes. Nothing is nested here, so nothing
//! can be nested too deep.

use std::borrow::Cow;
use std::ops::Range;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Where it stands, quotes included.
    pub(crate) range: Range<usize>,
    /// What it is.
    pub(crate) kind: TokenKind,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A string that a colon follows.
    Key,
    /// Another string.
    String,
    /// A number.
    Number,
    /// `true`, `false`, `null`, and bare words that are not JSON.
    Word,
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
}

/// The words of `text`, in order; everything else is passed over.
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    /// Of text that may be anything.
    pub(crate) fn of(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn string(&mut self, start: usize) -> Token {
        let mut at = start + 1;
        // A string ends at its line's end, JSON or not: one stray quote must not turn all that follows inside out.
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'\\' => at += 2,
                b'"' => {
                    at += 1;
                    break;
                }
                b'\n' => break,
                _ => at += 1,
            }
        }
        let end = at.min(self.text.len());
        self.at = end;
        let rest = self.text.get(end..).unwrap_or_default();
        let next = rest.iter().find(|byte| !byte.is_ascii_whitespace());
        let kind = if next == Some(&b':') {
            TokenKind::Key
        } else {
            TokenKind::String
        };
        Token {
            range: start..end,
            kind,
        }
    }

    fn bare(&mut self, start: usize) -> Token {
        let rest = self.text.get(start..).unwrap_or_default();
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"{}[],:\"".contains(byte);
        let length = rest.iter().position(is_end).unwrap_or(rest.len()).max(1);
        self.at = start + length;
        let is_number = rest
            .first()
            .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
        Token {
            range: start..self.at,
            kind: if is_number {
                TokenKind::Number
            } else {
                TokenKind::Word
            },
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.text.get(self.at..)?;
        let skipped = rest
            .iter()
            .position(|byte| !byte.is_ascii_whitespace() && *byte != b',' && *byte != b':')?;
        let start = self.at + skipped;
        let bracket = |kind| Token {
            range: start..start + 1,
            kind,
        };
        self.at = start + 1;
        Some(match self.text.get(start)? {
            b'{' | b'[' => bracket(TokenKind::Open),
            b'}' | b']' => bracket(TokenKind::Close),
            b'"' => self.string(start),
            _ => self.bare(start),
        })
    }
}

/// What a string says: its escapes undone where they can be, and as it stands where not.
pub(crate) fn unquoted<'a>(text: &'a [u8], range: &Range<usize>) -> Cow<'a, str> {
    let quoted = text.get(range.clone()).unwrap_or_default();
    if quoted.contains(&b'\\')
        && let Ok(said) = serde_json::from_slice::<String>(quoted)
    {
        return said.into();
    }
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    String::from_utf8_lossy(inner.strip_suffix(b"\"").unwrap_or(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_and_a_cut_string_is_one() {
        let text = br#"{"a b": [-1.5e3, true, "x\"y"], "cut"#;
        let seen: Vec<_> = Tokens::of(text)
            .map(|token| (token.kind, std::str::from_utf8(&text[token.range]).unwrap()))
            .collect();
        assert_eq!(
            seen,
            [
                (TokenKind::Open, "{"),
                (TokenKind::Key, "\"a b\""),
                (TokenKind::Open, "["),
                (TokenKind::Number, "-1.5e3"),
                (TokenKind::Word, "true"),
                (TokenKind::String, r#""x\"y""#),
                (TokenKind::Close, "]"),
                (TokenKind::String, "\"cut"),
            ]
        );
    }

    #[test]
    fn an_escaped_key_says_what_it_means() {
        let text = br#""pass\u0077ord""#;
        assert_eq!(unquoted(text, &(0..text.len())), "password");
    }
}
