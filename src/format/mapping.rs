//! Names that a caller has given to the columns of fields.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Names of columns, by the path of the field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<String, String>);

impl Mapping {
    /// Gives the column of a field a name.
    pub fn add(&mut self, path: &str, column: &str) -> Result<()> {
        if column.is_empty() {
            return Err(Error::argument("column", format!("{path} is mapped to a column without a name")));
        }
        match self.0.get(path) {
            Some(earlier) if earlier != column => {
                let message = format!("{path} is mapped to column {earlier} already; a field has one column");
                Err(Error::argument("field", message).with_detail("column", column))
            }
            _ => {
                self.0.insert(path.to_owned(), column.to_owned());
                Ok(())
            }
        }
    }

    /// Whether no column has been given a name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of a field's column, if it has been given one.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// A field that is one column has none inside it that could have a column of its own.
    pub fn check_whole(&self, path: &str, separator: &str) -> Result<()> {
        let inside = format!("{path}{separator}");
        match self.0.range(inside.clone()..).next() {
            Some((lost, column)) if lost.starts_with(&inside) => {
                let message = format!(
                    "{lost} is mapped to column {column}, but is a part of {path}, which is one column; map that"
                );
                Err(Error::argument("mapping", message).with_detail("column", column))
            }
            _ => Ok(()),
        }
    }
}
