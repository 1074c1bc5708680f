//! What a wrapper costs: the same topic read by programs in Go and Java, and by Rust through the same file of the library,
//! which is the one that cargo has built beside this program. All poll until all rows have come, take them out through the C
//! stream as batches of their own Arrow, and add up a column.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> KARROW_GO_BENCH=<the built program> KARROW_JAVA_BENCH=<the same in Java>
//!         cargo bench --bench wrapper
//!
//! Rounds of all take turns. CPU time is that of each process, so the broker's does not count.

#[path = "../tests/support/mod.rs"]
mod brokers;
#[path = "support/c_api.rs"]
mod c_api;
#[path = "support/producing.rs"]
mod producing;
#[path = "support/shapes.rs"]
mod shapes;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use brokers::broker::Cluster;
use c_api::Library;
use producing::Producer;
use shapes::Shape;
use support::{measure, print_figure, print_summary};

const TOPIC: &str = "wrapper";
const PARTITIONS: usize = 4;
const ROWS: usize = 600_000;
const ROUNDS: usize = 10;

/// The wrappers, and the variables that name their programs.
const WRAPPERS: [(&str, &str); 2] = [("go", "KARROW_GO_BENCH"), ("java", "KARROW_JAVA_BENCH")];

fn main() {
    let programs = WRAPPERS.map(|(name, variable)| {
        let program = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the built wrapper_bench"));
        (name, program)
    });
    for (name, program) in &programs {
        calls(name, program);
    }
    let cluster = Cluster::start(1);
    let shape = shapes::int64x20();
    let expected = fill(&cluster, &shape);
    let library = Library::beside_this_program();
    let servers = cluster.bootstrap_servers();
    let mut peers = programs.each_ref().map(|(_, program)| Peer::start(program, &servers));
    let rust = || {
        let mut sum = 0;
        let cost = measure(|| sum = read(&library, &servers, &shape));
        assert_eq!(sum, expected);
        cost.cpu.as_nanos() as f64
    };
    let mut round = || {
        let of_peers = peers.each_mut().map(|peer| {
            let (cpu_ns, sum) = peer.read();
            assert_eq!(sum, expected);
            cpu_ns
        });
        (rust(), of_peers)
    };
    // The first round of each warms the broker's page cache and all processes, and is not counted.
    round();
    let rounds: Vec<(f64, [f64; WRAPPERS.len()])> = (0..ROUNDS).map(|_| round()).collect();
    let per_row = |cpu_ns: f64| cpu_ns / ROWS as f64;
    print_figure("wrapper.rust.cpu_ns_per_row", "ns", &rounds, |(rust, _)| per_row(*rust));
    for (index, (name, _)) in programs.iter().enumerate() {
        print_figure(&format!("wrapper.{name}.cpu_ns_per_row"), "ns", &rounds, |(_, peers)| per_row(peers[index]));
        print_figure(&format!("wrapper.{name}.cpu_ratio.rust"), "x", &rounds, |(rust, peers)| peers[index] / rust);
    }
    print_summary("wrapper");
}

/// What a call costs that does next to nothing, and a batch of 20 columns that is imported and released.
fn calls(name: &str, program: &str) {
    let output = Command::new(program).args(["calls", &ROUNDS.to_string()]).output().expect("it is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("it prints digits");
    let rounds: Vec<(f64, f64)> = printed.lines().map(numbers).collect();
    assert_eq!(rounds.len(), ROUNDS);
    print_figure(&format!("wrapper.{name}.call_ns"), "ns", &rounds, |(call_ns, _)| *call_ns);
    print_figure(&format!("wrapper.{name}.batch_us"), "us", &rounds, |(_, batch_ns)| batch_ns / 1e3);
}

/// The two numbers of a line.
fn numbers<A: std::str::FromStr, B: std::str::FromStr>(line: &str) -> (A, B) {
    let (first, second) = line.trim().split_once(' ').expect("there are two numbers in a line");
    let parse = "it is a number";
    (first.parse().ok().expect(parse), second.parse().ok().expect(parse))
}

/// Makes the topic. What the column `count` adds up to.
fn fill(cluster: &Cluster, shape: &Shape) -> i64 {
    cluster.create_topic(TOPIC, PARTITIONS as i32, 1, &[]);
    // Batches are full before their time is over.
    let producer = Producer::new(cluster, TOPIC, &[("compression.type", "lz4"), ("linger.ms", "100")]);
    for (row, record) in shape.records.iter().cycle().take(ROWS).enumerate() {
        producer.send(row % PARTITIONS, None, record);
    }
    producer.flush();
    let count =
        |record: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(record).unwrap()["count"].as_i64().unwrap();
    let counts: Vec<i64> = shape.records.iter().map(count).collect();
    counts.iter().cycle().take(ROWS).sum()
}

/// Reads all rows through the library, and adds up the column `count`.
fn read(library: &Library, servers: &str, shape: &Shape) -> i64 {
    let consumer = library.open(servers, TOPIC, &shape.columns);
    let (mut rows, mut sum) = (0, 0);
    while rows < ROWS as i64 {
        let (came, snapshot) = consumer.poll(10_000);
        assert!(came > 0, "{rows} rows of {ROWS} have come");
        rows += came;
        for batch in snapshot.batches() {
            sum += batch["count"].as_primitive::<Int64Type>().values().iter().sum::<i64>();
        }
    }
    sum
}

/// A program in another language, which reads the topic when it is told to.
struct Peer {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str, servers: &str) -> Peer {
        let mut process = Command::new(program)
            .args(["read", servers, TOPIC, &ROWS.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is built");
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Peer { process, input, output: BufReader::new(output) }
    }

    /// Nanoseconds of CPU time, and the sum.
    fn read(&mut self) -> (f64, i64) {
        writeln!(self.input).expect("it runs");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it runs");
        numbers(&line)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Whatever it does: nothing of it is needed any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
