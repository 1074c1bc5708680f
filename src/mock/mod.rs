//! The embedded cluster: real Kafka protocol on loopback, in this process, for demos and for users' own tests.
//!
//! It is librdkafka's mock, which keeps at most 5 MiB a partition, has no transactions to speak of, and answers no
//! questions about times. What karrow promises about Kafka is proved against Apache Kafka, not against this.

pub mod records;

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
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ProducerContext, ThreadedProducer};

use crate::error::{Error, Result, Status};
use records::JsonRecord;

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

/// As a timestamp: Kafka's own way to say that a record has none.
/// cbindgen:ignore
pub const NO_TIMESTAMP: i64 = -1;

/// One record to produce.
#[derive(Debug, Clone, Copy, Default)]
pub struct Produce<'a> {
    /// The key; `None`: Kafka's null.
    pub key: Option<&'a [u8]>,
    /// The value; `None`: Kafka's null.
    pub value: Option<&'a [u8]>,
    /// Milliseconds since 1970-01-01 UTC, or [`NO_TIMESTAMP`]; `None`: now.
    pub timestamp_ms: Option<i64>,
    /// Headers, in order.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// What becomes of records that are produced together.
struct Delivery {
    reports: Mutex<Reports>,
    came: Condvar,
}

struct Reports {
    /// How many records nothing is known of yet.
    outstanding: usize,
    /// The offset of the last record that is in the log.
    offset: i64,
    /// Why the first record that is not in the log is not.
    failure: Option<(i32, KafkaError)>,
}

struct Silent;

impl ClientContext for Silent {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Silent {
    type DeliveryOpaque = Arc<Delivery>;

    fn delivery(&self, result: &DeliveryResult<'_>, delivery: Arc<Delivery>) {
        let mut reports = delivery.reports.lock();
        match result {
            Ok(message) => reports.offset = message.offset(),
            Err((error, message)) => {
                reports.failure.get_or_insert_with(|| (message.partition(), error.clone()));
            }
        }
        reports.outstanding -= 1;
        if reports.outstanding == 0 {
            delivery.came.notify_one();
        }
    }
}

impl Delivery {
    fn of(records: usize) -> Arc<Delivery> {
        let reports = Reports { outstanding: records, offset: -1, failure: None };
        Arc::new(Delivery { reports: Mutex::new(reports), came: Condvar::new() })
    }

    /// Waits until all records are in the log, and returns the offset of the last.
    fn wait(&self, topic: &str, deadline: Instant) -> Result<i64> {
        let mut reports = self.reports.lock();
        while reports.outstanding > 0 {
            if self.came.wait_until(&mut reports, deadline).timed_out() && reports.outstanding > 0 {
                let message = format!("no broker has acknowledged {} records for topic {topic}", reports.outstanding);
                return Err(Error::new(Status::Timeout, message));
            }
        }
        match reports.failure.take() {
            None => Ok(reports.offset),
            Some((partition, error)) => Err(produce_failed(topic, partition, &error)),
        }
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
            // A topic that is new to the producer is asked for at once, and soon again.
            .set("topic.metadata.refresh.fast.interval.ms", "5")
            // What is sent again stays in order.
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
        self.check_partition(topic, partition)?;
        let deadline = Instant::now() + PRODUCE_TIMEOUT;
        let delivery = Delivery::of(1);
        let mut request = BaseRecord::with_opaque_to(topic, Arc::clone(&delivery)).partition(partition);
        request.key = record.key;
        request.payload = record.value;
        request.timestamp = record.timestamp_ms;
        request.headers = headers(record.headers.iter().copied());
        self.send(request, deadline)?;
        delivery.wait(topic, deadline)
    }

    /// Produces the records of a JSON array, which [`records::parse`] describes, and waits until all are in the log.
    /// Those of one partition keep their order, unless requests to produce are made to fail meanwhile.
    ///
    /// Nothing is produced unless all records are well formed and their partitions exist. When the cluster refuses one,
    /// or has not acknowledged all after a minute, any of the others may be in the log.
    pub fn produce_records(&self, topic: &str, json: &str) -> Result<()> {
        let records = records::parse(json)?;
        records.iter().try_for_each(|record| self.check_partition(topic, record.partition))?;
        let deadline = Instant::now() + PRODUCE_TIMEOUT;
        let delivery = Delivery::of(records.len());
        for JsonRecord { partition, key, value, timestamp_ms, headers: pairs } in &records {
            let mut request = BaseRecord::with_opaque_to(topic, Arc::clone(&delivery)).partition(*partition);
            request.key = key.as_deref();
            request.payload = value.as_deref();
            request.timestamp = *timestamp_ms;
            request.headers = headers(pairs.iter().map(|(key, value)| (key.as_str(), value.as_deref())));
            self.send(request, deadline)?;
        }
        delivery.wait(topic, deadline).map(drop)
    }

    /// Hands a record to the producer, as soon as that has room.
    fn send(&self, mut request: BaseRecord<'_, [u8], [u8], Arc<Delivery>>, deadline: Instant) -> Result<()> {
        loop {
            request = match self.producer.send(request) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => returned,
                Err((error, returned)) => {
                    return Err(produce_failed(returned.topic, returned.partition.unwrap_or_default(), &error));
                }
            };
            let flushed = self.producer.flush(deadline.saturating_duration_since(Instant::now()));
            flushed.map_err(|error| failed("waiting for room to produce", &error))?;
        }
    }

    /// Asked here, because the cluster would create the topic, and librdkafka choose a partition.
    fn check_partition(&self, topic: &str, partition: i32) -> Result<()> {
        if self.topics.lock().get(topic).is_some_and(|partitions| (0..*partitions).contains(&partition)) {
            return Ok(());
        }
        let message = format!("there is no {topic}[{partition}] on this cluster; create the topic first");
        Err(Error::new(Status::NotFound, message))
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

fn headers<'a>(pairs: impl ExactSizeIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Option<OwnedHeaders> {
    if pairs.len() == 0 {
        return None;
    }
    let headers = OwnedHeaders::new_with_capacity(pairs.len());
    Some(pairs.fold(headers, |headers, (key, value)| headers.insert(Header { key, value })))
}

fn failed(what: &str, error: &KafkaError) -> Error {
    let code = error.rdkafka_error_code().map_or(0, |code| code as i32);
    Error::new(Status::Kafka, format!("{what}: {error}")).with_kafka_code(code)
}

fn produce_failed(topic: &str, partition: i32, error: &KafkaError) -> Error {
    failed(&format!("producing to {topic}[{partition}]"), error)
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::message::{Headers, OwnedMessage};
    use rdkafka::{Offset, Timestamp, TopicPartitionList};

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

    /// Everything a topic's partition holds, read by an ordinary consumer.
    fn log_of(cluster: &EmbeddedCluster, topic: &str, partition: i32) -> Vec<OwnedMessage> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("group.id", "test")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "10")
            .set("fetch.queue.backoff.ms", "10")
            .create()
            .unwrap();
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        consumer.assign(&assignment).unwrap();
        let mut messages = Vec::new();
        let deadline = Instant::now() + PRODUCE_TIMEOUT;
        while Instant::now() < deadline {
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => messages.push(message.detach()),
                Some(Err(KafkaError::PartitionEOF(_))) => return messages,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        panic!("the end of {topic}[{partition}] has not come");
    }

    #[test]
    fn records_of_a_json_array_are_in_the_log_as_they_stand_there() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 2).unwrap();
        let json = r#"[
            {"partition": 1, "key": "k", "value": {"base64": "AP8="}, "timestamp_ms": 7,
             "headers": [["a", "1"], ["a", null], ["b", ""]]},
            {"partition": 1, "key": "", "timestamp_ms": -1},
            "only a value",
            null
        ]"#;
        cluster.produce_records("t", json).unwrap();
        cluster.produce_records("t", "[]").unwrap();
        let log = log_of(&cluster, "t", 1);
        let first = &log[0];
        assert_eq!((first.key(), first.payload()), (Some(&b"k"[..]), Some(&[0, 255][..])));
        assert_eq!(first.timestamp(), Timestamp::CreateTime(7));
        let headers: Vec<_> = first.headers().unwrap().iter().map(|header| (header.key, header.value)).collect();
        assert_eq!(headers, [("a", Some(&b"1"[..])), ("a", None), ("b", Some(b""))]);
        let second = &log[1];
        assert_eq!((second.key(), second.payload()), (Some(&b""[..]), None));
        assert_eq!(second.timestamp(), Timestamp::NotAvailable);
        assert!(second.headers().is_none());
        let log = log_of(&cluster, "t", 0);
        let values: Vec<_> = log.iter().map(|message| (message.key(), message.payload())).collect();
        assert_eq!(values, [(None, Some(&b"only a value"[..])), (None, None)]);
        assert!(log[0].timestamp().to_millis().unwrap() > 1_600_000_000_000);
    }

    #[test]
    fn many_records_keep_their_order_in_each_partition() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 2).unwrap();
        let records: Vec<_> =
            (0..10_000).map(|number| format!(r#"{{"partition":{},"value":"{number}"}}"#, number % 2)).collect();
        cluster.produce_records("t", &format!("[{}]", records.join(","))).unwrap();
        for partition in 0..2 {
            let log = log_of(&cluster, "t", partition);
            let expected = (0..5_000).map(|index| (index * 2 + partition).to_string().into_bytes());
            assert!(log.iter().map(|message| message.payload().unwrap().to_vec()).eq(expected));
        }
    }

    #[test]
    fn records_wait_for_room_in_the_producers_queue() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 1).unwrap();
        // The queue holds 100,000.
        let count = 150_000;
        cluster.produce_records("t", &format!("[{}]", vec!["\"\""; count].join(","))).unwrap();
        assert_eq!(cluster.produce("t", 0, &Produce::default()).unwrap(), i64::try_from(count).unwrap());
    }

    #[test]
    fn nothing_is_produced_unless_all_records_can_be() {
        let cluster = EmbeddedCluster::new(1).unwrap();
        cluster.create_topic("t", 1).unwrap();
        let error = cluster.produce_records("t", r#"["", {"partition": 1}]"#).unwrap_err();
        assert_eq!(error.status(), Status::NotFound);
        assert_eq!(error.message(), "there is no t[1] on this cluster; create the topic first");
        assert_eq!(cluster.produce_records("u", "[null]").unwrap_err().status(), Status::NotFound);
        let error = cluster.produce_records("t", r#"["", 1]"#).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
        assert_eq!(error.message(), "records: [1]: expected a record, found number");
        assert_eq!(cluster.produce("t", 0, &Produce::default()).unwrap(), 0);
        // One that no broker takes, because it is larger than any may be.
        let huge = format!(r#"["", "{}"]"#, "x".repeat(2_000_000));
        let error = cluster.produce_records("t", &huge).unwrap_err();
        assert_eq!(error.status(), Status::Kafka);
        assert!(error.message().starts_with("producing to t[0]: "), "{error}");
    }
}
