//! What NGINX tells the agent: a line for each request, by datagrams, so that it never waits.
//!
//! A line costs NGINX about a fifth of what a small request costs, so there is a limit for each kind of request: those of
//! each intercept, those that carry some rule's header, and all others. `limit_req` in its dry mode counts them in shared
//! memory and refuses nobody. Measured at full load (35,000 requests a second): without a limit 6 to 24 % less throughput,
//! with it none that could be told from noise, which was 6 %.

use std::fmt::Write as _;

use intercept_protocol::record::{Intercept, Listener};

use super::{REQUESTS_PATH, Sheet};
use crate::nginx::quote::token;
use crate::traffic::{self, HEALTH};

/// Lines a second of each kind, and as many more at once.
const LINES: u32 = 500;

/// What is the same for every port.
pub(super) fn general(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    if sheet.binary.has_stub_status {
        let _ = writeln!(out, "    log_format health '{HEALTH}';");
    }
    if sheet.binary.has_dry_limits() {
        out.push_str("    map $limit_req_status $is_told { default 1; REJECTED_DRY_RUN \"\"; }\n");
    }
    out
}

/// Health checks are told, because NGINX counts them too.
pub(super) fn health(sheet: &Sheet<'_>) -> String {
    if !sheet.binary.has_stub_status {
        return String::new();
    }
    let log = log(sheet);
    format!(
        "\n        access_log {log} health;\n        \
         location = {REQUESTS_PATH} {{ stub_status; }}"
    )
}

/// A port's format and kinds.
pub(super) fn port(out: &mut String, sheet: &Sheet<'_>, listener: &Listener, intercepts: &[&Intercept]) {
    let port = listener.port;
    let _ = write!(out, "    log_format line_{port} escape=json");
    for piece in traffic::format(listener, intercepts) {
        // Names of variables and headers, commas and double quotes: nothing that ends a text in single ones.
        let _ = write!(out, "\n        '{piece}'");
    }
    out.push_str(";\n");
    if sheet.binary.has_dry_limits() {
        let marks: String = traffic::headers(intercepts)
            .iter()
            .map(|header| format!("${{http_{header}}}"))
            .collect();
        let _ = writeln!(
            out,
            "    map \"${{to_{port}}},{marks}\" $kind_{port} {{ default marked; \"~^(i_[0-9a-f]+),\" $1; \
             \"~^origin_[0-9]+,\\z\" other; }}\n    \
             limit_req_zone $kind_{port} zone=lines_{port}:64k rate={LINES}r/s;"
        );
    }
}

/// What makes a port's server tell.
pub(super) fn server(sheet: &Sheet<'_>, port: u16) -> String {
    let log = log(sheet);
    if !sheet.binary.has_dry_limits() {
        return format!("access_log {log} line_{port};");
    }
    format!(
        "limit_req zone=lines_{port} burst={LINES} nodelay; limit_req_dry_run on; limit_req_log_level info;\n        \
         access_log {log} line_{port} if=$is_told;"
    )
}

fn log(sheet: &Sheet<'_>) -> String {
    let socket = traffic::socket(&sheet.place.run_dir);
    token(&format!(
        "syslog:server=unix:{},nohostname,tag=i",
        socket.display()
    ))
}
