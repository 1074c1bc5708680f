//! `karrow_spec`: how one side of every record becomes columns.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use arrow_array::ffi::FFI_ArrowSchema;

use super::{KarrowError, guard, optional_text, required, schema, text};
use crate::error::{Result, Status};
use crate::format::Spec;
use crate::format::json::JsonSpec;

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

/// A spec that reads the fields of a JSON object into columns, which `karrow_spec_add_column` adds and
/// `karrow_spec_map_field` ties to fields. A missing field and JSON's null are null; so is every column of a record whose
/// key or value is null, empty or blank. Of a name that comes twice the last one counts. What does not fit its column, and
/// what is not JSON (RFC 8259, strictly), is a bad record: nothing is rounded, cut off or turned into 0. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_json(
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || new(spec, Spec::Json(JsonSpec::default())))
}

/// A json spec with the columns of an Arrow schema, a struct as `ArrowSchema` has it, as if each had been added with
/// `karrow_spec_add_column`: types and names that no text can say are possible here, and metadata is kept. More columns may
/// be added, and fields be mapped. The schema is only borrowed.
///
/// What is not nullable in the schema refuses null: a column, a member or an item that is null, or a member or a column
/// whose field is missing, makes a bad record; so does a null key or value if any column is not nullable. The columns of
/// the table are nullable nevertheless, what is inside them is as the schema says.
///
/// Errors: `INVALID_ARGUMENT` for a schema that has been released or is none, a column that comes twice, a member that
/// comes twice, or more than 64 levels of nesting; `UNSUPPORTED` for a type that JSON is not read into, with what to use.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_json_columns(
    columns: Option<&FFI_ArrowSchema>,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let columns = schema::import(required(columns, "columns")?, "columns")?;
        new(spec, Spec::Json(JsonSpec::from_schema(&columns)?))
    })
}

/// Adds a column to a json spec. It reads the field of its own name, unless a field is mapped to it. Columns appear in the
/// table in the order in which they are added.
///
/// What a type takes beside null: `bool`: true, false, and strings such as "true", "F"; `int8` to `int64`, `uint8` to
/// `uint64`: numbers, and numbers in strings, that are whole and in range; `float32`, `float64`: numbers, numbers in strings,
/// "NaN", "Infinity", "-Infinity"; `decimal128(p, s)`, `decimal256(p, s)`: numbers, and numbers in strings, that need no more
/// digits; `utf8`: strings, and anything else as it is written; `binary`: base64; `date32`: "YYYY-MM-DD"; `time32[s]`,
/// `time32[ms]`, `time64[us]`, `time64[ns]`: "HH:MM:SS.f"; `timestamp[s]`, `[ms]`, `[us]`, `[ns]`: "YYYY-MM-DDTHH:MM:SS.f";
/// `timestamp[ns, UTC]` and other units and zones: the same with an offset or zone, and numbers, whose magnitude tells
/// seconds, milliseconds, microseconds or nanoseconds since 1970. Deephaven's names (`bool_`, `byte`, `short`, `int`, `long`,
/// `float`, `double`, `String`, `byte[]`, `Instant`, ...) mean the same; `BigDecimal(p, s)` and `BigInteger(p)` are decimals
/// of that many digits, 256 bits wide beyond 38 of them, and without digits utf8.
///
/// Types may be nested, up to 64 levels: `list<int64>` (also `long[]`) takes an array; `struct<Symbol: utf8, Legs:
/// list<int32>>` an object, of which each member reads the field of its own name; `map<utf8, float64>` an object of any
/// names, in the order in which they stand there. What is inside follows the same rules, and is null where it is null or
/// missing. One item or member that does not fit makes the record bad.
///
/// Errors: `INVALID_ARGUMENT` for a type there is not, or a name the spec has already; `UNSUPPORTED` for a type that JSON is
/// not read into; `INVALID_STATE` for a spec of another kind. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_add_column(
    spec: Option<&mut KarrowSpec>,
    name: *const c_char,
    type_name: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let spec = required(spec, "spec")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (name, type_name) = unsafe { (text(name, "name")?, text(type_name, "type_name")?) };
        spec.0.json()?.add_column(name, type_name)
    })
}

/// Lets a field of a json spec feed a column. `field` is the literal name of a member of the outermost object, or, with `/`
/// as its first character, a JSON Pointer (RFC 6901), which reaches into objects and arrays. A field may feed several
/// columns, a column has one field. Whether the column exists is checked when a consumer is made, so that columns and
/// mappings may be added in any order.
///
/// Errors: `INVALID_ARGUMENT` for a pointer that is none or has more than 100 names, or a column that another field is
/// mapped to already; `INVALID_STATE` for a spec of another kind. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_map_field(
    spec: Option<&mut KarrowSpec>,
    field: *const c_char,
    column: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let spec = required(spec, "spec")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (field, column) = unsafe { (text(field, "field")?, text(column, "column")?) };
        spec.0.json()?.map_field(field, column)
    })
}

/// Frees a spec; options that were given it have their own copy. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_free(spec: Option<Box<KarrowSpec>>) {
    drop(spec);
}
