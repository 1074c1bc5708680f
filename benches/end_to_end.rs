//! The whole path against a real broker: topics read into a table, beside a loop that only counts their records through
//! the same callback of librdkafka, with the same properties, as many threads and the same queues.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> cargo bench --bench end_to_end -- [PREFIX...]
//!
//! A prefix selects topics by name. Rounds of both take turns, so that whatever else the machine does hits both. CPU time
//! is this process's, so the broker's does not count.

#[path = "support/avro_shapes.rs"]
mod avro_shapes;
#[path = "../tests/support/mod.rs"]
mod brokers;
#[path = "support/producing.rs"]
mod producing;
#[path = "support/protobuf_shapes.rs"]
mod protobuf_shapes;
#[path = "support/shapes.rs"]
mod shapes;
mod support;

use std::collections::BTreeMap;
use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use avro_shapes::AvroShape;
use brokers::broker::Cluster;
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout, kafka};
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;
use karrow::table::snapshot::Snapshot;
use producing::Producer;
use protobuf_shapes::ProtobufShape;
use rdkafka::bindings as rd;
use support::{Cost, is_wanted, measure, print_figure, print_summary};

/// What is in a topic, and what becomes of it.
struct Workload {
    /// Names the topic, and the figures: the format, and which records.
    name: &'static str,
    partitions: usize,
    rows: usize,
    rounds: usize,
    /// How the producer compresses.
    compression: &'static str,
    key: Spec,
    value: Spec,
    table_type: TableType,
    /// Keys and values, which are written in turn until there are enough.
    records: Vec<(Option<Vec<u8>>, Vec<u8>)>,
    /// What some columns have to hold for these records.
    expected: BTreeMap<String, Vec<i64>>,
}

fn main() {
    let cluster = Cluster::start(1);
    for workload in [simple(), json(), avro(), protobuf()] {
        if is_wanted(workload.name) {
            compare(&cluster, &workload);
        }
    }
    print_summary("end_to_end");
}

/// A million short records without a format, which stay in the table.
fn simple() -> Workload {
    const RECORDS: i64 = 125_000;
    let column = |name: &str, kind: &str| Spec::Simple { column: Some(name.into()), type_name: Some(kind.into()) };
    let values: Vec<i64> = (0..RECORDS).map(|n| n.wrapping_mul(0x5851_F42D_4C95_7F2D)).collect();
    let record = |(n, value): (usize, &i64)| (Some(format!("key-{n}").into_bytes()), value.to_be_bytes().to_vec());
    Workload {
        name: "simple.million",
        partitions: 8,
        rows: 1_000_000,
        rounds: 7,
        compression: "none",
        key: column("Key", "utf8"),
        value: column("Value", "int64"),
        table_type: TableType::Append,
        records: values.iter().enumerate().map(record).collect(),
        expected: BTreeMap::from([("Value".to_owned(), values)]),
    }
}

/// Ten million JSON documents of twenty integers, 2.3 GB of text.
///
/// They are compressed, with lz4, as whoever produces so much does, and so that the broker serves them from memory.
/// Decompressing them costs both sides the same, which brings ratios a little closer to one. The table is a blink table:
/// the caller takes rows away, and the figure is what reading costs and not what a growing table asks of the system's
/// memory.
fn json() -> Workload {
    let shape = shapes::int64x20();
    let mut expected: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for record in &shape.records {
        for (column, value) in serde_json::from_slice::<BTreeMap<String, i64>>(record).unwrap() {
            expected.entry(column).or_default().push(value);
        }
    }
    Workload {
        name: "json.int64x20",
        partitions: 4,
        rows: 10_000_000,
        rounds: 5,
        compression: "lz4",
        key: Spec::Ignore,
        value: shape.spec(),
        table_type: TableType::Blink,
        records: shape.records.into_iter().map(|value| (None, value)).collect(),
        expected,
    }
}

/// The same integers as ten million Avro data. Their schema is given, so that no registry is asked.
fn avro() -> Workload {
    let json = json();
    let shape = AvroShape::of(&shapes::int64x20());
    Workload {
        name: "avro.int64x20",
        value: shape.spec(),
        records: shape.records.into_iter().map(|value| (None, value)).collect(),
        ..json
    }
}

/// The same integers as ten million Protobuf messages, without anything in front of them.
fn protobuf() -> Workload {
    let json = json();
    let shape = ProtobufShape::of(&shapes::int64x20());
    Workload {
        name: "protobuf.int64x20",
        value: shape.spec(),
        records: shape.records.into_iter().map(|value| (None, value)).collect(),
        ..json
    }
}

/// One round: karrow, then the peer.
struct Round {
    read: Cost,
    /// From open until a poll has returned rows.
    first_row: Duration,
    count: Cost,
}

fn compare(cluster: &Cluster, workload: &Workload) {
    fill(cluster, workload);
    let options = options(cluster, workload);
    // The first round of each warms the broker's page cache and is not counted.
    check(&options, workload);
    count(&options, workload);
    let rounds: Vec<Round> = (0..workload.rounds)
        .map(|_| {
            let mut first_row = Duration::ZERO;
            let read = measure(|| first_row = read(&options, workload, |_| {}));
            Round { read, first_row, count: measure(|| count(&options, workload)) }
        })
        .collect();

    let (name, rows) = (workload.name, workload.rows as f64);
    let (ours, peers) =
        (|figure: &str| format!("e2e.{name}.{figure}"), |figure: &str| format!("e2e.count.{name}.{figure}"));
    let cpu = |cost: Cost| cost.cpu.as_nanos() as f64 / rows;
    print_figure(&ours("cpu_ns_per_row"), "ns", &rounds, |round| cpu(round.read));
    print_figure(&peers("cpu_ns_per_row"), "ns", &rounds, |round| cpu(round.count));
    let rate = |cost: Cost| rows / cost.wall.as_secs_f64();
    print_figure(&ours("rows_per_s"), "rows/s", &rounds, |round| rate(round.read));
    print_figure(&peers("rows_per_s"), "rows/s", &rounds, |round| rate(round.count));
    print_figure(&ours("cpu_ratio.count"), "x", &rounds, |round| cpu(round.read) / cpu(round.count));
    print_figure(&ours("wall_ratio.count"), "x", &rounds, |round| rate(round.read) / rate(round.count));
    print_figure(&ours("first_row_ms"), "ms", &rounds, |round| round.first_row.as_secs_f64() * 1e3);
}

/// Makes the topic.
fn fill(cluster: &Cluster, workload: &Workload) {
    cluster.create_topic(workload.name, workload.partitions as i32, 1, &[]);
    let start = Instant::now();
    // Batches are full before their time is over.
    let properties = [("compression.type", workload.compression), ("linger.ms", "100")];
    let producer = Producer::new(cluster, workload.name, &properties);
    for (row, (key, value)) in workload.records.iter().cycle().take(workload.rows).enumerate() {
        producer.send(row % workload.partitions, key.as_deref(), value);
    }
    producer.flush();
    println!("{}: {} records written in {:.1?}", workload.name, workload.rows, start.elapsed());
}

fn options(cluster: &Cluster, workload: &Workload) -> Options {
    let mut options = Options::new(workload.name).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    options.set_spec(Side::Key, workload.key.clone());
    options.set_spec(Side::Value, workload.value.clone());
    options.set_start(None, Start::Beginning).unwrap();
    options.set_table_type(workload.table_type).unwrap();
    options
}

/// karrow: opens, polls until every row has been in a cycle, closes. Tells how long the first took.
fn read(options: &Options, workload: &Workload, mut look: impl FnMut(&Snapshot)) -> Duration {
    let consumer = Consumer::new(options).unwrap();
    let start = Instant::now();
    consumer.open(Timeout::Millis(30_000)).unwrap();
    let (mut rows, mut first) = (0, None);
    while rows < workload.rows {
        let cycle = consumer.poll(Timeout::Millis(10_000)).unwrap();
        rows += cycle.rows as usize;
        first = first.or((rows > 0).then(|| start.elapsed()));
        look(&cycle.snapshot);
    }
    consumer.close(Timeout::Never).unwrap();
    assert_eq!(rows, workload.rows);
    first.unwrap()
}

/// Reads, and compares what columns hold with what was written.
fn check(options: &Options, workload: &Workload) {
    let mut sums: BTreeMap<&str, i64> = workload.expected.keys().map(|column| (column.as_str(), 0)).collect();
    let (mut rows, mut seen) = (0, Vec::<i64>::new());
    read(options, workload, |snapshot| {
        for batch in snapshot.merged(&seen).unwrap() {
            rows += batch.num_rows();
            for (column, sum) in &mut sums {
                let values = batch[*column].as_primitive::<Int64Type>();
                assert_eq!(values.null_count(), 0);
                *sum = values.values().iter().copied().fold(*sum, i64::wrapping_add);
            }
        }
        seen = snapshot.partitions().iter().map(|partition| partition.rows().end_row()).collect();
    });
    assert_eq!(rows, workload.rows);
    for (column, values) in &workload.expected {
        let written = values.iter().cycle().take(workload.rows).copied();
        assert_eq!(sums[column.as_str()], written.fold(0, i64::wrapping_add), "the sum of {column}");
    }
}

/// The peer: the same handle, queues, threads and callback, but records are only counted.
fn count(options: &Options, workload: &Workload) {
    let (partitions, rows) = (workload.partitions as i32, workload.rows);
    let properties = kafka::data_properties(&options.plan().unwrap(), workload.partitions);
    let counted = AtomicUsize::new(0);
    // SAFETY: every call gets handles that are alive; the callback's argument outlives the threads.
    unsafe {
        let configuration = rd::rd_kafka_conf_new();
        for (key, value) in &properties {
            let (key, value) = (CString::new(key.as_str()).unwrap(), CString::new(value.as_str()).unwrap());
            let mut text = [0; 256];
            let outcome =
                rd::rd_kafka_conf_set(configuration, key.as_ptr(), value.as_ptr(), text.as_mut_ptr(), text.len());
            assert_eq!(outcome, rd::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK);
        }
        let mut text = [0; 256];
        let kind = rd::rd_kafka_type_t::RD_KAFKA_CONSUMER;
        let handle = Shared(rd::rd_kafka_new(kind, configuration, text.as_mut_ptr(), text.len()));
        rd::rd_kafka_poll_set_consumer(handle.0);
        let topic = CString::new(workload.name).unwrap();
        let list = rd::rd_kafka_topic_partition_list_new(partitions);
        let queues: Vec<Shared<rd::rd_kafka_queue_t>> = (0..partitions)
            .map(|partition| {
                let queue = rd::rd_kafka_queue_get_partition(handle.0, topic.as_ptr(), partition);
                rd::rd_kafka_queue_forward(queue, ptr::null_mut());
                (*rd::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), partition)).offset = 0;
                Shared(queue)
            })
            .collect();
        rd::rd_kafka_assign(handle.0, list);
        rd::rd_kafka_topic_partition_list_destroy(list);
        let threads = std::thread::available_parallelism().unwrap().get();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let own: Vec<&Shared<_>> = queues.iter().skip(thread).step_by(threads).collect();
                let counted = &counted;
                scope.spawn(move || serve(&own, counted, rows));
            }
        });
        for queue in queues {
            rd::rd_kafka_queue_destroy(queue.0);
        }
        rd::rd_kafka_consumer_close(handle.0);
        rd::rd_kafka_destroy(handle.0);
    }
    assert_eq!(counted.load(Ordering::Relaxed), rows);
}

fn serve(queues: &[&Shared<rd::rd_kafka_queue_t>], counted: &AtomicUsize, rows: usize) {
    let mut own = 0_usize;
    let argument = (&raw mut own).cast::<c_void>();
    while counted.load(Ordering::Relaxed) < rows {
        // SAFETY: the queues are partitions' and alive; the argument is what the callback expects, and no other thread's.
        unsafe {
            let mut served = 0;
            for queue in queues {
                served += rd::rd_kafka_consume_callback_queue(queue.0, 0, Some(on_record), argument);
            }
            if served == 0 {
                rd::rd_kafka_consume_callback_queue(queues[0].0, 1, Some(on_record), argument);
            }
        }
        counted.fetch_add(std::mem::take(&mut own), Ordering::Relaxed);
    }
}

unsafe extern "C" fn on_record(message: *mut rd::rd_kafka_message_t, counted: *mut c_void) {
    // SAFETY: librdkafka lends the message; `serve` passes its counter.
    unsafe {
        if (*message).err == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            *counted.cast::<usize>() += 1;
        }
    }
}

/// A pointer that threads may share, because librdkafka says so.
struct Shared<T>(*mut T);

// SAFETY: librdkafka's handles and queues may be used from any thread.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
