//! `karrow_snapshot`: the partitioned table as of one cycle.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};

use super::stream::ArrowArrayStream;
use super::{KarrowError, array, guard, required, schema, stream, text};
use crate::error::{Error, Result, Status};
use crate::table::PartitionState;
use crate::table::snapshot::{Batches, Snapshot};

/// The partitioned table as of one cycle: immutable, consistent across partitions, and alive for as long as it is held,
/// also after the consumer is freed. Any thread may use it.
pub struct KarrowSnapshot(pub(super) Snapshot);

/// What a partition is doing.
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KarrowPartitionState {
    /// It is being read.
    Reading = 0,
    /// It cannot be read for the moment, because Kafka refuses it, no broker can be used, or the table is full
    /// (`karrow_snapshot_failure` says which); it goes on by itself when that changes.
    Waiting = 1,
    /// It has stopped, and goes on only after `karrow_consumer_resume`.
    Failed = 2,
    /// Everything up to where it was to stop has been read.
    Finished = 3,
}

impl KarrowSnapshot {
    pub(super) fn new(snapshot: Snapshot) -> KarrowSnapshot {
        KarrowSnapshot(snapshot)
    }
}

/// How many cycles there have been: 0 before the first poll, and for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_cycle(snapshot: Option<&KarrowSnapshot>) -> i64 {
    snapshot.map_or(0, |snapshot| snapshot.0.cycle())
}

/// How many partitions there are, empty ones included; 0 for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_partition_count(snapshot: Option<&KarrowSnapshot>) -> usize {
    snapshot.map_or(0, |snapshot| snapshot.0.partitions().len())
}

/// The Kafka partition number at an index from 0 on; partitions are in ascending order.
///
/// Errors: `OUT_OF_RANGE` for an index beyond the last partition. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_partition_at(
    snapshot: Option<&KarrowSnapshot>,
    index: usize,
    partition: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(partition, "partition")?;
        let partitions = snapshot.0.partitions();
        let found = partitions.get(index).ok_or_else(|| {
            let message = format!("index: {index} is beyond the last of {} partitions", partitions.len());
            Error::new(Status::OutOfRange, message).with_detail("argument", "index")
        })?;
        out.write(found.id());
        Ok(())
    })
}

/// What a partition is doing: a `karrow_partition_state`.
///
/// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_state(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    state: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(state, "state")?;
        let state = match snapshot.0.partition(partition)?.state() {
            PartitionState::Reading => KarrowPartitionState::Reading,
            PartitionState::Waiting(_) => KarrowPartitionState::Waiting,
            PartitionState::Failed(_) => KarrowPartitionState::Failed,
            PartitionState::Finished => KarrowPartitionState::Finished,
        };
        out.write(state as i32);
        Ok(())
    })
}

/// Which rows of a partition the snapshot shows: from `first_row` to before `end_row`. Row numbers count the rows that a
/// partition has published, from 0, and never go back; so `end_row` is where to go on reading in a later snapshot. In a
/// blink table `first_row` is the number of rows before this cycle. Either output may be NULL.
///
/// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_rows(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    first_row: Option<&mut MaybeUninit<i64>>,
    end_row: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let rows = required(snapshot, "snapshot")?.0.partition(partition)?.rows();
        if let Some(first_row) = first_row {
            first_row.write(rows.first_row());
        }
        if let Some(end_row) = end_row {
            end_row.write(rows.end_row());
        }
        Ok(())
    })
}

/// The Kafka offset at which reading goes on after what the snapshot shows: the exact point to resume from. If the
/// partition has failed at a record, the offset of that record.
///
/// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_next_offset(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    offset: Option<&mut MaybeUninit<i64>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(offset, "offset")?;
        out.write(snapshot.0.partition(partition)?.next_offset());
        Ok(())
    })
}

/// Why a partition has failed, or waits; NULL while it is being read, and once it has finished. The caller frees it with
/// `karrow_error_free`. Its status says what kind of trouble it is: `BAD_RECORD`, `KAFKA`, `OUT_OF_RANGE`, `NOT_FOUND` for
/// a topic that was deleted, `LIMIT` for a table that is full, or `PANIC`.
///
/// Errors: `NOT_FOUND` for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_failure(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    failure: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(failure, "failure")?;
        let why = match snapshot.0.partition(partition)?.state() {
            PartitionState::Reading | PartitionState::Finished => None,
            PartitionState::Waiting(why) | PartitionState::Failed(why) => Some(why.clone()),
        };
        out.write(why.map(|why| Box::new(KarrowError::new(why))));
        Ok(())
    })
}

/// The columns of every partition. The caller releases the schema. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_schema(
    snapshot: Option<&KarrowSnapshot>,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(schema, "schema")?;
        out.write(schema::export(snapshot.0.schema())?);
        Ok(())
    })
}

/// The same rows with chosen columns: each text is `Name`, which keeps a column, or `New=Old`, which renames one. A column
/// may appear more than once, under different names. The view is a snapshot of its own, which keeps state, failures and
/// next offsets, and which the caller frees.
///
/// Errors: `NOT_FOUND` for a column that does not exist; `INVALID_ARGUMENT` for none at all, a name that appears twice, or
/// a text of neither form. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_view(
    snapshot: Option<&KarrowSnapshot>,
    columns: *const *const c_char,
    count: usize,
    view: Option<&mut MaybeUninit<Option<Box<KarrowSnapshot>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(view, "view")?;
        // SAFETY: NULL or `count` pointers to terminated texts, by the contract of this module.
        let columns = unsafe {
            let columns = array(columns, count, "columns")?;
            columns.iter().map(|column| text(*column, "columns")).collect::<Result<Vec<&str>>>()?
        };
        out.write(Some(Box::new(KarrowSnapshot(snapshot.0.view(&columns)?))));
        Ok(())
    })
}

/// All rows of a partition as one struct array, with its schema. The rows are put together when first asked for, and kept
/// with the snapshot, so that asking again copies nothing. Both structs are the caller's to release, and outlive every
/// handle. `schema` may be NULL.
///
/// Errors: `LIMIT` if the rows do not fit into one array (a column of text beyond 2 GiB): use the stream; `NOT_FOUND` for
/// a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_export_array(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    array: Option<&mut MaybeUninit<FFI_ArrowArray>>,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(array, "array")?;
        let whole = snapshot.0.whole(partition)?;
        if let Some(schema) = schema {
            schema.write(schema::export(snapshot.0.schema())?);
        }
        let exported = Batches::one(whole).next_exported();
        out.write(exported.expect("there is one batch"));
        Ok(())
    })
}

/// The rows of a partition from `from_row` to before `end_row` (-1: to the end), as a stream of batches that share the
/// table's memory. The stream is the caller's to release; it and its batches outlive every handle, and any one thread at a
/// time may read it. With `from_row` at the end the stream has a schema and no batches.
///
/// Errors: `OUT_OF_RANGE` for rows that are not kept any more (the message names the first) or not there yet; `NOT_FOUND`
/// for a partition that is not read. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_export_stream(
    snapshot: Option<&KarrowSnapshot>,
    partition: i32,
    from_row: i64,
    end_row: i64,
    stream: Option<&mut MaybeUninit<ArrowArrayStream>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(stream, "stream")?;
        let end_row = (end_row != -1).then_some(end_row);
        out.write(stream::export(snapshot.0.stream(partition, from_row, end_row)?)?);
        Ok(())
    })
}

/// The rows of all partitions as one stream, one partition after the other. `from_rows` has a row number for each
/// partition, in ascending order of partitions (`count` is their number), or is NULL with a count of 0 for everything.
///
/// Errors: `INVALID_ARGUMENT` for another count; otherwise as `karrow_snapshot_export_stream`. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_export_merged(
    snapshot: Option<&KarrowSnapshot>,
    from_rows: *const i64,
    count: usize,
    stream: Option<&mut MaybeUninit<ArrowArrayStream>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let snapshot = required(snapshot, "snapshot")?;
        let out = required(stream, "stream")?;
        // SAFETY: NULL or `count` numbers, by the contract of this module.
        let from_rows = unsafe { super::array(from_rows, count, "from_rows") }?;
        out.write(stream::export(snapshot.0.merged(from_rows)?)?);
        Ok(())
    })
}

/// Frees a snapshot; what was exported from it lives on. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_snapshot_free(snapshot: Option<Box<KarrowSnapshot>>) {
    drop(snapshot);
}
