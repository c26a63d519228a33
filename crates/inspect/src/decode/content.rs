//! Which decoder reads what, and what they give.

use serde::{Deserialize, Serialize};

use super::events::ServerEvent;
use super::form::Field;
use super::grpc::{GrpcMessage, GrpcStatus};
use super::hex::HexRow;
use super::json::JsonLine;
use super::media::Media;
use super::multipart::Part;
use super::problem::Problem;
use super::protobuf::ProtoField;
use super::websocket::SocketMessage;
use super::{Reader, charset, events, form, hex, json, multipart, picture, protobuf};
use crate::exchange::Body;

/// What bytes say.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// Text.
    Text {
        /// How to colour it.
        language: Language,
        /// How it was written.
        charset: String,
        /// The text.
        text: String,
    },
    /// A JSON document.
    Json {
        /// How it was written.
        charset: String,
        /// Laid out, up to an error.
        pretty: String,
        /// What follows the error, as sent.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rest: String,
    },
    /// A JSON document per line.
    JsonLines {
        /// The lines that are not empty.
        lines: Vec<JsonLine>,
    },
    /// A form.
    Form {
        /// In the order in which they were sent.
        fields: Vec<Field>,
    },
    /// Several parts.
    Multipart {
        /// In their order.
        parts: Vec<Part>,
    },
    /// A picture; its bytes are those of [`super::unpack`].
    Image {
        /// Its format's media type.
        format: String,
        /// In pixels.
        width: u64,
        /// In pixels.
        height: u64,
    },
    /// Protobuf, guessed from the bytes alone.
    Protobuf {
        /// In their order.
        fields: Vec<ProtoField>,
    },
    /// Protobuf, read with its schema.
    Message {
        /// The full name of its type.
        message_type: String,
        /// As JSON, laid out.
        pretty: String,
    },
    /// One direction of a gRPC call.
    Grpc {
        /// Its messages.
        messages: Vec<GrpcMessage>,
        /// How the call ended; part of answers only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<GrpcStatus>,
    },
    /// Both directions of a WebSocket.
    WebSocket {
        /// In the order of time.
        messages: Vec<SocketMessage>,
    },
    /// Server-sent events.
    Events {
        /// In their order.
        events: Vec<ServerEvent>,
    },
    /// Anything else.
    Bytes {
        /// The first rows; [`super::hex()`] gives any.
        beginning: Vec<HexRow>,
    },
}

/// Languages that text is written in.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "they have names")]
pub enum Language {
    #[default]
    Plain,
    Html,
    Xml,
    JavaScript,
    Css,
    Yaml,
    GraphQl,
    Markdown,
    Csv,
}

/// Bytes to be read.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether there had been more.
    pub(super) is_cut: bool,
    /// Where these bytes are a body as it passed: when they came.
    pub(super) arrivals: Option<&'a Body>,
    /// In how many others it is.
    pub(super) nesting: usize,
}

impl<'a> Piece<'a> {
    /// A part of this one.
    pub(super) fn part(&self, bytes: &'a [u8], is_cut: bool) -> Self {
        Self {
            bytes,
            is_cut,
            arrivals: None,
            nesting: self.nesting + 1,
        }
    }

    /// When the byte at `offset` came.
    pub(super) fn arrived(&self, offset: usize) -> Option<u64> {
        self.arrivals?.arrived(offset as u64)
    }
}

pub(super) type Found = (Content, Vec<Problem>);

/// Reads bytes as what they are said, or seem, to be.
pub(super) fn read(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    if piece.bytes.is_empty() {
        return (Content::Empty, Vec::new());
    }
    let budget = &mut reader.budget;
    let essence = media.essence.as_str();
    if let Some(name) = reader
        .options
        .message_type
        .as_deref()
        .filter(|_| is_protobuf(media))
    {
        return protobuf::read(piece, Some(name), reader);
    }
    match essence {
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines"
        | "application/json-lines"
        | "application/json-seq"
        | "application/stream+json" => json_lines(piece, media, reader),
        _ if media.is("json") => json_document(piece, media, reader),
        "application/x-www-form-urlencoded" => form::read(piece, media, budget),
        "text/event-stream" => events::read(piece, budget),
        _ if essence.starts_with("multipart/") => multipart::read(piece, media, reader),
        _ if is_protobuf(media) => {
            let name = media.parameter("messagetype").or_else(|| media.parameter("type"));
            protobuf::read(piece, name, reader)
        }
        _ if language(media).is_some() && !looks_binary(piece.bytes) => text(piece, media, reader),
        _ => sniffed(piece, media, reader),
    }
}

/// What nobody told, or nobody should have told.
fn sniffed(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    let is_declared = media.essence.starts_with("image/");
    if let Some(image) = picture::read(piece.bytes) {
        return (image, Vec::new());
    }
    let seems_text = charset::is_text(piece.bytes, piece.is_cut) || media.parameter("charset").is_some();
    if seems_text && !is_declared {
        let first = piece.bytes.trim_ascii_start().first();
        if media.is_vague() && matches!(first, Some(b'{' | b'[')) {
            let found = json_document(piece, media, reader);
            if found.1.is_empty() {
                return found;
            }
        }
        return text(piece, media, reader);
    }
    let problem = is_declared.then(|| {
        let text = format!(
            "this is said to be {}, but is no picture that is known",
            short(&media.essence)
        );
        Problem::new(super::ProblemKind::Unsupported, text)
    });
    (
        hex::content(piece, &mut reader.budget),
        problem.into_iter().collect(),
    )
}

fn is_protobuf(media: &Media) -> bool {
    [
        "protobuf",
        "x-protobuf",
        "proto",
        "x-google-protobuf",
        "vnd.google.protobuf",
    ]
    .iter()
    .any(|name| media.is(name))
}

/// The language of a type that is text by its name.
pub(super) fn language(media: &Media) -> Option<Language> {
    Some(match media.essence.as_str() {
        "text/html" | "application/xhtml+xml" => Language::Html,
        "text/css" => Language::Css,
        "text/markdown" => Language::Markdown,
        "text/csv" | "text/tab-separated-values" => Language::Csv,
        "application/graphql" => Language::GraphQl,
        "application/x-javascript" => Language::JavaScript,
        _ if media.is("xml") => Language::Xml,
        _ if media.is("javascript") || media.is("ecmascript") => Language::JavaScript,
        _ if media.is("yaml") || media.is("x-yaml") => Language::Yaml,
        essence if essence.starts_with("text/") => Language::Plain,
        _ => return None,
    })
}

/// Whether something that claims to be text cannot be: UTF-16 has zeros, but begins with a mark or says so.
fn looks_binary(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(512)];
    bytes.starts_with(b"\x89PNG")
        || beginning.iter().filter(|byte| **byte == 0).count() > beginning.len() * 3 / 4
}

fn text(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    let read = charset::read(piece.bytes, media, piece.is_cut);
    let (text, is_all) = reader.budget.show(&read.text);
    let content = Content::Text {
        language: language(media).unwrap_or_default(),
        charset: read.charset.to_owned(),
        text,
    };
    let long = (!is_all).then(Problem::too_long);
    (content, read.problem.into_iter().chain(long).collect())
}

pub(super) fn json_document(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    let read = charset::read(piece.bytes, media, piece.is_cut);
    let layout = json::layout(&read.text, piece.is_cut, &mut reader.budget);
    let content = Content::Json {
        charset: read.charset.to_owned(),
        pretty: layout.pretty,
        rest: layout.rest,
    };
    (content, read.problem.into_iter().chain(layout.problem).collect())
}

fn json_lines(piece: &Piece<'_>, media: &Media, reader: &mut Reader<'_>) -> Found {
    let read = charset::read(piece.bytes, media, piece.is_cut);
    let (lines, problem) = json::lines(&read.text, piece.is_cut, &mut reader.budget);
    let problems = read.problem.into_iter().chain(problem).collect();
    (Content::JsonLines { lines }, problems)
}

/// Enough of what was received to recognise it in a sentence.
pub(super) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
