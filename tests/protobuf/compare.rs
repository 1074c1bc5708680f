//! One case, decoded by karrow and by prost-reflect.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, RecordBatch};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use karrow::format::protobuf::ProtobufSpec;
use karrow::format::{Side, Spec};
use karrow::rows::{BadRecordPolicy, ChunkLimits, OnSeal, Policies, Record, RecordTime, RowBuffer, Unwritten};
use karrow::schema::{CommonColumn, TableSchema};
use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value};
use serde_json::Value as Json;

use super::generate::{Case, Payload};
use super::schema::MESSAGE;

/// What became of the data of a case.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub rows: usize,
    pub refused: usize,
    pub mutated_rows: usize,
    pub mutated_refused: usize,
}

const ID: i32 = 7;

/// What is wrong with messages that dynamic messages take.
const MISFITS: [&str; 10] = [
    "a number beyond it",
    "nanoseconds",
    "a timestamp from",
    "a duration of up to",
    "a finite number",
    "JSON of up to",
    // What they take any wire type for.
    "the wire type of the field",
    // In the entries of maps they take the lengths of fields for their own, and go on behind them.
    "found more than the bytes that are left",
    "expected more bytes, found the end",
    "found 0 or a number with too many bits",
];

/// Compares what both make of a case. The error says what is different.
pub fn compare(case: &Case) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let (batch, refused) = decode(case)?;
    let mut row = 0;
    for (offset, payload) in case.payloads.iter().enumerate() {
        let expected = DynamicMessage::decode(case.message.clone(), &payload.bytes[..]).ok();
        let reason = refused.iter().find(|(at, _)| *at == offset).map(|(_, reason)| reason);
        let told = |reason| format!("message {offset} ({:02x?}): {reason}", payload.bytes);
        match (reason, &expected) {
            (None, Some(_)) if payload.is_beyond => return Err(told("should be bad".to_owned())),
            (None, Some(message)) => {
                same_row(case, message, &batch, row).map_err(told)?;
                row += 1;
                *(if payload.is_mutated { &mut counts.mutated_rows } else { &mut counts.rows }) += 1;
            }
            (None, None) if payload.is_mutated && case.has_unwanted() => row += 1,
            (None, None) => return Err(told("should be bad".to_owned())),
            (Some(_), None) => counts.mutated_refused += 1,
            (Some(reason), Some(_)) if may_be_bad(payload, reason) => counts.refused += 1,
            (Some(reason), Some(message)) => {
                return Err(told(format!("should be {message:?} and is bad: {reason}")));
            }
        }
    }
    if row != batch.num_rows() {
        return Err(format!("{} rows, not {row}", batch.num_rows()));
    }
    Ok(counts)
}

fn may_be_bad(payload: &Payload, reason: &str) -> bool {
    let misfits = if payload.is_mutated { &MISFITS[..] } else { &MISFITS[..6] };
    payload.is_beyond || (payload.may_misfit && misfits.iter().any(|misfit| reason.contains(misfit)))
}

fn spec(case: &Case) -> ProtobufSpec {
    let mut spec = ProtobufSpec::from_descriptors(&case.descriptors(), Some(MESSAGE)).unwrap();
    spec.set("nested", if case.structs { "struct" } else { "flatten" }).unwrap();
    spec.set("enum", if case.enum_numbers { "number" } else { "utf8" }).unwrap();
    spec.set("protocol", if case.is_framed { "serdes" } else { "raw" }).unwrap();
    if case.is_framed {
        spec.add_schema(ID, &STANDARD.encode(case.file.encode_to_vec())).unwrap();
    }
    spec
}

/// The payload as a record has it.
fn frame(case: &Case, message: &[u8]) -> Vec<u8> {
    if !case.is_framed {
        return message.to_vec();
    }
    let place = case.file.message_type.iter().position(|message| message.name() == "M1").expect("each file has it");
    // Zigzag.
    let varint = |number: usize| super::generate::varint(2 * number as u64);
    [&[0][..], &ID.to_be_bytes(), &varint(1), &varint(place), message].concat()
}

/// The rows of the payloads, and which of them are bad, and why.
fn decode(case: &Case) -> Result<(RecordBatch, Vec<(usize, String)>), String> {
    let (columns, value) =
        Spec::Protobuf(spec(case)).resolve(Side::Value, &Default::default()).map_err(|error| error.to_string())?;
    let (_, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).unwrap();
    // A batch has to have a column.
    let common = vec![(CommonColumn::Offset, "offset".to_owned())];
    let schema = Arc::new(TableSchema::new("t", common, Vec::new(), columns).map_err(|error| error.to_string())?);
    let rows = RowBuffer::new(Arc::clone(&schema), 0, key, value, ChunkLimits::default(), OnSeal::Begin).unwrap();
    let policies = Policies { value: BadRecordPolicy::Skip, ..Policies::default() };
    let mut rows = rows.with_policies(policies);
    let mut refused = Vec::new();
    for (offset, payload) in case.payloads.iter().enumerate() {
        let payload = frame(case, &payload.bytes);
        let record = Record {
            offset: offset as i64,
            timestamp: RecordTime::None,
            receive_time_ns: 0,
            leader_epoch: None,
            key: None,
            value: Some(&payload),
            headers: &[],
        };
        match rows.append(&record) {
            Ok(()) => {}
            Err(Unwritten::Bad(bad)) => refused.push((offset, bad.reason)),
            Err(Unwritten::Waits(schema)) => return Err(format!("{schema:?} is known")),
        }
    }
    let batch = match &rows.seal(true)[..] {
        [] => RecordBatch::new_empty(Arc::clone(schema.arrow())),
        [sealed] => sealed.batch.arrays().clone(),
        _ => return Err("a case is one chunk".to_owned()),
    };
    for column in batch.columns() {
        column.to_data().validate_full().map_err(|error| format!("no valid array: {error}"))?;
    }
    Ok((batch, refused))
}

fn same_row(case: &Case, message: &DynamicMessage, batch: &RecordBatch, row: usize) -> Result<(), String> {
    let mut columns = Columns { case, batch, row, next: 1 };
    columns.fields(&case.message, Some(message))?;
    match columns.next == batch.num_columns() {
        true => Ok(()),
        false => Err(format!("{} columns, not {}", batch.num_columns(), columns.next)),
    }
}

/// The columns of a row, one after the other.
struct Columns<'c> {
    case: &'c Case,
    batch: &'c RecordBatch,
    row: usize,
    next: usize,
}

impl Columns<'_> {
    /// The fields of a message, or of none.
    fn fields(&mut self, descriptor: &MessageDescriptor, message: Option<&DynamicMessage>) -> Result<(), String> {
        for field in in_order(descriptor) {
            let value = message.and_then(|message| value_of(message, &field));
            if let Some(inside) = plain_message(&field).filter(|_| !self.case.structs) {
                self.fields(&inside, value.as_ref().and_then(Value::as_message))?;
                continue;
            }
            let column = self.batch.column(self.next);
            self.next += 1;
            let told = |reason| format!("{}: {reason}", field.full_name());
            match value {
                Some(value) => same_field(self.case, &field, &value, column, self.row).map_err(told)?,
                None if column.is_null(self.row) => {}
                None => return Err(told("should be null".to_owned())),
            }
        }
        Ok(())
    }
}

/// The fields as the file has them.
fn in_order(descriptor: &MessageDescriptor) -> Vec<FieldDescriptor> {
    let fields = descriptor.descriptor_proto().field.iter();
    fields.map(|field| descriptor.get_field(field.number() as u32).expect("it is one of them")).collect()
}

/// The message that a field is once, if its fields are what counts.
fn plain_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(message) if !field.is_list() && !field.is_map() && message.package_name() == "test" => {
            Some(message)
        }
        _ => None,
    }
}

/// A field's value; `None`: it is null.
fn value_of(message: &DynamicMessage, field: &FieldDescriptor) -> Option<Value> {
    let is_there = !field.supports_presence() || message.has_field(field);
    is_there.then(|| message.get_field(field).into_owned())
}

fn same_field(case: &Case, field: &FieldDescriptor, value: &Value, array: &ArrayRef, row: usize) -> Result<(), String> {
    if array.is_null(row) {
        return Err(format!("is null, and should be {value:?}"));
    }
    match value {
        Value::List(items) => same_list(case, &field.kind(), items, array, row),
        Value::Map(entries) => {
            let found = array.as_map().value(row);
            let Kind::Message(entry) = field.kind() else { return Err("a map has entries".to_owned()) };
            let (key, of) = (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
            let mut seen = HashMap::new();
            for place in 0..found.len() {
                let mut known = entries.iter();
                let same_key = |known: &MapKey| same(case, &key, &known.clone().into(), found.column(0), place).is_ok();
                let (key, value) = known.find(|(known, _)| same_key(known)).ok_or("has another key")?;
                let told = |reason| format!("{{{key:?}}}: {reason}");
                same(case, &of, value, found.column(1), place).map_err(told)?;
                if seen.insert(key, ()).is_some() {
                    return Err(format!("has {key:?} twice"));
                }
            }
            match found.len() == entries.len() {
                true => Ok(()),
                false => Err(format!("should have {} entries, and has {}", entries.len(), found.len())),
            }
        }
        value => same(case, &field.kind(), value, array, row),
    }
}

fn same_list(case: &Case, kind: &Kind, items: &[Value], array: &ArrayRef, row: usize) -> Result<(), String> {
    let found = array.as_list::<i32>().value(row);
    if found.len() != items.len() {
        return Err(format!("should have {} items, and has {}", items.len(), found.len()));
    }
    for (place, item) in items.iter().enumerate() {
        same(case, kind, item, &found, place).map_err(|reason| format!("[{place}]: {reason}"))?;
    }
    Ok(())
}

/// Whether a row is a value that is there.
fn same(case: &Case, kind: &Kind, value: &Value, array: &ArrayRef, row: usize) -> Result<(), String> {
    let is_same = match (kind, value) {
        (Kind::Enum(of), Value::EnumNumber(number)) if !case.enum_numbers => {
            let values = &of.enum_descriptor_proto().value;
            let name = values.iter().find(|value| value.number() == *number);
            let name = name.map_or_else(|| number.to_string(), |value| value.name().to_owned());
            array.as_string::<i32>().value(row) == name
        }
        (_, Value::EnumNumber(number) | Value::I32(number)) => primitive::<Int32Type>(array, row) == *number,
        (_, Value::I64(number)) => primitive::<Int64Type>(array, row) == *number,
        (_, Value::U32(number)) => primitive::<UInt32Type>(array, row) == *number,
        (_, Value::U64(number)) => primitive::<UInt64Type>(array, row) == *number,
        (_, Value::F32(number)) => primitive::<Float32Type>(array, row).to_bits() == number.to_bits(),
        (_, Value::F64(number)) => primitive::<Float64Type>(array, row).to_bits() == number.to_bits(),
        (_, Value::Bool(value)) => array.as_boolean().value(row) == *value,
        (_, Value::String(text)) => array.as_string::<i32>().value(row) == text,
        (_, Value::Bytes(bytes)) => array.as_binary::<i32>().value(row) == bytes,
        (_, Value::Message(message)) => return same_message(case, message, array, row),
        _ => false,
    };
    if is_same && !array.is_null(row) {
        Ok(())
    } else {
        Err(format!("should be {value:?}, and is {:?}", array.slice(row, 1)))
    }
}

fn primitive<T: ArrowPrimitiveType>(array: &ArrayRef, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn same_message(case: &Case, message: &DynamicMessage, array: &ArrayRef, row: usize) -> Result<(), String> {
    let descriptor = message.descriptor();
    let of = |name: &str| message.get_field_by_name(name).expect("it has that field").into_owned();
    let nanos = |of_seconds: &Value, of_nanos: &Value| {
        let (seconds, nanos) = (of_seconds.as_i64().unwrap_or(0), of_nanos.as_i32().unwrap_or(0));
        i128::from(seconds) * 1_000_000_000 + i128::from(nanos)
    };
    let is_same = match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            nanos(&of("seconds"), &of("nanos")) == i128::from(primitive::<TimestampNanosecondType>(array, row))
        }
        "google.protobuf.Duration" => {
            nanos(&of("seconds"), &of("nanos")) == i128::from(primitive::<DurationNanosecondType>(array, row))
        }
        "google.protobuf.Struct" | "google.protobuf.Value" | "google.protobuf.ListValue" => {
            // serde_json does not read every number quite as it is written, so that both are read by it.
            let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| error.to_string());
            read(array.as_string::<i32>().value(row))? == read(&json(message).to_string())?
        }
        "google.protobuf.FieldMask" => {
            let paths = of("paths");
            return same_list(case, &Kind::String, paths.as_list().unwrap_or(&[]), array, row);
        }
        name if name.starts_with("google.protobuf.") && name.ends_with("Value") => {
            let value = descriptor.get_field_by_name("value").expect("a wrapper has a value");
            return same_field(case, &value, &of("value"), array, row);
        }
        _ => {
            let found = array.as_struct();
            for (place, field) in in_order(&descriptor).iter().enumerate() {
                let told = |reason| format!(".{}: {reason}", field.name());
                match value_of(message, field) {
                    Some(value) => same_field(case, field, &value, found.column(place), row).map_err(told)?,
                    None if found.column(place).is_null(row) => {}
                    None => return Err(told("should be null".to_owned())),
                }
            }
            found.num_columns() == descriptor.fields().len()
        }
    };
    if is_same && !array.is_null(row) {
        Ok(())
    } else {
        Err(format!("should be {message:?}, and is {:?}", array.slice(row, 1)))
    }
}

/// What a `Struct`, a `Value` or a `ListValue` is.
fn json(message: &DynamicMessage) -> Json {
    let of = |name: &str| message.get_field_by_name(name).map(std::borrow::Cow::into_owned);
    let inside = |value: &Value| value.as_message().map_or(Json::Null, json);
    match message.descriptor().name() {
        "Struct" => {
            let fields = of("fields");
            let entries = fields.as_ref().and_then(Value::as_map).into_iter().flatten();
            entries.map(|(key, value)| (key.as_str().unwrap_or("").to_owned(), inside(value))).collect()
        }
        "ListValue" => {
            let values = of("values");
            values.as_ref().and_then(Value::as_list).unwrap_or(&[]).iter().map(inside).collect()
        }
        _ => {
            let set = message.descriptor().fields().find(|field| message.has_field(field));
            match set.map(|field| message.get_field(&field).into_owned()) {
                Some(Value::F64(number)) => Json::from(number),
                Some(Value::String(text)) => Json::from(text),
                Some(Value::Bool(value)) => Json::from(value),
                Some(Value::Message(inside)) => json(&inside),
                _ => Json::Null,
            }
        }
    }
}
