//! Bad records of every kind among a million: each of them is accounted for, whatever is to become of them.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch, StructArray};
use karrow::error::{Error, Status};
use karrow::format::json::JsonSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout};
use karrow::options::Options;
use karrow::table::PartitionState;
use karrow::table::snapshot::Snapshot;

use crate::support::broker::{Cluster, Record, shared_cluster};
use crate::{FIRST_TIME_MS, HANG, appending, open, poll_until};

const TOPIC: &str = "bad-among-a-million";
const PARTITIONS: i32 = 8;
const EACH: i64 = 1_000_000 / PARTITIONS as i64;
/// One record in so many is bad.
const BAD_EVERY: i64 = 100;

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Cut,
    NotUtf8,
    NoObject,
    TextBehind,
    Fraction,
    OutOfRange,
    Kind,
    NoZone,
    ListItem,
    MapEntry,
    Key,
    Both,
}

const KINDS: [Wrong; 12] = [
    Wrong::Cut,
    Wrong::NotUtf8,
    Wrong::NoObject,
    Wrong::TextBehind,
    Wrong::Fraction,
    Wrong::OutOfRange,
    Wrong::Kind,
    Wrong::NoZone,
    Wrong::ListItem,
    Wrong::MapEntry,
    Wrong::Key,
    Wrong::Both,
];

/// What is wrong with the record at an offset, of those of which one in so many is bad.
fn wrong_at(offset: i64, every: i64) -> Option<Wrong> {
    let kind = usize::try_from(offset / every).unwrap() % KINDS.len();
    (offset % every == every / 2).then_some(KINDS[kind])
}

impl Wrong {
    fn key(self, good: String) -> Vec<u8> {
        match self {
            Wrong::Key => b"{\"K\":\"none\"}".to_vec(),
            Wrong::Both => b"{\"K\":".to_vec(),
            _ => good.into_bytes(),
        }
    }

    fn value(self, good: String) -> Vec<u8> {
        match self {
            Wrong::Cut | Wrong::Both => good.as_bytes()[..good.len() - 1].to_vec(),
            Wrong::NotUtf8 => good.replacen("day", "\u{1}", 1).into_bytes().into_iter().map(not_utf8).collect(),
            Wrong::NoObject => format!("[{good}]").into_bytes(),
            Wrong::TextBehind => format!("{good}.").into_bytes(),
            Wrong::Fraction => good.replacen("\"Qty\":", "\"Qty\":0.5,\"x\":", 1).into_bytes(),
            Wrong::OutOfRange => good.replacen("\"Qty\":", "\"Qty\":3000000000,\"x\":", 1).into_bytes(),
            Wrong::Kind => good.replacen("\"Price\":", "\"Price\":true,\"x\":", 1).into_bytes(),
            Wrong::NoZone => good.replacen("\"Time\":", "\"Time\":\"2026-01-02T03:04:05\",\"x\":", 1).into_bytes(),
            Wrong::ListItem => good.replacen("{\"Leg\":2", "{\"Leg\":\"two\"", 1).into_bytes(),
            Wrong::MapEntry => good.replacen("\"b\":", "\"b\":{},\"c\":", 1).into_bytes(),
            Wrong::Key => good.into_bytes(),
        }
    }

    /// Side, column, path and reason, as far as they are told.
    fn told(self) -> (&'static str, Option<&'static str>, Option<&'static str>, &'static str) {
        match self {
            Wrong::Cut => ("value", None, None, "malformed JSON at byte "),
            Wrong::NotUtf8 => ("value", None, None, "expected valid UTF-8, found an invalid sequence at byte "),
            Wrong::NoObject => ("value", None, None, "expected an object, found array"),
            Wrong::TextBehind => ("value", None, None, "malformed JSON at byte "),
            Wrong::Fraction => ("value", Some("Qty"), None, "expected int32, found a number with a fraction"),
            Wrong::OutOfRange => ("value", Some("Qty"), None, "expected int32, found a number out of its range"),
            Wrong::Kind => ("value", Some("Price"), None, "expected float64, found bool"),
            Wrong::NoZone => {
                ("value", Some("Time"), None, "expected timestamp[ns, UTC], found text that is not a time with a zone")
            }
            Wrong::ListItem => {
                ("value", Some("Legs"), Some("Legs[1].Leg"), "expected int64, found a string that is not a number")
            }
            Wrong::MapEntry => ("value", Some("Tags"), Some("Tags[1]"), "expected int64, found object"),
            Wrong::Key => ("key", Some("K"), None, "expected int64, found a string that is not a number"),
            Wrong::Both => ("key", None, None, "malformed JSON at byte "),
        }
    }

    fn check_told(self, side: Option<&str>, column: Option<&str>, path: Option<&str>, reason: Option<&str>) {
        let (wanted_side, wanted_column, wanted_path, wanted_reason) = self.told();
        assert_eq!((side, column, path), (Some(wanted_side), wanted_column, wanted_path), "{self:?}");
        assert!(reason.unwrap().starts_with(wanted_reason), "{self:?}: {reason:?}");
    }
}

fn not_utf8(byte: u8) -> u8 {
    if byte == 1 { 0xff } else { byte }
}

fn key(offset: i64) -> String {
    format!("{{\"K\":{offset}}}")
}

fn value(partition: i32, offset: i64) -> String {
    let time = 1_767_346_200_000_000_000 + offset;
    format!(
        "{{\"Id\":{},\"Price\":{}.25,\"Qty\":{},\"Time\":{time},\"day\":\"2026-01-{:02}\",\
         \"Legs\":[{{\"Leg\":1}},{{\"Leg\":2,\"Of\":\"{offset}\"}}],\"Tags\":{{\"a\":{offset},\"b\":null}}}}",
        id(partition, offset),
        offset % 1000,
        offset % 10_000,
        1 + offset % 28,
    )
}

fn id(partition: i32, offset: i64) -> i64 {
    i64::from(partition) << 40 | offset
}

/// Every second bad record has headers: one name twice, and null.
fn headers(offset: i64) -> Vec<(String, Option<Vec<u8>>)> {
    if offset / 100 % 2 == 0 {
        return Vec::new();
    }
    vec![("h".to_owned(), Some(offset.to_string().into_bytes())), ("h".to_owned(), None)]
}

fn record(partition: i32, offset: i64, every: i64) -> Record<'static> {
    let (key, value, headers) = match wrong_at(offset, every) {
        None => (key(offset).into_bytes(), value(partition, offset).into_bytes(), Vec::new()),
        Some(wrong) => (wrong.key(key(offset)), wrong.value(value(partition, offset)), headers(offset)),
    };
    let headers = headers.into_iter().map(|(name, value)| (Cow::Owned(name), value.map(Cow::Owned))).collect();
    let timestamp_ms = Some(FIRST_TIME_MS + offset);
    Record { key: Some(Cow::Owned(key)), value: Some(Cow::Owned(value)), timestamp_ms, headers }
}

fn produce(cluster: &Cluster, topic: &str, partitions: i32, each: i64, every: i64) {
    cluster.create_topic(topic, partitions, 1, &[]);
    for partition in 0..partitions {
        cluster.produce(topic, partition, (0..each).map(|offset| record(partition, offset, every)));
    }
}

fn million() -> &'static Cluster {
    static PRODUCED: OnceLock<()> = OnceLock::new();
    let cluster = shared_cluster();
    PRODUCED.get_or_init(|| produce(cluster, TOPIC, PARTITIONS, EACH, BAD_EVERY));
    cluster
}

/// Options that read such a topic, with these policies beside the default ones.
fn table(cluster: &Cluster, topic: &str, policies: &[(&str, &str)]) -> Options {
    let mut key = JsonSpec::default();
    key.add_column("K", "int64").unwrap();
    let mut value = JsonSpec::default();
    for (name, type_name) in [
        ("Id", "int64"),
        ("Price", "float64"),
        ("Qty", "int32"),
        ("Time", "timestamp[ns, UTC]"),
        ("Day", "date32"),
        ("Legs", "list<struct<Leg: int64, Of: utf8>>"),
        ("Tags", "map<utf8, int64>"),
    ] {
        value.add_column(name, type_name).unwrap();
    }
    value.map_field("day", "Day").unwrap();
    let mut options = appending(cluster, topic);
    options.set_spec(Side::Key, Spec::Json(key));
    options.set_spec(Side::Value, Spec::Json(value));
    policies.iter().for_each(|(key, policy)| options.set(key, Some(policy)).unwrap());
    options
}

/// Checks that a partition shows its good records, whole, and nothing else.
fn check_good(snapshot: &Snapshot, partition: i32, each: i64, every: i64) {
    let mut good = (0..each).filter(|offset| wrong_at(*offset, every).is_none());
    for batch in snapshot.stream(partition, 0, None).unwrap() {
        let legs = batch["Legs"].as_list::<i32>();
        let tags = batch["Tags"].as_map();
        for row in 0..batch.num_rows() {
            let offset = good.next().expect("no more rows than good records");
            let int = |name: &str| batch[name].as_primitive::<Int64Type>().value(row);
            assert_eq!((int("KafkaOffset"), int("K"), int("Id")), (offset, offset, id(partition, offset)));
            assert_eq!(batch["Price"].as_primitive::<Float64Type>().value(row), (offset % 1000) as f64 + 0.25);
            assert_eq!(i64::from(batch["Qty"].as_primitive::<Int32Type>().value(row)), offset % 10_000);
            let first_of_2026 = 20_454;
            assert_eq!(i64::from(batch["Day"].as_primitive::<Date32Type>().value(row)), first_of_2026 + offset % 28);
            let legs = legs.value(row);
            let legs: &StructArray = legs.as_struct();
            assert_eq!(legs.column(0).as_primitive::<Int64Type>().values(), &[1, 2]);
            let texts: Vec<_> = legs.column(1).as_string::<i32>().iter().collect();
            assert_eq!(texts, [None, Some(&*offset.to_string())]);
            let tags = tags.value(row);
            assert_eq!(tags.column(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("a"), Some("b")]);
            let values: Vec<_> = tags.column(1).as_primitive::<Int64Type>().iter().collect();
            assert_eq!(values, [Some(offset), None]);
        }
    }
    assert_eq!(good.next(), None, "partition {partition} lacks good records");
}

/// What progress says about bad records, by the side that decided, over all partitions.
fn bad_records(consumer: &Consumer) -> (i64, i64) {
    let progress = consumer.progress().unwrap();
    let counts = progress["bad_records"].as_struct();
    let sum = |side: &str| counts[side].as_primitive::<Int64Type>().values().iter().sum::<i64>();
    assert_eq!((sum("timestamp"), sum("headers")), (0, 0));
    (sum("key"), sum("value"))
}

/// How many records of so many are bad, by the side that decides if both have the same policy: the key.
fn expected_bad(partitions: i32, each: i64, every: i64) -> (i64, i64) {
    let wrong = (0..each).filter_map(|offset| wrong_at(offset, every));
    let (key, value): (Vec<_>, Vec<_>) = wrong.partition(|wrong| wrong.told().0 == "key");
    let sum = |of: usize| i64::try_from(of).unwrap() * i64::from(partitions);
    (sum(key.len()), sum(value.len()))
}

fn all_at(snapshot: &Snapshot, next_offset: i64) -> bool {
    snapshot.partitions().iter().all(|partition| partition.next_offset() == next_offset)
}

/// The letters that have come, one after the other.
struct Letters {
    /// The offset of the next bad record, by partition.
    next: Vec<i64>,
    every: i64,
}

impl Letters {
    fn new(partitions: i32, every: i64) -> Letters {
        Letters { next: vec![every / 2; usize::try_from(partitions).unwrap()], every }
    }

    /// Takes what has come, and checks each of them against the record that was produced.
    fn take(&mut self, consumer: &Consumer, topic: &str) {
        for batch in consumer.dead_letters().unwrap() {
            for row in 0..batch.num_rows() {
                self.check(&batch, row, topic);
            }
        }
    }

    fn check(&mut self, batch: &RecordBatch, row: usize, topic: &str) {
        let partition = batch["partition"].as_primitive::<Int32Type>().value(row);
        let next = &mut self.next[usize::try_from(partition).unwrap()];
        let offset = *next;
        *next += self.every;
        assert_eq!(batch["offset"].as_primitive::<Int64Type>().value(row), offset, "of partition {partition}");
        let produced = record(partition, offset, self.every);
        let bytes = |name: &str| Some(Cow::Owned(batch[name].as_binary::<i32>().value(row).to_vec()));
        assert_eq!((bytes("key"), bytes("value")), (produced.key, produced.value));
        let time = batch["timestamp"].as_primitive::<TimestampMillisecondType>().value(row);
        assert_eq!(Some(time), produced.timestamp_ms);
        let text = |name: &str| {
            let texts = batch[name].as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row))
        };
        assert_eq!(text("topic"), Some(topic));
        let wrong = wrong_at(offset, self.every).unwrap();
        wrong.check_told(text("side"), text("column"), text("path"), text("reason"));
        let headers_of_row = batch["headers"].as_list::<i32>().value(row);
        let pairs = headers_of_row.as_struct();
        let names = pairs.column(0).as_binary::<i32>().iter().flatten().map(<[u8]>::to_vec);
        let values = pairs.column(1).as_binary::<i32>().iter().map(|value| value.map(<[u8]>::to_vec));
        let expected = headers(offset).into_iter().map(|(name, value)| (name.into_bytes(), value));
        assert_eq!(names.zip(values).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    /// Whether all letters of partitions with so many records have come.
    fn are_complete(&self, each: i64) -> bool {
        self.next.iter().all(|next| *next == each + self.every / 2)
    }
}

#[test]
fn skip_accounts_for_every_record_of_a_million() {
    let consumer = open(&table(million(), TOPIC, &[("karrow.bad.record.policy", "skip")]));
    poll_until(&consumer, |cycle| all_at(&cycle.snapshot, EACH));
    let snapshot = consumer.snapshot().unwrap();
    (0..PARTITIONS).for_each(|partition| check_good(&snapshot, partition, EACH, BAD_EVERY));
    assert_eq!(bad_records(&consumer), expected_bad(PARTITIONS, EACH, BAD_EVERY));
    assert_eq!(consumer.dead_letters().unwrap().count(), 0);
}

#[test]
fn dead_letters_hold_every_bad_record_of_a_million() {
    let policy = ("karrow.bad.record.policy", "dead_letter");
    let consumer = open(&table(million(), TOPIC, &[policy]));
    let mut letters = Letters::new(PARTITIONS, BAD_EVERY);
    poll_until(&consumer, |cycle| {
        letters.take(&consumer, TOPIC);
        // All letters before a cycle's next offsets have come when the cycle is there.
        for (partition, next) in cycle.snapshot.partitions().iter().zip(&letters.next) {
            assert!(*next >= partition.next_offset() - BAD_EVERY / 2, "a letter of {} is late", partition.id());
        }
        all_at(&cycle.snapshot, EACH)
    });
    assert!(letters.are_complete(EACH), "{:?}", letters.next);
    let snapshot = consumer.snapshot().unwrap();
    (0..PARTITIONS).for_each(|partition| check_good(&snapshot, partition, EACH, BAD_EVERY));
    assert_eq!(bad_records(&consumer), expected_bad(PARTITIONS, EACH, BAD_EVERY));
}

#[test]
fn dead_letters_that_nobody_takes_hold_up_reading_and_none_is_lost() {
    const TOPIC: &str = "many-dead-letters";
    const EACH: i64 = 40_000;
    const EVERY: i64 = 4;
    let cluster = shared_cluster();
    produce(cluster, TOPIC, 2, EACH, EVERY);
    let small = ("karrow.memory.budget.bytes", "1048576");
    let consumer = open(&table(cluster, TOPIC, &[("karrow.bad.record.policy", "dead_letter"), small]));
    let mut letters = Letters::new(2, EVERY);
    let mut held_up = 0;
    let end = Instant::now() + HANG;
    while !all_at(&consumer.snapshot().unwrap(), EACH) {
        assert!(Instant::now() < end, "stuck at {:?}", letters.next);
        // Taken only where nothing goes on without.
        let Err(error) = consumer.poll(Timeout::Millis(500)) else { continue };
        assert_eq!(error.status(), Status::Limit, "{error}");
        for partition in consumer.snapshot().unwrap().partitions() {
            let waiting = |state: &PartitionState| matches!(state, PartitionState::Waiting(why) if *why == error);
            assert!(waiting(partition.state()), "{:?}", partition.state());
        }
        held_up += 1;
        letters.take(&consumer, TOPIC);
    }
    letters.take(&consumer, TOPIC);
    assert!(letters.are_complete(EACH), "{:?}", letters.next);
    assert!(held_up > 1, "held up {held_up} times");
    let snapshot = consumer.snapshot().unwrap();
    (0..2).for_each(|partition| check_good(&snapshot, partition, EACH, EVERY));
}

#[test]
fn a_hundred_bad_records_of_every_kind_are_resumed_past_one_by_one() {
    const TOPIC: &str = "hundred-kinds";
    const EACH: i64 = 100 * BAD_EVERY;
    let cluster = shared_cluster();
    produce(cluster, TOPIC, 1, EACH, BAD_EVERY);
    let consumer = open(&table(cluster, TOPIC, &[]));
    let mut failures = 0;
    poll_until(&consumer, |cycle| {
        let partition = cycle.snapshot.partition(0).unwrap();
        if let Some(failure) = partition.failure() {
            let offset = failures * BAD_EVERY + BAD_EVERY / 2;
            assert_eq!(partition.next_offset(), offset);
            check_failure(failure, TOPIC, offset);
            failures += 1;
            consumer.resume(0, offset + 1).unwrap();
        }
        all_at(&cycle.snapshot, EACH)
    });
    assert_eq!(failures, 100);
    check_good(&consumer.snapshot().unwrap(), 0, EACH, BAD_EVERY);
    assert_eq!(bad_records(&consumer), expected_bad(1, EACH, BAD_EVERY));
}

fn check_failure(failure: &Error, topic: &str, offset: i64) {
    assert_eq!((failure.status(), failure.position()), (Status::BadRecord, Some((0, offset))));
    let detail = |key| failure.detail(key);
    let wrong = wrong_at(offset, BAD_EVERY).unwrap();
    wrong.check_told(detail("side"), detail("column"), detail("path"), detail("reason"));
    let (reason, side) = (detail("reason").unwrap(), detail("side").unwrap());
    let place = detail("path").or(detail("column")).map(|place| format!("column {place}: ")).unwrap_or_default();
    assert_eq!(failure.message(), format!("{place}{reason}, at {topic}[0]@{offset} ({side})"));
}

#[test]
fn the_stronger_policy_of_two_bad_sides_holds() {
    const TOPIC: &str = "both-sides-bad";
    const EACH: i64 = 12 * BAD_EVERY;
    let cluster = shared_cluster();
    produce(cluster, TOPIC, 1, EACH, BAD_EVERY);
    let with = |key: &str, value: &str| {
        let policies = [("karrow.key.bad.record.policy", key), ("karrow.value.bad.record.policy", value)];
        open(&table(cluster, TOPIC, &policies))
    };
    let rows_at = |snapshot: &Snapshot, offset: i64| {
        let mut batches = snapshot.stream(0, 0, None).unwrap();
        let is_there = |batch: RecordBatch| batch["KafkaOffset"].as_primitive::<Int64Type>().values().contains(&offset);
        batches.any(is_there)
    };
    let at = |wrong: Wrong| KINDS.iter().position(|kind| *kind == wrong).unwrap() as i64 * BAD_EVERY + BAD_EVERY / 2;
    let (key, value, both) = (at(Wrong::Key), at(Wrong::Kind), at(Wrong::Both));
    for (policies, rows, side) in [
        (("null", "skip"), [true, false, false], "value"),
        (("skip", "null"), [false, true, false], "key"),
        (("null", "null"), [true, true, true], "key"),
        (("null", "dead_letter"), [true, false, false], "value"),
        (("dead_letter", "skip"), [false, false, false], "key"),
    ] {
        let consumer = with(policies.0, policies.1);
        let mut letters = Vec::new();
        poll_until(&consumer, |cycle| {
            for batch in consumer.dead_letters().unwrap() {
                letters.extend_from_slice(batch["offset"].as_primitive::<Int64Type>().values());
            }
            all_at(&cycle.snapshot, EACH)
        });
        let snapshot = consumer.snapshot().unwrap();
        assert_eq!([key, value, both].map(|offset| rows_at(&snapshot, offset)), rows, "{policies:?}");
        let is_letter = |side: &str| side == "dead_letter";
        let told = [is_letter(policies.0), is_letter(policies.1), is_letter(policies.0) || is_letter(policies.1)];
        assert_eq!([key, value, both].map(|offset| letters.contains(&offset)), told, "{policies:?}");
        // One of twelve has a bad key, one both sides bad, ten a bad value.
        let expected = if side == "key" { (2, 10) } else { (1, 11) };
        assert_eq!(bad_records(&consumer), expected, "{policies:?}");
    }
    for (key_policy, value_policy, side) in [("skip", "fail", "value"), ("fail", "dead_letter", "key")] {
        let consumer = with(key_policy, value_policy);
        let mut told = None;
        poll_until(&consumer, |cycle| {
            let partition = cycle.snapshot.partition(0).unwrap();
            if let Some(failure) = partition.failure() {
                let offset = partition.next_offset();
                if offset == both {
                    told = failure.detail("side").map(str::to_owned);
                }
                consumer.resume(0, offset + 1).unwrap();
            }
            all_at(&cycle.snapshot, EACH)
        });
        assert_eq!(told.as_deref(), Some(side), "{key_policy} {value_policy}");
    }
}
