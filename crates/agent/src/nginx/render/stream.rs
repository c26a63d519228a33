//! Ports that pass byte for byte, and those where only whole connections can be intercepted.

use std::fmt::Write as _;

use intercept_protocol::record::{Intercept, Listener};

use super::{Sheet, Way};

/// The `stream` block; nothing where no port needs it.
pub(super) fn block(sheet: &Sheet<'_>, ways: &[Way<'_>]) -> String {
    let mut servers = String::new();
    for way in ways {
        if let Way::Stream(listener, intercept) = way {
            server(&mut servers, sheet, listener, *intercept).expect("writing to a String must succeed");
        }
    }
    if servers.is_empty() {
        return servers;
    }
    let connect = if sheet.record.is_direct() { "1s" } else { "1h" };
    format!(
        "stream {{\n    error_log stderr alert;\n    tcp_nodelay on;\n    \
         # As patient as no proxy at all: a reset or a close ends a connection, never a timer here. But for original\n    \
         # pods by their own addresses: one that is gone never answers.\n    \
         proxy_connect_timeout {connect}; proxy_timeout 10d; proxy_half_close on; proxy_socket_keepalive on;\n\
         {servers}}}\n"
    )
}

fn server(
    out: &mut String,
    sheet: &Sheet<'_>,
    listener: &Listener,
    intercept: Option<&Intercept>,
) -> std::fmt::Result {
    let port = listener.port;
    let to = match intercept {
        None => {
            let origin = sheet.origin(listener, "");
            writeln!(out, "    upstream origin_{port} {{{origin} }}")?;
            format!("origin_{port}")
        }
        Some(intercept) => {
            let (id, gate) = (&intercept.id, sheet.gate(intercept));
            let backup = sheet.origin(listener, " backup");
            // Only a refused connection goes to the backup, and then nothing was sent yet.
            writeln!(
                out,
                "    upstream i_{id} {{ server {gate} max_fails=0;{backup} }}"
            )?;
            format!("i_{id}")
        }
    };
    writeln!(
        out,
        "    server {{ {listen} proxy_pass {to}; }}",
        listen = sheet.listen(port)
    )
}
