//! Formats: how the bytes of a key or a value become columns.
//!
//! A format is three things in one place: what the caller says (a [`Spec`]), the columns that follow from it, and a
//! [`Decoder`] that writes a payload into those columns. Names and types are settled when a spec is resolved; a decoder
//! only moves values. To add a format, add a module here and an arm to each `match` below.

pub mod avro;
pub mod callback;
pub mod json;
mod mapping;
pub mod protobuf;
pub mod simple;
mod varint;
pub mod writers;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::column::ColumnBuffer;
use crate::error::{Error, Result, Status};
use crate::registry::{self, Version};
use crate::schema::FormatColumn;
use avro::{AvroDecoder, AvroSpec};
use callback::CallbackSpec;
use json::processor::ProcessorSpec;
use json::{JsonDecoder, JsonSpec};
use protobuf::{ProtobufDecoder, ProtobufSpec};
use simple::SimpleDecoder;
use writers::Learn;

/// Which half of a record. The numbers are part of the C ABI.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The record's key.
    Key = 0,
    /// The record's value.
    Value = 1,
}

impl Side {
    /// `key` or `value`.
    pub fn name(self) -> &'static str {
        match self {
            Side::Key => "key",
            Side::Value => "value",
        }
    }
}

/// How one side of every record becomes columns, as the caller says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// The side is not looked at.
    Ignore,
    /// One column; name and type come from the options, where given (S4).
    Simple {
        /// The column's name; `None`: from the options, else `KafkaKey` or `KafkaValue`.
        column: Option<String>,
        /// The column's type; `None`: from the options.
        type_name: Option<String>,
    },
    /// Columns from the fields of a JSON object.
    Json(JsonSpec),
    /// Columns from JSON values of any kind, as a description has them.
    Processor(ProcessorSpec),
    /// Columns from the fields of an Avro record.
    Avro(AvroSpec),
    /// Columns from the fields of a Protobuf message.
    Protobuf(ProtobufSpec),
    /// Columns that a function of the caller's makes.
    Callback(CallbackSpec),
}

impl Spec {
    /// The spec of a side nobody said anything about: one column, as the options name it.
    /// cbindgen:ignore
    pub const FROM_PROPERTIES: Spec = Spec::Simple { column: None, type_name: None };

    /// The columns that follow from this spec, and the decoder that fills them.
    pub fn resolve(&self, side: Side, properties: &ColumnProperties) -> Result<(Vec<FormatColumn>, Decoder)> {
        match self {
            Spec::Ignore => Ok((Vec::new(), Decoder::Ignore)),
            Spec::Simple { column, type_name } => {
                let (column, decoder) = simple::resolve(side, column.as_deref(), type_name.as_deref(), properties)?;
                Ok((vec![column], Decoder::Simple(decoder)))
            }
            Spec::Json(spec) => {
                let (columns, decoder) = spec.resolve()?;
                Ok((columns, Decoder::Json(Box::new(decoder))))
            }
            Spec::Processor(spec) => {
                let (columns, decoder) = spec.resolve()?;
                Ok((columns, Decoder::Json(Box::new(decoder))))
            }
            Spec::Avro(spec) => {
                let (columns, decoder) = spec.resolve()?;
                Ok((columns, Decoder::Avro(Box::new(decoder))))
            }
            Spec::Protobuf(spec) => {
                let (columns, decoder) = spec.resolve()?;
                Ok((columns, Decoder::Protobuf(Box::new(decoder))))
            }
            // What is decoded is the payload as it is; the columns come later.
            Spec::Callback(spec) => Ok((spec.columns(), Decoder::Simple(SimpleDecoder::BYTES))),
        }
    }
}

/// What a spec needs of a schema registry.
impl Spec {
    /// The subject of a schema registry that has the schema, and the version; `None`: nothing has to be looked up first.
    pub fn subject(&self) -> Option<(&str, Version)> {
        match self {
            Spec::Avro(spec) => spec.subject(),
            Spec::Protobuf(spec) => spec.subject(),
            Spec::Ignore | Spec::Simple { .. } | Spec::Json(_) | Spec::Processor(_) | Spec::Callback(_) => None,
        }
    }

    /// The same spec with the schema that has been looked up for its subject.
    pub fn with_schema(&self, schema: &registry::Schema) -> Result<Spec> {
        match self {
            Spec::Avro(spec) => Ok(Spec::Avro(spec.with_schema(schema)?)),
            Spec::Protobuf(spec) => Ok(Spec::Protobuf(spec.with_schema(schema)?)),
            Spec::Ignore | Spec::Simple { .. } | Spec::Json(_) | Spec::Processor(_) | Spec::Callback(_) => {
                Ok(self.clone())
            }
        }
    }

    /// The function that makes this side's columns in a cycle; `None`: they are decoded.
    pub fn callback(&self) -> Option<&CallbackSpec> {
        match self {
            Spec::Callback(spec) => Some(spec),
            _ => None,
        }
    }

    /// Whether payloads say the ids of schemas and none is given: without a registry every one of them would be bad.
    pub fn needs_registry(&self) -> bool {
        match self {
            Spec::Avro(spec) => spec.has_ids() && !spec.has_schemas(),
            Spec::Protobuf(spec) => spec.has_ids() && !spec.has_schemas(),
            Spec::Ignore | Spec::Simple { .. } | Spec::Json(_) | Spec::Processor(_) | Spec::Callback(_) => false,
        }
    }

    /// Whether a registry may be asked for this side's schemas.
    pub fn uses_registry(&self) -> bool {
        match self {
            Spec::Avro(spec) => spec.subject().is_some() || spec.has_ids(),
            Spec::Protobuf(spec) => spec.subject().is_some() || spec.has_ids(),
            Spec::Ignore | Spec::Simple { .. } | Spec::Json(_) | Spec::Processor(_) | Spec::Callback(_) => false,
        }
    }
}

/// What is said about a spec after it has been made, where its kind has that.
impl Spec {
    /// Adds a column to a json spec.
    pub fn add_column(&mut self, name: &str, type_name: &str) -> Result<()> {
        match self {
            Spec::Json(spec) => spec.add_column(name, type_name),
            Spec::Avro(_) => Err(self.has_not("columns", "a json spec; the columns of avro follow from the schema")),
            Spec::Protobuf(_) => {
                Err(self.has_not("columns", "a json spec; the columns of protobuf follow from the schema"))
            }
            Spec::Processor(_) => {
                Err(self
                    .has_not("columns", "a json spec; the columns of an object processor follow from its description"))
            }
            _ => Err(self.has_not("columns", "a json spec; make one with karrow_spec_new_json")),
        }
    }

    /// Ties a field to a column.
    pub fn map_field(&mut self, field: &str, column: &str) -> Result<()> {
        match self {
            Spec::Json(spec) => spec.map_field(field, column),
            Spec::Avro(spec) => spec.map_field(field, column),
            Spec::Protobuf(spec) => spec.map_field(field, column),
            _ => Err(self.has_not("mappings", "a json spec, an avro spec or a protobuf spec")),
        }
    }

    /// Sets something about an avro spec, a protobuf spec or a callback spec.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match self {
            Spec::Avro(spec) => spec.set(key, value),
            Spec::Protobuf(spec) => spec.set(key, value),
            Spec::Callback(spec) => spec.set(key, value),
            _ => Err(self.has_not("settings", "an avro spec, a protobuf spec or a callback spec")),
        }
    }

    /// Adds a schema that data were written with to an avro spec or a protobuf spec, by its id.
    pub fn add_schema(&mut self, id: i32, text: &str) -> Result<()> {
        match self {
            Spec::Avro(spec) => spec.add_schema(id, text),
            Spec::Protobuf(spec) => spec.add_schema(id, text),
            _ => Err(self.has_not("schemas", WITH_SCHEMAS)),
        }
    }

    /// Adds a file that others import to a protobuf spec.
    pub fn add_file(&mut self, name: &str, text: &str) -> Result<()> {
        match self {
            Spec::Protobuf(spec) => spec.add_file(name, text),
            _ => Err(self.has_not("files", "a protobuf spec")),
        }
    }

    fn has_not(&self, what: &str, which_has: &str) -> Error {
        let own = match self {
            Spec::Ignore => "an ignore spec",
            Spec::Simple { .. } => "a simple spec",
            Spec::Json(_) => "a json spec",
            Spec::Processor(_) => "an object processor spec",
            Spec::Avro(_) => "an avro spec",
            Spec::Protobuf(_) => "a protobuf spec",
            Spec::Callback(_) => "a callback spec",
        };
        let message = format!("{own} has no {what}; they belong to {which_has}");
        Error::new(Status::InvalidState, message).with_detail("argument", "spec")
    }
}

/// The specs that a registry may have schemas for.
const WITH_SCHEMAS: &str = "an avro spec or a protobuf spec";

/// A version of a subject that a spec reads data as: `latest` or a number.
fn subject_version(subject: &str, version: &str) -> Result<Version> {
    if subject.is_empty() {
        return Err(Error::argument("subject", "it is empty; a registry has schemas by the name of a subject"));
    }
    match version {
        "latest" => Ok(Version::Latest),
        number => match number.parse::<i32>() {
            Ok(number) if number > 0 => Ok(Version::Number(number)),
            _ => {
                let message = format!("'{number}' is no version of a schema; use latest or a number from 1 on");
                Err(Error::argument("version", message))
            }
        },
    }
}

/// A setting that a spec does not have, or not with this value.
fn unknown_setting(spec: &str, settings: &[(&str, &str)], key: &str, value: &str) -> Error {
    match settings.iter().find(|(known, _)| *known == key) {
        Some((_, values)) => Error::argument("value", format!("{key} cannot be '{value}'; it can be {values}")),
        None => {
            let keys: Vec<&str> = settings.iter().map(|(known, _)| *known).collect();
            Error::argument("key", format!("{spec} has no '{key}'; it has {}", keys.join(", ")))
        }
    }
}

/// Options that say something about the column of a `simple` spec: `key.column.name` and the like, without the
/// `karrow.`, and Kafka's `key.deserializer`.
pub type ColumnProperties = BTreeMap<String, String>;

/// Writes payloads into the columns of one side.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// Writes nothing.
    Ignore,
    /// One fixed-size number, or text or bytes as they are.
    Simple(SimpleDecoder),
    /// The fields of a JSON object, or whatever JSON values an object processor takes.
    Json(Box<JsonDecoder>),
    /// The fields of an Avro record.
    Avro(Box<AvroDecoder>),
    /// The fields of a Protobuf message.
    Protobuf(Box<ProtobufDecoder>),
}

/// Why a payload has not been written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It does not fit.
    Bad(BadValue),
    /// It was written with the schema of this id, which nobody knows, or not yet.
    UnknownSchema(i32),
}

impl From<BadValue> for Refused {
    fn from(bad: BadValue) -> Refused {
        Refused::Bad(bad)
    }
}

/// A value that does not fit its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadValue {
    /// Which of the decoder's columns; `None` if the payload as a whole is at fault.
    pub column: Option<usize>,
    /// Where inside the column: `[3].Price`; empty for the column itself.
    pub path: String,
    /// What was expected and what was found: never a byte of the payload.
    pub reason: String,
}

/// A payload that is at fault as a whole.
#[cold]
fn bad(reason: String) -> Refused {
    Refused::Bad(BadValue { column: None, path: String::new(), reason })
}

/// What data begin with that name a schema of a registry.
const CONFLUENT: &str = "Confluent's framing (a zero byte and 4 of a schema's id)";

/// A payload that does not begin as it has to.
#[cold]
fn unframed(payload: &[u8], magic: &[u8], expected: &str) -> Refused {
    let found = if payload.starts_with(magic) || magic.starts_with(payload) {
        format!("{} bytes", payload.len())
    } else {
        "another first byte".to_owned()
    };
    bad(format!("expected {expected}, found {found}"))
}

impl Decoder {
    /// Writes one payload (`None`: Kafka's null): exactly one value into each column, or an error, after which the
    /// columns may hold a part of the row that the caller takes back.
    #[inline]
    pub fn decode(&mut self, payload: Option<&[u8]>, columns: &mut [ColumnBuffer]) -> std::result::Result<(), Refused> {
        match self {
            Decoder::Ignore => Ok(()),
            Decoder::Simple(decoder) => Ok(decoder.decode(payload, &mut columns[0])?),
            Decoder::Json(decoder) => Ok(decoder.decode(payload, columns)?),
            Decoder::Avro(decoder) => decoder.decode(payload, columns),
            Decoder::Protobuf(decoder) => decoder.decode(payload, columns),
        }
    }

    /// Takes in the schemas that payloads were written with, for all clones; `None`: payloads name none.
    pub fn writers(&self) -> Option<Arc<dyn Learn>> {
        match self {
            Decoder::Avro(decoder) => Some(Arc::clone(decoder.writers()) as Arc<dyn Learn>),
            Decoder::Protobuf(decoder) => Some(Arc::clone(decoder.writers()) as Arc<dyn Learn>),
            Decoder::Ignore | Decoder::Simple(_) | Decoder::Json(_) => None,
        }
    }

    /// What the items of lists and the entries of maps take, of the last payload, before any text or bytes: they alone can
    /// take much more than the payload does.
    #[inline]
    pub fn item_bytes(&self) -> usize {
        match self {
            Decoder::Ignore | Decoder::Simple(_) => 0,
            Decoder::Json(decoder) => decoder.item_bytes(),
            Decoder::Avro(decoder) => decoder.item_bytes(),
            Decoder::Protobuf(decoder) => decoder.item_bytes(),
        }
    }
}
