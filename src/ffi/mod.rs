//! The C ABI: signature, guard, a few lines that call safe Rust. Logic lives elsewhere.
//!
//! One file for each C type. The conventions, which `cbindgen.toml` states for C programmers at the top of the header:
//!
//! * A Rust signature says who owns what. `Option<&T>` reads a handle, `Option<&mut T>` changes one (specs and options,
//!   which belong to one thread while they change), `Option<Box<T>>` takes it back, `Option<&mut MaybeUninit<T>>` is
//!   memory of the caller's that is only ever written. `Option`, because every pointer may be NULL.
//! * Handles that several threads may use at once (consumer, snapshot, log, mock) are only ever borrowed shared.
//! * Outputs are written after the last thing that can fail.
//! * No panic crosses: [`guard`] turns one into `PANIC`.
//!
//! Every `unsafe extern "C" fn` here has the same contract: pointers are NULL or point to what their type says, valid for
//! the call, and handles came from this library and have not been freed.

#![allow(clippy::missing_safety_doc)] // one contract for all of them, stated above and in the header

// In the order in which the header shows them; the blank comments keep it.
mod version;
//
mod error;
//
mod log;
//
mod spec;
//
mod processor;
//
mod options;
//
mod consumer;
//
mod snapshot;
//
#[doc(hidden)] // for benchmarks
pub mod stream;
//
mod array;
mod schema;
//
mod mock;

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, Result, Status};
use crate::ingest::Timeout;
pub use error::KarrowError;

/// Memory of the caller's for an error; always written, with NULL on success. Signatures spell it out, because cbindgen
/// prints what they say.
type ErrorOut<'a> = Option<&'a mut MaybeUninit<Option<Box<KarrowError>>>>;

/// Runs the body of an entry point: every failure becomes a status and, if wanted, an error; so does a panic.
fn guard(error: ErrorOut<'_>, body: impl FnOnce() -> Result<()>) -> Status {
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let text = crate::ingest::slot::panic_message(&*panic);
        Err(Error::new(Status::Panic, format!("karrow panicked: {text}")))
    });
    let (status, failure) = match outcome {
        Ok(()) => (Status::Ok, None),
        Err(failure) => (failure.status(), Some(failure)),
    };
    if let Some(error) = error {
        error.write(failure.map(|failure| Box::new(KarrowError::new(failure))));
    }
    status
}

/// A handle that must be there.
fn required<T>(handle: Option<T>, argument: &'static str) -> Result<T> {
    handle.ok_or_else(|| Error::argument(argument, "is NULL"))
}

/// A text that must be there.
///
/// # Safety
/// NULL, or a terminated text that lives as long as the result.
unsafe fn text<'a>(text: *const c_char, argument: &'static str) -> Result<&'a str> {
    // SAFETY: as the caller says.
    required(unsafe { optional_text(text, argument) }?, argument)
}

/// A text that may be NULL.
///
/// # Safety
/// NULL, or a terminated text that lives as long as the result.
unsafe fn optional_text<'a>(text: *const c_char, argument: &'static str) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not NULL, so terminated, says the caller.
    let text = unsafe { CStr::from_ptr(text) }.to_str();
    text.map(Some)
        .map_err(|error| Error::argument(argument, format!("is not valid UTF-8 from byte {} on", error.valid_up_to())))
}

/// An array that may be NULL if it is empty.
///
/// # Safety
/// NULL, or `count` values that live as long as the result.
unsafe fn array<'a, T>(first: *const T, count: usize, argument: &'static str) -> Result<&'a [T]> {
    match (first.is_null(), count) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Error::argument(argument, format!("is NULL, with a count of {count}"))),
        // SAFETY: as the caller says.
        (false, _) => Ok(unsafe { std::slice::from_raw_parts(first, count) }),
    }
}

/// A time-out as C says it.
fn timeout(timeout_ms: i64) -> Result<Timeout> {
    Timeout::from_number(timeout_ms)
}

/// A text that C can read. A NUL character, which nothing here should contain, ends it.
fn c_string(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).expect("everything from the first NUL on has been left out")
}
