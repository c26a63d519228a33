//! The words of JSON (RFC 8259).

/// One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` or `[`, and what closes it.
    Open(u8),
    Close(u8),
    Comma,
    Colon,
    Text,
    Scalar,
    End,
}

/// Not JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where.
    pub(super) at: usize,
    /// Where the word began that this is in.
    pub(super) token: usize,
    pub(super) expected: &'static str,
}

pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// How far the words were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The next word, where it begins, and how it is written.
    pub(super) fn next(&mut self, expected: &'static str) -> Result<(Token, usize, &'a str), Fault> {
        while matches!(self.byte(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let start = self.at;
        let Some(first) = self.byte(start) else {
            return Ok((Token::End, start, ""));
        };
        let (token, end) = match first {
            b'{' => (Token::Open(b'}'), start + 1),
            b'[' => (Token::Open(b']'), start + 1),
            b'}' | b']' => (Token::Close(first), start + 1),
            b',' => (Token::Comma, start + 1),
            b':' => (Token::Colon, start + 1),
            b'"' => (Token::Text, self.string(start)?),
            b'-' | b'0'..=b'9' => (Token::Scalar, self.number(start)?),
            b't' => (Token::Scalar, self.word(start, "true", "`true`")?),
            b'f' => (Token::Scalar, self.word(start, "false", "`false`")?),
            b'n' => (Token::Scalar, self.word(start, "null", "`null`")?),
            _ => {
                return Err(Fault {
                    at: start,
                    token: start,
                    expected,
                });
            }
        };
        self.at = end;
        Ok((token, start, &self.text[start..end]))
    }

    fn word(&self, start: usize, word: &str, expected: &'static str) -> Result<usize, Fault> {
        let matching = word.bytes().enumerate();
        let wrong = matching
            .into_iter()
            .find(|(index, byte)| self.byte(start + index) != Some(*byte));
        match wrong {
            None => Ok(start + word.len()),
            Some((index, _)) => Err(Fault {
                at: start + index,
                token: start,
                expected,
            }),
        }
    }

    fn string(&self, start: usize) -> Result<usize, Fault> {
        let fault = |at, expected| {
            Err(Fault {
                at,
                token: start,
                expected,
            })
        };
        let mut at = start + 1;
        loop {
            match self.byte(at) {
                Some(b'"') => return Ok(at + 1),
                Some(b'\\') => at = self.escape(start, at + 1)?,
                Some(0..0x20) => {
                    return fault(at, "an escape like `\\n` for a control character in a string");
                }
                Some(_) => at += 1,
                None => return fault(at, "`\"` at the end of a string"),
            }
        }
    }

    fn escape(&self, start: usize, at: usize) -> Result<usize, Fault> {
        let fault = |at, expected| {
            Err(Fault {
                at,
                token: start,
                expected,
            })
        };
        match self.byte(at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
            Some(b'u') => {
                let wrong =
                    (at + 1..at + 5).find(|at| !self.byte(*at).is_some_and(|byte| byte.is_ascii_hexdigit()));
                match wrong {
                    None => Ok(at + 5),
                    Some(at) => fault(at, "four hexadecimal digits after `\\u`"),
                }
            }
            _ => fault(at, "one of `\"\\/bfnrtu` after `\\`"),
        }
    }

    fn digits(&self, start: usize, at: usize) -> Result<usize, Fault> {
        let mut end = at;
        while self.byte(end).is_some_and(|byte| byte.is_ascii_digit()) {
            end += 1;
        }
        match end > at {
            true => Ok(end),
            false => Err(Fault {
                at,
                token: start,
                expected: "a digit",
            }),
        }
    }

    fn number(&self, start: usize) -> Result<usize, Fault> {
        let mut at = start + usize::from(self.byte(start) == Some(b'-'));
        at = match self.byte(at) {
            Some(b'0') => at + 1,
            _ => self.digits(start, at)?,
        };
        if self.byte(at) == Some(b'.') {
            at = self.digits(start, at + 1)?;
        }
        if matches!(self.byte(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(self.byte(at), Some(b'+' | b'-')));
            at = self.digits(start, at)?;
        }
        Ok(at)
    }
}
