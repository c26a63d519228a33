//! Bodies in protobuf: what `kubectl create` sends. Answers are JSON, which it takes too.
//!
//! A message becomes the JSON that the same client would send if it sent JSON, by a table of field numbers.
//! Deliberately absent: writing protobuf.

use std::collections::HashMap;
use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Begins every protobuf body of Kubernetes.
const MAGIC: &[u8] = b"k8s\0";
/// Deeper than any object of the API is.
const DEEPEST: u32 = 64;
/// Fields that a client sends as zero when it means nothing.
const NEVER_ZERO: [&str; 9] = [
    "hostPort",
    "nodePort",
    "minReadySeconds",
    "healthCheckNodePort",
    "generation",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "observedGeneration",
];
/// And as false.
const NEVER_FALSE: [&str; 10] = [
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "stdin",
    "stdinOnce",
    "tty",
    "readOnly",
    "publishNotReadyAddresses",
    "paused",
    "unschedulable",
];

/// Not a message that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the protobuf body cannot be read")]
pub(crate) struct Unreadable;

struct Field {
    name: &'static str,
    kind: &'static str,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    Map,
    /// Its fields stand in the message around it.
    Inline,
}

type Message = HashMap<u64, Field>;

fn schema() -> &'static HashMap<&'static str, Message> {
    static SCHEMA: OnceLock<HashMap<&'static str, Message>> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let lines = include_str!("protobuf/schema.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, fields)| (name, message(fields)))
            .collect()
    })
}

fn message(fields: &'static str) -> Message {
    let mut message = Message::new();
    for field in fields.split("; ") {
        let mut words = field.split(' ');
        let (Some(number), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let (shape, kind) = match (name, kind) {
            ("*", kind) => (Shape::Inline, kind),
            (_, kind) if kind.starts_with("[]") => (Shape::List, &kind[2..]),
            (_, kind) if kind.starts_with("{}") => (Shape::Map, &kind[2..]),
            (_, kind) => (Shape::One, kind),
        };
        if let Ok(number) = number.parse() {
            message.insert(number, Field { name, kind, shape });
        }
    }
    message
}

/// The group's name in the table, which is its first label but for RBAC.
fn message_name(api_version: &str, kind: &str) -> String {
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let group = group.split('.').next().unwrap_or_default();
    match (group, kind) {
        (_, "DeleteOptions") => "meta.v1.DeleteOptions".to_owned(),
        _ => format!("{group}.{version}.{kind}"),
    }
}

/// The message of a kind, by the name that the table has for it.
pub(crate) fn message_of(api_version: &str, kind: &str) -> Option<&'static str> {
    known(&message_name(api_version, kind))
}

/// A type, if it is a message of the table.
pub(crate) fn known(name: &str) -> Option<&'static str> {
    schema().get_key_value(name).map(|(name, _)| *name)
}

/// A message's fields by name, with those that stand inline: name, type, shape.
pub(crate) fn fields_of(message: &str) -> Vec<(&'static str, &'static str, Shape)> {
    let mut all = Vec::new();
    for field in schema().get(message).into_iter().flat_map(HashMap::values) {
        if field.shape == Shape::Inline {
            all.extend(fields_of(field.kind));
        } else {
            all.push((field.name, field.kind, field.shape));
        }
    }
    all.sort_unstable_by_key(|(name, ..)| *name);
    all
}

/// Reads a body; JSON comes out.
pub(crate) fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let envelope = body.strip_prefix(MAGIC).ok_or(Unreadable)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut reader = Reader { rest: envelope };
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(meta)) => {
                let mut meta = Reader { rest: meta };
                while let Some((number, wire)) = meta.next()? {
                    match (number, wire) {
                        (1, Wire::Bytes(text)) => api_version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(object)) => raw = object,
            _ => {}
        }
    }
    let name = message_name(&api_version, &kind);
    let mut object = Map::new();
    fields(&name, raw, &mut object, 0)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

fn fields(
    message: &str,
    bytes: &[u8],
    object: &mut Map<String, Value>,
    depth: u32,
) -> Result<(), Unreadable> {
    let known = schema()
        .get(message)
        .filter(|_| depth < DEEPEST)
        .ok_or(Unreadable)?;
    let mut reader = Reader { rest: bytes };
    while let Some((number, wire)) = reader.next()? {
        let Some(field) = known.get(&number) else { continue };
        match field.shape {
            Shape::Inline => {
                let Wire::Bytes(bytes) = wire else {
                    return Err(Unreadable);
                };
                fields(field.kind, bytes, object, depth + 1)?;
            }
            Shape::List => {
                let place = object.entry(field.name).or_insert_with(|| json!([]));
                let item = value(field.kind, &wire, depth)?.unwrap_or(Value::Null);
                place.as_array_mut().ok_or(Unreadable)?.push(item);
            }
            Shape::Map => {
                let Wire::Bytes(bytes) = wire else {
                    return Err(Unreadable);
                };
                let (key, item) = entry(field.kind, bytes, depth)?;
                object.entry(field.name).or_insert_with(|| json!({}))[key] = item;
            }
            Shape::One => {
                if let Some(value) =
                    value(field.kind, &wire, depth)?.filter(|value| !is_nothing(field.name, value))
                {
                    object.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

/// What the wire cannot leave out, although the client means nothing by it.
fn is_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0) && NEVER_ZERO.contains(&name),
        Value::Bool(is) => !is && NEVER_FALSE.contains(&name),
        _ => false,
    }
}

fn entry(kind: &str, bytes: &[u8], depth: u32) -> Result<(String, Value), Unreadable> {
    let mut reader = Reader { rest: bytes };
    let (mut key, mut item) = (
        String::new(),
        if kind == "string" { json!("") } else { Value::Null },
    );
    while let Some((number, wire)) = reader.next()? {
        match (number, wire) {
            (1, Wire::Bytes(text)) => key = utf8(text)?,
            (2, wire) => item = value(kind, &wire, depth)?.unwrap_or(item),
            _ => {}
        }
    }
    Ok((key, item))
}

fn value(kind: &str, wire: &Wire<'_>, depth: u32) -> Result<Option<Value>, Unreadable> {
    Ok(Some(match (kind, wire) {
        ("string", Wire::Bytes(text)) => utf8(text)?.into(),
        ("bytes", Wire::Bytes(bytes)) => json!(k8s_openapi::ByteString(bytes.to_vec())),
        ("bool", Wire::Number(number)) => (*number != 0).into(),
        // Negative numbers are written as their 64 bits.
        ("int32" | "int64" | "uint32", Wire::Number(number)) => number.cast_signed().into(),
        ("time", Wire::Bytes(bytes)) => return time(bytes),
        ("int-or-string", Wire::Bytes(bytes)) => return int_or_string(bytes),
        ("quantity", Wire::Bytes(bytes)) => text_field(bytes)?.into(),
        ("raw", Wire::Bytes(_)) => return Ok(None),
        ("texts", Wire::Bytes(bytes)) => {
            let mut reader = Reader { rest: bytes };
            let mut all = Vec::new();
            while let Some((_, wire)) = reader.next()? {
                if let Wire::Bytes(text) = wire {
                    all.push(utf8(text)?);
                }
            }
            json!(all)
        }
        (message, Wire::Bytes(bytes)) => {
            let mut object = Map::new();
            fields(message, bytes, &mut object, depth + 1)?;
            object.into()
        }
        _ => return Err(Unreadable),
    }))
}

/// The first field, as text.
fn text_field(bytes: &[u8]) -> Result<String, Unreadable> {
    match (Reader { rest: bytes }).next()? {
        Some((1, Wire::Bytes(text))) => utf8(text),
        _ => Ok(String::new()),
    }
}

/// A moment of no seconds is none.
fn time(bytes: &[u8]) -> Result<Option<Value>, Unreadable> {
    let mut reader = Reader { rest: bytes };
    let mut seconds = 0;
    while let Some((number, wire)) = reader.next()? {
        if let (1, Wire::Number(number)) = (number, wire) {
            seconds = number.cast_signed();
        }
    }
    let moment = Timestamp::from_second(seconds).map_err(|_| Unreadable)?;
    Ok((seconds != 0).then(|| super::meta::stamp(moment).into()))
}

fn int_or_string(bytes: &[u8]) -> Result<Option<Value>, Unreadable> {
    let mut reader = Reader { rest: bytes };
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    while let Some((field, wire)) = reader.next()? {
        match (field, wire) {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(value)) => text = utf8(value)?,
            _ => {}
        }
    }
    Ok(match (is_text, number) {
        (true, _) => Some(text.into()),
        // No port, and where it counts pods no different from nothing.
        (false, 0) => None,
        (false, number) => Some(number.into()),
    })
}

fn utf8(bytes: &[u8]) -> Result<String, Unreadable> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable)
}

/// What stands behind a field's number.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(u64, Wire<'a>)>, Unreadable> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.number()?;
        let wire = match tag & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Bytes(self.take(8)?),
            2 => {
                let length = usize::try_from(self.number()?).map_err(|_| Unreadable)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Bytes(self.take(4)?),
            _ => return Err(Unreadable),
        };
        Ok(Some((tag >> 3, wire)))
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.rest.split_first().ok_or(Unreadable)?;
            self.rest = rest;
            number |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Unreadable)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unreadable)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Kind;

    fn knows(kind: Kind) -> bool {
        schema().contains_key(message_name(&kind.api_version(), kind.kind).as_str())
    }

    /// One field with bytes, as the wire has it.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, object)].concat()
    }

    #[test]
    fn a_message_becomes_the_json_of_the_same_object() {
        let meta = [field(1, b"web"), field(3, b"")].concat();
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let object = [field(1, &meta), field(2, &entry)].concat();
        assert_eq!(
            read(&body("v1", "ConfigMap", &object)),
            Ok(
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": { "k": "v" } })
            )
        );
    }

    #[test]
    fn what_is_cut_or_wild_is_unreadable() {
        let whole = body("v1", "ConfigMap", &field(1, &field(1, b"web")));
        for length in 0..whole.len() {
            // Cut where a field ends, it is a shorter message.
            let _ = read(&whole[..length]);
        }
        assert_eq!(read(&whole[..whole.len() - 1]), Err(Unreadable));
        assert_eq!(read(b"{}"), Err(Unreadable));
        assert_eq!(read(&body("v1", "Wings", b"")), Err(Unreadable));
    }

    #[test]
    fn every_kind_is_known() {
        for kind in Kind::all() {
            assert!(knows(kind), "{}", kind.kind);
        }
    }
}
