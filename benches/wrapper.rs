//! What a wrapper costs: the same topic read by programs in C++, Go and Java, and by one in Rust through the same file of
//! the library, which is the one that cargo has built beside this program. All poll until all rows have come, take them out
//! through the C stream as batches (of their own Arrow, where the language has one), and add up a column.
//!
//!     KARROW_KAFKA_LIB=<directory of Kafka's jars> KARROW_CPP_BENCH=<the built program in C++>
//!         KARROW_GO_BENCH=<the same in Go> KARROW_JAVA_BENCH=<in Java> cargo bench --bench wrapper
//!
//! Rounds of all take turns. CPU time is that of each process, so the broker's does not count. It differs from round to
//! round by more than the wrappers cost, so that where `KARROW_VALGRIND` names valgrind instructions are counted as well.

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
use std::process::{Child, ChildStdout, Command, Stdio};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use brokers::broker::Cluster;
use c_api::Library;
use producing::Producer;
use shapes::Shape;
use support::{measure, print_figure, print_summary};

const PARTITIONS: usize = 4;
const ROUNDS: usize = 10;

/// Whose CPU time is measured.
const TOPIC: Topic = Topic { name: "wrapper", rows: 600_000 };
/// Whose instructions are counted, which takes fifty times as long.
const COUNTED_TOPIC: Topic = Topic { name: "wrapper-counted", rows: 60_000 };
const COUNTED_ROUNDS: usize = 3;

/// The wrappers, and the variables that name their programs.
const WRAPPERS: [(&str, &str); 3] =
    [("cpp", "KARROW_CPP_BENCH"), ("go", "KARROW_GO_BENCH"), ("java", "KARROW_JAVA_BENCH")];

struct Topic {
    name: &'static str,
    rows: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [read, servers, topic, rows] = &arguments[..]
        && read == "read"
    {
        return read_in_turn(servers, topic, rows.parse().expect("it is a number of rows"));
    }
    let programs = WRAPPERS.map(|(name, variable)| {
        let program = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the built wrapper_bench"));
        (name, program)
    });
    for (name, program) in &programs {
        calls(name, program);
    }
    let this = std::env::current_exe().expect("the system knows what it runs");
    let rust = this.to_str().expect("its path is text");
    let cluster = Cluster::start(1);
    let shape = shapes::int64x20();
    cpu_time(rust, &programs, &cluster, &shape);
    // What Java's compiler does at run time would be counted with it.
    let counted: Vec<&(&str, String)> = programs.iter().filter(|(name, _)| *name != "java").collect();
    match std::env::var("KARROW_VALGRIND") {
        Ok(valgrind) => instructions(&valgrind, rust, &counted, &cluster, &shape),
        Err(_) => println!("wrapper: KARROW_VALGRIND names no valgrind, so that no instructions are counted"),
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

/// The CPU time of reading the topic, of all programs in turn.
fn cpu_time(rust: &str, programs: &[(&str, String)], cluster: &Cluster, shape: &Shape) {
    let expected = fill(cluster, &TOPIC, shape);
    let servers = cluster.bootstrap_servers();
    let mut peers: Vec<Peer> = std::iter::once(rust)
        .chain(programs.iter().map(|(_, program)| program.as_str()))
        .map(|program| Peer::start(Command::new(program), &servers, &TOPIC))
        .collect();
    let mut round = || -> Vec<f64> {
        let read = |peer: &mut Peer| {
            let (cpu_ns, sum): (f64, i64) = peer.read();
            assert_eq!(sum, expected);
            cpu_ns
        };
        peers.iter_mut().map(read).collect()
    };
    // The first round of each warms the broker's page cache and all processes, and is not counted.
    round();
    let rounds: Vec<Vec<f64>> = (0..ROUNDS).map(|_| round()).collect();
    let per_row = |cpu_ns: f64| cpu_ns / TOPIC.rows as f64;
    print_figure("wrapper.rust.cpu_ns_per_row", "ns", &rounds, |round| per_row(round[0]));
    for (index, (name, _)) in (1..).zip(programs) {
        print_figure(&format!("wrapper.{name}.cpu_ns_per_row"), "ns", &rounds, |round| per_row(round[index]));
        print_figure(&format!("wrapper.{name}.cpu_ratio.rust"), "x", &rounds, |round| round[index] / round[0]);
    }
}

/// The instructions that all threads of a program take for a row. What a program takes to start and to end falls out, as it
/// reads the topic once in one run and twice in another.
fn instructions(valgrind: &str, rust: &str, programs: &[&(&str, String)], cluster: &Cluster, shape: &Shape) {
    let expected = fill(cluster, &COUNTED_TOPIC, shape);
    let servers = cluster.bootstrap_servers();
    let counts = tempfile::NamedTempFile::new().expect("there is room for a file of counts");
    let count = |program: &str, reads: usize| -> f64 {
        let mut command = Command::new(valgrind);
        // Callgrind counts the same, but follows calls, and stumbles over Go's signals. Valgrind's own scheduler lets a busy
        // thread starve the others.
        command.args(["-q", "--tool=cachegrind", "--cache-sim=no", "--fair-sched=try"]);
        command.arg(format!("--cachegrind-out-file={}", counts.path().display())).arg(program);
        let mut peer = Peer::start(command, &servers, &COUNTED_TOPIC);
        for _ in 0..reads {
            assert_eq!(peer.read().1, expected);
        }
        peer.end();
        let counted = std::fs::read_to_string(counts.path()).expect("cachegrind has written it");
        let total = counted.lines().find_map(|line| line.strip_prefix("summary: "));
        total.expect("the counts have a sum").trim().parse().expect("it is a number")
    };
    let per_row = |program: &str| (count(program, 2) - count(program, 1)) / COUNTED_TOPIC.rows as f64;
    let round = |_| (per_row(rust), programs.iter().map(|(_, program)| per_row(program)).collect());
    let rounds: Vec<(f64, Vec<f64>)> = (0..COUNTED_ROUNDS).map(round).collect();
    print_figure("wrapper.rust.instructions_per_row", "instr", &rounds, |(rust, _)| *rust);
    for (index, (name, _)) in programs.iter().enumerate() {
        let ratio = format!("wrapper.{name}.instructions_ratio.rust");
        print_figure(&ratio, "x", &rounds, |(rust, programs)| programs[index] / rust);
    }
}

/// The two numbers of a line.
fn numbers<A: std::str::FromStr, B: std::str::FromStr>(line: &str) -> (A, B) {
    let (first, second) = line.trim().split_once(' ').expect("there are two numbers in a line");
    let parse = "it is a number";
    (first.parse().ok().expect(parse), second.parse().ok().expect(parse))
}

/// Makes a topic. What the column `count` adds up to.
fn fill(cluster: &Cluster, topic: &Topic, shape: &Shape) -> i64 {
    cluster.create_topic(topic.name, PARTITIONS as i32, 1, &[]);
    // Batches are full before their time is over.
    let producer = Producer::new(cluster, topic.name, &[("compression.type", "lz4"), ("linger.ms", "100")]);
    for (row, record) in shape.records.iter().cycle().take(topic.rows).enumerate() {
        producer.send(row % PARTITIONS, None, record);
    }
    producer.flush();
    let count =
        |record: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(record).unwrap()["count"].as_i64().unwrap();
    let counts: Vec<i64> = shape.records.iter().map(count).collect();
    counts.iter().cycle().take(topic.rows).sum()
}

/// What the programs in other languages do: reads once for each line of the input, and prints the nanoseconds of CPU time
/// that it took, and the sum.
fn read_in_turn(servers: &str, topic: &str, rows: i64) {
    let library = Library::beside_this_program();
    let shape = shapes::int64x20();
    for line in std::io::stdin().lines() {
        line.expect("lines are told to this program");
        let mut sum = 0;
        let cost = measure(|| sum = read(&library, servers, topic, rows, &shape));
        println!("{} {sum}", cost.cpu.as_nanos());
    }
}

/// Reads all rows through the library, and adds up the column `count`.
fn read(library: &Library, servers: &str, topic: &str, wanted: i64, shape: &Shape) -> i64 {
    let consumer = library.open(servers, topic, &shape.columns);
    let (mut rows, mut sum) = (0, 0);
    while rows < wanted {
        let (came, snapshot) = consumer.poll(10_000);
        assert!(came > 0, "{rows} rows of {wanted} have come");
        rows += came;
        for batch in snapshot.batches() {
            sum += batch["count"].as_primitive::<Int64Type>().values().iter().sum::<i64>();
        }
    }
    sum
}

/// A program, which reads the topic when it is told to.
struct Peer {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it by a command that its arguments are added to.
    fn start(mut command: Command, servers: &str, topic: &Topic) -> Peer {
        let mut process = command
            .args(["read", servers, topic.name, &topic.rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it is built");
        let output = BufReader::new(process.stdout.take().expect("it is piped"));
        Peer { process, output }
    }

    /// Nanoseconds of CPU time, and the sum.
    fn read(&mut self) -> (f64, i64) {
        writeln!(self.process.stdin.as_ref().expect("it is piped")).expect("it runs");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it runs");
        numbers(&line)
    }

    /// Ends its input, and waits until it has ended too.
    fn end(mut self) {
        assert!(self.process.wait().expect("it is a child").success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Whatever it does: nothing of it is needed any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
