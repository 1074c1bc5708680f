//! Where reading starts (rules P1 to P4, O1 to O5).

use std::collections::BTreeMap;

use karrow::error::Status;
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Start};

use crate::support::broker::{Cluster, shared_cluster};
use crate::{HANG, appending, check_rows, open, poll_until, produce, records};

fn starts(consumer: &Consumer) -> BTreeMap<i32, i64> {
    let snapshot = consumer.snapshot().unwrap();
    snapshot.partitions().iter().map(|partition| (partition.id(), partition.next_offset())).collect()
}

fn open_error(options: &Options) -> (Status, String) {
    let error = Consumer::new(options).unwrap().open(Timeout::Millis(60_000)).unwrap_err();
    (error.status(), error.message().to_owned())
}

#[test]
fn a_record_produced_right_after_open_is_never_missed() {
    let (cluster, topic) = (shared_cluster(), "right-after-open");
    cluster.create_topic(topic, 2, 1, &[]);
    let mut next = [0, 0];
    for round in 0..200_i64 {
        let mut options = appending(cluster, topic);
        // Without a committed offset, DONT_SEEK means the end of the log.
        options.set_start(None, if round % 2 == 0 { Start::End } else { Start::DontSeek }).unwrap();
        let consumer = open(&options);
        for partition in [0, 1] {
            let offset = next[partition as usize];
            produce(cluster, topic, partition, offset, offset + 1);
        }
        poll_until(&consumer, |cycle| {
            cycle.snapshot.partitions().iter().all(|partition| partition.rows().end_row() >= 1)
        });
        let snapshot = consumer.snapshot().unwrap();
        for partition in [0, 1] {
            let batch = snapshot.whole(partition).unwrap();
            let from = next[partition as usize];
            assert_eq!((batch.num_rows(), check_rows(&batch, partition, from)), (1, from + 1), "round {round}");
            next[partition as usize] += 1;
        }
    }
}

#[test]
fn the_partitions_and_offsets_of_the_page() {
    let (cluster, topic) = (shared_cluster(), "the-page");
    cluster.create_topic(topic, 6, 1, &[]);
    for partition in 0..6 {
        produce(cluster, topic, partition, 0, 50);
    }
    let mut options = appending(cluster, topic);
    options.set_partitions(&[5, 1, 3, 1]).unwrap();
    // A partition's own entry beats ALL, in any order.
    options.set_start(Some(1), Start::End).unwrap();
    options.set_start(None, Start::Offset(49)).unwrap();
    options.set_start(Some(3), Start::Beginning).unwrap();
    options.set_start(Some(5), Start::Offset(27)).unwrap();
    // O5: an entry for a partition that exists but is not read.
    options.set_start(Some(0), Start::End).unwrap();
    let consumer = open(&options);
    assert_eq!(starts(&consumer), BTreeMap::from([(1, 50), (3, 0), (5, 27)]));
    poll_until(&consumer, |cycle| {
        let rows = |partition| cycle.snapshot.partition(partition).unwrap().rows().end_row();
        rows(3) == 50 && rows(5) == 23
    });
    produce(cluster, topic, 1, 50, 53);
    poll_until(&consumer, |cycle| cycle.snapshot.partition(1).unwrap().rows().end_row() == 3);
    let snapshot = consumer.snapshot().unwrap();
    for (partition, from, to) in [(1, 50, 53), (3, 0, 50), (5, 27, 50)] {
        assert_eq!(check_rows(&snapshot.whole(partition).unwrap(), partition, from), to);
    }
}

#[test]
fn all_partitions_are_there_from_the_first_snapshot_on() {
    let (cluster, topic) = (shared_cluster(), "all-partitions");
    cluster.create_topic(topic, 5, 1, &[]);
    produce(cluster, topic, 3, 0, 10);
    let consumer = open(&appending(cluster, topic));
    let snapshot = consumer.snapshot().unwrap();
    assert_eq!(snapshot.cycle(), 0);
    assert_eq!(starts(&consumer).into_keys().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    poll_until(&consumer, |cycle| cycle.snapshot.partition(3).unwrap().rows().end_row() == 10);
    assert_eq!(consumer.snapshot().unwrap().whole(4).unwrap().num_rows(), 0);
}

#[test]
fn what_does_not_exist_is_a_clear_error() {
    let (cluster, topic) = (shared_cluster(), "not-there");
    cluster.create_topic(topic, 2, 1, &[]);
    assert_eq!(
        open_error(&appending(cluster, "no-such-topic")),
        (
            Status::NotFound,
            "topic: there is no topic 'no-such-topic' on this cluster; create it, or check the name".to_owned()
        )
    );
    let mut options = appending(cluster, topic);
    options.set_partitions(&[0, 7]).unwrap();
    let expected = "partitions: topic not-there has no partition 7; it has partitions 0 to 1";
    assert_eq!(open_error(&options), (Status::NotFound, expected.to_owned()));
    let mut options = appending(cluster, topic);
    options.set_start(Some(9), Start::End).unwrap();
    let expected = "offsets: topic not-there has no partition 9; it has partitions 0 to 1";
    assert_eq!(open_error(&options), (Status::NotFound, expected.to_owned()));
    let error = open_error(&appending(cluster, "in/valid"));
    assert_eq!(error.0, Status::Kafka, "{error:?}");
}

#[test]
fn dont_seek_starts_at_the_committed_offset_else_where_the_reset_says() {
    let (cluster, topic) = (shared_cluster(), "committed");
    cluster.create_topic(topic, 3, 1, &[]);
    for partition in 0..3 {
        produce(cluster, topic, partition, 0, 20);
    }
    cluster.commit("mine", topic, &[(0, 7), (1, 400)]);
    let starting = |reset: Option<&str>, group: Option<&str>| {
        let mut options = appending(cluster, topic);
        options.set_start(None, Start::DontSeek).unwrap();
        options.set("auto.offset.reset", reset).unwrap();
        options.set("group.id", group).unwrap();
        open(&options)
    };
    let from = |zero, one, two| BTreeMap::from([(0, zero), (1, one), (2, two)]);
    assert_eq!(starts(&starting(None, Some("mine"))), from(7, 20, 20));
    assert_eq!(starts(&starting(Some("earliest"), Some("mine"))), from(7, 0, 0));
    assert_eq!(starts(&starting(Some("earliest"), None)), from(0, 0, 0));
    assert_eq!(starts(&starting(None, None)), from(20, 20, 20));
    let consumer = starting(Some("none"), Some("mine"));
    let snapshot = consumer.snapshot().unwrap();
    let failure = |partition| snapshot.partition(partition).unwrap().failure().map(|error| error.message().to_owned());
    assert_eq!(failure(0), None);
    assert!(failure(1).unwrap().starts_with("offset 400 is outside committed[1], whose offsets go from 0 to 20"));
    assert_eq!(
        failure(2).unwrap(),
        "no committed offset for committed[2] (group mine has none) and auto.offset.reset is none; \
         resume at an offset, or give a start offset"
    );
    poll_until(&consumer, |cycle| cycle.failed == 2 && cycle.snapshot.partition(0).unwrap().rows().end_row() == 13);
}

#[test]
fn an_offset_outside_the_log_follows_the_reset() {
    let (cluster, topic) = (shared_cluster(), "outside");
    cluster.create_topic(topic, 2, 1, &[]);
    for partition in 0..2 {
        produce(cluster, topic, partition, 0, 100);
        cluster.delete_records(topic, partition, 40);
    }
    let starting = |reset: &str, offset: i64| {
        let mut options = appending(cluster, topic);
        options.set_start(None, Start::Offset(offset)).unwrap();
        options.set("auto.offset.reset", Some(reset)).unwrap();
        starts(&open(&options))
    };
    for (reset, below, beyond) in [("earliest", 40, 40), ("latest", 100, 100)] {
        assert_eq!(starting(reset, 39), BTreeMap::from([(0, below), (1, below)]));
        assert_eq!(starting(reset, 101), BTreeMap::from([(0, beyond), (1, beyond)]));
    }
    for offset in [40, 100] {
        assert_eq!(starting("none", offset), BTreeMap::from([(0, offset), (1, offset)]));
    }
}

/// A partition is stopped at a bad record while its log is cut off behind that; then it is resumed.
fn cut_off_while_stopped(topic: &str, reset: &str) -> (Consumer, i64) {
    let cluster = shared_cluster();
    cluster.create_topic(topic, 1, 1, &[]);
    let (bad, end) = (10, 20_000);
    crate::produce_with(cluster, topic, 0, 0, end, |offset, value| {
        // Large enough that the fetch queue cannot hold what follows.
        if offset == bad {
            Vec::new()
        } else if offset < bad {
            value.to_vec()
        } else {
            vec![0; 2000]
        }
    });
    let mut options = appending(cluster, topic);
    options.set_spec(karrow::format::Side::Value, crate::simple("Value", "int64"));
    options.set("auto.offset.reset", Some(reset)).unwrap();
    options.set("karrow.memory.budget.bytes", Some("1048576")).unwrap();
    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1);
    cluster.delete_records(topic, 0, end);
    produce(cluster, topic, 0, end, end + 5);
    // Behind everything librdkafka may have fetched, and before what is left.
    consumer.resume(0, end - 5).unwrap();
    (consumer, end)
}

#[test]
fn a_log_cut_off_behind_the_position_goes_on_at_its_beginning() {
    let (consumer, end) = cut_off_while_stopped("cut-earliest", "earliest");
    poll_until(&consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == 15);
    let snapshot = consumer.snapshot().unwrap();
    let mut next = 0;
    for batch in snapshot.stream(0, 0, None).unwrap() {
        crate::check_rows_skipping(&batch, 0, &mut next, |offset| (10..end).contains(&offset));
    }
    assert_eq!(next, end + 5);
}

#[test]
fn a_log_cut_off_behind_the_position_fails_the_partition_if_told_so() {
    let (consumer, end) = cut_off_while_stopped("cut-none", "none");
    poll_until(&consumer, |cycle| {
        let failure = cycle.snapshot.partition(0).unwrap().failure().cloned();
        failure.is_some_and(|failure| failure.status() == Status::OutOfRange)
    });
    let snapshot = consumer.snapshot().unwrap();
    let failure = snapshot.partition(0).unwrap().failure().unwrap();
    let expected = format!("offset {} is outside cut-none[0], whose offsets go from {end} to {}", end - 5, end + 5);
    assert!(failure.message().starts_with(&expected), "{failure}");
    consumer.resume(0, end).unwrap();
    poll_until(&consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == 15);
}

#[test]
fn the_end_is_where_an_open_transaction_begins() {
    let (cluster, topic) = (shared_cluster(), "transactions");
    cluster.create_topic(topic, 1, 1, &[]);
    produce(cluster, topic, 0, 0, 10);
    let transactions = cluster.transactions("karrow-start");
    let write = |from: i64, to: i64| transactions.write(topic, 0, records(0, from, to));
    write(10, 15);
    let mut options = appending(cluster, topic);
    options.set_start(None, Start::End).unwrap();
    let committed = open(&options);
    options.set("isolation.level", Some("read_uncommitted")).unwrap();
    let uncommitted = open(&options);
    assert_eq!((starts(&committed)[&0], starts(&uncommitted)[&0]), (10, 15));
    transactions.commit();
    // Offset 15 is the commit marker.
    write(16, 18);
    transactions.abort();
    write(19, 20);
    transactions.commit();
    let rows = |consumer: &Consumer, rows: i64, from: i64, skipped: &dyn Fn(i64) -> bool| {
        poll_until(consumer, |cycle| cycle.snapshot.partition(0).unwrap().rows().end_row() == rows);
        let mut next = from;
        for batch in consumer.snapshot().unwrap().stream(0, 0, None).unwrap() {
            crate::check_rows_skipping(&batch, 0, &mut next, skipped);
        }
        assert_eq!(next, 20);
    };
    rows(&committed, 6, 10, &|offset| (15..19).contains(&offset));
    rows(&uncommitted, 3, 15, &|offset| offset == 15 || offset == 18);
}

#[test]
fn missing_rights_on_groups_do_no_harm_to_those_who_use_none() {
    let cluster = &Cluster::start_with(
        1,
        &[
            ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
            ("allow.everyone.if.no.acl.found", "true"),
        ],
    );
    let topic = "no-groups";
    cluster.create_topic(topic, 2, 1, &[]);
    cluster.deny_groups();
    for partition in 0..2 {
        produce(cluster, topic, partition, 0, 500);
    }
    let mut options = appending(cluster, topic);
    let log = karrow::log::Log::new(karrow::log::Level::Warning, 1000).unwrap();
    options.set_log(Some(log.clone()));
    let consumer = open(&options);
    let all = |consumer: &Consumer, rows| {
        poll_until(consumer, |cycle| {
            assert_eq!(cycle.failed, 0);
            cycle.snapshot.partitions().iter().all(|partition| partition.rows().end_row() == rows)
        });
    };
    all(&consumer, 500);
    // The group's refusal has come by now, or comes while the next records are read.
    let refused = log.take(Some(std::time::Instant::now() + HANG)).expect("librdkafka reports the refusal");
    assert!(refused.text.contains("Group authorization failed"), "{refused:?}");
    for partition in 0..2 {
        produce(cluster, topic, partition, 500, 1000);
    }
    all(&consumer, 1000);
    let snapshot = consumer.snapshot().unwrap();
    assert_eq!(check_rows(&snapshot.whole(1).unwrap(), 1, 0), 1000);
    // A group of the caller's own is asked for its offsets, and then the right is needed.
    options.set("group.id", Some("mine")).unwrap();
    options.set_start(None, Start::DontSeek).unwrap();
    let (status, message) = open_error(&options);
    assert_eq!(status, Status::Kafka);
    assert!(message.starts_with("group.id: the committed offsets of group mine cannot be read ("), "{message}");
    assert!(message.contains("Group authorization failed"), "{message}");
}
