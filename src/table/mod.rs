//! Tables: what a partition keeps of its rows, and the state that readers see.
//!
//! A cycle builds a new [`TableState`] aside and publishes it by swapping one pointer, so that readers never see half a
//! cycle and never hold anybody up. A partition that got nothing new is carried over as it is.

mod align;
pub mod partition;
pub mod retention;
pub mod snapshot;

use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::Error;
use crate::rows::Sealed;
use crate::schema::TableSchema;
use partition::Partition;
use retention::{Rows, TableType};

/// Everything readers can see, as of one cycle. Immutable.
pub struct TableState {
    cycle: i64,
    schema: Arc<TableSchema>,
    partitions: Vec<Arc<Partition>>,
}

impl TableState {
    /// How many cycles there have been; 0 is before the first.
    pub fn cycle(&self) -> i64 {
        self.cycle
    }

    /// The schema of every partition.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The partitions, in ascending order.
    pub fn partitions(&self) -> &[Arc<Partition>] {
        &self.partitions
    }
}

/// What a partition is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// It is being read.
    Reading,
    /// Kafka refuses it for the moment; it goes on by itself when that changes.
    Waiting(Error),
    /// It has stopped, and goes on only after a resume.
    Failed(Error),
}

/// What one partition contributes to a cycle.
pub struct Contribution {
    /// Its new rows, in order.
    pub sealed: Vec<Sealed>,
    /// The offset to read next, after those rows.
    pub next_offset: i64,
    /// What it is doing.
    pub state: PartitionState,
}

/// The published state of all partitions.
pub struct Table {
    table_type: TableType,
    state: RwLock<Arc<TableState>>,
}

impl Table {
    /// A table at cycle 0: every partition is there, none has rows.
    pub fn new(
        schema: Arc<TableSchema>,
        table_type: TableType,
        partitions: impl IntoIterator<Item = (i32, i64, PartitionState)>,
    ) -> Table {
        let columns = schema.arrow().fields().len();
        let partitions = partitions
            .into_iter()
            .map(|(id, next_offset, state)| Arc::new(Partition::new(id, Rows::default(), next_offset, state, columns)))
            .collect();
        Table { table_type, state: RwLock::new(Arc::new(TableState { cycle: 0, schema, partitions })) }
    }

    /// The state of the last cycle.
    pub fn state(&self) -> Arc<TableState> {
        Arc::clone(&self.state.read())
    }

    /// Publishes a cycle: one contribution for each partition that has something new, in the table's order. Only one
    /// thread may publish. Returns the new state and how many rows it added.
    pub fn publish(&self, contributions: Vec<Option<Contribution>>) -> (Arc<TableState>, i64) {
        let before = self.state();
        let columns = before.schema.arrow().fields().len();
        let mut added = 0;
        let partitions = before
            .partitions
            .iter()
            .zip(contributions)
            .map(|(partition, new)| {
                let new = match new {
                    Some(new) => new,
                    None if !retention::forgets(self.table_type, partition.rows()) => return Arc::clone(partition),
                    None => Contribution {
                        sealed: Vec::new(),
                        next_offset: partition.next_offset(),
                        state: partition.state().clone(),
                    },
                };
                let rows = retention::apply(self.table_type, partition.rows(), new.sealed);
                added += rows.end_row() - partition.rows().end_row();
                Arc::new(Partition::new(partition.id(), rows, new.next_offset, new.state, columns))
            })
            .collect();
        let state = Arc::new(TableState { cycle: before.cycle + 1, schema: Arc::clone(&before.schema), partitions });
        *self.state.write() = Arc::clone(&state);
        (state, added)
    }
}
