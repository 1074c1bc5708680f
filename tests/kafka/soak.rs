//! For months: the preset `test-long` runs this for as many seconds as `KARROW_SOAK_SECONDS` says, ten minutes by default.

use std::time::{Duration, Instant};

use karrow::ingest::Timeout;
use karrow::table::retention::TableType;

use crate::support::broker::shared_cluster;
use crate::{check_rows_skipping, open, options, produce_with};

const PARTITIONS: i32 = 8;
/// How many records of a partition come at a time.
const PIECE: i64 = 2_000;
const CAPACITY: i64 = 50_000;

fn is_bad(offset: i64) -> bool {
    offset % 997 == 500
}

/// What the process holds in memory.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this test runs on Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has a resident set");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") * 1024
}

#[test]
#[ignore = "takes ten minutes"]
fn a_ring_that_is_fed_failed_resumed_and_read_without_end_stays_right_and_small() {
    let seconds = std::env::var("KARROW_SOAK_SECONDS").map_or(600, |text| text.parse().expect("a number of seconds"));
    let (cluster, topic) = (shared_cluster(), "soak");
    // The broker keeps little too.
    let small = [("retention.bytes", "8388608"), ("segment.bytes", "1048576")];
    cluster.create_topic(topic, PARTITIONS, 1, &small);
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Ring { capacity: CAPACITY }).unwrap();
    let consumer = open(&options);
    let (mut produced, mut cycles, mut resumed) = (0, 0, 0);
    let mut settled = 0;
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        for partition in 0..PARTITIONS {
            produce_with(cluster, topic, partition, produced, produced + PIECE, |offset, value| {
                if is_bad(offset) { b"bad".to_vec() } else { value.to_vec() }
            });
        }
        produced += PIECE;
        let hang = Instant::now() + crate::HANG;
        loop {
            let cycle = consumer.poll(Timeout::Millis(100)).unwrap();
            cycles += 1;
            for partition in cycle.snapshot.partitions().iter().filter(|partition| partition.failure().is_some()) {
                consumer.resume(partition.id(), partition.next_offset() + 1).unwrap();
                resumed += 1;
            }
            if cycle.snapshot.partitions().iter().all(|partition| partition.next_offset() >= produced) {
                break;
            }
            assert!(Instant::now() < hang, "stuck: {:?}", crate::progress(&cycle.snapshot));
        }
        let snapshot = consumer.snapshot().unwrap();
        for partition in snapshot.partitions() {
            let rows = partition.rows();
            let good = (0..produced).filter(|offset| !is_bad(*offset)).count() as i64;
            assert_eq!((rows.end_row(), rows.end_row() - rows.first_row()), (good, good.min(CAPACITY)));
            let mut next = None;
            for batch in snapshot.stream(partition.id(), rows.first_row(), None).unwrap() {
                let first = arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Int64Type>(batch.column(1));
                check_rows_skipping(&batch, partition.id(), next.get_or_insert(first.value(0)), is_bad);
            }
        }
        // By now the ring is full and every buffer has its size; from here on nothing may grow.
        if settled == 0 && produced > 4 * CAPACITY {
            settled = resident_bytes();
        }
    }
    let now = resident_bytes();
    println!("{produced} records a partition, {cycles} cycles, {resumed} resumes, {settled} -> {now} bytes resident");
    assert!(settled > 0, "too short to say anything about memory");
    assert!(now < settled + settled / 10 + 16 * 1024 * 1024, "memory grows: {settled} -> {now} bytes");
}
