//! A reader that does not poll takes no more memory than it was given (rule Y11).

use std::borrow::Cow;
use std::io::Write;

use crate::programs::run;
use crate::support::broker::{Record, shared_cluster};

const PARTITIONS: i32 = 64;
const RECORD_BYTES: usize = 100_000;
/// Of each partition: more than the whole budget together.
const RECORDS: usize = 60;
const BUDGET_BYTES: usize = 256 * 1024 * 1024;

#[test]
fn a_stalled_reader_of_large_records_keeps_to_its_budget() {
    let (cluster, topic) = (shared_cluster(), "stalled");
    cluster.create_topic(topic, PARTITIONS, 1, &[]);
    let payload: Vec<u8> = (0..RECORD_BYTES).map(|index| (index * 31 % 251) as u8).collect();
    for partition in 0..PARTITIONS {
        let record = || Record { value: Some(Cow::Borrowed(&payload[..])), ..Record::default() };
        cluster.produce(topic, partition, (0..RECORDS).map(|_| record()));
    }
    let records = RECORDS * PARTITIONS as usize;
    assert!(records * RECORD_BYTES > BUDGET_BYTES);
    let arguments = [&cluster.bootstrap_servers(), topic, &BUDGET_BYTES.to_string(), &records.to_string()];
    let printed = String::from_utf8(run("stalled_reader", &arguments).stdout).unwrap();
    let number = |name: &str| -> usize {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{printed}"));
        line.trim().parse().unwrap()
    };
    assert_eq!(number("rows"), records);
    let resident = number("resident_kib") * 1024;
    // Not by `println`, which shows nothing of a test that passes.
    let ratio = resident as f64 / BUDGET_BYTES as f64;
    writeln!(std::io::stdout(), "figure memory.stalled.64p.resident_bytes {resident} bytes").unwrap();
    writeln!(std::io::stdout(), "figure memory.stalled.64p.budget_ratio {ratio:.3} x").unwrap();
    assert!(resident <= BUDGET_BYTES + BUDGET_BYTES * 15 / 100, "{resident} bytes resident, {BUDGET_BYTES} allowed");
}
