//! `karrow_spec`: how one side of every record becomes columns.

use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

use arrow_array::ffi::FFI_ArrowSchema;

use super::processor::KarrowProcessorFn;
use super::{KarrowError, array, guard, optional_text, required, schema, text};
use crate::error::{Result, Status};
use crate::format::Spec;
use crate::format::avro::AvroSpec;
use crate::format::callback::CallbackSpec;
use crate::format::json::JsonSpec;
use crate::format::json::processor::ProcessorSpec;
use crate::format::protobuf::ProtobufSpec;

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

/// An object processor in Deephaven's JSON value language: a description in JSON of which forms values have, from which the
/// columns follow. It has the kinds and options of `deephaven.json`, by their names. `{"a": "int", "b": ["float"]}` is short for
///
/// ```json
/// {"type": "object", "fields": {"a": {"type": "long"}, "b": {"type": "array", "element": {"type": "double"}}}}
/// ```
///
/// A description is an object whose `type` is a kind: `object`, `typed_object`, `array`, `tuple`, `object_entries`, `bool`,
/// `char`, `byte`, `short`, `int`, `long`, `float`, `double`, `string`, `instant`, `big_integer`, `big_decimal`, `any`, `skip`. It
/// may be short: any other object has these fields; an array of one description is an array of such values; a string is a kind
/// that needs no options, or a type of Python: `"str"`, `"int"` (a long), `"float"` (a double), `"bool"`, `"datetime"` (an
/// instant), `"object"` (any). docs/object-processor.md has all options, docs/object-processor.schema.json is their schema.
///
/// What becomes of a kind: `bool`: bool; `byte`, `short`, `int`, `long`: int8 to int64; `float`, `double`: float32, float64;
/// `char`, `string`: utf8; `instant`: timestamp[ns, UTC]; `big_integer`, `big_decimal`: utf8, exact, or a decimal of `precision` and
/// `scale`; `any`: utf8, the JSON text; `skip`: no column. The fields of an object, the values of a tuple and what objects of
/// several types have become columns of their own, whose names are the parts of their path with underscores in between.
/// `array`: list, of structs where an item has several columns; `object_entries`: map; with `"columns": "parallel"` both
/// become a list for each column instead, as in Deephaven.
///
/// A value has to be of a kind that is allowed: unless options say otherwise, null and missing are, and nothing is converted.
/// What is not allowed, or does not fit, is a bad record. A key or value that is null is null in every column.
///
/// Errors: `INVALID_ARGUMENT` for a text that is no JSON or no description, with the place in it as a JSON Pointer, which is the
/// detail `pointer`, too. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_object_processor(
    description: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let description = unsafe { text(description, "description")? };
        new(spec, Spec::Processor(ProcessorSpec::new(description)?))
    })
}

/// A spec that reads the fields of an Avro record into columns, whose names and types follow from `schema`: an Avro schema
/// as JSON text, whose top level is a record. Data may have been written with other schemas: each record is read as the
/// specification of Avro resolves its writer's schema to this one, with defaults, promotions and aliases.
///
/// Data have Confluent's framing unless `karrow_spec_set` says otherwise: a zero byte, four bytes of the id of the schema they
/// were written with, and the datum. Schemas by id come from `karrow_spec_add_schema`, or from the registry if
/// `schema.registry.url` is set in the options. A key or value that is null is null in every column; bytes behind a datum are
/// not looked at; what cannot be read is a bad record.
///
/// What becomes of a type: `boolean`: bool; `int`: int32; `long`: int64; `float`: float32; `double`: float64; `string`: utf8;
/// `bytes`: binary; `fixed`: fixed_size_binary; `enum`: utf8, the symbol; `array`: list; `map`: map, of a key that comes twice
/// the last value; a union of null and one other type: that type; any other union: a struct with one member for each branch
/// but null, named by its type, of which at most one is not null. Of logical types: `decimal`: decimal128, decimal256 beyond 38
/// digits, utf8 beyond 76; `date`: date32; `time-millis`, `time-micros`: time32[ms], time64[us]; `timestamp-millis`, `-micros`,
/// `-nanos`: timestamp[ms, UTC], [us, UTC], [ns, UTC]; `local-timestamp-millis` and so on: timestamp[ms] and so on; `uuid`: utf8,
/// in lower case; `duration`: fixed_size_binary(12).
///
/// A record inside the record becomes columns of its own, `customer__name` for the field `name` of `customer`, unless
/// `karrow_spec_set` says otherwise. `karrow_spec_map_field` gives columns other names.
///
/// Errors: `INVALID_ARGUMENT` for text that is no Avro schema. What is no record at its top level, or contains itself, is an
/// error when a consumer is made. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_avro_schema(
    schema: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let schema = unsafe { text(schema, "schema")? };
        new(spec, Spec::Avro(AvroSpec::from_schema(schema)?))
    })
}

/// The same with a schema that the registry has: a version of a subject, a number from 1 on; `latest` or NULL is the latest
/// one. The registry is the one of `schema.registry.url` in the options, and is asked when a consumer is opened: the schema
/// is then fixed for as long as it reads.
///
/// Errors: `INVALID_ARGUMENT` for an empty subject, or what is no version. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_avro_subject(
    subject: *const c_char,
    version: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (subject, version) = unsafe { (text(subject, "subject")?, optional_text(version, "version")?) };
        new(spec, Spec::Avro(AvroSpec::from_subject(subject, version.unwrap_or("latest"))?))
    })
}

/// A spec that reads the fields of a Protobuf message into columns, whose names and types follow from `text`: a file in the
/// language of Protobuf, proto2 or proto3, that is called `file`, as others would import it. What it imports itself is added
/// with `karrow_spec_add_file`; `google/protobuf/timestamp.proto` and the others of `google/protobuf` are there already.
/// `message` is the message's full name, or its name within the file's package; NULL: the first of the file.
///
/// A key or value is one message and nothing else, unless `karrow_spec_set` says otherwise; one that is empty is a message of
/// defaults, one that is null is null in every column; what cannot be read is a bad record. Data may have been written with
/// other versions of the file: fields are known by their numbers, and what the message does not have is skipped.
///
/// What becomes of a type: `int32`, `sint32`, `sfixed32`: int32; `int64`, `sint64`, `sfixed64`: int64; `uint32`, `fixed32`:
/// uint32; `uint64`, `fixed64`: uint64; `float`: float32; `double`: float64; `bool`: bool; `string`: utf8; `bytes`: binary; an
/// enum: utf8, the name, or the number as text where it has none; `repeated`: list; `map`: map, of a key that comes twice the
/// last value; a message inside a list or a map: struct. Of `google.protobuf`: `Timestamp`: timestamp[ns, UTC]; `Duration`:
/// duration[ns]; `Int32Value` and the other wrappers: their value; `Any`: struct<type_url: utf8, value: binary>; `FieldMask`:
/// list<utf8>; `Struct`, `Value`, `ListValue`: utf8, the JSON text. A field that is not set has its default, 0 or empty; it is
/// null if Protobuf can tell (`optional`, in a `oneof`, of proto2, a message), as is everything inside a message that is not
/// set. Defaults that a file of proto2 gives are not used, and what it requires may be missing. Extensions are skipped.
///
/// A message inside the message becomes columns of its own, `customer_name` for the field `name` of `customer`, unless
/// `karrow_spec_set` says otherwise. `karrow_spec_map_field` gives columns other names.
///
/// Errors: `INVALID_ARGUMENT` for text that is no such file, with the line, or an empty name. What needs the imports is an error
/// when a consumer is made: a file that is missing, a type or message that there is not, columns of one name, or a message
/// that contains itself and is not left out with `include`. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_protobuf_source(
    file: *const c_char,
    text: *const c_char,
    message: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (file, text) = unsafe { (super::text(file, "file")?, super::text(text, "text")?) };
        // SAFETY: the same.
        let message = unsafe { optional_text(message, "message")? };
        new(spec, Spec::Protobuf(ProtobufSpec::from_source(file, text, message)?))
    })
}

/// The same with a file that has been compiled: `descriptors` are `length` bytes of a serialized
/// `google.protobuf.FileDescriptorSet`, as `protoc --include_imports --descriptor_set_out` writes it. The message is one of the
/// last file's, which is the one that protoc was asked for; NULL: the first of it. What the files import of `google/protobuf`
/// may be missing.
///
/// Errors: `INVALID_ARGUMENT` for bytes that are no such set, a file that is missing in it, or a message that there is not.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_protobuf_descriptor(
    descriptors: *const u8,
    length: usize,
    message: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or `length` bytes, by the contract of this module.
        let descriptors = unsafe { array(descriptors, length, "descriptors")? };
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let message = unsafe { optional_text(message, "message")? };
        new(spec, Spec::Protobuf(ProtobufSpec::from_descriptors(descriptors, message)?))
    })
}

/// The same with a file that the registry has: a version of a subject, a number from 1 on; `latest` or NULL is the latest one.
/// The registry is the one of `schema.registry.url` in the options, and is asked when a consumer is opened, for what the file
/// imports too: the columns are then fixed for as long as it reads.
///
/// Data have Confluent's framing unless `karrow_spec_set` says otherwise: a zero byte, four bytes of the id of the schema they
/// were written with, which of its messages it is, and the message. Schemas by id come from `karrow_spec_add_schema` or from
/// the registry. One whose fields are written in another way than those of the same numbers here, as `sint32` is in another
/// way than `int32`, cannot be read, and another message is a bad record.
///
/// Errors: `INVALID_ARGUMENT` for an empty subject or name of a message, or what is no version. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_protobuf_subject(
    subject: *const c_char,
    version: *const c_char,
    message: *const c_char,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (subject, version) = unsafe { (text(subject, "subject")?, optional_text(version, "version")?) };
        // SAFETY: the same.
        let message = unsafe { optional_text(message, "message")? };
        let version = version.unwrap_or("latest");
        new(spec, Spec::Protobuf(ProtobufSpec::from_subject(subject, version, message)?))
    })
}

/// A spec whose columns, those of `columns`, a struct, a function of the caller's makes of keys or values, batch by batch,
/// inside `karrow_consumer_poll`: `karrow_processor_fn` says how. `karrow_spec_set` can have it see offsets and timestamps,
/// too. The other side of the records, and their common columns, are as ever; both sides may have a processor.
///
/// `userdata` goes to the function as it is, and once nobody can call it any more, because the last spec, options and
/// consumer that have it are gone, to `release`, if that is not NULL: once, on any thread, and also if this call fails. The
/// schema is only borrowed.
///
/// What is not nullable in the schema may not be null in what the function makes, but in rows that it refuses. The columns of
/// the table are nullable nevertheless, what is inside them is as the schema says. Records wait as payloads for the next
/// cycle, and count against `karrow.memory.budget.bytes`; what the function makes counts as rows of the table do, with the
/// buffers that it keeps alive. In append and ring tables each cycle makes a batch of its own for each partition: poll less
/// often, or set `karrow.poll.linger.ms`, for larger ones.
///
/// Errors: `INVALID_ARGUMENT` for a schema that has been released or is none, no columns, a column that comes twice, or more
/// than 64 levels of nesting; `UNSUPPORTED` for dictionaries, unions, views, and types with run ends. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_new_callback(
    columns: Option<&FFI_ArrowSchema>,
    processor: KarrowProcessorFn,
    userdata: *mut c_void,
    release: Option<unsafe extern "C" fn(userdata: *mut c_void)>,
    spec: Option<&mut MaybeUninit<Option<Box<KarrowSpec>>>>,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        // First, because from here on the user data are released whatever happens.
        let processor = super::processor::processor(processor, userdata, release)?;
        let columns = schema::import(required(columns, "columns")?, "columns")?;
        new(spec, Spec::Callback(CallbackSpec::new(&columns, processor)?))
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
        spec.0.add_column(name, type_name)
    })
}

/// Ties a field to a column, of a json spec, an avro spec or a protobuf spec.
///
/// json: lets the field feed the column. `field` is the literal name of a member of the outermost object, or, with `/` as
/// its first character, a JSON Pointer (RFC 6901), which reaches into objects and arrays. A field may feed several columns, a
/// column has one field. Whether the column exists is checked when a consumer is made, so that columns and mappings may be
/// added in any order.
///
/// avro: gives the field's column this name, instead of that of the field. `field` is its path in the schema, with a dot in
/// front of what is inside a record: `customer.name`. A field has one column. What the schema does not have is ignored.
///
/// protobuf: the same with a slash in front of each name, `/customer/name`, of which the first may be left out.
///
/// Errors: `INVALID_ARGUMENT` for a pointer that is none or has more than 100 names, a column of json that another field is
/// mapped to already, or a field of avro or protobuf that is mapped to another column already; `INVALID_STATE` for a spec of
/// another kind.
/// Since 0.1.
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
        spec.0.map_field(field, column)
    })
}

/// Sets something about an avro spec, a protobuf spec or a callback spec. The first of its values is what a key is unless it is set.
///
/// avro:
///
/// * `framing`: `confluent`: a zero byte and the id of the schema the datum was written with; `bare`: nothing, and the datum was
///   written with the schema that `karrow_spec_add_schema` has added, or else that of the spec; `single_object`: `C3 01` and
///   the fingerprint of a schema, which is that of the spec or one that was added.
/// * `nested`: `flatten`: records inside the record become columns of their own; `struct`: they become structs. Inside lists,
///   maps and unions records are structs either way.
/// * `union`: `struct`: what is no union of null and one other type becomes a struct of one member for each branch; `dense`: a
///   dense union, which several readers of Arrow refuse.
/// * `enum`: `utf8`: enums become text; `dictionary`: a dictionary of their symbols, the same for all batches.
/// * `mapped_only`: `false`; `true`: fields that are not mapped become no columns, if any is mapped at all. A record that is not
///   mapped itself is left out with everything inside it.
///
/// protobuf:
///
/// * `protocol`: `serdes`: a zero byte, the id of the schema the message was written with, the message's place in that, and the
///   message; `raw`: the message alone, which is the default of a spec that is not of a subject. An id that
///   `karrow_spec_add_schema` has not added is asked of the registry.
/// * `nested`: `flatten`: messages inside the message become columns of their own; `struct`: they become structs. Inside lists
///   and maps messages are structs either way.
/// * `enum`: `utf8`: enums become text, their names; `number`: int32.
/// * `include`: which fields become columns, as paths with commas between them; unless it is set, all. `/customer/name` is the
///   field `name` of the message `customer`, `/customer/*` is everything in it, `*` is everything. The first slash may be left
///   out. The names of a map's parts are `key` and `value`. A path that leads to no column, as `/customer` alone does, is an
///   error when a consumer is made.
///
/// callback:
///
/// * `offset`: `false`; `true`: the processor sees the records' offsets beside payloads.
/// * `timestamp`: `false`; `true`: it sees their timestamps.
///
/// Errors: `INVALID_ARGUMENT` for an unknown key or value, with those there are; `INVALID_STATE` for a spec of another kind.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_set(
    spec: Option<&mut KarrowSpec>,
    key: *const c_char,
    value: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let spec = required(spec, "spec")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (key, value) = unsafe { (text(key, "key")?, text(value, "value")?) };
        spec.0.set(key, value)
    })
}

/// Adds a schema that data were written with to an avro spec or a protobuf spec, by the id that they say: no registry is asked
/// for it. What has the framing `single_object` says its fingerprint instead; to `bare` data, which say nothing, only one
/// schema can be added. A schema of protobuf is the text of a file, or a serialized `FileDescriptorProto` in base64; what it
/// imports is among the files of the spec.
///
/// Errors: `INVALID_ARGUMENT` for text that is no schema of the spec's kind, or an id that stands for another schema already;
/// `INVALID_STATE` for a spec of another kind. That data of it cannot be read as the spec's schema is an error when a
/// consumer is made. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_add_schema(
    spec: Option<&mut KarrowSpec>,
    id: i32,
    schema: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let spec = required(spec, "spec")?;
        // SAFETY: NULL or a terminated text, by the contract of this module.
        let schema = unsafe { text(schema, "schema")? };
        spec.0.add_schema(id, schema)
    })
}

/// Adds a file to a protobuf spec, by the name that others import it by: the spec's own file, those of
/// `karrow_spec_add_schema`, and other files that are added, in any order. What a schema of the registry imports the registry has
/// itself. A file of `google/protobuf` that is built in stays as it is.
///
/// Errors: `INVALID_ARGUMENT` for text that is no file in the language of Protobuf, with the line, or a name that another file
/// has; `INVALID_STATE` for a spec of another kind. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_add_file(
    spec: Option<&mut KarrowSpec>,
    name: *const c_char,
    text: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<KarrowError>>>>,
) -> Status {
    guard(error, || {
        let spec = required(spec, "spec")?;
        // SAFETY: NULL or terminated texts, by the contract of this module.
        let (name, text) = unsafe { (super::text(name, "name")?, super::text(text, "text")?) };
        spec.0.add_file(name, text)
    })
}

/// Frees a spec; options that were given it have their own copy. NULL does nothing. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn karrow_spec_free(spec: Option<Box<KarrowSpec>>) {
    drop(spec);
}
