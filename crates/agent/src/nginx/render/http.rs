//! The `http` block: intercepted ports, the readiness answer, and all the care that keeps the proxy unseen.

use std::fmt::Write as _;

use intercept_protocol::record::{Intercept, Listener};

use super::{CONFIGURATION_PATH, Mode, Sheet, Way, matching, telling};

/// Headers of the origin that NGINX would keep for itself.
const X_ACCEL: [&str; 5] = ["Expires", "Redirect", "Limit-Rate", "Buffering", "Charset"];

/// What the name of an upstream ends with whose connections serve one request each.
const ONCE: &str = "_once";

/// The whole block.
pub(super) fn block(sheet: &Sheet<'_>, ways: &[Way<'_>], digest: &str) -> String {
    let mut out = String::from("http {\n");
    out.push_str(&general(sheet));
    out.push_str(&telling::general(sheet));
    out.push_str(&health(sheet, digest));
    let ports: Vec<_> = ways
        .iter()
        .filter_map(|way| match way {
            Way::Http(listener, intercepts) => Some((listener, intercepts)),
            Way::Stream(..) => None,
        })
        .collect();
    if !ports.is_empty() {
        out.push_str(&request_maps(sheet));
        out.push_str(&proxying(sheet));
        out.push_str(&grpc(sheet));
    }
    for (listener, intercepts) in ports {
        port(&mut out, sheet, listener, intercepts);
    }
    out.push_str("}\n");
    out
}

/// What is accepted, and for how long. A shut gate's refusal is logged as critical, for every request: so only
/// what is worse than that is logged.
fn general(sheet: &Sheet<'_>) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!(" {kind}_temp_path {};", sheet.run_file(&format!("temp-{kind}"))))
        .collect();
    let keepalive = match (sheet.mode, sheet.binary.since(1, 27, 4)) {
        (Mode::Draining, _) => "keepalive_timeout 0;",
        // Without the minimum every reload cuts idle kept-alive connections under their callers.
        (Mode::Serving, true) => "keepalive_timeout 1h; keepalive_min_timeout 10s;",
        (Mode::Serving, false) => "keepalive_timeout 1h;",
    };
    let max_headers = if sheet.binary.since(1, 29, 8) {
        " max_headers 10000;"
    } else {
        ""
    };
    format!(
        "    access_log off; error_log stderr alert;\n   {temporary}\n    \
         default_type text/plain; server_tokens off; tcp_nodelay on;\n    \
         variables_hash_max_size 8192; variables_hash_bucket_size 256; map_hash_bucket_size 256;\n    \
         # --- what is accepted\n    \
         client_max_body_size 0; client_header_buffer_size 8k; large_client_header_buffers 16 256k;{max_headers}\n    \
         ignore_invalid_headers off; underscores_in_headers on;\n    \
         # --- time: never shorter than the origin's own\n    \
         {keepalive} keepalive_time 10d; keepalive_requests 1000000000;\n    \
         client_header_timeout 1h; client_body_timeout 1h; send_timeout 1h;\n    \
         absolute_redirect off; recursive_error_pages on;\n"
    )
}

/// Readiness, and which configuration runs.
fn health(sheet: &Sheet<'_>, digest: &str) -> String {
    format!(
        "    server {{ {listen} keepalive_timeout 0;{told}\n        \
         location = {CONFIGURATION_PATH} {{ return 200 \"{digest}\"; }}\n        \
         location / {{ return 204; }}\n    }}\n",
        listen = sheet.listen(sheet.record.health_port),
        told = telling::health(sheet),
    )
}

/// What is sent in place of what the client sent, the same for every port.
fn request_maps(sheet: &Sheet<'_>) -> String {
    let mut out = String::from(
        r#"    # An authority in the request line is the Host, as a server must read it.
    map $request $sent_authority { default ""; "~^\S+ [A-Za-z][A-Za-z0-9+.-]*://([^/?# ]+)" $1; }
    map $sent_authority $sent_host { default $sent_authority; "" $http_host; }
    # Origin connections are shared by clients: no client may make the origin drop a framing field.
    map $http_connection $sent_connection { default $http_connection; "~*(content-length|transfer-encoding|host)" ""; }
    # NGINX answers 100 itself; passing the wish on would only bring a second one.
    map $http_expect $sent_expect { default $http_expect; "~*100-continue" ""; }
"#,
    );
    if sheet.record.forwarded_headers {
        out.push_str(
            r#"    map $http_x_forwarded_host $sent_forwarded_host { default $http_x_forwarded_host; "" $http_host; }
    map $http_x_forwarded_proto $sent_forwarded_proto { default $http_x_forwarded_proto; "" $scheme; }
    map $http_x_forwarded_port $sent_forwarded_port { default $http_x_forwarded_port; "" $server_port; }
"#,
        );
    }
    out
}

/// How long a connection may take, and when another server is asked: as patient as no proxy at all. But an original pod
/// that is gone never answers, and no Service has taken it out yet.
fn connecting(sheet: &Sheet<'_>) -> (&'static str, &'static str) {
    if sheet.record.is_direct() {
        ("1s", "error timeout")
    } else {
        ("1h", "error")
    }
}

/// Everything about `proxy_pass`.
fn proxying(sheet: &Sheet<'_>) -> String {
    // With musl's allocator 64k buffers take a third of the throughput.
    let buffer = if sheet.binary.is_musl { "16k" } else { "64k" };
    let (connect, next) = connecting(sheet);
    let mut out = format!(
        "    # --- HTTP/1, and HTTP/2 without gRPC\n    \
         proxy_http_version 1.1; proxy_connect_timeout {connect}; proxy_send_timeout 1h; proxy_read_timeout 1h;\n    \
         proxy_buffering off; proxy_request_buffering off;\n    \
         proxy_buffer_size {buffer}; proxy_buffers 3 {buffer}; proxy_busy_buffers_size {buffer};\n    \
         proxy_redirect off; proxy_next_upstream {next}; proxy_socket_keepalive on;\n    \
         proxy_set_header Host $sent_host; proxy_set_header Connection $sent_connection;\n    \
         proxy_set_header Content_Length \"\"; proxy_set_header Transfer_Encoding \"\";\n    \
         proxy_set_header Proxy-Connection $http_proxy_connection; proxy_set_header Keep-Alive $http_keep_alive;\n    \
         proxy_set_header TE $http_te; proxy_set_header Upgrade $http_upgrade; proxy_set_header Expect $sent_expect;\n    \
         add_header Keep-Alive $upstream_http_keep_alive always;\n"
    );
    if sheet.binary.since(1, 27, 2) {
        out.push_str("    proxy_pass_trailers on;\n");
    }
    if sheet.binary.since(1, 29, 0) {
        out.push_str("    early_hints $request_method;\n");
    }
    out.push_str(&forwarded(sheet, "proxy"));
    // Without the second line the origin's X-Accel-Redirect would be obeyed instead of passed on.
    out.push_str(&passed("proxy", "Expires Cache-Control Set-Cookie Vary"));
    out
}

/// Everything about `grpc_pass`; only reachable where HTTP/2 is.
fn grpc(sheet: &Sheet<'_>) -> String {
    if !sheet.binary.has_http2_on_plain_ports() {
        return String::new();
    }
    let buffer = if sheet.binary.is_musl { "16k" } else { "64k" };
    let (connect, next) = connecting(sheet);
    let mut out = format!(
        "    # --- gRPC\n    \
         grpc_connect_timeout {connect}; grpc_send_timeout 1h; grpc_read_timeout 1h; grpc_buffer_size {buffer};\n    \
         http2_max_concurrent_streams 1000; grpc_next_upstream {next}; grpc_socket_keepalive on;\n    \
         grpc_set_header Host $http_host; grpc_set_header TE $http_te;\n"
    );
    out.push_str(&forwarded(sheet, "grpc"));
    out.push_str(&passed("grpc", ""));
    out
}

fn forwarded(sheet: &Sheet<'_>, module: &str) -> String {
    if !sheet.record.forwarded_headers {
        return String::new();
    }
    format!(
        "    {module}_set_header X-Forwarded-For $proxy_add_x_forwarded_for; \
         {module}_set_header X-Forwarded-Host $sent_forwarded_host;\n    \
         {module}_set_header X-Forwarded-Proto $sent_forwarded_proto; \
         {module}_set_header X-Forwarded-Port $sent_forwarded_port;\n"
    )
}

fn passed(module: &str, also_ignored: &str) -> String {
    let accel: Vec<String> = X_ACCEL.iter().map(|name| format!("X-Accel-{name}")).collect();
    let mut out = String::from("   ");
    for name in ["Date", "Server", "X-Pad"]
        .into_iter()
        .chain(accel.iter().map(String::as_str))
    {
        let _ = write!(out, " {module}_pass_header {name};");
    }
    let _ = writeln!(
        out,
        "\n    {module}_ignore_headers {} {also_ignored};",
        accel.join(" ")
    );
    out
}

fn port(out: &mut String, sheet: &Sheet<'_>, listener: &Listener, intercepts: &[&Intercept]) {
    let _ = writeln!(out, "    # --- port {}", listener.port);
    upstreams(out, sheet, listener, intercepts);
    out.push_str(&matching::maps(listener, intercepts));
    telling::port(out, sheet, listener, intercepts);
    ways(out, sheet, listener.port);
    server(out, sheet, listener.port);
}

/// One block for each protocol to the origin: a kept connection knows its block only, and an HTTP/1.1
/// request would be sent on a kept HTTP/2 one. Kept for a second: longer loses POSTs to origins that close idle
/// connections, none at all costs a port for each request.
fn upstreams(out: &mut String, sheet: &Sheet<'_>, listener: &Listener, intercepts: &[&Intercept]) {
    let (origin, backup) = (sheet.origin(listener, ""), sheet.origin(listener, " backup"));
    for protocol in ["", "_h2", "_grpc"] {
        let _ = writeln!(
            out,
            "    upstream origin_{}{protocol} {{{origin} keepalive 64; keepalive_timeout 1s; \
             keepalive_requests 1000000000; keepalive_time 10d; }}",
            listener.port
        );
    }
    // Since 1.29.7 connections are kept unless told otherwise; before, 0 was refused.
    let not_kept = if sheet.binary.since(1, 29, 7) {
        " keepalive 0;"
    } else {
        ""
    };
    for intercept in intercepts {
        let (name, gate) = (matching::upstream(intercept), sheet.gate(intercept));
        // Kept, because the agent never closes a gate's connection that NGINX might be using; and only for HTTP/1.1,
        // the one protocol in which it sees where a request ends.
        for (name, keepalive) in [
            (
                name.clone(),
                " keepalive 64; keepalive_timeout 1s; keepalive_requests 1000000000; keepalive_time 10d;",
            ),
            (format!("{name}{ONCE}"), not_kept),
        ] {
            // Never barred after a refusal: the gate opens again within milliseconds.
            let _ = writeln!(
                out,
                "    upstream {name} {{ server {gate} max_fails=0;{backup}{keepalive} }}"
            );
        }
    }
}

/// `$how_<port>` names the location that carries a request. The upstream's name stands last, where no
/// client's text can follow it.
fn ways(out: &mut String, sheet: &Sheet<'_>, port: u16) {
    let to = format!("$to_{port}");
    let _ = writeln!(
        out,
        "    map {to} $to_grpc_{port} {{ default {to}; origin_{port} origin_{port}_grpc; }}"
    );
    let mut rows: Vec<(&str, &str)> = Vec::new();
    if sheet.binary.has_http2_on_plain_ports() {
        rows.push((r"^HTTP/2\.0,application/grpc[+;,](?:.*,)?origin_[0-9]+\z", "grpc"));
        rows.push((
            r"^HTTP/2\.0,application/grpc[+;,](?:.*,)?i_[0-9a-f]+\z",
            "laptop_grpc",
        ));
    }
    if sheet.binary.has_http2_upstreams() {
        rows.push((r"^HTTP/2\.0,.*,origin_[0-9]+\z", "http2"));
        rows.push((r"^HTTP/2\.0,.*,i_[0-9a-f]+\z", "laptop2"));
    }
    rows.push((r"^HTTP/1\.0,.*,origin_[0-9]+\z", "http10"));
    rows.push((r"^HTTP/1\.0,.*,i_[0-9a-f]+\z", "laptop10"));
    rows.push((r",i_[0-9a-f]+\z", "laptop"));
    let _ = write!(
        out,
        "    map \"$server_protocol,$content_type,{to}\" $how_{port} {{ default \"\";"
    );
    for (pattern, way) in rows {
        let _ = write!(out, "\n        \"~{pattern}\" {way};");
    }
    out.push_str(" }\n");
}

/// The ways a request may take other than the plain one: name, code of the internal jump, what carries it.
/// The codes come from `server` only; answers of the origin are not intercepted. A jump by `return` keeps
/// method, body and raw path; a `rewrite` would encode the path anew.
fn locations(sheet: &Sheet<'_>, port: u16) -> Vec<(&'static str, u16, String)> {
    // A refusal is seen in the same turn of the event loop and goes to the backup; anything later may have been processed.
    let once = "proxy_next_upstream_timeout 1ms;";
    let mut found = vec![
        (
            "http10",
            590,
            format!("proxy_http_version 1.0; proxy_pass http://origin_{port};"),
        ),
        ("laptop", 591, format!("{once} proxy_pass http://$to_{port};")),
        (
            "laptop10",
            592,
            format!("{once} proxy_http_version 1.0; proxy_pass http://${{to_{port}}}{ONCE};"),
        ),
    ];
    if sheet.binary.has_http2_on_plain_ports() {
        // `proxy_http_version 2` breaks the errors of gRPC, and `grpc_pass` every HEAD.
        found.push(("grpc", 593, format!("grpc_pass grpc://$to_grpc_{port};")));
        found.push((
            "laptop_grpc",
            594,
            format!("grpc_next_upstream_timeout 1ms; grpc_pass grpc://${{to_{port}}}{ONCE};"),
        ));
    }
    if sheet.binary.has_http2_upstreams() {
        found.push((
            "http2",
            595,
            format!("proxy_http_version 2; proxy_pass http://origin_{port}_h2;"),
        ));
        found.push((
            "laptop2",
            596,
            format!("{once} proxy_http_version 2; proxy_pass http://${{to_{port}}}{ONCE};"),
        ));
    }
    found
}

fn server(out: &mut String, sheet: &Sheet<'_>, port: u16) {
    let http2 = if sheet.binary.has_http2_on_plain_ports() {
        " http2 on;"
    } else {
        ""
    };
    let ways = locations(sheet, port);
    let codes: String = ways
        .iter()
        .map(|(name, code, _)| format!(" error_page {code} = @{name};"))
        .collect();
    let jumps: String = ways
        .iter()
        .map(|(name, code, _)| format!("            if ($how_{port} = {name}) {{ return {code}; }}\n"))
        .collect();
    // An origin that closes without an answer must look so to the client, with no page of NGINX.
    let gone = "error_page 502 504 = @gone;";
    let _ = write!(
        out,
        "    server {{ {listen}{http2}\n        {told}\n        \
         # NGINX's own refusal of TRACE; the origin's 405 is not touched.\n        \
         error_page 405 = @trace;\n        \
         location / {{\n           {codes}\n            {gone}\n{jumps}            proxy_pass http://origin_{port};\n        }}\n",
        listen = sheet.listen(port),
        told = telling::server(sheet, port),
    );
    for (name, _, carried) in &ways {
        let _ = writeln!(out, "        location @{name} {{ {gone} {carried} }}");
    }
    let _ = write!(
        out,
        "        location @trace {{ if ($request_method != TRACE) {{ return 405; }} {gone} \
         proxy_next_upstream_timeout 1ms; proxy_pass http://$to_{port}; }}\n        \
         # HTTP/2 needs an answer: gRPC makes UNAVAILABLE of it, while a reset would be INTERNAL.\n        \
         location @gone {{ if ($server_protocol = HTTP/2.0) {{ return 502 \"\\n\"; }} return 444; }}\n    }}\n"
    );
}
