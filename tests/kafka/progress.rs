//! What progress says about partitions of a real log.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use karrow::options::Stop;

use crate::support::broker::shared_cluster;
use crate::{appending, open, poll_until, produce, produce_with, records};

/// A number of a partition's row; `None`: null.
fn number(progress: &RecordBatch, column: &str, partition: usize) -> Option<i64> {
    let numbers = progress.column_by_name(column).unwrap().as_primitive::<Int64Type>();
    numbers.is_valid(partition).then(|| numbers.value(partition))
}

fn state(progress: &RecordBatch, partition: usize) -> String {
    progress.column_by_name("state").unwrap().as_string::<i32>().value(partition).to_owned()
}

#[test]
fn lag_is_what_has_not_been_read_and_reaches_zero_behind_control_records() {
    let (cluster, topic) = (shared_cluster(), "progress");
    cluster.create_topic(topic, 6, 1, &[]);
    let transactions = cluster.transactions("karrow-progress");
    // 0: a marker at the end. 1: aborted records. 2: an open transaction. 3: a bad record. 4: stops. 5: empty.
    transactions.write(topic, 0, records(0, 0, 10));
    transactions.commit();
    transactions.write(topic, 1, records(1, 0, 10));
    transactions.abort();
    produce(cluster, topic, 2, 0, 4);
    transactions.write(topic, 2, records(2, 4, 10));
    produce_with(cluster, topic, 3, 0, 10, |offset, value| if offset == 6 { b"bad".to_vec() } else { value.to_vec() });
    produce(cluster, topic, 4, 0, 10);
    let mut options = appending(cluster, topic);
    options.set_stop(Some(4), Stop::Offset(8)).unwrap();
    let consumer = open(&options);
    let states = ["at_end", "at_end", "at_end", "failed", "finished", "at_end"];
    poll_until(&consumer, |_| {
        let progress = consumer.progress().unwrap();
        (0..6).all(|partition| state(&progress, partition) == states[partition])
    });
    let progress = consumer.progress().unwrap();
    let numbers = |column: &str| (0..6).map(|partition| number(&progress, column, partition)).collect::<Vec<_>>();
    let partitions = progress.column_by_name("partition").unwrap().as_primitive::<Int32Type>();
    assert_eq!(partitions.values(), &[0, 1, 2, 3, 4, 5]);
    assert_eq!(numbers("position"), [11, 11, 4, 6, 8, 0].map(Some));
    assert_eq!(numbers("lag"), [0, 0, 0, 4, 0, 0].map(Some));
    assert_eq!(numbers("stop_offset"), [None, None, None, None, Some(8), None]);
    assert_eq!(numbers("rows"), [10, 0, 4, 6, 8, 0].map(Some));
    let ends = numbers("end_offset");
    assert_eq!(ends[..4], [Some(11), Some(11), Some(4), Some(10)]);
    let bytes = numbers("bytes");
    // A key such as key-0-5, and eight bytes.
    assert_eq!(bytes, [150, 0, 60, 90, 120, 0].map(Some));
    let bad = progress.column_by_name("bad_records").unwrap().as_struct();
    let values = bad.column_by_name("value").unwrap().as_primitive::<Int64Type>();
    assert_eq!(values.values(), &[0, 0, 0, 1, 0, 0]);
    let keys = bad.column_by_name("key").unwrap().as_primitive::<Int64Type>();
    assert_eq!(keys.values(), &[0; 6]);
    let reasons = progress.column_by_name("reason").unwrap().as_string::<i32>();
    assert!(reasons.value(3).starts_with("column Value: expected 8 bytes for int64"), "{}", reasons.value(3));
    assert_eq!(reasons.null_count(), 5);
    assert_eq!(numbers("batches"), [1, 0, 1, 1, 1, 0].map(Some));
    assert!(numbers("memory_bytes")[0] > Some(10 * (4 + 8 + 8 + 8 + 7)));
    let times = progress.column_by_name("last_record_time").unwrap();
    assert!(times.is_valid(0) && times.is_null(5));
    // The open transaction comes to an end.
    transactions.commit();
    poll_until(&consumer, |_| number(&consumer.progress().unwrap(), "position", 2) == Some(11));
    // What is resumed counts on; what is tried again is counted once.
    consumer.resume(3, 6).unwrap();
    poll_until(&consumer, |cycle| cycle.failed == 1);
    consumer.resume(3, 7).unwrap();
    poll_until(&consumer, |_| state(&consumer.progress().unwrap(), 3) == "at_end");
    let progress = consumer.progress().unwrap();
    assert_eq!((number(&progress, "rows", 3), number(&progress, "lag", 3)), (Some(9), Some(0)));
    let bad = progress.column_by_name("bad_records").unwrap().as_struct();
    assert_eq!(bad.column_by_name("value").unwrap().as_primitive::<Int64Type>().value(3), 1);
    // Progress outlives reading.
    consumer.close(karrow::ingest::Timeout::Never).unwrap();
    assert_eq!(number(&consumer.progress().unwrap(), "position", 0), Some(11));
}
