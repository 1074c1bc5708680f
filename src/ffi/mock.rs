//! `karrow_mock_cluster`: real Kafka protocol on loopback, in this process.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use super::{KarrowError, array, c_string, guard, required, text};
use crate::error::{Error, Result, Status};
use crate::mock::{EmbeddedCluster, Produce};

/// An embedded cluster, for demos and for users' own tests: real Kafka protocol on loopback, in this process. It keeps at
/// most 5 MiB a partition, and knows no times, transactions or security. Any thread may use it.
pub struct KarrowMockCluster {
    cluster: EmbeddedCluster,
    bootstrap_servers: CString,
}

/// Starts a cluster of this many brokers, numbered from 1.
///
/// Errors: `INVALID_ARGUMENT` for fewer than 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_new(
    brokers: i32,
    cluster: Option<&mut MaybeUninit<Option<Box<KarrowMockCluster>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let out = required(cluster, "cluster")?;
        let cluster = EmbeddedCluster::new(brokers)?;
        let bootstrap_servers = c_string(cluster.bootstrap_servers());
        out.write(Some(Box::new(KarrowMockCluster { cluster, bootstrap_servers })));
        Ok(())
    })
}

/// What to set `bootstrap.servers` to. Belongs to the cluster. NULL for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_bootstrap_servers(cluster: Option<&KarrowMockCluster>) -> *const c_char {
    cluster.map_or(ptr::null(), |cluster| cluster.bootstrap_servers.as_ptr())
}

/// Creates a topic, replicated on up to three brokers.
///
/// Errors: `INVALID_ARGUMENT` for a topic that exists already, or fewer than 1 partition. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_create_topic(
    cluster: Option<&KarrowMockCluster>,
    topic: *const c_char,
    partitions: i32,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        cluster.cluster.create_topic(unsafe { text(topic, "topic") }?, partitions)
    })
}

/// Produces one record, and waits until it is in the log. A length of -1 is Kafka's null; a NULL pointer with a length of
/// 0 is an empty key or value. `timestamp_ms` counts from 1970-01-01 UTC; 0 is now. `offset`, which may be NULL, gets the
/// record's offset.
///
/// Errors: `NOT_FOUND` for a partition that does not exist; `INVALID_ARGUMENT`; `KAFKA` for what the cluster refuses; `TIMEOUT` after a
/// minute. Since 0.1.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)] // a record has that many parts
pub unsafe extern "C" fn karrow_mock_cluster_produce(
    cluster: Option<&KarrowMockCluster>,
    topic: *const c_char,
    partition: i32,
    key: *const u8,
    key_length: i64,
    value: *const u8,
    value_length: i64,
    timestamp_ms: i64,
    offset: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        // SAFETY: NULL or a terminated text, NULL or as many bytes as the length says, by the contract of this module.
        let (topic, key, value) = unsafe {
            (text(topic, "topic")?, payload(key, key_length, "key")?, payload(value, value_length, "value")?)
        };
        if timestamp_ms < 0 {
            return Err(Error::argument("timestamp_ms", format!("{timestamp_ms} is negative; 0 means now")));
        }
        let record = Produce { key, value, timestamp_ms: (timestamp_ms > 0).then_some(timestamp_ms), headers: &[] };
        let produced = cluster.cluster.produce(topic, partition, &record)?;
        if let Some(offset) = offset {
            offset.write(produced);
        }
        Ok(())
    })
}

/// Produces the records of a JSON array, and waits until all are in the log. Those of one partition keep their order, unless
/// requests to produce are made to fail meanwhile. What a test produces can so be data, the same in every language.
///
/// A record is an object with any of `partition` [0], `key`, `value`, `timestamp_ms` [now] (-1: none) and `headers`, an array
/// of pairs of key and value: `{"key": "k", "value": "v", "headers": [["a", "1"]]}`. Bytes are a string, which stands for its
/// UTF-8, or `{"base64": "/w=="}`, or `{"hex": "00 ff"}`, with blanks wherever they help; null, or nothing, is Kafka's null. A
/// record that is only bytes, or null, is a value for partition 0: `["first", {"base64": "/w=="}, {"hex": "ff"}, null]`.
///
/// Nothing is produced unless all records are well formed and their partitions exist. When the cluster refuses one, or has
/// not acknowledged all after a minute, any of the others may be in the log.
///
/// Errors: `INVALID_ARGUMENT` naming the place, as in `[3].headers[0]`; `NOT_FOUND` for a partition that does not exist;
/// `KAFKA` for what the cluster refuses; `TIMEOUT` after a minute. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_produce_records(
    cluster: Option<&KarrowMockCluster>,
    topic: *const c_char,
    records: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (topic, records) = unsafe { (text(topic, "topic")?, text(records, "records")?) };
        cluster.cluster.produce_records(topic, records)
    })
}

/// Lets the next `count` requests of one kind fail, with these errors in turn. Kinds and errors are the Kafka protocol's
/// numbers: 0 Produce, 1 Fetch, 2 ListOffsets, 3 Metadata, 9 OffsetFetch, 10 FindCoordinator.
///
/// Errors: `INVALID_ARGUMENT` for others; the message lists them. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_push_errors(
    cluster: Option<&KarrowMockCluster>,
    request: i16,
    errors: *const i32,
    count: usize,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        // SAFETY: NULL or `count` numbers, by the contract of this module.
        cluster.cluster.push_errors(request, unsafe { array(errors, count, "errors") }?)
    })
}

/// Lets a broker vanish, or come back.
///
/// Errors: `INVALID_ARGUMENT` for a broker that does not exist. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_set_broker_up(
    cluster: Option<&KarrowMockCluster>,
    broker: i32,
    up: bool,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(cluster, "cluster")?.cluster.set_broker_up(broker, up))
}

/// Moves a partition to another leader.
///
/// Errors: `INVALID_ARGUMENT` for a broker that does not exist; `KAFKA` for a partition that does not. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_set_leader(
    cluster: Option<&KarrowMockCluster>,
    topic: *const c_char,
    partition: i32,
    broker: i32,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        cluster.cluster.set_leader(unsafe { text(topic, "topic") }?, partition, broker)
    })
}

/// Lets a broker take this many milliseconds for every answer.
///
/// Errors: `INVALID_ARGUMENT` for a broker that does not exist, or a negative time. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_set_delay(
    cluster: Option<&KarrowMockCluster>,
    broker: i32,
    delay_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cluster = required(cluster, "cluster")?;
        let delay = u64::try_from(delay_ms)
            .map_err(|_| Error::argument("delay_ms", format!("{delay_ms} is negative; 0 means no delay")))?;
        cluster.cluster.set_delay(broker, Duration::from_millis(delay))
    })
}

/// Stops a cluster and frees it. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_mock_cluster_free(cluster: Option<Box<KarrowMockCluster>>) {
    drop(cluster);
}

/// # Safety
/// NULL, or `length` bytes that live as long as the result.
unsafe fn payload<'a>(start: *const u8, length: i64, argument: &'static str) -> Result<Option<&'a [u8]>> {
    match usize::try_from(length) {
        // SAFETY: as the caller says.
        Ok(length) => unsafe { array(start, length, argument) }.map(Some),
        Err(_) if length == -1 => Ok(None),
        Err(_) => Err(Error::argument(argument, format!("its length {length} is negative; -1 means null"))),
    }
}
