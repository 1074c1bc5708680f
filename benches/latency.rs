//! How soon a record that comes in is in the caller's hands, against a real broker: a thread writes JSON documents at an
//! even rate, and the caller polls as soon as it can and takes each cycle out through the C stream.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> cargo bench --bench latency -- [PREFIX...]
//!
//! A prefix selects rates by name. A row's time ends when all rows of its cycle have been taken out. It begins when
//! karrow took the record in, which the receive time column says: the moment at which the queue it lay in began to be
//! decoded. As that leaves out what it waited in the queue, the time since the record was produced is measured as well:
//! the document holds the moment before it was handed to the producer, whose batches, the broker and the fetch are in
//! that time too. The broker and the producer run on the same machine, beside karrow.

#[path = "../tests/support/mod.rs"]
mod brokers;
#[path = "support/producing.rs"]
mod producing;
#[path = "support/shapes.rs"]
mod shapes;
mod support;

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::types::{Int64Type, TimestampNanosecondType};
use brokers::broker::Cluster;
use karrow::ffi::stream;
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout};
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use producing::Producer;
use shapes::Shape;
use support::{is_wanted, print_figure, print_summary};

/// Names of rates, and how many records are written each millisecond.
const RATES: [(&str, usize); 2] = [("1k", 1), ("100k", 100)];
const PARTITIONS: usize = 4;
const TICK: Duration = Duration::from_millis(1);
/// Not measured: what producer, broker and consumer need until they know each other, and the broker's code is compiled.
const WARM_UP: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(15);
/// How long rows may be away before they count as lost.
const PATIENCE: Duration = Duration::from_secs(30);

const RECEIVED: &str = "Received";
/// The documents' first member, in which they hold when they were produced.
const PRODUCED: &str = "count";

fn main() {
    let shape = shapes::int64x20();
    let cluster = Cluster::start(1);
    for (name, each_tick) in RATES {
        if is_wanted(name) {
            run(&cluster, &shape, name, each_tick);
        }
    }
    print_summary("latency");
}

fn run(cluster: &Cluster, shape: &Shape, name: &str, each_tick: usize) {
    cluster.create_topic(name, PARTITIONS as i32, 1, &[]);
    let consumer = Consumer::new(&options(cluster, name, shape)).unwrap();
    consumer.open(Timeout::Millis(30_000)).unwrap();
    let measured_from_ns = now_ns() + WARM_UP.as_nanos() as i64;
    let producer = Producer::new(cluster, name, &[("linger.ms", "1"), ("socket.nagle.disable", "true")]);
    let (written, taken) = thread::scope(|scope| {
        let writing = scope.spawn(|| write(&producer, shape, each_tick));
        let taken = take(&consumer, rows(each_tick), measured_from_ns);
        (writing.join().unwrap(), taken)
    });
    consumer.close(Timeout::Never).unwrap();
    assert_eq!(taken.produced_sum, written.produced_sum, "other rows were read than were written");

    let figure = |figure: &str| format!("latency.{name}.{figure}");
    println!("{name}: {} rows in {} cycles", rows(each_tick), taken.cycles);
    print_percentiles(&figure(""), taken.since_received);
    print_percentiles(&figure("produced."), taken.since_produced);
    let offered = rows(each_tick) as f64 / written.passed.as_secs_f64();
    print_figure(&figure("offered_per_s"), "rows/s", &[offered], |offered| *offered);
}

fn ticks() -> u32 {
    ((WARM_UP + MEASURED).as_nanos() / TICK.as_nanos()) as u32
}

fn rows(each_tick: usize) -> usize {
    ticks() as usize * each_tick
}

fn options(cluster: &Cluster, topic: &str, shape: &Shape) -> Options {
    let mut options = Options::new(topic).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    options.set("karrow.receivetime.column.name", Some(RECEIVED)).unwrap();
    options.set_spec(Side::Key, Spec::Ignore);
    options.set_spec(Side::Value, shape.spec());
    options.set_start(None, Start::Beginning).unwrap();
    options.set_table_type(TableType::Blink).unwrap();
    options
}

/// What a thread has written.
struct Written {
    produced_sum: i64,
    passed: Duration,
}

/// Writes so many records each millisecond, to all partitions in turn. Where the thread is late it catches up.
fn write(producer: &Producer<'_>, shape: &Shape, each_tick: usize) -> Written {
    // What stands behind the first member's value.
    let tail = |record: &'_ Vec<u8>| {
        let end = record.iter().position(|&byte| byte == b',').expect("a document has many members");
        record[end..].to_vec()
    };
    let tails: Vec<Vec<u8>> = shape.records.iter().map(tail).collect();
    let mut next = tails.iter().cycle().enumerate();
    let (mut document, mut produced_sum) = (Vec::new(), 0_i64);
    let start = Instant::now();
    for tick in 0..ticks() {
        thread::sleep((start + TICK * tick).saturating_duration_since(Instant::now()));
        for (row, tail) in next.by_ref().take(each_tick) {
            let produced = now_ns();
            document.clear();
            write!(document, "{{\"{PRODUCED}\":{produced}").unwrap();
            document.extend_from_slice(tail);
            producer.send(row % PARTITIONS, None, &document);
            produced_sum = produced_sum.wrapping_add(produced);
        }
    }
    let passed = start.elapsed();
    producer.flush();
    Written { produced_sum, passed }
}

/// What the caller has taken out: nanoseconds of rows that were produced in the time that is measured.
struct Taken {
    cycles: usize,
    produced_sum: i64,
    since_received: Vec<i64>,
    since_produced: Vec<i64>,
}

/// Polls until all rows have come, and takes each cycle out as it comes.
fn take(consumer: &Consumer, rows: usize, measured_from_ns: i64) -> Taken {
    let (since_received, since_produced) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    let mut taken = Taken { cycles: 0, produced_sum: 0, since_received, since_produced };
    let (mut left, mut last) = (rows, Instant::now());
    while left > 0 {
        let cycle = consumer.poll(Timeout::Millis(1000)).unwrap();
        let batches = export(&cycle.snapshot);
        let exported_ns = now_ns();
        if cycle.rows == 0 {
            assert!(last.elapsed() < PATIENCE, "{left} rows are missing");
            continue;
        }
        last = Instant::now();
        taken.cycles += 1;
        for batch in batches {
            left = left.checked_sub(batch.num_rows()).expect("no row comes twice");
            taken.note(&batch, exported_ns, measured_from_ns);
        }
    }
    taken
}

impl Taken {
    fn note(&mut self, batch: &RecordBatch, exported_ns: i64, measured_from_ns: i64) {
        let produced = batch[PRODUCED].as_primitive::<Int64Type>().values();
        let received = batch[RECEIVED].as_primitive::<TimestampNanosecondType>().values();
        for (&produced, &received) in produced.iter().zip(received) {
            self.produced_sum = self.produced_sum.wrapping_add(produced);
            if produced >= measured_from_ns {
                self.since_received.push(exported_ns - received);
                self.since_produced.push(exported_ns - produced);
            }
        }
    }
}

/// All of a cycle, through the C stream.
fn export(snapshot: &Snapshot) -> Vec<RecordBatch> {
    let mut exported = stream::export(snapshot.merged(&[]).unwrap()).unwrap();
    // SAFETY: both are the C Stream Interface's structure, and the reader takes it over.
    let reader = unsafe { RecordBatchStreamReader::from_raw((&raw mut exported).cast()) };
    reader.unwrap().map(|batch| batch.unwrap()).collect()
}

fn print_percentiles(stem: &str, mut nanoseconds: Vec<i64>) {
    nanoseconds.sort_unstable();
    for (name, part) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)] {
        let rank = (nanoseconds.len() as f64 * part).ceil() as usize;
        let ms = nanoseconds[rank.max(1) - 1] as f64 / 1e6;
        print_figure(&format!("{stem}{name}"), "ms", &[ms], |ms| *ms);
    }
}

fn now_ns() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_nanos() as i64
}
