//! What becomes of a topic while it is read: more partitions, deleted, created again (rules P5, O9).

use karrow::error::Status;
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Start, Stop};
use karrow::table::PartitionState;
use karrow::table::retention::TableType;

use crate::support::broker::{Cluster, shared_cluster};
use crate::{HANG, appending, check_partition, open, poll_until, produce, produce_with, records};

fn watching(cluster: &Cluster, topic: &str) -> Options {
    let mut options = appending(cluster, topic);
    options.set("karrow.partition.discovery.ms", Some("100")).unwrap();
    options
}

fn all_rows(consumer: &Consumer, rows: &[i64]) {
    poll_until(consumer, |cycle| {
        assert_eq!(cycle.failed, 0);
        let partitions = cycle.snapshot.partitions().iter();
        partitions.map(|partition| partition.rows().end_row()).collect::<Vec<_>>() == rows
    });
}

#[test]
fn partitions_that_are_added_join_and_are_read_from_their_beginning() {
    let (cluster, topic) = (shared_cluster(), "growing");
    cluster.create_topic(topic, 1, 1, &[]);
    produce(cluster, topic, 0, 0, 100);
    let mut options = watching(cluster, topic);
    // Where the others start says nothing about them.
    options.set_start(None, Start::End).unwrap();
    let consumer = open(&options);
    options.set_partitions(&[0]).unwrap();
    let named = open(&options);
    assert_eq!(consumer.snapshot().unwrap().partitions().len(), 1);
    for partitions in [3, 8] {
        cluster.grow_topic(topic, partitions);
        let end = i64::try_from(partitions).unwrap() * 1000;
        for partition in 1..i32::try_from(partitions).unwrap() {
            let known = consumer.snapshot().unwrap();
            let from = known.partition(partition).map_or(0, |known| known.next_offset());
            // A producer that knows the topic already does not know its new partitions.
            cluster.producer().produce(topic, partition, records(partition, from, end));
        }
        let mut rows = vec![end; partitions];
        rows[0] = 0;
        all_rows(&consumer, &rows);
        let snapshot = consumer.snapshot().unwrap();
        let ids: Vec<i32> = snapshot.partitions().iter().map(|partition| partition.id()).collect();
        assert_eq!(ids, (0..i32::try_from(partitions).unwrap()).collect::<Vec<_>>());
        for partition in 1..i32::try_from(partitions).unwrap() {
            check_partition(&snapshot, partition, 0, end, |_| false);
        }
    }
    produce(cluster, topic, 0, 100, 110);
    all_rows(&named, &[10]);
}

#[test]
fn a_bounded_read_does_not_grow() {
    let (cluster, topic) = (shared_cluster(), "growing-bounded");
    cluster.create_topic(topic, 1, 1, &[]);
    let mut options = watching(cluster, topic);
    options.set_stop(None, Stop::Offset(10)).unwrap();
    let consumer = open(&options);
    // One that watches tells when there is something to see.
    let watcher = open(&watching(cluster, topic));
    cluster.grow_topic(topic, 2);
    poll_until(&watcher, |cycle| cycle.snapshot.partitions().len() == 2);
    produce(cluster, topic, 0, 0, 10);
    let snapshot = crate::read_to_end(&consumer);
    assert_eq!(snapshot.partitions().len(), 1);
}

fn waits_for_topic(consumer: &Consumer) {
    poll_until(consumer, |cycle| {
        cycle.snapshot.partitions().iter().all(|partition| match partition.state() {
            PartitionState::Waiting(why) => why.status() == Status::NotFound,
            _ => false,
        })
    });
}

#[test]
fn a_deleted_topic_is_waited_for_and_read_from_its_beginning_when_it_is_created_again() {
    let (cluster, topic) = (shared_cluster(), "again-earliest");
    cluster.create_topic(topic, 2, 1, &[]);
    for partition in 0..2 {
        produce(cluster, topic, partition, 0, 50);
    }
    let mut options = watching(cluster, topic);
    options.set("auto.offset.reset", Some("earliest")).unwrap();
    options.set_table_type(TableType::Append).unwrap();
    let consumer = open(&options);
    all_rows(&consumer, &[50, 50]);
    cluster.delete_topic(topic);
    waits_for_topic(&consumer);
    let snapshot = consumer.snapshot().unwrap();
    let PartitionState::Waiting(why) = snapshot.partition(1).unwrap().state() else { panic!("it does not wait") };
    assert_eq!(why.message(), format!("topic {topic} does not exist any more; it was deleted"));
    cluster.create_topic(topic, 2, 1, &[]);
    // Grown past where reading was, which librdkafka alone would not notice.
    for partition in 0..2 {
        produce(cluster, topic, partition, 0, 200);
    }
    all_rows(&consumer, &[250, 250]);
    let snapshot = consumer.snapshot().unwrap();
    for partition in 0..2 {
        let whole = snapshot.whole(partition).unwrap();
        assert_eq!(crate::check_rows(&whole.slice(0, 50), partition, 0), 50);
        assert_eq!(crate::check_rows(&whole.slice(50, 200), partition, 0), 200);
    }
}

#[test]
fn a_topic_created_again_fails_partitions_that_are_told_to_reset_nowhere() {
    let (cluster, topic) = (shared_cluster(), "again-none");
    cluster.create_topic(topic, 2, 1, &[]);
    produce(cluster, topic, 0, 0, 50);
    produce_with(cluster, topic, 1, 0, 20, |offset, value| if offset == 5 { b"bad".to_vec() } else { value.to_vec() });
    let mut options = watching(cluster, topic);
    options.set("auto.offset.reset", Some("none")).unwrap();
    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1 && cycle.snapshot.partition(0).unwrap().rows().end_row() == 50);
    cluster.delete_topic(topic);
    cluster.create_topic(topic, 2, 1, &[]);
    produce(cluster, topic, 0, 0, 70);
    produce(cluster, topic, 1, 0, 70);
    let outside = |snapshot: &karrow::table::snapshot::Snapshot, partition| {
        let failure = snapshot.partition(partition).unwrap().failure().cloned();
        failure.filter(|failure| failure.status() == Status::OutOfRange)
    };
    let end = std::time::Instant::now() + HANG;
    let both = |snapshot: &karrow::table::snapshot::Snapshot| (0..2).all(|id| outside(snapshot, id).is_some());
    while !both(&consumer.snapshot().unwrap()) {
        assert!(std::time::Instant::now() < end, "{:?}", crate::progress(&consumer.snapshot().unwrap()));
        // Both have failed before the second one learns that its topic is another.
        let outcome = consumer.poll(Timeout::Millis(100));
        assert!(outcome.is_ok() || outcome.err().unwrap().status() == Status::End);
    }
    let snapshot = consumer.snapshot().unwrap();
    let message = |partition| outside(&snapshot, partition).unwrap().message().to_owned();
    assert!(
        message(0).starts_with(&format!(
            "offset 50 is of an earlier topic that had the name of {topic}[0], whose offsets go"
        )),
        "{}",
        message(0)
    );
    assert!(message(1).starts_with("offset 5 is of an earlier topic"), "{}", message(1));
    // The bad record is gone with its topic: what comes at its offset is another record.
    consumer.resume(0, 60).unwrap();
    consumer.resume(1, 0).unwrap();
    all_rows(&consumer, &[60, 75]);
    let whole = consumer.snapshot().unwrap().whole(1).unwrap();
    assert_eq!(crate::check_rows(&whole.slice(5, 70), 1, 0), 70);
    let whole = consumer.snapshot().unwrap().whole(0).unwrap();
    assert_eq!(crate::check_rows(&whole.slice(50, 10), 0, 60), 70);
}

#[test]
fn closing_does_not_wait_for_a_topic_that_is_gone() {
    let (cluster, topic) = (shared_cluster(), "gone");
    cluster.create_topic(topic, 1, 1, &[]);
    let consumer = open(&watching(cluster, topic));
    cluster.delete_topic(topic);
    waits_for_topic(&consumer);
    consumer.close(Timeout::Millis(30_000)).unwrap();
}
