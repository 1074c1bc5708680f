//! A million records: every table type accounts for each of them, alone and under a reader that never rests.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use karrow::ingest::{Consumer, Cycle};
use karrow::options::Options;
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;

use crate::support::broker::{Cluster, shared_cluster};
use crate::{check_rows, open, options, poll_until, produce};

const TOPIC: &str = "million";
const PARTITIONS: i32 = 8;
const ROWS: i64 = 1_000_000;
const EACH: i64 = ROWS / PARTITIONS as i64;

fn cluster() -> &'static Cluster {
    static PRODUCED: OnceLock<()> = OnceLock::new();
    let cluster = shared_cluster();
    PRODUCED.get_or_init(|| {
        cluster.create_topic(TOPIC, PARTITIONS, 1, &[]);
        for partition in 0..PARTITIONS {
            produce(cluster, TOPIC, partition, 0, EACH);
        }
    });
    cluster
}

fn table(table_type: TableType) -> Options {
    let mut options = options(cluster(), TOPIC);
    options.set_table_type(table_type).unwrap();
    options
}

/// Checks all rows that a snapshot shows, which have to be those before the partition's next offset.
fn check_snapshot(snapshot: &Snapshot) {
    for partition in snapshot.partitions() {
        let rows = partition.rows();
        let mut next = rows.first_row();
        for batch in snapshot.stream(partition.id(), rows.first_row(), None).unwrap() {
            next = check_rows(&batch, partition.id(), next);
        }
        assert_eq!((next, next), (rows.end_row(), partition.next_offset()));
    }
}

/// Reads everything; `check` sees every cycle.
fn read(consumer: &Consumer, mut check: impl FnMut(&Cycle)) {
    let mut rows = 0;
    poll_until(consumer, |cycle| {
        check(cycle);
        rows += cycle.rows;
        rows == ROWS
    });
}

fn read_append(consumer: &Consumer) {
    read(consumer, |_| {});
    let snapshot = consumer.snapshot().unwrap();
    check_snapshot(&snapshot);
    for partition in snapshot.partitions() {
        let rows = partition.rows();
        assert_eq!((rows.first_row(), rows.end_row()), (0, EACH));
        let chunks = rows.chunks().len();
        // Ten that grow to half the full size, and one of the full size.
        assert!(chunks <= 11, "{chunks} chunks for {EACH} rows, which fit into 11");
    }
}

fn read_blink(consumer: &Consumer) {
    let mut next = vec![0; PARTITIONS as usize];
    read(consumer, |cycle| {
        check_snapshot(&cycle.snapshot);
        let mut shown = 0;
        for (partition, next) in cycle.snapshot.partitions().iter().zip(&mut next) {
            let rows = partition.rows();
            assert_eq!(rows.first_row(), *next);
            *next = rows.end_row();
            shown += rows.end_row() - rows.first_row();
        }
        assert_eq!(shown, cycle.rows);
    });
    assert!(next.iter().all(|next| *next == EACH));
}

fn read_ring(consumer: &Consumer, capacity: i64) {
    read(consumer, |cycle| {
        check_snapshot(&cycle.snapshot);
        for partition in cycle.snapshot.partitions() {
            let rows = partition.rows();
            assert_eq!(rows.end_row() - rows.first_row(), rows.end_row().min(capacity));
        }
    });
    let snapshot = consumer.snapshot().unwrap();
    assert!(snapshot.partitions().iter().all(|partition| partition.rows().end_row() == EACH));
}

#[test]
fn append_keeps_every_record_in_few_batches() {
    read_append(&open(&table(TableType::Append)));
}

#[test]
fn blink_shows_every_record_in_exactly_one_cycle() {
    read_blink(&open(&table(TableType::Blink)));
}

#[test]
fn ring_keeps_the_last_records_of_each_partition() {
    read_ring(&open(&table(TableType::Ring { capacity: 1000 })), 1000);
}

/// Reads with a small budget while another thread takes, checks and exports snapshots all the time.
fn beside_a_reader(table_type: TableType, read: impl FnOnce(&Consumer)) {
    let mut options = table(table_type);
    options.set("karrow.memory.budget.bytes", Some("16777216")).unwrap();
    let consumer = open(&options);
    let reading = AtomicBool::new(true);
    let snapshots = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut snapshots, mut last_cycle) = (0, 0);
            while reading.load(Ordering::Acquire) {
                let snapshot = consumer.snapshot().unwrap();
                assert!(snapshot.cycle() >= last_cycle, "cycles went back");
                last_cycle = snapshot.cycle();
                check_snapshot(&snapshot);
                let merged: usize = snapshot.merged(&[]).unwrap().map(|batch| batch.num_rows()).sum();
                let whole: usize = (0..PARTITIONS).map(|partition| snapshot.whole(partition).unwrap().num_rows()).sum();
                assert_eq!(merged, whole);
                snapshots += 1;
            }
            snapshots
        });
        // Also if what is read is wrong: else the reader would never end.
        let outcome = catch_unwind(AssertUnwindSafe(|| read(&consumer)));
        reading.store(false, Ordering::Release);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        reader.join().unwrap()
    });
    assert!(snapshots > 1, "the reader saw {snapshots} snapshots");
}

#[test]
fn append_under_a_small_budget_beside_a_busy_reader() {
    beside_a_reader(TableType::Append, read_append);
}

#[test]
fn blink_under_a_small_budget_beside_a_busy_reader() {
    beside_a_reader(TableType::Blink, read_blink);
}

#[test]
fn ring_under_a_small_budget_beside_a_busy_reader() {
    beside_a_reader(TableType::Ring { capacity: 5000 }, |consumer| read_ring(consumer, 5000));
}
