//! Which request goes where, as `map` blocks.
//!
//! One map for each part of a match, answering 1 or 0; one that puts an intercept's parts together; one
//! for the port that asks the intercepts in their order. Everything typed by a person stands in a regular
//! expression made by `quote`; everything else in here is made of ids and ports.

use std::fmt::Write as _;

use intercept_protocol::matching::{Mark, Match};
use intercept_protocol::record::{Intercept, Listener};

use crate::nginx::quote::{self, Pieces};

/// The maps of one port; they set `$to_<port>` to an upstream's name.
pub(super) fn maps(listener: &Listener, intercepts: &[&Intercept]) -> String {
    let mut out = String::new();
    let (mut asked, mut answers) = (String::new(), String::new());
    let mut otherwise = format!("origin_{}", listener.port);
    for intercept in intercepts {
        let Some(fits) = fits(&mut out, intercept) else {
            // Takes whatever is left; nobody after it is ever asked.
            otherwise = upstream(intercept);
            break;
        };
        let others = ".".repeat(asked.matches('$').count());
        let _ = write!(answers, " \"~^{others}1\" {};", upstream(intercept));
        asked.push_str(&fits);
    }
    let to = format!("$to_{}", listener.port);
    let _ = writeln!(
        out,
        "    map \"{asked}\" {to} {{ default {otherwise};{answers} }}"
    );
    out
}

/// Name of an intercept's upstream.
pub(super) fn upstream(intercept: &Intercept) -> String {
    format!("i_{}", intercept.id)
}

/// Writes an intercept's maps; the variable that is 1 when all its parts fit, or nothing when every request does.
fn fits(out: &mut String, intercept: &Intercept) -> Option<String> {
    let id = intercept.id.as_str();
    let parts: Vec<String> = [
        mark(out, id, &intercept.rule.mark),
        path(out, id, &intercept.rule),
        methods(out, id, &intercept.rule),
    ]
    .into_iter()
    .flatten()
    .collect();
    let all = "1".repeat(parts.len());
    match parts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => {
            let name = format!("$fits_{id}");
            let joined = several.concat();
            let _ = writeln!(
                out,
                "    map \"{joined}\" {name} {{ default 0; \"~^{all}\\z\" 1; }}"
            );
            Some(name)
        }
    }
}

fn mark(out: &mut String, id: &str, mark: &Mark) -> Option<String> {
    let variable = format!("$mark_{id}");
    match mark {
        Mark::All => return None,
        Mark::Header { name, value: None } => {
            let header = name.variable();
            let _ = writeln!(out, "    map $http_{header} {variable} {{ default 1; \"\" 0; }}");
        }
        Mark::Header {
            name,
            value: Some(value),
        } => {
            let source = format!("$http_{}", name.variable());
            expression(
                out,
                &source,
                &variable,
                "^",
                &quote::literal(value.as_str()),
                "\\z",
            );
        }
        Mark::Baggage { key, value } => {
            let key = quote::literal(key.as_str()).concat();
            // A member begins where the list does or after a comma; spaces and tabs may stand around everything.
            let start = format!("(?:^|,)[ \\t]*{key}[ \\t]*=[ \\t]*");
            let (value, end) = match value {
                Some(value) => (quote::baggage_value(value.as_str()), "[ \\t]*(?:[,;]|\\z)"),
                None => (vec![String::new()], "[^,; \\t]"),
            };
            expression(out, "$http_baggage", &variable, &start, &value, end);
        }
    }
    Some(variable)
}

fn path(out: &mut String, id: &str, rule: &Match) -> Option<String> {
    let prefix = rule.path_prefix.as_ref()?.as_str();
    let variable = format!("$path_{id}");
    let end = if prefix.ends_with('/') { "" } else { "(?:[/?]|\\z)" };
    expression(out, "$request_uri", &variable, "^", &quote::literal(prefix), end);
    Some(variable)
}

fn methods(out: &mut String, id: &str, rule: &Match) -> Option<String> {
    if rule.methods.is_empty() {
        return None;
    }
    let variable = format!("$method_{id}");
    let _ = write!(out, "    map $request_method {variable} {{ default 0;");
    for method in &rule.methods {
        let _ = write!(out, " \"~^{}\\z\" 1;", quote::literal(method.as_str()).concat());
    }
    out.push_str(" }\n");
    Some(variable)
}

/// `variable` is 1 when `source` fits `start`, `pieces` and `end`. A text too long for one token is matched
/// by a chain of maps; each hands what it did not consume to the next, marked with an `x`.
fn expression(out: &mut String, source: &str, variable: &str, start: &str, pieces: &Pieces, end: &str) {
    let (mut source, mut start) = (source.to_owned(), start.to_owned());
    for (index, piece) in pieces.iter().enumerate() {
        if index + 1 == pieces.len() {
            let _ = writeln!(
                out,
                "    map {source} {variable} {{ default 0; \"~{start}{piece}{end}\" 1; }}"
            );
        } else {
            let rest = format!("{variable}_{index}");
            let _ = writeln!(
                out,
                "    map {source} {rest} {{ default \"\"; \"~{start}{piece}(.*)\\z\" \"x$1\"; }}"
            );
            (source, start) = (rest, "^x".to_owned());
        }
    }
}
