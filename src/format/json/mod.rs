//! Columns from the fields of a JSON object (rules J1 to J4).
//!
//! ```text
//! JsonSpec      columns and mapping, as the caller says them        this file
//!   │ resolve
//! Shapes        what each column asks for, and what is inside it    shape.rs
//! Fields        which field, at which depth, feeds which columns    fields.rs
//!   │
//! JsonDecoder   one pass over the payload, straight into columns    decode.rs, nested.rs, habit.rs
//!   ├─ Text     grammar: strings, numbers, what is skipped          text.rs
//!   └─ write    J4: a JSON value into a column, or why not          value.rs, number.rs, time.rs
//! ```
//!
//! Object processors are a second front end, `processor/`, of the same shapes, fields and decoder; what their values may be, and
//! what becomes of those that are missing, null or not one column, is in `strict.rs` and `kinds.rs`.
//!
//! There is no document tree. The decoder walks the payload once, writes each value into its column as it meets it, and
//! checks everything it steps over. What is rare is left to libraries: serde_json unescapes strings, the standard library
//! rounds numbers that are hard to round, jiff knows time zones, base64 knows base64.

mod decode;
mod fields;
mod habit;
mod kinds;
mod nested;
mod number;
pub mod processor;
mod shape;
mod strict;
mod text;
mod time;
mod value;

use arrow_schema::{Field, Schema};

use crate::error::{Error, Result};
use crate::schema::FormatColumn;
use crate::types;
pub use decode::JsonDecoder;
use fields::Path;
use shape::Shapes;

/// Which columns are made of a JSON object, and of which of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JsonSpec {
    columns: Vec<Field>,
    mapping: Vec<(Path, String)>,
}

impl JsonSpec {
    /// The columns of an Arrow schema. What is not nullable there refuses null, and an object without it: a member of a
    /// struct, an item of a list, and a column, although the table's columns are nullable (rule Y7).
    pub fn from_schema(schema: &Schema) -> Result<JsonSpec> {
        let mut spec = JsonSpec::default();
        schema.fields().iter().try_for_each(|field| spec.add(Field::clone(field), "columns"))?;
        Ok(spec)
    }

    /// Adds a column. It reads the field of its own name, unless a field is mapped to it.
    pub fn add_column(&mut self, name: &str, type_name: &str) -> Result<()> {
        self.add(Field::new(name, types::parse(type_name)?, true), "name")
    }

    fn add(&mut self, column: Field, argument: &'static str) -> Result<()> {
        let name = column.name();
        if name.is_empty() {
            let what = if argument == "name" { "is empty" } else { "one of them has no name" };
            return Err(Error::argument(argument, format!("{what}; a column needs a name")));
        }
        if self.columns.iter().any(|earlier| earlier.name() == name) {
            let message = format!("there is a column {name} already; a spec has each column once");
            return Err(Error::argument(argument, message).with_detail("column", name));
        }
        shape::check_type(&column)?;
        self.columns.push(column);
        Ok(())
    }

    /// Lets a field feed a column: a literal field name, or, with `/` first, a JSON Pointer. A field may feed several
    /// columns, a column has one field.
    pub fn map_field(&mut self, field: &str, column: &str) -> Result<()> {
        let path = Path::parse(field)?;
        if let Some((earlier, _)) = self.mapping.iter().find(|(_, mapped)| mapped == column) {
            if *earlier == path {
                return Ok(());
            }
            let message = format!("{earlier} is mapped to column {column} already; a column is read from one field");
            return Err(Error::argument("field", message).with_detail("column", column));
        }
        self.mapping.push((path, column.to_owned()));
        Ok(())
    }

    /// The columns, and the decoder that fills them.
    pub(super) fn resolve(&self) -> Result<(Vec<FormatColumn>, JsonDecoder)> {
        if let Some((path, column)) =
            self.mapping.iter().find(|(_, name)| !self.columns.iter().any(|column| column.name() == name))
        {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name().as_str()).collect();
            let message = format!(
                "{path} is mapped to column {column}, which the spec does not have; its columns are {}",
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            );
            return Err(Error::argument("mapping", message).with_detail("column", column));
        }
        let mapped = |name: &str| self.mapping.iter().find(|(_, column)| column == name).map(|(path, _)| path.clone());
        let path = |column: &Field| mapped(column.name()).unwrap_or_else(|| Path::field(column.name()));
        let paths: Vec<Path> = self.columns.iter().map(path).collect();
        let shapes = Shapes::new(self.columns.iter().zip(&paths))?;
        let columns = self.columns.iter().zip(&paths);
        let columns = columns.map(|(field, path)| FormatColumn { field: field.clone(), source: path.to_string() });
        Ok((columns.collect(), JsonDecoder::new(shapes)))
    }
}

#[cfg(test)]
mod tests;
