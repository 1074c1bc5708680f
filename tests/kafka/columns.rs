//! What a record's common columns and simple columns say (rules K6, K8, K10, S1 to S4).

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch};
use karrow::format::Side;
use karrow::options::{Options, Start};
use karrow::table::retention::TableType;

use crate::support::broker::{Cluster, Record, shared_cluster};
use crate::{open, poll_until, simple};

fn options(cluster: &Cluster, topic: &str, pairs: &[(&str, &str)]) -> Options {
    let mut options = Options::new(topic).unwrap();
    options.set("bootstrap.servers", Some(&cluster.bootstrap_servers())).unwrap();
    for (key, value) in pairs {
        options.set(key, Some(value)).unwrap();
    }
    options.set_start(None, Start::Beginning).unwrap();
    options.set_table_type(TableType::Append).unwrap();
    options
}

fn read(options: &Options, rows: i64) -> RecordBatch {
    let consumer = open(options);
    poll_until(&consumer, |cycle| {
        assert_eq!(cycle.failed, 0, "{:?}", cycle.snapshot.partitions()[0].failure());
        cycle.snapshot.partitions()[0].rows().end_row() == rows
    });
    consumer.snapshot().unwrap().whole(0).unwrap()
}

fn bytes(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    Some(Cow::Borrowed(bytes))
}

#[test]
fn every_common_column_and_headers_with_duplicates_and_nulls() {
    let (cluster, topic) = (shared_cluster(), "common-columns");
    cluster.create_topic(topic, 1, 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]);
    let name = Cow::Borrowed;
    let records = [
        Record {
            key: bytes(b"key"),
            value: bytes(b"value"),
            timestamp_ms: Some(1_234_567_890_123),
            headers: vec![
                (name("a"), bytes(b"1")),
                (name("b"), None),
                (name("a"), bytes(b"")),
                (name("ü"), bytes(&[255])),
            ],
        },
        Record { key: None, value: None, timestamp_ms: Some(1), headers: vec![] },
        Record {
            key: bytes(b""),
            value: bytes(b""),
            timestamp_ms: Some(9_223_372_036_854),
            headers: vec![(name(""), None)],
        },
    ];
    cluster.produce(topic, 0, records);
    let mut options = options(
        cluster,
        topic,
        &[
            ("karrow.receivetime.column.name", "Received"),
            ("karrow.keybytes.column.name", "KeyBytes"),
            ("karrow.valuebytes.column.name", "ValueBytes"),
            ("karrow.headers.column.name", "Headers"),
            ("karrow.timestamptype.column.name", "TimestampType"),
            ("karrow.leaderepoch.column.name", "LeaderEpoch"),
        ],
    );
    options.set_spec(Side::Key, simple("Key", "utf8"));
    options.set_spec(Side::Value, simple("Value", "binary"));
    let batch = read(&options, 3);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    let times: Vec<_> = column("KafkaTimestamp").as_primitive::<TimestampNanosecondType>().iter().collect();
    assert_eq!(times, [Some(1_234_567_890_123_000_000), Some(1_000_000), Some(9_223_372_036_854_000_000)]);
    let received = column("Received").as_primitive::<TimestampNanosecondType>();
    assert!(received.null_count() == 0 && received.values().iter().all(|time| *time > 1_600_000_000_000_000_000));
    let ints = |name: &str| column(name).as_primitive::<Int32Type>().iter().collect::<Vec<_>>();
    assert_eq!(ints("KeyBytes"), [Some(3), None, Some(0)]);
    assert_eq!(ints("ValueBytes"), [Some(5), None, Some(0)]);
    assert_eq!(ints("LeaderEpoch"), [Some(0); 3]);
    let kinds: Vec<_> = column("TimestampType").as_string::<i32>().iter().collect();
    assert_eq!(kinds, [Some("CreateTime"); 3]);
    let keys: Vec<_> = column("Key").as_string::<i32>().iter().collect();
    assert_eq!(keys, [Some("key"), None, Some("")]);
    let values: Vec<_> = column("Value").as_binary::<i32>().iter().collect();
    assert_eq!(values, [Some(&b"value"[..]), None, Some(b"")]);
    let headers = column("Headers").as_list::<i32>();
    let of = |row: usize| {
        let list = headers.value(row);
        let pairs = list.as_struct();
        let (names, values) = (pairs.column(0).as_string::<i32>().clone(), pairs.column(1).as_binary::<i32>().clone());
        let value = |i: usize| values.is_valid(i).then(|| values.value(i).to_vec());
        (0..pairs.len()).map(|i| (names.value(i).to_owned(), value(i))).collect::<Vec<_>>()
    };
    let pair = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let first = [pair("a", Some(b"1")), pair("b", None), pair("a", Some(b"")), pair("ü", Some(&[255]))];
    assert_eq!((of(0), of(1), of(2)), (first.to_vec(), vec![], vec![pair("", None)]));
}

#[test]
fn log_append_time_is_told_apart() {
    let (cluster, topic) = (shared_cluster(), "log-append-time");
    cluster.create_topic(topic, 1, 1, &[("message.timestamp.type", "LogAppendTime")]);
    cluster.produce(topic, 0, [Record { value: bytes(b"x"), timestamp_ms: Some(5), ..Record::default() }]);
    let pairs = [("karrow.timestamptype.column.name", "Kind"), ("karrow.value.column.type", "utf8")];
    let mut options = options(cluster, topic, &pairs);
    options.set_spec(Side::Key, karrow::format::Spec::Ignore);
    let batch = read(&options, 1);
    assert_eq!(batch.column_by_name("Kind").unwrap().as_string::<i32>().value(0), "LogAppendTime");
    let time = batch.column_by_name("KafkaTimestamp").unwrap().as_primitive::<TimestampNanosecondType>().value(0);
    assert!(time > 1_600_000_000_000_000_000);
}

#[test]
fn a_timestamp_beyond_nanoseconds_fails_the_partition_unless_the_column_has_milliseconds() {
    let (cluster, topic) = (shared_cluster(), "far-future");
    cluster.create_topic(topic, 1, 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]);
    let far = 9_223_372_036_855;
    cluster.produce(topic, 0, [Record { value: bytes(b"x"), timestamp_ms: Some(far), ..Record::default() }]);
    let mut options = options(cluster, topic, &[("karrow.value.column.type", "utf8")]);
    options.set_spec(Side::Key, karrow::format::Spec::Ignore);
    let consumer = open(&options);
    poll_until(&consumer, |cycle| cycle.failed == 1);
    let snapshot = consumer.snapshot().unwrap();
    assert_eq!(
        snapshot.partition(0).unwrap().failure().unwrap().message(),
        "column KafkaTimestamp: 9223372036855 ms since 1970 is outside the range of timestamp[ns, UTC]; \
         set karrow.timestamp.column.type to timestamp[ms, UTC], at far-future[0]@0 (timestamp)"
    );
    options.set("karrow.timestamp.column.type", Some("timestamp[ms, UTC]")).unwrap();
    let batch = read(&options, 1);
    let times = batch.column_by_name("KafkaTimestamp").unwrap();
    assert_eq!(times.as_primitive::<arrow_array::types::TimestampMillisecondType>().value(0), far);
}

#[test]
fn every_simple_type_on_either_side() {
    let cluster = shared_cluster();
    let check = |type_name: &str, payload: &[u8], check: &dyn Fn(&dyn Array)| {
        let topic = format!("simple-{type_name}");
        cluster.create_topic(&topic, 1, 1, &[]);
        let both = Record { key: bytes(payload), value: bytes(payload), ..Record::default() };
        cluster.produce(&topic, 0, [both, Record::default()]);
        let keys = [
            ("deephaven.key.column.type", type_name),
            ("deephaven.key.column.name", "K"),
            ("deephaven.value.column.type", type_name),
        ];
        let batch = read(&options(cluster, &topic, &keys), 2);
        for name in ["K", "KafkaValue"] {
            let column = batch.column_by_name(name).unwrap();
            assert!(column.is_valid(0) && column.is_null(1), "{type_name}");
            check(column);
        }
    };
    check("short", &i16::MIN.to_be_bytes(), &|column| {
        assert_eq!(column.as_primitive::<Int16Type>().value(0), i16::MIN)
    });
    check("int", &i32::MIN.to_be_bytes(), &|column| assert_eq!(column.as_primitive::<Int32Type>().value(0), i32::MIN));
    check("long", &i64::MIN.to_be_bytes(), &|column| assert_eq!(column.as_primitive::<Int64Type>().value(0), i64::MIN));
    check("float", &f32::MIN.to_be_bytes(), &|column| {
        assert_eq!(column.as_primitive::<Float32Type>().value(0), f32::MIN);
    });
    check("double", &f64::MIN.to_be_bytes(), &|column| {
        assert_eq!(column.as_primitive::<Float64Type>().value(0), f64::MIN);
    });
    check("String", "grüß".as_bytes(), &|column| assert_eq!(column.as_string::<i32>().value(0), "grüß"));
    check("binary", &[0, 255], &|column| assert_eq!(column.as_binary::<i32>().value(0), [0, 255]));
    check("uuid", b"01234567-89AB-CDEF-0123-456789ABCDEF", &|column| {
        assert_eq!(column.as_string::<i32>().value(0), "01234567-89ab-cdef-0123-456789abcdef");
    });
}

#[test]
fn compressed_records_come_out_as_they_went_in() {
    let cluster = shared_cluster();
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("compressed-{codec}");
        // The broker recompresses, so that one producer will do for all codecs.
        cluster.create_topic(&topic, 1, 1, &[("compression.type", codec)]);
        crate::produce(cluster, &topic, 0, 0, 2000);
        let mut options = crate::options(cluster, &topic);
        options.set_table_type(TableType::Append).unwrap();
        assert_eq!(crate::check_rows(&read(&options, 2000), 0, 0), 2000);
    }
}
