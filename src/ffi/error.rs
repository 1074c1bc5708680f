//! `karrow_error`: what went wrong.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use super::{c_string, text};
use crate::error::{Error, Status};

/// What went wrong in a call, or in a partition. Owned by the caller, who frees it with `karrow_error_free`.
pub struct KarrowError {
    error: Error,
    message: CString,
    details: Vec<(&'static str, CString)>,
}

impl KarrowError {
    pub(super) fn new(error: Error) -> KarrowError {
        KarrowError {
            message: c_string(error.message()),
            details: error.details().map(|(key, value)| (key, c_string(value))).collect(),
            error,
        }
    }
}

/// The name of a status, without the prefix: `"INVALID_ARGUMENT"` for `KARROW_STATUS_INVALID_ARGUMENT`; `"UNKNOWN"` for a
/// number that is not a status. The text is static. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn karrow_status_name(status: i32) -> *const c_char {
    let known = Status::ALL.into_iter().find(|known| *known as i32 == status);
    known.map_or(c"UNKNOWN", Status::c_name).as_ptr()
}

/// What kind of trouble it is; `KARROW_STATUS_OK` for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_status(error: Option<&KarrowError>) -> Status {
    error.map_or(Status::Ok, |error| error.error.status())
}

/// The sentence to show: lower case, names the thing and the way out, holds no payload and no secret. Belongs to the
/// error. NULL for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_message(error: Option<&KarrowError>) -> *const c_char {
    error.map_or(ptr::null(), |error| error.message.as_ptr())
}

/// librdkafka's error number (`rd_kafka_resp_err_t`: positive numbers are the Kafka protocol's, negative ones
/// librdkafka's own); 0 if Kafka had no part in it. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_kafka_code(error: Option<&KarrowError>) -> i32 {
    error.map_or(0, |error| error.error.kafka_code())
}

/// Whether the same call may succeed later without a change. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_is_retriable(error: Option<&KarrowError>) -> bool {
    error.is_some_and(|error| error.error.is_retriable())
}

/// Where in the topic it happened: writes partition and offset and returns true, or returns false if the error belongs
/// to no position. Either output may be NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_position(
    error: Option<&KarrowError>,
    partition: Option<&mut MaybeUninit<i32>>,
    offset: Option<&mut MaybeUninit<i64>>,
) -> bool {
    let Some((at_partition, at_offset)) = error.and_then(|error| error.error.position()) else { return false };
    if let Some(partition) = partition {
        partition.write(at_partition);
    }
    if let Some(offset) = offset {
        offset.write(at_offset);
    }
    true
}

/// One detail by its key: `topic`, `side` (`key`, `value`, `timestamp`, `headers`), `column`, `path`, `reason`, `argument`,
/// `pointer` (the place in a description that is wrong).
/// NULL if the error does not have it. Belongs to the error. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_detail(error: Option<&KarrowError>, key: *const c_char) -> *const c_char {
    // SAFETY: NULL or a terminated text, by the contract of this module.
    let (Some(error), Ok(key)) = (error, unsafe { text(key, "key") }) else { return ptr::null() };
    let detail = error.details.iter().find(|(name, _)| *name == key);
    detail.map_or(ptr::null(), |(_, value)| value.as_ptr())
}

/// Frees an error. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_error_free(error: Option<Box<KarrowError>>) {
    drop(error);
}
