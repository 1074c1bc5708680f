//! Columns that functions make in a cycle (rule V4), through the public Rust API and records handed over in memory.
//!
//! What a record's value says is what the function does with it: `refuse` is refused, `fail` lets the batch fail until
//! the test says that it is mended, anything else becomes the row's text.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, StructArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::{DataType, Field, Schema};
use karrow::error::Status;
use karrow::format::callback::{Call, CallbackSpec, Processor};
use karrow::format::{Side, Spec};
use karrow::ingest::memory::{Feeder, OwnedRecord};
use karrow::ingest::{Consumer, Cycle, Timeout};
use karrow::options::Options;
use karrow::rows::RecordTime;
use karrow::table::PartitionState;
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use proptest::collection::vec;
use proptest::prelude::*;

const NOW: Timeout = Timeout::Millis(0);

/// The columns that functions here make: a text and its length, which may not be null.
fn columns(prefix: &str) -> Schema {
    Schema::new(vec![
        Field::new(format!("{prefix}Text"), DataType::Utf8, true),
        Field::new(format!("{prefix}Length"), DataType::Int64, false),
    ])
}

/// Of each payload, its text and its length; null for null, and 0.
fn make(schema: &Schema, payloads: &BinaryArray) -> RecordBatch {
    // With just the room that it needs, which the memory of a table is compared with.
    let mut texts = StringBuilder::with_capacity(payloads.len(), payloads.value_data().len());
    payloads.iter().for_each(|payload| texts.append_option(payload.map(|bytes| std::str::from_utf8(bytes).unwrap())));
    let lengths = payloads.iter().map(|payload| i64::try_from(payload.map_or(0, <[u8]>::len)).unwrap());
    let lengths: Int64Array = lengths.map(Some).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(texts.finish()), Arc::new(lengths)];
    RecordBatch::try_new(Arc::new(schema.clone()), columns).unwrap()
}

/// A function that does what values say; and how often it has been called.
#[derive(Default)]
struct Obedient {
    prefix: &'static str,
    mended: AtomicBool,
    calls: AtomicUsize,
}

impl Processor for Obedient {
    fn process(&self, call: &mut Call) -> Result<(), String> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let input = call.take_input().map_err(|error| error.to_string())?;
        let payloads = input.column_by_name("payload").unwrap().as_binary::<i32>();
        for (row, payload) in payloads.iter().enumerate() {
            match payload {
                Some(b"refuse") => call.refuse(i64::try_from(row).unwrap(), "expected anything else").unwrap(),
                Some(b"fail") if !self.mended.load(Ordering::SeqCst) => call.fail("it is broken"),
                _ => {}
            }
        }
        call.set_output(&make(&columns(self.prefix), payloads)).map_err(|error| error.to_string())
    }
}

fn spec(processor: Arc<dyn Processor>) -> Spec {
    Spec::Callback(CallbackSpec::new(&columns(""), processor).unwrap())
}

fn of(process: impl Fn(&mut Call) -> Result<(), String> + Send + Sync + 'static) -> Spec {
    spec(Arc::new(process))
}

fn options(table_type: TableType, value: Spec) -> Options {
    let mut options = Options::new("orders").unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, value);
    options.set_table_type(table_type).unwrap();
    options
}

fn policy(options: &mut Options, policy: &str) {
    options.set("karrow.bad.record.policy", Some(policy)).unwrap();
}

fn opened(options: &Options, partitions: &[(i32, i64)]) -> (Consumer, Feeder) {
    Consumer::in_memory(options, partitions).unwrap()
}

fn record(offset: i64, value: &str) -> OwnedRecord {
    let (value, timestamp) = (Some(value.as_bytes().to_vec()), RecordTime::Create(1000 + offset));
    OwnedRecord { offset, timestamp, key: Some(b"key".to_vec()), value, headers: vec![(b"h".to_vec(), None)] }
}

fn feed(feeder: &Feeder, partition: i32, first: i64, values: &[&str]) {
    for (offset, value) in (first..).zip(values) {
        feeder.push(partition, record(offset, value)).unwrap();
    }
}

fn poll(consumer: &Consumer) -> Cycle {
    consumer.poll(NOW).unwrap()
}

/// The rows that a partition shows: offset and text.
fn rows(snapshot: &Snapshot, partition: i32) -> Vec<(i64, Option<String>)> {
    let first = snapshot.partition(partition).unwrap().rows().first_row();
    let mut rows = Vec::new();
    for batch in snapshot.stream(partition, first, None).unwrap() {
        batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
        let offsets = batch.column_by_name("KafkaOffset").unwrap().as_primitive::<Int64Type>();
        let texts = batch.column_by_name("Text").unwrap().as_string::<i32>();
        rows.extend(offsets.values().iter().copied().zip(texts.iter().map(|text| text.map(str::to_owned))));
    }
    rows
}

fn texts(snapshot: &Snapshot, partition: i32) -> Vec<String> {
    rows(snapshot, partition).into_iter().map(|(_, text)| text.unwrap_or_else(|| "-".to_owned())).collect()
}

fn next_offset(snapshot: &Snapshot, partition: i32) -> i64 {
    snapshot.partition(partition).unwrap().next_offset()
}

fn failure(snapshot: &Snapshot, partition: i32) -> (Status, String) {
    let failure = snapshot.partition(partition).unwrap().failure().expect("it has failed");
    assert_eq!(failure.position(), Some((partition, next_offset(snapshot, partition))));
    (failure.status(), failure.message().to_owned())
}

/// Rows, bad keys and bad values that progress counts, and where it stands.
fn progress(consumer: &Consumer, partition: usize) -> (i64, i64, i64, i64) {
    let progress = consumer.progress().unwrap();
    let number = |name: &str| progress.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(partition);
    let bad = progress.column_by_name("bad_records").unwrap().as_struct();
    let bad = |name: &str| bad.column_by_name(name).unwrap().as_primitive::<Int64Type>().value(partition);
    (number("rows"), bad("key"), bad("value"), number("position"))
}

/// Offset, side and reason of the dead letters that have come.
fn letters(consumer: &Consumer) -> Vec<(i64, String, String)> {
    let mut letters = Vec::new();
    for batch in consumer.dead_letters().unwrap() {
        let offsets = batch.column_by_name("offset").unwrap().as_primitive::<Int64Type>().clone();
        let texts = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>().clone();
        let (sides, reasons) = (texts("side"), texts("reason"));
        letters.extend(
            (0..batch.num_rows())
                .map(|row| (offsets.value(row), sides.value(row).to_owned(), reasons.value(row).to_owned())),
        );
    }
    letters
}

#[test]
fn a_function_sees_each_partition_once_a_cycle_and_makes_its_columns() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let mut spec = of(move |call: &mut Call| {
        let input = call.take_input().unwrap();
        assert!(call.take_input().is_err() && call.rows() == input.num_rows());
        let types: Vec<_> =
            input.schema().fields().iter().map(|field| (field.name().clone(), field.is_nullable())).collect();
        assert_eq!(types, [("payload".to_owned(), true), ("offset".to_owned(), false), ("timestamp".to_owned(), true)]);
        let offsets = input.column(1).as_primitive::<Int64Type>().values().to_vec();
        let times = input.column(2).as_primitive::<TimestampMillisecondType>().iter().collect::<Vec<_>>();
        told.lock().unwrap().push((call.partition(), offsets, times));
        call.set_output(&make(&columns(""), input.column(0).as_binary())).map_err(|error| error.to_string())
    });
    spec.set("offset", "true").unwrap();
    spec.set("timestamp", "true").unwrap();
    let mut options = options(TableType::Append, spec);
    options.set_spec(Side::Key, Spec::Simple { column: Some("K".to_owned()), type_name: Some("utf8".to_owned()) });
    let (consumer, feeder) = opened(&options, &[(0, 5), (3, 0)]);
    feed(&feeder, 0, 5, &["a", "", "ccc"]);
    let null = OwnedRecord { timestamp: RecordTime::None, value: None, ..record(0, "") };
    feeder.push(3, null).unwrap();
    let cycle = poll(&consumer);
    assert_eq!((cycle.rows, cycle.failed), (4, 0));
    let calls = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(calls, [(0, vec![5, 6, 7], vec![Some(1005), Some(1006), Some(1007)]), (3, vec![0], vec![None])]);
    assert_eq!(
        rows(&cycle.snapshot, 0),
        [5, 6, 7].into_iter().zip(["a", "", "ccc"].map(|text| Some(text.to_owned()))).collect::<Vec<_>>()
    );
    assert_eq!(rows(&cycle.snapshot, 3), [(0, None)]);
    let batch = cycle.snapshot.whole(0).unwrap();
    let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["KafkaPartition", "KafkaOffset", "KafkaTimestamp", "K", "Text", "Length"]);
    assert!(batch.schema().field(5).is_nullable(), "Y7");
    assert_eq!(batch.schema().field(5).metadata()["karrow.origin"], "value");
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[0, 0, 0]);
    assert_eq!(batch.column(3).as_string::<i32>().value(2), "key");
    assert_eq!(batch.column(5).as_primitive::<Int64Type>().values(), &[1, 0, 3]);
    // Without records nobody is called.
    assert_eq!(poll(&consumer).rows, 0);
    feed(&feeder, 3, 1, &["d"]);
    assert_eq!(texts(&poll(&consumer).snapshot, 3), ["-", "d"]);
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!((progress(&consumer, 0), progress(&consumer, 1)), ((3, 0, 0, 8), (2, 0, 0, 2)));
}

#[test]
fn a_batch_that_fails_as_a_whole_shows_nothing_and_comes_again_after_a_resume() {
    type Fault = fn(&mut Call) -> Result<(), String>;
    let wrong = |change: fn(RecordBatch) -> RecordBatch| {
        move |call: &mut Call| {
            let input = call.take_input().unwrap();
            let output = change(make(&columns(""), input.column(0).as_binary()));
            // Who ignores the error gets it as the reason.
            let _ = call.set_output(&output);
            Ok(())
        }
    };
    let faults: Vec<(Spec, &str)> = vec![
        (of(|_: &mut Call| Err("no model".to_owned())), "the processor failed: no model"),
        (
            of(|call: &mut Call| {
                call.fail("first");
                call.fail("not today");
                Err("neither".to_owned())
            }),
            "the processor failed: not today",
        ),
        (of((|_: &mut Call| Ok(())) as Fault), "the processor has set no output"),
        (of((|_: &mut Call| panic!("oh")) as Fault), "the processor panicked: oh"),
        (
            of(wrong(|batch| batch.slice(0, 1))),
            "the output of the processor has not been taken: expected 2 rows, as many as there are in the input, found 1",
        ),
        (
            of(wrong(|batch| batch.project(&[1]).unwrap())),
            "the output of the processor has not been taken: expected 2 columns, found 1",
        ),
        (
            of(wrong(|batch| batch.project(&[1, 0]).unwrap())),
            "the output of the processor has not been taken: expected Text as column 0, found Length",
        ),
        (
            of(wrong(|batch| {
                let schema =
                    Schema::new(vec![Field::new("Text", DataType::Int64, true), batch.schema().field(1).clone()]);
                let columns = vec![Arc::clone(batch.column(1)), Arc::clone(batch.column(1))];
                RecordBatch::try_new(Arc::new(schema), columns).unwrap()
            })),
            "the output of the processor has not been taken: column Text: expected utf8, found int64",
        ),
        (
            of(|call: &mut Call| {
                let output = make(&columns(""), &BinaryArray::from_vec(vec![b"x", b"y"]));
                let lengths: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
                let schema = Schema::new(
                    output
                        .schema()
                        .fields()
                        .iter()
                        .map(|field| Field::clone(field).with_nullable(true))
                        .collect::<Vec<_>>(),
                );
                let columns = vec![Arc::clone(output.column(0)), lengths];
                call.set_output(&RecordBatch::try_new(Arc::new(schema), columns).unwrap()).unwrap();
                Ok(())
            }),
            "the output of the processor is null in row 1 of column Length, which its schema does not allow",
        ),
        (
            of(|call: &mut Call| {
                let output = StructArray::from(make(&columns(""), &BinaryArray::from_vec(vec![b"x", b"y"])));
                let nulls = NullBuffer::new(BooleanBuffer::from(vec![true, false]));
                let data = output.into_data().into_builder().data_type(call.output_type()).nulls(Some(nulls));
                let _ = call.set_output_data(data.build().unwrap());
                Ok(())
            }),
            "the output of the processor has not been taken: row 1 is null as a whole; make its columns null, or refuse it",
        ),
    ];
    for (fault, expected) in faults {
        let Spec::Callback(faulty) = &fault else { unreachable!() };
        let (faulty, mended) = (faulty.clone(), Arc::new(AtomicBool::new(false)));
        let is_mended = Arc::clone(&mended);
        let good = Obedient::default();
        // Partition 1 is always good.
        let switch = Switch { faulty: Mutex::new(faulty), good, is_mended };
        let (consumer, feeder) = opened(&options(TableType::Append, spec(Arc::new(switch))), &[(0, 7), (1, 0)]);
        feed(&feeder, 0, 7, &["a", "b"]);
        feed(&feeder, 1, 0, &["fine"]);
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed), (1, 1), "{expected}");
        assert_eq!(failure(&cycle.snapshot, 0), (Status::Processor, format!("{expected}, at orders[0]@7 (value)")));
        let told = cycle.snapshot.partition(0).unwrap().failure().unwrap().clone();
        assert_eq!((told.detail("side"), told.detail("topic")), (Some("value"), Some("orders")));
        assert_eq!((texts(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)), (vec![], 7));
        assert_eq!(texts(&cycle.snapshot, 1), ["fine"]);
        assert_eq!(progress(&consumer, 0), (0, 0, 0, 7), "nothing is counted of it");
        // It fails again, with what has come meanwhile.
        feed(&feeder, 0, 9, &["c"]);
        consumer.resume(0, 7).unwrap();
        let again = poll(&consumer);
        assert_eq!((again.rows, again.failed, next_offset(&again.snapshot, 0)), (0, 1, 7));
        mended.store(true, Ordering::SeqCst);
        consumer.resume(0, 7).unwrap();
        let cycle = poll(&consumer);
        assert_eq!((cycle.rows, cycle.failed), (3, 0));
        assert_eq!(
            (texts(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)),
            (vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], 10)
        );
        assert_eq!(progress(&consumer, 0), (3, 0, 0, 10));
    }
}

/// Two functions for partition 0, one after the other.
struct Switch {
    faulty: Mutex<CallbackSpec>,
    good: Obedient,
    is_mended: Arc<AtomicBool>,
}

impl Processor for Switch {
    fn process(&self, call: &mut Call) -> Result<(), String> {
        if call.partition() == 1 || self.is_mended.load(Ordering::SeqCst) || call.rows() != 2 {
            if call.partition() == 0 && !self.is_mended.load(Ordering::SeqCst) {
                return Err("still".to_owned());
            }
            return self.good.process(call);
        }
        self.faulty.lock().unwrap().processor().process(call)
    }
}

#[test]
fn a_refused_row_is_a_bad_record_with_its_policy() {
    let values = ["a", "refuse", "c", "refuse", "e"];
    for (name, expected, letter_offsets) in [
        ("skip", vec![(0, Some("a")), (2, Some("c")), (4, Some("e"))], vec![]),
        ("null", vec![(0, Some("a")), (1, None), (2, Some("c")), (3, None), (4, Some("e"))], vec![]),
        ("dead_letter", vec![(0, Some("a")), (2, Some("c")), (4, Some("e"))], vec![1, 3]),
    ] {
        let mut options = options(TableType::Append, spec(Arc::new(Obedient::default())));
        policy(&mut options, name);
        let (consumer, feeder) = opened(&options, &[(0, 0)]);
        feed(&feeder, 0, 0, &values);
        let cycle = poll(&consumer);
        let expected: Vec<_> = expected.into_iter().map(|(offset, text)| (offset, text.map(str::to_owned))).collect();
        assert_eq!((rows(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)), (expected.clone(), 5), "{name}");
        let count = i64::try_from(expected.len()).unwrap();
        assert_eq!(
            (cycle.rows, cycle.failed, cycle.snapshot.partition(0).unwrap().rows().end_row()),
            (count, 0, count)
        );
        assert_eq!(progress(&consumer, 0), (count, 0, 2, 5));
        let batch = cycle.snapshot.whole(0).unwrap();
        let lengths = batch.column_by_name("Length").unwrap();
        assert_eq!(lengths.null_count(), if name == "null" { 2 } else { 0 }, "all columns of the side");
        let found: Vec<_> = letters(&consumer);
        let reason = "expected anything else".to_owned();
        let letter = |offset: i64| (offset, "value".to_owned(), reason.clone());
        assert_eq!(found, letter_offsets.into_iter().map(letter).collect::<Vec<_>>());
    }
}

#[test]
fn a_dead_letter_of_a_function_has_all_that_its_record_has() {
    for (key, value) in [(false, true), (true, false), (true, true)] {
        let side = |is_callback: bool, prefix: &'static str| {
            let processor = Obedient { prefix, ..Obedient::default() };
            if is_callback {
                Spec::Callback(CallbackSpec::new(&columns(prefix), Arc::new(processor)).unwrap())
            } else {
                Spec::Ignore
            }
        };
        let mut options = options(TableType::Blink, side(value, ""));
        options.set_spec(Side::Key, side(key, "Key"));
        policy(&mut options, "dead_letter");
        let (consumer, feeder) = opened(&options, &[(2, 0)]);
        let refused = OwnedRecord {
            key: Some(b"refuse".to_vec()),
            headers: vec![(b"\xff".to_vec(), Some(b"1".to_vec())), (b"a".to_vec(), None)],
            ..record(0, "refuse")
        };
        feeder.push(2, refused).unwrap();
        feeder.push(2, OwnedRecord { key: None, timestamp: RecordTime::None, value: None, ..record(1, "") }).unwrap();
        assert_eq!(poll(&consumer).rows, 1);
        let batch = consumer.dead_letters().unwrap().next().unwrap();
        let bytes = |name: &str| batch.column_by_name(name).unwrap().as_binary::<i32>().value(0).to_vec();
        assert_eq!((bytes("key"), bytes("value")), (b"refuse".to_vec(), b"refuse".to_vec()));
        let times = batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>();
        assert_eq!((batch.num_rows(), times.value(0)), (1, 1000));
        let headers = batch.column_by_name("headers").unwrap().as_list::<i32>().value(0);
        let names = headers.as_struct().column(0).as_binary::<i32>();
        assert_eq!(names.iter().collect::<Vec<_>>(), [Some(&b"\xff"[..]), Some(b"a")]);
        let decided = batch.column_by_name("side").unwrap().as_string::<i32>().value(0).to_owned();
        assert_eq!(decided, if key { "key" } else { "value" }, "of equals the first");
        assert!(batch.column_by_name("column").unwrap().is_null(0));
    }
}

#[test]
fn a_refused_row_that_fails_its_partition_shows_the_rows_before_it_and_lets_the_rest_come_again() {
    let processor = Arc::new(Obedient::default());
    let options = options(TableType::Append, spec(Arc::clone(&processor) as Arc<dyn Processor>));
    let (consumer, feeder) = opened(&options, &[(0, 0), (1, 0)]);
    feed(&feeder, 0, 0, &["a", "b", "refuse", "d", "refuse"]);
    feed(&feeder, 1, 0, &["other"]);
    let cycle = poll(&consumer);
    assert_eq!((cycle.rows, cycle.failed), (3, 1));
    let (status, message) = failure(&cycle.snapshot, 0);
    assert_eq!((status, &*message), (Status::BadRecord, "expected anything else, at orders[0]@2 (value)"));
    assert_eq!((texts(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)), (vec!["a".to_owned(), "b".to_owned()], 2));
    assert_eq!(progress(&consumer, 0), (2, 0, 1, 2));
    // Not earlier, because that is in the table already.
    let error = consumer.resume(0, 1).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    assert!(error.message().contains("stopped at offset 2; resume there or behind it"), "{error}");
    // At the same record it fails again, and counts once.
    consumer.resume(0, 2).unwrap();
    assert_eq!((poll(&consumer).failed, progress(&consumer, 0)), (1, (2, 0, 1, 2)));
    consumer.resume(0, 3).unwrap();
    let cycle = poll(&consumer);
    assert_eq!(
        (texts(&cycle.snapshot, 0), next_offset(&cycle.snapshot, 0)),
        (["a", "b", "d"].map(str::to_owned).to_vec(), 4)
    );
    assert_eq!(progress(&consumer, 0), (3, 0, 2, 4));
    consumer.resume(0, 5).unwrap();
    feed(&feeder, 0, 5, &["f"]);
    assert_eq!(texts(&poll(&consumer).snapshot, 0), ["a", "b", "d", "f"]);
    assert_eq!(consumer.resume(0, 6).unwrap_err().status(), Status::InvalidState);
    assert_eq!(processor.calls.load(Ordering::SeqCst), 5);
}

#[test]
fn the_stricter_of_two_functions_decides_and_a_batch_that_fails_is_stricter_than_all() {
    let rank = ["null", "skip", "dead_letter", "fail"];
    for (key_rank, key_policy) in rank.iter().enumerate() {
        for (value_rank, value_policy) in rank.iter().enumerate() {
            let key = Obedient { prefix: "Key", ..Obedient::default() };
            let mut options = options(TableType::Append, spec(Arc::new(Obedient::default())));
            options.set_spec(Side::Key, Spec::Callback(CallbackSpec::new(&columns("Key"), Arc::new(key)).unwrap()));
            options.set("karrow.key.bad.record.policy", Some(key_policy)).unwrap();
            options.set("karrow.value.bad.record.policy", Some(value_policy)).unwrap();
            let (consumer, feeder) = opened(&options, &[(0, 0)]);
            let both = OwnedRecord { key: Some(b"refuse".to_vec()), ..record(0, "refuse") };
            feeder.push(0, both).unwrap();
            feeder.push(0, record(1, "good")).unwrap();
            let cycle = poll(&consumer);
            let (strictest, side) = if value_rank > key_rank { (value_policy, "value") } else { (key_policy, "key") };
            let (shown, next): (&[i64], i64) = match *strictest {
                "null" => (&[0, 1], 2),
                "fail" => (&[], 0),
                _ => (&[1], 2),
            };
            let offsets: Vec<i64> = rows(&cycle.snapshot, 0).into_iter().map(|row| row.0).collect();
            assert_eq!((&offsets[..], next_offset(&cycle.snapshot, 0)), (shown, next), "{key_policy} {value_policy}");
            let counted = if side == "key" { (1, 0) } else { (0, 1) };
            let (_, keys, values, _) = progress(&consumer, 0);
            assert_eq!((keys, values), counted);
            assert_eq!(letters(&consumer).len(), usize::from(*strictest == "dead_letter"));
            if *strictest == "null" {
                let batch = cycle.snapshot.whole(0).unwrap();
                for name in ["KeyText", "KeyLength", "Text", "Length"] {
                    let column = batch.column_by_name(name).unwrap();
                    assert!(column.is_null(0) && column.is_valid(1), "{name}");
                }
            }
            // The value's batch fails: nothing of the key's refusals is done.
            feeder.push(0, OwnedRecord { key: Some(b"refuse".to_vec()), ..record(2, "fail") }).unwrap();
            if *strictest == "fail" {
                consumer.resume(0, 1).unwrap();
            }
            let before = progress(&consumer, 0);
            let cycle = poll(&consumer);
            assert_eq!(failure(&cycle.snapshot, 0).0, Status::Processor);
            let after = progress(&consumer, 0);
            assert_eq!((after.1, after.2), (before.1, before.2));
            assert!(letters(&consumer).is_empty());
        }
    }
}

#[test]
fn a_bad_record_of_the_decoded_side_has_been_dealt_with_unless_it_may_have_nulls() {
    for (name, seen) in [("skip", 2), ("dead_letter", 2), ("null", 3)] {
        let rows_seen = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&rows_seen);
        let good = Obedient::default();
        let mut options = options(
            TableType::Append,
            of(move |call: &mut Call| {
                told.fetch_add(call.rows(), Ordering::SeqCst);
                good.process(call)
            }),
        );
        options.set_spec(Side::Key, Spec::Simple { column: Some("K".to_owned()), type_name: Some("int64".to_owned()) });
        options.set("karrow.key.bad.record.policy", Some(name)).unwrap();
        let (consumer, feeder) = opened(&options, &[(0, 0)]);
        for offset in 0..3_i64 {
            let key = if offset == 1 { b"bad".to_vec() } else { offset.to_be_bytes().to_vec() };
            feeder.push(0, OwnedRecord { key: Some(key), ..record(offset, "v") }).unwrap();
        }
        let cycle = poll(&consumer);
        assert_eq!((rows_seen.load(Ordering::SeqCst), cycle.rows), (seen, i64::try_from(seen).unwrap()), "{name}");
        assert_eq!((progress(&consumer, 0), next_offset(&cycle.snapshot, 0)), ((cycle.rows, 1, 0, 3), 3));
    }
}

#[test]
fn what_came_in_behind_a_batch_that_fails_comes_again_and_no_dead_letter_comes_twice() {
    // The function itself feeds the partition, as an ingest thread may while it runs.
    let feeder: Arc<Mutex<Option<Feeder>>> = Arc::default();
    let (feed_more, calls) = (Arc::clone(&feeder), Arc::new(AtomicUsize::new(0)));
    let called = Arc::clone(&calls);
    let obedient = Obedient::default();
    let mut options = options(
        TableType::Append,
        of(move |call: &mut Call| {
            if called.fetch_add(1, Ordering::SeqCst) == 0 {
                let feeder = feed_more.lock().unwrap().clone().unwrap();
                feeder.push(0, OwnedRecord { key: Some(b"bad".to_vec()), ..record(3, "x") }).unwrap();
                feeder.push(0, OwnedRecord { key: None, ..record(4, "late") }).unwrap();
                return Err("not yet".to_owned());
            }
            obedient.process(call)
        }),
    );
    options.set_spec(Side::Key, Spec::Simple { column: Some("K".to_owned()), type_name: Some("int64".to_owned()) });
    policy(&mut options, "dead_letter");
    options.set("karrow.value.bad.record.policy", Some("fail")).unwrap();
    let (consumer, handle) = opened(&options, &[(0, 0)]);
    *feeder.lock().unwrap() = Some(handle.clone());
    for (offset, key) in [(0, None), (1, Some(b"bad".to_vec())), (2, None)] {
        handle.push(0, OwnedRecord { key, ..record(offset, "early") }).unwrap();
    }
    let cycle = poll(&consumer);
    assert_eq!((cycle.rows, cycle.failed, next_offset(&cycle.snapshot, 0)), (0, 1, 0));
    let (_, keys, _, position) = progress(&consumer, 0);
    assert_eq!((keys, position), (2, 0));
    assert_eq!(letters(&consumer).iter().map(|letter| letter.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(handle.waiting(0), 0, "all were taken, and are kept");
    consumer.resume(0, 0).unwrap();
    let cycle = poll(&consumer);
    assert_eq!(rows(&cycle.snapshot, 0).iter().map(|row| row.0).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!((next_offset(&cycle.snapshot, 0), progress(&consumer, 0)), (5, (3, 2, 0, 5)));
    assert!(letters(&consumer).is_empty(), "each comes once");
    *feeder.lock().unwrap() = None;
}

#[test]
fn a_partition_that_has_read_to_its_stop_fails_all_the_same_and_finishes_after_a_resume() {
    let processor = Arc::new(Obedient::default());
    let mut options = options(TableType::Append, spec(Arc::clone(&processor) as Arc<dyn Processor>));
    options.set_stop(Some(0), karrow::options::Stop::from_offset(2).unwrap()).unwrap();
    let (consumer, feeder) = opened(&options, &[(0, 0)]);
    feed(&feeder, 0, 0, &["a", "fail"]);
    let cycle = poll(&consumer);
    assert_eq!((cycle.rows, failure(&cycle.snapshot, 0).0), (0, Status::Processor));
    assert_eq!(consumer.poll(NOW).err().unwrap().status(), Status::End);
    processor.mended.store(true, Ordering::SeqCst);
    consumer.resume(0, 0).unwrap();
    let cycle = poll(&consumer);
    assert_eq!(texts(&cycle.snapshot, 0), ["a", "fail"]);
    assert_eq!(*cycle.snapshot.partition(0).unwrap().state(), PartitionState::Finished);
    assert_eq!(consumer.poll(NOW).err().unwrap().status(), Status::End);
}

#[test]
fn the_consumer_whose_poll_runs_a_function_cannot_be_used_inside_of_it_but_asked() {
    let consumer: Arc<Mutex<Option<Arc<Consumer>>>> = Arc::default();
    let inside = Arc::clone(&consumer);
    let good = Obedient::default();
    let options = options(
        TableType::Append,
        of(move |call: &mut Call| {
            let consumer = inside.lock().unwrap().clone().unwrap();
            let snapshot = consumer.snapshot().unwrap();
            let told = |error: karrow::error::Error| (error.status(), error.message().to_owned());
            let refused = [
                ("open", consumer.open(NOW).err()),
                ("poll", consumer.poll(NOW).err()),
                ("wait", consumer.wait(0, NOW).err()),
                ("commit", consumer.commit(&snapshot, NOW).err()),
                ("discard", consumer.discard(0, 0).err()),
                ("resume", consumer.resume(0, 0).err()),
                ("dead_letters", consumer.dead_letters().err()),
                ("close", consumer.close(Timeout::Never).err()),
            ];
            for (name, error) in refused {
                let (status, message) = told(error.unwrap());
                assert_eq!(status, Status::InvalidState);
                assert!(message.starts_with(&format!("{name}: a processor cannot use the consumer")), "{message}");
            }
            // What shows how things are, works, and so does what other threads do.
            assert_eq!(snapshot.cycle(), consumer.progress().unwrap().num_rows() as i64 - 1);
            assert!(consumer.schema().is_ok() && consumer.is_processing());
            thread::scope(|scope| {
                let busy = scope.spawn(|| consumer.poll(NOW).err().unwrap().status());
                assert_eq!(busy.join().unwrap(), Status::Busy);
            });
            good.process(call)
        }),
    );
    let (open, feeder) = opened(&options, &[(0, 0)]);
    let open = Arc::new(open);
    *consumer.lock().unwrap() = Some(Arc::clone(&open));
    feed(&feeder, 0, 0, &["a"]);
    let cycle = poll(&open);
    assert_eq!((texts(&cycle.snapshot, 0), cycle.failed), (vec!["a".to_owned()], 0));
    assert!(!open.is_processing());
    assert_eq!(poll(&open).rows, 0);
    *consumer.lock().unwrap() = None;
}

#[test]
fn payloads_count_until_a_function_has_seen_them_and_what_it_made_counts_as_rows() {
    let mut options = options(TableType::Append, spec(Arc::new(Obedient::default())));
    options.set("karrow.memory.budget.bytes", Some("1048576")).unwrap();
    options.set("karrow.append.max.bytes", Some("3000000")).unwrap();
    let (consumer, feeder) = opened(&options, &[(0, 0)]);
    let memory = |consumer: &Consumer| {
        let progress = consumer.progress().unwrap();
        progress.column_by_name("memory_bytes").unwrap().as_primitive::<Int64Type>().value(0)
    };
    let large = "x".repeat(100_000);
    for offset in 0..20 {
        feeder.push(0, record(offset, &large)).unwrap();
    }
    let waiting = feeder.waiting(0);
    assert!((10..20).contains(&waiting), "half of the budget is for them, and {waiting} wait");
    let held = memory(&consumer);
    assert!((500_000..700_000).contains(&held), "{held}");
    let mut shown = poll(&consumer).rows;
    let after = memory(&consumer);
    let made = shown * 100_000;
    assert!(after >= made, "the rows, and what has come since: {after}");
    while feeder.waiting(0) > 0 {
        shown += poll(&consumer).rows;
    }
    shown += poll(&consumer).rows;
    assert_eq!(shown, 20);
    let kept = memory(&consumer);
    assert!((2_000_000..2_100_000).contains(&kept), "texts, lengths, offsets and times, and no payload: {kept}");
    // A full table lets nothing more in.
    for offset in 20..60 {
        feeder.push(0, record(offset, &large)).unwrap();
    }
    let full = loop {
        match consumer.poll(NOW) {
            Ok(cycle) => shown += cycle.rows,
            Err(error) => break error,
        }
    };
    assert_eq!(full.status(), Status::Limit);
    assert!((30..36).contains(&shown), "{shown}");
}

#[test]
fn a_table_lets_go_of_what_a_function_made_once_little_of_it_is_shown() {
    struct Told(Arc<AtomicUsize>, Int64Array);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let released = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&released);
    let options = options(
        TableType::Ring { capacity: 4 },
        of(move |call: &mut Call| {
            let input = call.take_input().unwrap();
            let batch = make(&columns(""), input.column(0).as_binary());
            // Lengths in memory that tells when it is let go.
            let lengths = batch.column(1).as_primitive::<Int64Type>().clone();
            let start = std::ptr::NonNull::new(lengths.values().as_ptr().cast_mut().cast()).unwrap();
            let bytes = lengths.len() * size_of::<i64>();
            let owner = Arc::new(Told(Arc::clone(&told), lengths));
            assert_eq!(owner.1.null_count(), 0);
            // SAFETY: the owner keeps the memory, which nobody changes.
            let buffer = unsafe { arrow_buffer::Buffer::from_custom_allocation(start, bytes, owner) };
            let lengths: ArrayRef = Arc::new(Int64Array::new(buffer.into(), None));
            let output = RecordBatch::try_new(batch.schema(), vec![Arc::clone(batch.column(0)), lengths]).unwrap();
            call.set_output(&output).map_err(|error| error.to_string())
        }),
    );
    let (consumer, feeder) = opened(&options, &[(0, 0)]);
    let released = || released.load(Ordering::SeqCst);
    // More than twice as much as is shown: what is shown is copied at once.
    let many: Vec<String> = (0..20).map(|row| row.to_string()).collect();
    feed(&feeder, 0, 0, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let cycle = poll(&consumer);
    assert_eq!((texts(&cycle.snapshot, 0), released()), (many[16..].to_vec(), 1));
    // All of it is shown, and then three quarters, and then less than half.
    feed(&feeder, 0, 20, &["a", "b", "c", "d"]);
    let kept = poll(&consumer).snapshot;
    assert_eq!((texts(&kept, 0).join(""), released()), ("abcd".to_owned(), 1));
    drop((cycle, kept));
    feed(&feeder, 0, 24, &["e"]);
    assert_eq!(texts(&poll(&consumer).snapshot, 0).join(""), "bcde");
    assert_eq!(released(), 1);
    feed(&feeder, 0, 25, &["f", "g"]);
    assert_eq!(texts(&poll(&consumer).snapshot, 0).join(""), "defg");
    assert_eq!(released(), 2, "the memory of abcd");
}

#[test]
fn a_function_is_let_go_when_spec_options_and_consumers_are() {
    struct Counted(Obedient, Arc<AtomicUsize>);
    impl Processor for Counted {
        fn process(&self, call: &mut Call) -> Result<(), String> {
            self.0.process(call)
        }
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let released = Arc::new(AtomicUsize::new(0));
    let spec = spec(Arc::new(Counted(Obedient::default(), Arc::clone(&released))));
    let options = options(TableType::Append, spec.clone());
    let consumers: Vec<_> = (0..4).map(|_| opened(&options, &[(0, 0)])).collect();
    drop((spec, options));
    // One function, several polls at once.
    let snapshots: Vec<Snapshot> = thread::scope(|scope| {
        let run = |(consumer, feeder): &(Consumer, Feeder)| {
            for offset in 0..200 {
                feed(feeder, 0, offset, &["v"]);
                assert_eq!(poll(consumer).rows, 1);
            }
            consumer.snapshot().unwrap()
        };
        let threads: Vec<_> = consumers.iter().map(|both| scope.spawn(move || run(both))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(released.load(Ordering::SeqCst), 0);
    let (first, rest) = consumers.split_first().unwrap();
    assert_eq!(first.0.snapshot().unwrap().cycle(), 200);
    assert_eq!(rest.len(), 3);
    drop(consumers);
    assert_eq!(released.load(Ordering::SeqCst), 1, "snapshots do not need it");
    assert!(snapshots.iter().all(|snapshot| texts(snapshot, 0).len() == 200));
}

#[test]
fn specs_are_checked_when_they_are_made() {
    let told = |schema: &Schema| {
        let error = CallbackSpec::new(schema, Arc::new(Obedient::default())).unwrap_err();
        (error.status(), error.message().to_owned())
    };
    let of = |data_type: DataType| Schema::new(vec![Field::new("C", data_type, true)]);
    let (status, message) = told(&Schema::empty());
    assert_eq!(
        (status, &*message),
        (Status::InvalidArgument, "columns: there are none; a processor makes at least one")
    );
    let twice = Schema::new(vec![Field::new("C", DataType::Int8, true), Field::new("C", DataType::Int8, true)]);
    assert_eq!(told(&twice).1, "columns: there is a column C already; a spec has each column once");
    let unnamed = Schema::new(vec![Field::new("", DataType::Int8, true)]);
    assert_eq!(told(&unnamed).1, "columns: one of them has no name; a column needs a name");
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for (data_type, expected) in [
        (DataType::Utf8View, "columns: column C cannot be utf8view; a processor does not make utf8view; use utf8"),
        (
            dictionary.clone(),
            "columns: column C cannot be dictionary<int32, utf8>; a processor does not make dictionary<int32, utf8>; \
             use the type of its values",
        ),
        (
            DataType::List(Arc::new(Field::new("item", dictionary, true))),
            "columns: column C cannot be list<dictionary<int32, utf8>>; a processor does not make dictionary<int32, \
             utf8>; use the type of its values",
        ),
    ] {
        assert_eq!(told(&of(data_type)), (Status::Unsupported, expected.to_owned()));
    }
    let deep = (0..70).fold(DataType::Int8, |inside, _| DataType::LargeList(Arc::new(Field::new("i", inside, true))));
    assert_eq!(told(&of(deep)).1, "columns: column C is nested more than 64 levels deep");
    let mut spec = spec(Arc::new(Obedient::default()));
    let error = spec.set("offset", "yes").unwrap_err();
    assert_eq!(error.message(), "value: offset cannot be 'yes'; it can be true or false");
    let error = spec.set("offsets", "true").unwrap_err();
    assert_eq!(error.message(), "key: a callback spec has no 'offsets'; it has offset, timestamp");
    assert!(spec.add_column("C", "int8").is_err() && spec.map_field("a", "C").is_err());
    // A name that the common columns have, too.
    let schema = Schema::new(vec![Field::new("KafkaOffset", DataType::Int8, true)]);
    let clash = Spec::Callback(CallbackSpec::new(&schema, Arc::new(Obedient::default())).unwrap());
    let error = Consumer::in_memory(&options(TableType::Append, clash), &[(0, 0)]).err().unwrap();
    assert!(error.message().contains("two columns are named 'KafkaOffset'"), "{error}");
}

#[test]
fn columns_of_all_layouts_come_through_refusals_cuts_and_rings() {
    let item = || Arc::new(Field::new("item", DataType::Utf8, true));
    let schema = Schema::new(vec![
        Field::new("Flag", DataType::Boolean, false),
        Field::new("List", DataType::List(item()), true),
        Field::new("Struct", DataType::Struct(vec![Field::new("a", DataType::Boolean, true)].into()), true),
        Field::new("Pair", DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Int64, false)), 2), true),
        Field::new("Large", DataType::LargeUtf8, true),
    ]);
    let made = |offsets: &[i64]| {
        use arrow_array::builder::{
            FixedSizeListBuilder, Int64Builder, LargeStringBuilder, ListBuilder, StringBuilder,
        };
        let flags: BooleanArray = offsets.iter().map(|offset| Some(offset % 3 == 0)).collect();
        let mut lists = ListBuilder::new(StringBuilder::new());
        let mut pairs =
            FixedSizeListBuilder::new(Int64Builder::new(), 2).with_field(Field::new("item", DataType::Int64, false));
        let mut large = LargeStringBuilder::new();
        for offset in offsets {
            (0..offset % 3).for_each(|number| lists.values().append_value(format!("{offset}.{number}")));
            lists.append(offset % 4 != 0);
            pairs.values().append_slice(&[*offset, -offset]);
            pairs.append(true);
            large.append_option((offset % 5 != 0).then(|| "x".repeat(usize::try_from(*offset).unwrap())));
        }
        let members: BooleanArray = offsets.iter().map(|offset| (offset % 2 == 0).then_some(offset % 7 == 0)).collect();
        let member: ArrayRef = Arc::new(members);
        let structs = StructArray::from(vec![(Arc::new(Field::new("a", DataType::Boolean, true)), member)]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(flags),
            Arc::new(lists.finish()),
            Arc::new(structs),
            Arc::new(pairs.finish()),
            Arc::new(large.finish()),
        ];
        columns
    };
    let types = Arc::new(schema.clone());
    for (policy_name, ring) in [("skip", None), ("null", None), ("null", Some(5)), ("skip", Some(5)), ("fail", None)] {
        let types = Arc::clone(&types);
        let mut spec = Spec::Callback(
            CallbackSpec::new(
                &schema,
                Arc::new(move |call: &mut Call| {
                    let input = call.take_input().unwrap();
                    let offsets = input.column(1).as_primitive::<Int64Type>().values().to_vec();
                    // From the middle of something longer, so that every array has an offset.
                    let longer: Vec<i64> = [5, 6, 7].into_iter().chain(offsets.clone()).chain([9]).collect();
                    let batch = RecordBatch::try_new(Arc::clone(&types), made(&longer)).unwrap();
                    for (row, offset) in (0..).zip(&offsets) {
                        if offset % 6 == 4 {
                            call.refuse(row, "refused").unwrap();
                        }
                    }
                    call.set_output(&batch.slice(3, offsets.len())).map_err(|error| error.to_string())
                }),
            )
            .unwrap(),
        );
        spec.set("offset", "true").unwrap();
        let table_type = ring.map_or(TableType::Append, |capacity| TableType::Ring { capacity });
        let mut options = options(table_type, spec);
        policy(&mut options, policy_name);
        let (consumer, feeder) = opened(&options, &[(0, 0)]);
        let mut offset = 0;
        for count in [11, 1, 3, 8, 2] {
            feed(&feeder, 0, offset, &vec!["v"; count]);
            offset += i64::try_from(count).unwrap();
            let mut snapshot = poll(&consumer).snapshot;
            while snapshot.partition(0).unwrap().failure().is_some() {
                consumer.resume(0, next_offset(&snapshot, 0) + 1).unwrap();
                snapshot = poll(&consumer).snapshot;
            }
            let batch = snapshot.whole(0).unwrap();
            batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
            let shown = batch.column_by_name("KafkaOffset").unwrap().as_primitive::<Int64Type>().values().to_vec();
            let all: Vec<i64> = (0..offset).filter(|offset| policy_name == "null" || offset % 6 != 4).collect();
            let last = ring.map_or(all.len(), |capacity| all.len().min(usize::try_from(capacity).unwrap()));
            assert_eq!(shown, all[all.len() - last..]);
            for (column, expected) in batch.columns()[3..].iter().zip(made(&shown)) {
                for (row, offset) in shown.iter().enumerate() {
                    if offset % 6 == 4 {
                        assert!(column.is_null(row));
                    } else {
                        assert_eq!(column.slice(row, 1).to_data(), expected.slice(row, 1).to_data());
                    }
                }
            }
        }
    }
}

/// What a record is to be: good, refused, or one that lets its batch fail once; and whether its key is bad.
#[derive(Debug, Clone, Copy)]
struct Given {
    refused: bool,
    breaks: bool,
    bad_key: bool,
}

fn given() -> impl Strategy<Value = Given> {
    (prop::bool::weighted(0.15), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(refused, breaks, bad_key)| Given { refused, breaks, bad_key })
}

fn any_policy() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("fail"), Just("skip"), Just("null"), Just("dead_letter")]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever fails, and however often it comes again: each record is in the table as its policies have it, once and in
    /// order, and all counts agree.
    #[test]
    fn every_record_is_dealt_with_once(
        key_policy in any_policy(),
        value_policy in any_policy(),
        cycles in vec(vec(given(), 0..8), 1..10),
    ) {
        let broken: Arc<Mutex<BTreeMap<i64, usize>>> = Arc::default();
        let records: Vec<Given> = cycles.concat();
        let (script, breaks) = (records.clone(), Arc::clone(&broken));
        let mut value = of(move |call: &mut Call| {
            let input = call.take_input().unwrap();
            let offsets = input.column(1).as_primitive::<Int64Type>().values().to_vec();
            for (row, offset) in (0..).zip(&offsets) {
                let given = script[usize::try_from(*offset).unwrap()];
                if given.breaks && breaks.lock().unwrap().insert(*offset, 1).is_none() {
                    call.fail("once");
                }
                if given.refused {
                    call.refuse(row, "refused").unwrap();
                }
            }
            call.set_output(&make(&columns(""), input.column(0).as_binary())).map_err(|error| error.to_string())
        });
        value.set("offset", "true").unwrap();
        let mut options = options(TableType::Append, value);
        options.set_spec(Side::Key, Spec::Simple { column: Some("K".to_owned()), type_name: Some("int64".to_owned()) });
        options.set("karrow.key.bad.record.policy", Some(key_policy)).unwrap();
        options.set("karrow.value.bad.record.policy", Some(value_policy)).unwrap();
        let (consumer, feeder) = opened(&options, &[(0, 0)]);
        let mut offset = 0_i64;
        let mut shown_before = 0;
        for cycle in &cycles {
            for given in cycle {
                let key = if given.bad_key { b"bad".to_vec() } else { offset.to_be_bytes().to_vec() };
                feeder.push(0, OwnedRecord { key: Some(key), ..record(offset, &offset.to_string()) }).unwrap();
                offset += 1;
            }
            // Past a bad record, and at the first record of a batch again.
            loop {
                let cycle = match consumer.poll(NOW) {
                    Ok(cycle) => cycle,
                    Err(error) => panic!("{error}"),
                };
                let end = cycle.snapshot.partition(0).unwrap().rows().end_row();
                prop_assert_eq!(cycle.rows, end - shown_before);
                shown_before = end;
                let next = next_offset(&cycle.snapshot, 0);
                let shown = rows(&cycle.snapshot, 0);
                prop_assert!(shown.last().is_none_or(|last| last.0 < next));
                match cycle.snapshot.partition(0).unwrap().failure() {
                    None if next == offset => break,
                    None => {}
                    Some(failure) if failure.status() == Status::BadRecord => consumer.resume(0, next + 1).unwrap(),
                    Some(failure) => {
                        prop_assert_eq!(failure.status(), Status::Processor);
                        prop_assert_eq!(failure.position(), Some((0, next)));
                        consumer.resume(0, next).unwrap();
                    }
                }
            }
        }
        let (mut expected, mut dead, mut bad_keys, mut bad_values) = (Vec::new(), Vec::new(), 0, 0);
        for (offset, given) in (0_i64..).zip(&records) {
            let text = offset.to_string();
            // A key that is bad has been dealt with before, but for one that may be null.
            let decided_by_key = given.bad_key && key_policy != "null";
            let value_is_bad = given.refused && !decided_by_key;
            bad_keys += i64::from(given.bad_key);
            bad_values += i64::from(value_is_bad);
            let policy = if decided_by_key { key_policy } else if value_is_bad { value_policy } else { "good" };
            match policy {
                "good" => expected.push((offset, Some(text))),
                "null" => expected.push((offset, None)),
                "dead_letter" => dead.push((offset, if decided_by_key { "key" } else { "value" })),
                _ => {}
            }
        }
        let snapshot = consumer.snapshot().unwrap();
        prop_assert_eq!(rows(&snapshot, 0), expected.clone());
        let count = i64::try_from(expected.len()).unwrap();
        prop_assert_eq!(progress(&consumer, 0), (count, bad_keys, bad_values, offset));
        let found = letters(&consumer);
        let mut found: Vec<(i64, &str)> = found.iter().map(|letter| (letter.0, &*letter.1)).collect();
        // Those of keys come when they are read, those of values when they are processed.
        found.sort_unstable();
        prop_assert_eq!(found, dead);
    }
}
