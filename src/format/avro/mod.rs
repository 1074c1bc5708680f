//! Columns from Avro data (rules A1 to A8).
//!
//! ```text
//! AvroSpec      reader's schema, framing, choices, as the caller says them   this file
//!   │ resolve
//! Schema        a document as a graph of types                               schema.rs, default.rs
//! columns       Arrow's types, and which field each column is of             columns.rs
//!   │
//! AvroReader    how data of other schemas are read as it                      writers.rs
//! Plan          the steps that read such data into the columns               resolve.rs, plan.rs
//!   │
//! AvroDecoder   which schema a payload was written with                      this file
//!   └─ Pass     the steps of its plan, straight into columns                 decode.rs, datum.rs, value.rs
//! ```
//!
//! apache-avro parses schemas; what it would make of data, a tree of values, is never made. The schema of the data and the
//! reader's are compared once, and what comes of it is a flat list of steps: read a long into column 3, skip text, write a
//! default. Whatever a datum claims about itself is checked against the bytes that are there before anything is written.

mod columns;
mod datum;
mod decode;
mod default;
mod plan;
mod resolve;
mod schema;
mod value;
mod writers;

use std::sync::Arc;

use arrow_schema::Field;

use super::writers::{self as by_id, Recent, Writers, unreadable};
use super::{CONFLUENT, Refused, bad, subject_version, unframed, unknown_setting};
use crate::column::ColumnBuffer;
use crate::error::{Error, Result, Status};
use crate::registry::{self, Version};
use crate::schema::FormatColumn;
use columns::Choices;
use plan::Plan;
pub use schema::Document;
use schema::Schema;
use writers::AvroReader;

/// The schema that data are read as, whatever they were written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// This one.
    Schema(Document),
    /// One that a registry has.
    Subject {
        /// The subject's name.
        subject: String,
        /// Which of its versions.
        version: Version,
    },
}

/// What is in front of a datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// A zero byte, and the id of the schema it was written with: four bytes, the highest first.
    Confluent,
    /// Nothing.
    Bare,
    /// `C3 01`, and the fingerprint of the schema it was written with: eight bytes, the lowest first.
    SingleObject,
}

/// Which columns are made of Avro data, and what the data look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvroSpec {
    reader: Reader,
    framing: Framing,
    choices: Choices,
    /// Schemas that data were written with, by their ids.
    writers: Vec<(i32, Document)>,
}

/// What can be set, and to what.
const SETTINGS: [(&str, &str); 5] = [
    ("framing", "confluent, bare or single_object"),
    ("nested", "flatten or struct"),
    ("union", "struct or dense"),
    ("enum", "utf8 or dictionary"),
    ("mapped_only", "true or false"),
];

impl AvroSpec {
    /// Data are read as this schema, which is checked at once.
    pub fn from_schema(text: &str) -> Result<AvroSpec> {
        let document = Document::new(text);
        Schema::parse(&document)?.check_defaults()?;
        Ok(AvroSpec::new(Reader::Schema(document)))
    }

    /// Data are read as a schema that the registry has: a version of a subject, `latest` or a number.
    pub fn from_subject(subject: &str, version: &str) -> Result<AvroSpec> {
        let version = subject_version(subject, version)?;
        Ok(AvroSpec::new(Reader::Subject { subject: subject.to_owned(), version }))
    }

    fn new(reader: Reader) -> AvroSpec {
        AvroSpec { reader, framing: Framing::Confluent, choices: Choices::default(), writers: Vec::new() }
    }

    /// What data are read as.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The subject that data are read as, if the registry has to be asked for its schema.
    pub fn subject(&self) -> Option<(&str, Version)> {
        match &self.reader {
            Reader::Schema(_) => None,
            Reader::Subject { subject, version } => Some((subject, *version)),
        }
    }

    /// The same spec with the schema that the registry has for its subject.
    pub fn with_schema(&self, schema: &registry::Schema) -> Result<AvroSpec> {
        let document = Document::of(schema).map_err(|reason| Error::new(Status::Registry, reason))?;
        Schema::parse(&document)?;
        Ok(AvroSpec { reader: Reader::Schema(document), ..self.clone() })
    }

    /// Whether there are schemas that data may have been written with.
    pub fn has_schemas(&self) -> bool {
        !self.writers.is_empty()
    }

    /// Whether data say by an id what they were written with, which a registry may know.
    pub fn has_ids(&self) -> bool {
        self.framing == Framing::Confluent
    }

    /// Sets `framing` (`confluent`, `bare`, `single_object`), `nested` (`flatten`, `struct`), `union` (`struct`, `dense`),
    /// `enum` (`utf8`, `dictionary`) or `mapped_only` (`true`, `false`). The first of each is the default, `false` of the last.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match (key, value) {
            ("framing", "confluent") => self.framing = Framing::Confluent,
            ("framing", "bare") => self.framing = Framing::Bare,
            ("framing", "single_object") => self.framing = Framing::SingleObject,
            ("nested", "flatten" | "struct") => self.choices.structs = value == "struct",
            ("union", "struct" | "dense") => self.choices.dense_unions = value == "dense",
            ("enum", "utf8" | "dictionary") => self.choices.dictionaries = value == "dictionary",
            ("mapped_only", "true" | "false") => self.choices.mapped_only = value == "true",
            _ => return Err(unknown_setting("an avro spec", &SETTINGS, key, value)),
        }
        Ok(())
    }

    /// Gives the column of a field a name. The field is given by its path, as in `customer.address`; one that is not mapped
    /// has its path as a name, with two underscores for each dot. A field that the schema does not have is ignored.
    pub fn map_field(&mut self, field: &str, column: &str) -> Result<()> {
        self.choices.mapping.add(field, column)
    }

    /// Adds a schema that data were written with, by the id that they say. No registry is asked for it.
    pub fn add_schema(&mut self, id: i32, text: &str) -> Result<()> {
        let document = Document::new(text);
        Schema::parse(&document)?;
        by_id::add_given(&mut self.writers, id, document)
    }

    /// The columns, and the decoder that fills them.
    pub(super) fn resolve(&self) -> Result<(Vec<FormatColumn>, AvroDecoder)> {
        let document = match &self.reader {
            Reader::Schema(document) => document,
            Reader::Subject { subject, .. } => {
                let message =
                    format!("the schema of {subject} is not known; set schema.registry.url, or give the schema");
                return Err(Error::new(Status::InvalidState, message).with_detail("argument", "schema"));
            }
        };
        let reader = Schema::parse(document)?;
        let (columns, place) = columns::columns(&reader, &self.choices)?;
        let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
        let writers = self.writers(AvroReader::new(reader, place, fields))?;
        let decoder =
            AvroDecoder { framing: self.framing, writers: Arc::new(writers), recent: Recent::default(), item_bytes: 0 };
        Ok((columns, decoder))
    }

    /// Makes the schemas known that the spec has. That they can be read is known before any record, so that it is an error
    /// here if they cannot.
    fn writers(&self, mut reader: AvroReader) -> Result<Writers<AvroReader>> {
        let cannot = |what: &str, reason: String| Error::argument("schema", unreadable(what, &reason));
        let own = reader.own_plan().map_err(|reason| cannot("the reader's own schema", reason))?;
        reader.add_fingerprint(reader.own_fingerprint(), Arc::clone(&own));
        let mut bare = own;
        let mut plans = Vec::with_capacity(self.writers.len());
        for (id, document) in &self.writers {
            let schema = Schema::parse(document)?;
            let plan = reader.plan_of(&schema).map_err(|reason| cannot(&format!("schema {id}"), reason))?;
            reader.add_fingerprint(schema.fingerprint(), Arc::clone(&plan));
            plans.push((*id, Arc::clone(&plan)));
            bare = plan;
        }
        if self.framing == Framing::Bare && self.writers.len() > 1 {
            let message = format!(
                "there are {}; bare data do not say which of them they were written with, so that there may be one",
                self.writers.len()
            );
            return Err(Error::argument("schemas", message));
        }
        reader.set_bare(bare);
        let writers = Writers::new(reader);
        plans.into_iter().for_each(|(id, plan)| writers.add(id, plan));
        Ok(writers)
    }
}

/// Writes Avro data into columns.
#[derive(Debug, Clone)]
pub struct AvroDecoder {
    framing: Framing,
    writers: Arc<Writers<AvroReader>>,
    /// By id or fingerprint.
    recent: Recent<Plan>,
    /// What the items of the last payload took.
    item_bytes: usize,
}

impl AvroDecoder {
    /// Writes one payload (`None`: Kafka's null).
    #[inline]
    pub fn decode(&mut self, payload: Option<&[u8]>, columns: &mut [ColumnBuffer]) -> std::result::Result<(), Refused> {
        self.item_bytes = 0;
        let Some(payload) = payload else {
            columns.iter_mut().for_each(ColumnBuffer::push_null);
            return Ok(());
        };
        let (plan, datum) = match self.framing {
            Framing::Confluent => match payload {
                [0, a, b, c, d, datum @ ..] => {
                    let id = u32::from_be_bytes([*a, *b, *c, *d]);
                    (self.by_id(id)?, datum)
                }
                other => return Err(unframed(other, &[0], CONFLUENT)),
            },
            Framing::Bare => match self.writers.reader().bare() {
                Some(plan) => (&**plan, payload),
                None => return Err(bad("there is no schema for bare data".to_owned())),
            },
            Framing::SingleObject => match payload {
                [0xc3, 0x01, a, b, c, d, e, f, g, h, datum @ ..] => {
                    let fingerprint = u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                    (self.by_fingerprint(fingerprint)?, datum)
                }
                other => {
                    let expected = "a single object (C3 01 and 8 bytes of a schema's fingerprint)";
                    return Err(unframed(other, &[0xc3, 0x01], expected));
                }
            },
        };
        self.item_bytes = decode::decode(plan, datum, columns)?;
        Ok(())
    }

    /// What the items of the last payload's lists and the entries of its maps took, before any text or bytes, and what else
    /// was written that its bytes do not pay for, such as defaults.
    #[inline]
    pub fn item_bytes(&self) -> usize {
        self.item_bytes
    }

    /// The schemas that payloads were written with, which all clones of this decoder share.
    pub fn writers(&self) -> &Arc<Writers<AvroReader>> {
        &self.writers
    }

    /// How payloads with this id are read.
    #[inline(always)]
    fn by_id(&mut self, id: u32) -> std::result::Result<&Plan, Refused> {
        self.recent.get(id.into(), || self.writers.get(id.cast_signed()))
    }

    #[inline(always)]
    fn by_fingerprint(&mut self, fingerprint: u64) -> std::result::Result<&Plan, Refused> {
        self.recent.get(fingerprint, || {
            self.writers.reader().by_fingerprint(fingerprint).ok_or_else(|| {
                let reason = "the fingerprint is that of no schema that is known; add it with karrow_spec_add_schema";
                bad(reason.to_owned())
            })
        })
    }
}

#[cfg(test)]
mod tests;
