//! The whole path against a real broker: a million records into an append table, beside a loop that only counts them
//! through the same callback of librdkafka, with the same properties, as many threads and the same queues.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> cargo bench --bench end_to_end
//!
//! Rounds of both take turns, so that whatever else the machine does hits both. CPU time is this process's, so the
//! broker's does not count.

#[path = "../tests/support/mod.rs"]
mod brokers;
mod support;

use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};

use brokers::broker::{Cluster, Record};
use karrow::format::{Side, Spec};
use karrow::ingest::{Consumer, Timeout, kafka};
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;
use rdkafka::bindings as rd;
use support::{measure, print_figure, print_summary};

const TOPIC: &str = "end-to-end";
const PARTITIONS: i32 = 8;
const ROWS: i64 = 1_000_000;
const ROUNDS: usize = 7;

fn main() {
    let cluster = Cluster::start(1);
    cluster.create_topic(TOPIC, PARTITIONS, 1, &[]);
    for partition in 0..PARTITIONS {
        let records = (0..ROWS / i64::from(PARTITIONS)).map(|offset| Record {
            key: Some(format!("key-{partition}-{offset}").into_bytes().into()),
            value: Some(offset.wrapping_mul(0x5851_F42D_4C95_7F2D).to_be_bytes().to_vec().into()),
            timestamp_ms: Some(1_600_000_000_000 + offset),
            headers: Vec::new(),
        });
        cluster.produce(TOPIC, partition, records);
    }
    let mut options = Options::new(TOPIC).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    let simple = |name: &str, kind: &str| Spec::Simple { column: Some(name.into()), type_name: Some(kind.into()) };
    options.set_spec(Side::Key, simple("Key", "utf8"));
    options.set_spec(Side::Value, simple("Value", "int64"));
    options.set_start(None, Start::Beginning).unwrap();
    options.set_table_type(TableType::Append).unwrap();

    // The first round of each warms the broker's page cache and is not counted.
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..=ROUNDS {
        let pair = (measure(|| read(&options)), measure(|| count(&options)));
        if round > 0 {
            rounds.push(pair);
        }
    }
    let rows = ROWS as f64;
    print_figure("e2e.simple.million.cpu_ns_per_row", "ns", &rounds, |(read, _)| read.cpu.as_nanos() as f64 / rows);
    print_figure("e2e.count.million.cpu_ns_per_row", "ns", &rounds, |(_, count)| count.cpu.as_nanos() as f64 / rows);
    print_figure("e2e.simple.million.rows_per_s", "rows/s", &rounds, |(read, _)| rows / read.wall.as_secs_f64());
    print_figure("e2e.count.million.rows_per_s", "rows/s", &rounds, |(_, count)| rows / count.wall.as_secs_f64());
    print_figure("e2e.simple.million.cpu_ratio.count", "x", &rounds, |(read, count)| {
        read.cpu.as_secs_f64() / count.cpu.as_secs_f64()
    });
    print_figure("e2e.simple.million.wall_ratio.count", "x", &rounds, |(read, count)| {
        count.wall.as_secs_f64() / read.wall.as_secs_f64()
    });
    print_summary("end_to_end");
}

/// karrow: opens, polls until every row is in the table, closes.
fn read(options: &Options) {
    let consumer = Consumer::new(options).unwrap();
    consumer.open(Timeout::Millis(30_000)).unwrap();
    let mut rows = 0;
    while rows < ROWS {
        rows += consumer.poll(Timeout::Millis(10_000)).unwrap().rows;
    }
    consumer.close(Timeout::Never).unwrap();
}

/// The peer: the same handle, queues, threads and callback, but records are only counted.
fn count(options: &Options) {
    let properties = kafka::data_properties(&options.plan().unwrap(), PARTITIONS as usize);
    let counted = AtomicI64::new(0);
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
        let topic = CString::new(TOPIC).unwrap();
        let list = rd::rd_kafka_topic_partition_list_new(PARTITIONS);
        let queues: Vec<Shared<rd::rd_kafka_queue_t>> = (0..PARTITIONS)
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
                scope.spawn(move || serve(&own, counted));
            }
        });
        for queue in queues {
            rd::rd_kafka_queue_destroy(queue.0);
        }
        rd::rd_kafka_consumer_close(handle.0);
        rd::rd_kafka_destroy(handle.0);
    }
    assert_eq!(counted.load(Ordering::Relaxed), ROWS);
}

fn serve(queues: &[&Shared<rd::rd_kafka_queue_t>], counted: &AtomicI64) {
    let mut own = 0_i64;
    let argument = (&raw mut own).cast::<c_void>();
    while counted.load(Ordering::Relaxed) < ROWS {
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
            *counted.cast::<i64>() += 1;
        }
    }
}

/// A pointer that threads may share, because librdkafka says so.
struct Shared<T>(*mut T);

// SAFETY: librdkafka's handles and queues may be used from any thread.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
