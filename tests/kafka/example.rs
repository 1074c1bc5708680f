//! The examples in C and C++, as a user runs them, against the real broker.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

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

#[test]
fn the_example_of_commits_deals_with_each_record_once() {
    let folder = std::env::var_os("KARROW_EXAMPLES_DIR").expect("KARROW_EXAMPLES_DIR names the folder of the examples");
    let (cluster, topic) = (shared_cluster(), "commit-example");
    cluster.create_topic(topic, 3, 1, &[]);
    let produce = |count: usize| {
        let record = || crate::support::broker::Record { value: Some(b"text".into()), ..Default::default() };
        cluster.produce(topic, 1, (0..count).map(|_| record()));
    };
    let rows = || {
        let arguments = [&cluster.bootstrap_servers(), topic, "commit-example"];
        let output =
            Command::new(Path::new(&folder).join("commit_after_use")).args(arguments).output().expect("it is built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    produce(500);
    assert_eq!(rows(), "500 rows\n");
    assert_eq!(rows(), "0 rows\n");
    produce(7);
    assert_eq!(rows(), "7 rows\n");
    assert_eq!(cluster.committed("commit-example", topic, 3)[1], Some(507));
}

#[test]
fn the_orders_tool_follows_a_topic_until_it_is_interrupted() {
    let folder = std::env::var_os("KARROW_EXAMPLES_DIR").expect("KARROW_EXAMPLES_DIR names the folder of the examples");
    let (cluster, topic) = (shared_cluster(), "orders-tool");
    cluster.create_topic(topic, 2, 1, &[]);
    let order = |symbol: &str| crate::support::broker::Record {
        value: Some(format!(r#"{{"jsymbol":"{symbol}","jprice":1.25,"jqty":7}}"#).into_bytes().into()),
        ..Default::default()
    };
    cluster.produce(topic, 0, ["AAPL", "MSFT"].map(order));
    cluster.produce(topic, 1, ["NVDA"].map(order));
    let mut tool = Command::new(Path::new(&folder).join("orders"))
        .args(["--bootstrap-servers", &cluster.bootstrap_servers(), "--topic", topic, "-X", "fetch.wait.max.ms=50"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is built");
    let mut lines = BufReader::new(tool.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains(" 3 rows")).expect("it ends only after it was interrupted");
    // SAFETY: the process is a child that nobody has waited for.
    unsafe { libc::kill(tool.id().try_into().unwrap(), libc::SIGINT) };
    let rest: Vec<String> = lines.collect();
    assert!(tool.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("NVDA")) && rest.iter().any(|line| line.contains("MSFT")), "{rest:?}");
    assert!(rest.iter().any(|line| line == "3 rows from 2 partitions, 0 of which failed"), "{rest:?}");
}
