//! Functions that make columns of records from Kafka (rule V4): they refuse some, fail now and then, and are resumed, and
//! every row is right all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use karrow::error::Status;
use karrow::format::callback::{Call, CallbackSpec};
use karrow::format::{Side, Spec};
use karrow::ingest::Timeout;
use karrow::options::{Start, Stop};

use crate::support::broker::shared_cluster;
use crate::{appending, check_partition, open, poll_until, produce_with};

const EACH: i64 = 20_000;
const PARTITIONS: i32 = 2;
/// A batch of partition 0 that holds this record fails, so many times.
const BREAKS: i64 = 7_777;
const BREAKDOWNS: usize = 3;

fn is_bad(offset: i64) -> bool {
    offset % 400 == 200
}

/// Reads eight bytes as a number, refuses anything else, and breaks down a few times.
fn numbers() -> Spec {
    let breakdowns = AtomicUsize::new(0);
    let schema = Schema::new(vec![Field::new("Value", DataType::Int64, true)]);
    let columns = Arc::new(schema.clone());
    let process = move |call: &mut Call| {
        let input = call.take_input().map_err(|error| error.to_string())?;
        let payloads = input.column(0).as_binary::<i32>();
        let offsets = input.column(1).as_primitive::<Int64Type>().values();
        assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]));
        let breaks = call.partition() == 0 && offsets.contains(&BREAKS);
        if breaks && breakdowns.fetch_add(1, Ordering::SeqCst) < BREAKDOWNS {
            return Err("out of order".to_owned());
        }
        let mut numbers = Int64Array::builder(payloads.len());
        for row in 0..payloads.len() {
            let number = <[u8; 8]>::try_from(payloads.value(row)).ok().map(i64::from_be_bytes);
            numbers.append_option(number);
            if number.is_none() {
                let reason = format!("expected 8 bytes, found {}", payloads.value_length(row));
                call.refuse(i64::try_from(row).unwrap(), &reason).map_err(|error| error.to_string())?;
            }
        }
        let numbers: ArrayRef = Arc::new(numbers.finish());
        let output = RecordBatch::try_new(Arc::clone(&columns), vec![numbers]).unwrap();
        call.set_output(&output).map_err(|error| error.to_string())
    };
    let mut spec = Spec::Callback(CallbackSpec::new(&schema, Arc::new(process)).unwrap());
    spec.set("offset", "true").unwrap();
    spec
}

#[test]
fn every_row_is_right_though_a_function_refuses_some_and_fails_now_and_then() {
    let (cluster, topic) = (shared_cluster(), "processor");
    cluster.create_topic(topic, PARTITIONS, 1, &[]);
    for partition in 0..PARTITIONS {
        produce_with(cluster, topic, partition, 0, EACH, |offset, value| {
            if is_bad(offset) { b"short".to_vec() } else { value.to_vec() }
        });
    }
    for policy in ["skip", "dead_letter", "fail"] {
        let mut options = appending(cluster, topic);
        options.set_spec(Side::Value, numbers());
        options.set("karrow.value.bad.record.policy", Some(policy)).unwrap();
        options.set("group.id", Some(&format!("processor-{policy}"))).unwrap();
        if policy == "fail" {
            // A partition may have been read to its end before a function sees what there is.
            options.set_stop(None, Stop::End).unwrap();
        }
        let consumer = open(&options);
        let (mut breakdowns, mut refusals, mut letters) = (0, 0, 0);
        poll_until(&consumer, |cycle| {
            for partition in cycle.snapshot.partitions() {
                let Some(failure) = partition.failure() else { continue };
                let (id, next) = (partition.id(), partition.next_offset());
                assert_eq!(failure.position(), Some((id, next)));
                if failure.status() == Status::Processor {
                    assert!(id == 0 && next <= BREAKS);
                    let expected = format!("the processor failed: out of order, at {topic}[0]@{next} (value)");
                    assert_eq!(failure.message(), expected);
                    check_partition(&cycle.snapshot, 0, 0, next, is_bad);
                    breakdowns += 1;
                    if breakdowns == 1 {
                        // What is committed is what is shown.
                        consumer.commit(&cycle.snapshot, Timeout::Millis(60_000)).unwrap();
                        let mut others = options.clone();
                        others.set_start(None, Start::DontSeek).unwrap();
                        let other = open(&others);
                        assert_eq!(other.snapshot().unwrap().partition(0).unwrap().next_offset(), next);
                    }
                    consumer.resume(id, next).unwrap();
                } else {
                    assert_eq!((failure.status(), policy), (Status::BadRecord, "fail"));
                    assert!(is_bad(next));
                    let expected = format!("expected 8 bytes, found 5, at {topic}[{id}]@{next} (value)");
                    assert_eq!(failure.message(), expected);
                    refusals += 1;
                    consumer.resume(id, next + 1).unwrap();
                }
            }
            letters += consumer.dead_letters().unwrap().map(|batch| batch.num_rows()).sum::<usize>();
            cycle.snapshot.partitions().iter().all(|partition| partition.next_offset() == EACH)
        });
        let bad = (0..EACH).filter(|offset| is_bad(*offset)).count() * usize::try_from(PARTITIONS).unwrap();
        assert_eq!(breakdowns, BREAKDOWNS);
        assert_eq!(
            (refusals, letters),
            match policy {
                "fail" => (bad, 0),
                "dead_letter" => (0, bad),
                _ => (0, 0),
            }
        );
        let snapshot = consumer.snapshot().unwrap();
        for partition in 0..PARTITIONS {
            check_partition(&snapshot, partition, 0, EACH, is_bad);
        }
        let progress = consumer.progress().unwrap();
        let number = |name: &str| progress.column_by_name(name).unwrap().as_primitive::<Int64Type>().clone();
        let values = progress.column_by_name("bad_records").unwrap().as_struct().column_by_name("value").unwrap();
        let values = values.as_primitive::<Int64Type>();
        for (partition, (rows, position)) in number("rows").iter().zip(number("position").iter()).enumerate() {
            assert_eq!((rows.unwrap() + values.value(partition), position), (EACH, Some(EACH)));
        }
    }
}
