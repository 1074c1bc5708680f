//! Dead letters: the records that became no row because their policy is `dead_letter`, as a table of their own (rule
//! R2).
//!
//! All partitions of a consumer write into one table, behind one lock, because dead letters are rare and whoever looks
//! at them wants all of them. What has come is taken as a whole, each letter once. Nothing is ever dropped: until it is
//! taken it counts against the memory budget, whose [`super::budget`] holds partitions back when letters fill it.
//!
//! What a partition's own letters take is noted with the partition, together with the number of takings it was noted
//! after: a taking makes all these notes outdated at once, without a look at the partitions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parking_lot::Mutex;

use super::budget::Budget;
use crate::batch::Batch;
use crate::column::{ColumnBuffer, SizeHint};
use crate::rows::{BadRecord, ChunkLimits, Header, Record, RecordTime, push_bytes, push_headers};
use crate::schema::binary_headers;
use crate::table::snapshot::Batches;
use crate::types;

/// The dead letters of a consumer that nobody has taken.
pub struct DeadLetters {
    topic: Arc<str>,
    schema: SchemaRef,
    limits: ChunkLimits,
    /// How often they have been taken. Changes only under the lock.
    takings: AtomicU64,
    letters: Mutex<Letters>,
}

#[derive(Default)]
struct Letters {
    closed: Vec<Batch>,
    /// What those take.
    closed_bytes: usize,
    /// The columns of the batch in progress; none before its first letter.
    columns: Vec<ColumnBuffer>,
    /// Whole letters in it; columns may be longer where a panic left one unfinished.
    rows: usize,
}

/// What the untaken letters of one partition take.
#[derive(Debug, Default)]
pub struct Share {
    /// How often letters had been taken when the last of these came.
    takings: u64,
    bytes: usize,
}

/// A record that is to become a dead letter.
pub struct Letter<'a> {
    /// Its partition.
    pub partition: i32,
    /// The record; its headers are not looked at.
    pub record: &'a Record<'a>,
    /// Its headers.
    pub headers: &'a [Header<'a>],
    /// What is wrong with it.
    pub bad: &'a BadRecord,
}

/// The columns of dead letters.
pub fn schema() -> Schema {
    Schema::new(vec![
        Field::new("topic", DataType::Utf8, false),
        Field::new("partition", DataType::Int32, false),
        Field::new("offset", DataType::Int64, false),
        Field::new("timestamp", types::timestamp(TimeUnit::Millisecond, Some("UTC")), true),
        Field::new("key", DataType::Binary, true),
        Field::new("value", DataType::Binary, true),
        // Their keys are no text either: that one is none may be what is wrong.
        Field::new("headers", binary_headers(), false),
        Field::new("side", DataType::Utf8, false),
        Field::new("column", DataType::Utf8, true),
        Field::new("path", DataType::Utf8, true),
        Field::new("reason", DataType::Utf8, false),
    ])
}

impl DeadLetters {
    /// None yet, of records of this topic.
    pub fn new(topic: Arc<str>) -> DeadLetters {
        DeadLetters::with_limits(topic, ChunkLimits::default())
    }

    fn with_limits(topic: Arc<str>, limits: ChunkLimits) -> DeadLetters {
        let (takings, letters) = (AtomicU64::new(0), Mutex::default());
        DeadLetters { topic, schema: Arc::new(schema()), limits, takings, letters }
    }

    /// Adds a letter, and tells budget and partition what it takes.
    pub fn add(&self, letter: &Letter<'_>, budget: &Budget, share: &mut Share) {
        let mut letters = self.letters.lock();
        letters.roll_back();
        if letters.is_full_for(letter, self.limits) {
            letters.close(&self.schema);
        }
        if letters.columns.is_empty() {
            letters.columns = columns(&self.schema);
        }
        // What columns take without a row goes with the first.
        let before = if letters.rows == 0 { 0 } else { letters.open_bytes() };
        write(&mut letters.columns, &self.topic, letter);
        letters.rows += 1;
        let bytes = letters.open_bytes() - before;
        let takings = self.takings.load(Ordering::SeqCst);
        *share = Share { takings, bytes: self.held(share) + bytes };
        budget.set_letters(letters.closed_bytes + letters.open_bytes());
    }

    /// What the untaken letters of a partition take.
    pub fn held(&self, share: &Share) -> usize {
        if share.takings == self.takings.load(Ordering::SeqCst) { share.bytes } else { 0 }
    }

    /// Takes all there are, in order for each partition, and gives their room back to the budget; `None` if there are
    /// none.
    pub fn take(&self, budget: &Budget) -> Option<Batches> {
        let mut letters = self.letters.lock();
        letters.roll_back();
        letters.close(&self.schema);
        let Letters { closed, .. } = std::mem::take(&mut *letters);
        if closed.is_empty() {
            return None;
        }
        self.takings.fetch_add(1, Ordering::SeqCst);
        budget.set_letters(0);
        Some(Batches::new(Arc::clone(&self.schema), closed))
    }

    /// A stream of the same schema without letters.
    pub fn nothing(&self) -> Batches {
        Batches::new(Arc::clone(&self.schema), Vec::new())
    }
}

impl Letters {
    /// Takes back a letter that a panic left unfinished.
    fn roll_back(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    /// What the batch in progress takes.
    fn open_bytes(&self) -> usize {
        self.columns.iter().map(ColumnBuffer::unpublished_bytes).sum()
    }

    /// Whether the letter belongs into a new batch, so that the ends of texts in one batch stay within 32 bits: a
    /// letter that is too large for any comes alone.
    fn is_full_for(&self, letter: &Letter<'_>, limits: ChunkLimits) -> bool {
        let payload = Record { headers: letter.headers, ..*letter.record };
        self.rows > 0 && (self.rows >= limits.rows || self.open_bytes() + payload.variable_bytes() > limits.bytes)
    }

    /// Ends the batch in progress, if it has letters.
    fn close(&mut self, schema: &SchemaRef) {
        if self.rows == 0 {
            return;
        }
        self.closed_bytes += self.open_bytes();
        let columns = self.columns.iter_mut().map(ColumnBuffer::publish).collect();
        self.closed.push(Batch::new(Arc::clone(schema), self.rows, columns));
        self.columns.clear();
        self.rows = 0;
    }
}

fn columns(schema: &Schema) -> Vec<ColumnBuffer> {
    let make = |data_type: &DataType| ColumnBuffer::new(data_type, &SizeHint::default());
    let fields = schema.fields().iter();
    fields.map(|field| make(field.data_type()).expect("buffers can be made of all types in `schema`")).collect()
}

fn write(columns: &mut [ColumnBuffer], topic: &str, letter: &Letter<'_>) {
    let [topics, partitions, offsets, timestamps, keys, values, headers, sides, names, paths, reasons] = columns else {
        unreachable!("the columns are made from the schema, which has eleven");
    };
    let Letter { partition, record, bad, .. } = letter;
    topics.push_str(topic);
    partitions.push_i32(*partition);
    offsets.push_i64(record.offset);
    match record.timestamp {
        RecordTime::None => timestamps.push_null(),
        RecordTime::Create(ms) | RecordTime::LogAppend(ms) => timestamps.push_i64(ms),
    }
    push_bytes(keys, record.key);
    push_bytes(values, record.value);
    push_headers(headers, letter.headers);
    sides.push_str(bad.side);
    push_text(names, bad.column.as_deref());
    push_text(paths, bad.path.as_deref());
    reasons.push_str(&bad.reason);
}

fn push_text(column: &mut ColumnBuffer, value: Option<&str>) {
    match value {
        Some(value) => column.push_str(value),
        None => column.push_null(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use arrow_array::RecordBatch;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};

    use crate::rows::BadRecordPolicy;

    fn letters(limits: ChunkLimits) -> (DeadLetters, Budget) {
        (DeadLetters::with_limits("orders".into(), limits), Budget::new(1 << 20, None, 1))
    }

    fn record<'a>(offset: i64, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Record<'a> {
        Record {
            offset,
            timestamp: RecordTime::None,
            receive_time_ns: 5,
            leader_epoch: Some(1),
            key,
            value,
            headers: &[],
        }
    }

    fn bad(side: &'static str) -> BadRecord {
        let policy = BadRecordPolicy::DeadLetter;
        BadRecord { policy, side, column: None, path: None, reason: "expected more".to_owned() }
    }

    fn taken(letters: &DeadLetters, budget: &Budget) -> Vec<RecordBatch> {
        let batches: Vec<_> = letters.take(budget).into_iter().flatten().collect();
        for batch in &batches {
            assert_eq!(batch.schema_ref(), &letters.schema);
            batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        }
        batches
    }

    fn offsets(batch: &RecordBatch) -> Vec<i64> {
        batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn a_letter_says_everything_about_its_record() {
        let (letters, budget) = letters(ChunkLimits::default());
        let headers = [
            Header { key: b"a", value: Some(b"1") },
            Header { key: b"a", value: None },
            Header { key: b"\xff", value: Some(b"") },
        ];
        let price =
            BadRecord { column: Some("Legs".to_owned()), path: Some("Legs[3].Price".to_owned()), ..bad("value") };
        let mut share = Share::default();
        let first = Record { timestamp: RecordTime::Create(-7), ..record(42, None, Some(b"")) };
        letters.add(&Letter { partition: 3, record: &first, headers: &headers, bad: &price }, &budget, &mut share);
        let second = Record { timestamp: RecordTime::LogAppend(i64::MAX), ..record(43, Some(b"\x00\xff"), None) };
        letters.add(&Letter { partition: 0, record: &second, headers: &[], bad: &bad("key") }, &budget, &mut share);
        let third = record(44, Some(b""), Some(b"v"));
        letters.add(&Letter { partition: 0, record: &third, headers: &[], bad: &bad("headers") }, &budget, &mut share);
        let batches = taken(&letters, &budget);
        let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
        let texts = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            column.iter().map(|text| text.map(str::to_owned)).collect::<Vec<_>>()
        };
        let some = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned())).to_vec();
        assert_eq!(texts("topic"), some(["orders"; 3]));
        assert_eq!(batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().values(), &[3, 0, 0]);
        assert_eq!(offsets(batch), [42, 43, 44]);
        let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>();
        assert_eq!(times.iter().collect::<Vec<_>>(), [Some(-7), Some(i64::MAX), None]);
        let bytes = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_binary::<i32>();
            column.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect::<Vec<_>>()
        };
        assert_eq!(bytes("key"), [None, Some(vec![0, 255]), Some(vec![])]);
        assert_eq!(bytes("value"), [Some(vec![]), None, Some(b"v".to_vec())]);
        let lists = batch.column_by_name("headers").unwrap().as_list::<i32>();
        assert_eq!((lists.null_count(), lists.value_length(0), lists.value_length(1)), (0, 3, 0));
        let pairs = lists.value(0);
        let (keys, values) = (pairs.as_struct().column(0), pairs.as_struct().column(1));
        assert_eq!(keys.as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&b"a"[..]), Some(b"a"), Some(b"\xff")]);
        assert_eq!(values.as_binary::<i32>().iter().collect::<Vec<_>>(), [Some(&b"1"[..]), None, Some(b"")]);
        assert_eq!(texts("side"), some(["value", "key", "headers"]));
        assert_eq!(texts("column"), [Some("Legs".to_owned()), None, None]);
        assert_eq!(texts("path"), [Some("Legs[3].Price".to_owned()), None, None]);
        assert_eq!(texts("reason"), some(["expected more"; 3]));
        assert!(letters.take(&budget).is_none(), "each comes once");
        assert_eq!(letters.nothing().schema(), batch.schema_ref());
        assert_eq!(letters.nothing().count(), 0);
    }

    #[test]
    fn batches_end_when_full_of_rows_or_bytes_and_what_is_too_large_for_any_comes_alone() {
        let limits = ChunkLimits { rows: 3, bytes: 4000, ..ChunkLimits::default() };
        let (letters, budget) = letters(limits);
        let mut share = Share::default();
        // Three fill a batch by their number, two by their size.
        let sizes = [10, 10, 10, 200, 1900, 1900, 1900, 9000, 9000, 10];
        for (offset, size) in (0..).zip(sizes) {
            let value = vec![b'x'; size];
            let record = record(offset, None, Some(&value));
            letters.add(
                &Letter { partition: 0, record: &record, headers: &[], bad: &bad("value") },
                &budget,
                &mut share,
            );
        }
        let batches: Vec<_> = taken(&letters, &budget).iter().map(offsets).collect();
        assert_eq!(batches, [vec![0, 1, 2], vec![3, 4], vec![5, 6], vec![7], vec![8], vec![9]]);
    }

    #[test]
    fn what_letters_take_is_counted_until_they_are_taken() {
        let (letters, budget) = letters(ChunkLimits { rows: 2, ..ChunkLimits::default() });
        let mut shares = [Share::default(), Share::default()];
        let value = vec![b'x'; 100_000];
        let mut add = |partition: usize, offset| {
            let record = record(offset, None, Some(&value));
            let letter = Letter {
                partition: i32::try_from(partition).unwrap(),
                record: &record,
                headers: &[],
                bad: &bad("value"),
            };
            letters.add(&letter, &budget, &mut shares[partition]);
            shares.each_ref().map(|share| letters.held(share))
        };
        let [first, none] = add(0, 0);
        assert!((100_000..100_200).contains(&first) && none == 0, "{first}");
        add(0, 1);
        add(1, 0);
        let [twice, once] = add(0, 2);
        assert!((300_000..300_600).contains(&twice) && (100_000..100_200).contains(&once), "{twice} {once}");
        assert!(budget.why_full(0).is_none());
        let both = add(1, 1);
        // All of it counts, wherever the batches end.
        assert!(both.iter().sum::<usize>() < 1 << 19 && budget.why_full(0).is_none());
        add(1, 2);
        assert!(budget.why_full(0).is_some(), "they fill half of 1 MiB");
        assert_eq!(taken(&letters, &budget).iter().map(RecordBatch::num_rows).sum::<usize>(), 6);
        assert!(budget.why_full(0).is_none() && budget.has_room(0, 0));
        let [first, none] = {
            let record = record(9, None, Some(&value));
            let letter = Letter { partition: 0, record: &record, headers: &[], bad: &bad("value") };
            letters.add(&letter, &budget, &mut shares[0]);
            shares.each_ref().map(|share| letters.held(share))
        };
        assert!((100_000..100_200).contains(&first) && none == 0, "what was taken counts no more");
    }

    #[test]
    fn a_letter_that_a_panic_left_unfinished_leaves_no_trace() {
        let (letters, budget) = letters(ChunkLimits::default());
        let mut share = Share::default();
        let good = record(0, Some(b"k"), Some(b"v"));
        let wrong = bad("value");
        let letter = Letter { partition: 0, record: &good, headers: &[Header { key: b"h", value: None }], bad: &wrong };
        letters.add(&letter, &budget, &mut share);
        // As if one had got as far as the headers.
        {
            let mut inner = letters.letters.lock();
            let columns = &mut inner.columns;
            columns[0].push_str("orders");
            columns[1].push_i32(1);
            columns[6].list_items().struct_members()[0].push_bytes(b"half");
        }
        letters.add(&letter, &budget, &mut share);
        let batches = taken(&letters, &budget);
        assert_eq!((batches.len(), batches[0].num_rows()), (1, 2));
        let headers = batches[0].column_by_name("headers").unwrap().as_list::<i32>();
        assert_eq!((headers.values().len(), headers.value_length(1)), (2, 1));
    }
}
