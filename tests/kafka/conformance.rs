//! The conformance cases against Apache Kafka, each with a topic of its own.

#[path = "../support/conformance/mod.rs"]
#[allow(dead_code, unused_imports)] // the tests over records in memory use the rest
mod cases;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cases::{Case, Place, run};
use karrow::error::Result;
use karrow::ingest::{Consumer, Timeout};
use karrow::mock::records::JsonRecord;
use karrow::options::Options;

use crate::HANG;
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
        let mut by_partition: BTreeMap<i32, Vec<Record<'_>>> = BTreeMap::new();
        for record in records {
            by_partition.entry(record.partition).or_default().push(borrowed(record));
        }
        for (partition, records) in by_partition {
            self.cluster.produce(&self.name, partition, records);
        }
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
