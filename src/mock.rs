//! The embedded cluster: real Kafka protocol on loopback, in this process, for demos and for users' own tests.
//!
//! It is librdkafka's mock, which keeps at most 5 MiB a partition, has no transactions to speak of, and answers no
//! questions about times. What karrow promises about Kafka is proved against Apache Kafka, not against this.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ProducerContext, ThreadedProducer};

use crate::error::{Error, Result, Status};

/// How long a record may take to be acknowledged, unless brokers were made slow on purpose.
const PRODUCE_TIMEOUT: Duration = Duration::from_secs(60);

/// An embedded cluster. All methods may be called from any thread.
pub struct EmbeddedCluster {
    /// Dropped first, while its brokers still answer.
    producer: ThreadedProducer<Silent>,
    cluster: Mutex<Handle>,
    bootstrap_servers: String,
    brokers: i32,
    /// How many partitions each topic has.
    topics: Mutex<BTreeMap<String, i32>>,
}

struct Handle(MockCluster<'static, DefaultProducerContext>);

// SAFETY: librdkafka's mock cluster takes its own lock in every call; the pointer is not tied to a thread.
unsafe impl Send for Handle {}

/// One record to produce.
#[derive(Debug, Clone, Copy, Default)]
pub struct Produce<'a> {
    /// The key; `None`: Kafka's null.
    pub key: Option<&'a [u8]>,
    /// The value; `None`: Kafka's null.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970-01-01 UTC; `None`: now.
    pub timestamp_ms: Option<i64>,
    /// Headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// What becomes of one record: its offset, or why it is not in the log.
#[derive(Default)]
struct Delivery {
    report: Mutex<Option<std::result::Result<i64, KafkaError>>>,
    came: Condvar,
}

struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Silent {
    type DeliveryOpaque = Arc<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivered: Arc<Delivery>) {
        *delivered.report.lock() = Some(match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        });
        delivered.came.notify_one();
    }
}

impl EmbeddedCluster {
    /// Starts a cluster with this many brokers, numbered from 1.
    pub fn new(brokers: i32) -> Result<EmbeddedCluster> {
        if brokers < 1 {
            return Err(Error::argument("brokers", format!("{brokers} is too few; a cluster has at least 1 broker")));
        }
        let cluster = MockCluster::new(brokers).map_err(|error| failed("starting an embedded cluster", &error))?;
        let bootstrap_servers = cluster.bootstrap_servers();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &bootstrap_servers)
            .set("linger.ms", "0")
            .create_with_context(Silent)
            .map_err(|error| failed("starting a producer", &error))?;
        Ok(EmbeddedCluster {
            producer,
            cluster: Mutex::new(Handle(cluster)),
            bootstrap_servers,
            brokers,
            topics: Mutex::default(),
        })
    }

    /// What to set `bootstrap.servers` to.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// Creates a topic, replicated on up to three brokers.
    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<()> {
        if topic.is_empty() {
            return Err(Error::argument("topic", "the name is empty"));
        }
        if partitions < 1 {
            return Err(Error::argument("partitions", format!("{partitions} is too few; a topic has at least 1")));
        }
        let outcome = self.cluster.lock().0.create_topic(topic, partitions, self.brokers.min(3));
        outcome.map_err(|error| match error {
            KafkaError::MockCluster(RDKafkaErrorCode::TopicAlreadyExists) => {
                Error::argument("topic", format!("'{topic}' exists already"))
            }
            error => failed("creating a topic", &error),
        })?;
        self.topics.lock().insert(topic.to_owned(), partitions);
        Ok(())
    }

    /// Produces one record and waits until it is in the log. Returns its offset.
    pub fn produce(&self, topic: &str, partition: i32, record: &Produce<'_>) -> Result<i64> {
        // Asked here, because the cluster would create the topic, and librdkafka choose a partition.
        if !self.topics.lock().get(topic).is_some_and(|partitions| (0..*partitions).contains(&partition)) {
            let message = format!("there is no {topic}[{partition}] on this cluster; create the topic first");
            return Err(Error::new(Status::NotFound, message));
        }
        let delivered = Arc::<Delivery>::default();
        let mut request =
            BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Arc::clone(&delivered)).partition(partition);
        request.key = record.key;
        request.payload = record.value;
        request.timestamp = record.timestamp_ms;
        if !record.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(record.headers.len());
            request.headers = Some(
                record
                    .headers
                    .iter()
                    .fold(headers, |headers, (key, value)| headers.insert(Header { key, value: *value })),
            );
        }
        self.producer.send(request).map_err(|(error, _)| produce_failed(topic, partition, &error))?;
        let deadline = Instant::now() + PRODUCE_TIMEOUT;
        let mut report = delivered.report.lock();
        while report.is_none() {
            if delivered.came.wait_until(&mut report, deadline).timed_out() && report.is_none() {
                let message = format!("no broker has acknowledged a record for {topic}[{partition}]");
                return Err(Error::new(Status::Timeout, message));
            }
        }
        match report.take() {
            Some(Ok(offset)) => Ok(offset),
            Some(Err(error)) => Err(produce_failed(topic, partition, &error)),
            None => Err(Error::internal("a delivery report is taken only here")),
        }
    }

    /// Lets the next requests of this kind fail, one error after the other; both in Kafka's numbers.
    pub fn push_errors(&self, request: i16, errors: &[i32]) -> Result<()> {
        let mut codes = Vec::with_capacity(errors.len());
        for error in errors {
            let code = RESPONSE_ERRORS.iter().find(|code| **code as i32 == *error);
            let code = code.ok_or_else(|| {
                let known: Vec<String> = RESPONSE_ERRORS.iter().map(|code| (*code as i32).to_string()).collect();
                Error::argument("errors", format!("{error} is not one of {}", known.join(", ")))
            })?;
            codes.push(*code);
        }
        let api = match request {
            0 => rdkafka::types::RDKafkaApiKey::Produce,
            1 => rdkafka::types::RDKafkaApiKey::Fetch,
            2 => rdkafka::types::RDKafkaApiKey::ListOffsets,
            3 => rdkafka::types::RDKafkaApiKey::Metadata,
            9 => rdkafka::types::RDKafkaApiKey::OffsetFetch,
            10 => rdkafka::types::RDKafkaApiKey::FindCoordinator,
            _ => {
                let message = format!(
                    "{request} is not a request the cluster can fail: use 0 (Produce), 1 (Fetch), 2 (ListOffsets), \
                     3 (Metadata), 9 (OffsetFetch) or 10 (FindCoordinator)"
                );
                return Err(Error::argument("request", message));
            }
        };
        self.cluster.lock().0.request_errors(api, &codes);
        Ok(())
    }

    /// Lets a broker vanish, or come back.
    pub fn set_broker_up(&self, broker: i32, up: bool) -> Result<()> {
        self.check_broker(broker)?;
        let cluster = self.cluster.lock();
        let outcome = if up { cluster.0.broker_up(broker) } else { cluster.0.broker_down(broker) };
        outcome.map_err(|error| failed("changing a broker", &error))
    }

    /// Moves a partition to another leader.
    pub fn set_leader(&self, topic: &str, partition: i32, broker: i32) -> Result<()> {
        self.check_broker(broker)?;
        let outcome = self.cluster.lock().0.partition_leader(topic, partition, Some(broker));
        outcome.map_err(|error| failed(&format!("moving the leader of {topic}[{partition}]"), &error))
    }

    /// Lets a broker take this long for every answer.
    pub fn set_delay(&self, broker: i32, delay: Duration) -> Result<()> {
        self.check_broker(broker)?;
        let outcome = self.cluster.lock().0.broker_round_trip_time(broker, delay);
        outcome.map_err(|error| failed("slowing a broker down", &error))
    }

    fn check_broker(&self, broker: i32) -> Result<()> {
        if (1..=self.brokers).contains(&broker) {
            return Ok(());
        }
        Err(Error::argument("broker", format!("there is no broker {broker}; there are 1 to {}", self.brokers)))
    }
}

/// Errors that a broker may answer with, as far as a consumer has something to do about them.
const RESPONSE_ERRORS: [rdkafka::types::RDKafkaRespErr; 12] = {
    use rdkafka::types::RDKafkaRespErr::*;
    [
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
    ]
};

fn failed(what: &str, error: &KafkaError) -> Error {
    let code = error.rdkafka_error_code().map_or(0, |code| code as i32);
    Error::new(Status::Kafka, format!("{what}: {error}")).with_kafka_code(code)
}

fn produce_failed(topic: &str, partition: i32, error: &KafkaError) -> Error {
    failed(&format!("producing to {topic}[{partition}]"), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_up_and_wrong_arguments_are_named() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 2).unwrap();
        let record = Produce { value: Some(b"v"), ..Produce::default() };
        assert_eq!(cluster.produce("t", 1, &record).unwrap(), 0);
        assert_eq!(cluster.produce("t", 1, &record).unwrap(), 1);
        assert_eq!(cluster.produce("t", 0, &record).unwrap(), 0);
        assert!(cluster.create_topic("t", 1).unwrap_err().message().contains("exists already"));
        assert!(cluster.create_topic("u", 0).unwrap_err().message().starts_with("partitions: 0"));
        assert!(cluster.set_leader("t", 0, 2).unwrap_err().message().contains("no broker 2"));
        assert!(cluster.push_errors(99, &[]).unwrap_err().message().starts_with("request: 99"));
        assert!(cluster.push_errors(1, &[12345]).unwrap_err().message().starts_with("errors: 12345"));
        assert!(EmbeddedCluster::new(0).is_err());
        let error = cluster.produce("t", 7, &record).unwrap_err();
        assert_eq!(error.status(), Status::NotFound);
    }
}
