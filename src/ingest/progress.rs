//! How far reading has come: what a partition tells about itself while it runs, and the table made of it.
//!
//! Progress is live, unlike a snapshot: it may be ahead of the last cycle. It is taken from what the last serve of each
//! partition left behind, so that asking never waits for one that is being served.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StructArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};

use crate::error::Result;
use crate::rows::{Record, RecordTime};
use crate::table::PartitionState;
use crate::table::partition::Partition;
use crate::types;

/// The sides of a record that can be bad, in the order of the column's members.
const SIDES: [&str; 4] = ["key", "value", "timestamp", "headers"];

/// How many records were bad, whatever became of them: each once, by the side that decided (rule R3), which is the
/// first bad one where several have the same policy. So rows and those that became none account for every record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BadRecords([i64; SIDES.len()]);

impl BadRecords {
    /// One more record whose bad side has this name.
    pub fn count(&mut self, side: &str) {
        for (name, count) in SIDES.iter().zip(&mut self.0) {
            *count += i64::from(*name == side);
        }
    }
}

/// What is counted of a partition while it is served.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Behind everything in the log, when reading came to its end; `None`: it has not, or has gone elsewhere since.
    pub end: Option<i64>,
    /// How many records were bad.
    pub bad_records: BadRecords,
    /// How many rows have been decoded.
    rows: i64,
    /// The size of their keys and values.
    bytes: i64,
    /// The last record's timestamp, in ms since 1970-01-01 UTC.
    last_time_ms: Option<i64>,
}

impl Counts {
    /// A record has become a row.
    #[inline]
    pub fn took(&mut self, record: &Record<'_>) {
        self.passed(record);
        self.add(1, record.payload_bytes());
    }

    /// So many more rows, made of payloads of this size.
    #[inline]
    pub fn add(&mut self, rows: i64, bytes: i64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows += rows;
    }

    /// A record is done with, whether it has become a row or not.
    #[inline]
    pub fn passed(&mut self, record: &Record<'_>) {
        self.last_time_ms = match record.timestamp {
            RecordTime::None => None,
            RecordTime::Create(ms) | RecordTime::LogAppend(ms) => Some(ms),
        };
    }
}

/// What the last serve of a partition left behind.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it is doing.
    pub state: PartitionState,
    /// The offset that is read next.
    pub position: i64,
    /// What decoded rows take that no cycle has published.
    pub held_bytes: usize,
    /// What has been counted.
    pub counts: Counts,
}

/// What progress says about one partition.
pub struct Told<'a> {
    /// Its number.
    pub partition: i32,
    /// Where it stops.
    pub stop: Option<i64>,
    /// What its last serve left.
    pub seen: Seen,
    /// What the last cycle shows of it; nothing, if it joined since.
    pub shown: Option<&'a Partition>,
    /// Behind the newest record of its log, as far as the source has heard.
    pub high: Option<i64>,
}

impl Told<'_> {
    /// Whether everything in the log has been read, and the log's end.
    fn end_of_log(&self) -> (bool, Option<i64>) {
        let position = self.seen.position;
        match self.seen.counts.end {
            // Nothing has come since the end was reached. What lies between is an open transaction, or will never come.
            Some(end) if self.high.is_none_or(|high| high <= end) => (true, Some(position)),
            _ => (false, self.high.map(|high| high.max(position))),
        }
    }
}

/// The columns of the progress table.
pub fn schema() -> Schema {
    let number = |name, nullable| Field::new(name, DataType::Int64, nullable);
    Schema::new(vec![
        Field::new("partition", DataType::Int32, false),
        Field::new("state", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, true),
        number("position", false),
        number("end_offset", true),
        number("stop_offset", true),
        number("lag", true),
        number("rows", false),
        number("bytes", false),
        Field::new("bad_records", DataType::Struct(bad_record_fields()), false),
        number("batches", false),
        number("memory_bytes", false),
        Field::new("last_record_time", types::timestamp(TimeUnit::Millisecond, Some("UTC")), true),
    ])
}

fn bad_record_fields() -> Fields {
    SIDES.iter().map(|side| Field::new(*side, DataType::Int64, false)).collect()
}

/// The progress of these partitions.
pub fn table(partitions: &[Told<'_>]) -> Result<RecordBatch> {
    let mut states = StringBuilder::new();
    let mut reasons = StringBuilder::new();
    let (mut ends, mut lags) = (Int64Builder::new(), Int64Builder::new());
    for told in partitions {
        let (at_end, end) = told.end_of_log();
        let (state, reason) = match &told.seen.state {
            PartitionState::Reading if at_end => ("at_end", None),
            PartitionState::Reading => ("reading", None),
            PartitionState::Waiting(why) => ("waiting", Some(why.message())),
            PartitionState::Failed(why) => ("failed", Some(why.message())),
            PartitionState::Finished => ("finished", None),
        };
        states.append_value(state);
        reasons.append_option(reason);
        ends.append_option(end);
        let target = end.map(|end| told.stop.map_or(end, |stop| end.min(stop)));
        lags.append_option(match told.seen.state {
            PartitionState::Finished => Some(0),
            _ => target.map(|target| (target - told.seen.position).max(0)),
        });
    }
    let numbers = |of: &dyn Fn(&Told<'_>) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(partitions.iter().map(of)))
    };
    let memory = |told: &Told<'_>| told.shown.map_or(0, |shown| shown.rows().bytes()) + told.seen.held_bytes;
    let bad = |side: usize| numbers(&|told| told.seen.counts.bad_records.0[side]);
    let times = partitions.iter().map(|told| told.seen.counts.last_time_ms);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(partitions.iter().map(|told| told.partition))),
        Arc::new(states.finish()),
        Arc::new(reasons.finish()),
        numbers(&|told| told.seen.position),
        Arc::new(ends.finish()),
        Arc::new(Int64Array::from_iter(partitions.iter().map(|told| told.stop))),
        Arc::new(lags.finish()),
        numbers(&|told| told.seen.counts.rows),
        numbers(&|told| told.seen.counts.bytes),
        Arc::new(StructArray::try_new(bad_record_fields(), (0..SIDES.len()).map(bad).collect(), None)?),
        numbers(&|told| told.shown.map_or(0, |shown| size(shown.rows().chunks().len()))),
        numbers(&|told| size(memory(told))),
        Arc::new(TimestampMillisecondArray::from_iter(times).with_timezone("UTC")),
    ];
    Ok(RecordBatch::try_new(Arc::new(schema()), columns)?)
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
