//! The columns that options ask for, and what fills them.
//!
//! Most specs say all that there is to say. One that names a subject of a schema registry has its columns only once the
//! registry has been asked, which happens when a consumer is opened.

use std::sync::Arc;

use crate::error::{Error, Result, Status};
use crate::format::callback::CallbackSpec;
use crate::format::{ColumnProperties, Decoder, Side, Spec};
use crate::registry;
use crate::schema::{CommonColumn, TableSchema};

/// What options say of the columns.
#[derive(Debug, Clone)]
pub struct Columns {
    pub(super) topic: Arc<str>,
    pub(super) common: Vec<(CommonColumn, String)>,
    pub(super) properties: ColumnProperties,
    pub(super) key: Spec,
    pub(super) value: Spec,
}

/// The columns of a table, and what fills them.
#[derive(Debug, Clone)]
pub struct Layout {
    /// All columns.
    pub schema: Arc<TableSchema>,
    /// Fills the key's columns.
    pub key: Decoder,
    /// Fills the value's columns.
    pub value: Decoder,
}

/// Finds a version of a subject.
pub type LookUp<'a> = &'a dyn Fn(&str, registry::Version) -> Result<Arc<registry::Schema>>;

impl Columns {
    /// The columns, if nothing has to be looked up first.
    pub fn known(&self) -> Result<Option<Layout>> {
        let is_known = self.key.subject().is_none() && self.value.subject().is_none();
        is_known.then(|| self.resolve(&self.key, &self.value)).transpose()
    }

    /// The columns, with what has to be looked up.
    pub fn layout(&self, look_up: LookUp<'_>) -> Result<Layout> {
        let found = |spec: &Spec| match spec.subject() {
            None => Ok(spec.clone()),
            Some((subject, version)) => spec
                .with_schema(&*look_up(subject, version)?)
                .map_err(|error| Error::new(Status::Registry, format!("subject '{subject}': {error}"))),
        };
        self.resolve(&found(&self.key)?, &found(&self.value)?)
    }

    /// Whether records may name schemas that only a registry knows, or the columns depend on one.
    pub fn use_registry(&self) -> bool {
        self.key.uses_registry() || self.value.uses_registry()
    }

    /// A side whose payloads say the ids of schemas, of which none is known without a registry.
    pub fn side_without_schemas(&self) -> Option<Side> {
        let sides = [(Side::Key, &self.key), (Side::Value, &self.value)];
        sides.into_iter().find(|(_, spec)| spec.needs_registry()).map(|(side, _)| side)
    }

    /// The functions that make the columns of key and value in a cycle.
    pub fn callbacks(&self) -> [Option<&CallbackSpec>; 2] {
        [self.key.callback(), self.value.callback()]
    }

    /// The subject that has to be looked up for a side, if there is one.
    pub fn subject(&self) -> Option<(Side, &str)> {
        [(Side::Key, &self.key), (Side::Value, &self.value)]
            .into_iter()
            .find_map(|(side, spec)| Some((side, spec.subject()?.0)))
    }

    fn resolve(&self, key: &Spec, value: &Spec) -> Result<Layout> {
        let (key_columns, key) = key.resolve(Side::Key, &self.properties)?;
        let (value_columns, value) = value.resolve(Side::Value, &self.properties)?;
        let schema = TableSchema::new(&self.topic, self.common.clone(), key_columns, value_columns)?;
        Ok(Layout { schema: Arc::new(schema), key, value })
    }
}

impl Layout {
    /// The decoder of a side.
    pub fn decoder(&self, side: Side) -> &Decoder {
        match side {
            Side::Key => &self.key,
            Side::Value => &self.value,
        }
    }
}
