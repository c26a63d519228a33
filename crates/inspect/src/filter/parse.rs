//! From text to terms. Every complaint points at what it is about.

use super::FilterError;
use super::expr::{Expr, Pattern, Term, Test};
use super::field::{Field, Kind, nearest};
use super::units;

/// Longer filters are not read: nobody types them, and each term costs time on every exchange.
const LONGEST: usize = 4096;
/// Terms of one filter.
const MOST_TERMS: usize = 128;
/// Parentheses and negations within each other.
const DEEPEST: usize = 32;

/// Reads a filter. Nothing at all lets everything pass.
pub(super) fn parse(text: &str) -> Result<Expr<Term>, FilterError> {
    if text.len() > LONGEST {
        let at = (0..=LONGEST)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let what = format!("a filter has at most {LONGEST} bytes");
        return Err(FilterError::new(at, text.len() - at, what, None));
    }
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        is_list: false,
        terms: 0,
    };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(Expr::All(Vec::new()));
    }
    let expr = parser.any()?;
    match parser.rest().chars().next() {
        None => Ok(expr),
        Some(_) => Err(parser.here("this `)` closes nothing", "quote it to search for it: \")\"")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Within the parentheses of `or(…)`, where a comma separates.
    is_list: bool,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, sign: char) -> bool {
        let is_there = self.rest().starts_with(sign);
        if is_there {
            self.at += sign.len_utf8();
        }
        is_there
    }

    /// About the character that comes next, or the end.
    fn here(&self, what: &str, hint: &str) -> FilterError {
        let length = self.rest().chars().next().map_or(0, char::len_utf8);
        FilterError::new(self.at, length, what.to_owned(), Some(hint.to_owned()))
    }

    /// About what stands between `from` and here.
    fn since(&self, from: usize, what: String, hint: impl Into<String>) -> FilterError {
        FilterError::new(from, self.at - from, what, Some(hint.into()))
    }

    fn ends(&self, character: char) -> bool {
        character.is_whitespace()
            || matches!(character, '(' | ')' | '|')
            || (self.is_list && character == ',')
    }

    /// Alternatives.
    fn any(&mut self) -> Result<Expr<Term>, FilterError> {
        let mut parts = vec![self.all()?];
        while self.eat('|') {
            self.eat('|');
            parts.push(self.all()?);
        }
        Ok(Expr::any(parts))
    }

    /// What must all hold.
    fn all(&mut self) -> Result<Expr<Term>, FilterError> {
        let mut parts = Vec::new();
        loop {
            self.skip_space();
            match self.rest().chars().next() {
                None | Some(')' | '|') => break,
                Some(',') if self.is_list => break,
                Some(_) => parts.push(self.one()?),
            }
        }
        if parts.is_empty() {
            return Err(self.here(
                "something to look for is missing here",
                "as in: status:5xx | is:reset",
            ));
        }
        Ok(Expr::all(parts))
    }

    fn one(&mut self) -> Result<Expr<Term>, FilterError> {
        if self.depth == DEEPEST {
            let what = format!("this is nested deeper than {DEEPEST} times");
            return Err(self.here(&what, "take out parentheses that change nothing"));
        }
        self.depth += 1;
        let one = self.one_within();
        self.depth -= 1;
        one
    }

    fn one_within(&mut self) -> Result<Expr<Term>, FilterError> {
        let rest = self.rest();
        if rest.starts_with('(') {
            return self.group(0, false);
        }
        if is_word(rest, "not(") {
            return Ok(Expr::not(self.group(3, false)?));
        }
        if is_word(rest, "or(") {
            return self.group(2, true);
        }
        let negated = rest.strip_prefix('-').and_then(|rest| rest.chars().next());
        if negated.is_some_and(|next| next == '(' || !self.ends(next)) {
            self.at += 1;
            return Ok(Expr::not(self.one()?));
        }
        self.terms += 1;
        if self.terms > MOST_TERMS {
            let what = format!("a filter has at most {MOST_TERMS} terms");
            return Err(self.here(&what, "a regular expression can stand for many: path:~\"a|b|c\""));
        }
        self.term().map(Expr::One)
    }

    /// What stands in the parentheses that open `ahead` bytes from here.
    fn group(&mut self, ahead: usize, is_list: bool) -> Result<Expr<Term>, FilterError> {
        let opened = self.at;
        self.at += ahead + 1;
        let outer = std::mem::replace(&mut self.is_list, is_list);
        let mut parts = vec![self.any()?];
        while is_list && self.eat(',') {
            parts.push(self.any()?);
        }
        self.is_list = outer;
        if !self.eat(')') {
            let what = "this parenthesis is not closed".to_owned();
            return Err(FilterError::new(
                opened,
                ahead + 1,
                what,
                Some("add a `)`".to_owned()),
            ));
        }
        Ok(Expr::any(parts))
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let start = self.at;
        let Some(name) = name(self.rest()) else {
            return self.free_text();
        };
        let Some(field) = Field::named(name) else {
            if self.rest()[name.len()..].starts_with("://") {
                return self.free_text();
            }
            let quote = format!("to search for it as text, quote it: \"{name}:…\"");
            let hint = match Field::near(name) {
                Some(near) => format!("did you mean `{near}:`? {quote}"),
                None => quote,
            };
            self.at += name.len();
            return Err(self.since(start, format!("there is no field `{name}`"), hint));
        };
        self.at += name.len() + 1;
        let test = self.test(field, start)?;
        Ok(Term { field, test })
    }

    fn free_text(&mut self) -> Result<Term, FilterError> {
        let start = self.at;
        let text = match self.rest().starts_with('"') {
            true => self.quoted()?,
            false => self.bare().to_owned(),
        };
        if text.is_empty() {
            return Err(self.since(
                start,
                "there is no text here to look for".to_owned(),
                "as in: \"sku\"",
            ));
        }
        let test = Test::Like(Pattern::Contains(text));
        Ok(Term {
            field: Field::Anything,
            test,
        })
    }

    fn test(&mut self, field: Field, start: usize) -> Result<Test, FilterError> {
        let about = field.about();
        let next = self.rest().chars().next();
        if next.is_none_or(|next| self.ends(next)) {
            let what = format!("`{}:` needs a value", about.name);
            return Err(self.since(start, what, format!("as in: {}", about.example)));
        }
        match about.kind {
            Kind::Text => self.pattern(false).map(Test::Like),
            Kind::Name => self.pattern(true).map(Test::Like),
            Kind::Header => self.header(),
            Kind::Word(words) => self.word(about.name, words),
            Kind::Ago => self.number(about.name, about.kind, units::read).map(Test::Ago),
            kind => self
                .number(about.name, kind, units::read_bounds)
                .map(Test::Within),
        }
    }

    fn number<N>(
        &mut self,
        name: &str,
        kind: Kind,
        read: fn(&str, Kind) -> Option<N>,
    ) -> Result<N, FilterError> {
        let start = self.at;
        let text = self.bare();
        read(text, kind).ok_or_else(|| {
            let hint = match text.strip_prefix("!=").or(text.strip_prefix('!')) {
                Some(rest) => format!("for the opposite put a dash before it: -{name}:{rest}"),
                None => format!("`{name}:` takes {}", units::expected(kind)),
            };
            self.since(start, format!("`{text}` is not what `{name}:` takes"), hint)
        })
    }

    fn word(&mut self, name: &str, words: &'static [&'static str]) -> Result<Test, FilterError> {
        let start = self.at;
        let text = self.bare();
        if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
            return Ok(Test::Word(word));
        }
        let hint = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean `{name}:{near}`?"),
            None => format!("one of {}", words.join(", ")),
        };
        Err(self.since(start, format!("`{name}:` does not know `{text}`"), hint))
    }

    fn header(&mut self) -> Result<Test, FilterError> {
        let start = self.at;
        let length = self.rest().find(|c| !is_token(c)).unwrap_or(self.rest().len());
        let name = self.rest()[..length].to_ascii_lowercase();
        self.at += length;
        let next = self.rest().chars().next();
        if name.is_empty() || next.is_some_and(|next| next != '=' && !self.ends(next)) {
            let hint = "a name, and perhaps `=` and a value: header:x-user=42";
            return Err(match next {
                Some(_) => self.here("a header's name cannot have this character", hint),
                None => self.since(start, "a header's name is missing".to_owned(), hint),
            });
        }
        if !self.eat('=') {
            return Ok(Test::Header(name, None));
        }
        let value = self.pattern(true)?;
        Ok(Test::Header(name, Some(value)))
    }

    /// A sign that says how to compare, and a text.
    fn pattern(&mut self, is_exact_by_default: bool) -> Result<Pattern, FilterError> {
        let start = self.at;
        let sign = match self.rest().chars().next() {
            Some(sign @ ('=' | '^' | '~')) => Some(sign),
            Some('*') if self.rest().starts_with("*\"") => Some('*'),
            _ => None,
        };
        self.at += usize::from(sign.is_some());
        let is_quoted = self.rest().starts_with('"');
        let text = if is_quoted {
            self.quoted()?
        } else {
            self.bare().to_owned()
        };
        let may_be_empty = is_quoted && (sign == Some('=') || (sign.is_none() && is_exact_by_default));
        if text.is_empty() && !may_be_empty {
            let what = "there is no text here to look for".to_owned();
            return Err(self.since(start, what, "for an empty value write: =\"\""));
        }
        Ok(match sign {
            Some('=') => Pattern::Exact(text),
            Some('^') => Pattern::Prefix(text),
            Some('~') => Pattern::Regex(self.checked_regex(text, start)?),
            Some(_) => Pattern::Glob(text),
            None if !is_quoted && text.contains('*') => Pattern::Glob(text),
            None if is_exact_by_default => Pattern::Exact(text),
            None => Pattern::Contains(text),
        })
    }

    fn checked_regex(&self, text: String, start: usize) -> Result<String, FilterError> {
        match super::matching::compiled(&Pattern::Regex(text.clone())) {
            Ok(_) => Ok(text),
            Err(regex::Error::CompiledTooBig(_)) => {
                let what = "this regular expression would need too much memory".to_owned();
                Err(self.since(start, what, "ask for fewer repetitions"))
            }
            Err(error) => {
                // The last line says what is wrong; those above draw the pattern, which is drawn here already.
                let told = error.to_string();
                let reason = told
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                let what = format!("this is not a regular expression: {reason}");
                Err(self.since(start, what, "without `~` it is looked for as it stands"))
            }
        }
    }

    fn bare(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| self.ends(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn quoted(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            let escaped = match (character, characters.peek().map(|next| next.1)) {
                ('\\', Some('"')) => Some('"'),
                ('\\', Some('\\')) => Some('\\'),
                ('\\', Some('n')) => Some('\n'),
                ('\\', Some('r')) => Some('\r'),
                ('\\', Some('t')) => Some('\t'),
                ('"', next) => {
                    self.at += offset + 1;
                    return match next {
                        Some(next) if !self.ends(next) => Err(self.here(
                            "a space is missing after the quote",
                            "within quotes, a quote is written \\\"",
                        )),
                        _ => Ok(text),
                    };
                }
                _ => None,
            };
            text.push(escaped.unwrap_or(character));
            if escaped.is_some() {
                characters.next();
            }
        }
        let what = "this quote is not closed".to_owned();
        Err(FilterError::new(
            start,
            1,
            what,
            Some("add a `\"` where the text ends".to_owned()),
        ))
    }
}

fn is_word(text: &str, word: &str) -> bool {
    text.get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// What stands before the colon, if it looks like a field's name.
fn name(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')?;
    let is_name = text[end..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic());
    is_name.then(|| &text[..end])
}

/// What RFC 9110 lets a header's name have, but for what separates terms here.
fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`~".contains(character)
}
