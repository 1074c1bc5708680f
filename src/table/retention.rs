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
        self.first_row = self.first_row.max(first_row);
        let first_row = self.first_row;
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

/// Whether a cycle that brings nothing would still change what is shown.
pub fn forgets(table_type: TableType, rows: &Rows) -> bool {
    table_type == TableType::Blink && rows.first_row < rows.end_row
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

#[cfg(test)]
mod tests {
    //! The store against a naive model that keeps every row in one vector.

    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_buffer::NullBuffer;
    use arrow_data::ArrayData;
    use proptest::collection::vec;
    use proptest::option::{of, weighted};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::format::{Side, Spec};
    use crate::rows::{Header, Record, RecordTime, RowBuffer};
    use crate::schema::{CommonColumn, TableSchema};
    use crate::table::snapshot::Snapshot;
    use crate::table::{Contribution, PartitionState, Table};

    /// A row as plain values.
    #[derive(Debug, Clone, PartialEq)]
    struct Row {
        offset: i64,
        headers: Vec<Option<String>>,
        key: Option<String>,
        value: Option<i64>,
    }

    /// A record to come: what its row says, whatever its offset will be; `None`: a bad record.
    type Given = Option<Row>;

    fn given() -> impl Strategy<Value = Given> {
        let row = (vec(of("[a-z]{0,3}"), 0..3), of("[a-z]{0,12}"), of(any::<i64>()))
            .prop_map(|(headers, key, value)| Row { offset: 0, headers, key, value });
        weighted(0.9, row)
    }

    fn cycles() -> impl Strategy<Value = Vec<Vec<Given>>> {
        vec(prop_oneof![2 => vec(given(), 0..4), 1 => vec(given(), 0..30)], 1..16)
    }

    /// Mostly rows fill a chunk, sometimes bytes do.
    fn limits() -> impl Strategy<Value = ChunkLimits> {
        (1..12_usize, prop_oneof![2 => Just(1 << 20), 1 => 60..600_usize])
            .prop_map(|(rows, bytes)| ChunkLimits { rows, bytes })
    }

    fn table_type() -> impl Strategy<Value = TableType> {
        let ring = (1..40_i64).prop_map(|capacity| TableType::Ring { capacity });
        prop_oneof![Just(TableType::Blink), Just(TableType::Append), ring]
    }

    /// One partition, from records to snapshots, and the model beside it.
    struct Run {
        table_type: TableType,
        buffer: RowBuffer,
        table: Table,
        next_offset: i64,
        /// Every row published so far.
        model: Vec<Row>,
    }

    /// What one cycle published, and what the model says about it.
    struct Cycle {
        snapshot: Snapshot,
        first_row: i64,
        rows: Vec<Row>,
    }

    impl Run {
        fn new(table_type: TableType, limits: ChunkLimits) -> Run {
            let spec = |name: &str, type_name: &str| Spec::Simple {
                column: Some(name.to_owned()),
                type_name: Some(type_name.to_owned()),
            };
            let (keys, key) = spec("K", "utf8").resolve(Side::Key, &Default::default()).unwrap();
            let (values, value) = spec("V", "int64").resolve(Side::Value, &Default::default()).unwrap();
            let common = [CommonColumn::Offset, CommonColumn::Headers].map(|column| (column, column.key().to_owned()));
            let schema = Arc::new(TableSchema::new("t", common.to_vec(), keys, values).unwrap());
            let on_seal = table_type.on_seal();
            let buffer = RowBuffer::new(Arc::clone(&schema), 0, key, value, limits, on_seal).unwrap();
            let table = Table::new(schema, table_type, [(0, 0, PartitionState::Reading)]);
            Run { table_type, buffer, table, next_offset: 0, model: Vec::new() }
        }

        fn cycle(&mut self, records: &[Given]) -> Cycle {
            let before = self.model.len();
            records.iter().for_each(|record| self.record(record));
            // A partition that nobody served has nothing to contribute.
            let contribution = (!records.is_empty()).then(|| Contribution {
                sealed: self.buffer.seal(),
                next_offset: self.next_offset,
                state: PartitionState::Reading,
            });
            let (state, added) = self.table.publish(vec![contribution]);
            let end = self.model.len();
            assert_eq!(added, number(end - before));
            let first = match self.table_type {
                TableType::Blink => before,
                TableType::Append => 0,
                TableType::Ring { capacity } => end.saturating_sub(length(capacity)),
            };
            Cycle { snapshot: Snapshot::new(state), first_row: number(first), rows: self.model[first..].to_vec() }
        }

        fn record(&mut self, given: &Given) {
            let offset = self.next_offset;
            self.next_offset += 1;
            let row = given.as_ref().map(|row| Row { offset, ..row.clone() });
            let value = row.as_ref().and_then(|row| row.value).map(i64::to_be_bytes);
            let headers = row.iter().flat_map(|row| &row.headers);
            let headers: Vec<Header<'_>> =
                headers.map(|value| Header { key: b"h", value: value.as_deref().map(str::as_bytes) }).collect();
            let record = Record {
                offset,
                timestamp: RecordTime::None,
                receive_time_ns: 0,
                leader_epoch: None,
                key: row.as_ref().and_then(|row| row.key.as_deref()).map(str::as_bytes),
                value: if row.is_none() { Some(b"bad") } else { value.as_ref().map(|value| &value[..]) },
                headers: &headers,
            };
            assert_eq!(self.buffer.append(&record).is_ok(), row.is_some());
            self.model.extend(row);
        }
    }

    impl Cycle {
        fn kept(&self) -> &Rows {
            self.snapshot.partitions()[0].rows()
        }

        fn end_row(&self) -> i64 {
            self.first_row + number(self.rows.len())
        }

        /// That the snapshot shows the model's rows, in whatever way it is asked.
        fn check(&self) {
            let kept = self.kept();
            assert_eq!((kept.first_row(), kept.end_row()), (self.first_row, self.end_row()));
            assert_eq!(self.range(self.first_row, self.end_row()), self.rows);
            let whole = self.snapshot.whole(0).unwrap();
            check_layout(&whole);
            assert_eq!(rows_of(&whole), self.rows);
        }

        /// Rows by their numbers, as a stream has them.
        fn range(&self, from_row: i64, end_row: i64) -> Vec<Row> {
            let batches = self.snapshot.stream(0, from_row, Some(end_row)).unwrap();
            batches
                .flat_map(|batch| {
                    assert!(batch.num_rows() > 0, "a stream of rows has no batch without any (Y8)");
                    check_layout(&batch);
                    self.check_shared(&batch);
                    rows_of(&batch)
                })
                .collect()
        }

        fn check_shared(&self, batch: &RecordBatch) {
            let memory = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().as_ptr_range();
            let slice = memory(batch);
            let mut chunks = self.kept().chunks().iter().map(|chunk| memory(chunk.batch()));
            assert!(chunks.any(|chunk| chunk.start <= slice.start && slice.end <= chunk.end), "values are shared");
        }

        /// That the chunks are what the rows shown need: no gap, nothing beyond the end, nothing wholly outdated.
        fn check_chunks(&self) {
            let kept = self.kept();
            let chunks = kept.chunks();
            for pair in chunks.windows(2) {
                assert_eq!(pair[0].end_row(), pair[1].first_row());
            }
            match (chunks.first(), chunks.last()) {
                (Some(first), Some(last)) => {
                    assert!((first.first_row()..first.end_row()).contains(&kept.first_row()));
                    assert_eq!(last.end_row(), kept.end_row());
                }
                _ => assert_eq!(kept.first_row(), kept.end_row()),
            }
        }
    }

    fn rows_of(batch: &RecordBatch) -> Vec<Row> {
        let offsets = batch.column(0).as_primitive::<Int64Type>();
        let headers = batch.column(1).as_list::<i32>();
        let keys = batch.column(2).as_string::<i32>();
        let values = batch.column(3).as_primitive::<Int64Type>();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (0..batch.num_rows())
            .map(|row| Row {
                offset: offsets.value(row),
                headers: {
                    let items = headers.value(row);
                    items.as_struct().column(1).as_binary::<i32>().iter().map(|value| value.map(text)).collect()
                },
                key: keys.is_valid(row).then(|| keys.value(row).to_owned()),
                value: values.is_valid(row).then(|| values.value(row)),
            })
            .collect()
    }

    /// That every array is well formed and has offset 0, at every level.
    fn check_layout(batch: &RecordBatch) {
        fn check_offsets(data: &ArrayData) {
            assert_eq!((data.offset(), data.nulls().map_or(0, NullBuffer::offset)), (0, 0));
            data.child_data().iter().for_each(check_offsets);
        }
        for column in batch.columns() {
            let data = column.to_data();
            data.validate_full().unwrap();
            check_offsets(&data);
        }
    }

    fn number(rows: usize) -> i64 {
        i64::try_from(rows).unwrap()
    }

    fn plain(value: i64) -> Given {
        Some(Row { offset: 0, headers: Vec::new(), key: None, value: Some(value) })
    }

    proptest! {
        #[test]
        fn every_table_type_shows_what_the_model_shows(
            // Y2, Y4
            table_type in table_type(), limits in limits(), cycles in cycles(),
        ) {
            let mut run = Run::new(table_type, limits);
            let mut before = (0, 0);
            for records in &cycles {
                let cycle = run.cycle(records);
                cycle.check();
                cycle.check_chunks();
                let now = (cycle.kept().first_row(), cycle.kept().end_row());
                prop_assert!(before.0 <= now.0 && before.1 <= now.1, "row numbers never go back (Y4)");
                before = now;
            }
        }

        #[test]
        fn any_range_of_rows_is_the_models(
            // Y4, Y8
            table_type in table_type(), limits in limits(), cycles in cycles(),
            bounds in vec((any::<Index>(), any::<Index>()), 1..8),
        ) {
            let mut run = Run::new(table_type, limits);
            for records in &cycles {
                let cycle = run.cycle(records);
                for (from, end) in &bounds {
                    let from = from.index(cycle.rows.len() + 1);
                    let end = from + end.index(cycle.rows.len() - from + 1);
                    let (from_row, end_row) = (cycle.first_row + number(from), cycle.first_row + number(end));
                    prop_assert_eq!(cycle.range(from_row, end_row), &cycle.rows[from..end]);
                }
            }
        }

        #[test]
        fn later_cycles_change_nothing_in_earlier_snapshots(
            // Y3
            table_type in table_type(), limits in limits(), cycles in cycles(),
        ) {
            let mut run = Run::new(table_type, limits);
            let kept: Vec<Cycle> = cycles.iter().map(|records| run.cycle(records)).collect();
            drop(run);
            kept.iter().for_each(Cycle::check);
        }

        #[test]
        fn append_stays_in_few_large_batches_however_often_it_is_sealed(rows in 1..12_usize, cycles in cycles()) {
            let limits = ChunkLimits { rows, bytes: 1 << 20 };
            let mut run = Run::new(TableType::Append, limits);
            for records in &cycles {
                let cycle = run.cycle(records);
                prop_assert!(cycle.kept().chunks().len() <= cycle.rows.len() / limits.rows + 1);
            }
        }

        #[test]
        fn a_chunk_of_several_rows_keeps_to_its_bytes_however_often_it_is_sealed(
            rows in 2..40_usize, bytes in 60..600_usize, cycles in cycles(),
        ) {
            // The first entry of each of four vectors of ends belongs to no row.
            const EXTRA: usize = 4 * size_of::<i32>();
            fn memory(data: &ArrayData) -> usize {
                let own: usize = data.buffers().iter().map(|buffer| buffer.len()).sum();
                own + data.child_data().iter().map(memory).sum::<usize>()
            }
            let mut run = Run::new(TableType::Append, ChunkLimits { rows, bytes });
            for records in &cycles {
                let cycle = run.cycle(records);
                for chunk in cycle.kept().chunks().iter().filter(|chunk| chunk.batch().num_rows() > 1) {
                    let taken: usize = chunk.batch().columns().iter().map(|column| memory(&column.to_data())).sum();
                    prop_assert!(taken <= bytes + EXTRA, "{} bytes", taken);
                }
            }
        }

        #[test]
        fn a_ring_pins_little_more_than_it_shows(capacity in 1..40_i64, limits in limits(), cycles in cycles()) {
            // Y10
            let mut run = Run::new(TableType::Ring { capacity }, limits);
            for records in &cycles {
                let cycle = run.cycle(records);
                let chunks = cycle.kept().chunks();
                let pinned: i64 = chunks.iter().map(|chunk| row_count(chunk.batch())).sum();
                prop_assert!(pinned <= capacity + number(limits.rows), "{} rows are pinned", pinned);
                if let Some(oldest) = chunks.first().filter(|oldest| !oldest.open) {
                    let alive = oldest.end_row() - cycle.kept().first_row();
                    let all = row_count(oldest.batch());
                    prop_assert!(alive * 2 >= all, "{} of {} rows of a closed chunk are alive", alive, all);
                }
            }
        }
    }

    #[test]
    fn blink_is_emptied_by_a_cycle_without_rows() {
        // Y2, Y4
        let mut run = Run::new(TableType::Blink, ChunkLimits::default());
        run.cycle(&[plain(1), plain(2)]).check();
        let empty = run.cycle(&[]);
        empty.check();
        assert_eq!((empty.kept().first_row(), empty.kept().end_row()), (2, 2));
    }

    #[test]
    fn ring_keeps_last_rows_across_batches() {
        let mut run = Run::new(TableType::Ring { capacity: 3 }, ChunkLimits { rows: 2, bytes: 1 << 20 });
        let cycle = run.cycle(&[1, 2, 3, 4, 5].map(plain));
        let values: Vec<_> = cycle.range(2, 5).into_iter().map(|row| row.value).collect();
        assert_eq!(values, [3, 4, 5].map(Some));
        assert_eq!(cycle.kept().chunks().len(), 2);
    }

    #[test]
    fn a_closed_chunk_of_which_little_is_alive_is_copied_and_let_go() {
        // Y10
        let mut run = Run::new(TableType::Ring { capacity: 4 }, ChunkLimits { rows: 8, bytes: 1 << 20 });
        let first: Vec<Given> = (0..8).map(plain).collect();
        let memory = Arc::downgrade(&run.cycle(&first).kept().chunks()[0]);
        let cycle = run.cycle(&[plain(8)]);
        cycle.check();
        assert_eq!(cycle.kept().chunks().iter().map(|chunk| row_count(chunk.batch())).collect::<Vec<_>>(), [3, 1]);
        assert!(memory.upgrade().is_none());
    }

    #[test]
    fn a_chunk_that_closes_without_new_rows_is_copied_too() {
        // Y10: a bad record closes the full chunk, and no row comes.
        let mut run = Run::new(TableType::Ring { capacity: 3 }, ChunkLimits { rows: 8, bytes: 1 << 20 });
        let full: Vec<Given> = (0..8).map(plain).collect();
        run.cycle(&full);
        let cycle = run.cycle(&[None]);
        cycle.check();
        assert_eq!(cycle.kept().chunks().iter().map(|chunk| row_count(chunk.batch())).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_small_ring_is_made_of_small_chunks() {
        let rows = |capacity| TableType::Ring { capacity }.chunk_limits().rows;
        let most = ChunkLimits::default().rows;
        assert_eq!([1, 10_000, 1_000_000, i64::MAX].map(rows), [MIN_RING_CHUNK, 5_000, most, most]);
        assert_eq!(TableType::Append.chunk_limits(), ChunkLimits::default());
    }
}
