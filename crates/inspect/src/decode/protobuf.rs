//! Protobuf: with a schema as JSON, without one as fields whose meaning is guessed.
//!
//! The same bytes can be a text, a message and a list of numbers. The guess prefers what is improbable to arise by chance:
//! text without control characters, then a message that uses all bytes, then numbers.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::content::{Content, Found, Piece, short};
use super::problem::{Position, Problem, ProblemKind};
use super::{Reader, schemas};

mod wire;

use wire::{Raw, Wire};

/// More levels than real messages have; each costs a reading of what is inside.
const MAX_DEPTH: usize = 48;

/// A field with its number.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProtoField {
    /// Its number in the schema.
    pub number: u32,
    /// Where it begins, within the message that was read.
    pub offset: u64,
    /// What it may mean.
    pub value: ProtoValue,
}

/// Numbers are texts: not every reader keeps 64 bits of a number.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ProtoValue {
    /// A variable-length number.
    Varint {
        /// As uint64.
        unsigned: String,
        /// As sint64.
        zigzag: String,
        /// As int64, where that differs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<String>,
    },
    /// Eight bytes.
    Fixed64 {
        /// As fixed64.
        unsigned: String,
        /// As double.
        float: String,
    },
    /// Four bytes.
    Fixed32 {
        /// As fixed32.
        unsigned: String,
        /// As float.
        float: String,
    },
    /// Bytes that are text.
    Text {
        /// The text.
        text: String,
    },
    /// Bytes that can be a message.
    Message {
        /// Its fields.
        fields: Vec<ProtoField>,
    },
    /// Bytes that can be a list of variable-length numbers.
    Packed {
        /// The numbers, as uint64.
        values: Vec<String>,
    },
    /// A group (of the second version of the language).
    Group {
        /// Its fields.
        fields: Vec<ProtoField>,
    },
    /// Other bytes, as hexadecimal digits.
    Bytes {
        /// The digits, of the first bytes.
        hex: String,
        /// How many bytes there are.
        size: u64,
    },
}

/// Reads a message, with the schema of `name` where there is one.
pub(super) fn read(piece: &Piece<'_>, name: Option<&str>, reader: &mut Reader<'_>) -> Found {
    let mut problems = Vec::new();
    let name = reader.options.message_type.as_deref().or(name);
    if let Some(name) = name {
        match schemas::typed(&reader.options.schemas, name, piece.bytes, &mut reader.budget) {
            Ok((content, problem)) => return (content, problem.into_iter().collect()),
            // Without any schema this is no surprise, but what was asked for by name should be there.
            Err(_) if reader.options.schemas.is_empty() && reader.options.message_type.is_none() => {}
            Err(error) => {
                let text = format!("{error}: its fields are guessed");
                problems.push(Problem::new(ProblemKind::Unsupported, text));
            }
        }
    }
    let (fields, problem) = guess(piece.bytes, piece.is_cut, &mut reader.budget);
    problems.extend(problem);
    (Content::Protobuf { fields }, problems)
}

/// All fields up to the first that is none.
pub(super) fn guess(bytes: &[u8], is_cut: bool, budget: &mut Budget) -> (Vec<ProtoField>, Option<Problem>) {
    let mut fields = Vec::new();
    let mut wire = Wire::new(bytes);
    let depth = MAX_DEPTH.min(budget.limits.depth);
    while let Some(start) = wire.start() {
        match field(&mut wire, depth, budget) {
            Ok(field) => fields.push(ProtoField {
                offset: start as u64,
                ..field
            }),
            Err(Fault::Full) => return (fields, Some(Problem::too_many("fields"))),
            Err(Fault::Wrong(at, why)) => {
                let kind = if is_cut {
                    ProblemKind::Cut
                } else {
                    ProblemKind::Malformed
                };
                let text = format!("this is not protobuf from here on: {why}");
                return (fields, Some(Problem::new(kind, text).at(Position::byte(at))));
            }
        }
    }
    (fields, None)
}

/// Why there is no field.
enum Fault {
    Wrong(usize, &'static str),
    Full,
}

fn field(wire: &mut Wire<'_>, depth: usize, budget: &mut Budget) -> Result<ProtoField, Fault> {
    if budget.room() == 0 || !budget.item() {
        return Err(Fault::Full);
    }
    let start = wire.at();
    let (number, raw) = wire.field().map_err(|(at, why)| Fault::Wrong(at, why))?;
    let value = match raw {
        Raw::Varint(value) => varint(value),
        Raw::Fixed64(bits) => ProtoValue::Fixed64 {
            unsigned: bits.to_string(),
            float: format!("{:?}", f64::from_bits(bits)),
        },
        Raw::Fixed32(bits) => ProtoValue::Fixed32 {
            unsigned: bits.to_string(),
            float: format!("{:?}", f32::from_bits(bits)),
        },
        Raw::Bytes(bytes) => delimited(bytes, depth, budget),
        Raw::GroupStart => group(wire, number, depth, budget)?,
        Raw::GroupEnd => return Err(Fault::Wrong(start, "a group ends that did not begin")),
    };
    // No number is longer than this as a text.
    budget.showed(16);
    Ok(ProtoField {
        number,
        offset: start as u64,
        value,
    })
}

fn varint(value: u64) -> ProtoValue {
    let signed = value.cast_signed();
    let zigzag = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
    ProtoValue::Varint {
        unsigned: value.to_string(),
        zigzag: zigzag.to_string(),
        signed: (signed < 0).then(|| signed.to_string()),
    }
}

fn group(wire: &mut Wire<'_>, number: u32, depth: usize, budget: &mut Budget) -> Result<ProtoValue, Fault> {
    let at = wire.at();
    let deeper = depth
        .checked_sub(1)
        .ok_or(Fault::Wrong(at, "groups nest too deep"))?;
    let mut fields = Vec::new();
    while wire.start().is_some() {
        if wire.ends_group(number) {
            return Ok(ProtoValue::Group { fields });
        }
        fields.push(field(wire, deeper, budget)?);
    }
    Err(Fault::Wrong(wire.at(), "a group does not end"))
}

fn delimited(bytes: &[u8], depth: usize, budget: &mut Budget) -> ProtoValue {
    let text = std::str::from_utf8(bytes).ok();
    let is_clean = |text: &str| !text.chars().any(char::is_control);
    if let Some(text) = text.filter(|text| is_clean(text)) {
        return ProtoValue::Text {
            text: budget.shorten(text),
        };
    }
    if let Some(fields) = depth
        .checked_sub(1)
        .and_then(|deeper| message(bytes, deeper, budget))
    {
        return ProtoValue::Message { fields };
    }
    let is_text = |text: &str| {
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    };
    if let Some(text) = text.filter(|text| is_text(text)) {
        return ProtoValue::Text {
            text: budget.shorten(text),
        };
    }
    if let Some(values) = packed(bytes, budget) {
        return ProtoValue::Packed { values };
    }
    let shown = &bytes[..bytes.len().min(64).min(budget.room() / 2)];
    budget.showed(shown.len() * 2);
    ProtoValue::Bytes {
        hex: shown.iter().map(|byte| format!("{byte:02x}")).collect(),
        size: bytes.len() as u64,
    }
}

/// The fields of bytes that are a message to the last one.
fn message(bytes: &[u8], depth: usize, budget: &mut Budget) -> Option<Vec<ProtoField>> {
    if !Wire::is_message(bytes) {
        return None;
    }
    let mut wire = Wire::new(bytes);
    let mut fields = Vec::new();
    while wire.start().is_some() {
        match field(&mut wire, depth, budget) {
            Ok(field) => fields.push(field),
            // What was found is shown; the outer message says that there is more.
            Err(Fault::Full) => break,
            Err(Fault::Wrong(..)) => return None,
        }
    }
    Some(fields)
}

/// More are bytes rather than numbers.
const MAX_PACKED: usize = 1024;

fn packed(bytes: &[u8], budget: &mut Budget) -> Option<Vec<String>> {
    let mut wire = Wire::new(bytes);
    let mut values = Vec::new();
    while wire.start().is_some() {
        // Numbers above 32 bits in a row of them are chance, mostly.
        let value = wire.varint().ok().filter(|value| *value <= u64::from(u32::MAX))?;
        values.push(value.to_string());
        if values.len() > MAX_PACKED {
            return None;
        }
    }
    budget.showed(values.iter().map(String::len).sum());
    Some(values)
}

/// What a message type is called in a sentence.
pub(super) fn named(name: &str) -> String {
    short(name)
}

#[cfg(test)]
mod tests;
