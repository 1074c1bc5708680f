//! Avro that Confluent's own serializer has written (`avro_writer.py`), with a real registry: three versions of a
//! schema in one partition, with references, and the registry away in mid-stream (rules A1 to A3, A8).

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use karrow::error::Status;
use karrow::format::avro::AvroSpec;
use karrow::format::{Side, Spec};
use karrow::ingest::Consumer;
use karrow::options::{Options, Stop};
use karrow::table::PartitionState;
use karrow::table::snapshot::Snapshot;

use crate::support::broker::{Cluster, Record, shared_cluster};
use crate::support::registry::{Registry, shared_registry};
use crate::{appending, open, poll_until, read_to_end};

/// A schema of the reader's own: one field under a third name, some left out, and a country for those it does not know.
const READER: &str = r#"{"type": "record", "name": "Sold", "fields": [
    {"name": "customer", "type": {"type": "record", "name": "Buyer", "fields": [
        {"name": "country", "type": {
            "type": "enum", "name": "Country", "symbols": ["OTHER", "FR", "DE"], "default": "OTHER"}}]}},
    {"name": "security", "aliases": ["ticker", "symbol"], "type": "string"},
    {"name": "number", "type": "long"}]}"#;

/// An id that no registry gives to a schema.
const NO_ID: i32 = i32::MAX;

/// A running `avro_writer.py`. It ends with its input.
struct Writer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The ids of versions 1 to 3.
    ids: Vec<i32>,
}

impl Writer {
    fn start(cluster: &Cluster, registry: &Registry, topic: &str) -> Writer {
        let python = std::env::var_os("KARROW_PYTHON").expect(
            "KARROW_PYTHON names a Python that has what tests/python/requirements.txt asks for; \
             `cmake --workflow --preset test` makes it and sets this",
        );
        let mut process = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/avro_writer.py"))
            .args([&cluster.bootstrap_servers(), &registry.url(), topic])
            // No proxy stands between this machine and itself.
            .envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("KARROW_PYTHON can be run");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut writer = Writer { process, input, output, ids: Vec::new() };
        writer.ids = writer.line().split(' ').map(|id| id.parse().expect("ids are numbers")).collect();
        assert!(matches!(writer.ids[..], [a, b, c] if a != b && b != c && a != c), "{:?}", writer.ids);
        writer
    }

    /// Writes orders `from..to`, in these versions in turn. Their numbers have to be their offsets.
    fn write(&mut self, partition: i32, from: i64, to: i64, versions: &[i64]) {
        let versions: Vec<String> = versions.iter().map(i64::to_string).collect();
        let input = self.input.as_mut().expect("it is there until the end");
        writeln!(input, "{partition} {from} {to} {}", versions.join(",")).expect("the writer reads");
        assert_eq!(self.line(), (to - from).to_string());
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the writer prints text");
        assert!(line.ends_with('\n'), "the writer has failed; what it says stands above");
        line.trim_end().to_owned()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.input.take());
        self.process.wait().expect("a child process can be waited for");
    }
}

/// The version of an order where these are written in turn.
fn version(number: i64, versions: &[i64]) -> i64 {
    versions[usize::try_from(number).unwrap() % versions.len()]
}

/// What all readers see of an order.
fn number_in(version: i64, number: i64) -> i64 {
    if version == 3 { -(number << 33) } else { -number }
}

fn ticker(number: i64) -> String {
    format!("S{}ß", number % 5)
}

fn country_in(version: i64, number: i64) -> &'static str {
    let countries: &[&str] = if version == 3 { &["DE", "FR", "JP"] } else { &["DE", "FR"] };
    countries[usize::try_from(number / 3).unwrap() % countries.len()]
}

/// An order as version 3 says it, whatever it was written in.
#[derive(Debug, PartialEq)]
struct Order {
    offset: i64,
    key: String,
    number: i64,
    ticker: String,
    note: Option<String>,
    /// In hundredths.
    price: i128,
    tags: Vec<String>,
    customer: String,
    country: String,
    vip: bool,
}

impl Order {
    fn expected(number: i64, version: i64) -> Order {
        let note = match (version, number % 10) {
            (1, _) => Some("no note".to_owned()),
            (_, 0) => None,
            _ => Some(format!("note {number}")),
        };
        Order {
            offset: number,
            key: format!("order {number}"),
            number: number_in(version, number),
            ticker: ticker(number),
            note,
            price: i128::from(number) * 7 - 1000,
            tags: (0..number % 4).map(|tag| format!("tag {tag}")).collect(),
            customer: format!("customer {}", number % 11),
            country: country_in(version, number).to_owned(),
            vip: version == 3 && number % 2 == 0,
        }
    }

    fn all_of(batch: &RecordBatch) -> Vec<Order> {
        let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"));
        let text = |name: &str, row: usize| column(name).as_string::<i32>().value(row).to_owned();
        let tags = |row: usize| column("tags").as_list::<i32>().value(row);
        let order = |row: usize| Order {
            offset: column("KafkaOffset").as_primitive::<Int64Type>().value(row),
            key: text("id", row),
            number: column("number").as_primitive::<Int64Type>().value(row),
            ticker: text("ticker", row),
            note: column("note").is_valid(row).then(|| text("note", row)),
            price: column("price").as_primitive::<Decimal128Type>().value(row),
            tags: tags(row).as_string::<i32>().iter().map(|tag| tag.unwrap().to_owned()).collect(),
            customer: text("customer__name", row),
            country: text("customer__country", row),
            vip: column("customer__vip").as_boolean().value(row),
        };
        (0..batch.num_rows()).map(order).collect()
    }
}

/// An order as `READER` says it: offset, number, security, country.
type Sold = (i64, i64, String, String);

fn sold(number: i64, version: i64) -> Sold {
    let country = country_in(version, number).replace("JP", "OTHER");
    (number, number_in(version, number), ticker(number), country)
}

fn all_sold(batch: &RecordBatch) -> Vec<Sold> {
    let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
    let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>();
    let (offsets, orders) = (numbers("KafkaOffset"), numbers("number"));
    let (securities, countries) = (text("security"), text("customer__country"));
    let row = |row| {
        (offsets.value(row), orders.value(row), securities.value(row).to_owned(), countries.value(row).to_owned())
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Options that read values as `READER`, and no keys.
fn as_sold(cluster: &Cluster, registry: &Registry, topic: &str) -> Options {
    let mut options = appending(cluster, topic);
    options.set("schema.registry.url", Some(&registry.url())).unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, Spec::Avro(AvroSpec::from_schema(READER).unwrap()));
    options
}

fn rows(consumer: &Consumer, partition: i32) -> Vec<Sold> {
    all_sold(&consumer.snapshot().unwrap().whole(partition).unwrap())
}

/// Polls until a partition has so many rows, and checks that they are the orders of these versions.
fn await_sold(consumer: &Consumer, partition: i32, expected: &[Sold]) {
    let count = i64::try_from(expected.len()).unwrap();
    let end_row = |snapshot: &Snapshot| snapshot.partition(partition).unwrap().rows().end_row();
    poll_until(consumer, |_| end_row(&consumer.snapshot().unwrap()) >= count);
    assert_eq!(rows(consumer, partition), expected);
}

fn sold_in(from: i64, to: i64, versions: &[i64]) -> Vec<Sold> {
    (from..to).map(|number| sold(number, version(number, versions))).collect()
}

#[test]
fn three_versions_in_one_partition_are_read_as_the_latest_and_as_a_schema_of_the_readers_own() {
    // A2, A3, A8
    let (cluster, registry, topic) = (shared_cluster(), shared_registry(), "avro-versions");
    cluster.create_topic(topic, 2, 1, &[]);
    let mut writer = Writer::start(cluster, registry, topic);
    let parts = [(0, 3000, &[1, 2, 3][..]), (1, 500, &[3, 1])];
    for (partition, count, versions) in parts {
        writer.write(partition, 0, count, versions);
    }
    let mut options = as_sold(cluster, registry, topic);
    options.set_stop(None, Stop::End).unwrap();
    let snapshot = read_to_end(&open(&options));
    for (partition, count, versions) in parts {
        assert_eq!(all_sold(&snapshot.whole(partition).unwrap()), sold_in(0, count, versions));
    }
    for (side, subject) in [(Side::Key, "key"), (Side::Value, "value")] {
        let spec = AvroSpec::from_subject(&format!("{topic}-{subject}"), "latest").unwrap();
        options.set_spec(side, Spec::Avro(spec));
    }
    let snapshot = read_to_end(&open(&options));
    for (partition, count, versions) in parts {
        let orders = Order::all_of(&snapshot.whole(partition).unwrap());
        let expected = (0..count).map(|number| Order::expected(number, version(number, versions)));
        assert_eq!(orders, expected.collect::<Vec<_>>());
    }
}

#[test]
fn an_id_that_the_registry_does_not_know_is_a_bad_record_at_its_offset() {
    let (cluster, registry, topic) = (shared_cluster(), shared_registry(), "avro-unknown-id");
    cluster.create_topic(topic, 1, 1, &[]);
    let mut writer = Writer::start(cluster, registry, topic);
    let versions = [1, 2, 3];
    writer.write(0, 0, 20, &versions);
    let unknown = [&[0], &NO_ID.to_be_bytes()[..], b"\x02\x04xy"].concat();
    let record = Record { value: Some(unknown.as_slice().into()), ..Record::default() };
    assert_eq!(cluster.produce(topic, 0, [record]), [20]);
    writer.write(0, 21, 40, &versions);
    let expected = [sold_in(0, 20, &versions), sold_in(21, 40, &versions)].concat();
    let mut options = as_sold(cluster, registry, topic);
    options.set("karrow.registry.unknown.id.retry.ms", Some("0")).unwrap();

    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1);
    let snapshot = consumer.snapshot().unwrap();
    let failure = snapshot.partition(0).unwrap().failure().unwrap();
    assert_eq!((failure.status(), failure.position()), (Status::BadRecord, Some((0, 20))));
    let reason = failure.message();
    assert!(reason.starts_with(&format!("schema {NO_ID}: the schema registry at ")), "{reason}");
    assert!(reason.ends_with("at avro-unknown-id[0]@20 (value)"), "{reason}");
    assert_eq!(rows(&consumer, 0), sold_in(0, 20, &versions));
    consumer.resume(0, 21).unwrap();
    await_sold(&consumer, 0, &expected);

    options.set("karrow.bad.record.policy", Some("dead_letter")).unwrap();
    let consumer = open(&options);
    await_sold(&consumer, 0, &expected);
    let letters: Vec<RecordBatch> = consumer.dead_letters().unwrap().collect();
    assert_eq!(letters.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let letter = |name: &str| letters[0].column_by_name(name).unwrap();
    assert_eq!(letter("offset").as_primitive::<Int64Type>().value(0), 20);
    assert_eq!(letter("value").as_binary::<i32>().value(0), unknown);
}

#[test]
fn a_partition_waits_for_the_registry_and_goes_on_where_it_was() {
    // A8
    let (cluster, topic) = (shared_cluster(), "avro-registry-away");
    // One of its own, because it goes away.
    let registry = Registry::start();
    cluster.create_topic(topic, 2, 1, &[]);
    let mut writer = Writer::start(cluster, &registry, topic);
    writer.write(0, 0, 40, &[1, 2]);
    writer.write(1, 0, 10, &[1]);
    let consumer = open(&as_sold(cluster, &registry, topic));
    let before = sold_in(0, 40, &[1, 2]);
    await_sold(&consumer, 0, &before);
    await_sold(&consumer, 1, &sold_in(0, 10, &[1]));

    registry.stop();
    let version_3 = writer.ids[2];
    // Version 3 comes for the first time with order 41.
    writer.write(0, 40, 1000, &[1, 2, 3]);
    let until_version_3 = [before.clone(), sold_in(40, 41, &[1, 2, 3])].concat();
    poll_until(&consumer, |_| waits_for(version_3, &consumer, 0));
    assert_eq!(consumer.snapshot().unwrap().partition(0).unwrap().next_offset(), 41);
    assert_eq!(rows(&consumer, 0), until_version_3);
    // Who needs no new schema goes on meanwhile.
    writer.write(1, 10, 500, &[1]);
    await_sold(&consumer, 1, &sold_in(0, 500, &[1]));
    assert!(waits_for(version_3, &consumer, 0));
    assert_eq!(rows(&consumer, 0), until_version_3);

    registry.restart();
    await_sold(&consumer, 0, &[before, sold_in(40, 1000, &[1, 2, 3])].concat());
    // What has become known is known to all.
    registry.stop();
    writer.write(1, 500, 600, &[3]);
    await_sold(&consumer, 1, &[sold_in(0, 500, &[1]), sold_in(500, 600, &[3])].concat());
}

/// Whether a partition waits for a schema because the registry is away.
fn waits_for(id: i32, consumer: &Consumer, partition: i32) -> bool {
    let snapshot = consumer.snapshot().unwrap();
    let PartitionState::Waiting(error) = snapshot.partition(partition).unwrap().state() else { return false };
    assert_eq!(error.status(), Status::Registry);
    error.message().starts_with(&format!("schema {id}: ")) && error.message().contains("cannot be reached")
}
