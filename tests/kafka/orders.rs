//! A million orders as JSON, spelt in many ways, read through the wrappers for C++, Go and Java and compared value by value.

use crate::programs::{run, run_go, run_java};
use crate::support::broker::{Record, shared_cluster};

const TOPIC: &str = "million-orders";
const PARTITIONS: i32 = 8;

/// The record of a printed line.
fn record_of(line: &[u8]) -> Record<'_> {
    let blank = line.iter().position(|byte| *byte == b' ').expect("a blank is behind the timestamp");
    let timestamp = std::str::from_utf8(&line[..blank]).expect("a timestamp is digits");
    Record {
        timestamp_ms: Some(timestamp.parse().expect("a timestamp is a number")),
        value: Some((&line[blank + 1..]).into()),
        ..Record::default()
    }
}

#[test]
fn a_million_orders_come_out_of_cpp_go_and_java_as_they_went_in() {
    let cluster = shared_cluster();
    cluster.create_topic(TOPIC, PARTITIONS, 1, &[]);
    for partition in 0..PARTITIONS {
        let printed = run("million_orders", &["print", &partition.to_string()]);
        let lines = printed.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let offsets = cluster.produce(TOPIC, partition, lines.map(record_of));
        assert_eq!((offsets[0], offsets.len()), (0, 125_000));
    }
    let servers = cluster.bootstrap_servers();
    for checked in [
        run("million_orders", &["check", &servers, TOPIC]),
        run_go("million_orders", &[&servers, TOPIC]),
        run_java("million_orders", &[&servers, TOPIC]),
    ] {
        assert_eq!(String::from_utf8_lossy(&checked.stdout), "1000000 orders, each one equal to what was produced\n");
    }
}
