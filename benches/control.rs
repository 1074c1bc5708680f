//! What is asked of a cluster and of a consumer beside reading, against a real broker: opening a topic until its first
//! row, asking for progress, noticing new partitions, committing.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> cargo bench --bench control

#[path = "../tests/support/mod.rs"]
mod brokers;
mod support;

use std::hint::black_box;
use std::time::Instant;

use brokers::broker::{Cluster, Record};
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;
use support::{measure, print_figure, print_summary};

const ROUNDS: usize = 15;
const PROGRESS_CALLS: u32 = 1000;

fn options(cluster: &Cluster, topic: &str) -> Options {
    let mut options = Options::new(topic).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    let (column, type_name) = (Some("Value".to_owned()), Some("utf8".to_owned()));
    options.set_spec(Side::Value, Spec::Simple { column, type_name });
    options.set_start(None, Start::Beginning).unwrap();
    options.set_table_type(TableType::Append).unwrap();
    options
}

fn produce(cluster: &Cluster, topic: &str, partition: i32) {
    let record = Record { value: Some(b"value".into()), ..Record::default() };
    cluster.produce(topic, partition, [record]);
}

fn main() {
    let cluster = Cluster::start(1);
    for partitions in [1, 64, 256] {
        let topic = format!("open-{partitions}");
        cluster.create_topic(&topic, partitions, 1, &[]);
        (0..partitions).for_each(|partition| produce(&cluster, &topic, partition));
        open_and_ask(&options(&cluster, &topic), partitions);
    }
    discover(&cluster);
    commit(&cluster);
    print_summary("control");
}

/// From open to the first row, and to a row of each partition; then what progress costs.
fn open_and_ask(options: &Options, partitions: i32) {
    // The first round of each warms the broker and is not counted.
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let consumer = Consumer::new(options).unwrap();
        let start = Instant::now();
        consumer.open(Timeout::Millis(60_000)).unwrap();
        let opened = start.elapsed();
        let (mut rows, mut first) = (0, None);
        while rows < i64::from(partitions) {
            rows += consumer.poll(Timeout::Millis(1000)).unwrap().rows;
            first = first.or((rows > 0).then(|| start.elapsed()));
        }
        let (first, all) = (first.unwrap(), start.elapsed());
        let asked = measure(|| (0..PROGRESS_CALLS).for_each(|_| drop(black_box(consumer.progress().unwrap()))));
        if round > 0 {
            rounds.push((opened, first, all, asked));
        }
    }
    let of = |name: &str| format!("control.{partitions}p.{name}");
    print_figure(&of("open_ms"), "ms", &rounds, |(open, ..)| open.as_secs_f64() * 1e3);
    print_figure(&of("first_row_ms"), "ms", &rounds, |(_, first, ..)| first.as_secs_f64() * 1e3);
    print_figure(&of("every_partition_ms"), "ms", &rounds, |(_, _, all, _)| all.as_secs_f64() * 1e3);
    print_figure(&of("progress_us"), "us", &rounds, |(.., asked)| {
        asked.wall.as_secs_f64() * 1e6 / f64::from(PROGRESS_CALLS)
    });
}

/// From the moment every client is told of a new partition until it is in a snapshot: about half the interval at which
/// karrow looks, and what the look takes.
fn discover(cluster: &Cluster) {
    const INTERVAL_MS: u32 = 50;
    let topic = "discovery";
    cluster.create_topic(topic, 1, 1, &[]);
    let mut options = options(cluster, topic);
    options.set("karrow.partition.discovery.ms", Some(&INTERVAL_MS.to_string())).unwrap();
    let consumer = Consumer::new(&options).unwrap();
    consumer.open(Timeout::Millis(60_000)).unwrap();
    let mut rounds = Vec::with_capacity(ROUNDS);
    for partitions in 2..=ROUNDS + 1 {
        cluster.grow_topic(topic, partitions);
        let start = Instant::now();
        while consumer.snapshot().unwrap().partitions().len() < partitions {
            consumer.poll(Timeout::Millis(1000)).unwrap();
        }
        rounds.push(start.elapsed());
    }
    let name = format!("control.discovery_{INTERVAL_MS}ms.seen_ms");
    print_figure(&name, "ms", &rounds, |passed| passed.as_secs_f64() * 1e3);
}

fn commit(cluster: &Cluster) {
    let topic = "commit";
    cluster.create_topic(topic, 64, 1, &[]);
    let mut options = options(cluster, topic);
    options.set("group.id", Some("control")).unwrap();
    let consumer = Consumer::new(&options).unwrap();
    consumer.open(Timeout::Millis(60_000)).unwrap();
    let snapshot = consumer.snapshot().unwrap();
    consumer.commit(&snapshot, Timeout::Never).unwrap();
    let rounds: Vec<_> =
        (0..ROUNDS).map(|_| measure(|| consumer.commit(&snapshot, Timeout::Never).unwrap()).wall).collect();
    print_figure("control.64p.commit_ms", "ms", &rounds, |passed| passed.as_secs_f64() * 1e3);
}
