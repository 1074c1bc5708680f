//! The schema that data are read as, and how data of other schemas are read as it: what the decoders of all partitions share.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::Field;

use super::columns::Place;
use super::plan::Plan;
use super::resolve::resolve;
use super::schema::{Document, Schema};
use crate::format::writers::Reader;
use crate::registry;

/// The schema that data are read as, and the plans of those that data need not say an id of.
#[derive(Debug)]
pub struct AvroReader {
    schema: Schema,
    place: Place,
    fields: Vec<Field>,
    /// By fingerprint: those that are known from the beginning.
    by_fingerprint: HashMap<u64, Arc<Plan>>,
    /// For data that do not say what they were written with.
    bare: Option<Arc<Plan>>,
}

impl AvroReader {
    /// No writers yet.
    pub(super) fn new(schema: Schema, place: Place, fields: Vec<Field>) -> AvroReader {
        AvroReader { schema, place, fields, by_fingerprint: HashMap::new(), bare: None }
    }

    /// How data of a schema are read.
    pub(super) fn plan_of(&self, writer: &Schema) -> std::result::Result<Arc<Plan>, String> {
        let fields: Vec<&Field> = self.fields.iter().collect();
        let plan = resolve(writer, &self.schema, &self.place, &fields).map_err(|mismatch| mismatch.to_string())?;
        Ok(Arc::new(plan))
    }

    /// How data of the reader's own schema are read.
    pub(super) fn own_plan(&self) -> std::result::Result<Arc<Plan>, String> {
        self.plan_of(&self.schema)
    }

    /// The fingerprint of the reader's own schema.
    pub(super) fn own_fingerprint(&self) -> u64 {
        self.schema.fingerprint()
    }

    /// Adds a schema by its fingerprint.
    pub(super) fn add_fingerprint(&mut self, fingerprint: u64, plan: Arc<Plan>) {
        self.by_fingerprint.insert(fingerprint, plan);
    }

    /// Says what bare data were written with.
    pub(super) fn set_bare(&mut self, plan: Arc<Plan>) {
        self.bare = Some(plan);
    }

    /// What bare data are read by.
    pub(super) fn bare(&self) -> Option<&Arc<Plan>> {
        self.bare.as_ref()
    }

    /// What data with this fingerprint are read by.
    pub(super) fn by_fingerprint(&self, fingerprint: u64) -> Option<Arc<Plan>> {
        self.by_fingerprint.get(&fingerprint).cloned()
    }
}

impl Reader for AvroReader {
    type Plan = Plan;

    fn plan(&self, schema: &registry::Schema) -> std::result::Result<Arc<Plan>, String> {
        self.plan_of(&Schema::read(&Document::of(schema)?)?)
    }
}
