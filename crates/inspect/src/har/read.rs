//! HAR to exchanges.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::convert::exchange;
use super::entry::Entry;
use crate::exchange::Exchange;

/// Entries that could not be read are remembered up to here, and counted beyond.
const MOST_LEFT_OUT: usize = 100;

/// How much is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub file: u64,
    /// Bytes of one body that are kept.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file: 2 << 30,
            body: 16 << 20,
        }
    }
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Exchanges that were read.
    pub count: usize,
    /// Entries that were not, the first ones.
    pub left_out: Vec<LeftOut>,
    /// How many were not.
    pub left_out_count: usize,
}

/// An entry that is no exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which entry, counted from 0.
    pub index: usize,
    /// Why.
    pub why: String,
}

/// A file that could not be read to its end. What was read before stands.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// It cannot be read.
    #[error("the HAR file could not be read: check that it is still there and readable")]
    Read(#[source] io::Error),
    /// It is too big.
    #[error("the HAR file is bigger than {limit} bytes: export fewer requests at a time")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// It is not JSON, or not a HAR.
    #[error("line {line}, column {column}: {what}; is this a HAR file?")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
}

/// Reads a HAR file and gives `each` exchange away as soon as it is read. Their numbers count from 0: whoever keeps them
/// gives them others. A replay names what it repeats by
/// such a number, where that stands before it in the file.
///
/// # Errors
///
/// The file as a whole is wrong. A lone entry that is wrong is left out and told.
pub fn import<R: Read>(
    from: R,
    limits: Limits,
    mut each: impl FnMut(Exchange),
) -> Result<Imported, HarError> {
    let mut imported = Imported::default();
    let bounded = Bounded {
        from: io::BufReader::new(from),
        left: limits.file,
        is_over: false,
        is_begun: false,
    };
    // Checked after the fact: the parser turns the reader's word into one of its own.
    let mut reader = bounded;
    let mut parser = serde_json::Deserializer::from_reader(io::BufReader::new(&mut reader));
    let file = Seed {
        within: Within::File,
        limits,
        imported: &mut imported,
        each: &mut each,
    };
    let done = file.deserialize(&mut parser).and_then(|_| parser.end());
    drop(parser);
    match done {
        Ok(()) => Ok(imported),
        Err(_) if reader.is_over => Err(HarError::TooLarge { limit: limits.file }),
        Err(error) if error.is_io() => Err(HarError::Read(error.into())),
        Err(error) => Err(HarError::Syntax {
            line: error.line(),
            column: error.column(),
            what: what(&error),
        }),
    }
}

fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Reads so much and no more, and passes over a byte order mark.
struct Bounded<R> {
    from: R,
    left: u64,
    is_over: bool,
    is_begun: bool,
}

impl<R: io::BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.is_begun, true) && self.from.fill_buf()?.starts_with(b"\xef\xbb\xbf")
        {
            self.from.consume(3);
        }
        let count = self.from.read(into)?;
        let Some(left) = self.left.checked_sub(count as u64) else {
            self.is_over = true;
            return Err(io::Error::other("more than is taken"));
        };
        self.left = left;
        Ok(count)
    }
}

#[derive(Clone, Copy)]
enum Within {
    File,
    Log,
    Entries,
}

/// Goes down to the entries and takes them one by one.
struct Seed<'a, F> {
    within: Within,
    limits: Limits,
    imported: &'a mut Imported,
    each: &'a mut F,
}

impl<'de, F: FnMut(Exchange)> DeserializeSeed<'de> for Seed<'_, F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        match self.within {
            Within::Entries => from.deserialize_seq(self),
            Within::File | Within::Log => from.deserialize_map(self),
        }
    }
}

impl<'de, F: FnMut(Exchange)> Visitor<'de> for Seed<'_, F> {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.within {
            Within::File => "an object with `log`",
            Within::Log => "a log with `entries`",
            Within::Entries => "a list of entries",
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let (name, within) = match self.within {
            Within::File => ("log", Within::Log),
            _ => ("entries", Within::Entries),
        };
        let mut is_found = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == name {
                let (imported, each) = (&mut *self.imported, &mut *self.each);
                map.next_value_seed(Seed {
                    within,
                    limits: self.limits,
                    imported,
                    each,
                })?;
                is_found = true;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if is_found {
            Ok(true)
        } else {
            Err(A::Error::missing_field(name))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut index = 0;
        let mut known = HashMap::new();
        while let Some(entry) = list.next_element::<Entry>()? {
            let number = entry.own.as_ref().map(|own| own.id);
            match exchange(entry, index, self.limits) {
                Ok(mut exchange) => {
                    let repeated = exchange.tags.replay_of.take();
                    exchange.tags.replay_of = repeated.and_then(|number| known.get(&number).copied());
                    known.extend(number.map(|number| (number, exchange.id)));
                    self.imported.count += 1;
                    (self.each)(exchange);
                }
                Err(why) => {
                    self.imported.left_out_count += 1;
                    if self.imported.left_out.len() < MOST_LEFT_OUT {
                        self.imported.left_out.push(LeftOut {
                            index,
                            why: why.to_string(),
                        });
                    }
                }
            }
            index += 1;
        }
        Ok(true)
    }
}
