//! `karrow_options`: what to consume.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use arrow_array::ffi::FFI_ArrowSchema;

use super::log::KarrowLog;
use super::spec::KarrowSpec;
use super::{KarrowError, array, guard, optional_text, required, schema, text, timeout};
use crate::error::{Error, Result, Status};
use crate::format::Side;
use crate::options::{Options, Start, Stop};
use crate::table::retention::TableType;

/// What to consume, and what to make of it. Belongs to one thread while it is being changed; consumers made from it have
/// their own copy.
pub struct KarrowOptions(pub(super) Options);

/// `partition` where options say where reading starts and stops: all partitions that have no entry of their own.
pub const KARROW_ALL_PARTITIONS: i32 = -1;

/// `None` for all partitions.
fn one_partition(partition: i32) -> Option<i32> {
    (partition != KARROW_ALL_PARTITIONS).then_some(partition)
}

/// What a table keeps of its rows.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KarrowTableType {
    /// The rows of the last cycle only.
    Blink = 0,
    /// Every row.
    Append = 1,
    /// The last rows of each partition, as many as the capacity says.
    Ring = 2,
}

fn side(side: i32) -> Result<Side> {
    match side {
        _ if side == Side::Key as i32 => Ok(Side::Key),
        _ if side == Side::Value as i32 => Ok(Side::Value),
        _ => Err(Error::argument("side", format!("{side} is not a side; use KARROW_SIDE_KEY or KARROW_SIDE_VALUE"))),
    }
}

fn table_type(kind: i32, capacity: i64) -> Result<TableType> {
    match kind {
        _ if kind == KarrowTableType::Blink as i32 => Ok(TableType::Blink),
        _ if kind == KarrowTableType::Append as i32 => Ok(TableType::Append),
        _ if kind == KarrowTableType::Ring as i32 => Ok(TableType::Ring { capacity }),
        _ => Err(Error::argument(
            "kind",
            format!(
                "{kind} is not a table type; use KARROW_TABLE_TYPE_BLINK, KARROW_TABLE_TYPE_APPEND or \
                 KARROW_TABLE_TYPE_RING"
            ),
        )),
    }
}

/// Makes options for a topic, with everything else at its default: all partitions, each from `KARROW_DONT_SEEK`, key and
/// value from properties, a blink table.
///
/// Errors: `INVALID_ARGUMENT` for an empty name. Whether the topic exists is found out by open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_new(
    topic: *const c_char,
    options: Option<&mut MaybeUninit<Option<Box<KarrowOptions>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let out = required(options, "options")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let topic = unsafe { text(topic, "topic") }?;
        out.write(Some(Box::new(KarrowOptions(Options::new(topic)?))));
        Ok(())
    })
}

/// Sets a property. Keys that begin with `karrow.` (or `deephaven.`, for those that Deephaven has) are the library's; those
/// that begin with `schema.registry.`, `basic.auth.` or `bearer.auth.` are the schema registry client's; those of Kafka's
/// Java client are translated where librdkafka has other names; all others are librdkafka's and reach it unchanged.
/// `docs/options.md` lists them all. A NULL value sets the property back to its default.
///
/// The library's keys: names of common columns, `""` for none: `karrow.partition.column.name` [`KafkaPartition`],
/// `karrow.offset.column.name` [`KafkaOffset`], `karrow.timestamp.column.name` [`KafkaTimestamp`],
/// `karrow.receivetime.column.name`, `karrow.keybytes.column.name`, `karrow.valuebytes.column.name`,
/// `karrow.headers.column.name`, `karrow.timestamptype.column.name`, `karrow.leaderepoch.column.name` [none];
/// `karrow.timestamp.column.type` [`timestamp[ns, UTC]`, or `timestamp[ms, UTC]`];
/// `karrow.{key,value}.column.{name,type}` for specs that leave them open; `karrow.memory.budget.bytes` [268435456], which
/// bounds fetch queues and rows decoded but not yet published, together; `karrow.ingest.threads` [cores, at most one a
/// partition]; `karrow.poll.linger.ms` [0], how long a poll that has something waits for more;
/// `karrow.partition.discovery.ms` [30000], how often the topic is looked at for new partitions and for whether it was
/// deleted or created again, 0 for never; `karrow.append.max.bytes` [none], what an append table holds before its
/// partitions wait for `karrow_consumer_discard`; `karrow.ring.max.bytes` and `karrow.ring.max.age.ms` [none], further
/// limits of each partition of a ring, by which it forgets its oldest rows some at a time.
///
/// Of Kafka's keys karrow itself serves `auto.offset.reset`, and `enable.auto.commit` [false] with
/// `auto.commit.interval.ms` [5000]: what a poll has published is committed for `group.id` once the next poll begins.
///
/// Errors: `INVALID_ARGUMENT` for an unknown key of the library or of the registry (the message lists the nearest), a key
/// set under both its names, or one that karrow must own; `UNSUPPORTED` for one that cannot be honoured (the message says
/// what to do instead). Values, and Kafka's other keys, are checked when a consumer is made. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set(
    options: Option<&mut KarrowOptions>,
    key: *const c_char,
    value: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (key, value) = unsafe { (text(key, "key")?, optional_text(value, "value")?) };
        options.0.set(key, value)
    })
}

/// Reads only these partitions; order and duplicates do not matter.
///
/// Errors: `INVALID_ARGUMENT` for an empty list or a negative number. A partition that the topic does not have is an
/// error of open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_partitions(
    options: Option<&mut KarrowOptions>,
    ids: *const i32,
    count: usize,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        // SAFETY: NULL or `count` numbers, by the contract of this module.
        options.0.set_partitions(unsafe { array(ids, count, "ids") }?)
    })
}

/// Where a partition starts: an offset of 0 or more, or one of the three constants. `KARROW_ALL_PARTITIONS` means those
/// that have no entry of their own, in whatever order entries are made.
///
/// An offset outside the partition's log goes where `auto.offset.reset` says; with `none` that partition fails, and the
/// others are read. Errors: `INVALID_ARGUMENT` for other negative numbers. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_start_offset(
    options: Option<&mut KarrowOptions>,
    partition: i32,
    offset: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        options.0.set_start(one_partition(partition), Start::from_number(offset)?)
    })
}

/// Where a partition starts: at the first record whose timestamp is `timestamp_ms` (milliseconds since 1970-01-01 UTC) or
/// later, as of open; if there is none yet, at the end of the log. Otherwise as `karrow_options_set_start_offset`, whose
/// entries it replaces.
///
/// Errors: `INVALID_ARGUMENT` for a negative time. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_start_time(
    options: Option<&mut KarrowOptions>,
    partition: i32,
    timestamp_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        options.0.set_start(one_partition(partition), Start::from_time(timestamp_ms)?)
    })
}

/// Where a partition stops: before the record of this offset. It then is `FINISHED`, and once all partitions are, poll
/// returns `END`. The three functions that say where to stop replace each other's entries; that of a partition beats that
/// of `KARROW_ALL_PARTITIONS`, in whatever order they are made. With an entry for all of them, partitions that the topic
/// gets later are not read.
///
/// Errors: `INVALID_ARGUMENT` for a negative offset. A partition that the topic does not have is an error of open. Since
/// 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_stop_offset(
    options: Option<&mut KarrowOptions>,
    partition: i32,
    offset: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        options.0.set_stop(one_partition(partition), Stop::from_offset(offset)?)
    })
}

/// Where a partition stops: before the first record whose timestamp is `timestamp_ms` (milliseconds since 1970-01-01 UTC)
/// or later, as of open; if there is none, at the end of the log as of open. Otherwise as
/// `karrow_options_set_stop_offset`.
///
/// Errors: `INVALID_ARGUMENT` for a negative time. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_stop_time(
    options: Option<&mut KarrowOptions>,
    partition: i32,
    timestamp_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        options.0.set_stop(one_partition(partition), Stop::from_time(timestamp_ms)?)
    })
}

/// Where a partition stops: at the end of the log as it is when open returns, also if there are only transaction markers or
/// aborted records there. With `isolation.level=read_committed`, the default, the log ends where the first open transaction
/// begins. Otherwise as `karrow_options_set_stop_offset`. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_stop_at_end(
    options: Option<&mut KarrowOptions>,
    partition: i32,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(options, "options")?.0.set_stop(one_partition(partition), Stop::End))
}

/// How one side (a `karrow_side`) of every record becomes columns. The spec is copied.
///
/// Errors: `INVALID_ARGUMENT` for a number that is not a side. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_spec(
    options: Option<&mut KarrowOptions>,
    side: i32,
    spec: Option<&KarrowSpec>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        let spec = required(spec, "spec")?;
        options.0.set_spec(self::side(side)?, spec.0.clone());
        Ok(())
    })
}

/// What the table keeps: a `karrow_table_type`. `capacity` is the number of rows that a ring keeps of each partition, at
/// least 1; the other types do not look at it.
///
/// Errors: `INVALID_ARGUMENT` for a number that is not a table type, or a ring's capacity below 1. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_table_type(
    options: Option<&mut KarrowOptions>,
    kind: i32,
    capacity: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        options.0.set_table_type(table_type(kind, capacity)?)
    })
}

/// Where librdkafka's and karrow's messages go; NULL: nowhere, which is the default. Nothing is ever written to stderr.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_set_log(
    options: Option<&mut KarrowOptions>,
    log: Option<&KarrowLog>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        required(options, "options")?.0.set_log(log.map(|log| log.0.clone()));
        Ok(())
    })
}

/// The columns that a consumer of these options will have, as a struct schema: common columns, then the key's, then the
/// value's. Asks no broker. Schema metadata has `karrow.topic`; that of each field `karrow.origin` (`common`, `key` or
/// `value`) and `karrow.source`. The caller releases the schema.
///
/// Errors: whatever is wrong with names and types; `REGISTRY` for what a schema registry does not give. `timeout_ms` is for
/// specs that ask one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_schema(
    options: Option<&KarrowOptions>,
    timeout_ms: i64,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        let out = required(schema, "schema")?;
        let deadline = timeout(timeout_ms)?.deadline();
        out.write(schema::export(options.0.schema(deadline)?.arrow())?);
        Ok(())
    })
}

/// Frees options. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_options_free(options: Option<Box<KarrowOptions>>) {
    drop(options);
}
