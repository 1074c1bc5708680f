//! Columns from Protobuf messages (rules B1 to B7).
//!
//! ```text
//! ProtobufSpec     files, message, protocol, choices, as the caller says them   this file
//!   │ resolve
//! Files            texts and descriptors as one graph of messages               schema.rs
//! columns          Arrow's types, and which field each column is of             columns.rs, include.rs
//!   │
//! WriterFile       for each schema that data name: where the message is         writers.rs, compare.rs
//! Plan             what to do with each field's number                          plan.rs
//!   │
//! ProtobufDecoder  which message a payload is                                   this file
//!   └─ decode      from the wire straight into columns                          decode.rs
//! ```
//!
//! protox compiles the text of files, prost-reflect ties descriptors to each other; the messages that it could make of data
//! are never made. A payload is read by the reader's own descriptor: fields are known by their numbers, so that nothing else
//! is needed to read what was written with another version of it, once both have been compared.

mod columns;
mod compare;
mod decode;
mod include;
mod json;
mod plan;
mod schema;
mod time;
mod wire;
mod writers;

use std::sync::Arc;

use arrow_schema::Field;
use prost_reflect::MessageDescriptor;

use super::writers::{Recent, Writers, add_given, unreadable};
use super::{CONFLUENT, Refused, subject_version, unframed, unknown_setting};
use crate::column::ColumnBuffer;
use crate::error::{Error, Result, Status};
use crate::registry::{self, Version};
use crate::schema::FormatColumn;
use columns::Choices;
use include::Include;
use plan::Plan;
use schema::{Content, Files};
use writers::{ProtobufReader, WriterFile, name_of};

/// Where the message is that data are read as, whatever they were written with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// In these files.
    Files {
        /// All that there are.
        files: Files,
        /// The name of the one that has the message.
        main: String,
    },
    /// In a file that a registry has.
    Subject {
        /// The subject's name.
        subject: String,
        /// Which of its versions.
        version: Version,
    },
}

/// What is in front of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// A zero byte, the id of the schema it was written with, four bytes, the highest first, and which of the schema's
    /// messages it is.
    Serdes,
    /// Nothing.
    Raw,
}

/// Which columns are made of Protobuf messages, and what the data look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtobufSpec {
    source: Source,
    /// The message's name; `None`: the first of the file.
    message: Option<String>,
    protocol: Protocol,
    choices: Choices,
    /// Files that others import.
    files: Files,
    /// Schemas that data were written with, by their ids.
    writers: Vec<(i32, Content)>,
}

/// What the file of a subject is called: a registry has no name for it.
const REGISTERED: &str = "schema";

/// What can be set, and to what.
const SETTINGS: [(&str, &str); 4] = [
    ("protocol", "serdes or raw"),
    ("nested", "flatten or struct"),
    ("enum", "utf8 or number"),
    ("include", "paths of fields"),
];

impl ProtobufSpec {
    /// Data are read as a message of the text of a file, whose syntax is checked at once. Other files that it imports are
    /// added.
    pub fn from_source(file: &str, text: &str, message: Option<&str>) -> Result<ProtobufSpec> {
        let content = parsed("file", file, text)?;
        let source = Source::Files { files: Files::one(file, content), main: file.to_owned() };
        ProtobufSpec::new(source, message, Protocol::Raw)
    }

    /// Data are read as a message of the last file of a serialized `FileDescriptorSet`, which is checked at once.
    pub fn from_descriptors(descriptors: &[u8], message: Option<&str>) -> Result<ProtobufSpec> {
        let cannot = |reason| Error::argument("descriptors", reason);
        let (files, main) = Files::of_set(descriptors).map_err(cannot)?;
        let file = files.compile(&main).map_err(cannot)?;
        schema::message(&file, message).map_err(|reason| Error::argument("message", reason))?;
        ProtobufSpec::new(Source::Files { files, main }, message, Protocol::Raw)
    }

    /// Data are read as a message of a schema that the registry has: a version of a subject, `latest` or a number.
    pub fn from_subject(subject: &str, version: &str, message: Option<&str>) -> Result<ProtobufSpec> {
        let version = subject_version(subject, version)?;
        ProtobufSpec::new(Source::Subject { subject: subject.to_owned(), version }, message, Protocol::Serdes)
    }

    fn new(source: Source, message: Option<&str>, protocol: Protocol) -> Result<ProtobufSpec> {
        if message == Some("") {
            return Err(Error::argument("message", "the name is empty; without one it is the first of the file"));
        }
        Ok(ProtobufSpec {
            source,
            message: message.map(str::to_owned),
            protocol,
            choices: Choices::default(),
            files: Files::default(),
            writers: Vec::new(),
        })
    }

    /// The subject that data are read as, if the registry has to be asked for its schema.
    pub fn subject(&self) -> Option<(&str, Version)> {
        match &self.source {
            Source::Files { .. } => None,
            Source::Subject { subject, version } => Some((subject, *version)),
        }
    }

    /// The same spec with the schema that the registry has for its subject.
    pub fn with_schema(&self, schema: &registry::Schema) -> Result<ProtobufSpec> {
        let cannot = |reason| Error::new(Status::Registry, reason);
        let mut files = Files::of_registry(schema, REGISTERED).map_err(cannot)?;
        files.extend(&self.files);
        files.compile(REGISTERED).map_err(cannot)?;
        Ok(ProtobufSpec { source: Source::Files { files, main: REGISTERED.to_owned() }, ..self.clone() })
    }

    /// Whether there are schemas that data may have been written with.
    pub fn has_schemas(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Whether data say by an id what they were written with, which a registry may know.
    pub fn has_ids(&self) -> bool {
        self.protocol == Protocol::Serdes
    }

    /// Sets `protocol` (`serdes`, `raw`), `nested` (`flatten`, `struct`), `enum` (`utf8`, `number`) or `include` (paths with
    /// commas between them). The first of each is the default, but for the protocol of what comes from no registry; without
    /// `include` all fields are wanted.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match (key, value) {
            ("protocol", "serdes") => self.protocol = Protocol::Serdes,
            ("protocol", "raw") => self.protocol = Protocol::Raw,
            ("nested", "flatten" | "struct") => self.choices.structs = value == "struct",
            ("enum", "utf8" | "number") => self.choices.enum_numbers = value == "number",
            ("include", paths) => self.choices.include = Include::parse(paths)?,
            _ => return Err(unknown_setting("a protobuf spec", &SETTINGS, key, value)),
        }
        Ok(())
    }

    /// Gives the column of a field a name. The field is given by its path, as in `/customer/name`; one that is not mapped has
    /// its path as a name, with an underscore for each slash but the first. A field that the message does not have is ignored.
    pub fn map_field(&mut self, field: &str, column: &str) -> Result<()> {
        self.choices.mapping.add(&include::normal(field), column)
    }

    /// Adds a file, by the name that others import it by. No registry is asked for what it has.
    pub fn add_file(&mut self, name: &str, text: &str) -> Result<()> {
        let content = parsed("name", name, text)?;
        let is_main = matches!(&self.source, Source::Files { main, .. } if main == name);
        if is_main || self.files.has_other(name, &content) {
            return Err(Error::argument("name", format!("there is another file {name} already")));
        }
        self.files.add(name, content);
        Ok(())
    }

    /// Adds a schema that data were written with, by the id that they say. No registry is asked for it.
    pub fn add_schema(&mut self, id: i32, text: &str) -> Result<()> {
        let content = Content::of(text).and_then(|content| content.parse(&name_of(id)).map(|_| content));
        let content = content.map_err(|reason| Error::argument("schema", reason))?;
        add_given(&mut self.writers, id, content)
    }

    /// The columns, and the decoder that fills them.
    pub(super) fn resolve(&self) -> Result<(Vec<FormatColumn>, ProtobufDecoder)> {
        let cannot = |reason: String| Error::argument("schema", reason);
        let (message, files) = self.message()?;
        let (columns, wanted) = columns::columns(&message, &self.choices)?;
        let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
        let plan = Plan::new(&wanted, &fields);
        let writers = Writers::new(ProtobufReader::new(wanted));
        for (id, content) in &self.writers {
            let name = name_of(*id);
            let mut files = files.clone();
            files.add(&name, content.clone());
            let file = writers.reader().file(&files, &name);
            writers.add(*id, file.map_err(|reason| cannot(unreadable(&name, &reason)))?);
        }
        let decoder = ProtobufDecoder {
            protocol: self.protocol,
            plan: Arc::new(plan),
            writers: Arc::new(writers),
            recent: Recent::default(),
            item_bytes: 0,
            scratch: decode::Scratch::default(),
        };
        Ok((columns, decoder))
    }

    /// The message that data are read as, and all files that others can import.
    fn message(&self) -> Result<(MessageDescriptor, Files)> {
        let (own, main) = match &self.source {
            Source::Files { files, main } => (files, main),
            Source::Subject { subject, .. } => {
                let message =
                    format!("the schema of {subject} is not known; set schema.registry.url, or give the schema");
                return Err(Error::new(Status::InvalidState, message).with_detail("argument", "schema"));
            }
        };
        let mut files = own.clone();
        files.extend(&self.files);
        let file = files.compile(main).map_err(|reason| Error::argument("schema", reason))?;
        let message = schema::message(&file, self.message.as_deref());
        Ok((message.map_err(|reason| Error::argument("message", reason))?, files))
    }
}

/// The text of a file, whose syntax is right.
fn parsed(argument: &str, name: &str, text: &str) -> Result<Content> {
    if name.is_empty() {
        return Err(Error::argument(argument, "it is empty; give the name that other files import the file by"));
    }
    let content = Content::Text(text.to_owned());
    content.parse(name).map_err(|reason| Error::argument("text", reason))?;
    Ok(content)
}

/// Writes Protobuf messages into columns.
#[derive(Debug, Clone)]
pub struct ProtobufDecoder {
    protocol: Protocol,
    plan: Arc<Plan>,
    writers: Arc<Writers<ProtobufReader>>,
    /// By id.
    recent: Recent<WriterFile>,
    /// What the items of the last payload took.
    item_bytes: usize,
    scratch: decode::Scratch,
}

impl ProtobufDecoder {
    /// Writes one payload (`None`: Kafka's null).
    #[inline]
    pub fn decode(&mut self, payload: Option<&[u8]>, columns: &mut [ColumnBuffer]) -> std::result::Result<(), Refused> {
        self.item_bytes = 0;
        let Some(payload) = payload else {
            columns.iter_mut().for_each(ColumnBuffer::push_null);
            return Ok(());
        };
        let message = match self.protocol {
            Protocol::Raw => payload,
            Protocol::Serdes => match payload {
                [0, a, b, c, d, placed @ ..] => {
                    let id = u32::from_be_bytes([*a, *b, *c, *d]);
                    let file = self.recent.get(id.into(), || self.writers.get(id.cast_signed()))?;
                    file.message(placed)?
                }
                other => return Err(unframed(other, &[0], CONFLUENT)),
            },
        };
        self.item_bytes = decode::decode(&self.plan, &mut self.scratch, message, columns)?;
        Ok(())
    }

    /// What the items of the last payload's lists and the entries of its maps took, before any text or bytes, and what else
    /// was written that its bytes do not pay for, such as defaults.
    #[inline]
    pub fn item_bytes(&self) -> usize {
        self.item_bytes
    }

    /// The schemas that payloads were written with, which all clones of this decoder share.
    pub fn writers(&self) -> &Arc<Writers<ProtobufReader>> {
        &self.writers
    }
}

#[cfg(test)]
mod spec_tests;
#[cfg(test)]
mod tests;
