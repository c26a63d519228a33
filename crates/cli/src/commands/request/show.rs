//! One exchange for people.

use intercept_inspect::decode::{self, Options, decode};
use intercept_inspect::exchange::{Exchange, Header, Message, Protocol, Times};

use super::body::written;
use crate::line::{Lines, micros, outcome, size};
use crate::output::{bold, dim, good, one_line, warning};
use crate::recorded::{Cover, Covered};

/// Everything there is to it.
pub(crate) fn text(covered: &Covered, width: Option<usize>) -> String {
    let exchange = &covered.exchange;
    let mut out = head(exchange, width);
    out.push(String::new());
    out.extend(asked(exchange));
    out.push(String::new());
    out.extend(answered(exchange));
    if !covered.hidden.is_empty() {
        out.push(String::new());
        out.push(dim(format!(
            "{} secrets are covered (••••): --reveal shows them",
            covered.hidden.len()
        )));
    }
    out.join("\n")
}

fn head(exchange: &Exchange, width: Option<usize>) -> Vec<String> {
    let place = &exchange.place;
    let mut out = Vec::new();
    let title = match outcome(&exchange.outcome) {
        Some(words) => format!("Request {}: {words}", exchange.id),
        None => format!("Request {}", exchange.id),
    };
    out.push(bold(title));
    if !place.service.is_empty() {
        let service = format!("{}/{}:{}", place.namespace, place.service, place.port);
        let context = if place.context.is_empty() {
            String::new()
        } else {
            format!(" in {}", place.context)
        };
        out.push(field("Service", &one_line(&format!("{service}{context}"))));
    }
    if let Some(source) = &exchange.source {
        let pod = source.pod.as_ref().map(|pod| format!(" ({pod})"));
        out.push(field(
            "From",
            &one_line(&format!("{}{}", source.address, pod.unwrap_or_default())),
        ));
    }
    if let Ok(cover) = Cover::new(true) {
        let lines = Lines::new(cover, width, false);
        out.push(field("Began", &lines.date(exchange.began)));
    }
    let tags = &exchange.tags;
    let marks = [
        tags.pinned.then(|| "pinned".to_owned()),
        tags.replay_of.map(|of| format!("replay of {of}")),
        tags.edited.then(|| "edited".to_owned()),
    ];
    let marks: Vec<String> = marks.into_iter().flatten().collect();
    if !marks.is_empty() {
        out.push(field("Marks", &marks.join(", ")));
    }
    out.extend(timing(&exchange.times));
    out
}

fn field(name: &str, value: &str) -> String {
    format!("{} {value}", dim(format!("{name:<9}")))
}

/// Where the time went.
fn timing(times: &Times) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(proxy) = times.proxy {
        parts.push(format!("cluster to laptop {}", micros(proxy.unsigned_abs())));
    }
    if let Some(connect) = times.connect {
        parts.push(format!("connect {}", micros(connect)));
    }
    if let Some(sent) = times.sent {
        parts.push(format!("request {}", micros(sent)));
    }
    if let Some(first) = times.first_byte {
        let after = first.saturating_sub(times.sent.unwrap_or_default());
        parts.push(format!("program {}", micros(after)));
        if let Some(last) = times.last_byte {
            parts.push(format!("answer {}", micros(last.saturating_sub(first))));
        }
    }
    let total = times.last_byte.map(|last| format!(", {} in all", micros(last)));
    (!parts.is_empty()).then(|| {
        field(
            "Took",
            &format!("{}{}", parts.join(" · "), total.unwrap_or_default()),
        )
    })
}

fn asked(exchange: &Exchange) -> Vec<String> {
    let request = &exchange.request;
    let mut out = Vec::new();
    if exchange.protocol == Protocol::Bytes {
        out.push(bold("Bytes of the caller"));
    } else {
        out.push(bold(one_line(&format!(
            "{} {} {}",
            request.method.shown(),
            request.target.shown(),
            exchange.protocol.name()
        ))));
        let has_host = request.message.header("host").is_some();
        if !has_host && !request.host.is_empty() {
            out.push(line("host", &request.host.shown()));
        }
    }
    out.extend(message(&request.message, exchange, decode::Half::Request));
    out
}

fn answered(exchange: &Exchange) -> Vec<String> {
    let Some(response) = &exchange.response else {
        return vec![dim("No answer")];
    };
    let mut out = Vec::new();
    if exchange.protocol == Protocol::Bytes {
        out.push(bold("Bytes of the program"));
    } else {
        for status in &response.interim {
            out.push(dim(format!("{} {status}", exchange.protocol.name())));
        }
        let first = one_line(&format!(
            "{} {} {}",
            exchange.protocol.name(),
            response.status,
            response.reason.shown()
        ));
        let first = first.trim_end().to_owned();
        out.push(match response.status {
            ..400 => bold(good(first)),
            400.. => bold(warning(first)),
        });
    }
    out.extend(message(&response.message, exchange, decode::Half::Response));
    out
}

fn message(message: &Message, exchange: &Exchange, half: decode::Half) -> Vec<String> {
    let mut out: Vec<String> = message.headers.iter().map(header).collect();
    if message.body.size > 0 {
        let decoded = decode(exchange, half, &Options::default());
        out.push(String::new());
        let codings = decoded.codings.join(", ");
        if !codings.is_empty() {
            out.push(dim(format!(
                "{} as {codings}, {} unpacked",
                size(decoded.size),
                size(decoded.unpacked)
            )));
        }
        out.push(written(&decoded));
    }
    if !message.trailers.is_empty() {
        out.push(String::new());
        out.push(dim("Trailers"));
        out.extend(message.trailers.iter().map(header));
    }
    out
}

fn header(header: &Header) -> String {
    line(&header.name.shown(), &header.value.shown())
}

fn line(name: &str, value: &str) -> String {
    format!("{} {}", dim(format!("{}:", one_line(name))), one_line(value))
}
