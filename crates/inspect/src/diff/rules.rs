//! What differs from answer to answer anyway.

use jiff::Timestamp;

use super::Pair;
use super::json::Step;

/// Made anew for each answer, or by each hop.
const HEADERS: &[&str] = &[
    "age",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "etag",
    "expires",
    "keep-alive",
    "request-id",
    "server-timing",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-correlation-id",
    "x-envoy-upstream-service-time",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-trace-id",
];
/// Beginnings of such names.
const HEADER_STARTS: &[&str] = &["x-b3-"];
/// Members that hold a moment end like this, without separators and in lower case.
const MOMENTS: &[&str] = &[
    "at",
    "created",
    "date",
    "expires",
    "modified",
    "now",
    "time",
    "timestamp",
    "ts",
    "updated",
];
/// Members that hold an identifier end like this.
const IDS: &[&str] = &["id", "guid", "nonce", "trace", "ulid", "uuid"];

/// What is set aside.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    headers: Vec<String>,
    paths: Vec<Vec<Part>>,
}

/// A part of a path's pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    Index(usize),
    AnyKey,
    AnyIndex,
    /// Any number of steps.
    Deep,
}

/// A path's pattern that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{pattern}` is not a path, from letter {column} on: write one like `$.items[*].price`, `$.user.*` or `$..traceId`"
)]
pub struct PatternError {
    /// The pattern.
    pub pattern: String,
    /// Where it goes wrong, in letters, counted from 1.
    pub column: usize,
}

impl Rules {
    /// Sets aside, beside what is set aside anyway, headers by their names and members of JSON by their paths.
    ///
    /// # Errors
    ///
    /// A path cannot be read.
    pub fn new(headers: &[String], paths: &[String]) -> Result<Self, PatternError> {
        let paths = paths.iter().map(|path| pattern(path)).collect::<Result<_, _>>()?;
        Ok(Self {
            headers: headers.to_vec(),
            paths,
        })
    }

    pub(super) fn is_header_set_aside(&self, name: &str, values: &Pair<Vec<String>>) -> bool {
        if name == "set-cookie" && cookies(&values.left) == cookies(&values.right) {
            return true;
        }
        HEADERS.contains(&name)
            || HEADER_STARTS.iter().any(|start| name.starts_with(start))
            || self
                .headers
                .iter()
                .any(|header| header.eq_ignore_ascii_case(name))
    }

    pub(super) fn is_path_set_aside(&self, path: &[Step]) -> bool {
        self.paths.iter().any(|pattern| fits(pattern, path))
    }
}

/// Cookies without their values.
fn cookies(values: &[String]) -> Vec<String> {
    let bare = values.iter().map(|value| {
        let (pair, attributes) = value.split_once(';').unwrap_or((value, ""));
        let name = pair.split('=').next().unwrap_or_default();
        let stays = attributes
            .split(';')
            .filter(|part| !part.trim().to_ascii_lowercase().starts_with("expires"));
        format!("{name};{}", stays.collect::<Vec<_>>().join(";"))
    });
    bare.collect()
}

/// Whether two values under this name differ as moments or made-up identifiers do.
pub(super) fn is_volatile(name: &str, left: &str, right: &str) -> bool {
    let plain: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let lower = plain.to_lowercase();
    // `at` ends many words; it means a moment as a word of its own.
    let is_at = name.ends_with("At") || name.ends_with("_at") || lower == "at";
    let ends = |endings: &[&str]| {
        endings
            .iter()
            .any(|ending| *ending != "at" && lower.ends_with(ending))
    };
    let both = |is: fn(&str) -> bool| is(left) && is(right);
    ((is_at || ends(MOMENTS)) && both(is_moment))
        || ((is_at || ends(IDS) || ends(MOMENTS)) && both(is_made_up))
}

fn is_moment(text: &str) -> bool {
    if text.len() > 40 {
        return false;
    }
    // Seconds to nanoseconds since 1970, between 2001 and 2286.
    let whole = text.split('.').next().unwrap_or_default();
    let is_number = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return matches!(whole.len(), 10 | 13 | 16 | 19);
    }
    text.parse::<Timestamp>().is_ok()
        || text.parse::<jiff::civil::DateTime>().is_ok()
        || jiff::fmt::rfc2822::parse(text).is_ok()
}

fn is_made_up(text: &str) -> bool {
    let hex = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_uuid = text.len() == 36 && hex == 32 && text.split('-').count() == 5;
    let is_hex = matches!(text.len(), 16 | 24 | 32 | 40 | 64) && hex == text.len();
    let is_ulid = text.len() == 26
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_uuid || is_hex || is_ulid
}

fn pattern(text: &str) -> Result<Vec<Part>, PatternError> {
    let wrong = |rest: &str| PatternError {
        pattern: text.to_owned(),
        column: text.chars().count() - rest.chars().count() + 1,
    };
    let mut rest = text.strip_prefix('$').ok_or_else(|| wrong(text))?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let at = rest;
        if let Some(inner) = rest.strip_prefix('[') {
            let (inside, after) = inner.split_once(']').ok_or_else(|| wrong(at))?;
            let quoted = inside
                .strip_prefix('"')
                .and_then(|inside| inside.strip_suffix('"'));
            parts.push(match (inside, quoted) {
                ("*", _) => Part::AnyIndex,
                (_, Some(key)) => Part::Key(key.to_owned()),
                (index, None) => Part::Index(index.parse().map_err(|_| wrong(at))?),
            });
            rest = after;
            continue;
        }
        rest = rest.strip_prefix('.').ok_or_else(|| wrong(at))?;
        if let Some(deep) = rest.strip_prefix('.') {
            parts.push(Part::Deep);
            rest = deep;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        if key.is_empty() {
            return Err(wrong(rest));
        }
        parts.push(if key == "*" {
            Part::AnyKey
        } else {
            Part::Key(key.to_owned())
        });
        rest = after;
    }
    Ok(parts)
}

/// Whether the whole path is what the pattern says. Which prefixes fit is carried along, so no pattern takes long.
fn fits(pattern: &[Part], path: &[Step]) -> bool {
    let skip = |reached: &mut Vec<bool>| {
        for (index, part) in pattern.iter().enumerate() {
            reached[index + 1] |= *part == Part::Deep && reached[index];
        }
    };
    let mut reached = vec![false; pattern.len() + 1];
    reached[0] = true;
    skip(&mut reached);
    for step in path {
        let mut next = vec![false; pattern.len() + 1];
        for (index, part) in pattern.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match (part, step) {
                (Part::Deep, _) => next[index] = true,
                (Part::AnyKey, Step::Key(_)) | (Part::AnyIndex, Step::Index(_)) => next[index + 1] = true,
                (Part::Key(wanted), Step::Key(key)) if wanted == key => next[index + 1] = true,
                (Part::Index(wanted), Step::Index(at)) if wanted == at => next[index + 1] = true,
                _ => {}
            }
        }
        skip(&mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}
