//! Partitions that fail and go on: nothing lost, nothing twice, and nobody else held up.

use karrow::error::Status;
use karrow::ingest::Timeout;
use karrow::options::Start;
use karrow::table::retention::TableType;

use crate::support::broker::shared_cluster;
use crate::{check_rows, check_rows_skipping, open, options, poll_until, produce, produce_with};

const BAD_EVERY: i64 = 200;
const FAILURES: i64 = 100;

fn is_bad(offset: i64) -> bool {
    offset % BAD_EVERY == BAD_EVERY / 2
}

#[test]
fn a_hundred_failures_of_one_partition_beside_seven_others() {
    const OTHERS: i64 = 100_000;
    let (cluster, topic) = (shared_cluster(), "hundred-failures");
    cluster.create_topic(topic, 8, 1, &[]);
    produce_with(cluster, topic, 0, 0, FAILURES * BAD_EVERY, |offset, value| {
        if is_bad(offset) { b"short".to_vec() } else { value.to_vec() }
    });
    for partition in 1..8 {
        produce(cluster, topic, partition, 0, OTHERS);
    }
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    let consumer = open(&options);
    let (mut failures, mut tried_again) = (0, false);
    let good = FAILURES * (BAD_EVERY - 1);
    poll_until(&consumer, |cycle| {
        let partition = cycle.snapshot.partition(0).unwrap();
        if let Some(failure) = partition.failure() {
            let offset = partition.next_offset();
            assert!(is_bad(offset), "failed at {offset}: {failure}");
            assert_eq!((failure.status(), failure.position()), (Status::BadRecord, Some((0, offset))));
            assert_eq!(
                failure.message(),
                format!("column Value: expected 8 bytes for int64, found 5 bytes, at {topic}[0]@{offset} (value)")
            );
            assert_eq!(cycle.failed, 1);
            // Every second failure is tried again at the record first, which then fails once more.
            if failures % 2 == 0 && !tried_again {
                tried_again = true;
                consumer.resume(0, offset).unwrap();
            } else {
                tried_again = false;
                failures += 1;
                consumer.resume(0, offset + 1).unwrap();
            }
        }
        let rows = |partition| cycle.snapshot.partition(partition).unwrap().rows().end_row();
        rows(0) == good && (1..8).all(|partition| rows(partition) == OTHERS)
    });
    assert_eq!(failures, FAILURES);
    let snapshot = consumer.snapshot().unwrap();
    let mut next = 0;
    for batch in snapshot.stream(0, 0, None).unwrap() {
        check_rows_skipping(&batch, 0, &mut next, is_bad);
    }
    assert_eq!(next, FAILURES * BAD_EVERY);
    for partition in 1..8 {
        let batches = snapshot.stream(partition, 0, None).unwrap();
        assert_eq!(batches.fold(0, |next, batch| check_rows(&batch, partition, next)), OTHERS);
    }
}

#[test]
fn resuming_far_behind_the_record_skips_exactly_what_lies_between() {
    let (cluster, topic) = (shared_cluster(), "resume-far");
    cluster.create_topic(topic, 1, 1, &[]);
    let bad = 1000;
    produce_with(cluster, topic, 0, 0, 50_000, |offset, value| if offset == bad { Vec::new() } else { value.to_vec() });
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1);
    assert_eq!(consumer.poll(Timeout::Never).err().unwrap().status(), Status::End);
    let error = consumer.resume(0, bad - 1).unwrap_err();
    assert_eq!(
        error.message(),
        "offset: partition 0 stopped at offset 1000; resume there or behind it, because earlier records are in the \
         table already"
    );
    consumer.resume(0, 40_000).unwrap();
    let end = bad + 10_000;
    poll_until(&consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == end);
    let mut next = 0;
    for batch in consumer.snapshot().unwrap().stream(0, 0, None).unwrap() {
        check_rows_skipping(&batch, 0, &mut next, |offset| (bad..40_000).contains(&offset));
    }
    assert_eq!(next, 50_000);
}

#[test]
fn a_partition_that_failed_at_open_can_be_resumed_within_its_log() {
    let (cluster, topic) = (shared_cluster(), "resume-from-open");
    cluster.create_topic(topic, 2, 1, &[]);
    for partition in 0..2 {
        produce(cluster, topic, partition, 0, 100);
    }
    let mut options = options(cluster, topic);
    options.set("auto.offset.reset", Some("none")).unwrap();
    options.set_start(Some(1), Start::Offset(101)).unwrap();
    options.set_table_type(TableType::Append).unwrap();
    let consumer = open(&options);
    let failure = consumer.snapshot().unwrap().partition(1).unwrap().failure().cloned().unwrap();
    assert_eq!(failure.status(), Status::OutOfRange);
    assert_eq!(
        failure.message(),
        "offset 101 is outside resume-from-open[1], whose offsets go from 0 to 100; resume at one of these, \
         or set auto.offset.reset to earliest or latest"
    );
    poll_until(&consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == 100);
    consumer.resume(1, 90).unwrap();
    poll_until(&consumer, |cycle| cycle.snapshot.partition(1).unwrap().rows().end_row() == 10);
    let snapshot = consumer.snapshot().unwrap();
    let batches = snapshot.stream(1, 0, None).unwrap();
    assert_eq!(batches.fold(90, |next, batch| check_rows(&batch, 1, next)), 100);
}
