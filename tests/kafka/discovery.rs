//! What becomes of a topic while it is read: more partitions, deleted, created again (rules P5, O9).

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use karrow::error::Status;
use karrow::format::Side;
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

/// A reader that is stopped at a record while its log is cut off, and grows past where it stands.
struct Stopped {
    consumer: Consumer,
}

impl Stopped {
    const TOPIC: &str = "truncated-and-grown";
    const BAD: i64 = 101;

    fn new(cluster: &Cluster, config: &[(&str, &str)]) -> Stopped {
        cluster.create_topic_on(Stopped::TOPIC, &[2, 3], config);
        let mut options = appending(cluster, Stopped::TOPIC);
        options.set_spec(Side::Value, crate::simple("Value", "binary"));
        options.set("auto.offset.reset", Some("earliest")).unwrap();
        // So that what it fetches ahead ends inside of what is cut off.
        options.set("karrow.memory.budget.bytes", Some("1048576")).unwrap();
        let stopped = Stopped { consumer: open(&options) };
        stopped.produce(cluster, 0, 100);
        stopped
    }

    fn produce(&self, cluster: &Cluster, from: i64, to: i64) {
        let is_bad = |offset| to == 200 && offset == Stopped::BAD;
        let large = records(0, from, to).zip(from..).map(|(record, offset)| crate::support::broker::Record {
            key: if is_bad(offset) { Some(b"\xff".into()) } else { record.key },
            value: Some(vec![0; 20_000].into()),
            ..record
        });
        let offsets = cluster.producer().produce(Stopped::TOPIC, 0, large);
        assert_eq!((offsets[0], offsets.len()), (from, usize::try_from(to - from).unwrap()));
    }

    /// What comes behind the bad record is what had been fetched, and then the new log from its beginning.
    fn check(&self) {
        self.consumer.resume(0, Stopped::BAD + 1).unwrap();
        let offsets = || {
            let mut offsets = Vec::new();
            for batch in self.consumer.snapshot().unwrap().stream(0, 0, None).unwrap() {
                offsets.extend(batch.column(1).as_primitive::<Int64Type>().values().iter().copied());
            }
            offsets
        };
        poll_until(&self.consumer, |cycle| {
            assert_eq!(cycle.failed, 0);
            cycle.snapshot.partition(0).unwrap().next_offset() == 300
        });
        let offsets = offsets();
        let again = offsets.len() - 300;
        assert!(offsets[again..].iter().copied().eq(0..300), "{offsets:?}");
        let before: Vec<i64> = (0..Stopped::BAD).chain(Stopped::BAD + 1..).take(again).collect();
        assert_eq!(offsets[..again], before);
        assert!(*before.last().unwrap() < 200);
    }
}

#[test]
fn a_log_that_a_new_leader_has_cut_off_follows_the_reset() {
    let cluster = &Cluster::start(3);
    let topic = "truncated";
    // Node 1 only keeps the cluster going while one of the others is dead.
    let config = [("unclean.leader.election.enable", "true"), ("min.insync.replicas", "1")];
    cluster.create_topic_on(topic, &[2, 3], &config);
    produce(cluster, topic, 0, 0, 100);
    let consumers = ["earliest", "latest", "none"].map(|reset| {
        let mut options = appending(cluster, topic);
        options.set("auto.offset.reset", Some(reset)).unwrap();
        open(&options)
    });
    let rows = |consumer: &Consumer, rows: i64| {
        poll_until(consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == rows);
    };
    consumers.iter().for_each(|consumer| rows(consumer, 100));
    let stopped = Stopped::new(cluster, &config);
    // What is written now is on node 2 alone, and gone with it.
    cluster.kill_broker(3);
    produce(cluster, topic, 0, 100, 200);
    stopped.produce(cluster, 100, 200);
    consumers.iter().for_each(|consumer| rows(consumer, 200));
    poll_until(&stopped.consumer, |cycle| cycle.failed == 1);
    cluster.kill_broker(2);
    cluster.start_broker(3);
    cluster.await_leader(topic, 0, 3);
    cluster.await_leader(Stopped::TOPIC, 0, 3);
    stopped.produce(cluster, 100, 300);
    stopped.check();
    let [earliest, latest, none] = &consumers;
    rows(earliest, 300);
    poll_until(none, |cycle| cycle.failed == 1);
    let failure = none.snapshot().unwrap().partition(0).unwrap().failure().cloned().unwrap();
    assert_eq!(failure.status(), Status::OutOfRange);
    assert!(failure.message().starts_with("offset 200 "), "{failure}");
    assert!(failure.message().contains("whose offsets go from 0 to 100"), "{failure}");
    none.resume(0, 100).unwrap();
    poll_until(latest, |cycle| cycle.snapshot.partition(0).unwrap().next_offset() == 100);
    let offsets = cluster.producer().produce(topic, 0, records(0, 100, 150));
    assert_eq!((offsets[0], offsets.len()), (100, 50));
    rows(earliest, 350);
    rows(latest, 250);
    rows(none, 250);
    let whole = earliest.snapshot().unwrap().whole(0).unwrap();
    assert_eq!(crate::check_rows(&whole.slice(200, 150), 0, 0), 150);
    for consumer in [latest, none] {
        let whole = consumer.snapshot().unwrap().whole(0).unwrap();
        assert_eq!(crate::check_rows(&whole.slice(200, 50), 0, 100), 150);
    }
}
