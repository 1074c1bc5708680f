//! What is said, and what goes on by itself, when brokers, topics or rights are not there: before reading and while.

use std::process::Command;
use std::time::Instant;

use karrow::error::{Error, Status};
use karrow::ingest::{Consumer, Cycle, Timeout};
use karrow::log::{Level, Log};
use karrow::options::Options;
use karrow::table::PartitionState;
use karrow::table::retention::TableType;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;

use crate::support::broker::{Cluster, free_port, shared_cluster};
use crate::support::secured::{Listener, secured_cluster};
use crate::{HANG, check_rows, open, options, poll_until, produce};

/// Much longer than closing takes, whatever the brokers do.
const CLOSING: Timeout = Timeout::Millis(20_000);

/// Options that log everything, and the log.
fn with_log(mut options: Options, level: Level) -> (Options, Log) {
    let log = Log::new(level, 100_000).unwrap();
    options.set_log(Some(log.clone()));
    (options, log)
}

/// All that a log holds, one line an entry.
pub fn drain(log: &Log) -> String {
    let past = Some(Instant::now());
    let entries = std::iter::from_fn(|| log.take(past));
    entries.map(|entry| format!("{:?} {} {}\n", entry.level, entry.source, entry.text)).collect()
}

fn dead_broker() -> (Options, u16) {
    let port = free_port();
    let mut options = Options::new("nobody-serves-this").unwrap();
    options.set("bootstrap.servers", Some(&format!("127.0.0.1:{port}"))).unwrap();
    options.set("karrow.value.column.type", Some("utf8")).unwrap();
    options.set("karrow.key.column.type", Some("utf8")).unwrap();
    (options, port)
}

fn rows(cycle: &Cycle, partition: i32) -> i64 {
    cycle.snapshot.partition(partition).unwrap().rows().end_row()
}

/// Why a partition does not read, if it says so.
fn trouble(cycle: &Cycle, partition: i32) -> Option<Error> {
    match cycle.snapshot.partition(partition).unwrap().state() {
        PartitionState::Waiting(error) | PartitionState::Failed(error) => Some(error.clone()),
        _ => None,
    }
}

fn is_waiting(cycle: &Cycle, partition: i32, code: Code) -> bool {
    let state = cycle.snapshot.partition(partition).unwrap().state().clone();
    matches!(state, PartitionState::Waiting(error) if error.kafka_code() == code as i32)
}

fn is_reading(cycle: &Cycle, partition: i32) -> bool {
    *cycle.snapshot.partition(partition).unwrap().state() == PartitionState::Reading
}

#[test]
fn a_dead_broker_is_a_time_out_that_names_the_cause() {
    let (options, port) = dead_broker();
    let (mut options, log) = with_log(options, Level::Debug);
    options.set("debug", Some("all")).unwrap();
    let consumer = Consumer::new(&options).unwrap();
    let error = consumer.open(Timeout::Millis(1500)).unwrap_err();
    assert_eq!((error.status(), error.is_retriable()), (Status::Timeout, true));
    let expected = format!("Kafka could not be reached within 1500 ms: 127.0.0.1:{port}: Connect to ");
    assert!(error.message().starts_with(&expected), "{error}");
    assert!(error.message().ends_with("failed: Connection refused"), "{error}");
    consumer.close(CLOSING).unwrap();
    let said = drain(&log);
    assert!(said.contains("Debug librdkafka/CONNECT "), "{said}");
    assert!(said.contains("Error librdkafka/FAIL ") && said.contains("Connection refused"), "{said}");
}

#[test]
fn waiting_for_a_dead_broker_ends_by_wakeup_and_by_close() {
    let (options, _) = dead_broker();
    let consumer = Consumer::new(&options).unwrap();
    let ended_by = |end: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| consumer.open(Timeout::Never));
            end();
            opening.join().unwrap().unwrap_err().status()
        })
    };
    assert_eq!(ended_by(&|| consumer.wakeup()), Status::Interrupted);
    assert_eq!(ended_by(&|| consumer.close(CLOSING).unwrap()), Status::Closed);
}

#[test]
fn nothing_is_written_to_the_terminal() {
    let this = "trouble::a_dead_broker_is_a_time_out_that_names_the_cause";
    let test = Command::new(std::env::current_exe().unwrap()).args(["--exact", this, "--nocapture"]).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&test.stdout), String::from_utf8_lossy(&test.stderr));
    assert!(test.status.success() && out.contains("test result: ok. 1 passed;"), "{out}{err}");
    assert_eq!(err, "");
    let expected = format!("\nrunning 1 test\ntest {this} ... ok\n\ntest result: ");
    assert!(out.starts_with(&expected), "the library has said something:\n{out}");
}

#[test]
fn a_topic_without_rights_is_an_error_at_open_and_a_state_while_reading() {
    let (secured, topic) = (secured_cluster(), "no-rights");
    let cluster = &secured.cluster;
    cluster.create_topic(topic, 2, 1, &[]);
    produce(cluster, topic, 0, 0, 100);
    produce(cluster, topic, 1, 0, 100);
    let mut options = options(cluster, topic);
    // Who administers, through PLAINTEXT, keeps all rights.
    secured.log_in(&mut options, Listener::SaslPlaintext, "SCRAM-SHA-256");
    options.set_table_type(TableType::Append).unwrap();
    let refused = Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;

    cluster.deny_topic(topic);
    let consumer = Consumer::new(&options).unwrap();
    let error = consumer.open(Timeout::Millis(60_000)).unwrap_err();
    assert_eq!((error.status(), error.kafka_code()), (Status::Kafka, refused as i32));
    assert_eq!(
        error.message(),
        "topic: the user may not read topic 'no-rights' (Broker: Topic authorization failed); allow Describe and Read on it"
    );
    assert_eq!(
        (error.detail("argument"), error.detail("topic"), error.is_retriable()),
        (Some("topic"), Some(topic), false)
    );
    consumer.close(CLOSING).unwrap();

    // It may be seen, but not read.
    cluster.allow_topic(topic);
    cluster.deny_reading(topic);
    let consumer = open(&options);
    poll_until(&consumer, |cycle| (0..2).all(|partition| is_waiting(cycle, partition, refused)));
    let snapshot = consumer.snapshot().unwrap();
    let PartitionState::Waiting(error) = snapshot.partition(1).unwrap().state() else { panic!("it does not wait") };
    assert!(error.message().starts_with("no-rights[1]: "), "{error}");
    assert!(error.message().contains("Topic authorization failed"), "{error}");
    assert_eq!(snapshot.partition(0).unwrap().rows().end_row(), 0);
    cluster.allow_topic(topic);
    poll_until(&consumer, |cycle| {
        (0..2).all(|partition| rows(cycle, partition) == 100 && is_reading(cycle, partition))
    });

    // The rights go and come back while it reads. One partition has nothing new by then.
    cluster.deny_reading(topic);
    poll_until(&consumer, |cycle| (0..2).all(|partition| is_waiting(cycle, partition, refused)));
    produce(cluster, topic, 0, 100, 150);
    cluster.allow_topic(topic);
    poll_until(&consumer, |cycle| rows(cycle, 0) == 150 && is_reading(cycle, 0));
    produce(cluster, topic, 1, 100, 101);
    poll_until(&consumer, |cycle| rows(cycle, 1) == 101 && is_reading(cycle, 1));
    for (partition, end) in [(0, 150), (1, 101)] {
        let batches = consumer.snapshot().unwrap().stream(partition, 0, None).unwrap();
        assert_eq!(batches.fold(0, |next, batch| check_rows(&batch, partition, next)), end);
    }

    cluster.deny_reading(topic);
    poll_until(&consumer, |cycle| is_waiting(cycle, 0, refused));
    consumer.close(CLOSING).unwrap();
}

#[test]
fn a_broker_that_goes_away_is_a_state_until_it_is_back() {
    let cluster = &Cluster::start(1);
    let topic = "comes-back";
    cluster.create_topic(topic, 2, 1, &[]);
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    let (options, log) = with_log(options, Level::Info);
    let consumer = open(&options);
    produce(cluster, topic, 0, 0, 500);
    produce(cluster, topic, 1, 0, 500);
    let both = |cycle: &Cycle, test: &dyn Fn(i32) -> bool| {
        assert_eq!(cycle.failed, 0);
        (0..2).all(test)
    };
    poll_until(&consumer, |cycle| both(cycle, &|partition| rows(cycle, partition) == 500));

    let down = Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    cluster.kill_broker(1);
    poll_until(&consumer, |cycle| both(cycle, &|partition| is_waiting(cycle, partition, down)));
    let error = consumer.snapshot().unwrap().partition(0).unwrap().state().clone();
    let PartitionState::Waiting(error) = error else { panic!("it does not wait") };
    assert!(error.message().starts_with("no broker can be used for now: "), "{error}");
    assert!(error.message().contains(&cluster.bootstrap_servers()), "{error}");
    assert_eq!((error.status(), error.is_retriable()), (Status::Kafka, true));

    cluster.start_broker(1);
    // Neither has anything new, but both are being read again.
    poll_until(&consumer, |cycle| both(cycle, &|partition| is_reading(cycle, partition)));
    produce(cluster, topic, 0, 500, 800);
    poll_until(&consumer, |cycle| both(cycle, &|partition| rows(cycle, partition) == [800, 500][partition as usize]));
    for (partition, end) in [(0, 800), (1, 500)] {
        let batches = consumer.snapshot().unwrap().stream(partition, 0, None).unwrap();
        assert_eq!(batches.fold(0, |next, batch| check_rows(&batch, partition, next)), end);
    }

    cluster.stop_broker(1);
    poll_until(&consumer, |cycle| both(cycle, &|partition| is_waiting(cycle, partition, down)));
    consumer.close(CLOSING).unwrap();
    let said = drain(&log);
    assert!(said.contains("Warning karrow no broker can be used for now: "), "{said}");
    assert!(said.contains(" librdkafka/FAIL "), "{said}");
}

#[test]
fn a_deleted_topic_is_a_state_and_closing_ends() {
    let (cluster, topic) = (shared_cluster(), "deleted");
    cluster.create_topic(topic, 2, 1, &[]);
    produce(cluster, topic, 0, 0, 100);
    let mut options = options(cluster, topic);
    options.set_table_type(TableType::Append).unwrap();
    // librdkafka gives a topic time to become known to all brokers.
    options.set("topic.metadata.propagation.max.ms", Some("1000")).unwrap();
    let consumer = open(&options);
    poll_until(&consumer, |cycle| rows(cycle, 0) == 100);
    cluster.delete_topic(topic);
    let end = Instant::now() + HANG;
    let mut troubles = [None, None];
    // A poll may say that nothing can come any more.
    while let Ok(cycle) = consumer.poll(Timeout::Millis(500)) {
        troubles = [trouble(&cycle, 0), trouble(&cycle, 1)];
        if troubles.iter().all(Option::is_some) {
            break;
        }
        assert!(Instant::now() < end, "nobody says that the topic is gone: {:?}", crate::progress(&cycle.snapshot));
    }
    for error in troubles.into_iter().flatten() {
        assert!(error.message().contains(topic), "{error}");
        assert_eq!(error.status(), Status::Kafka, "{error}");
    }
    // What has been read stays.
    let batches = consumer.snapshot().unwrap().stream(0, 0, None).unwrap();
    assert_eq!(batches.fold(0, |next, batch| check_rows(&batch, 0, next)), 100);
    consumer.close(CLOSING).unwrap();
}

#[test]
fn a_program_shows_nothing_on_its_terminal_but_what_it_writes_itself() {
    let folder = std::env::var_os("KARROW_EXAMPLES_DIR").expect("KARROW_EXAMPLES_DIR names the folder of the examples");
    let secured = secured_cluster();
    let server = secured.address(Listener::SaslSsl);
    let authority = format!("ssl.ca.location={}", secured.certificates.path("ca.pem"));
    let properties = [
        "debug=all",
        "security.protocol=sasl_ssl",
        &authority,
        "sasl.mechanism=SCRAM-SHA-256",
        "sasl.username=alice",
        "sasl.password=open-sesame-77",
    ];
    let mut orders = Command::new(std::path::Path::new(&folder).join("orders"));
    orders.args(["--bootstrap-servers", &server, "--topic", "nobody-gets-here"]);
    let output = orders.args(properties.iter().flat_map(|property| ["-X", property])).output().expect("it is built");
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!("orders: connecting to Kafka failed: sasl_ssl://{server}: SASL authentication error: ");
    assert!(said.starts_with(&expected) && said.contains("check sasl.username"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}
