//! Consumers that need the registry: for their columns when they are opened, and for the schemas that records name while
//! they read. Records are handed over in memory; `tests/kafka` has the same from a broker.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use karrow::error::Status;
use karrow::format::avro::AvroSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::memory::{Feeder, OwnedRecord};
use karrow::ingest::{Consumer, Timeout};
use karrow::options::Options;
use karrow::rows::RecordTime;
use karrow::table::PartitionState;
use karrow::table::retention::TableType;

use crate::HANG;
use crate::support::gate::{Gate, Reply};
use crate::support::registry::Registry;

/// Version 1 has `a` alone, and version 2 another field in front of it.
const ONE: &str = r#"{"type":"record","name":"Row","fields":[{"name":"a","type":"long"}]}"#;
const TWO: &str = r#"{"type":"record","name":"Row","fields":[{"name":"b","type":"string"},{"name":"a","type":"int"}]}"#;

/// A datum of `ONE` with this id in front of it; `a` is less than 64, which takes one byte.
fn one(id: i32, a: u8) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], &[2 * a]].concat()
}

/// The same of `TWO`.
fn two(id: i32, a: u8) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], &[4, b'x', b'y', 2 * a]].concat()
}

pub fn options(url: &str, pairs: &[(&str, &str)]) -> Options {
    let mut options = crate::options(&[("schema.registry.url", url)]);
    for (key, value) in pairs {
        options.set(key, Some(value)).unwrap();
    }
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_table_type(TableType::Append).unwrap();
    options
}

/// Values are read as `ONE`.
fn as_one(url: &str, pairs: &[(&str, &str)]) -> Options {
    let mut options = options(url, pairs);
    options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_schema(ONE).unwrap()));
    options
}

pub fn push(feeder: &Feeder, partition: i32, offset: i64, value: Vec<u8>) {
    let record =
        OwnedRecord { offset, timestamp: RecordTime::None, key: None, value: Some(value), headers: Vec::new() };
    feeder.push(partition, record).unwrap();
}

/// Polls until the partition's values of `a` are these.
pub fn await_values(consumer: &Consumer, partition: i32, expected: &[i64]) {
    let end = Instant::now() + HANG;
    loop {
        let found = values(consumer, partition);
        assert!(expected.starts_with(&found), "{found:?}");
        if found == expected {
            return;
        }
        assert!(Instant::now() < end, "only {found:?}");
        poll(consumer);
    }
}

fn values(consumer: &Consumer, partition: i32) -> Vec<i64> {
    let batch = consumer.snapshot().unwrap().whole(partition).unwrap();
    batch.column_by_name("a").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

/// One cycle, if there is anything for it.
fn poll(consumer: &Consumer) {
    consumer.poll(Timeout::Millis(20)).unwrap();
}

/// Polls until the partition says that it waits, and this is part of why.
fn await_wait(consumer: &Consumer, partition: i32, why: &str) {
    let end = Instant::now() + HANG;
    loop {
        let snapshot = consumer.snapshot().unwrap();
        let state = snapshot.partition(partition).unwrap().state();
        if let PartitionState::Waiting(error) = state
            && error.message().contains(why)
        {
            assert_eq!(error.status(), Status::Registry);
            return;
        }
        assert!(Instant::now() < end, "{state:?} and not {why}");
        poll(consumer);
    }
}

/// A registry that knows `ONE` as 1 and `TWO` as 2.
fn answer(path: &str) -> Reply {
    let schema = |text: &str| Reply::json(200, &serde_json::json!({ "schema": text }).to_string());
    match path {
        "/schemas/ids/1" => schema(ONE),
        "/schemas/ids/2" => schema(TWO),
        _ => Reply::json(404, r#"{"error_code": 40403, "message": "Schema not found"}"#),
    }
}

/// The same, which answers a question once it is allowed to.
fn slow_registry() -> (Gate, Sender<()>) {
    let (allow, allowed): (Sender<()>, Receiver<()>) = channel();
    let allowed = Mutex::new(allowed);
    let gate = Gate::open(move |request| {
        // The test may be over.
        let _ = allowed.lock().unwrap().recv();
        answer(&request.path)
    });
    (gate, allow)
}

#[test]
fn a_partition_waits_for_a_schema_while_others_go_on() {
    // A8
    let (gate, allow) = slow_registry();
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &[]), &[(0, 0), (1, 0), (2, 0)]).unwrap();
    allow.send(()).unwrap();
    push(&feeder, 0, 0, one(1, 1));
    await_values(&consumer, 0, &[1]);
    push(&feeder, 0, 1, two(2, 2));
    push(&feeder, 0, 2, one(1, 3));
    await_wait(&consumer, 0, "schema 2 is being looked up in the registry, for orders[0]@1 (value)");
    // Who needs no new schema goes on, and who needs the same one waits too.
    push(&feeder, 1, 0, one(1, 10));
    push(&feeder, 2, 0, two(2, 20));
    await_values(&consumer, 1, &[10]);
    await_wait(&consumer, 2, "for orders[2]@0 (value)");
    assert_eq!(consumer.snapshot().unwrap().partition(0).unwrap().next_offset(), 1);
    assert_eq!(values(&consumer, 0), [1]);
    allow.send(()).unwrap();
    await_values(&consumer, 0, &[1, 2, 3]);
    await_values(&consumer, 2, &[20]);
    let snapshot = consumer.snapshot().unwrap();
    assert!(snapshot.partitions().iter().all(|partition| *partition.state() == PartitionState::Reading));
    // Each was asked for once.
    assert_eq!(gate.paths(), ["/schemas/ids/1", "/schemas/ids/2"]);
}

#[test]
fn an_id_that_the_registry_does_not_know_makes_a_bad_record() {
    let gate = Gate::open(|request| answer(&request.path));
    let pairs = [("karrow.registry.unknown.id.retry.ms", "150")];
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &pairs), &[(0, 0)]).unwrap();
    for (offset, value) in [one(1, 1), one(9, 2), one(1, 3)].into_iter().enumerate() {
        push(&feeder, 0, offset as i64, value);
    }
    let end = Instant::now() + HANG;
    let failure = loop {
        poll(&consumer);
        if let Some(failure) = consumer.snapshot().unwrap().partition(0).unwrap().failure() {
            break failure.clone();
        }
        assert!(Instant::now() < end);
    };
    assert_eq!((failure.status(), failure.position()), (Status::BadRecord, Some((0, 1))));
    assert!(failure.message().starts_with("schema 9: "), "{failure}");
    assert!(failure.message().ends_with(", at orders[0]@1 (value)"), "{failure}");
    // Replicas lag behind.
    assert!(gate.paths().iter().filter(|path| *path == "/schemas/ids/9").count() > 1);
    consumer.resume(0, 2).unwrap();
    await_values(&consumer, 0, &[1, 3]);
}

#[test]
fn bad_records_of_unknown_ids_have_the_policies_of_others() {
    let gate = Gate::open(|request| answer(&request.path));
    let pairs = [("karrow.registry.unknown.id.retry.ms", "0"), ("karrow.bad.record.policy", "skip")];
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &pairs), &[(0, 0)]).unwrap();
    for offset in 0..60_u8 {
        let id = if offset % 3 == 1 { 9 } else { 1 };
        push(&feeder, 0, offset.into(), one(id, offset));
    }
    await_values(&consumer, 0, &(0..60).filter(|offset| offset % 3 != 1).collect::<Vec<_>>());
    // That it does not know is believed for a while.
    assert_eq!(gate.paths().iter().filter(|path| *path == "/schemas/ids/9").count(), 1);
}

#[test]
fn a_schema_that_cannot_be_read_as_the_readers_makes_bad_records_only() {
    let gate = Gate::open(|request| match request.path.as_str() {
        "/schemas/ids/3" => Reply::json(200, r#"{"schema": "{\"type\":\"record\",\"name\":\"Row\",\"fields\":[]}"}"#),
        "/schemas/ids/4" => Reply::json(200, r#"{"schemaType": "PROTOBUF", "schema": "message M {}"}"#),
        path => answer(path),
    });
    let pairs = [("karrow.bad.record.policy", "dead_letter")];
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &pairs), &[(0, 0)]).unwrap();
    for (offset, id) in [3, 1, 4, 1].into_iter().enumerate() {
        push(&feeder, 0, offset as i64, one(id, 5));
    }
    await_values(&consumer, 0, &[5, 5]);
    let letters: Vec<_> = consumer.dead_letters().unwrap().collect();
    let reasons: Vec<String> = letters
        .iter()
        .flat_map(|batch| batch.column_by_name("reason").unwrap().as_string::<i32>().iter())
        .map(|reason| reason.unwrap().to_owned())
        .collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons[0].starts_with("schema 3 cannot be read as the reader's schema: "), "{}", reasons[0]);
    assert!(reasons[1].ends_with("is Protobuf, and no schema of Avro"), "{}", reasons[1]);
}

#[test]
fn a_registry_that_refuses_makes_no_record_bad() {
    let refuses = Arc::new(AtomicBool::new(true));
    let gate = Gate::open({
        let refuses = Arc::clone(&refuses);
        move |request| {
            if refuses.load(Ordering::Acquire) { Reply::json(401, "{}") } else { answer(&request.path) }
        }
    });
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &[]), &[(0, 0)]).unwrap();
    push(&feeder, 0, 0, one(1, 1));
    await_wait(&consumer, 0, "401");
    assert_eq!(values(&consumer, 0), [0_i64; 0]);
    refuses.store(false, Ordering::Release);
    await_values(&consumer, 0, &[1]);
}

#[test]
fn a_registry_that_has_just_come_back_may_know_an_id_a_little_later() {
    const RETRY: Duration = Duration::from_secs(3);
    let phase = Arc::new(AtomicUsize::new(0));
    let gate = Gate::open({
        let phase = Arc::clone(&phase);
        move |request| match phase.load(Ordering::Acquire) {
            0 => Reply::HangUp,
            1 => answer("/schemas/ids/9"),
            _ => answer(&request.path),
        }
    });
    let retry = RETRY.as_millis().to_string();
    let pairs = [("karrow.registry.unknown.id.retry.ms", retry.as_str())];
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &pairs), &[(0, 0)]).unwrap();
    push(&feeder, 0, 0, one(1, 1));
    await_wait(&consumer, 0, ", for orders[0]@0 (value)");
    // It is away for longer than an unknown id is asked for.
    let since = Instant::now();
    while since.elapsed() < 2 * RETRY {
        poll(&consumer);
    }
    phase.store(1, Ordering::Release);
    gate.await_requests(gate.paths().len() + 1);
    phase.store(2, Ordering::Release);
    await_values(&consumer, 0, &[1]);
}

#[test]
fn what_a_schema_refers_to_may_be_known_a_little_later_too() {
    let is_known = Arc::new(AtomicBool::new(false));
    let gate = Gate::open({
        let is_known = Arc::clone(&is_known);
        move |request| match request.path.as_str() {
            "/schemas/ids/5" => {
                let text = r#"{"type": "record", "name": "Row", "fields": [{"name": "a", "type": "Size"}]}"#;
                let reference = serde_json::json!({ "name": "Size", "subject": "size", "version": 1 });
                Reply::json(200, &serde_json::json!({ "schema": text, "references": [reference] }).to_string())
            }
            "/subjects/size/versions/1?deleted=true" if is_known.load(Ordering::Acquire) => {
                let text = r#"{"type": "enum", "name": "Size", "symbols": ["S", "L"]}"#;
                Reply::json(200, &serde_json::json!({ "schema": text }).to_string())
            }
            path if path.starts_with("/subjects/") => Reply::json(404, r#"{"error_code": 40402}"#),
            path => answer(path),
        }
    });
    let mut options = options(&gate.url(), &[("karrow.registry.unknown.id.retry.ms", "60000")]);
    let reader = r#"{"type": "record", "name": "Row", "fields": [
        {"name": "a", "type": {"type": "enum", "name": "Size", "symbols": ["S", "L"]}}]}"#;
    options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_schema(reader).unwrap()));
    let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
    push(&feeder, 0, 0, one(5, 1));
    // A look-up is over, and another one has begun.
    let end = Instant::now() + HANG;
    while gate.paths().iter().filter(|path| *path == "/schemas/ids/5").count() < 2 {
        poll(&consumer);
        let snapshot = consumer.snapshot().unwrap();
        let failure = snapshot.partition(0).unwrap().failure();
        assert!(Instant::now() < end && failure.is_none(), "{failure:?}");
    }
    is_known.store(true, Ordering::Release);
    while consumer.snapshot().unwrap().whole(0).unwrap().num_rows() == 0 {
        poll(&consumer);
        assert!(Instant::now() < end);
    }
    let batch = consumer.snapshot().unwrap().whole(0).unwrap();
    assert_eq!(batch.column_by_name("a").unwrap().as_string::<i32>().value(0), "L");
}

#[test]
fn a_key_and_a_value_of_the_same_unknown_id_are_both_bad() {
    let gate = Gate::open(|request| answer(&request.path));
    let pairs = [("karrow.registry.unknown.id.retry.ms", "100"), ("karrow.bad.record.policy", "null")];
    let mut options = as_one(&gate.url(), &pairs);
    let mut key = AvroSpec::from_schema(ONE).unwrap();
    key.map_field("a", "k").unwrap();
    options.set_spec(Side::Key, Spec::Avro(key));
    let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
    for (offset, (key, value)) in [(1, 1), (9, 9), (1, 9), (1, 1)].into_iter().enumerate() {
        let (key, value) = (Some(one(key, 5)), Some(one(value, 6)));
        let offset = offset as i64;
        let record = OwnedRecord { offset, timestamp: RecordTime::None, key, value, headers: Vec::new() };
        feeder.push(0, record).unwrap();
    }
    let end = Instant::now() + HANG;
    while consumer.snapshot().unwrap().partition(0).unwrap().rows().end_row() < 4 {
        assert!(Instant::now() < end);
        poll(&consumer);
    }
    let batch = consumer.snapshot().unwrap().whole(0).unwrap();
    let column = |name| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().iter().collect::<Vec<_>>();
    assert_eq!(column("k"), [Some(5), None, Some(5), Some(5)]);
    assert_eq!(column("a"), [Some(6), None, None, Some(6)]);
}

#[test]
fn closing_does_not_wait_for_a_look_up() {
    let gate = Gate::open(|_| Reply::Silence);
    let (consumer, feeder) = Consumer::in_memory(&as_one(&gate.url(), &[]), &[(0, 0)]).unwrap();
    push(&feeder, 0, 0, one(1, 1));
    await_wait(&consumer, 0, "being looked up");
    gate.await_requests(1);
    consumer.close(Timeout::Never).unwrap();
}

#[test]
fn the_columns_of_a_subject_are_known_once_the_registry_has_been_asked() {
    let subject = |options: &mut Options, version: &str| {
        options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_subject("rows", version).unwrap()));
    };
    let gate = Gate::open(|request| match request.path.as_str() {
        "/subjects/rows/versions/latest" | "/subjects/rows/versions/2" => {
            let answer = serde_json::json!({ "subject": "rows", "version": 2, "id": 1, "schema": ONE });
            Reply::json(200, &answer.to_string())
        }
        path => answer(path),
    });
    for version in ["latest", "2"] {
        let mut options = options(&gate.url(), &[]);
        subject(&mut options, version);
        let columns = options.schema(Some(Instant::now() + HANG)).unwrap();
        assert_eq!(columns.arrow().fields().last().unwrap().name(), "a");
        let (consumer, feeder) = Consumer::in_memory(&options, &[(0, 0)]).unwrap();
        assert_eq!(consumer.schema().unwrap().arrow(), columns.arrow());
        push(&feeder, 0, 0, two(2, 7));
        await_values(&consumer, 0, &[7]);
    }
    let mut missing = options(&gate.url(), &[]);
    subject(&mut missing, "3");
    let error = missing.schema(Some(Instant::now() + HANG)).err().unwrap();
    assert_eq!(error.status(), Status::Registry);
    assert!(error.message().contains("version 3 of subject 'rows'"), "{error}");
    // Before anybody is asked.
    let mut nowhere = crate::options(&[("bootstrap.servers", "localhost:1")]);
    nowhere.set_spec(Side::Key, Spec::Ignore);
    subject(&mut nowhere, "latest");
    let error = Consumer::new(&nowhere).err().unwrap();
    assert_eq!(
        error.message(),
        "schema.registry.url: not set; the value is of subject 'rows', whose schema only a registry knows"
    );
}

#[test]
fn opening_asks_the_registry_and_can_be_ended_by_others() {
    let gate = Gate::open(|_| Reply::Silence);
    let mut options = options(&gate.url(), &[("bootstrap.servers", "localhost:1")]);
    options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_subject("rows", "latest").unwrap()));
    let consumer = Consumer::new(&options).unwrap();
    assert_eq!(consumer.schema().err().unwrap().status(), Status::InvalidState);
    let opening = |end: &dyn Fn(&Consumer)| {
        let asked = gate.paths().len();
        std::thread::scope(|scope| {
            let open = scope.spawn(|| consumer.open(Timeout::Never).err().unwrap());
            gate.await_requests(asked + 1);
            end(&consumer);
            open.join().unwrap()
        })
    };
    assert_eq!(opening(&Consumer::wakeup).status(), Status::Interrupted);
    assert_eq!(opening(&|consumer| consumer.close(Timeout::Never).unwrap()).status(), Status::Closed);
}

/// Both partitions have what follows the schema they know, and one of them waits for the other schema while the registry is
/// away. `schemas` are of a kind, the first one that of the options; `one` and `two` write a row of each.
pub fn check_nothing_is_lost_while_a_real_registry_is_away(
    kind: &str,
    schemas: [&str; 2],
    options: impl Fn(&str) -> Options,
    [one, two]: [fn(i32, u8) -> Vec<u8>; 2],
) {
    let registry = Registry::start();
    let ids = schemas.map(|schema| registry.register_kind("rows", kind, schema, &[]));
    let (consumer, feeder) = Consumer::in_memory(&options(&registry.url()), &[(0, 0), (1, 0)]).unwrap();
    push(&feeder, 0, 0, one(ids[0], 0));
    await_values(&consumer, 0, &[0]);
    registry.stop();
    for offset in 1..60_u8 {
        let value = if offset % 2 == 0 { one(ids[0], offset) } else { two(ids[1], offset) };
        push(&feeder, 0, offset.into(), value);
        push(&feeder, 1, i64::from(offset) - 1, one(ids[0], offset));
    }
    await_values(&consumer, 1, &(1..60).collect::<Vec<_>>());
    await_wait(&consumer, 0, "cannot be reached");
    await_wait(&consumer, 0, ", for orders[0]@1 (value)");
    assert_eq!(values(&consumer, 0), [0]);
    registry.restart();
    await_values(&consumer, 0, &(0..60).collect::<Vec<_>>());
}

#[test]
fn nothing_is_lost_or_reordered_while_a_real_registry_is_away() {
    let options = |url: &str| as_one(url, &[]);
    check_nothing_is_lost_while_a_real_registry_is_away("AVRO", [ONE, TWO], options, [one, two]);
}
