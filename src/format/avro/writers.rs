//! The schemas that data were written with, as plans into the columns: shared by the decoders of all partitions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arrow_schema::Field;
use parking_lot::RwLock;

use super::columns::Place;
use super::plan::Plan;
use super::resolve::resolve;
use super::schema::{Document, Schema};
use crate::registry;

/// What is known of a writer's schema.
#[derive(Debug, Clone)]
pub enum Writer {
    /// How its data are read.
    Known(Arc<Plan>),
    /// Its data cannot be read,
    Unusable {
        /// and why;
        reason: Arc<str>,
        /// it is worth while to ask again from then on; `None`: never.
        until: Option<Instant>,
    },
}

/// The schema that data are read as, and those they were written with.
#[derive(Debug)]
pub struct Writers {
    reader: Schema,
    place: Place,
    fields: Vec<Field>,
    by_id: RwLock<HashMap<i32, Writer>>,
    /// By fingerprint: those that are known from the beginning.
    by_fingerprint: HashMap<u64, Arc<Plan>>,
    /// For data that do not say what they were written with.
    bare: Option<Arc<Plan>>,
}

impl Writers {
    /// No writers yet.
    pub(super) fn new(reader: Schema, place: Place, fields: Vec<Field>) -> Writers {
        let (by_id, by_fingerprint) = (RwLock::default(), HashMap::new());
        Writers { reader, place, fields, by_id, by_fingerprint, bare: None }
    }

    /// How data of a schema are read.
    pub(super) fn plan(&self, writer: &Schema) -> std::result::Result<Arc<Plan>, String> {
        let fields: Vec<&Field> = self.fields.iter().collect();
        let plan = resolve(writer, &self.reader, &self.place, &fields).map_err(|mismatch| mismatch.to_string())?;
        Ok(Arc::new(plan))
    }

    /// How data of the reader's own schema are read.
    pub(super) fn own_plan(&self) -> std::result::Result<Arc<Plan>, String> {
        self.plan(&self.reader)
    }

    /// The fingerprint of the reader's own schema.
    pub(super) fn own_fingerprint(&self) -> u64 {
        self.reader.fingerprint()
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

    /// What is known of the schema with this id.
    pub fn get(&self, id: i32) -> Option<Writer> {
        let writer = self.by_id.read().get(&id).cloned()?;
        let is_outdated = matches!(&writer, Writer::Unusable { until: Some(until), .. } if *until <= Instant::now());
        (!is_outdated).then_some(writer)
    }

    /// Makes the schema with this id known. Its plan is made on the calling thread, which should not be one that decodes.
    pub fn learn(&self, id: i32, schema: &registry::Schema) {
        let schema = Document::of(schema).and_then(|document| Schema::read(&document));
        match schema.and_then(|schema| self.plan(&schema)) {
            Ok(plan) => self.add_id(id, plan),
            Err(reason) => {
                self.give_up(id, &format!("schema {id} cannot be read as the reader's schema: {reason}"), None);
            }
        }
    }

    /// Data with this id cannot be read, for this reason; if there is a time, until then, when somebody may ask again.
    pub fn give_up(&self, id: i32, reason: &str, until: Option<Instant>) {
        self.by_id.write().insert(id, Writer::Unusable { reason: reason.into(), until });
    }

    /// Makes a schema known whose plan there is.
    pub(super) fn add_id(&self, id: i32, plan: Arc<Plan>) {
        self.by_id.write().insert(id, Writer::Known(plan));
    }
}
