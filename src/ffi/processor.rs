//! `karrow_processor_call`: what a function of the caller's is asked, and what it answers.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::{Array, StructArray};

use super::{KarrowError, array, guard, required, schema, text};
use crate::error::{Result, Status};
use crate::format::callback::{Call, Processor};

/// One call of a processor: records of one partition, and what is to become of them. Lives until the processor returns,
/// and belongs to its thread.
pub struct KarrowProcessorCall<'a>(&'a mut Call);

/// A function that makes columns of the payloads of one partition: it takes the input of the call, sets an output with as
/// many rows, and returns 0. `userdata` is that of the spec. It must not throw, nor leave by longjmp.
///
/// It runs inside `karrow_consumer_poll`, on the thread that polls, once for each partition and cycle that has records. If
/// several consumers share a spec, their polls may run it at once. Only `karrow_consumer_snapshot`, `_schema`, `_progress` and
/// `_wakeup` can be called on the consumer whose poll runs it: others return `INVALID_STATE`, and `karrow_consumer_free` does
/// nothing. It must not wait for another thread that waits for the poll, as close does.
///
/// It may refuse single records (`karrow_processor_call_refuse`), which are then bad records. The batch fails as a whole if
/// it returns another number than 0, says so (`karrow_processor_call_fail`), or has set no output. Then the partition stops
/// at the batch's first record, with an error of status `PROCESSOR`, and the cycle shows nothing of the batch; other
/// partitions go on. A resume at that record reads the same records again, perhaps with others in the batch.
pub type KarrowProcessorFn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, call: Option<&mut KarrowProcessorCall<'_>>) -> i32>;

/// A function of C, with what it is given.
struct Function {
    process: unsafe extern "C" fn(userdata: *mut c_void, call: Option<&mut KarrowProcessorCall<'_>>) -> i32,
    userdata: UserData,
}

/// What belongs to a function, and is released when nobody can call it any more.
struct UserData {
    userdata: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: that any thread may use and release it is what the header asks of who gives it.
unsafe impl Send for UserData {}
// SAFETY: as above, several at once included.
unsafe impl Sync for UserData {}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: once, because a value is dropped once; what it may do is its giver's promise.
            unsafe { release(self.userdata) };
        }
    }
}

impl Processor for Function {
    fn process(&self, call: &mut Call) -> std::result::Result<(), String> {
        let mut call = KarrowProcessorCall(call);
        // SAFETY: the function and its user data are alive and may be used by any thread, as their giver promises.
        match unsafe { (self.process)(self.userdata.userdata, Some(&mut call)) } {
            0 => Ok(()),
            other => Err(format!("it returned {other}")),
        }
    }
}

/// A processor of C's; whatever becomes of it, `release` is called once.
pub fn processor(
    process: KarrowProcessorFn,
    userdata: *mut c_void,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
) -> Result<Arc<dyn Processor>> {
    let userdata = UserData { userdata, release };
    let process = required(process, "processor")?;
    Ok(Arc::new(Function { process, userdata }))
}

/// The partition of the call's records; -1 for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_processor_call_partition(call: Option<&KarrowProcessorCall<'_>>) -> i32 {
    call.map_or(-1, |call| call.0.partition())
}

/// Takes the input, once: a struct array with a row for each record, one at least, in the order of their offsets, and its
/// schema. It is the caller's, who releases both, and stays valid for as long as it is kept. Its columns:
///
/// * `payload` binary: the key or the value, whichever the spec is for, null for Kafka's null;
/// * `offset` int64, if the spec has been set to `offset`;
/// * `timestamp` timestamp[ms, UTC], if the spec has been set to `timestamp`; null if the record has none.
///
/// Records that are bad on another side are among them only if that side's policy is `null`; others have been dealt with
/// before. Errors: `INVALID_STATE` if it has been taken. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_processor_call_take_input(
    call: Option<&mut KarrowProcessorCall<'_>>,
    array: Option<&mut MaybeUninit<FFI_ArrowArray>>,
    schema: Option<&mut MaybeUninit<FFI_ArrowSchema>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let call = required(call, "call")?;
        let array = required(array, "array")?;
        let schema_out = required(schema, "schema")?;
        let input = call.0.take_input()?;
        let exported = schema::export(input.schema_ref())?;
        array.write(FFI_ArrowArray::new(&StructArray::from(input).to_data()));
        schema_out.write(exported);
        Ok(())
    })
}

/// Sets the output: a struct array of the columns that the spec declared, with as many rows as the input. It is moved in:
/// `array` is left released, whether the call succeeds or not (unless `call` is NULL), and is released through its own
/// callback, by any thread, once no table, snapshot or export shows it. Its buffers are shown as they are, without a copy.
/// A later output replaces an earlier one.
///
/// It is checked to the last byte: texts, offsets, numbers of nulls, items that may not be null. That buffers are as long
/// as the arrays say cannot be checked. `schema` says what the array is, as its producer exports it, and is only borrowed; it
/// may be NULL: then the array is taken for what was declared, which its shape can contradict but the width of its numbers
/// cannot. Columns that were declared as not nullable may be null in refused rows only, which is judged when the processor
/// has returned.
///
/// Errors, after which there is no output: `INVALID_ARGUMENT` saying what is wrong with it. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_processor_call_set_output(
    call: Option<&mut KarrowProcessorCall<'_>>,
    array: *mut FFI_ArrowArray,
    schema: Option<&FFI_ArrowSchema>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let call = &mut *required(call, "call")?.0;
        required((!array.is_null()).then_some(()), "array")?;
        // SAFETY: not NULL, so the caller's struct, which is moved from as the specification has it.
        let moved = unsafe { FFI_ArrowArray::from_raw(array) };
        if let Some(schema) = schema {
            let schema = schema::import(schema, "schema").map_err(|error| error.message().to_owned());
            let schema = call.noted(schema)?;
            call.check_type(&schema)?;
        }
        let imported = array::import(moved, &call.output_type());
        let data = call.noted(imported)?;
        call.set_output_data(data)
    })
}

/// Refuses a row of the input, counted from 0: its record is a bad record of the spec's side, and `karrow.bad.record.policy`
/// says what becomes of it. What the output has in that row is not used. `reason` says what was expected and found; it is
/// shown to users, and must hold nothing of the payload. A later reason for the same row replaces an earlier one.
///
/// With the policy `fail` the rows before it are shown and the partition stops at it; what is behind it comes again after a
/// resume. Errors: `OUT_OF_RANGE` for a row that there is not. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_processor_call_refuse(
    call: Option<&mut KarrowProcessorCall<'_>>,
    row: i64,
    reason: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let call = required(call, "call")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let reason = unsafe { text(reason, "reason") }?;
        call.0.refuse(row, reason)
    })
}

/// Lets the batch fail as a whole, whatever the processor returns: the partition stops at its first record. `message` is
/// shown to users, and must hold nothing of a payload. A later message replaces an earlier one. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_processor_call_fail(
    call: Option<&mut KarrowProcessorCall<'_>>,
    message: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let call = required(call, "call")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        call.0.fail(unsafe { text(message, "message") }?);
        Ok(())
    })
}
