//! The conformance cases against Apache Kafka, each with a topic of its own; and those that need it once more, through each
//! wrapper's own runner of cases.

#[path = "../support/conformance/mod.rs"]
#[allow(dead_code, unused_imports)] // the tests over records in memory use the rest
mod cases;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cases::{Case, Needs, Place, run};
use karrow::error::Result;
use karrow::ingest::{Consumer, Timeout};
use karrow::mock::records::{self, JsonRecord};
use karrow::options::Options;
use serde_json::Value;

use crate::HANG;
use crate::programs::{program, succeed};
use crate::support::broker::{Cluster, Record, shared_cluster};

/// The broker's machine has other things to do as well.
const THREADS: usize = 4;

struct Topic<'a> {
    cluster: &'a Cluster,
    name: String,
}

impl Topic<'_> {
    fn of<'a>(case: &Case, cluster: &'a Cluster) -> Topic<'a> {
        let name = format!("conformance-{}", case.name);
        let config: Vec<_> = case.topic_config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if case.partitions > 0 {
            cluster.create_topic(&name, case.partitions, 1, &config);
        }
        Topic { cluster, name }
    }
}

impl Place for Topic<'_> {
    fn topic(&self) -> &str {
        &self.name
    }

    fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    fn produce(&mut self, records: &[JsonRecord]) {
        produce(self.cluster, &self.name, records);
    }

    fn open(&mut self, options: &Options, _: &[i32]) -> Result<Consumer> {
        let consumer = Consumer::new(options)?;
        consumer.open(Timeout::Millis(60_000))?;
        Ok(consumer)
    }

    fn patience(&self) -> Duration {
        HANG
    }
}

fn produce(cluster: &Cluster, topic: &str, records: &[JsonRecord]) {
    let mut by_partition: BTreeMap<i32, Vec<Record<'_>>> = BTreeMap::new();
    for record in records {
        by_partition.entry(record.partition).or_default().push(borrowed(record));
    }
    for (partition, records) in by_partition {
        cluster.produce(topic, partition, records);
    }
}

fn borrowed(record: &JsonRecord) -> Record<'_> {
    let bytes = |bytes: &Option<Vec<u8>>| bytes.clone().map(Cow::Owned);
    Record {
        key: bytes(&record.key),
        value: bytes(&record.value),
        timestamp_ms: record.timestamp_ms,
        headers: record.headers.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), bytes(value))).collect(),
    }
}

#[test]
fn cases_against_kafka() {
    let (cluster, cases) = (shared_cluster(), cases::cases());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failures = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = run(case, &mut Topic::of(case, cluster));
            failures.extend(outcome.err().map(|reason| format!("{}: {reason}", case.name)));
        }
        failures
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a case has panicked")).collect()
    });
    assert!(failures.is_empty(), "{} of {} cases failed\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Does what a runner asks for (tests/conformance/README.md), and tells of a topic that it has created.
fn serve(cluster: &Cluster, mut runner: TcpStream, created: &mpsc::Sender<String>) {
    let mut question = String::new();
    BufReader::new(&runner).read_line(&mut question).expect("a question is a line");
    let question: Value = serde_json::from_str(&question).expect("a question is JSON");
    let topic = question["topic"].as_str().expect("a question names a topic");
    match question.get("records") {
        Some(records) => {
            produce(cluster, topic, &records::parse(&records.to_string()).expect("records are as cases have them"));
        }
        None => {
            let config = question["config"].as_object();
            let config = config.into_iter().flatten().map(|(key, value)| (&**key, value.as_str().expect("a text")));
            let partitions = question["partitions"].as_i64().and_then(|count| count.try_into().ok());
            let config: Vec<(&str, &str)> = config.collect();
            cluster.create_topic(topic, partitions.expect("a number of partitions"), 1, &config);
            created.send(topic.to_owned()).expect("the test goes on as long as its programs run");
        }
    }
    runner.write_all(b"done\n").expect("the runner waits for the answer");
}

#[test]
fn cases_that_need_kafka_through_cpp_go_and_java() {
    let cluster = shared_cluster();
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let (created, topics) = mpsc::channel();
    // It ends with the process.
    thread::spawn(move || {
        for runner in listener.incoming() {
            let created = created.clone();
            thread::spawn(move || serve(cluster, runner.expect("somebody connects"), &created));
        }
    });

    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cpp = program("KARROW_CPP_TESTS_DIR", "bindings/cpp/tests", "karrow_cpp_tests_asan");
    // Leaks are looked for where the other cases run.
    cpp.arg("--gtest_filter=*Conformance*").env("ASAN_OPTIONS", "detect_leaks=0");
    let mut go = program("KARROW_GO_PROGRAMS_DIR", "bindings/go", "tests");
    go.args(["-test.run", "^TestConformance$"]).current_dir(sources.join("bindings/go/internal/tests"));
    let mut java = program("KARROW_JAVA_PROGRAMS_DIR", "bindings/java", "conformance");
    java.arg(sources.join("tests/conformance/cases"));
    for (language, runner) in [("cpp", &mut cpp), ("go", &mut go), ("java", &mut java)] {
        let servers = cluster.bootstrap_servers();
        succeed(runner.env("KARROW_CONFORMANCE_BROKER", &address).env("KARROW_CONFORMANCE_SERVERS", servers));
        let asked_for: BTreeSet<String> = topics.try_iter().collect();
        let cases = cases::cases();
        let needing = cases.iter().filter(|case| case.needs == Needs::Broker);
        assert_eq!(asked_for, needing.map(|case| format!("{language}-{}", case.name)).collect());
    }
}
