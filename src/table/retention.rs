//! Which rows a table type keeps: pure functions over immutable chunks, the same store for all three types.

use std::sync::Arc;

use arrow_array::RecordBatch;

use super::align;
use crate::rows::{ChunkLimits, OnSeal, Sealed};

/// What a partition keeps after a cycle (rule Y2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableType {
    /// This cycle's rows only.
    Blink,
    /// Every row.
    Append,
    /// Each partition's last `capacity` rows; at least 1.
    Ring {
        /// How many rows.
        capacity: i64,
    },
}

impl TableType {
    /// How the row builder should treat the chunk in progress.
    pub fn on_seal(self) -> OnSeal {
        match self {
            TableType::Blink => OnSeal::Begin,
            TableType::Append | TableType::Ring { .. } => OnSeal::Continue,
        }
    }

    /// How large chunks should be: a small ring is made of small chunks, because it drops whole ones.
    pub fn chunk_limits(self) -> ChunkLimits {
        let limits = ChunkLimits::default();
        match self {
            TableType::Blink | TableType::Append => limits,
            TableType::Ring { capacity } => {
                let rows = usize::try_from(capacity / 2).unwrap_or(limits.rows).clamp(MIN_RING_CHUNK, limits.rows);
                ChunkLimits { rows, ..limits }
            }
        }
    }
}

/// Chunks smaller than this cost more to keep track of than they free.
const MIN_RING_CHUNK: usize = 1024;

/// A run of rows in memory of its own.
#[derive(Debug)]
pub struct Chunk {
    first_row: i64,
    batch: RecordBatch,
    /// Whether a later cycle may publish the same memory further.
    open: bool,
}

impl Chunk {
    /// The number of its first row.
    pub fn first_row(&self) -> i64 {
        self.first_row
    }

    /// The number behind its last row.
    pub fn end_row(&self) -> i64 {
        self.first_row + row_count(&self.batch)
    }

    /// Its rows. The first of them may be older than what the table still shows.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }
}

/// The rows that a partition shows: those from `first_row` to `end_row`, in chunks. Row numbers only grow (rule Y4).
#[derive(Debug, Clone, Default)]
pub struct Rows {
    first_row: i64,
    end_row: i64,
    chunks: Vec<Arc<Chunk>>,
}

impl Rows {
    /// The number of the first row shown.
    pub fn first_row(&self) -> i64 {
        self.first_row
    }

    /// The number behind the last row: how many rows the partition has published.
    pub fn end_row(&self) -> i64 {
        self.end_row
    }

    /// The chunks that hold the rows, oldest first. The first may begin before `first_row`.
    pub fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    fn extend(&mut self, sealed: Sealed) {
        let first_row = if sealed.already_published == 0 {
            self.end_row
        } else {
            let last = self.chunks.pop().expect("a chunk that goes on is the table's last");
            assert!(last.open && last.batch.num_rows() == sealed.already_published);
            last.first_row
        };
        self.end_row = first_row + row_count(&sealed.batch);
        self.chunks.push(Arc::new(Chunk { first_row, batch: sealed.batch, open: sealed.open }));
    }

    /// Forgets rows before `first_row`, chunk by chunk; what is left of a closed chunk is copied once less than half of
    /// it is shown, so that the table never pins much more memory than it shows (rule Y10).
    fn forget_before(&mut self, first_row: i64) {
        if first_row <= self.first_row {
            return;
        }
        self.first_row = first_row;
        let dead = self.chunks.partition_point(|chunk| chunk.end_row() <= first_row);
        self.chunks.drain(..dead);
        let Some(oldest) = self.chunks.first_mut() else { return };
        let alive = oldest.end_row() - first_row;
        if !oldest.open && alive * 2 < row_count(&oldest.batch) {
            let batch = align::copy_tail(&oldest.batch, length(alive));
            *oldest = Arc::new(Chunk { first_row, batch, open: false });
        }
    }
}

/// Whether applying these rows would change what is shown.
pub fn changes(table_type: TableType, rows: &Rows, sealed: &[Sealed]) -> bool {
    !sealed.is_empty() || (table_type == TableType::Blink && rows.first_row < rows.end_row)
}

/// What a partition shows after a cycle that brought these rows.
pub fn apply(table_type: TableType, rows: &Rows, sealed: Vec<Sealed>) -> Rows {
    let mut rows = match table_type {
        TableType::Blink => Rows { first_row: rows.end_row, end_row: rows.end_row, chunks: Vec::new() },
        TableType::Append | TableType::Ring { .. } => rows.clone(),
    };
    for sealed in sealed {
        rows.extend(sealed);
    }
    if let TableType::Ring { capacity } = table_type {
        rows.forget_before(rows.end_row.saturating_sub(capacity));
    }
    rows
}

fn row_count(batch: &RecordBatch) -> i64 {
    i64::try_from(batch.num_rows()).expect("a chunk has at most a few thousand million rows")
}

fn length(rows: i64) -> usize {
    usize::try_from(rows).expect("a difference of row numbers that is not negative")
}
