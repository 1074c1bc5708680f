//! What Confluent's own serializers have written, with a real registry: three versions of a schema in one partition, with
//! references, and the registry away in mid-stream. The program of a format (`avro_writer.py`, `protobuf_writer.py`) writes
//! orders that say the same in each.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use karrow::error::Status;
use karrow::format::{Side, Spec};
use karrow::ingest::Consumer;
use karrow::options::{Options, Stop};
use karrow::table::PartitionState;
use karrow::table::snapshot::Snapshot;

use crate::support::broker::{Cluster, Record, shared_cluster};
use crate::support::registry::{Registry, shared_registry};
use crate::{appending, open, poll_until, read_to_end};

/// An id that no registry gives to a schema.
const NO_ID: i32 = i32::MAX;

/// What differs between the formats.
pub trait Format {
    /// What the names of its topics begin with.
    const NAME: &'static str;
    /// The program that writes.
    const PROGRAM: &'static str;
    /// The column of a customer's country.
    const COUNTRY: &'static str;
    /// A country that the reader's own schema does not know.
    const OTHER_COUNTRY: &'static str;

    /// A schema of the reader's own: number, security and the customer's country, which it knows two of.
    fn sold() -> Spec;
}

/// A running program that writes. It ends with its input.
pub struct Writer {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// The ids of versions 1 to 3.
    ids: Vec<i32>,
}

impl Writer {
    pub fn start<F: Format>(cluster: &Cluster, registry: &Registry, topic: &str) -> Writer {
        let python = std::env::var_os("KARROW_PYTHON").expect(
            "KARROW_PYTHON names a Python that has what tests/python/requirements.txt asks for; \
             `cmake --workflow --preset test` makes it and sets this",
        );
        let mut process = Command::new(python)
            .arg(format!("{}/tests/kafka/{}", env!("CARGO_MANIFEST_DIR"), F::PROGRAM))
            .args([&cluster.bootstrap_servers(), &registry.url(), topic])
            // Nothing is left beside the sources.
            .env("PYTHONDONTWRITEBYTECODE", "1")
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
    pub fn write(&mut self, partition: i32, from: i64, to: i64, versions: &[i64]) {
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
pub fn version(number: i64, versions: &[i64]) -> i64 {
    versions[usize::try_from(number).unwrap() % versions.len()]
}

/// What all readers see of an order.
pub fn number_in(version: i64, number: i64) -> i64 {
    if version == 3 { -(number << 33) } else { -number }
}

pub fn ticker(number: i64) -> String {
    format!("S{}ß", number % 5)
}

pub fn country_in(version: i64, number: i64) -> &'static str {
    let countries: &[&str] = if version == 3 { &["DE", "FR", "JP"] } else { &["DE", "FR"] };
    countries[usize::try_from(number / 3).unwrap() % countries.len()]
}

/// An order as the reader's own schema says it: offset, number, security, country.
type Sold = (i64, i64, String, String);

pub fn sold_in<F: Format>(from: i64, to: i64, versions: &[i64]) -> Vec<Sold> {
    let sold = |number| {
        let version = version(number, versions);
        let country = country_in(version, number).replace("JP", F::OTHER_COUNTRY);
        (number, number_in(version, number), ticker(number), country)
    };
    (from..to).map(sold).collect()
}

fn all_sold<F: Format>(batch: &RecordBatch) -> Vec<Sold> {
    let numbers = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
    let text = |name: &str| batch.column_by_name(name).unwrap().as_string::<i32>();
    let (offsets, orders) = (numbers("KafkaOffset"), numbers("number"));
    let (securities, countries) = (text("security"), text(F::COUNTRY));
    let row = |row| {
        (offsets.value(row), orders.value(row), securities.value(row).to_owned(), countries.value(row).to_owned())
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Options that read values as the reader's own schema, and no keys.
pub fn as_sold<F: Format>(cluster: &Cluster, registry: &Registry, topic: &str) -> Options {
    let mut options = appending(cluster, topic);
    options.set("schema.registry.url", Some(&registry.url())).unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, F::sold());
    options
}

fn rows<F: Format>(consumer: &Consumer, partition: i32) -> Vec<Sold> {
    all_sold::<F>(&consumer.snapshot().unwrap().whole(partition).unwrap())
}

/// Polls until a partition has so many rows, and checks that they are the orders of these versions.
pub fn await_sold<F: Format>(consumer: &Consumer, partition: i32, expected: &[Sold]) {
    let count = i64::try_from(expected.len()).unwrap();
    let end_row = |snapshot: &Snapshot| snapshot.partition(partition).unwrap().rows().end_row();
    poll_until(consumer, |_| end_row(&consumer.snapshot().unwrap()) >= count);
    assert_eq!(rows::<F>(consumer, partition), expected);
}

/// Three versions in each of two partitions are read as the reader's own schema, and then as the subjects of the topic, of
/// which `check` looks at all rows of a partition with the versions in it (rules A2, A3, A8, B2, B7).
pub fn three_versions_in_one_partition<F: Format>(
    subject: impl Fn(Side, &str) -> Spec,
    check: impl Fn(&RecordBatch, &[i64]),
) {
    let (cluster, registry, topic) = (shared_cluster(), shared_registry(), format!("{}-versions", F::NAME));
    cluster.create_topic(&topic, 2, 1, &[]);
    let mut writer = Writer::start::<F>(cluster, registry, &topic);
    let parts = [(0, 3000, &[1, 2, 3][..]), (1, 500, &[3, 1])];
    for (partition, count, versions) in parts {
        writer.write(partition, 0, count, versions);
    }
    let mut options = as_sold::<F>(cluster, registry, &topic);
    options.set_stop(None, Stop::End).unwrap();
    let snapshot = read_to_end(&open(&options));
    for (partition, count, versions) in parts {
        assert_eq!(all_sold::<F>(&snapshot.whole(partition).unwrap()), sold_in::<F>(0, count, versions));
    }
    for (side, name) in [(Side::Key, "key"), (Side::Value, "value")] {
        options.set_spec(side, subject(side, &format!("{topic}-{name}")));
    }
    let snapshot = read_to_end(&open(&options));
    for (partition, count, versions) in parts {
        let batch = snapshot.whole(partition).unwrap();
        assert_eq!(batch.num_rows(), usize::try_from(count).unwrap());
        check(&batch, versions);
    }
}

/// A record that is bad at offset 20, where it takes an order's place, stops its partition there; it can be resumed past, or
/// become a dead letter. `bad` writes it, and `reason` says whether it is bad for the right reason.
pub fn a_bad_record_among_orders<F: Format>(
    what: &str,
    bad: impl Fn(&mut Writer, &str) -> Vec<u8>,
    reason: impl Fn(&str) -> bool,
) {
    let (cluster, registry, topic) = (shared_cluster(), shared_registry(), format!("{}-{what}", F::NAME));
    cluster.create_topic(&topic, 1, 1, &[]);
    let mut writer = Writer::start::<F>(cluster, registry, &topic);
    let versions = [1, 2, 3];
    writer.write(0, 0, 20, &versions);
    let value = bad(&mut writer, &topic);
    writer.write(0, 21, 40, &versions);
    let expected = [sold_in::<F>(0, 20, &versions), sold_in::<F>(21, 40, &versions)].concat();
    let mut options = as_sold::<F>(cluster, registry, &topic);
    options.set("karrow.registry.unknown.id.retry.ms", Some("0")).unwrap();

    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1);
    let snapshot = consumer.snapshot().unwrap();
    let failure = snapshot.partition(0).unwrap().failure().unwrap();
    assert_eq!((failure.status(), failure.position()), (Status::BadRecord, Some((0, 20))));
    let message = failure.message();
    let place = format!(", at {topic}[0]@20 (value)");
    assert!(message.strip_suffix(&place).is_some_and(reason), "{message}");
    assert_eq!(rows::<F>(&consumer, 0), sold_in::<F>(0, 20, &versions));
    consumer.resume(0, 21).unwrap();
    await_sold::<F>(&consumer, 0, &expected);

    options.set("karrow.bad.record.policy", Some("dead_letter")).unwrap();
    let consumer = open(&options);
    await_sold::<F>(&consumer, 0, &expected);
    let letters: Vec<RecordBatch> = consumer.dead_letters().unwrap().collect();
    assert_eq!(letters.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let letter = |name: &str| letters[0].column_by_name(name).unwrap();
    assert_eq!(letter("offset").as_primitive::<Int64Type>().value(0), 20);
    assert_eq!(letter("value").as_binary::<i32>().value(0), value);
}

/// A bad record that names a schema that nobody has.
pub fn an_id_that_the_registry_does_not_know<F: Format>() {
    let unknown = |_: &mut Writer, topic: &str| {
        let value = [&[0], &NO_ID.to_be_bytes()[..], b"\x02\x04xy"].concat();
        let record = Record { value: Some(value.as_slice().into()), ..Record::default() };
        assert_eq!(shared_cluster().produce(topic, 0, [record]), [20]);
        value
    };
    let reason = |reason: &str| reason.starts_with(&format!("schema {NO_ID}: the schema registry at "));
    a_bad_record_among_orders::<F>("unknown-id", unknown, reason);
}

/// Rule A8, and B7.
pub fn a_partition_waits_for_the_registry<F: Format>() {
    let (cluster, topic) = (shared_cluster(), format!("{}-registry-away", F::NAME));
    // One of its own, because it goes away.
    let registry = Registry::start();
    cluster.create_topic(&topic, 2, 1, &[]);
    let mut writer = Writer::start::<F>(cluster, &registry, &topic);
    writer.write(0, 0, 40, &[1, 2]);
    writer.write(1, 0, 10, &[1]);
    let consumer = open(&as_sold::<F>(cluster, &registry, &topic));
    let before = sold_in::<F>(0, 40, &[1, 2]);
    await_sold::<F>(&consumer, 0, &before);
    await_sold::<F>(&consumer, 1, &sold_in::<F>(0, 10, &[1]));

    registry.stop();
    let version_3 = writer.ids[2];
    // Version 3 comes for the first time with order 41.
    writer.write(0, 40, 1000, &[1, 2, 3]);
    let until_version_3 = [before.clone(), sold_in::<F>(40, 41, &[1, 2, 3])].concat();
    poll_until(&consumer, |_| waits_for(version_3, &consumer, 0));
    assert_eq!(consumer.snapshot().unwrap().partition(0).unwrap().next_offset(), 41);
    assert_eq!(rows::<F>(&consumer, 0), until_version_3);
    // Who needs no new schema goes on meanwhile.
    writer.write(1, 10, 500, &[1]);
    await_sold::<F>(&consumer, 1, &sold_in::<F>(0, 500, &[1]));
    assert!(waits_for(version_3, &consumer, 0));
    assert_eq!(rows::<F>(&consumer, 0), until_version_3);

    registry.restart();
    await_sold::<F>(&consumer, 0, &[before, sold_in::<F>(40, 1000, &[1, 2, 3])].concat());
    // What has become known is known to all.
    registry.stop();
    writer.write(1, 500, 600, &[3]);
    await_sold::<F>(&consumer, 1, &[sold_in::<F>(0, 500, &[1]), sold_in::<F>(500, 600, &[3])].concat());
}

/// Whether a partition waits for a schema because the registry is away.
fn waits_for(id: i32, consumer: &Consumer, partition: i32) -> bool {
    let snapshot = consumer.snapshot().unwrap();
    let PartitionState::Waiting(error) = snapshot.partition(partition).unwrap().state() else { return false };
    assert_eq!(error.status(), Status::Registry);
    error.message().starts_with(&format!("schema {id}: ")) && error.message().contains("cannot be reached")
}
