//! `karrow_consumer`: reads a topic into a partitioned table.

use std::mem::MaybeUninit;

use arrow_array::ffi::FFI_ArrowSchema;

use super::options::KarrowOptions;
use super::snapshot::KarrowSnapshot;
use super::{KarrowError, export_schema, guard, required, timeout};
use crate::error::Status;
use crate::ingest::Consumer;

/// Reads a topic into a partitioned table. Any thread may use it; open and poll one at a time (the second gets `BUSY`).
/// `karrow_consumer_free` must not run beside another call.
pub struct KarrowConsumer(Consumer);

/// Makes a consumer. Checks names, types and the values of properties; asks no broker. What librdkafka checks only when it
/// starts (files of keys and certificates, sizes that have to fit each other) is an error of open.
///
/// Errors: `INVALID_ARGUMENT` naming the option, key or column that is wrong. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_new(
    options: Option<&KarrowOptions>,
    consumer: Option<&mut MaybeUninit<Option<Box<KarrowConsumer>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let options = required(options, "options")?;
        let out = required(consumer, "consumer")?;
        out.write(Some(Box::new(KarrowConsumer(Consumer::new(&options.0)?))));
        Ok(())
    })
}

/// Asks the cluster for the topic's partitions and offsets, and begins to read. When it returns, "now" is fixed: what is
/// produced later is never missed, whatever the start offsets say. Wakeup and close end it. After an error it may be
/// called again.
///
/// Errors: `TIMEOUT` with the last thing that went wrong on the way to the brokers; `NOT_FOUND` for a topic or partition
/// that does not exist; `KAFKA` for what Kafka refuses; `INTERRUPTED`, `CLOSED`, `BUSY`; `INVALID_STATE` if it is open
/// already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_open(
    consumer: Option<&KarrowConsumer>,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(consumer, "consumer")?.0.open(timeout(timeout_ms)?))
}

/// One cycle: publishes everything decoded since the last one, for all partitions at once. With rows or a change of state
/// at hand it returns at once (after `karrow.poll.linger.ms`); otherwise it waits for the first, at most `timeout_ms`
/// (0 does not wait, -1 waits for ever). Time running out is no error: that cycle has no rows.
///
/// `rows` gets the number of rows added; `failed` the number of partitions that are failed (see
/// `karrow_snapshot_failure`); `snapshot` exactly this cycle, to be freed by the caller. Any of them may be NULL. A
/// partition that fails does not make poll fail.
///
/// Errors: `END`, without a new cycle, once all partitions have failed and that has been published; `INTERRUPTED` by
/// wakeup, without a new cycle; `BUSY`; `CLOSED`; `INVALID_STATE` before open; `PANIC`, and from then on `POISONED`.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_poll(
    consumer: Option<&KarrowConsumer>,
    timeout_ms: i64,
    rows: Option<&mut MaybeUninit<i64>>,
    failed: Option<&mut MaybeUninit<i32>>,
    snapshot: Option<&mut MaybeUninit<Option<Box<KarrowSnapshot>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let cycle = required(consumer, "consumer")?.0.poll(timeout(timeout_ms)?)?;
        if let Some(rows) = rows {
            rows.write(cycle.rows);
        }
        if let Some(failed) = failed {
            failed.write(cycle.failed);
        }
        if let Some(snapshot) = snapshot {
            snapshot.write(Some(Box::new(KarrowSnapshot::new(cycle.snapshot))));
        }
        Ok(())
    })
}

/// The state of the last cycle: cycle 0, without rows, before the first poll. A reference count; never waits. Works also
/// after close. The caller frees the snapshot.
///
/// Errors: `INVALID_STATE` before open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_snapshot(
    consumer: Option<&KarrowConsumer>,
    snapshot: Option<&mut MaybeUninit<Option<Box<KarrowSnapshot>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let out = required(snapshot, "snapshot")?;
        out.write(Some(Box::new(KarrowSnapshot::new(consumer.0.snapshot()?))));
        Ok(())
    })
}

/// The columns of every partition, as `karrow_options_schema` has them. The caller releases the schema. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_schema(
    consumer: Option<&KarrowConsumer>,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let out = required(schema, "schema")?;
        out.write(export_schema(consumer.0.plan().schema.arrow())?);
        Ok(())
    })
}

/// Lets a failed partition go on at `offset`: at the record it stopped at (`karrow_snapshot_next_offset`), which is then
/// tried again, or behind it. A partition that failed for a reason of Kafka's may be resumed at any offset. The next
/// cycles show what comes of it.
///
/// Errors: `INVALID_STATE` if the last published cycle does not show the partition as failed; `INVALID_ARGUMENT` for an
/// offset whose rows are in the table already; `NOT_FOUND` for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_resume(
    consumer: Option<&KarrowConsumer>,
    partition: i32,
    offset: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(consumer, "consumer")?.0.resume(partition, offset))
}

/// Ends the running open or poll with `INTERRUPTED`, or the next one if none is running: once. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_wakeup(
    consumer: Option<&KarrowConsumer>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        required(consumer, "consumer")?.0.wakeup();
        Ok(())
    })
}

/// Ends reading: wakes open and poll, waits for them, drops rows that no cycle has published, commits nothing. Afterwards
/// open, poll and resume return `CLOSED`; snapshots can still be taken. Closing again does nothing.
///
/// Errors: `TIMEOUT` if it takes longer; it then goes on by itself, and another close waits for it again. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_close(
    consumer: Option<&KarrowConsumer>,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(consumer, "consumer")?.0.close(timeout(timeout_ms)?))
}

/// Closes the consumer, however long that takes, and frees it. Snapshots and everything exported live on. NULL does
/// nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_free(consumer: Option<Box<KarrowConsumer>>) {
    drop(consumer);
}
