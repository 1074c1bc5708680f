//! One partition as readers see it.

use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_data::ArrayData;
use arrow_schema::{DataType, Field, SchemaRef};

use super::retention::Rows;
use super::{PartitionState, align};
use crate::batch::Batch;
use crate::column::{ColumnBuffer, SizeHint};
use crate::error::{Error, Result, Status};

/// One partition as of one cycle. Immutable.
pub struct Partition {
    id: i32,
    rows: Rows,
    next_offset: i64,
    state: PartitionState,
    /// Each column as one array, made when somebody first asks, kept as long as this state of the partition.
    whole: Vec<OnceLock<ArrayRef>>,
}

impl Partition {
    pub(super) fn new(id: i32, rows: Rows, next_offset: i64, state: PartitionState, columns: usize) -> Partition {
        Partition { id, rows, next_offset, state, whole: (0..columns).map(|_| OnceLock::new()).collect() }
    }

    /// Its Kafka partition number.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The rows it shows.
    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Where reading would go on after the rows published so far: the exact resume point.
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// What it is doing.
    pub fn state(&self) -> &PartitionState {
        &self.state
    }

    /// Why it stopped, if it did.
    pub fn failure(&self) -> Option<&Error> {
        match &self.state {
            PartitionState::Failed(error) => Some(error),
            PartitionState::Reading | PartitionState::Waiting(_) | PartitionState::Finished => None,
        }
    }

    /// The rows from `from_row` to `end_row`, as batches that share the table's memory and have offset 0 at every level.
    pub fn batches(&self, from_row: i64, end_row: i64) -> impl Iterator<Item = Arc<Batch>> + use<> {
        let chunks = self.rows.chunks();
        let first = chunks.partition_point(|chunk| chunk.end_row() <= from_row);
        let end = if from_row < end_row { chunks.partition_point(|chunk| chunk.first_row() < end_row) } else { first };
        let chunks: Vec<_> = chunks[first..end].to_vec();
        chunks.into_iter().map(move |chunk| {
            let from = from_row.max(chunk.first_row()) - chunk.first_row();
            let to = end_row.min(chunk.end_row()) - chunk.first_row();
            align::slice(chunk.batch(), row_index(from), row_index(to - from))
        })
    }

    /// The given columns of all rows as one batch. Copies each column once, when it is first asked for.
    pub fn whole(&self, columns: &[usize], schema: &SchemaRef) -> Result<RecordBatch> {
        let mut arrays = Vec::with_capacity(columns.len());
        for &column in columns {
            let cell = &self.whole[column];
            if cell.get().is_none() {
                let array = self.concatenate(column, schema.field(arrays.len()))?;
                // Another reader may have been faster; both made the same array.
                let _ = cell.set(array);
            }
            arrays.push(Arc::clone(cell.get().expect("it was set just now")));
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), arrays)?)
    }

    fn concatenate(&self, column: usize, field: &Field) -> Result<ArrayRef> {
        let parts: Vec<ArrayRef> = self
            .batches(self.rows.first_row(), self.rows.end_row())
            .map(|batch| Arc::clone(batch.arrays().column(column)))
            .collect();
        if parts.is_empty() {
            // With the symbols of its dictionary, as if there were rows.
            return Ok(ColumnBuffer::of(field, &SizeHint::default())?.publish().to_array());
        }
        let widest = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(widest_offset(&part.to_data())));
        if widest > i32::MAX as u64 {
            return Err(Error::new(
                Status::Limit,
                format!(
                    "partition {} does not fit into one array: a column holds more than {} bytes or items; \
                     export it as a stream",
                    self.id,
                    i32::MAX
                ),
            ));
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(arrow_select::concat::concat(&parts)?)
    }
}

/// The largest number that 32-bit offsets would have to say for this array, at any level.
fn widest_offset(data: &ArrayData) -> u64 {
    let array = arrow_array::make_array(data.clone());
    let own = match data.data_type() {
        DataType::Utf8 => span(array.as_string::<i32>().value_offsets()),
        DataType::Binary => span(array.as_binary::<i32>().value_offsets()),
        DataType::List(_) => span(array.as_list::<i32>().value_offsets()),
        _ => 0,
    };
    data.child_data().iter().map(widest_offset).fold(own, u64::max)
}

fn span(offsets: &[i32]) -> u64 {
    match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => u64::from(last.abs_diff(*first)),
        _ => 0,
    }
}

fn row_index(row: i64) -> usize {
    usize::try_from(row).expect("row numbers within a chunk are small and not negative")
}
