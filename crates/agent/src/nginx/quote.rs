//! Text in its place: NGINX tokens, and regular expressions that match exactly one text.
//!
//! Whatever comes out of here holds no byte that could end its place: a token is always in double
//! quotes, and in a regular expression every byte but letters, digits and a few harmless marks is escaped.
//! NGINX refuses tokens of 4096 bytes, so a long expression is a list of pieces, each matched by a
//! map of its own (`render::matching`).

use std::fmt::Write as _;

/// Leaves room for anchors and what a piece carries on, below NGINX's 4096.
const MAX_PIECE: usize = 3000;

/// `text` as one token of a configuration. For paths of the agent's own only: `$` is not escaped, since
/// NGINX has no way to.
pub fn token(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A regular expression in pieces, each short enough for one token.
pub type Pieces = Vec<String>;

/// Matches exactly `text`, byte for byte.
pub fn literal(text: &str) -> Pieces {
    pieces(text.bytes().map(|byte| {
        let mut atom = String::new();
        push_byte(&mut atom, byte);
        atom
    }))
}

/// Matches `text` as the value of a W3C baggage member: any byte may come percent-encoded, and those
/// that the header cannot carry must.
pub fn baggage_value(text: &str) -> Pieces {
    pieces(text.bytes().map(baggage_atom))
}

fn baggage_atom(byte: u8) -> String {
    let encoded = format!("%{}{}", hex_digit(byte >> 4), hex_digit(byte & 15));
    let mut atom = String::new();
    match byte {
        b'"' | b',' | b';' | b'\\' | b' ' => return encoded,
        // A bare percent sign is one only where it does not begin an encoded byte.
        b'%' => atom.push_str("%(?![0-9A-Fa-f][0-9A-Fa-f])"),
        _ => push_byte(&mut atom, byte),
    }
    format!("(?:{atom}|{encoded})")
}

fn hex_digit(half: u8) -> String {
    match char::from_digit(u32::from(half), 16) {
        Some(letter) if letter.is_ascii_alphabetic() => format!("[{letter}{}]", letter.to_ascii_uppercase()),
        digit => digit.map(String::from).unwrap_or_default(),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b':' | b'=' | b'@' | b',' => {
            out.push(char::from(byte));
        }
        _ => write!(out, "\\x{byte:02x}").expect("writing to a String must succeed"),
    }
}

fn pieces(atoms: impl Iterator<Item = String>) -> Pieces {
    let mut found = vec![String::new()];
    for atom in atoms {
        if found
            .last()
            .is_some_and(|last| last.len() + atom.len() > MAX_PIECE)
        {
            found.push(String::new());
        }
        if let Some(last) = found.last_mut() {
            last.push_str(&atom);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_end_a_token_survives() {
        let hostile = "\"'; } $host \\ \n{ é ~^(";
        for piece in literal(hostile).iter().chain(&baggage_value(hostile)) {
            assert!(
                !piece.contains(['"', '\'', ';', '{', '}', '$', '\n', ' ', 'é', '~', '#']),
                "{piece}"
            );
        }
    }

    #[test]
    fn a_long_value_is_cut_between_atoms() {
        let cut = literal(&"é".repeat(512));
        assert!(cut.len() > 1);
        assert!(
            cut.iter()
                .all(|piece| piece.len() <= MAX_PIECE && piece.starts_with("\\x"))
        );
    }

    #[test]
    fn a_token_keeps_quotes_and_backslashes() {
        assert_eq!(token("/a \"b\"\\c"), "\"/a \\\"b\\\"\\\\c\"");
    }
}
