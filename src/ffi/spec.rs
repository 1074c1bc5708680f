//! `karrow_spec`: how one side of every record becomes columns.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::{KarrowError, guard, optional_text, required};
use crate::error::{Result, Status};
use crate::format::Spec;

/// How a key or a value becomes columns. Options copy it, so that one spec may serve many. Belongs to one thread while it
/// is being changed.
pub struct KarrowSpec(pub(super) Spec);

fn new(out: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>, spec: Spec) -> Result<()> {
    required(out, "spec")?.write(Some(Box::new(KarrowSpec(spec))));
    Ok(())
}

/// A spec that makes no column: that side of every record is not looked at. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_ignore(
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || new(spec, Spec::Ignore))
}

/// A spec whose one column is named by the options: `karrow.key.column.name` [`KafkaKey`] and `karrow.key.column.type`,
/// or `karrow.value.column.name` [`KafkaValue`] and `karrow.value.column.type`; without a type, `key.deserializer` or
/// `value.deserializer` (a Kafka class name) tells it. This is what a side has that no spec was set for. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_from_properties(
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || new(spec, Spec::FROM_PROPERTIES))
}

/// A spec that reads the whole key or value into one column, as Kafka's own serialisers write it: `int16`, `int32`,
/// `int64`, `float32`, `float64` (big-endian), `utf8`, `binary`, or `uuid` (text; the column is utf8, in lower case).
/// Deephaven's names (`short`, `int`, `long`, `float`, `double`, `String`, `byte[]`, `java.util.UUID`) mean the same.
/// Kafka's null is null; an empty text is empty; anything else that does not fit is a bad record.
///
/// `column` and `type` may be NULL: then the options name them, as for `karrow_spec_new_from_properties`. A type that is
/// none of these is an error when a consumer is made, not here. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_simple(
    column: *const c_char,
    type_name: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (column, type_name) = unsafe { (optional_text(column, "column")?, optional_text(type_name, "type_name")?) };
        let (column, type_name) = (column.map(str::to_owned), type_name.map(str::to_owned));
        new(spec, Spec::Simple { column, type_name })
    })
}

/// Frees a spec; options that were given it have their own copy. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_free(spec: Option<Box<KarrowSpec>>) {
    drop(spec);
}
