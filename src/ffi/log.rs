//! `karrow_log`: what librdkafka and karrow say while they run.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr;

use super::{KarrowError, c_string, guard, required, timeout};
use crate::error::{Error, Status};
use crate::log::{Entry, Level, Log};

/// A bounded queue of messages. Any thread may use it; consumers made with it keep it alive.
pub struct KarrowLog(pub(super) Log);

/// One message taken from a log. Owned by the caller, who frees it with `karrow_log_entry_free`.
pub struct KarrowLogEntry {
    entry: Entry,
    source: CString,
    text: CString,
}

/// Makes a log that keeps messages at least as serious as `level` (a `karrow_log_level`, or any syslog number from 0 to
/// 7), the newest `capacity` of them. It is a handle of its own, so that it can be read after a failed open too.
///
/// Errors: `INVALID_ARGUMENT` for a level that is none, a capacity of 0, or a NULL output. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_new(
    level: i32,
    capacity: usize,
    log: Option<&mut MaybeUninit<Option<Box<KarrowLog>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let out = required(log, "log")?;
        let level = Level::from_number(level)
            .ok_or_else(|| Error::argument("level", format!("{level} is not a level; levels go from 0 to 7")))?;
        out.write(Some(Box::new(KarrowLog(Log::new(level, capacity)?))));
        Ok(())
    })
}

/// Takes the oldest message, waiting for one if there is none.
///
/// Errors: `TIMEOUT` if none came in time (0 does not wait, -1 waits for ever). Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_take(
    log: Option<&KarrowLog>,
    timeout_ms: i64,
    entry: Option<&mut MaybeUninit<Option<Box<KarrowLogEntry>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let log = required(log, "log")?;
        let out = required(entry, "entry")?;
        let taken = log.0.take(timeout(timeout_ms)?.deadline());
        let entry = taken.ok_or_else(|| Error::new(Status::Timeout, "no message has come in time"))?;
        let (source, text) = (c_string(&entry.source), c_string(&entry.text));
        out.write(Some(Box::new(KarrowLogEntry { entry, source, text })));
        Ok(())
    })
}

/// How many messages gave way to newer ones because the log was full; 0 for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_dropped(log: Option<&KarrowLog>) -> u64 {
    log.map_or(0, |log| log.0.dropped())
}

/// Frees a log. Consumers that write to it keep what they need of it. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_free(log: Option<Box<KarrowLog>>) {
    drop(log);
}

/// How serious the message is: a `karrow_log_level`; 0 for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_entry_level(entry: Option<&KarrowLogEntry>) -> i32 {
    entry.map_or(0, |entry| entry.entry.level as i32)
}

/// When it was said: nanoseconds since 1970-01-01 UTC; 0 for NULL. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_entry_time_ns(entry: Option<&KarrowLogEntry>) -> i64 {
    entry.map_or(0, |entry| entry.entry.time_ns)
}

/// Who said it: `karrow`, or `librdkafka/` and its facility, as in `librdkafka/FAIL`. Belongs to the entry. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_entry_source(entry: Option<&KarrowLogEntry>) -> *const c_char {
    entry.map_or(ptr::null(), |entry| entry.source.as_ptr())
}

/// What was said. Belongs to the entry. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_entry_text(entry: Option<&KarrowLogEntry>) -> *const c_char {
    entry.map_or(ptr::null(), |entry| entry.text.as_ptr())
}

/// Frees an entry. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_log_entry_free(entry: Option<Box<KarrowLogEntry>>) {
    drop(entry);
}
