//! karrow against a real Apache Kafka: every claim about Kafka is proved here.
//!
//! One broker is started for the whole run (`support::broker::shared_cluster`), and a cluster of three for the tests
//! that move leaders. `cmake --workflow --preset test` fetches what they need.

#[path = "../support/mod.rs"]
mod support;

mod avro;
mod bad_records;
mod bounded;
mod columns;
mod commit;
mod confluent;
mod conformance;
mod discovery;
mod example;
mod java;
mod leaders;
mod million;
mod orders;
mod processor;
mod programs;
mod progress;
mod protobuf;
mod restart;
mod resume;
mod security;
mod soak;
mod stalled;
mod start;
mod trouble;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use karrow::error::Status;
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Cycle, Timeout};
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use support::broker::{Cluster, Record};

/// Nothing here takes nearly as long: whatever does, hangs.
const HANG: Duration = Duration::from_secs(120);

const FIRST_TIME_MS: i64 = 1_600_000_000_000;

fn simple(column: &str, type_name: &str) -> Spec {
    Spec::Simple { column: Some(column.to_owned()), type_name: Some(type_name.to_owned()) }
}

/// Options that read a topic made by [`produce`] from its beginning.
fn options(cluster: &Cluster, topic: &str) -> Options {
    let mut options = Options::new(topic).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    options.set_spec(Side::Key, simple("Key", "utf8"));
    options.set_spec(Side::Value, simple("Value", "int64"));
    options.set_start(None, Start::Beginning).unwrap();
    options
}

/// The same, for a table that keeps every row.
fn appending(cluster: &Cluster, topic: &str) -> Options {
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    options
}

fn open(options: &Options) -> Consumer {
    let consumer = Consumer::new(options).unwrap();
    consumer.open(Timeout::Millis(60_000)).unwrap();
    consumer
}

/// Polls until `done` says so; panics if that takes so long that something must hang.
fn poll_until(consumer: &Consumer, mut done: impl FnMut(&Cycle) -> bool) {
    let end = Instant::now() + HANG;
    while Instant::now() < end {
        if done(&consumer.poll(Timeout::Millis(500)).unwrap()) {
            return;
        }
    }
    panic!("this takes too long: {:?}", consumer.snapshot().map(|snapshot| progress(&snapshot)));
}

/// Polls a bounded read to its end, and returns what it shows then.
fn read_to_end(consumer: &Consumer) -> Snapshot {
    let end = Instant::now() + HANG;
    while Instant::now() < end {
        match consumer.poll(Timeout::Millis(500)) {
            Ok(cycle) => assert_eq!(cycle.failed, 0),
            Err(error) => {
                assert_eq!(error.status(), Status::End, "{error}");
                return consumer.snapshot().unwrap();
            }
        }
    }
    panic!("this takes too long: {:?}", consumer.snapshot().map(|snapshot| progress(&snapshot)));
}

/// Checks that a partition shows exactly the records from `from` to `to`, but for offsets that have no row.
fn check_partition(snapshot: &Snapshot, partition: i32, from: i64, to: i64, skipped: impl Fn(i64) -> bool) {
    let first_row = snapshot.partition(partition).unwrap().rows().first_row();
    let mut next = from;
    for batch in snapshot.stream(partition, first_row, None).unwrap() {
        check_rows_skipping(&batch, partition, &mut next, &skipped);
    }
    while next < to && skipped(next) {
        next += 1;
    }
    assert_eq!(next, to, "partition {partition}");
}

fn progress(snapshot: &Snapshot) -> Vec<(i32, i64, i64, String)> {
    let partitions = snapshot.partitions().iter();
    partitions.map(|p| (p.id(), p.rows().end_row(), p.next_offset(), format!("{:?}", p.state()))).collect()
}

/// What [`produce`] writes at an offset of a partition: key, value, time. The value looks like noise.
fn expected(partition: i32, offset: i64) -> (String, i64, i64) {
    let noise = (i64::from(partition) << 40 ^ offset).wrapping_mul(0x5851_F42D_4C95_7F2D);
    (format!("key-{partition}-{offset}"), noise, FIRST_TIME_MS + offset * 7)
}

/// The records that belong to offsets `from..to`.
fn records(partition: i32, from: i64, to: i64) -> impl Iterator<Item = Record<'static>> {
    (from..to).map(move |offset| {
        let (key, value, time) = expected(partition, offset);
        Record {
            key: Some(Cow::Owned(key.into_bytes())),
            value: Some(Cow::Owned(value.to_be_bytes().to_vec())),
            timestamp_ms: Some(time),
            headers: Vec::new(),
        }
    })
}

/// Writes records `from..to`, each told by its partition and offset.
fn produce(cluster: &Cluster, topic: &str, partition: i32, from: i64, to: i64) {
    produce_with(cluster, topic, partition, from, to, |_, value| value.to_vec());
}

/// The same, with values changed by offset.
fn produce_with(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    from: i64,
    to: i64,
    change: impl Fn(i64, &[u8]) -> Vec<u8>,
) {
    let records = records(partition, from, to).zip(from..to).map(|(record, offset)| {
        let value = record.value.map(|value| change(offset, &value).into());
        Record { value, ..record }
    });
    let offsets = cluster.produce(topic, partition, records);
    assert_eq!((offsets.first(), offsets.last()), (Some(&from), Some(&(to - 1))), "offsets are not as assumed");
}

/// Checks that a batch holds exactly the records of a partition from `offset` on, without a gap, and returns the offset
/// behind it.
fn check_rows(batch: &RecordBatch, partition: i32, offset: i64) -> i64 {
    let mut next = offset;
    check_rows_skipping(batch, partition, &mut next, |_| false);
    next
}

/// The same, where some offsets have no row.
fn check_rows_skipping(batch: &RecordBatch, partition: i32, next: &mut i64, skipped: impl Fn(i64) -> bool) {
    let partitions = batch.column(0).as_primitive::<Int32Type>();
    let offsets = batch.column(1).as_primitive::<Int64Type>();
    let times = batch.column(2).as_primitive::<TimestampNanosecondType>();
    let (keys, values) = (batch.column(3).as_string::<i32>(), batch.column(4).as_primitive::<Int64Type>());
    assert_eq!(keys.null_count() + values.null_count() + times.null_count(), 0);
    for row in 0..batch.num_rows() {
        while skipped(*next) {
            *next += 1;
        }
        let found = (partitions.value(row), offsets.value(row), keys.value(row), values.value(row), times.value(row));
        let (key, value, time) = expected(partition, *next);
        assert_eq!(found, (partition, *next, key.as_str(), value, time * 1_000_000));
        *next += 1;
    }
}
