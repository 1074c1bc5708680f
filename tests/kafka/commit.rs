//! Offsets of the caller's group: committed when told to, exactly as a snapshot shows, or by themselves (rules O8, K9).

use karrow::error::Status;
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Start};

use crate::support::broker::{Cluster, shared_cluster};
use crate::{appending, check_partition, open, poll_until, produce};

fn of_group(cluster: &Cluster, topic: &str, group: &str) -> Options {
    let mut options = appending(cluster, topic);
    options.set("group.id", Some(group)).unwrap();
    options.set("auto.offset.reset", Some("earliest")).unwrap();
    options.set_start(None, Start::DontSeek).unwrap();
    options
}

fn rows(consumer: &Consumer, partition: i32, rows: i64) {
    poll_until(consumer, |cycle| cycle.snapshot.partition(partition).unwrap().rows().end_row() == rows);
}

#[test]
fn a_commit_is_of_exactly_what_a_snapshot_shows() {
    let (cluster, topic, group) = (shared_cluster(), "commits", "commits-group");
    cluster.create_topic(topic, 3, 1, &[]);
    produce(cluster, topic, 0, 0, 10);
    let options = of_group(cluster, topic, group);
    let consumer = open(&options);
    rows(&consumer, 0, 10);
    let early = consumer.snapshot().unwrap();
    produce(cluster, topic, 0, 10, 25);
    produce(cluster, topic, 1, 0, 5);
    rows(&consumer, 0, 25);
    rows(&consumer, 1, 5);
    assert_eq!(cluster.committed(group, topic, 3), [None; 3], "nothing is committed unasked (K9)");
    consumer.commit(&early, Timeout::Millis(60_000)).unwrap();
    assert_eq!(cluster.committed(group, topic, 3), [Some(10), Some(0), Some(0)]);
    let view = consumer.snapshot().unwrap().view(&["Key"]).unwrap();
    consumer.commit(&view, Timeout::Millis(60_000)).unwrap();
    assert_eq!(cluster.committed(group, topic, 3), [Some(25), Some(5), Some(0)]);
    consumer.commit(&early, Timeout::Never).unwrap();
    consumer.close(Timeout::Never).unwrap();
    assert_eq!(cluster.committed(group, topic, 3), [Some(10), Some(0), Some(0)], "close commits nothing");
    // The next consumer goes on there.
    let consumer = open(&options);
    rows(&consumer, 0, 15);
    rows(&consumer, 1, 5);
    check_partition(&consumer.snapshot().unwrap(), 0, 10, 25, |_| false);
}

#[test]
fn a_commit_stops_at_the_record_at_which_its_partition_stopped() {
    let (cluster, topic, group) = (shared_cluster(), "commit-failed", "commit-failed-group");
    cluster.create_topic(topic, 1, 1, &[]);
    crate::produce_with(
        cluster,
        topic,
        0,
        0,
        10,
        |offset, value| {
            if offset == 6 { b"bad".to_vec() } else { value.to_vec() }
        },
    );
    let consumer = open(&of_group(cluster, topic, group));
    poll_until(&consumer, |cycle| cycle.failed == 1);
    consumer.commit(&consumer.snapshot().unwrap(), Timeout::Never).unwrap();
    assert_eq!(cluster.committed(group, topic, 1), [Some(6)]);
    consumer.resume(0, 7).unwrap();
    rows(&consumer, 0, 9);
    consumer.commit(&consumer.snapshot().unwrap(), Timeout::Never).unwrap();
    assert_eq!(cluster.committed(group, topic, 1), [Some(10)]);
}

#[test]
fn a_partition_without_a_place_to_go_on_from_is_left_out_of_a_commit() {
    let (cluster, topic, group) = (shared_cluster(), "commit-outside", "commit-outside-group");
    cluster.create_topic(topic, 2, 1, &[]);
    let mut options = of_group(cluster, topic, group);
    options.set("auto.offset.reset", Some("none")).unwrap();
    options.set_start(Some(0), Start::Offset(77)).unwrap();
    options.set_start(Some(1), Start::Beginning).unwrap();
    let consumer = open(&options);
    consumer.commit(&consumer.snapshot().unwrap(), Timeout::Never).unwrap();
    assert_eq!(cluster.committed(group, topic, 2), [None, Some(0)]);
}

#[test]
fn a_commit_that_cannot_be_is_refused_with_the_reason() {
    let (cluster, topic) = (shared_cluster(), "commit-refused");
    cluster.create_topic(topic, 1, 1, &[]);
    let open = |options: &Options| open(options);
    let consumer = open(&of_group(cluster, topic, "commit-refused-group"));
    let stranger = open(&appending(cluster, topic));
    let error = consumer.commit(&stranger.snapshot().unwrap(), Timeout::Never).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert_eq!(error.message(), "snapshot: it is another consumer's; commit what this one has published");
    let error = stranger.commit(&stranger.snapshot().unwrap(), Timeout::Never).unwrap_err();
    assert_eq!((error.status(), error.detail("argument")), (Status::InvalidState, Some("group.id")));
    let snapshot = consumer.snapshot().unwrap();
    consumer.close(Timeout::Never).unwrap();
    assert_eq!(consumer.commit(&snapshot, Timeout::Never).unwrap_err().status(), Status::Closed);
}

#[test]
fn commits_by_themselves_count_what_the_caller_has_polled_past() {
    let (cluster, topic, group) = (shared_cluster(), "auto-commits", "auto-commits-group");
    cluster.create_topic(topic, 1, 1, &[]);
    produce(cluster, topic, 0, 0, 10);
    let mut options = of_group(cluster, topic, group);
    options.set("enable.auto.commit", Some("true")).unwrap();
    // Longer than the test: what close owes is what counts.
    options.set("auto.commit.interval.ms", Some("3600000")).unwrap();
    let poll_once = |consumer: &Consumer, rows: i64| {
        let cycle = consumer.poll(Timeout::Never).unwrap();
        assert_eq!(cycle.rows, rows);
    };
    let consumer = open(&options);
    poll_once(&consumer, 10);
    consumer.close(Timeout::Never).unwrap();
    assert_eq!(cluster.committed(group, topic, 1), [Some(0)], "nobody has said to be done with the ten rows");
    let consumer = open(&options);
    poll_once(&consumer, 10);
    produce(cluster, topic, 0, 10, 12);
    rows(&consumer, 0, 12);
    consumer.close(Timeout::Never).unwrap();
    let committed = cluster.committed(group, topic, 1)[0].unwrap();
    // The two may have come in two polls.
    assert!(committed == 10 || committed == 11, "{committed}");
    // And every now and then, while it is open.
    options.set("auto.commit.interval.ms", Some("20")).unwrap();
    let consumer = open(&options);
    rows(&consumer, 0, 12 - committed);
    poll_until(&consumer, |_| cluster.committed(group, topic, 1) == [Some(12)]);
}
