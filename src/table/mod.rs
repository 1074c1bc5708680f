//! Tables: what a partition keeps of its rows, and the state that readers see.
//!
//! A cycle builds a new [`TableState`] aside and publishes it by swapping one pointer, so that readers never see half a
//! cycle and never hold anybody up. A partition that got nothing new is carried over as it is.

pub mod align;
pub mod partition;
pub mod retention;
pub mod snapshot;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::Error;
use crate::rows::Sealed;
use crate::schema::TableSchema;
use partition::Partition;
use retention::{Retention, Rows};
use snapshot::Snapshot;

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

    /// What all rows take.
    pub fn bytes(&self) -> usize {
        self.partitions.iter().map(|partition| partition.rows().bytes()).sum()
    }
}

/// What a partition is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionState {
    /// It is being read.
    Reading,
    /// Kafka refuses it for the moment, or no broker can be used; it goes on by itself when that changes.
    Waiting(Error),
    /// It has stopped, and goes on only after a resume.
    Failed(Error),
    /// Everything up to where it was to stop has been read.
    Finished,
}

impl PartitionState {
    /// Whether nothing more can come, unless somebody resumes the partition.
    pub fn is_over(&self) -> bool {
        matches!(self, PartitionState::Failed(_) | PartitionState::Finished)
    }
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
    retention: Retention,
    state: RwLock<Arc<TableState>>,
}

impl Table {
    /// A table at cycle 0: every partition is there, none has rows.
    pub fn new(
        schema: Arc<TableSchema>,
        retention: Retention,
        partitions: impl IntoIterator<Item = (i32, i64, PartitionState)>,
    ) -> Table {
        let columns = schema.arrow().fields().len();
        let partitions = partitions
            .into_iter()
            .map(|(id, next_offset, state)| Arc::new(Partition::new(id, Rows::default(), next_offset, state, columns)))
            .collect();
        Table { retention, state: RwLock::new(Arc::new(TableState { cycle: 0, schema, partitions })) }
    }

    /// The state of the last cycle.
    pub fn state(&self) -> Arc<TableState> {
        Arc::clone(&self.state.read())
    }

    /// Whether the snapshot is one of this table's.
    pub fn made(&self, snapshot: &Snapshot) -> bool {
        Arc::ptr_eq(snapshot.state().schema(), self.state.read().schema())
    }

    /// Whether the partition at this index wants its chunk in progress closed, because nothing in it is to be kept.
    pub fn wants_cut(&self, index: usize, now_ms: i64) -> bool {
        let state = self.state.read();
        state.partitions.get(index).is_some_and(|known| retention::outlives(self.retention, known.rows(), now_ms))
    }

    /// Publishes a cycle: for each partition its number and, if it has something new, its contribution, in the table's
    /// order; partitions that the topic has got since the last cycle come behind. `discards` has rows to give up, by
    /// partition. Only one thread may publish. Returns the new state and how many rows it added.
    pub fn publish(
        &self,
        contributions: Vec<(i32, Option<Contribution>)>,
        discards: &BTreeMap<i32, i64>,
        now_ms: i64,
    ) -> (Arc<TableState>, i64) {
        let before = self.state();
        let columns = before.schema.arrow().fields().len();
        let mut added = 0;
        let mut partitions = Vec::with_capacity(contributions.len());
        for (index, (id, new)) in contributions.into_iter().enumerate() {
            let known = before.partitions.get(index);
            let discard_before = discards.get(&id).copied();
            let new = match (new, known) {
                (Some(new), _) => new,
                (None, Some(known)) => {
                    if discard_before.is_none() && !retention::forgets(self.retention, known.rows(), now_ms) {
                        partitions.push(Arc::clone(known));
                        continue;
                    }
                    Contribution { sealed: Vec::new(), next_offset: known.next_offset(), state: known.state().clone() }
                }
                // A new partition says so itself, in this cycle or the next.
                (None, None) => break,
            };
            let nothing = Rows::default();
            let kept = known.map_or(&nothing, |known| known.rows());
            let rows = retention::apply(self.retention, kept, new.sealed, discard_before, now_ms);
            added += rows.end_row() - kept.end_row();
            partitions.push(Arc::new(Partition::new(id, rows, new.next_offset, new.state, columns)));
        }
        let state = Arc::new(TableState { cycle: before.cycle + 1, schema: Arc::clone(&before.schema), partitions });
        *self.state.write() = Arc::clone(&state);
        (state, added)
    }
}
