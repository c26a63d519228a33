//! A difference as text for a terminal.

use std::fmt::Write as _;

use super::{BodyDifference, Change, Difference, LineKind};

/// Marks `-` what only the first answer has, `+` what only the second has, `~` what was set aside.
pub fn render(difference: &Difference) -> String {
    let mut out = String::new();
    if let Some(status) = &difference.status {
        let _ = write!(out, "status\n- {}\n+ {}\n", status.left, status.right);
    }
    for header in &difference.headers {
        let kind = if header.is_trailer { "trailer" } else { "header" };
        sides(
            &mut out,
            &format!("{kind} {}", clean(&header.name)),
            header.is_set_aside,
            &header.values.left,
            &header.values.right,
        );
    }
    body(&mut out, &difference.body);
    if difference.is_equal() {
        out.push_str(if out.is_empty() {
            "the same\n"
        } else {
            "the same but for what was set aside (~)\n"
        });
    }
    if difference.is_partial {
        out.push_str("not all of the bodies was recorded: their beginnings were compared\n");
    }
    out
}

fn body(out: &mut String, body: &BodyDifference) {
    match body {
        BodyDifference::Same => {}
        BodyDifference::Json { changes, is_cut } => {
            for change in changes {
                member(out, change);
            }
            more(out, *is_cut);
        }
        BodyDifference::Text { lines, is_cut } => {
            out.push_str("body\n");
            for line in lines {
                let mark = match line.kind {
                    LineKind::Same => ' ',
                    LineKind::Removed => '-',
                    LineKind::Added => '+',
                };
                let _ = writeln!(out, "{mark} {}", clean(&line.text));
            }
            more(out, *is_cut);
        }
        BodyDifference::Binary { sizes, first } => {
            let _ = write!(out, "body\n- {} bytes\n+ {} bytes\n", sizes.left, sizes.right);
            if let Some(first) = first {
                let _ = writeln!(out, "  from byte {first} on");
            }
        }
    }
}

fn member(out: &mut String, change: &Change) {
    let paths: Vec<&str> = [&change.left, &change.right]
        .into_iter()
        .flatten()
        .map(|spot| spot.path.as_str())
        .collect();
    let title = match paths[..] {
        [left, right] if left != right => format!("{left} → {right}"),
        _ => paths.first().copied().unwrap_or_default().to_owned(),
    };
    let value = |spot: &Option<super::Spot>| spot.iter().map(|spot| spot.value.clone()).collect::<Vec<_>>();
    sides(
        out,
        &clean(&title),
        change.is_set_aside,
        &value(&change.left),
        &value(&change.right),
    );
}

fn sides(out: &mut String, title: &str, is_set_aside: bool, left: &[String], right: &[String]) {
    let _ = writeln!(out, "{title}{}", if is_set_aside { " ~" } else { "" });
    for (mark, values) in [('-', left), ('+', right)] {
        for value in values {
            let _ = writeln!(out, "{mark} {}", clean(value));
        }
    }
}

fn more(out: &mut String, is_cut: bool) {
    if is_cut {
        out.push_str("… and more\n");
    }
}

/// What came from a network gives a terminal no orders.
fn clean(text: &str) -> String {
    let visible = |letter: char| {
        if letter.is_control() && letter != '\t' {
            '\u{fffd}'
        } else {
            letter
        }
    };
    text.chars().map(visible).collect()
}
