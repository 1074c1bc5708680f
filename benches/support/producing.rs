//! Writing to a topic as fast as benchmarks need it: without a report on each record, so that whoever reads has to see
//! that all are there.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::brokers::broker::Cluster;

/// How long the broker may take for what has been sent to it.
const DEADLINE: Duration = Duration::from_secs(90);

/// Writes to one topic.
pub struct Producer<'a> {
    inner: BaseProducer,
    topic: &'a str,
}

impl<'a> Producer<'a> {
    /// A producer with librdkafka's defaults but for these properties.
    pub fn new(cluster: &Cluster, topic: &'a str, properties: &[(&str, &str)]) -> Producer<'a> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("delivery.report.only.error", "true");
        for (key, value) in properties {
            config.set(*key, *value);
        }
        Producer { inner: config.create().unwrap(), topic }
    }

    /// Hands a record to librdkafka, which copies it. Waits while its queue is full.
    pub fn send(&self, partition: usize, key: Option<&[u8]>, value: &[u8]) {
        let mut record = BaseRecord::<[u8], [u8]>::to(self.topic).partition(partition as i32).payload(value);
        record.key = key;
        while let Err((error, unsent)) = self.inner.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            self.inner.poll(Duration::from_millis(1));
            record = unsent;
        }
    }

    /// Returns when the broker has all records.
    pub fn flush(&self) {
        self.inner.flush(DEADLINE).unwrap();
    }
}
