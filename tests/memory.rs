//! Cycles, failures and the memory budget, through the public Rust API and records handed over in memory.
//!
//! Names in comments (Y1, R1) are those of the rules that a test shows. The feeder decodes within `push`, so what has
//! been pushed is ready for the next poll, and nothing here has to wait but what says so.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use karrow::error::{Error, Result, Status};
use karrow::format::avro::AvroSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::memory::{Feeder, OwnedRecord};
use karrow::ingest::{Consumer, Cycle, Timeout};
use karrow::options::Options;
use karrow::rows::{Record, RecordTime};
use karrow::table::PartitionState;
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use proptest::prelude::*;

const NOW: Timeout = Timeout::Millis(0);
/// Longer than anything here takes; only a test that fails waits so long.
const LONG: Duration = Duration::from_secs(30);
const MIB: usize = 1024 * 1024;

/// Options for a table with one value column `V`.
fn options(table_type: TableType, value_type: &str) -> Options {
    let mut options = Options::new("orders").unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    let value = Spec::Simple { column: Some("V".to_owned()), type_name: Some(value_type.to_owned()) };
    options.set_spec(Side::Value, value);
    options.set_table_type(table_type).unwrap();
    options
}

fn consumer(table_type: TableType, partitions: &[(i32, i64)]) -> (Consumer, Feeder) {
    Consumer::in_memory(&options(table_type, "int64"), partitions).unwrap()
}

/// A consumer of byte strings whose memory budget is 1 MiB, the least there is.
fn small_consumer(partitions: &[(i32, i64)]) -> (Consumer, Feeder) {
    let mut options = options(TableType::Blink, "binary");
    options.set("karrow.memory.budget.bytes", Some(&MIB.to_string())).unwrap();
    Consumer::in_memory(&options, partitions).unwrap()
}

fn lingering_consumer(linger_ms: u64) -> (Consumer, Feeder) {
    let mut options = options(TableType::Blink, "int64");
    options.set("karrow.poll.linger.ms", Some(&linger_ms.to_string())).unwrap();
    Consumer::in_memory(&options, &[(0, 0)]).unwrap()
}

fn record(offset: i64, value: Vec<u8>) -> OwnedRecord {
    OwnedRecord { offset, timestamp: RecordTime::None, key: None, value: Some(value), headers: Vec::new() }
}

/// A record whose value is its offset, as an int64.
fn good(offset: i64) -> OwnedRecord {
    record(offset, offset.to_be_bytes().to_vec())
}

/// A record whose value is not an int64.
fn bad(offset: i64) -> OwnedRecord {
    record(offset, b"bad".to_vec())
}

fn feed(feeder: &Feeder, partition: i32, records: impl IntoIterator<Item = OwnedRecord>) {
    records.into_iter().for_each(|record| feeder.push(partition, record).unwrap());
}

fn poll(consumer: &Consumer) -> Cycle {
    consumer.poll(NOW).unwrap()
}

fn error<T>(outcome: Result<T>) -> Error {
    outcome.err().expect("this call has to fail")
}

fn told<T>(outcome: Result<T>) -> (Status, String) {
    let error = error(outcome);
    (error.status(), error.message().to_owned())
}

fn column(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).expect("the column exists").as_primitive::<Int64Type>();
    assert_eq!(column.null_count(), 0);
    column.values().to_vec()
}

/// The offsets of the rows that a partition shows.
fn offsets(snapshot: &Snapshot, partition: i32) -> Vec<i64> {
    let first_row = snapshot.partition(partition).unwrap().rows().first_row();
    offsets_from(snapshot, partition, first_row)
}

fn offsets_from(snapshot: &Snapshot, partition: i32, from_row: i64) -> Vec<i64> {
    let batches = snapshot.stream(partition, from_row, None).unwrap();
    batches.flat_map(|batch| column(&batch, "KafkaOffset")).collect()
}

fn row_range(snapshot: &Snapshot, partition: i32) -> (i64, i64) {
    let rows = snapshot.partition(partition).unwrap().rows();
    (rows.first_row(), rows.end_row())
}

fn next_offset(snapshot: &Snapshot, partition: i32) -> i64 {
    snapshot.partition(partition).unwrap().next_offset()
}

fn has_failed(snapshot: &Snapshot, partition: i32) -> bool {
    snapshot.partition(partition).unwrap().failure().is_some()
}

mod cycles {
    use super::*;

    #[test]
    fn a_poll_publishes_rows_that_are_ready() {
        // Y1: it does not wait for the end of its time.
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(0), good(1)]);
        let cycle = consumer.poll(Timeout::Never).unwrap();
        assert_eq!((cycle.rows, cycle.failed, cycle.snapshot.cycle()), (2, 0, 1));
        assert_eq!(offsets(&cycle.snapshot, 0), [0, 1]);
    }

    #[test]
    fn records_that_are_lent_become_rows_as_those_that_are_pushed() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 0)]);
        let lent = |offset: i64, value: &'static [u8]| Record {
            offset,
            timestamp: RecordTime::None,
            receive_time_ns: 0,
            leader_epoch: None,
            key: None,
            value: Some(value),
            headers: &[],
        };
        feed(&feeder, 0, [good(0)]);
        assert_eq!(feeder.lend(0, [lent(1, &[0; 8]), lent(2, &[0; 8])]).unwrap(), 2);
        assert_eq!(offsets(&poll(&consumer).snapshot, 0), [0, 1, 2]);
        // The partition stops at a bad one, which it has taken, and takes nothing before it is resumed.
        let bad = [lent(3, b"bad"), lent(4, &[0; 8])];
        assert_eq!(feeder.lend(0, bad).unwrap(), 1);
        assert_eq!(feeder.lend(0, bad[1..].to_vec()).unwrap(), 0);
        assert_eq!(poll(&consumer).failed, 1);
        consumer.resume(0, 4).unwrap();
        assert_eq!(feeder.lend(0, bad[1..].to_vec()).unwrap(), 1);
        assert_eq!(offsets(&poll(&consumer).snapshot, 0), [0, 1, 2, 4]);
        assert_eq!(error(feeder.lend(2, [])).status(), Status::NotFound);
        // Behind records that wait for their partition nothing is taken.
        feed(&feeder, 1, [self::bad(0), good(1)]);
        assert_eq!((feeder.waiting(1), feeder.lend(1, [lent(2, &[0; 8])]).unwrap()), (1, 0));
    }

    #[test]
    fn a_waiting_poll_ends_with_the_first_row() {
        // Y1
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        thread::scope(|scope| {
            let poll = scope.spawn(|| consumer.poll(Timeout::Never).unwrap().rows);
            feed(&feeder, 0, [good(0)]);
            assert_eq!(poll.join().unwrap(), 1);
        });
    }

    #[test]
    fn a_waiting_poll_ends_with_a_change_of_state() {
        // Y1
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 0)]);
        feed(&feeder, 0, [bad(0)]);
        let cycle = consumer.poll(Timeout::Never).unwrap();
        assert_eq!((cycle.rows, cycle.failed), (0, 1));
        consumer.resume(0, 1).unwrap();
        let cycle = consumer.poll(Timeout::Never).unwrap();
        assert_eq!((cycle.rows, cycle.failed), (0, 0));
    }

    #[test]
    fn a_poll_that_times_out_is_a_cycle_without_rows() {
        // Y1, Y3: cycle 0 is before the first poll.
        let (consumer, _feeder) = consumer(TableType::Append, &[(0, 0)]);
        assert_eq!(consumer.snapshot().unwrap().cycle(), 0);
        for number in 1..4 {
            let cycle = poll(&consumer);
            assert_eq!((cycle.rows, cycle.failed, cycle.snapshot.cycle()), (0, 0, number));
        }
    }

    #[test]
    fn a_linger_ends_with_the_callers_time() {
        // Y1: an hour of linger, a millisecond to wait.
        let (consumer, feeder) = lingering_consumer(3_600_000);
        feed(&feeder, 0, [good(0)]);
        assert_eq!(consumer.poll(Timeout::Millis(1)).unwrap().rows, 1);
    }

    #[test]
    fn blink_shows_one_cycle_append_all_and_ring_the_last() {
        // Y2, Y4
        let expected: [(TableType, &[i64]); 3] = [
            (TableType::Blink, &[2, 3, 4]),
            (TableType::Append, &[0, 1, 2, 3, 4]),
            (TableType::Ring { capacity: 4 }, &[1, 2, 3, 4]),
        ];
        for (table_type, shown) in expected {
            let (consumer, feeder) = consumer(table_type, &[(0, 0)]);
            feed(&feeder, 0, [good(0), good(1)]);
            poll(&consumer);
            feed(&feeder, 0, [good(2), good(3), good(4)]);
            let snapshot = poll(&consumer).snapshot;
            assert_eq!(offsets(&snapshot, 0), shown, "{table_type:?}");
            assert_eq!(row_range(&snapshot, 0), (shown[0], 5), "{table_type:?}");
        }
    }

    #[test]
    fn a_cycle_without_rows_empties_blink_and_nothing_else() {
        // Y2
        for (table_type, rows) in [(TableType::Blink, 0), (TableType::Append, 2), (TableType::Ring { capacity: 9 }, 2)]
        {
            let (consumer, feeder) = consumer(table_type, &[(0, 0)]);
            feed(&feeder, 0, [good(0), good(1)]);
            poll(&consumer);
            let snapshot = poll(&consumer).snapshot;
            assert_eq!(row_range(&snapshot, 0), (2 - rows, 2), "{table_type:?}");
            assert_eq!(snapshot.whole(0).unwrap().num_rows(), usize::try_from(rows).unwrap());
        }
    }

    #[test]
    fn a_partition_without_rows_is_emptied_by_the_cycle_of_another() {
        // Y2
        let (consumer, feeder) = consumer(TableType::Blink, &[(0, 0), (1, 0)]);
        feed(&feeder, 0, [good(0)]);
        poll(&consumer);
        feed(&feeder, 1, [good(0)]);
        let snapshot = poll(&consumer).snapshot;
        assert_eq!((row_range(&snapshot, 0), row_range(&snapshot, 1)), ((1, 1), (0, 1)));
    }

    #[test]
    fn nothing_changes_between_two_polls() {
        // Y3
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 7)]);
        let seen = || {
            let snapshot = consumer.snapshot().unwrap();
            (snapshot.cycle(), offsets(&snapshot, 0), has_failed(&snapshot, 0), next_offset(&snapshot, 0))
        };
        assert_eq!(seen(), (0, vec![], false, 7));
        feed(&feeder, 0, [good(7), bad(8)]);
        assert_eq!(seen(), (0, vec![], false, 7));
        let before = consumer.snapshot().unwrap();
        poll(&consumer);
        assert_eq!(seen(), (1, vec![7], true, 8));
        consumer.resume(0, 9).unwrap();
        feed(&feeder, 0, [good(9)]);
        assert_eq!(seen(), (1, vec![7], true, 8));
        poll(&consumer);
        assert_eq!(seen(), (2, vec![7, 9], false, 10));
        assert_eq!((before.cycle(), row_range(&before, 0), has_failed(&before, 0)), (0, (0, 0), false));
    }

    #[test]
    fn the_end_comes_when_all_have_failed_and_a_resume_takes_it_back() {
        // Y5
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 0)]);
        feed(&feeder, 0, [bad(0)]);
        assert_eq!(poll(&consumer).failed, 1);
        assert_eq!(poll(&consumer).failed, 1);
        feed(&feeder, 1, [good(0), bad(1)]);
        let last = consumer.poll(Timeout::Never).unwrap();
        assert_eq!((last.rows, last.failed, last.snapshot.cycle()), (1, 2, 3));
        let end = "every partition has finished or failed; resume one that failed to read on, or close the consumer";
        for _ in 0..2 {
            assert_eq!(told(consumer.poll(Timeout::Never)), (Status::End, end.to_owned()));
        }
        assert_eq!(consumer.snapshot().unwrap().cycle(), 3);
        consumer.resume(1, 2).unwrap();
        let cycle = poll(&consumer);
        assert_eq!((cycle.failed, cycle.snapshot.cycle()), (1, 4));
        assert_eq!(poll(&consumer).snapshot.cycle(), 5);
    }

    #[test]
    fn partitions_are_all_there_from_the_first_snapshot_on_and_ascending() {
        // P4
        let (consumer, _feeder) = consumer(TableType::Blink, &[(5, 0), (0, 3), (2, 0)]);
        let snapshot = consumer.snapshot().unwrap();
        let partitions: Vec<_> = snapshot.partitions().iter().map(|p| (p.id(), p.next_offset())).collect();
        assert_eq!(partitions, [(0, 3), (2, 0), (5, 0)]);
    }

    #[test]
    fn a_poll_beside_another_is_busy() {
        let (consumer, _feeder) = consumer(TableType::Blink, &[(0, 0)]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                loop {
                    match consumer.poll(Timeout::Never) {
                        Err(error) if error.status() == Status::Busy => thread::yield_now(),
                        outcome => return outcome.map(|cycle| cycle.rows),
                    }
                }
            });
            let busy = loop {
                match consumer.poll(NOW) {
                    Ok(_) => thread::yield_now(),
                    Err(error) => break error,
                }
            };
            assert_eq!(busy.status(), Status::Busy);
            assert_eq!(
                busy.message(),
                "poll: another open, poll or close of this consumer is running in another thread"
            );
            consumer.wakeup();
            assert_eq!(error(waiting.join().unwrap()).status(), Status::Interrupted);
        });
    }

    #[test]
    fn calls_that_do_not_fit_the_state_say_what_to_do() {
        let mut options = options(TableType::Blink, "int64");
        options.set("bootstrap.servers", Some("localhost:1")).unwrap();
        let new = Consumer::new(&options).unwrap();
        let not_open = (Status::InvalidState, "the consumer has not been opened; call open first".to_owned());
        assert_eq!(told(new.poll(NOW)), not_open);
        assert_eq!(told(new.snapshot()), not_open);
        assert_eq!(told(new.resume(0, 0)), not_open);
        let (open, feeder) = consumer(TableType::Blink, &[(0, 0)]);
        assert_eq!(told(open.open(NOW)), (Status::InvalidState, "the consumer is open already".to_owned()));
        let nobody = told(feeder.push(4, good(0)));
        assert_eq!(nobody, (Status::NotFound, "partition: 4 is not among those read".to_owned()));
    }

    #[test]
    fn negative_times_are_refused_but_for_minus_one() {
        assert_eq!(Timeout::from_number(-1).unwrap(), Timeout::Never);
        assert_eq!(Timeout::from_number(7).unwrap(), Timeout::Millis(7));
        let message = "timeout_ms: -2 is negative; give 0 or more milliseconds, or -1 to wait for ever";
        assert_eq!(told(Timeout::from_number(-2)), (Status::InvalidArgument, message.to_owned()));
    }
}

mod snapshots {
    use super::*;

    #[test]
    fn merged_rows_come_by_partition_then_row() {
        // Y6
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 10), (2, 20)]);
        feed(&feeder, 2, [good(20), good(21)]);
        feed(&feeder, 0, [good(0), good(1)]);
        poll(&consumer);
        feed(&feeder, 0, [good(2)]);
        let snapshot = poll(&consumer).snapshot;
        let merged = |from_rows: &[i64]| -> Vec<i64> {
            snapshot.merged(from_rows).unwrap().flat_map(|batch| column(&batch, "KafkaOffset")).collect()
        };
        assert_eq!(merged(&[]), [0, 1, 2, 20, 21]);
        assert_eq!(merged(&[2, 0, 1]), [2, 21]);
        assert_eq!(merged(&[3, 0, 2]), [0_i64; 0]);
        let count = "from_rows: there are 1 row numbers for 3 partitions".to_owned();
        assert_eq!(told(snapshot.merged(&[0])), (Status::InvalidArgument, count));
        let beyond = "from_row: row 1 of partition 1 is not in this snapshot, which ends at row 0".to_owned();
        assert_eq!(told(snapshot.merged(&[0, 1, 0])), (Status::OutOfRange, beyond));
    }

    #[test]
    fn a_merged_ring_has_its_capacity_of_each_partition() {
        // Y6
        let (consumer, feeder) = consumer(TableType::Ring { capacity: 2 }, &[(0, 0), (1, 0)]);
        for partition in [0, 1] {
            feed(&feeder, partition, (0..5).map(good));
        }
        let snapshot = poll(&consumer).snapshot;
        let merged: Vec<_> = snapshot.merged(&[]).unwrap().flat_map(|batch| column(&batch, "KafkaOffset")).collect();
        assert_eq!(merged, [3, 4, 3, 4]);
    }

    #[test]
    fn every_partition_cycle_and_way_out_has_the_same_schema() {
        // Y7
        let (consumer, feeder) = consumer(TableType::Blink, &[(0, 0), (1, 0)]);
        let schema = consumer.schema().unwrap();
        let schema = schema.arrow();
        assert_eq!(schema.metadata()["karrow.topic"], "orders");
        let nullable: Vec<_> =
            schema.fields().iter().map(|field| (field.name().as_str(), field.is_nullable())).collect();
        let expected = [("KafkaPartition", false), ("KafkaOffset", false), ("KafkaTimestamp", true), ("V", true)];
        assert_eq!(nullable, expected);
        let origins: Vec<_> = schema.fields().iter().map(|field| field.metadata()["karrow.origin"].as_str()).collect();
        assert_eq!(origins, ["common", "common", "common", "value"]);
        for offset in 0..3 {
            feed(&feeder, 0, [good(offset)]);
            let snapshot = poll(&consumer).snapshot;
            assert_eq!(snapshot.schema(), schema);
            for partition in [0, 1] {
                assert_eq!(snapshot.whole(partition).unwrap().schema_ref(), schema);
                assert_eq!(
                    snapshot.stream(partition, row_range(&snapshot, partition).0, None).unwrap().schema(),
                    schema
                );
            }
            assert!(snapshot.merged(&[]).unwrap().all(|batch| batch.schema_ref() == schema));
        }
    }

    #[test]
    fn no_rows_are_a_schema_without_batches_and_an_array_with_real_buffers() {
        // Y8
        let mut options = options(TableType::Append, "utf8");
        options.set("karrow.headers.column.name", Some("H")).unwrap();
        let (consumer, _feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        let snapshot = poll(&consumer).snapshot;
        assert_eq!(snapshot.stream(0, 0, None).unwrap().count(), 0);
        assert_eq!(snapshot.merged(&[]).unwrap().count(), 0);
        let whole = snapshot.whole(0).unwrap();
        assert_eq!(whole.num_rows(), 0);
        for array in whole.columns() {
            let data = array.to_data();
            data.validate_full().unwrap();
            assert!(data.buffers().iter().all(|buffer| !buffer.as_ptr().is_null()));
        }
    }

    #[test]
    fn a_range_without_rows_has_no_batches_wherever_it_lies() {
        // Y8
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, (0..3).map(good));
        let snapshot = poll(&consumer).snapshot;
        for row in 0..=3 {
            assert_eq!(snapshot.stream(0, row, Some(row)).unwrap().count(), 0, "at row {row}");
        }
    }

    #[test]
    fn rows_that_are_not_there_are_named() {
        // Y4
        let (consumer, feeder) = consumer(TableType::Blink, &[(0, 0), (3, 0)]);
        feed(&feeder, 3, (0..4).map(good));
        poll(&consumer);
        feed(&feeder, 3, (4..6).map(good));
        let snapshot = poll(&consumer).snapshot;
        let stream = |from_row, end_row| told(snapshot.stream(3, from_row, end_row));
        let outside = |message: &str| (Status::OutOfRange, message.to_owned());
        assert_eq!(
            stream(3, None),
            outside("from_row: row 3 of partition 3 is not in this snapshot, whose first row is 4")
        );
        assert_eq!(
            stream(7, None),
            outside("from_row: row 7 of partition 3 is not in this snapshot, which ends at row 6")
        );
        for end in [4, 7] {
            let message = format!(
                "end_row: row {end} of partition 3 is not in this snapshot, which has rows 5 to 6 from from_row on"
            );
            assert_eq!(stream(5, Some(end)), outside(&message));
        }
        assert_eq!(snapshot.stream(3, 6, None).unwrap().count(), 0);
        let missing = "partition: 1 is not among the partitions read (0, 3)".to_owned();
        assert_eq!(told(snapshot.whole(1)), (Status::NotFound, missing));
    }

    #[test]
    fn a_view_chooses_and_renames_columns_and_keeps_the_rest() {
        // Y12
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(0), good(1), bad(2)]);
        let snapshot = poll(&consumer).snapshot;
        let view = snapshot.view(&["Twice=V", "V", " O = KafkaOffset "]).unwrap();
        let names: Vec<_> = view.schema().fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["Twice", "V", "O"]);
        assert_eq!(view.schema().metadata(), snapshot.schema().metadata());
        assert_eq!(view.schema().field(2).metadata(), snapshot.schema().field(1).metadata());
        assert_eq!((view.cycle(), has_failed(&view, 0), next_offset(&view, 0)), (1, true, 2));
        let whole = view.whole(0).unwrap();
        for batch in view.stream(0, 0, None).unwrap().chain([whole.clone()]) {
            assert_eq!(batch.schema_ref(), view.schema());
            assert_eq!((column(&batch, "Twice"), column(&batch, "O")), (vec![0, 1], vec![0, 1]));
        }
        let again = view.view(&["Back=O"]).unwrap().whole(0).unwrap();
        assert_eq!(column(&again, "Back"), [0, 1]);
        let memory = |batch: &RecordBatch, column: usize| batch.column(column).to_data().buffers()[0].as_ptr();
        assert_eq!(memory(&again, 0), memory(&whole, 2));
    }

    #[test]
    fn a_view_that_cannot_be_says_why() {
        // Y12
        let (consumer, _feeder) = consumer(TableType::Append, &[(0, 0)]);
        let snapshot = consumer.snapshot().unwrap();
        let view = |columns: &[&str]| told(snapshot.view(columns));
        let wrong = |message: &str| (Status::InvalidArgument, message.to_owned());
        assert_eq!(view(&[]), wrong("columns: a view needs at least one column"));
        assert_eq!(view(&["=V"]), wrong("columns: '=V' is neither a column name nor New=Old"));
        assert_eq!(view(&["X="]), wrong("columns: 'X=' is neither a column name nor New=Old"));
        assert_eq!(
            view(&["V", "V=KafkaOffset"]),
            wrong("columns: 'V' appears twice; every column of a view needs a name of its own")
        );
        let missing =
            "columns: there is no column 'W'; the table has KafkaPartition, KafkaOffset, KafkaTimestamp, V".to_owned();
        assert_eq!(view(&["X=W"]), (Status::NotFound, missing));
        let renamed = snapshot.view(&["X=V"]).unwrap();
        let missing = "columns: there is no column 'V'; the table has X".to_owned();
        assert_eq!(told(renamed.view(&["V"])), (Status::NotFound, missing));
    }

    #[test]
    fn snapshots_taken_while_cycles_are_published_are_whole_cycles() {
        // Y3, Y4: offsets are row numbers here, so every row says where it belongs.
        for table_type in [TableType::Blink, TableType::Append, TableType::Ring { capacity: 1000 }] {
            let (consumer, feeder) = consumer(table_type, &[(0, 0), (1, 0), (2, 0)]);
            read_beside_polls(&consumer, &feeder, 20_000);
        }
    }

    fn read_beside_polls(consumer: &Consumer, feeder: &Feeder, rows_each: i64) {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for partition in 0..3 {
                scope.spawn(move || feed(feeder, partition, (0..rows_each).map(good)));
            }
            let readers = [(); 2].map(|()| scope.spawn(|| watch(consumer, &done)));
            let reported = poll_for(consumer, rows_each * 3);
            done.store(true, Ordering::Release);
            assert_eq!(reported.last(), Some(&(rows_each * 3)));
            for reader in readers {
                for (cycle, rows) in reader.join().unwrap() {
                    assert_eq!(rows, reported[usize::try_from(cycle).unwrap()], "cycle {cycle}");
                }
            }
        });
    }

    /// Polls until that many rows have come. Returns how many there were after each cycle.
    fn poll_for(consumer: &Consumer, rows: i64) -> Vec<i64> {
        let mut totals = vec![0];
        while let Some(total) = totals.last().copied().filter(|total| *total < rows) {
            match consumer.poll(Timeout::Millis(30_000)) {
                Ok(cycle) if cycle.rows > 0 => totals.push(total + cycle.rows),
                _ => break,
            }
        }
        totals
    }

    /// Takes snapshots and checks each. Returns the cycles seen, with the number of rows published until then.
    fn watch(consumer: &Consumer, done: &AtomicBool) -> Vec<(i64, i64)> {
        let mut seen = vec![(0, 0)];
        let mut ends = [0; 3];
        loop {
            let last = done.load(Ordering::Acquire);
            let snapshot = consumer.snapshot().unwrap();
            let (cycle, _) = seen[seen.len() - 1];
            assert!(snapshot.cycle() >= cycle);
            if snapshot.cycle() > cycle {
                for (partition, end) in (0..3).zip(&mut ends) {
                    let (first_row, end_row) = row_range(&snapshot, partition);
                    assert!(end_row >= *end);
                    let from_row = first_row.max(*end);
                    assert_eq!(offsets_from(&snapshot, partition, from_row), (from_row..end_row).collect::<Vec<_>>());
                    *end = end_row;
                }
                seen.push((snapshot.cycle(), ends.iter().sum()));
            }
            if last {
                return seen;
            }
        }
    }

    #[test]
    fn every_batch_has_the_same_dictionary_and_so_has_the_whole() {
        // Y9
        let side = r#"{"type": "enum", "name": "Side", "symbols": ["buy", "sell", "short"]}"#;
        let schema = format!(
            r#"{{"type": "record", "name": "R", "fields": [
            {{"name": "Side", "type": ["null", {side}]}}, {{"name": "Sides", "type": {{"type": "array", "items": "Side"}}}}]}}"#
        );
        let mut value = AvroSpec::from_schema(&schema).unwrap();
        value.set("enum", "dictionary").unwrap();
        value.set("framing", "bare").unwrap();
        // Of the ring, the oldest chunk is shown in part, and copied once little of it is.
        for table_type in [TableType::Append, TableType::Ring { capacity: 1100 }] {
            let mut options = options(table_type, "int64");
            options.set_spec(Side::Value, Spec::Avro(value.clone()));
            let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0), (1, 0)]).unwrap();
            for round in 0..40 {
                // The union's member 1 with the symbols in turn, and null; an array of one.
                let datum = |n: i64| if n % 4 == 3 { vec![0, 2, 0, 0] } else { vec![2, 2 * (n % 4) as u8, 2, 2, 0] };
                feed(&feeder, 0, (50 * round..50 * round + 50).map(|n| record(n, datum(n))));
                let snapshot = poll(&consumer).snapshot;
                let batches = snapshot.stream(0, snapshot.partition(0).unwrap().rows().first_row(), None).unwrap();
                let all = batches.chain([0, 1].map(|partition| snapshot.whole(partition).unwrap()));
                for batch in all {
                    let sides = batch["Side"].as_dictionary::<Int32Type>();
                    let lists = batch["Sides"].as_list::<i32>();
                    for dictionary in [sides, lists.values().as_dictionary::<Int32Type>()] {
                        let symbols: Vec<_> = dictionary.values().as_string::<i32>().iter().flatten().collect();
                        assert_eq!(symbols, ["buy", "sell", "short"]);
                    }
                    let first = batch.column_by_name("KafkaOffset").unwrap().as_primitive::<Int64Type>();
                    let expected = first.values().iter().map(|n| if n % 4 == 3 { None } else { Some((n % 4) as i32) });
                    assert!(sides.keys().iter().eq(expected));
                }
            }
        }
    }
}

mod budget {
    //! Y11

    use super::*;

    const SIZE: usize = 1000;

    fn sized(offset: i64, bytes: usize) -> OwnedRecord {
        record(offset, vec![b'x'; bytes])
    }

    #[test]
    fn records_beyond_the_budget_wait_and_come_in_order() {
        let (consumer, feeder) = small_consumer(&[(0, 0)]);
        feed(&feeder, 0, (0..5000).map(|offset| sized(offset, SIZE)));
        let mut came = Vec::new();
        while came.len() < 5000 {
            assert!(feeder.waiting(0) > 0 || came.len() > 4000, "5 MB do not fit into 1 MiB");
            let snapshot = poll(&consumer).snapshot;
            let offsets = offsets(&snapshot, 0);
            assert!((1..=MIB / SIZE).contains(&offsets.len()), "{} rows at once", offsets.len());
            came.extend(offsets);
        }
        assert!(came.into_iter().eq(0..5000));
        assert_eq!(feeder.waiting(0), 0);
    }

    #[test]
    fn an_oversized_record_is_let_in_alone() {
        let (consumer, feeder) = small_consumer(&[(0, 0)]);
        feed(&feeder, 0, [sized(0, 3 * MIB), sized(1, 3 * MIB), sized(2, SIZE), sized(3, SIZE)]);
        assert_eq!(feeder.waiting(0), 3);
        let rows = [(); 3].map(|()| offsets(&poll(&consumer).snapshot, 0));
        assert_eq!(rows, [vec![0], vec![1], vec![2, 3]]);
    }

    #[test]
    fn one_partition_cannot_take_all_while_another_has_data() {
        let (consumer, feeder) = small_consumer(&[(0, 0), (1, 0)]);
        feed(&feeder, 0, (0..3000).map(|offset| sized(offset, SIZE)));
        feed(&feeder, 1, (0..200).map(|offset| sized(offset, SIZE)));
        assert_eq!(feeder.waiting(1), 0);
        let snapshot = poll(&consumer).snapshot;
        assert!((1..=MIB / 2 / SIZE).contains(&offsets(&snapshot, 0).len()));
        assert_eq!(offsets(&snapshot, 1), (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn all_partitions_together_stay_within_the_budget_and_get_their_turn() {
        let partitions: Vec<(i32, i64)> = (0..8).map(|partition| (partition, 0)).collect();
        let (consumer, feeder) = small_consumer(&partitions);
        for offset in 0..500 {
            partitions.iter().for_each(|(partition, _)| feed(&feeder, *partition, [sized(offset, SIZE)]));
        }
        let mut came = vec![Vec::new(); 8];
        while came.iter().any(|offsets| offsets.len() < 500) {
            let cycle = poll(&consumer);
            assert!((1..=i64::try_from(MIB / SIZE).unwrap()).contains(&cycle.rows), "{} rows at once", cycle.rows);
            for ((partition, _), came) in partitions.iter().zip(&mut came) {
                came.extend(offsets(&cycle.snapshot, *partition));
            }
        }
        assert!(came.into_iter().all(|offsets| offsets.into_iter().eq(0..500)));
    }

    #[test]
    fn two_busy_partitions_do_not_keep_the_others_waiting() {
        const QUIET: i32 = 62;
        let partitions: Vec<(i32, i64)> = (0..QUIET + 2).map(|partition| (partition, 0)).collect();
        let (consumer, feeder) = small_consumer(&partitions);
        // The busy ones come first, and could fill the budget for hundreds of cycles.
        for partition in 0..2 {
            feed(&feeder, partition, (0..20_000).map(|offset| sized(offset, SIZE)));
        }
        for partition in 2..QUIET + 2 {
            feed(&feeder, partition, [sized(0, SIZE)]);
        }
        let mut quiet = 0;
        let mut cycles = 0;
        while quiet < i64::from(QUIET) {
            let snapshot = poll(&consumer).snapshot;
            let rows = |partition: &i32| snapshot.partition(*partition).unwrap().rows().end_row();
            quiet = (2..QUIET + 2).map(|partition| rows(&partition)).sum();
            cycles += 1;
            assert!(cycles <= 2, "{quiet} of {QUIET} had their turn");
        }
        let waiting: Vec<usize> = (0..2).map(|partition| feeder.waiting(partition)).collect();
        assert!(waiting.iter().all(|waiting| *waiting > 10_000), "{waiting:?}");
        let mut came = 0;
        while came < 40_000 {
            let snapshot = poll(&consumer).snapshot;
            came = (0..2).map(|partition| snapshot.partition(partition).unwrap().rows().end_row()).sum();
        }
    }

    #[test]
    fn what_a_row_takes_counts_also_where_it_is_more_than_its_payload() {
        // A header without key and value has no payload, but two 32-bit offsets in the table.
        const HEADERS: usize = 1000;
        let mut options = options(TableType::Blink, "binary");
        options.set("karrow.memory.budget.bytes", Some(&MIB.to_string())).unwrap();
        options.set("karrow.headers.column.name", Some("H")).unwrap();
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        // A record with a time out of range stops the partition, so that the others are taken in one go.
        feed(&feeder, 0, [OwnedRecord { timestamp: RecordTime::Create(i64::MAX), ..sized(0, 0) }]);
        poll(&consumer);
        let headers = vec![(Vec::new(), None); HEADERS];
        feed(&feeder, 0, (1..1000).map(|offset| OwnedRecord { headers: headers.clone(), ..sized(offset, 0) }));
        consumer.resume(0, 1).unwrap();
        let mut came = Vec::new();
        while came.len() < 999 {
            let offsets = offsets(&poll(&consumer).snapshot, 0);
            let bytes = offsets.len() * HEADERS * 2 * size_of::<i32>();
            assert!((1..=MIB).contains(&bytes), "{bytes} bytes at once");
            came.extend(offsets);
        }
        assert!(came.into_iter().eq(1..1000));
    }

    #[test]
    fn a_partition_without_room_that_fails_later_loses_nothing() {
        let (consumer, feeder) = small_consumer(&[(0, 0)]);
        feed(&feeder, 0, (0..1000).map(|offset| sized(offset, SIZE)));
        let late = OwnedRecord { timestamp: RecordTime::Create(i64::MAX), ..sized(1000, SIZE) };
        feed(&feeder, 0, [late]);
        feed(&feeder, 0, (1001..2000).map(|offset| sized(offset, SIZE)));
        let mut came = Vec::new();
        while came.len() < 1999 {
            let cycle = poll(&consumer);
            came.extend(offsets(&cycle.snapshot, 0));
            assert!(cycle.rows > 0 || cycle.failed > 0);
            if cycle.failed > 0 {
                consumer.resume(0, 1001).unwrap();
            }
        }
        assert!(came.into_iter().eq((0..1000).chain(1001..2000)));
    }
}

mod full_tables {
    use super::*;
    use karrow::table::PartitionState;

    const LIMIT: usize = 100_000;

    fn limited() -> (Consumer, Feeder) {
        let mut options = options(TableType::Append, "binary");
        options.set("karrow.append.max.bytes", Some(&LIMIT.to_string())).unwrap();
        Consumer::in_memory(&options, &[(0, 0), (1, 0)]).unwrap()
    }

    fn fill(feeder: &Feeder, records: i64) {
        for offset in 0..records {
            for partition in 0..2 {
                feed(feeder, partition, [record(offset, vec![b'x'; 1000])]);
            }
        }
    }

    /// Polls until the table is full, and says how many rows it then has.
    fn poll_until_full(consumer: &Consumer) -> i64 {
        let full = loop {
            match consumer.poll(Timeout::Millis(0)) {
                Ok(cycle) => assert_eq!(cycle.failed, 0),
                Err(error) => break error,
            }
        };
        assert_eq!(full.status(), Status::Limit);
        let expected = "the table holds karrow.append.max.bytes (100000); discard rows that are not needed any more";
        assert_eq!(full.message(), expected);
        let snapshot = consumer.snapshot().unwrap();
        for partition in snapshot.partitions() {
            assert_eq!(*partition.state(), PartitionState::Waiting(full.clone()));
        }
        snapshot.partitions().iter().map(|partition| partition.rows().end_row()).sum()
    }

    #[test]
    fn a_full_table_says_so_until_rows_are_discarded_and_then_goes_on() {
        let (consumer, feeder) = limited();
        fill(&feeder, 1000);
        let rows = poll_until_full(&consumer);
        // Rows are weighed every so often, and not after each.
        assert!((90..180).contains(&rows), "{rows} rows of 1 KB in 100 KB");
        let cycle = consumer.snapshot().unwrap().cycle();
        assert_eq!(poll_until_full(&consumer), rows);
        assert_eq!(consumer.snapshot().unwrap().cycle(), cycle, "there is no new cycle");
        let (mut rows, mut shown) = (rows, Vec::new());
        while rows < 2000 {
            let snapshot = consumer.snapshot().unwrap();
            for partition in snapshot.partitions() {
                consumer.discard(partition.id(), partition.rows().end_row()).unwrap();
                shown.push((partition.id(), offsets(&snapshot, partition.id())));
            }
            let snapshot = poll(&consumer).snapshot;
            assert!(snapshot.partitions().iter().all(|partition| partition.rows().bytes() <= LIMIT * 2));
            rows = if feeder.waiting(0) + feeder.waiting(1) > 0 { poll_until_full(&consumer) } else { 2000 };
        }
        poll(&consumer);
        let snapshot = consumer.snapshot().unwrap();
        shown
            .extend(snapshot.partitions().iter().map(|partition| (partition.id(), offsets(&snapshot, partition.id()))));
        for partition in 0..2 {
            let of_partition = shown.iter().filter(|(id, _)| *id == partition);
            let mut all: Vec<i64> = of_partition.flat_map(|(_, offsets)| offsets.clone()).collect();
            all.dedup();
            assert!(all.into_iter().eq(0..1000), "partition {partition}");
        }
    }

    #[test]
    fn a_discard_that_cannot_be_says_why() {
        let (consumer, feeder) = limited();
        feed(&feeder, 0, [record(0, vec![1])]);
        let refused = |partition, row| told(consumer.discard(partition, row));
        let nothing = (Status::OutOfRange, "before_row: partition 0 has published rows 0 to 0, not 1".to_owned());
        assert_eq!(refused(0, 1), nothing, "the row has not been published");
        poll(&consumer);
        consumer.discard(0, 1).unwrap();
        assert_eq!(refused(0, -1).0, Status::OutOfRange);
        assert_eq!(refused(7, 0).0, Status::NotFound);
        assert_eq!(row_range(&consumer.snapshot().unwrap(), 0), (0, 1), "nothing changes between two polls");
        assert_eq!(row_range(&poll(&consumer).snapshot, 0), (1, 1));
        consumer.discard(0, 0).unwrap();
        assert_eq!(row_range(&poll(&consumer).snapshot, 0), (1, 1), "what is gone does not come back");
        for table_type in [TableType::Blink, TableType::Ring { capacity: 9 }] {
            let (consumer, _feeder) = super::consumer(table_type, &[(0, 0)]);
            assert_eq!(told(consumer.discard(0, 0)).0, Status::InvalidState);
        }
    }
}

mod ends {
    use super::*;
    use karrow::options::Stop;

    #[test]
    fn a_read_that_stops_ends_when_every_partition_has_come_there() {
        let mut options = options(TableType::Append, "int64");
        options.set_stop(None, Stop::Offset(3)).unwrap();
        options.set_stop(Some(1), Stop::Offset(0)).unwrap();
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0), (1, 0), (2, 7)]).unwrap();
        feed(&feeder, 0, [good(0), good(1)]);
        poll(&consumer);
        feed(&feeder, 0, [good(2), good(3)]);
        let snapshot = poll(&consumer).snapshot;
        assert_eq!(offsets(&snapshot, 0), [0, 1, 2]);
        let end = (Status::End, "every partition has been read to where it was to stop".to_owned());
        assert_eq!(told(consumer.poll(Timeout::Never)), end);
        assert_eq!(told(consumer.wait(snapshot.cycle(), Timeout::Never)), end);
        assert_eq!(consumer.wait(0, Timeout::Never).unwrap().cycle(), snapshot.cycle());
    }

    #[test]
    fn records_in_memory_have_no_end_to_stop_at() {
        for stop in [Stop::End, Stop::Time(0)] {
            let mut options = options(TableType::Append, "int64");
            options.set_stop(None, stop).unwrap();
            assert_eq!(told(Consumer::in_memory(&options, &[(0, 0)])).0, Status::Unsupported);
        }
    }
}

mod waiting_for_cycles {
    use super::*;
    use karrow::options::Stop;

    #[test]
    fn a_reader_gets_the_next_cycle_that_another_thread_polls() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut cycle = 0;
                        while cycle < 100 {
                            let snapshot = consumer.wait(cycle, Timeout::Never).unwrap();
                            assert!(snapshot.cycle() > cycle);
                            cycle = snapshot.cycle();
                            assert_eq!(
                                offsets(&snapshot, 0).len() as i64,
                                snapshot.partition(0).unwrap().next_offset()
                            );
                        }
                    })
                })
                .collect();
            for offset in 0..100 {
                feed(&feeder, 0, [good(offset)]);
                poll(&consumer);
            }
            readers.into_iter().for_each(|reader| reader.join().unwrap());
        });
    }

    #[test]
    fn who_waits_does_not_stop_who_discards() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(0)]);
        poll(&consumer);
        std::thread::scope(|scope| {
            let discarding = scope.spawn(|| {
                for _ in 0..20_000 {
                    consumer.discard(0, 1).unwrap();
                    // Until a cycle, the next one would tell nobody.
                    poll(&consumer);
                }
            });
            while !discarding.is_finished() {
                assert_eq!(told(consumer.wait(i64::MAX, NOW)).0, Status::Timeout);
            }
            discarding.join().unwrap();
        });
    }

    #[test]
    fn the_end_comes_behind_the_cycle_that_shows_it() {
        for _ in 0..200 {
            let mut options = options(TableType::Append, "int64");
            options.set_stop(None, Stop::Offset(1)).unwrap();
            // Many partitions, because it takes long to make a cycle of them.
            let partitions: Vec<(i32, i64)> = (0..50).map(|partition| (partition, 0)).collect();
            let (consumer, feeder) = Consumer::in_memory(&options, &partitions).unwrap();
            partitions.iter().for_each(|(partition, _)| feed(&feeder, *partition, [good(0), good(1)]));
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    loop {
                        match consumer.wait(0, NOW) {
                            Err(error) if error.status() == Status::Timeout => {}
                            outcome => return outcome.map(|snapshot| snapshot.cycle()),
                        }
                    }
                });
                poll(&consumer);
                assert_eq!(waiting.join().unwrap().unwrap(), 1);
            });
        }
    }

    #[test]
    fn a_wait_without_a_cycle_ends_with_its_time_a_wakeup_or_a_close() {
        let (consumer, _feeder) = consumer(TableType::Append, &[(0, 0)]);
        let timed_out = "no cycle has been published after cycle 0 within 5 ms; another thread has to poll";
        assert_eq!(told(consumer.wait(0, Timeout::Millis(5))), (Status::Timeout, timed_out.to_owned()));
        for (end, status) in [(true, Status::Interrupted), (false, Status::Closed)] {
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| told(consumer.wait(0, Timeout::Never)).0);
                if end {
                    consumer.wakeup()
                } else {
                    consumer.close(Timeout::Never).unwrap()
                }
                assert_eq!(waiting.join().unwrap(), status);
            });
        }
    }
}

mod bad_records {
    use super::*;

    #[test]
    fn a_bad_record_stops_its_partition_and_no_other() {
        // R1, R4
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 0)]);
        feed(&feeder, 0, [good(0), good(1), bad(2), good(3)]);
        feed(&feeder, 1, [good(0)]);
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed), (3, 1));
        assert_eq!(offsets(&cycle.snapshot, 0), [0, 1]);
        assert_eq!(next_offset(&cycle.snapshot, 0), 2);
        let error = cycle.snapshot.partition(0).unwrap().failure().unwrap().clone();
        assert_eq!(error.status(), Status::BadRecord);
        assert_eq!(error.message(), "column V: expected 8 bytes for int64, found 3 bytes, at orders[0]@2 (value)");
        assert_eq!(error.position(), Some((0, 2)));
        let details = ["topic", "side", "reason", "column"].map(|key| error.detail(key));
        assert_eq!(
            details,
            [Some("orders"), Some("value"), Some("expected 8 bytes for int64, found 3 bytes"), Some("V")]
        );
        feed(&feeder, 0, [good(4)]);
        feed(&feeder, 1, [good(1)]);
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed), (1, 1));
        assert_eq!((offsets(&cycle.snapshot, 0), offsets(&cycle.snapshot, 1)), (vec![0, 1], vec![0, 1]));
        assert_eq!(feeder.waiting(0), 2);
    }

    #[test]
    fn resumed_at_the_record_a_partition_fails_again() {
        // R1
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(0), bad(1), good(2)]);
        let first = poll(&consumer).snapshot.partition(0).unwrap().failure().cloned();
        for _ in 0..2 {
            consumer.resume(0, 1).unwrap();
            let cycle = consumer.poll(Timeout::Never).unwrap();
            assert_eq!((cycle.rows, cycle.failed), (0, 1));
            assert_eq!(next_offset(&cycle.snapshot, 0), 1);
            assert_eq!(cycle.snapshot.partition(0).unwrap().failure(), first.as_ref());
        }
        assert_eq!(feeder.waiting(0), 1);
    }

    #[test]
    fn resumed_behind_the_record_a_partition_goes_on() {
        // R1
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(0), bad(1), good(2)]);
        poll(&consumer);
        consumer.resume(0, 2).unwrap();
        feed(&feeder, 0, [good(3)]);
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed), (2, 0));
        assert_eq!(offsets(&cycle.snapshot, 0), [0, 2, 3]);
        assert_eq!(*cycle.snapshot.partition(0).unwrap().state(), PartitionState::Reading);
        assert_eq!(next_offset(&cycle.snapshot, 0), 4);
    }

    #[test]
    fn resumed_further_on_a_partition_skips_exactly_the_records_before() {
        // R1. Offset 5 is missing, as in a compacted log.
        for (resume, expected) in [(3, vec![0, 3, 4, 6]), (4, vec![0, 4, 6]), (5, vec![0, 6]), (7, vec![0])] {
            let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
            feed(&feeder, 0, [good(0), bad(1), bad(2), good(3), good(4), good(6)]);
            poll(&consumer);
            consumer.resume(0, resume).unwrap();
            let snapshot = poll(&consumer).snapshot;
            assert_eq!(offsets(&snapshot, 0), expected, "resumed at {resume}");
            assert_eq!(next_offset(&snapshot, 0), 7);
        }
    }

    #[test]
    fn resumed_beyond_all_records_a_partition_is_read_from_there() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [bad(0), good(1)]);
        poll(&consumer);
        consumer.resume(0, 50).unwrap();
        let snapshot = poll(&consumer).snapshot;
        assert_eq!((row_range(&snapshot, 0), next_offset(&snapshot, 0)), ((0, 0), 50));
        feed(&feeder, 0, [good(50)]);
        assert_eq!(offsets(&poll(&consumer).snapshot, 0), [50]);
    }

    #[test]
    fn a_resume_that_cannot_be_says_why_and_changes_nothing() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (2, 0)]);
        let resume = |partition, offset| told(consumer.resume(partition, offset));
        let state = |message: &str| (Status::InvalidState, message.to_owned());
        let argument = |message: &str| (Status::InvalidArgument, message.to_owned());
        feed(&feeder, 0, [good(0), bad(1), good(2)]);
        assert_eq!(resume(0, 1), state("partition: 0 has failed, but no poll has published that yet; poll first"));
        poll(&consumer);
        assert_eq!(resume(2, 0), state("partition: 2 has not failed, so there is nothing to resume"));
        assert_eq!(resume(0, -1), argument("offset: -1 is negative; give the offset to go on at"));
        assert_eq!(
            resume(0, 0),
            argument(
                "offset: partition 0 stopped at offset 1; resume there or behind it, because earlier records are in the \
                 table already"
            )
        );
        let missing = "partition: 1 is not among the partitions read (0, 2)".to_owned();
        assert_eq!(resume(1, 0), (Status::NotFound, missing));
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed, next_offset(&cycle.snapshot, 0)), (0, 1, 1));
        consumer.resume(0, 2).unwrap();
        assert_eq!(resume(0, 2), state("partition: 0 has not failed, so there is nothing to resume"));
    }

    #[test]
    fn a_log_that_goes_back_stops_its_partition_which_then_resumes_anywhere() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [good(5), good(3), good(4)]);
        let snapshot = poll(&consumer).snapshot;
        let error = snapshot.partition(0).unwrap().failure().unwrap();
        assert_eq!(error.status(), Status::Kafka);
        assert_eq!(
            error.message(),
            "the log of orders[0] went back from offset 6 to 3; it was truncated, or the topic was created again; \
             resume at the offset to go on from"
        );
        assert_eq!((error.position(), next_offset(&snapshot, 0)), (Some((0, 6)), 6));
        consumer.resume(0, 4).unwrap();
        let snapshot = poll(&consumer).snapshot;
        assert_eq!((offsets(&snapshot, 0), next_offset(&snapshot, 0)), (vec![5, 4], 5));
    }

    #[test]
    fn a_time_out_of_range_is_a_bad_record() {
        // K8
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        feed(&feeder, 0, [OwnedRecord { timestamp: RecordTime::LogAppend(i64::MAX), ..good(0) }]);
        let snapshot = poll(&consumer).snapshot;
        assert_eq!(
            snapshot.partition(0).unwrap().failure().unwrap().message(),
            "column KafkaTimestamp: 9223372036854775807 ms since 1970 is outside the range of timestamp[ns, UTC]; set \
             karrow.timestamp.column.type to timestamp[ms, UTC], at orders[0]@0 (timestamp)"
        );
    }

    /// What a program may do, in any order.
    #[derive(Debug, Clone)]
    enum Step {
        /// A record, `gap` offsets behind the one before.
        Push {
            partition: usize,
            gap: i64,
            good: bool,
        },
        Poll,
        /// `by` offsets behind where the partition stands.
        Resume {
            partition: usize,
            by: i64,
        },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (0..3_usize, 1..3_i64, prop::bool::weighted(0.75))
                .prop_map(|(partition, gap, good)| Step::Push { partition, gap, good }),
            2 => Just(Step::Poll),
            3 => (0..3_usize, 0..5_i64).prop_map(|(partition, by)| Step::Resume { partition, by }),
        ]
    }

    /// A partition as the rules have it.
    #[derive(Default)]
    struct Model {
        id: i32,
        last_pushed: i64,
        waiting: VecDeque<(i64, bool)>,
        unpublished: Vec<i64>,
        next_offset: i64,
        failed: bool,
        shown: Shown,
    }

    /// What a snapshot says about a partition.
    #[derive(Debug, Default, Clone, PartialEq)]
    struct Shown {
        offsets: Vec<i64>,
        next_offset: i64,
        failed: bool,
        /// Whether the failure shown is the latest there has been.
        latest: bool,
    }

    impl Model {
        fn new(id: i32, first: i64) -> Model {
            let shown = Shown { next_offset: first, latest: true, ..Shown::default() };
            Model { id, last_pushed: first - 1, next_offset: first, shown, ..Model::default() }
        }

        fn push(&mut self, gap: i64, good: bool) -> i64 {
            // Kafka does not deliver what lies before the offset it was told to go on at.
            self.last_pushed = (self.last_pushed + gap).max(self.next_offset);
            self.waiting.push_back((self.last_pushed, good));
            self.read();
            self.last_pushed
        }

        fn read(&mut self) {
            while !self.failed
                && let Some((offset, good)) = self.waiting.pop_front()
            {
                if good {
                    self.unpublished.push(offset);
                    self.next_offset = offset + 1;
                } else {
                    self.next_offset = offset;
                    self.fail();
                }
            }
        }

        fn fail(&mut self) {
            self.failed = true;
            self.shown.latest = false;
        }

        fn resume(&mut self, by: i64) -> bool {
            if !self.failed || !self.shown.latest {
                return false;
            }
            if by == 0 {
                self.fail();
                return true;
            }
            self.failed = false;
            self.shown.latest = false;
            self.next_offset += by;
            self.waiting.retain(|(offset, _)| *offset >= self.next_offset);
            self.read();
            true
        }

        fn is_over(&self) -> bool {
            self.failed && self.shown.latest
        }

        fn publish(&mut self) -> usize {
            let rows = self.unpublished.len();
            self.shown.offsets.append(&mut self.unpublished);
            self.shown = Shown {
                offsets: std::mem::take(&mut self.shown.offsets),
                next_offset: self.next_offset,
                failed: self.failed,
                latest: true,
            };
            rows
        }
    }

    fn poll_both(consumer: &Consumer, models: &mut [Model]) {
        if models.iter().all(Model::is_over) {
            assert_eq!(error(consumer.poll(NOW)).status(), Status::End);
            return;
        }
        let cycle = poll(consumer);
        let rows: usize = models.iter_mut().map(Model::publish).sum();
        let failed = models.iter().filter(|model| model.failed).count();
        assert_eq!((cycle.rows, cycle.failed), (rows.try_into().unwrap(), failed.try_into().unwrap()));
    }

    fn resume_both(consumer: &Consumer, model: &mut Model, by: i64) {
        let outcome = consumer.resume(model.id, model.next_offset + by);
        if model.resume(by) {
            outcome.unwrap();
        } else {
            assert_eq!(error(outcome).status(), Status::InvalidState);
        }
    }

    fn compare(consumer: &Consumer, feeder: &Feeder, models: &[Model]) {
        let snapshot = consumer.snapshot().unwrap();
        for model in models {
            let shown = Shown {
                offsets: offsets(&snapshot, model.id),
                next_offset: next_offset(&snapshot, model.id),
                failed: has_failed(&snapshot, model.id),
                latest: model.shown.latest,
            };
            assert_eq!(shown, model.shown);
            assert_eq!(feeder.waiting(model.id), model.waiting.len());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn whatever_fails_and_resumes_nothing_is_lost_and_nothing_comes_twice(
            // R1, Y3, Y5
            steps in prop::collection::vec(step(), 1..120),
        ) {
            let first = [(0, 0), (3, 5), (7, 1000)];
            let (consumer, feeder) = consumer(TableType::Append, &first);
            let mut models = first.map(|(id, offset)| Model::new(id, offset));
            for step in steps {
                match step {
                    Step::Push { partition, gap, good: is_good } => {
                        let offset = models[partition].push(gap, is_good);
                        feed(&feeder, models[partition].id, [if is_good { good(offset) } else { bad(offset) }]);
                    }
                    Step::Poll => poll_both(&consumer, &mut models),
                    Step::Resume { partition, by } => resume_both(&consumer, &mut models[partition], by),
                }
                compare(&consumer, &feeder, &models);
            }
            while models.iter().any(|model| model.failed || !model.waiting.is_empty()) {
                poll_both(&consumer, &mut models);
                models.iter_mut().filter(|model| model.failed).for_each(|model| resume_both(&consumer, model, 1));
            }
            poll_both(&consumer, &mut models);
            compare(&consumer, &feeder, &models);
        }
    }
}

mod policies {
    //! R2, R3, Y11

    use super::*;
    use arrow_array::types::TimestampMillisecondType;
    use karrow::format::json::JsonSpec;
    use karrow::ingest::dead_letters;

    /// What options call the policies, from the weakest to the strongest.
    const POLICIES: [&str; 4] = ["null", "skip", "dead_letter", "fail"];

    /// Options for an append table with a key column `K`, utf8, and value columns `A` and `B` of a JSON object.
    fn lenient(pairs: &[(&str, &str)]) -> Options {
        let mut options = options(TableType::Append, "int64");
        options.set_spec(Side::Key, Spec::Simple { column: Some("K".to_owned()), type_name: Some("utf8".to_owned()) });
        let mut json = JsonSpec::default();
        json.add_column("A", "int64").unwrap();
        json.add_column("B", "int64").unwrap();
        options.set_spec(Side::Value, Spec::Json(json));
        for (key, value) in pairs {
            options.set(key, Some(value)).unwrap();
        }
        options
    }

    /// A record whose key is its offset, and whose value has it twice; what is bad is so in its last place.
    fn keyed(offset: i64, bad_key: bool, bad_value: bool) -> OwnedRecord {
        let key = if bad_key { vec![b'k', 0xff] } else { offset.to_string().into_bytes() };
        let b = if bad_value { "\"no number\"".to_owned() } else { offset.to_string() };
        let value = format!("{{\"A\": {offset}, \"B\": {b}}}").into_bytes();
        OwnedRecord { key: Some(key), timestamp: RecordTime::Create(offset), ..record(offset, value) }
    }

    fn far(offset: i64) -> OwnedRecord {
        OwnedRecord { timestamp: RecordTime::Create(i64::MAX), ..keyed(offset, false, false) }
    }

    /// A row: offset, key, A, B.
    type Row = (i64, Option<String>, Option<i64>, Option<i64>);

    fn rows(snapshot: &Snapshot, partition: i32) -> Vec<Row> {
        let batch = snapshot.whole(partition).unwrap();
        batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        let keys = batch.column_by_name("K").unwrap().as_string::<i32>();
        let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter();
        let key = |row: usize| keys.is_valid(row).then(|| keys.value(row).to_owned());
        let values = numbers("A").zip(numbers("B")).enumerate();
        numbers("KafkaOffset").zip(values).map(|(offset, (row, (a, b)))| (offset.unwrap(), key(row), a, b)).collect()
    }

    /// A dead letter: partition, offset, side, column.
    type Letter = (i32, i64, String, Option<String>);

    fn letter(partition: i32, offset: i64, side: &str, column: &str) -> Letter {
        (partition, offset, side.to_owned(), Some(column.to_owned()))
    }

    fn batches(consumer: &Consumer) -> Vec<RecordBatch> {
        let stream = consumer.dead_letters().unwrap();
        assert_eq!(**stream.schema(), dead_letters::schema());
        let batches: Vec<_> = stream.collect();
        for batch in &batches {
            assert_eq!(*batch.schema(), dead_letters::schema());
            assert!(batch.num_rows() > 0);
        }
        batches
    }

    fn letters(consumer: &Consumer) -> Vec<Letter> {
        let mut letters = Vec::new();
        for batch in batches(consumer) {
            let partitions = batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>();
            let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
            let (sides, columns) = (text("side"), text("column"));
            for (row, offset) in column(&batch, "offset").into_iter().enumerate() {
                let column = columns.is_valid(row).then(|| columns.value(row).to_owned());
                letters.push((partitions.value(row), offset, sides.value(row).to_owned(), column));
            }
        }
        letters
    }

    /// What progress has counted of a partition: rows, and bad keys, values, timestamps and headers.
    fn counted(consumer: &Consumer, partition: usize) -> (i64, [i64; 4]) {
        let progress = consumer.progress().unwrap();
        let bad = progress.column_by_name("bad_records").unwrap().as_struct();
        let bad = ["key", "value", "timestamp", "headers"]
            .map(|side| bad.column_by_name(side).unwrap().as_primitive::<Int64Type>().value(partition));
        (column(&progress, "rows")[partition], bad)
    }

    #[test]
    fn every_combination_of_policies_does_what_the_rules_say() {
        for (key_policy, key_name) in POLICIES.into_iter().enumerate() {
            for (value_policy, value_name) in POLICIES.into_iter().enumerate() {
                let pairs =
                    [("karrow.key.bad.record.policy", key_name), ("karrow.value.bad.record.policy", value_name)];
                for (bad_key, bad_value) in [(true, false), (false, true), (true, true)] {
                    let (consumer, feeder) = Consumer::in_memory(&lenient(&pairs), &[(0, 0)]).unwrap();
                    feed(&feeder, 0, [keyed(0, false, false), keyed(1, bad_key, bad_value), keyed(2, false, false)]);
                    let cycle = poll(&consumer);
                    // The model: the strongest policy of the sides that are bad, and the first that has it.
                    let sides = [(bad_key, key_policy, "key"), (bad_value, value_policy, "value")];
                    let bad: Vec<_> = sides.iter().filter(|(bad, ..)| *bad).collect();
                    let strongest = bad.iter().map(|(_, policy, _)| *policy).max().unwrap();
                    let side = bad.iter().find(|(_, policy, _)| *policy == strongest).unwrap().2;
                    let whole = |offset: i64| (offset, Some(offset.to_string()), Some(offset), Some(offset));
                    let halved =
                        (1, (!bad_key).then(|| "1".to_owned()), (!bad_value).then_some(1), (!bad_value).then_some(1));
                    let expected = match POLICIES[strongest] {
                        "null" => vec![whole(0), halved, whole(2)],
                        "fail" => vec![whole(0)],
                        _ => vec![whole(0), whole(2)],
                    };
                    let context = format!("{pairs:?}, bad key {bad_key}, bad value {bad_value}");
                    assert_eq!(rows(&cycle.snapshot, 0), expected, "{context}");
                    assert_eq!(cycle.rows, i64::try_from(expected.len()).unwrap(), "{context}");
                    let failed = POLICIES[strongest] == "fail";
                    assert_eq!(cycle.failed, i32::from(failed), "{context}");
                    assert_eq!(next_offset(&cycle.snapshot, 0), if failed { 1 } else { 3 }, "{context}");
                    let column = if side == "key" { "K" } else { "B" };
                    let dead =
                        if POLICIES[strongest] == "dead_letter" { vec![letter(0, 1, side, column)] } else { vec![] };
                    assert_eq!(letters(&consumer), dead, "{context}");
                    let (rows, counts) = counted(&consumer, 0);
                    let bad = [i64::from(side == "key"), i64::from(side == "value"), 0, 0];
                    assert_eq!((rows, counts), (cycle.rows, bad), "{context}");
                }
            }
        }
    }

    #[test]
    fn what_belongs_to_neither_key_nor_value_goes_by_the_general_policy_alone() {
        let headers = vec![(b"ok".to_vec(), Some(b"1".to_vec())), (vec![0xff], None)];
        let not_text = OwnedRecord { headers, ..keyed(1, false, false) };
        for policy in POLICIES {
            let mut options = lenient(&[
                ("karrow.bad.record.policy", policy),
                ("karrow.key.bad.record.policy", "fail"),
                ("karrow.value.bad.record.policy", "fail"),
            ]);
            options.set("karrow.headers.column.name", Some("H")).unwrap();
            for (bad, side, column) in [(far(1), "timestamp", "KafkaTimestamp"), (not_text.clone(), "headers", "H")] {
                let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
                feed(&feeder, 0, [keyed(0, false, false), bad, keyed(2, false, false)]);
                let cycle = poll(&consumer);
                let expected: &[i64] = match policy {
                    "null" => &[0, 1, 2],
                    "fail" => &[0],
                    _ => &[0, 2],
                };
                let context = format!("{policy}, {side}");
                assert_eq!(offsets(&cycle.snapshot, 0), expected, "{context}");
                assert_eq!(cycle.failed, i32::from(policy == "fail"), "{context}");
                let batch = cycle.snapshot.whole(0).unwrap();
                for field in batch.schema_ref().fields() {
                    let nulls = usize::from(policy == "null" && field.name() == column);
                    let found = batch.column_by_name(field.name()).unwrap();
                    assert_eq!(found.null_count(), nulls, "{context}, {}", field.name());
                    assert!(nulls == 0 || found.is_null(1));
                }
                let dead = if policy == "dead_letter" { vec![letter(0, 1, side, column)] } else { vec![] };
                assert_eq!(letters(&consumer), dead, "{context}");
                let bad = [0, 0, i64::from(side == "timestamp"), i64::from(side == "headers")];
                assert_eq!(counted(&consumer, 0), (cycle.rows, bad), "{context}");
            }
        }
    }

    #[test]
    fn a_dead_letter_is_the_record_byte_for_byte_whether_or_not_headers_are_wanted() {
        for wanted in [false, true] {
            let mut options = lenient(&[("karrow.bad.record.policy", "dead_letter")]);
            if wanted {
                options.set("karrow.headers.column.name", Some("H")).unwrap();
            }
            let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0), (7, 40)]).unwrap();
            let pair = |key: &[u8], value: Option<&[u8]>| (key.to_vec(), value.map(<[u8]>::to_vec));
            let headers = vec![pair(b"a", Some(b"1")), pair(b"a", None), pair(b"", Some(b"")), pair(b"z\0", None)];
            let not_json = OwnedRecord {
                timestamp: RecordTime::LogAppend(-5),
                key: None,
                value: Some(b"{\"A\": 1,".to_vec()),
                headers: headers.clone(),
                ..keyed(41, false, false)
            };
            let timestamp = RecordTime::None;
            let no_key = OwnedRecord { key: Some(vec![0xff, 0]), value: None, timestamp, ..keyed(43, false, false) };
            let no_header = OwnedRecord { headers: vec![pair(b"\xff", Some(b"2"))], ..keyed(44, true, false) };
            feed(&feeder, 7, [keyed(40, false, false), not_json, keyed(42, false, false), no_key, no_header]);
            let cycle = poll(&consumer);
            assert_eq!((offsets(&cycle.snapshot, 7), next_offset(&cycle.snapshot, 7)), (vec![40, 42], 45));
            let batches = batches(&consumer);
            let [batch] = &batches[..] else { panic!("{} batches", batches.len()) };
            let text = |name: &str| {
                let column = batch.column_by_name(name).unwrap().as_string::<i32>();
                column.iter().map(|text| text.unwrap_or("-").to_owned()).collect::<Vec<_>>()
            };
            let bytes = |name: &str| {
                let column = batch.column_by_name(name).unwrap().as_binary::<i32>();
                column.iter().map(|bytes| bytes.map(<[u8]>::to_vec)).collect::<Vec<_>>()
            };
            assert_eq!(text("topic"), ["orders"; 3]);
            assert_eq!(batch.column_by_name("partition").unwrap().as_primitive::<Int32Type>().values(), &[7; 3]);
            assert_eq!(column(batch, "offset"), [41, 43, 44]);
            let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>();
            assert_eq!(times.iter().collect::<Vec<_>>(), [Some(-5), None, Some(44)]);
            let last_value = b"{\"A\": 44, \"B\": 44}".to_vec();
            assert_eq!(bytes("key"), [None, Some(vec![0xff, 0]), Some(vec![b'k', 0xff])]);
            assert_eq!(bytes("value"), [Some(b"{\"A\": 1,".to_vec()), None, Some(last_value)]);
            let lists = batch.column_by_name("headers").unwrap().as_list::<i32>();
            let pairs = |row: usize| {
                let list = lists.value(row);
                let column = |index: usize| list.as_struct().column(index).as_binary::<i32>().clone();
                let (keys, values) = (column(0), column(1));
                let pairs = keys.iter().zip(values.iter());
                pairs.map(|(key, value)| pair(key.unwrap(), value)).collect::<Vec<_>>()
            };
            assert_eq!((pairs(0), pairs(1), pairs(2)), (headers, vec![], vec![pair(b"\xff", Some(b"2"))]));
            // Of two bad sides with the same policy the first one is named.
            assert_eq!(text("side"), ["value", "key", if wanted { "headers" } else { "key" }]);
            assert_eq!(text("column"), ["-", "K", if wanted { "H" } else { "K" }]);
            assert_eq!(text("path"), ["-"; 3]);
            let reasons = text("reason");
            assert!(reasons[0].starts_with("malformed JSON"), "{}", reasons[0]);
            assert_eq!(reasons[1], "expected valid UTF-8 for utf8, found an invalid sequence at byte 0");
            assert_eq!(letters(&consumer), [], "each comes once");
        }
    }

    #[test]
    fn dead_letters_come_in_order_over_several_batches() {
        const COUNT: i64 = 64 * 1024 + 3;
        let options = lenient(&[("karrow.bad.record.policy", "dead_letter")]);
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        feed(&feeder, 0, (0..COUNT).map(|offset| keyed(offset, true, false)));
        // Three that each fill a batch by their size alone.
        let large = |offset| OwnedRecord { value: Some(vec![b'x'; 16 * MIB]), ..keyed(offset, true, false) };
        feed(&feeder, 0, (COUNT..COUNT + 3).map(large));
        poll(&consumer);
        let batches = batches(&consumer);
        let sizes: Vec<_> = batches.iter().map(RecordBatch::num_rows).collect();
        assert_eq!(sizes, [64 * 1024, 3, 1, 1, 1]);
        let offsets = batches.iter().flat_map(|batch| column(batch, "offset"));
        assert!(offsets.eq(0..COUNT + 3));
        assert_eq!(counted(&consumer, 0), (0, [COUNT + 3, 0, 0, 0]));
    }

    #[test]
    fn a_dead_letter_ends_a_poll_that_waits() {
        let options = lenient(&[("karrow.bad.record.policy", "dead_letter")]);
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| consumer.poll(Timeout::Never).unwrap());
            feed(&feeder, 0, [keyed(0, true, false)]);
            let cycle = waiting.join().unwrap();
            assert_eq!((cycle.rows, cycle.failed, next_offset(&cycle.snapshot, 0)), (0, 0, 1));
            assert_eq!(letters(&consumer).len(), 1, "those before the next offset have come");
        });
    }

    #[test]
    fn a_skipped_record_ends_no_poll_and_the_next_cycle_shows_that_it_is_behind() {
        let options = lenient(&[("karrow.bad.record.policy", "skip")]);
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        feed(&feeder, 0, [keyed(0, true, false)]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| consumer.poll(Timeout::Never).unwrap());
            feed(&feeder, 0, [keyed(1, false, true), keyed(2, false, false)]);
            assert_eq!(waiting.join().unwrap().rows, 1);
        });
        feed(&feeder, 0, [keyed(3, false, true)]);
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, row_range(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)), (0, (0, 1), 4));
    }

    #[test]
    fn a_read_that_stops_ends_behind_records_that_are_no_rows() {
        use karrow::options::Stop;
        for policy in ["skip", "dead_letter", "null"] {
            let mut options = lenient(&[("karrow.bad.record.policy", policy)]);
            options.set_stop(None, Stop::Offset(2)).unwrap();
            let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
            feed(&feeder, 0, [keyed(0, true, false), keyed(1, true, false), keyed(2, true, false)]);
            let snapshot = consumer.poll(Timeout::Never).unwrap().snapshot;
            assert_eq!(next_offset(&snapshot, 0), 2);
            assert_eq!(*snapshot.partition(0).unwrap().state(), PartitionState::Finished);
            assert_eq!(error(consumer.poll(Timeout::Never)).status(), Status::End);
            let dead = if policy == "dead_letter" { 2 } else { 0 };
            assert_eq!(letters(&consumer).len(), dead, "also after the end");
        }
    }

    #[test]
    fn a_record_that_is_tried_again_counts_once() {
        let (consumer, feeder) = Consumer::in_memory(&lenient(&[]), &[(0, 0)]).unwrap();
        feed(&feeder, 0, [keyed(0, true, false), keyed(1, false, true), keyed(2, false, false)]);
        for offset in [0, 0, 1, 1, 2] {
            assert_eq!(poll(&consumer).failed, 1);
            consumer.resume(0, offset).unwrap();
        }
        assert_eq!(offsets(&poll(&consumer).snapshot, 0), [2]);
        assert_eq!(counted(&consumer, 0), (1, [1, 1, 0, 0]));
    }

    #[test]
    fn dead_letters_are_taken_after_close_too_and_not_before_open() {
        let mut options = lenient(&[("karrow.bad.record.policy", "dead_letter")]);
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        feed(&feeder, 0, [keyed(0, true, false), keyed(1, false, true)]);
        consumer.close(Timeout::Never).unwrap();
        assert_eq!(letters(&consumer), [letter(0, 0, "key", "K"), letter(0, 1, "value", "B")]);
        assert_eq!(letters(&consumer), []);
        options.set("bootstrap.servers", Some("localhost:1")).unwrap();
        let new = Consumer::new(&options).unwrap();
        let not_open = (Status::InvalidState, "the consumer has not been opened; call open first".to_owned());
        assert_eq!(told(new.dead_letters()), not_open);
    }

    mod budgets {
        use super::*;

        const SIZE: usize = 10_000;
        const FULL: &str = "untaken dead letters fill karrow.memory.budget.bytes (1048576); take them with karrow_consumer_dead_letters";

        /// A consumer of int64 values with the smallest budget, whose bad records become dead letters.
        fn tight(partitions: &[(i32, i64)]) -> (Consumer, Feeder) {
            let mut options = options(TableType::Append, "int64");
            options.set("karrow.memory.budget.bytes", Some(&MIB.to_string())).unwrap();
            options.set("karrow.bad.record.policy", Some("dead_letter")).unwrap();
            Consumer::in_memory(&options, partitions).unwrap()
        }

        fn large(offset: i64) -> OwnedRecord {
            record(offset, vec![b'x'; SIZE])
        }

        fn state(consumer: &Consumer, partition: i32) -> PartitionState {
            consumer.snapshot().unwrap().partition(partition).unwrap().state().clone()
        }

        fn full() -> PartitionState {
            PartitionState::Waiting(Error::new(Status::Limit, FULL))
        }

        fn taken(consumer: &Consumer, partition: i32) -> Vec<i64> {
            let letters = letters(consumer).into_iter();
            letters.filter(|letter| letter.0 == partition).map(|letter| letter.1).collect()
        }

        #[test]
        fn a_partition_whose_letters_nobody_takes_waits_and_another_goes_on() {
            let (consumer, feeder) = tight(&[(0, 0), (1, 0)]);
            feed(&feeder, 0, (0..100).map(large));
            let left = feeder.waiting(0);
            assert!((100 - MIB / 4 / SIZE - 2..100 - MIB / 5 / SIZE).contains(&left), "{left} of 100 have to wait");
            poll(&consumer);
            poll(&consumer);
            assert_eq!((state(&consumer, 0), state(&consumer, 1)), (full(), PartitionState::Reading));
            let progress = consumer.progress().unwrap();
            let text = |name: &str| progress.column_by_name(name).unwrap().as_string::<i32>().value(0).to_owned();
            assert_eq!((text("state"), text("reason")), ("waiting".to_owned(), FULL.to_owned()));
            for offset in 0..1000 {
                feed(&feeder, 1, [good(offset)]);
                assert_eq!(consumer.poll(Timeout::Never).unwrap().rows, 1);
            }
            assert_eq!(feeder.waiting(0), left);
            // Letters are made room for at once, without a poll.
            let mut came = taken(&consumer, 0);
            assert!(feeder.waiting(0) < left);
            while came.len() < 100 {
                poll(&consumer);
                let more = taken(&consumer, 0);
                assert!(!more.is_empty());
                came.extend(more);
            }
            assert!(came.into_iter().eq(0..100));
            poll(&consumer);
            assert_eq!(state(&consumer, 0), PartitionState::Reading);
            assert_eq!(counted(&consumer, 0), (0, [0, 100, 0, 0]));
        }

        /// Polls until there is room for nothing more, and returns what poll says then.
        fn standstill(consumer: &Consumer) -> Error {
            // One cycle shows what has come, and another that partitions wait.
            let polls = [(); 4].map(|()| consumer.poll(NOW).err());
            polls.into_iter().flatten().next().expect("somebody still reads, or nobody was woken")
        }

        #[test]
        fn a_poll_says_so_once_all_wait_and_taking_lets_all_go_on_without_a_loss() {
            let (consumer, feeder) = tight(&[(0, 0), (1, 0), (2, 0)]);
            for partition in 0..2 {
                feed(&feeder, partition, (0..200).map(large));
            }
            // None of the letters is its own.
            feed(&feeder, 2, (0..50).map(good));
            assert_eq!(feeder.waiting(2), 50);
            let mut came = [Vec::new(), Vec::new()];
            let mut take = || {
                for (partition, offset, ..) in letters(&consumer) {
                    came[usize::try_from(partition).unwrap()].push(offset);
                }
            };
            let mut rounds = 0;
            while feeder.waiting(0) + feeder.waiting(1) > 0 {
                let limit = standstill(&consumer);
                assert_eq!((limit.status(), limit.message()), (Status::Limit, FULL));
                let cycle = consumer.snapshot().unwrap().cycle();
                assert_eq!(error(consumer.poll(Timeout::Never)), limit);
                assert_eq!(consumer.snapshot().unwrap().cycle(), cycle, "there is no new cycle");
                assert_eq!([0, 1, 2].map(|partition| state(&consumer, partition)), [full(), full(), full()]);
                let waiting = feeder.waiting(0) + feeder.waiting(1);
                take();
                assert!(feeder.waiting(0) + feeder.waiting(1) < waiting, "nobody has been let go");
                rounds += 1;
            }
            assert!(rounds >= 400 * SIZE / MIB, "{rounds}");
            poll(&consumer);
            take();
            for offsets in came {
                assert!(offsets.into_iter().eq(0..200));
            }
            let snapshot = poll(&consumer).snapshot;
            assert!(offsets(&snapshot, 2).into_iter().eq(0..50));
            assert!(snapshot.partitions().iter().all(|partition| *partition.state() == PartitionState::Reading));
        }

        #[test]
        fn an_oversized_letter_is_let_in_alone() {
            let (consumer, feeder) = tight(&[(0, 0)]);
            let huge = |offset| record(offset, vec![b'x'; 3 * MIB]);
            feed(&feeder, 0, [huge(0), huge(1), good(2), huge(3), good(4)]);
            for (offset, waiting) in [(0, 4), (1, 3), (3, 1)] {
                assert_eq!(feeder.waiting(0), waiting);
                assert_eq!(standstill(&consumer).message(), FULL);
                assert_eq!(taken(&consumer, 0), [offset]);
            }
            assert_eq!(offsets(&poll(&consumer).snapshot, 0), [2, 4]);
        }

        #[test]
        fn a_full_table_and_full_letters_are_each_made_room_in() {
            let mut options = options(TableType::Append, "int64");
            options.set("karrow.memory.budget.bytes", Some(&MIB.to_string())).unwrap();
            options.set("karrow.bad.record.policy", Some("dead_letter")).unwrap();
            options.set("karrow.append.max.bytes", Some("1")).unwrap();
            let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
            feed(&feeder, 0, [record(0, vec![b'x'; MIB]), good(1)]);
            let why = || standstill(&consumer).message().split(' ').take(3).collect::<Vec<_>>().join(" ");
            assert_eq!(why(), "untaken dead letters");
            assert_eq!(taken(&consumer, 0), [0]);
            assert_eq!(why(), "the table holds");
            feed(&feeder, 0, [good(2)]);
            assert_eq!(feeder.waiting(0), 1);
            // No letter is in the way, so taking none makes no room in the table.
            assert_eq!((taken(&consumer, 0), why()), (vec![], "the table holds".to_owned()));
            consumer.discard(0, 1).unwrap();
            poll(&consumer);
            assert_eq!(offsets(&poll(&consumer).snapshot, 0), [2]);
        }

        #[test]
        fn takers_beside_pollers_and_feeders_lose_nothing_and_nobody_waits_for_ever() {
            const EACH: i64 = 400;
            let (consumer, feeder) = tight(&[(0, 0), (1, 0)]);
            let (consumer, feeder) = (&consumer, &feeder);
            let done = AtomicBool::new(false);
            let until = Instant::now() + LONG;
            thread::scope(|scope| {
                for partition in 0..2 {
                    let record = |offset: i64| if offset % 3 == 0 { good(offset) } else { large(offset) };
                    scope.spawn(move || feed(feeder, partition, (0..EACH).map(record)));
                }
                let take = || {
                    let mut came = Vec::new();
                    loop {
                        let last = done.load(Ordering::Acquire);
                        came.extend(letters(consumer).into_iter().map(|letter| (letter.0, letter.1)));
                        if last {
                            return came;
                        }
                        thread::yield_now();
                    }
                };
                let takers = [scope.spawn(take), scope.spawn(take)];
                // A poll that waits for ever has to end with each row, each letter and each change of state.
                let polling = scope.spawn(|| {
                    let end = |partition: i32| next_offset(&consumer.snapshot().unwrap(), partition);
                    while end(0) < EACH || end(1) < EACH {
                        if let Err(error) = consumer.poll(Timeout::Never) {
                            assert_eq!(error.status(), Status::Limit);
                            thread::yield_now();
                        }
                    }
                });
                while !polling.is_finished() && Instant::now() < until {
                    thread::yield_now();
                }
                let in_time = polling.is_finished();
                done.store(true, Ordering::Release);
                if !in_time {
                    consumer.close(Timeout::Never).unwrap();
                }
                let mut came: Vec<_> = takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect();
                assert!(in_time, "a poll waits for ever");
                polling.join().unwrap();
                came.sort_unstable();
                let bad =
                    |partition: i32| (0..EACH).filter(|offset| offset % 3 != 0).map(move |offset| (partition, offset));
                assert!(came.into_iter().eq(bad(0).chain(bad(1))));
            });
            let snapshot = consumer.snapshot().unwrap();
            for partition in 0..2 {
                assert!(offsets(&snapshot, partition).into_iter().eq((0..EACH).step_by(3)));
            }
        }
    }

    /// What a program may do, in any order.
    #[derive(Debug, Clone)]
    enum Step {
        /// A record, whose bad sides are these, and whose value is larger by so much.
        Push {
            partition: i32,
            bad_key: bool,
            bad_value: bool,
            late: bool,
            size: usize,
        },
        Poll,
        Take,
    }

    fn step() -> impl Strategy<Value = Step> {
        let bad = || prop::bool::weighted(0.3);
        prop_oneof![
            8 => (0..3, bad(), bad(), prop::bool::weighted(0.1), prop_oneof![4 => 0..100_usize, 1 => 0..200_000_usize])
                .prop_map(|(partition, bad_key, bad_value, late, size)| {
                    Step::Push { partition, bad_key, bad_value, late, size }
                }),
            2 => Just(Step::Poll),
            1 => Just(Step::Take),
        ]
    }

    /// What has come of a partition, in the order in which it came.
    #[derive(Debug, Default, Clone, PartialEq)]
    struct Came {
        rows: Vec<Row>,
        letters: Vec<(i64, String)>,
        skipped: i64,
        bad: [i64; 4],
    }

    /// A record as the rules have it.
    fn expect(came: &mut Came, offset: i64, policies: [usize; 3], bad: [bool; 3]) {
        let sides = [(2, "timestamp"), (0, "key"), (1, "value")];
        let names = ["key", "value", "timestamp"];
        let wrong: Vec<_> = sides.into_iter().filter(|(side, _)| bad[*side]).collect();
        let Some(strongest) = wrong.iter().map(|(side, _)| policies[*side]).max() else {
            came.rows.push((offset, Some(offset.to_string()), Some(offset), Some(offset)));
            return;
        };
        let (side, name) = wrong.into_iter().find(|(side, _)| policies[*side] == strongest).unwrap();
        assert_eq!(names[side], name);
        came.bad[side] += 1;
        let unless = |bad: bool| (!bad).then_some(offset);
        match POLICIES[strongest] {
            "null" => came.rows.push((offset, (!bad[0]).then(|| offset.to_string()), unless(bad[1]), unless(bad[1]))),
            "dead_letter" => came.letters.push((offset, name.to_owned())),
            _ => came.skipped += 1,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn rows_letters_and_skipped_records_are_all_records_in_their_order(
            // R2, R3, Y11: policies of key, value and all else; not fail, which others test.
            policies in [0..3_usize, 0..3_usize, 0..3_usize],
            steps in prop::collection::vec(step(), 1..150),
        ) {
            let [key, value, common] = policies.map(|policy| POLICIES[policy]);
            let options = lenient(&[
                ("karrow.key.bad.record.policy", key),
                ("karrow.value.bad.record.policy", value),
                ("karrow.bad.record.policy", common),
                ("karrow.memory.budget.bytes", "1048576"),
            ]);
            let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0), (1, 0), (2, 0)]).unwrap();
            let mut expected = <[Came; 3]>::default();
            let mut came = expected.clone();
            let mut ends = [0_i64; 3];
            let take = |came: &mut [Came; 3]| {
                for (partition, offset, side, _) in letters(&consumer) {
                    came[usize::try_from(partition).unwrap()].letters.push((offset, side));
                }
            };
            for step in steps {
                match step {
                    Step::Push { partition, bad_key, bad_value, late, size } => {
                        let index = usize::try_from(partition).unwrap();
                        let offset = ends[index];
                        ends[index] += 1;
                        let mut record = keyed(offset, bad_key, bad_value);
                        // Blanks are not data.
                        record.value.as_mut().unwrap().extend(vec![b' '; size]);
                        if late {
                            record.timestamp = RecordTime::Create(i64::MAX);
                        }
                        expect(&mut expected[index], offset, policies, [bad_key, bad_value, late]);
                        feed(&feeder, partition, [record]);
                    }
                    Step::Poll => match consumer.poll(NOW) {
                        Ok(cycle) => prop_assert_eq!(cycle.failed, 0),
                        Err(error) => prop_assert_eq!(error.status(), Status::Limit),
                    },
                    Step::Take => take(&mut came),
                }
            }
            // Each round takes in something of each partition that has any left.
            for _ in 0..ends.iter().sum::<i64>() + 3 {
                take(&mut came);
                let outcome = consumer.poll(NOW);
                prop_assert!(outcome.is_ok_and(|cycle| cycle.failed == 0));
            }
            take(&mut came);
            let snapshot = consumer.snapshot().unwrap();
            for (index, (partition, came)) in (0..).zip(&mut came).enumerate() {
                prop_assert_eq!(feeder.waiting(partition), 0);
                prop_assert_eq!(next_offset(&snapshot, partition), ends[index]);
                came.rows = rows(&snapshot, partition);
                let (rows, bad) = counted(&consumer, index);
                prop_assert_eq!(rows, i64::try_from(came.rows.len()).unwrap());
                came.bad = bad;
                let all = came.rows.len() + came.letters.len();
                came.skipped = ends[index] - i64::try_from(all).unwrap();
            }
            prop_assert_eq!(came, expected);
        }
    }
}

mod wakeup_and_close {
    use super::*;

    fn interrupted() -> (Status, String) {
        (Status::Interrupted, "interrupted by wakeup".to_owned())
    }

    fn closed() -> (Status, String) {
        (Status::Closed, "the consumer is closed; make a new one to read on".to_owned())
    }

    #[test]
    fn a_wakeup_ends_the_next_poll_once_without_a_cycle() {
        let (consumer, feeder) = consumer(TableType::Blink, &[(0, 0)]);
        feed(&feeder, 0, [good(0)]);
        consumer.wakeup();
        consumer.wakeup();
        assert_eq!(told(consumer.poll(Timeout::Never)), interrupted());
        assert_eq!(consumer.snapshot().unwrap().cycle(), 0);
        let cycle = consumer.poll(Timeout::Never).unwrap();
        assert_eq!((cycle.rows, cycle.snapshot.cycle()), (1, 1));
    }

    #[test]
    fn a_wakeup_ends_a_poll_that_waits() {
        let (consumer, _feeder) = consumer(TableType::Blink, &[(0, 0)]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| told(consumer.poll(Timeout::Never)));
            consumer.wakeup();
            assert_eq!(waiting.join().unwrap(), interrupted());
        });
    }

    #[test]
    fn a_wakeup_comes_before_the_end() {
        let (consumer, feeder) = consumer(TableType::Blink, &[(0, 0)]);
        feed(&feeder, 0, [bad(0)]);
        poll(&consumer);
        consumer.wakeup();
        assert_eq!(told(consumer.poll(NOW)), interrupted());
        assert_eq!(error(consumer.poll(NOW)).status(), Status::End);
    }

    #[test]
    fn rows_that_a_wakeup_kept_from_being_published_are_ready_for_the_next_poll() {
        // Y1. Where in the first poll the wakeup comes is a matter of chance: now before the linger, now within it.
        let (consumer, feeder) = lingering_consumer(5);
        for round in 0..20_u8 {
            feed(&feeder, 0, [good(round.into())]);
            if interrupt_a_poll(&consumer, round) {
                assert_eq!(poll_within(&consumer, LONG), Some(1), "round {round}: the row is ready, but poll waits");
            }
        }
    }

    /// Whether a wakeup ended the poll, and not the row that was ready for it.
    fn interrupt_a_poll(consumer: &Consumer, patience: u8) -> bool {
        thread::scope(|scope| {
            let (about_to, begun) = channel();
            let waiting = scope.spawn(move || {
                about_to.send(()).unwrap();
                consumer.poll(Timeout::Never).is_err()
            });
            begun.recv().unwrap();
            (0..patience).for_each(|_| thread::yield_now());
            consumer.wakeup();
            let ended = waiting.join().unwrap();
            if !ended {
                assert_eq!(told(consumer.poll(NOW)), interrupted());
            }
            ended
        })
    }

    /// How many rows a poll that waits for ever publishes; `None` if it does wait.
    fn poll_within(consumer: &Consumer, time: Duration) -> Option<i64> {
        thread::scope(|scope| {
            let (done, outcome) = channel();
            scope.spawn(move || done.send(consumer.poll(Timeout::Never).map_or(0, |cycle| cycle.rows)));
            let rows = outcome.recv_timeout(time).ok();
            if rows.is_none() {
                consumer.wakeup();
            }
            rows
        })
    }

    #[test]
    fn after_close_calls_say_so_and_what_was_published_stays() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0), (1, 0)]);
        feed(&feeder, 0, [good(0), bad(1)]);
        poll(&consumer);
        feed(&feeder, 1, [good(0)]);
        consumer.close(Timeout::Never).unwrap();
        consumer.close(Timeout::Never).unwrap();
        assert_eq!(told(consumer.poll(Timeout::Never)), closed());
        assert_eq!(told(consumer.open(NOW)), closed());
        assert_eq!(told(consumer.resume(0, 2)), closed());
        feed(&feeder, 1, [good(1)]);
        let snapshot = consumer.snapshot().unwrap();
        assert_eq!((snapshot.cycle(), offsets(&snapshot, 0), offsets(&snapshot, 1)), (1, vec![0], vec![]));
        drop(consumer);
        assert_eq!(offsets(&snapshot, 0), [0]);
    }

    #[test]
    fn close_ends_a_poll_that_waits() {
        let (consumer, _feeder) = consumer(TableType::Blink, &[(0, 0)]);
        let consumer = &consumer;
        thread::scope(|scope| {
            let (about_to, begun) = channel();
            let waiting = scope.spawn(move || {
                about_to.send(()).unwrap();
                // While close waits for its turn, or has it, there is another call; then there is none.
                loop {
                    match told(consumer.poll(Timeout::Never)) {
                        (Status::Busy, _) => thread::yield_now(),
                        outcome => return outcome,
                    }
                }
            });
            begun.recv().unwrap();
            consumer.close(Timeout::Never).unwrap();
            assert_eq!(waiting.join().unwrap(), closed());
        });
    }

    #[test]
    fn close_ends_a_linger() {
        let (consumer, feeder) = lingering_consumer(3_600_000);
        feed(&feeder, 0, [good(0)]);
        let consumer = &consumer;
        thread::scope(|scope| {
            let (about_to, begun) = channel();
            let lingering = scope.spawn(move || {
                about_to.send(()).unwrap();
                error(consumer.poll(Timeout::Never)).status()
            });
            begun.recv().unwrap();
            consumer.close(Timeout::Never).unwrap();
            assert!(matches!(lingering.join().unwrap(), Status::Closed | Status::Busy));
        });
    }

    #[test]
    fn a_close_that_gets_no_time_is_finished_by_the_next() {
        let late = "closing takes longer than the time given; it goes on, and another close waits for it";
        for _ in 0..20 {
            let (consumer, _feeder) = consumer(TableType::Blink, &[(0, 0)]);
            if let Err(error) = consumer.close(NOW) {
                assert_eq!((error.status(), error.message(), error.is_retriable()), (Status::Timeout, late, true));
            }
            consumer.close(Timeout::Never).unwrap();
            assert_eq!(told(consumer.poll(NOW)), closed());
        }
    }

    #[test]
    fn polls_end_whatever_wakes_and_closes_beside_them() {
        let (consumer, feeder) = consumer(TableType::Append, &[(0, 0)]);
        let until = Instant::now() + LONG;
        thread::scope(|scope| {
            let polling = scope.spawn(|| {
                let mut rows = 0;
                loop {
                    match consumer.poll(Timeout::Never) {
                        Ok(cycle) => rows += cycle.rows,
                        Err(error) if error.status() == Status::Closed => return rows,
                        Err(error) => assert!(matches!(error.status(), Status::Interrupted | Status::Busy)),
                    }
                }
            });
            for offset in 0..2000 {
                feed(&feeder, 0, [good(offset)]);
                consumer.wakeup();
            }
            while row_range(&consumer.snapshot().unwrap(), 0).1 < 2000 && Instant::now() < until {
                thread::yield_now();
            }
            consumer.close(Timeout::Never).unwrap();
            assert_eq!(polling.join().unwrap(), 2000);
        });
    }
}
