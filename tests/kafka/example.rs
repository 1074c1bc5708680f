//! The examples in C, as a user runs them, against the real broker.

use std::path::Path;
use std::process::Command;

use crate::support::broker::shared_cluster;

#[test]
fn the_c_examples_print_what_was_produced() {
    let folder = std::env::var_os("KARROW_EXAMPLES_DIR")
        .expect("KARROW_EXAMPLES_DIR names the folder of the built examples; `cmake --workflow --preset test` sets it");
    let (cluster, topic) = (shared_cluster(), "c-example");
    cluster.create_topic(topic, 2, 1, &[]);
    // Keys alone: the example reads values as text too, and nulls are part of what it shows.
    let records = |partition: i32| {
        (0..3).map(move |row| crate::support::broker::Record {
            key: Some(format!("key-{partition}-{row}").into_bytes().into()),
            value: (row != 1).then(|| format!("value {row} of {partition}").into_bytes().into()),
            ..Default::default()
        })
    };
    for partition in 0..2 {
        cluster.produce(topic, partition, records(partition));
    }
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(Path::new(&folder).join(program)).args(arguments).output().expect("it is built");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{program}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let servers = cluster.bootstrap_servers();
    let text = run("read_topic", &[&servers, topic, "6"]);
    for partition in 0..2 {
        for row in 0..3 {
            let line = text.lines().find(|line| line.contains(&format!("key-{partition}-{row}")));
            let line = line.unwrap_or_else(|| panic!("row {row} of partition {partition} is missing in:\n{text}"));
            assert_eq!(line.contains(&format!("value {row} of {partition}")), row != 1, "{line}");
        }
    }
    assert!(text.lines().any(|line| line == "6 rows from 2 partitions"), "{text}");
    assert_eq!(run("count_rows", &[&servers, topic]), "6 rows\n");
}
