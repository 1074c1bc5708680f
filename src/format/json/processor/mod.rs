//! Columns from a description of JSON values: Deephaven's JSON value language as JSON (rules V1 to V3).
//!
//! ```text
//! ProcessorSpec   the description, as the caller says it              this file
//!   │ resolve
//! Value           what it says, and where it is wrong                 description.rs, document.rs
//!   │
//! columns         names, types, and a node for each value             columns.rs, names.rs
//!   │
//! JsonDecoder     the decoder of json specs, with these nodes         ../strict.rs, ../kinds.rs
//! ```

mod columns;
mod description;
mod document;
mod names;

use super::JsonDecoder;
use crate::error::Result;
use crate::schema::FormatColumn;

/// Which columns are made of JSON values, and which forms the values may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorSpec {
    /// Checked to be a description.
    description: String,
}

impl ProcessorSpec {
    /// The columns of a description, which is checked at once. The error says where it is wrong, with a JSON Pointer.
    pub fn new(description: &str) -> Result<ProcessorSpec> {
        let spec = ProcessorSpec { description: description.to_owned() };
        spec.resolve().map(|_| spec)
    }

    /// The columns, and the decoder that fills them.
    pub(in crate::format) fn resolve(&self) -> Result<(Vec<FormatColumn>, JsonDecoder)> {
        let value = description::read(&self.description)?;
        let (columns, shapes) = columns::columns(&value)?;
        Ok((columns, JsonDecoder::new(shapes)))
    }
}
