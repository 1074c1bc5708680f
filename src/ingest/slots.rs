//! A consumer's partitions, which become more when the topic does.

use std::sync::Arc;

use parking_lot::RwLock;

use super::budget::Budget;
use super::dead_letters::DeadLetters;
use super::processing::Processing;
use super::schemas::Wanted;
use super::signal::Signal;
use super::slot::{Shared, Slot};
use crate::error::Result;
use crate::options::Plan;
use crate::options::columns::Layout;
use crate::rows::{ChunkLimits, OnSeal, RowBuffer};
use crate::schema::TableSchema;
use crate::table::PartitionState;

/// A partition about to be read.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Its number.
    pub partition: i32,
    /// The first offset to read.
    pub offset: i64,
    /// The offset to stop before; `None`: reading goes on.
    pub stop: Option<i64>,
    /// Reading, finished because there is nothing to read, or failed because there is no offset to start from.
    pub state: PartitionState,
}

/// The partitions, in ascending order: those that come later have larger numbers.
pub struct Slots {
    plan: Plan,
    layout: Layout,
    processing: Option<Processing>,
    shared: Arc<Shared>,
    list: RwLock<Arc<Vec<Arc<Slot>>>>,
}

impl Slots {
    /// The partitions that a consumer begins with.
    pub fn new(plan: &Plan, layout: &Layout, signal: Arc<Signal>, beginnings: &[Beginning]) -> Result<Slots> {
        let shared = Arc::new(Shared {
            topic: Arc::clone(&plan.topic),
            signal,
            budget: Budget::new(plan.memory_budget_bytes, plan.retention.full_at_bytes(), beginnings.len()),
            dead_letters: DeadLetters::new(Arc::clone(&plan.topic)),
            wanted: Wanted::default(),
        });
        let processing = Processing::new(plan, layout);
        let slots = Slots { plan: plan.clone(), layout: layout.clone(), processing, shared, list: RwLock::default() };
        let first = beginnings.iter().map(|beginning| slots.make(beginning, false));
        *slots.list.write() = Arc::new(first.collect::<Result<Vec<_>>>()?);
        Ok(slots)
    }

    /// All there are now.
    pub fn all(&self) -> Arc<Vec<Arc<Slot>>> {
        Arc::clone(&self.list.read())
    }

    /// Their columns, and what fills them.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What has to be done before what they hold is rows of these columns; `None`: nothing.
    pub fn processing(&self) -> Option<&Processing> {
        self.processing.as_ref()
    }

    /// Whether records need to come with their headers.
    pub fn want_headers(&self) -> bool {
        self.buffered().wants_headers()
    }

    /// The columns that records are decoded into.
    fn buffered(&self) -> &Arc<TableSchema> {
        self.processing.as_ref().map_or(&self.layout.schema, Processing::waiting)
    }

    /// What they share.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Adds a partition that the topic has got since; the next cycle shows it.
    pub fn add(&self, beginning: &Beginning) -> Result<Arc<Slot>> {
        let mut list = self.list.write();
        let slot = self.make(beginning, true)?;
        Arc::make_mut(&mut list).push(Arc::clone(&slot));
        self.shared.budget.share_among(list.len());
        self.shared.signal.pend();
        Ok(slot)
    }

    fn make(&self, beginning: &Beginning, is_new: bool) -> Result<Arc<Slot>> {
        // A function sees all that a cycle has of a partition at once, and the table gets what it makes.
        let (limits, on_seal) = match self.processing {
            None => (self.plan.retention.chunk_limits(), self.plan.retention.on_seal()),
            Some(_) => (ChunkLimits::NONE, OnSeal::Begin),
        };
        let (schema, key, value) = (self.buffered(), &self.layout.key, &self.layout.value);
        let rows =
            RowBuffer::new(Arc::clone(schema), beginning.partition, key.clone(), value.clone(), limits, on_seal)?;
        let rows = rows.with_policies(self.plan.bad_records);
        let rows = if self.plan.registry.is_some() { rows.with_registry() } else { rows };
        Ok(Arc::new(Slot::new(Arc::clone(&self.shared), beginning, rows, is_new)))
    }
}
