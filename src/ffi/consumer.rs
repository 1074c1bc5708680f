//! `karrow_consumer`: reads a topic into a partitioned table.

use std::mem::MaybeUninit;

use arrow_array::ffi::FFI_ArrowSchema;

use super::options::KarrowOptions;
use super::snapshot::KarrowSnapshot;
use super::stream::ArrowArrayStream;
use super::{KarrowError, guard, required, schema, stream, timeout};
use crate::error::Status;
use crate::ingest::Consumer;
use crate::table::snapshot::Batches;

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
/// that does not exist; `KAFKA` for what Kafka refuses, at once and whatever the time-out: a wrong password, a missing
/// right, a certificate that one side does not accept; `REGISTRY` for the schema of a subject that a schema registry does
/// not give; `INTERRUPTED`, `CLOSED`, `BUSY`; `INVALID_STATE` if it is open already. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_open(
    consumer: Option<&KarrowConsumer>,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(consumer, "consumer")?.0.open(timeout(timeout_ms)?))
}

/// One cycle: publishes everything decoded since the last one, for all partitions at once. With rows, dead letters or a
/// change of state at hand it returns at once (after `karrow.poll.linger.ms`); otherwise it waits for the first, at
/// most `timeout_ms` (0 does not wait, -1 waits for ever). Time running out is no error: that cycle has no rows. Processors
/// (`karrow_spec_new_callback`) run inside of it, partition by partition; the time-out does not bound them.
///
/// `rows` gets the number of rows added; `failed` the number of partitions that are failed (see
/// `karrow_snapshot_failure`); `snapshot` exactly this cycle, to be freed by the caller. Any of them may be NULL. A
/// partition that fails does not make poll fail.
///
/// Errors, all without a new cycle: `END` once all partitions have finished or failed and that has been published; `LIMIT`
/// once all others wait for room and that has been published, for room in the table (`karrow.append.max.bytes`), which
/// `karrow_consumer_discard` makes, or among dead letters, which `karrow_consumer_dead_letters` makes; `INTERRUPTED` by
/// wakeup; `BUSY`; `CLOSED`; `INVALID_STATE` before open, or from inside a processor; `PANIC`, and from then on `POISONED`. Since 0.1.
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

/// For threads that read while another one polls: waits until a cycle after `after_cycle` has been published, at most
/// `timeout_ms` (0 does not wait, -1 waits for ever), and hands out the last one there is. The caller frees the snapshot.
/// Several threads may wait at once; wakeup ends one call.
///
/// Errors: `TIMEOUT`; `END` once all partitions have finished or failed and `after_cycle` shows it; `INTERRUPTED`;
/// `CLOSED`; `INVALID_STATE` before open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_wait(
    consumer: Option<&KarrowConsumer>,
    after_cycle: i64,
    timeout_ms: i64,
    snapshot: Option<&mut MaybeUninit<Option<Box<KarrowSnapshot>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let out = required(snapshot, "snapshot")?;
        let snapshot = consumer.0.wait(after_cycle, timeout(timeout_ms)?)?;
        out.write(Some(Box::new(KarrowSnapshot::new(snapshot))));
        Ok(())
    })
}

/// How far reading has come: a stream of one batch with a row for each partition, in ascending order. Live, so that it may
/// be ahead of the last cycle; never waits, and is cheap enough to be asked at every poll. Works also after close. The
/// caller releases the stream. Its columns:
///
/// * `partition` int32: the Kafka partition;
/// * `state` utf8: `reading`, `at_end` (everything there is has been read; more may come), `waiting`, `failed`, `finished`;
/// * `reason` utf8: why it waits or has failed, else null;
/// * `position` int64: the offset that is read next;
/// * `end_offset` int64: behind the newest record of the log, as far as brokers have told; null until they have;
/// * `stop_offset` int64: where it stops; null if nowhere;
/// * `lag` int64: how many offsets lie between `position` and the end, or the stop if that comes first. It reaches 0 also
///   where the log ends with transaction markers or aborted records. Before the end has been reached it counts records of
///   open transactions too;
/// * `rows` int64: rows decoded so far, or made by a processor, `bytes` int64: the size of their keys and values;
/// * `bad_records` struct of int64 `key`, `value`, `timestamp`, `headers`: records that were bad, whatever became of
///   them, by the side that decided it. Each counts once, also if it is tried again; so `rows` and the bad records that
///   became no row account for every record. Of several bad sides that with the strongest policy decides (`fail`,
///   `dead_letter`, `skip`, `null`), and among equals the first: timestamp or headers, key, value;
/// * `batches` int64: in how many pieces the last cycle's rows lie; `memory_bytes` int64: what they and the rows that no
///   cycle has published take;
/// * `last_record_time` timestamp[ms, UTC]: the timestamp of the last record, null if it has none.
///
/// Errors: `INVALID_STATE` before open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_progress(
    consumer: Option<&KarrowConsumer>,
    progress: Option<&mut MaybeUninit<ArrowArrayStream>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let out = required(progress, "progress")?;
        out.write(stream::export(Batches::one(consumer.0.progress()?))?);
        Ok(())
    })
}

/// Takes the dead letters that have come: bad records whose policy is `dead_letter` (`karrow.bad.record.policy`), which
/// are no rows of the table. A stream of batches of one schema, perhaps of none; each letter comes once, those of one
/// partition in the order of their offsets. The letters of all records before a snapshot's
/// `karrow_snapshot_next_offset` have come when the poll that made it returns; so: poll, use the rows, take the dead
/// letters, commit. With `enable.auto.commit`, take them before the next poll. Some may be of records behind the last
/// cycle; these come again if another consumer goes on at what has been committed. Its columns:
///
/// * `topic` utf8, `partition` int32, `offset` int64: where the record is;
/// * `timestamp` timestamp[ms, UTC]: the record's, null if it has none;
/// * `key` binary, `value` binary: as they are, null for Kafka's null;
/// * `headers` list of struct of `key` binary and `value` binary: in order and with duplicates, never null. Their keys
///   are binary, because one that is not UTF-8 may be what is wrong;
/// * `side` utf8: what is bad, `key`, `value`, `timestamp` or `headers`;
/// * `column` utf8: the column that could not take its value; null if the payload as a whole is bad;
/// * `path` utf8: the place inside the column, as `Legs[3].Price`; null if it is the column itself;
/// * `reason` utf8: what was expected and what was found.
///
/// Letters that nobody takes are kept, and count against `karrow.memory.budget.bytes`. A partition whose letters fill
/// what it may use waits until they are taken, and so do all when the letters of all fill it; none is ever dropped.
/// Taking them makes room at once, also if the stream is not read.
///
/// Any thread may call it, also beside a poll; it never waits for one. Works also after `END` and after close. The
/// caller releases the stream, which outlives the consumer.
///
/// Errors: `INVALID_STATE` before open. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_dead_letters(
    consumer: Option<&KarrowConsumer>,
    dead_letters: Option<&mut MaybeUninit<ArrowArrayStream>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        // Before anything is taken, which could then be handed to nobody.
        let out = required(dead_letters, "dead_letters")?;
        out.write(stream::export(consumer.0.dead_letters()?)?);
        Ok(())
    })
}

/// Commits, for the `group.id` of the options, exactly what a snapshot shows: for each partition its
/// `karrow_snapshot_next_offset`. A partition that failed because its offset lies outside the log has none, and is left
/// out. The snapshot may be an older one, or a view. Take dead letters first, because what has been committed does not
/// come again. Wakeup does not end it, close does.
///
/// Errors: `INVALID_ARGUMENT` for a snapshot of another consumer; `INVALID_STATE` without a `group.id`, or before open;
/// `KAFKA` for what Kafka refuses, after which some partitions may have been committed; `TIMEOUT`; `CLOSED`. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_commit(
    consumer: Option<&KarrowConsumer>,
    snapshot: Option<&KarrowSnapshot>,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let snapshot = required(snapshot, "snapshot")?;
        consumer.0.commit(&snapshot.0, timeout(timeout_ms)?)
    })
}

/// Gives up the rows of a partition before `before_row`: the next cycle does not show them any more. Their memory is freed
/// piece by piece, once more than half of a piece has been given up and no snapshot or export holds it; with
/// `karrow.append.max.bytes` a piece is at most an eighth of that. For append tables that live for months; row numbers go on.
///
/// Errors: `INVALID_STATE` for other types of tables, which forget by themselves, or before open; `OUT_OF_RANGE` for a row
/// that has not been published; `NOT_FOUND` for a partition that is not read; `CLOSED`. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_discard(
    consumer: Option<&KarrowConsumer>,
    partition: i32,
    before_row: i64,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || required(consumer, "consumer")?.0.discard(partition, before_row))
}

/// The columns of every partition, as `karrow_options_schema` has them. The caller releases the schema.
///
/// Errors: `INVALID_STATE` before open if only a schema registry knows the columns. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_schema(
    consumer: Option<&KarrowConsumer>,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let consumer = required(consumer, "consumer")?;
        let out = required(schema, "schema")?;
        out.write(schema::export(consumer.0.schema()?.arrow())?);
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

/// Ends the running open, poll or wait with `INTERRUPTED`, or the next one if none is running: once. Since 0.1.
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

/// Ends reading: wakes open, poll, wait and commit, waits for them, drops rows that no cycle has published, commits
/// nothing (but what `enable.auto.commit` still owes). Afterwards these and resume and discard return `CLOSED`;
/// snapshots, progress and dead letters can still be taken. Closing again does nothing.
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
/// nothing, and neither does a call from inside a processor that the consumer's poll runs. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_consumer_free(consumer: *mut KarrowConsumer) {
    // SAFETY: NULL or a consumer that has not been freed, by the contract of this module. Not yet a box, because inside of a
    // processor the poll still borrows it.
    let is_free = unsafe { consumer.as_ref() }.is_some_and(|consumer| !consumer.0.is_processing());
    if is_free {
        // SAFETY: it came out of a box, and no call uses it any more.
        drop(unsafe { Box::from_raw(consumer) });
    }
}
