//! A decoded body for people.

use intercept_inspect::decode::{
    Content, Decoded, GrpcMessage, GrpcStatus, Half, HexRow, Part, Position, Problem, ProtoField, ProtoValue,
    ServerEvent, SocketMessage,
};

use crate::line::{micros, size};
use crate::output::{block, bold, dim, one_line, warning};

/// Bytes of a body that are written to a terminal; the rest is for `--body`.
const SHOWN: usize = 64 * 1024;

/// What it says, and below that what could not be read.
pub(super) fn written(decoded: &Decoded) -> String {
    let mut out = Vec::new();
    content(decoded, &mut out);
    let mut text = out.join("\n");
    if text.len() > SHOWN {
        let end = (0..=SHOWN)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text += &format!("\n{}", dim("… and more: --body gives all of it"));
    }
    text
}

fn content(decoded: &Decoded, out: &mut Vec<String>) {
    match &decoded.content {
        Content::Empty => out.push(dim("(empty)")),
        Content::Text { text, .. } => out.push(block(text)),
        Content::Json { pretty, rest, .. } => out.push(broken(pretty, rest)),
        Content::JsonLines { lines } => {
            for line in lines {
                out.push(broken(&line.pretty, &line.rest));
                out.extend(line.problem.as_ref().map(problem));
            }
        }
        Content::Form { fields } => out.extend(fields.iter().map(|field| pair(&field.name, &field.value))),
        Content::Multipart { parts } => parts.iter().for_each(|one| part(one, out)),
        Content::Image {
            format,
            width,
            height,
        } => {
            out.push(dim(one_line(&format!(
                "{format}, {width} × {height} pixels, {}",
                size(decoded.size)
            ))));
        }
        Content::Protobuf { fields } => proto(fields, 0, out),
        Content::Message { message_type, pretty } => {
            out.push(dim(one_line(message_type)));
            out.push(block(pretty));
        }
        Content::Grpc { messages, status } => {
            messages.iter().for_each(|one| grpc(one, out));
            out.extend(status.as_ref().map(grpc_status));
        }
        Content::WebSocket { messages } => messages.iter().for_each(|one| said(one, out)),
        Content::Events { events } => events.iter().for_each(|one| event(one, out)),
        Content::Bytes { beginning } => out.extend(beginning.iter().map(hex)),
    }
    out.extend(decoded.problems.iter().map(problem));
}

/// What could be read, and the rest as it came.
fn broken(pretty: &str, rest: &str) -> String {
    if rest.is_empty() {
        block(pretty)
    } else {
        format!("{}{}", block(pretty), warning(block(rest)))
    }
}

fn pair(name: &str, value: &str) -> String {
    format!("{} {}", dim(format!("{} =", one_line(name))), block(value))
}

fn part(part: &Part, out: &mut Vec<String>) {
    let names = [
        part.name.clone(),
        part.filename.as_ref().map(|name| format!("file {name}")),
        Some(size(part.content.size)),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    out.push(bold(one_line(&format!("── {}", names.join(", ")))));
    content(&part.content, out);
}

fn grpc(message: &GrpcMessage, out: &mut Vec<String>) {
    let packed = if message.compressed { ", compressed" } else { "" };
    out.push(dim(format!(
        "── message of {}{packed}{}",
        size(message.size),
        at(message.at)
    )));
    content(&message.content, out);
}

fn grpc_status(status: &GrpcStatus) -> String {
    let name = status.name.as_deref().unwrap_or_default();
    let text = one_line(&format!("grpc-status {} {name} {}", status.code, status.message));
    let text = text.trim_end();
    if status.code == "0" {
        dim(text)
    } else {
        warning(text)
    }
}

fn said(message: &SocketMessage, out: &mut Vec<String>) {
    let arrow = match message.from {
        Half::Request => "→",
        Half::Response => "←",
    };
    let cut = if message.complete { "" } else { ", cut" };
    out.push(dim(format!(
        "{arrow} {}{cut}{}",
        format!("{:?}", message.opcode).to_lowercase(),
        at(message.at)
    )));
    match &message.close {
        Some(close) => out.push(one_line(&format!(
            "{} {} {}",
            close.code,
            close.name.as_deref().unwrap_or_default(),
            close.reason
        ))),
        None => content(&message.content, out),
    }
}

fn event(event: &ServerEvent, out: &mut Vec<String>) {
    let name = event.event.as_deref().unwrap_or("message");
    let id = event
        .id
        .as_ref()
        .map(|id| format!(" id {id}"))
        .unwrap_or_default();
    let kind = format!("{:?}", event.kind).to_lowercase();
    let kind = if kind == "event" {
        String::new()
    } else {
        format!(" ({kind})")
    };
    out.push(dim(format!(
        "── {}{kind}{}",
        one_line(&format!("{name}{id}")),
        at(event.at)
    )));
    out.push(block(&event.data));
}

fn proto(fields: &[ProtoField], depth: usize, out: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for field in fields {
        let said = |value: &str| format!("{indent}{} {value}", dim(format!("{}:", field.number)));
        match &field.value {
            ProtoValue::Varint { unsigned, signed, .. } => out.push(said(&match signed {
                Some(signed) => format!("{unsigned} or {signed}"),
                None => unsigned.clone(),
            })),
            ProtoValue::Fixed64 { unsigned, float } | ProtoValue::Fixed32 { unsigned, float } => {
                out.push(said(&format!("{unsigned} or {float}")));
            }
            ProtoValue::Text { text } => out.push(said(&format!("\"{}\"", one_line(text)))),
            ProtoValue::Packed { values } => out.push(said(&format!("[{}]", values.join(", ")))),
            ProtoValue::Bytes { hex, size: bytes } => out.push(said(&format!("{} of {hex}", size(*bytes)))),
            ProtoValue::Message { fields } | ProtoValue::Group { fields } => {
                out.push(said("{"));
                proto(fields, depth + 1, out);
                out.push(format!("{indent}}}"));
            }
        }
    }
}

fn hex(row: &HexRow) -> String {
    format!(
        "{}  {:<47}  {}",
        dim(format!("{:08x}", row.offset)),
        one_line(&row.hex),
        one_line(&row.ascii)
    )
}

fn problem(problem: &Problem) -> String {
    let place = problem.at.map(place).unwrap_or_default();
    warning(format!("! {}{place}", one_line(&problem.text)))
}

fn place(at: Position) -> String {
    match (at.line, at.column) {
        (Some(line), Some(column)) => format!(" (line {line}, column {column})"),
        _ => format!(" (byte {})", at.byte),
    }
}

fn at(moment: Option<u64>) -> String {
    moment
        .map(|moment| format!(" after {}", micros(moment)))
        .unwrap_or_default()
}
