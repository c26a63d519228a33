//! What stands in every text that a pattern finds, for whoever keeps an index: it need not look at texts without.
//!
//! Case is left aside, so what is needed of a regular expression is in lower case whether or not it minds case. Deliberately
//! absent: being exact. A text may have all that is needed and still not be found.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::expr::{Expr, Pattern};

/// Of so many texts one is looked for; a pattern with more of them is not worth it.
const MOST: usize = 24;

/// Texts that must, or of which one must, be there. [`Expr::All`] of nothing: it is not known what is needed.
pub(super) fn needed(pattern: &Pattern) -> Expr<String> {
    let needed = match pattern {
        Pattern::Contains(whole) | Pattern::Exact(whole) | Pattern::Prefix(whole) => text(whole.clone()),
        Pattern::Glob(parts) => Expr::all(parts.split('*').map(|part| text(part.to_owned())).collect()),
        // One that cannot be read is refused elsewhere.
        Pattern::Regex(regex) => {
            regex_syntax::parse(regex).map_or_else(|_| nothing(), |hir| of_hir(&hir).ended())
        }
    };
    if needed.terms().len() > MOST {
        nothing()
    } else {
        needed
    }
}

fn nothing() -> Expr<String> {
    Expr::All(Vec::new())
}

/// An empty one tells nothing.
fn text(text: String) -> Expr<String> {
    if text.is_empty() {
        nothing()
    } else {
        Expr::One(text)
    }
}

/// What a part of a regular expression needs: texts, and what its own text is, so that neighbours can be joined to it.
struct Part {
    needed: Vec<Expr<String>>,
    /// All that it finds is this.
    exact: Option<String>,
}

impl Part {
    fn exactly(text: String) -> Self {
        Self {
            needed: Vec::new(),
            exact: Some(text),
        }
    }

    fn needing(needed: Expr<String>) -> Self {
        Self {
            needed: vec![needed],
            exact: None,
        }
    }

    fn ended(self) -> Expr<String> {
        Expr::all(self.needed.into_iter().chain(self.exact.map(text)).collect())
    }
}

fn of_hir(hir: &Hir) -> Part {
    match hir.kind() {
        // Anchors have no text.
        HirKind::Empty | HirKind::Look(_) => Part::exactly(String::new()),
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(text) => Part::exactly(text.to_ascii_lowercase()),
            Err(_) => Part::needing(nothing()),
        },
        HirKind::Class(class) => one_letter(class).map_or_else(
            || Part::needing(nothing()),
            |letter| Part::exactly(letter.to_string()),
        ),
        HirKind::Capture(capture) => of_hir(&capture.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => Part::needing(of_hir(&repeated.sub).ended()),
        HirKind::Repetition(_) => Part::needing(nothing()),
        HirKind::Concat(parts) => joined(parts),
        HirKind::Alternation(parts) => {
            Part::needing(Expr::any(parts.iter().map(|part| of_hir(part).ended()).collect()))
        }
    }
}

/// One after the other: exact neighbours are one text.
fn joined(parts: &[Hir]) -> Part {
    let (mut needed, mut near, mut is_exact) = (Vec::new(), String::new(), true);
    for part in parts.iter().map(of_hir) {
        match part.exact {
            Some(more) => near.push_str(&more),
            None => {
                needed.push(text(std::mem::take(&mut near)));
                needed.extend(part.needed);
                is_exact = false;
            }
        }
    }
    if is_exact {
        return Part::exactly(near);
    }
    needed.push(text(near));
    Part { needed, exact: None }
}

/// The lower case of a class that has one letter in both cases, as `(?i)` makes them; the other forms of `k` and `s` too,
/// which an index takes for these.
fn one_letter(class: &Class) -> Option<char> {
    let lower = |letter: char| match letter {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        other => other.to_ascii_lowercase(),
    };
    let Class::Unicode(class) = class else {
        return None;
    };
    let letters = class
        .iter()
        .map(|range| (range.start() == range.end()).then(|| lower(range.start())));
    let mut letters = letters.collect::<Option<Vec<char>>>()?.into_iter();
    let first = letters.next().filter(char::is_ascii)?;
    letters.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(regex: &str) -> String {
        shown(&needed(&Pattern::Regex(regex.to_owned())))
    }

    fn shown(expr: &Expr<String>) -> String {
        let all = |parts: &[Expr<String>]| parts.iter().map(shown).collect::<Vec<_>>();
        match expr {
            Expr::One(text) => text.clone(),
            Expr::All(parts) => format!("({})", all(parts).join("&")),
            Expr::Any(parts) => format!("({})", all(parts).join("|")),
            Expr::Not(part) => format!("!{}", shown(part)),
        }
    }

    #[test]
    fn the_texts_of_a_regular_expression_are_needed() {
        for (regex, needed) in [
            ("sku-42", "sku-42"),
            ("^Sku-[0-9]+ of$", "(sku-& of)"),
            ("(?i)Kiosk", "kiosk"),
            ("(error|timeout) at", "((error|timeout)& at)"),
            ("a(bc)d", "abcd"),
            ("(?:abc)+def", "(abc&def)"),
            ("(abc)?", "()"),
            ("[a-z]+", "()"),
            ("abc|[0-9]", "(abc|())"),
            ("(((", "()"),
        ] {
            assert_eq!(of(regex), needed, "{regex}");
        }
    }

    #[test]
    fn a_pattern_of_very_many_texts_is_not_looked_for() {
        let many = (0..100).map(|n| format!("{n}word")).collect::<Vec<_>>().join("|");
        assert_eq!(of(&format!("({many})x[0-9]")), "()");
    }
}
