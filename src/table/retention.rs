//! Which rows a table type keeps: pure functions over immutable chunks, the same store for all three types.

use std::sync::Arc;

use crate::batch::Batch;
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

/// A table type, with the further limits that it may have. A ring forgets by bytes and by age chunk by chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// What is kept.
    pub table_type: TableType,
    /// Of a ring: how many bytes of each partition. Of an append table: how many in all, beyond which nothing is taken in,
    /// so that nothing is ever forgotten for it here.
    pub max_bytes: Option<usize>,
    /// Of a ring: for how many milliseconds, by the newest timestamp of a chunk's records.
    pub max_age_ms: Option<i64>,
}

impl From<TableType> for Retention {
    fn from(table_type: TableType) -> Retention {
        Retention { table_type, max_bytes: None, max_age_ms: None }
    }
}

impl Retention {
    /// How the row builder should treat the chunk in progress.
    pub fn on_seal(self) -> OnSeal {
        match self.table_type {
            TableType::Blink => OnSeal::Begin,
            TableType::Append | TableType::Ring { .. } => OnSeal::Continue,
        }
    }

    /// How large chunks should be: a small table is made of small chunks, because memory is let go in whole ones.
    pub fn chunk_limits(self) -> ChunkLimits {
        let limits = ChunkLimits::default();
        ChunkLimits {
            rows: match self.table_type {
                TableType::Blink | TableType::Append => limits.rows,
                TableType::Ring { capacity } => {
                    let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
                    let most = (capacity / 2).clamp(MIN_RING_CHUNK, limits.rows);
                    // A whole number of them, so that a chunk has been forgotten when a new one is begun.
                    capacity.div_ceil(capacity.div_ceil(most)).max(MIN_RING_CHUNK)
                }
            },
            bytes: self.max_bytes.map_or(limits.bytes, |bytes| (bytes / CHUNKS).clamp(1, limits.bytes)),
            span_ms: self.max_age_ms.map_or(limits.span_ms, |age_ms| age_ms / CHUNKS as i64),
        }
    }

    /// What an append table holds at most before it takes in no more; `None`: everything, or another type of table.
    pub fn full_at_bytes(self) -> Option<usize> {
        self.max_bytes.filter(|_| self.table_type == TableType::Append)
    }

    /// The time before which a ring forgets.
    fn oldest_ms(self, now_ms: i64) -> i64 {
        self.max_age_ms.map_or(i64::MIN, |age_ms| now_ms.saturating_sub(age_ms))
    }
}

/// Chunks smaller than this cost more to keep track of than they free.
const MIN_RING_CHUNK: usize = 1024;
/// Of how many chunks a table is made at least that is limited by bytes or by age.
const CHUNKS: usize = 8;

/// A run of rows in memory of its own.
#[derive(Debug)]
pub struct Chunk {
    first_row: i64,
    batch: Arc<Batch>,
    bytes: usize,
    newest_ms: i64,
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
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }
}

/// The rows that a partition shows: those from `first_row` to `end_row`, in chunks. Row numbers only grow (rule Y4).
#[derive(Debug, Clone, Default)]
pub struct Rows {
    first_row: i64,
    end_row: i64,
    chunks: Vec<Arc<Chunk>>,
    bytes: usize,
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

    /// What the rows take, those of chunks that are shown only in part included.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn extend(&mut self, sealed: Sealed) {
        let first_row = if sealed.already_published == 0 {
            self.end_row
        } else {
            let last = self.chunks.pop().expect("a chunk that goes on is the table's last");
            assert!(last.open && last.batch.num_rows() == sealed.already_published);
            self.bytes -= last.bytes;
            last.first_row
        };
        self.end_row = first_row + row_count(&sealed.batch);
        self.bytes += sealed.bytes;
        self.chunks.push(Arc::new(Chunk {
            first_row,
            batch: Arc::new(sealed.batch),
            bytes: sealed.bytes,
            newest_ms: sealed.newest_ms,
            open: sealed.open,
        }));
    }

    /// Forgets rows before `first_row`, chunk by chunk; what is left of a closed chunk is copied once less than half of
    /// it is shown, so that the table never pins much more memory than it shows (rule Y10).
    fn forget_before(&mut self, first_row: i64) {
        self.first_row = self.first_row.max(first_row);
        let first_row = self.first_row;
        let dead = self.chunks.partition_point(|chunk| chunk.end_row() <= first_row);
        self.bytes -= self.chunks.drain(..dead).map(|chunk| chunk.bytes).sum::<usize>();
        let Some(oldest) = self.chunks.first_mut() else { return };
        let (alive, all) = (length(oldest.end_row() - first_row), oldest.batch.num_rows());
        if !oldest.open && alive * 2 < all {
            let bytes = oldest.bytes / all * alive;
            self.bytes -= oldest.bytes - bytes;
            let batch = Arc::new(oldest.batch.copy_tail(alive));
            *oldest = Arc::new(Chunk { first_row, batch, bytes, newest_ms: oldest.newest_ms, open: false });
        }
    }

    /// Forgets the oldest chunks while all of them take more than this; never the newest.
    fn forget_beyond(&mut self, max_bytes: usize) {
        let (mut bytes, mut first_row) = (self.bytes, self.first_row);
        for pair in self.chunks.windows(2) {
            if bytes <= max_bytes {
                break;
            }
            bytes -= pair[0].bytes;
            first_row = pair[1].first_row;
        }
        self.forget_before(first_row);
    }

    /// Forgets the oldest chunks whose records are all older than this.
    fn forget_older(&mut self, oldest_ms: i64) {
        let old = self.chunks.iter().take_while(|chunk| chunk.newest_ms < oldest_ms && !chunk.open);
        if let Some(last) = old.last() {
            self.forget_before(last.end_row());
        }
    }
}

/// Whether a cycle that brings nothing would still change what is shown.
pub fn forgets(retention: Retention, rows: &Rows, now_ms: i64) -> bool {
    match retention.table_type {
        TableType::Blink => rows.first_row < rows.end_row,
        TableType::Append => false,
        TableType::Ring { .. } => {
            rows.chunks.first().is_some_and(|oldest| oldest.newest_ms < retention.oldest_ms(now_ms))
        }
    }
}

/// Whether the chunk in progress holds nothing but rows that would be forgotten if it were closed.
pub fn outlives(retention: Retention, rows: &Rows, now_ms: i64) -> bool {
    rows.chunks.last().is_some_and(|newest| newest.open && newest.newest_ms < retention.oldest_ms(now_ms))
}

/// What a partition shows after a cycle that brought these rows, and in which rows before `discard_before` were given up.
pub fn apply(retention: Retention, rows: &Rows, sealed: Vec<Sealed>, discard_before: Option<i64>, now_ms: i64) -> Rows {
    let mut rows = match retention.table_type {
        TableType::Blink => Rows { first_row: rows.end_row, end_row: rows.end_row, chunks: Vec::new(), bytes: 0 },
        TableType::Append | TableType::Ring { .. } => rows.clone(),
    };
    for sealed in sealed {
        rows.extend(sealed);
    }
    if let TableType::Ring { capacity } = retention.table_type {
        rows.forget_older(retention.oldest_ms(now_ms));
        rows.forget_before(rows.end_row.saturating_sub(capacity));
        if let Some(max_bytes) = retention.max_bytes {
            rows.forget_beyond(max_bytes);
        }
    }
    if let Some(first_row) = discard_before {
        rows.forget_before(first_row);
    }
    rows
}

fn row_count(batch: &Batch) -> i64 {
    i64::try_from(batch.num_rows()).expect("a chunk has at most a few thousand million rows")
}

fn length(rows: i64) -> usize {
    usize::try_from(rows).expect("a difference of row numbers that is not negative")
}

#[cfg(test)]
mod tests {
    //! The store against a naive model that keeps every row in one vector.

    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{Array, RecordBatch};
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

    fn rows_of_chunk(rows: usize) -> ChunkLimits {
        ChunkLimits { rows, bytes: 1 << 20, ..ChunkLimits::default() }
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
        (1..12_usize, prop_oneof![2 => Just(1 << 20), 1 => 60..600_usize]).prop_map(|(rows, bytes)| ChunkLimits {
            rows,
            bytes,
            ..ChunkLimits::default()
        })
    }

    fn table_type() -> impl Strategy<Value = TableType> {
        let ring = (1..40_i64).prop_map(|capacity| TableType::Ring { capacity });
        prop_oneof![Just(TableType::Blink), Just(TableType::Append), ring]
    }

    /// One partition, from records to snapshots, and the model beside it.
    struct Run {
        retention: Retention,
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
        fn new(retention: impl Into<Retention>, limits: ChunkLimits) -> Run {
            let retention = retention.into();
            let spec = |name: &str, type_name: &str| Spec::Simple {
                column: Some(name.to_owned()),
                type_name: Some(type_name.to_owned()),
            };
            let (keys, key) = spec("K", "utf8").resolve(Side::Key, &Default::default()).unwrap();
            let (values, value) = spec("V", "int64").resolve(Side::Value, &Default::default()).unwrap();
            let common = [CommonColumn::Offset, CommonColumn::Headers].map(|column| (column, column.key().to_owned()));
            let schema = Arc::new(TableSchema::new("t", common.to_vec(), keys, values).unwrap());
            let on_seal = retention.on_seal();
            let buffer = RowBuffer::new(Arc::clone(&schema), 0, key, value, limits, on_seal).unwrap();
            let table = Table::new(schema, retention, [(0, 0, PartitionState::Reading)]);
            Run { retention, buffer, table, next_offset: 0, model: Vec::new() }
        }

        fn cycle(&mut self, records: &[Given]) -> Cycle {
            let before = self.model.len();
            let snapshot = self.publish(records, None, 0);
            let end = self.model.len();
            let first = match self.retention.table_type {
                TableType::Blink => before,
                TableType::Append => 0,
                TableType::Ring { capacity } => end.saturating_sub(length(capacity)),
            };
            self.shown(snapshot, first)
        }

        /// A cycle at a time, before which rows may have been discarded.
        fn publish(&mut self, records: &[Given], discard_before: Option<i64>, now_ms: i64) -> Snapshot {
            let before = self.model.len();
            records.iter().for_each(|record| self.record(record, now_ms));
            let cut = discard_before.is_some() || self.table.wants_cut(0, now_ms);
            // A partition that nobody served has nothing to contribute.
            let contribution = (!records.is_empty() || cut).then(|| Contribution {
                sealed: self.buffer.seal(cut),
                next_offset: self.next_offset,
                state: PartitionState::Reading,
            });
            let discards = discard_before.map(|row| (0, row)).into_iter().collect();
            let (state, added) = self.table.publish(vec![(0, contribution)], &discards, now_ms);
            assert_eq!(added, number(self.model.len() - before));
            Snapshot::new(state)
        }

        fn shown(&self, snapshot: Snapshot, first: usize) -> Cycle {
            Cycle { snapshot, first_row: number(first), rows: self.model[first..].to_vec() }
        }

        fn record(&mut self, given: &Given, time_ms: i64) {
            let offset = self.next_offset;
            self.next_offset += 1;
            let row = given.as_ref().map(|row| Row { offset, ..row.clone() });
            let value = row.as_ref().and_then(|row| row.value).map(i64::to_be_bytes);
            let headers = row.iter().flat_map(|row| &row.headers);
            let headers: Vec<Header<'_>> =
                headers.map(|value| Header { key: b"h", value: value.as_deref().map(str::as_bytes) }).collect();
            let record = Record {
                offset,
                timestamp: RecordTime::Create(time_ms),
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
            let mut chunks = self.kept().chunks().iter().map(|chunk| memory(chunk.batch().arrays()));
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
            let limits = rows_of_chunk(rows);
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
            let mut run = Run::new(TableType::Append, ChunkLimits { rows, bytes, ..ChunkLimits::default() });
            for records in &cycles {
                let cycle = run.cycle(records);
                for chunk in cycle.kept().chunks().iter().filter(|chunk| chunk.batch().num_rows() > 1) {
                    let taken: usize = chunk.batch().arrays().columns().iter().map(|column| memory(&column.to_data())).sum();
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

    proptest! {
        #[test]
        fn what_is_discarded_is_gone_and_nothing_else(
            limits in limits(), cycles in vec((vec(given(), 0..12), of(any::<Index>())), 1..16),
        ) {
            let mut run = Run::new(TableType::Append, limits);
            let mut first = 0;
            for (records, discard) in &cycles {
                let discard = discard.map(|index| index.index(run.model.len() + 1));
                let snapshot = run.publish(records, discard.map(number), 0);
                first = first.max(discard.unwrap_or(0));
                let cycle = run.shown(snapshot, first);
                cycle.check();
                cycle.check_chunks();
                if discard.is_some() {
                    let memory: usize = cycle.kept().chunks().iter().map(|chunk| chunk.batch().num_rows()).sum();
                    prop_assert!(memory <= 2 * cycle.rows.len(), "{} rows for {}", memory, cycle.rows.len());
                }
            }
        }

        #[test]
        fn a_ring_keeps_what_its_bytes_and_its_age_allow(
            limits in limits(), max_bytes in of(100..2000_usize), max_age_ms in of(1..40_i64),
            cycles in vec((vec(given(), 0..12), 0..20_i64), 1..24),
        ) {
            let table_type = TableType::Ring { capacity: 60 };
            let mut run = Run::new(Retention { table_type, max_bytes, max_age_ms }, limits);
            let mut times = Vec::new();
            let (mut now_ms, mut before) = (0, 0);
            for (records, passed_ms) in &cycles {
                now_ms += passed_ms;
                let snapshot = run.publish(records, None, now_ms);
                times.resize(run.model.len(), now_ms);
                let kept = snapshot.partitions()[0].rows();
                let first = length(kept.first_row());
                let bytes: usize = kept.chunks().iter().map(|chunk| chunk.bytes).sum();
                prop_assert_eq!(kept.bytes(), bytes);
                prop_assert!(before <= first);
                before = first;
                let oldest_ms = max_age_ms.map_or(i64::MIN, |age_ms| now_ms - age_ms);
                // Whatever is young enough stays, unless there are too many rows or bytes of it.
                let young = times.iter().position(|time| *time >= oldest_ms).unwrap_or(times.len());
                if max_bytes.is_none() {
                    prop_assert!(first <= young.max(times.len().saturating_sub(60)));
                }
                // What is old goes, but for a chunk that something young is in.
                for chunk in kept.chunks() {
                    let rows = length(chunk.first_row().max(kept.first_row()))..length(chunk.end_row());
                    prop_assert!(rows.is_empty() || times[rows].iter().any(|time| *time >= oldest_ms));
                }
                if let Some(max_bytes) = max_bytes {
                    prop_assert!(bytes <= max_bytes || kept.chunks().len() == 1);
                }
                run.shown(snapshot, first).check();
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
        let mut run = Run::new(TableType::Ring { capacity: 3 }, rows_of_chunk(2));
        let cycle = run.cycle(&[1, 2, 3, 4, 5].map(plain));
        let values: Vec<_> = cycle.range(2, 5).into_iter().map(|row| row.value).collect();
        assert_eq!(values, [3, 4, 5].map(Some));
        assert_eq!(cycle.kept().chunks().len(), 2);
    }

    #[test]
    fn a_closed_chunk_of_which_little_is_alive_is_copied_and_let_go() {
        // Y10
        let mut run = Run::new(TableType::Ring { capacity: 4 }, rows_of_chunk(8));
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
        let mut run = Run::new(TableType::Ring { capacity: 3 }, rows_of_chunk(8));
        let full: Vec<Given> = (0..8).map(plain).collect();
        run.cycle(&full);
        let cycle = run.cycle(&[None]);
        cycle.check();
        assert_eq!(cycle.kept().chunks().iter().map(|chunk| row_count(chunk.batch())).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn a_small_ring_is_made_of_small_chunks() {
        let ring = |capacity| Retention::from(TableType::Ring { capacity });
        let most = ChunkLimits::default();
        let rows = [1, 10_000, 1_000_000, i64::MAX].map(|capacity| ring(capacity).chunk_limits().rows);
        assert_eq!(rows, [MIN_RING_CHUNK, 5_000, 62_500, most.rows]);
        let limited = Retention { max_bytes: Some(8000), max_age_ms: Some(800), ..ring(i64::MAX) };
        assert_eq!(limited.chunk_limits(), ChunkLimits { rows: most.rows, bytes: 1000, span_ms: 100 });
        assert_eq!(Retention::from(TableType::Append).chunk_limits(), most);
        let full = Retention { max_bytes: Some(8000), ..TableType::Append.into() };
        assert_eq!(full.chunk_limits().bytes, 1000);
    }
}
