//! Protobuf messages whose schema is known.

use std::io::{self, Write};

use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, SerializeOptions};

use super::Half;
use super::budget::Budget;
use super::content::Content;
use super::problem::Problem;
use super::protobuf::named;

/// Reading fields costs many times their bytes in memory.
const MAX_TYPED: usize = 2 << 20;

/// Descriptors of message types, as compilers write and servers hand them out.
#[derive(Clone, Debug, Default)]
pub struct Schemas(DescriptorPool);

/// What a schema cannot do.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Given bytes are no set of descriptors, or refer to what is not in it.
    #[error("the schema cannot be used: make it with `protoc --include_imports --descriptor_set_out`")]
    Unusable(#[source] Box<DescriptorError>),
    /// There is no such type.
    #[error("no schema describes a message `{0}`")]
    Unknown(String),
    /// The bytes are something else.
    #[error("the bytes are no `{name}`: {source}")]
    Mismatch {
        /// The type.
        name: String,
        /// Why.
        source: prost_reflect::prost::DecodeError,
    },
    /// There are too many bytes.
    #[error("a message of {0} bytes is too large to be read with a schema")]
    TooLarge(usize),
}

impl Schemas {
    /// Adds a `FileDescriptorSet`, as it stands in a file.
    ///
    /// # Errors
    /// Where the bytes are none or where imports are missing; nothing is added then.
    pub fn add_set(&mut self, bytes: &[u8]) -> Result<(), SchemaError> {
        self.add(|pool| pool.decode_file_descriptor_set(bytes))
    }

    /// Adds `FileDescriptorProto`s in any order, as server reflection answers with them.
    ///
    /// # Errors
    /// Where one of them is none or where imports are missing; nothing is added then.
    pub fn add_files<B: AsRef<[u8]>>(
        &mut self,
        files: impl IntoIterator<Item = B>,
    ) -> Result<(), SchemaError> {
        use prost_reflect::prost::Message as _;
        let decoded: Result<Vec<_>, _> = files
            .into_iter()
            .map(|bytes| FileDescriptorProto::decode(bytes.as_ref()))
            .collect();
        let files = decoded.map_err(|source| SchemaError::Mismatch {
            name: "google.protobuf.FileDescriptorProto".to_owned(),
            source,
        })?;
        self.add(|pool| pool.add_file_descriptor_protos(files))
    }

    fn add(
        &mut self,
        add: impl FnOnce(&mut DescriptorPool) -> Result<(), DescriptorError>,
    ) -> Result<(), SchemaError> {
        let mut pool = self.0.clone();
        add(&mut pool).map_err(|error| SchemaError::Unusable(Box::new(error)))?;
        self.0 = pool;
        Ok(())
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.0.files().len() == 0
    }

    /// The full names of all messages, to choose from.
    pub fn messages(&self) -> Vec<String> {
        let messages = self.0.all_messages().filter(|message| !message.is_map_entry());
        messages.map(|message| message.full_name().to_owned()).collect()
    }

    /// The message type of one direction of a gRPC method, which is named as in its path: `/shop.Cart/Add`.
    pub fn of_method(&self, path: &str, half: Half) -> Option<String> {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let service = self.0.get_service_by_name(service)?;
        let method = service.methods().find(|known| known.name() == method)?;
        let message = match half {
            Half::Request => method.input(),
            Half::Response => method.output(),
        };
        Some(message.full_name().to_owned())
    }
}

/// Reads `bytes` as the message `name`.
pub(super) fn typed(
    schemas: &Schemas,
    name: &str,
    bytes: &[u8],
    budget: &mut Budget,
) -> Result<(Content, Option<Problem>), SchemaError> {
    let message = schemas.0.get_message_by_name(name);
    let descriptor = message.ok_or_else(|| SchemaError::Unknown(named(name)))?;
    if bytes.len() > MAX_TYPED {
        return Err(SchemaError::TooLarge(bytes.len()));
    }
    let message = DynamicMessage::decode(descriptor, bytes).map_err(|source| SchemaError::Mismatch {
        name: named(name),
        source,
    })?;
    let mut sheet = Sheet {
        bytes: Vec::new(),
        room: budget.room(),
    };
    let mut serializer = serde_json::Serializer::pretty(&mut sheet);
    let options = SerializeOptions::new().skip_default_fields(true);
    let problem = match message.serialize_with_options(&mut serializer, &options) {
        Ok(()) => None,
        Err(error) if error.is_io() => Some(Problem::too_long()),
        Err(error) => {
            let text = format!("the message cannot be written as JSON ({error}): this is its beginning");
            Some(Problem::new(super::ProblemKind::Malformed, text))
        }
    };
    budget.showed(sheet.bytes.len());
    let pretty = String::from_utf8_lossy(&sheet.bytes).into_owned();
    let message_type = name.to_owned();
    Ok((Content::Message { message_type, pretty }, problem))
}

/// Takes so much, and no more.
struct Sheet {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fitting = bytes.len().min(self.room - self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..fitting]);
        match fitting == 0 && !bytes.is_empty() {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Ok(fitting),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
