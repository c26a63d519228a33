//! Colours and control characters.
//!
//! Text is composed with marks from a private plane of Unicode; only the moment of printing decides whether
//! they become colours. So everything else that a terminal would obey can be taken out of the text.

const BOLD: char = '\u{F0001}';
const DIM: char = '\u{F0002}';
const GOOD: char = '\u{F0003}';
const WARNING: char = '\u{F0004}';
const END: char = '\u{F0000}';

pub(crate) fn bold(text: impl std::fmt::Display) -> String {
    format!("{BOLD}{text}{END}")
}

pub(crate) fn dim(text: impl std::fmt::Display) -> String {
    format!("{DIM}{text}{END}")
}

pub(crate) fn good(text: impl std::fmt::Display) -> String {
    format!("{GOOD}{text}{END}")
}

pub(crate) fn warning(text: impl std::fmt::Display) -> String {
    format!("{WARNING}{text}{END}")
}

/// Somebody else's text within a line: no line ends, no marks, nothing that a terminal would obey.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() || is_mark(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(plain).collect()
}

/// Somebody else's text of several lines.
pub(crate) fn block(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        one_line(&line.replace('\t', "    "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the character only marks and takes no room.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, END | BOLD | DIM | GOOD | WARNING)
}

/// The text as it goes to a terminal or a file.
pub(super) fn render(text: &str, colors: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            mark if is_mark(mark) => out.push_str(if colors { code(mark) } else { "" }),
            '\n' => out.push(c),
            '\t' => out.push(' '),
            control if control.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            // Turns the direction of what follows: text could read as something else.
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    out
}

fn code(mark: char) -> &'static str {
    match mark {
        BOLD => "\u{1b}[1m",
        DIM => "\u{1b}[2m",
        GOOD => "\u{1b}[32m",
        WARNING => "\u{1b}[33m",
        _ => "\u{1b}[0m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_colours_or_nothing() {
        assert_eq!(render(&bold("a"), true), "\u{1b}[1ma\u{1b}[0m");
        assert_eq!(render(&bold("a"), false), "a");
    }

    #[test]
    fn text_of_others_brings_no_marks_and_no_lines_of_its_own() {
        let hostile = format!("{BOLD}a\r\nb\tc{}[2J", "\u{1b}");
        assert_eq!(one_line(&hostile), "\u{fffd}a\u{fffd}\u{fffd}b c\u{fffd}[2J");
        assert_eq!(block(&hostile), "\u{fffd}a\nb    c\u{fffd}[2J");
    }

    #[test]
    fn what_a_terminal_would_obey_is_taken_out() {
        let hostile = "a\u{1b}]0;title\u{7}b\rc\u{9b}31m\u{202e}d\ne";
        let shown = render(hostile, true);
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        assert!(!shown.contains('\u{202e}') && shown.contains("d\ne"));
    }
}
