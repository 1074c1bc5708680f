//! Reading from a time on, and to an end (rules O6, O7, Y5).

use karrow::options::{Options, Start, Stop};
use karrow::table::PartitionState;

use crate::support::broker::{Record, shared_cluster};
use crate::{FIRST_TIME_MS, HANG, appending, check_partition, open, poll_until, produce, read_to_end, records};

fn to_the_end(options: &Options) -> Options {
    let mut options = options.clone();
    options.set_stop(None, Stop::End).unwrap();
    options
}

fn next_offsets(snapshot: &karrow::table::snapshot::Snapshot) -> Vec<i64> {
    assert!(snapshot.partitions().iter().all(|partition| *partition.state() == PartitionState::Finished));
    snapshot.partitions().iter().map(|partition| partition.next_offset()).collect()
}

#[test]
fn a_read_to_the_end_ends_by_itself_with_what_there_was_when_it_was_opened() {
    let (cluster, topic) = (shared_cluster(), "to-the-end");
    cluster.create_topic(topic, 4, 1, &[]);
    for (partition, end) in [(0, 30_000), (1, 1), (3, 500)] {
        produce(cluster, topic, partition, 0, end);
    }
    let consumer = open(&to_the_end(&appending(cluster, topic)));
    for (partition, end) in [(0, 30_000), (1, 1), (2, 0), (3, 500)] {
        produce(cluster, topic, partition, end, end + 100);
    }
    let snapshot = read_to_end(&consumer);
    assert_eq!(next_offsets(&snapshot), [30_000, 1, 0, 500]);
    for (partition, end) in [(0, 30_000), (1, 1), (2, 0), (3, 500)] {
        check_partition(&snapshot, partition, 0, end, |_| false);
    }
}

#[test]
fn an_empty_topic_is_at_its_end_at_once() {
    let (cluster, topic) = (shared_cluster(), "nothing-to-read");
    cluster.create_topic(topic, 3, 1, &[]);
    let consumer = open(&to_the_end(&appending(cluster, topic)));
    let snapshot = read_to_end(&consumer);
    assert_eq!((snapshot.cycle(), next_offsets(&snapshot)), (0, vec![0, 0, 0]));
}

#[test]
fn markers_and_aborted_records_at_the_end_do_not_keep_a_read_from_finishing() {
    let (cluster, topic) = (shared_cluster(), "bounded-transactions");
    cluster.create_topic(topic, 3, 1, &[]);
    let transactions = cluster.transactions("karrow-bounded");
    // 0: a marker at the end. 1: aborted records and a marker at the end. 2: an open transaction at the end.
    transactions.write(topic, 0, records(0, 0, 10));
    transactions.commit();
    produce(cluster, topic, 1, 0, 5);
    transactions.write(topic, 1, records(1, 5, 10));
    transactions.abort();
    produce(cluster, topic, 2, 0, 7);
    transactions.write(topic, 2, records(2, 7, 9));
    let mut options = to_the_end(&appending(cluster, topic));
    let snapshot = read_to_end(&open(&options));
    assert_eq!(next_offsets(&snapshot), [11, 11, 7]);
    check_partition(&snapshot, 0, 0, 10, |_| false);
    check_partition(&snapshot, 1, 0, 5, |_| false);
    check_partition(&snapshot, 2, 0, 7, |_| false);
    options.set("isolation.level", Some("read_uncommitted")).unwrap();
    let snapshot = read_to_end(&open(&options));
    assert_eq!(next_offsets(&snapshot), [11, 11, 9]);
    check_partition(&snapshot, 1, 0, 10, |_| false);
    check_partition(&snapshot, 2, 0, 9, |_| false);
    transactions.abort();
    // Stops among what never comes.
    let mut options = appending(cluster, topic);
    options.set_stop(Some(0), Stop::Offset(11)).unwrap();
    options.set_stop(Some(1), Stop::Offset(8)).unwrap();
    options.set_stop(Some(2), Stop::Offset(10)).unwrap();
    let snapshot = read_to_end(&open(&options));
    // At the end of the log, what comes after the stop is known to hold nothing either.
    assert_eq!(next_offsets(&snapshot), [11, 11, 10]);
    check_partition(&snapshot, 2, 0, 7, |_| false);
}

#[test]
fn a_compacted_partition_finishes_too() {
    let (cluster, topic) = (shared_cluster(), "bounded-compacted");
    let config = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "200"),
        ("segment.bytes", "1048576"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("max.compaction.lag.ms", "500"),
        ("delete.retention.ms", "0"),
    ];
    cluster.create_topic(topic, 1, 1, &config);
    let same_key =
        |record: Record<'static>| Record { key: Some("same".as_bytes().into()), timestamp_ms: None, ..record };
    cluster.produce(topic, 0, records(0, 0, 100).map(same_key));
    // A segment is closed, and so can be compacted, by a record that comes after its time.
    let end = std::time::Instant::now() + HANG;
    let mut log_end = 100;
    let compacted = || {
        let mut options = to_the_end(&appending(cluster, topic));
        options.set("isolation.level", Some("read_uncommitted")).unwrap();
        read_to_end(&open(&options))
    };
    loop {
        cluster.produce(topic, 0, records(0, log_end, log_end + 1).map(same_key));
        log_end += 1;
        let snapshot = compacted();
        assert_eq!(next_offsets(&snapshot), [log_end]);
        let rows = snapshot.partition(0).unwrap().rows().end_row();
        if rows < 50 {
            break;
        }
        assert!(std::time::Instant::now() < end, "the broker does not compact the topic: {rows} rows");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    // A start and a stop where records are gone.
    let mut options = appending(cluster, topic);
    options.set_start(None, Start::Offset(10)).unwrap();
    options.set_stop(None, Stop::Offset(20)).unwrap();
    let snapshot = read_to_end(&open(&options));
    assert_eq!(snapshot.partition(0).unwrap().rows().end_row(), 0);
    assert_eq!(next_offsets(&snapshot), [20]);
}

#[test]
fn reading_starts_and_stops_at_times() {
    let (cluster, topic) = (shared_cluster(), "times");
    cluster.create_topic(topic, 2, 1, &[]);
    // A record has a time 7 ms after the one before.
    let time_of = |offset: i64| FIRST_TIME_MS + offset * 7;
    produce(cluster, topic, 0, 0, 100);
    produce(cluster, topic, 1, 0, 50);
    let between = |from_ms: i64, to_ms: i64| {
        let mut options = appending(cluster, topic);
        options.set_start(None, Start::from_time(from_ms).unwrap()).unwrap();
        options.set_stop(None, Stop::from_time(to_ms).unwrap()).unwrap();
        read_to_end(&open(&options))
    };
    let snapshot = between(time_of(20), time_of(60));
    check_partition(&snapshot, 0, 20, 60, |_| false);
    check_partition(&snapshot, 1, 20, 50, |_| false);
    // Between two records: the later one.
    check_partition(&between(time_of(20) - 3, time_of(60) - 3), 0, 20, 60, |_| false);
    // Before all of them, and behind all of them.
    check_partition(&between(0, time_of(1_000)), 0, 0, 100, |_| false);
    let snapshot = between(time_of(60), time_of(1_000));
    assert_eq!(next_offsets(&snapshot), [100, 50]);
    check_partition(&snapshot, 0, 60, 100, |_| false);
    // Where no record is late enough, reading starts at the end as of open.
    let mut options = appending(cluster, topic);
    options.set_start(None, Start::Time(time_of(60))).unwrap();
    options.set_start(Some(1), Start::Time(time_of(10))).unwrap();
    options.set_start(Some(0), Start::Time(time_of(1_000))).unwrap();
    let consumer = open(&options);
    produce(cluster, topic, 0, 100, 110);
    poll_until(&consumer, |cycle| {
        let rows = |partition| cycle.snapshot.partition(partition).unwrap().rows().end_row();
        (rows(0), rows(1)) == (10, 40)
    });
    check_partition(&consumer.snapshot().unwrap(), 0, 100, 110, |_| false);
    check_partition(&consumer.snapshot().unwrap(), 1, 10, 50, |_| false);
}

#[test]
fn a_stop_beyond_the_end_is_waited_for() {
    let (cluster, topic) = (shared_cluster(), "stop-to-come");
    cluster.create_topic(topic, 2, 1, &[]);
    produce(cluster, topic, 0, 0, 10);
    let mut options = appending(cluster, topic);
    options.set_stop(Some(0), Stop::Offset(15)).unwrap();
    options.set_stop(Some(1), Stop::Offset(0)).unwrap();
    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == 10);
    produce(cluster, topic, 0, 10, 30);
    let snapshot = read_to_end(&consumer);
    assert_eq!(next_offsets(&snapshot), [15, 0]);
    check_partition(&snapshot, 0, 0, 15, |_| false);
}

#[test]
fn a_log_without_records_left_is_at_its_end() {
    let (cluster, topic) = (shared_cluster(), "bounded-deleted");
    cluster.create_topic(topic, 1, 1, &[]);
    produce(cluster, topic, 0, 0, 100);
    cluster.delete_records(topic, 0, 100);
    assert_eq!(next_offsets(&read_to_end(&open(&to_the_end(&appending(cluster, topic))))), [100]);
}
