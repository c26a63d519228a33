//! Numbers, sizes and durations: read, and written so that they read back as the same.

use super::expr::Bounds;
use super::field::Kind;

/// Microseconds; the shortest name of each first.
const DURATIONS: &[(&str, u64)] = &[
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
];

/// Bytes.
const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
];

/// What a field of this kind expects, for people.
pub(super) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Status => "a status: 404, 5xx, >=500 or 400..499",
        Kind::Size => "a size: >10kb, <=1mib or 1kb..1mb",
        Kind::Duration => "a duration: >300ms, <1.5s or 100ms..2s",
        Kind::Ago => "how long ago: 30s, 10m, 2h or 1d",
        _ => "a number: 42, >=42 or 1..42",
    }
}

/// `>=500`, `400..499`, `5xx`, `42`.
pub(super) fn read_bounds(text: &str, kind: Kind) -> Option<Bounds> {
    let number = |text: &str| read(text, kind);
    let bounds = if let Some(rest) = text.strip_prefix(">=") {
        (number(rest)?, u64::MAX)
    } else if let Some(rest) = text.strip_prefix("<=") {
        (0, number(rest)?)
    } else if let Some(rest) = text.strip_prefix('>') {
        (number(rest)?.checked_add(1)?, u64::MAX)
    } else if let Some(rest) = text.strip_prefix('<') {
        (0, number(rest)?.checked_sub(1)?)
    } else if let Some((from, to)) = text.split_once("..") {
        (number(from)?, number(to)?)
    } else if let Some(hundreds) = class(text, kind) {
        (hundreds * 100, hundreds * 100 + 99)
    } else {
        let exact = number(text.strip_prefix('=').unwrap_or(text))?;
        // Nobody looks for what took exactly 300 ms.
        let is_open = kind == Kind::Duration && !text.starts_with('=');
        (exact, if is_open { u64::MAX } else { exact })
    };
    (bounds.0 <= bounds.1).then_some(Bounds {
        from: bounds.0,
        to: bounds.1,
    })
}

fn class(text: &str, kind: Kind) -> Option<u64> {
    let bytes = text.as_bytes();
    let is_class = kind == Kind::Status && bytes.len() == 3 && bytes[1..].eq_ignore_ascii_case(b"xx");
    (is_class && (b'1'..=b'9').contains(&bytes[0])).then(|| u64::from(bytes[0] - b'0'))
}

/// One number with its unit.
pub(super) fn read(text: &str, kind: Kind) -> Option<u64> {
    let units: &[(&str, u64)] = match kind {
        Kind::Size => SIZES,
        Kind::Duration | Kind::Ago => DURATIONS,
        _ => &[("", 1)],
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if *factor > 1 => (whole, fraction),
        Some(_) => return None,
        None => (digits, "0"),
    };
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?);
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(*factor) / u128::from(scale);
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(*factor)?
        .checked_add(u64::try_from(part).ok()?)
}

/// As [`read_bounds`] reads it.
pub(super) fn bounds(bounds: Bounds, kind: Kind) -> String {
    let Bounds { from, to } = bounds;
    let show = |number: u64| match kind {
        Kind::Size => size(number),
        Kind::Duration => duration(number),
        _ => number.to_string(),
    };
    let has_units = matches!(kind, Kind::Size | Kind::Duration);
    // `>300ms` is read as from 300.001 ms on: nobody wants to see that again.
    let is_past = |number: u64| has_units && number >= 1000 && number.is_multiple_of(1000);
    match (from, to) {
        (_, u64::MAX) if from > 0 && is_past(from - 1) => format!(">{}", show(from - 1)),
        (_, u64::MAX) => format!(">={}", show(from)),
        (_, _) if from == to => format!("{}{}", if kind == Kind::Duration { "=" } else { "" }, show(from)),
        (0, _) if is_past(to + 1) => format!("<{}", show(to + 1)),
        (0, _) => format!("<={}", show(to)),
        _ => format!("{}..{}", show(from), show(to)),
    }
}

/// In the greatest unit that loses nothing.
pub(super) fn duration(micros: u64) -> String {
    let units = [
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
    ];
    in_unit(micros, &units, "us")
}

fn size(bytes: u64) -> String {
    in_unit(
        bytes,
        &[("gb", 1_000_000_000), ("mb", 1_000_000), ("kb", 1_000)],
        "",
    )
}

fn in_unit(number: u64, units: &[(&str, u64)], least: &str) -> String {
    let fits = |unit: &&(&str, u64)| number >= unit.1 && number.is_multiple_of(unit.1);
    match units.iter().find(fits) {
        Some((name, factor)) => format!("{}{name}", number / factor),
        None => format!("{number}{least}"),
    }
}
