//! `ArrowArrayStream` over a snapshot's batches.
//!
//! Written here and not taken from arrow-rs, because no error text may make a reader crash and no panic may cross.

use std::ffi::{CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};

use super::{c_string, schema};
use crate::error::Result;
use crate::table::snapshot::Batches;

/// What the specification has callbacks return for an error of the producer.
const EIO: c_int = libc::EIO;

/// The C Stream Interface's structure; the header has the specification's own declaration of it.
#[repr(C)]
pub struct ArrowArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut FFI_ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut FFI_ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    private_data: *mut c_void,
}

struct Private {
    batches: Batches,
    last_error: Option<CString>,
}

/// A stream for the caller to read and release.
pub fn export(batches: Batches) -> Result<ArrowArrayStream> {
    let private = Box::new(Private { batches, last_error: None });
    Ok(ArrowArrayStream {
        get_schema: Some(get_schema),
        get_next: Some(get_next),
        get_last_error: Some(get_last_error),
        release: Some(release),
        private_data: Box::into_raw(private).cast(),
    })
}

unsafe extern "C" fn get_schema(stream: *mut ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    // SAFETY: by the specification the stream is the one exported above, and not released.
    let private = unsafe { &mut *(*stream).private_data.cast::<Private>() };
    private.answer(|private| {
        let schema = schema::export(private.batches.schema())?;
        // SAFETY: by the specification `out` is the caller's memory, whatever it holds.
        unsafe { ptr::write(out, schema) };
        Ok(())
    })
}

unsafe extern "C" fn get_next(stream: *mut ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    // SAFETY: by the specification the stream is the one exported above, and not released.
    let private = unsafe { &mut *(*stream).private_data.cast::<Private>() };
    private.answer(|private| {
        // A released array says that the stream is at its end.
        let array = private.batches.next_exported().unwrap_or_else(FFI_ArrowArray::empty);
        // SAFETY: by the specification `out` is the caller's memory, whatever it holds.
        unsafe { ptr::write(out, array) };
        Ok(())
    })
}

unsafe extern "C" fn get_last_error(stream: *mut ArrowArrayStream) -> *const c_char {
    // SAFETY: by the specification the stream is the one exported above, and not released.
    let private = unsafe { &*(*stream).private_data.cast::<Private>() };
    private.last_error.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

unsafe extern "C" fn release(stream: *mut ArrowArrayStream) {
    if stream.is_null() {
        return;
    }
    // SAFETY: not NULL, so the caller's stream; released once, because `release` is taken away.
    unsafe {
        if (*stream).release.take().is_some() {
            drop(Box::from_raw((*stream).private_data.cast::<Private>()));
            (*stream).private_data = ptr::null_mut();
        }
    }
}

impl Private {
    fn answer(&mut self, body: impl FnOnce(&mut Private) -> Result<()>) -> c_int {
        let outcome = catch_unwind(AssertUnwindSafe(|| body(self)));
        let text = match outcome {
            Ok(Ok(())) => {
                self.last_error = None;
                return 0;
            }
            Ok(Err(error)) => error.message().to_owned(),
            Err(panic) => format!("karrow panicked: {}", crate::ingest::slot::panic_message(&*panic)),
        };
        self.last_error = Some(c_string(&text));
        EIO
    }
}
