//! One case, decoded by karrow and by apache-avro.

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::i256;
use arrow_schema::DataType;
use karrow::format::avro::AvroSpec;
use karrow::format::writers::Learn;
use karrow::format::{Decoder, Side, Spec};
use karrow::registry::{self, SchemaKind};
use karrow::rows::{BadRecordPolicy, ChunkLimits, OnSeal, Policies, Record, RecordTime, RowBuffer, Unwritten};
use karrow::schema::{CommonColumn, TableSchema};
use num_bigint::BigInt;

use super::generate::{Case, Framing};
use super::types::{FixedLogical, Ty};

/// What became of the data of a case.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub rows: usize,
    pub refused: usize,
    pub mutated_rows: usize,
    pub mutated_refused: usize,
}

const ID: i32 = 7;

/// Compares what both make of a case. The error says what is different.
pub fn compare(case: &Case) -> Result<Counts, String> {
    let oracle = Oracle::new(case);
    let mut counts = Counts::default();
    let mut payloads = Vec::new();
    for value in &case.values {
        payloads.push((oracle.write(value), false));
    }
    for (place, mutation) in &case.mutations {
        payloads.push((mutation.apply(&payloads[*place].0), true));
    }
    let framed: Vec<Vec<u8>> = payloads.iter().map(|(datum, _)| frame(case, datum)).collect();
    let (batch, refused) = decode(case, &framed)?;
    let mut row = 0;
    for (offset, (datum, is_mutated)) in payloads.iter().enumerate() {
        let expected = if case.is_broken { None } else { oracle.read(datum) };
        let reason = refused.iter().find(|(at, _)| *at == offset).map(|(_, reason)| reason);
        match (reason, &expected, is_mutated) {
            (None, Some(value), _) => {
                let told = |reason| format!("datum {offset} ({datum:02x?}): {reason}");
                same_row(case, value, &batch, row).map_err(told)?;
                row += 1;
                *(if *is_mutated { &mut counts.mutated_rows } else { &mut counts.rows }) += 1;
            }
            // What karrow steps over it does not look into, and apache-avro does.
            (None, None, true) if !case.is_broken => row += 1,
            (None, None, _) => return Err(format!("datum {offset} ({datum:02x?}) should be bad")),
            // apache-avro takes the end of the bytes for an empty value, and bits that are too many for none.
            (Some(_), _, true) => counts.mutated_refused += 1,
            (Some(_), None, false) => counts.refused += 1,
            (Some(reason), Some(value), false) => {
                return Err(format!("datum {offset} ({datum:02x?}) should be {value:?} and is bad: {reason}"));
            }
        }
    }
    if row != batch.num_rows() {
        return Err(format!("{} rows, not {row}", batch.num_rows()));
    }
    Ok(counts)
}

struct Oracle {
    writer: Schema,
    aliased: Schema,
    reader: Schema,
}

impl Oracle {
    fn new(case: &Case) -> Oracle {
        let parse = |ty: &Ty| Schema::parse(&ty.schema(false)).unwrap_or_else(|error| panic!("{error}: {ty:?}"));
        Oracle { writer: parse(&case.writer), aliased: parse(&case.aliased), reader: parse(&case.reader) }
    }

    fn write(&self, value: &Value) -> Vec<u8> {
        GenericDatumWriter::builder(&self.writer).build().unwrap().write_value_to_vec(value.clone()).unwrap()
    }

    fn read(&self, mut datum: &[u8]) -> Option<Value> {
        let reader = GenericDatumReader::builder(&self.aliased).reader_schema(&self.reader).build().unwrap();
        reader.read_value(&mut datum).ok()
    }
}

fn frame(case: &Case, datum: &[u8]) -> Vec<u8> {
    let mut framed = match case.framing {
        Framing::Confluent => [&[0][..], &ID.to_be_bytes()].concat(),
        Framing::Bare => Vec::new(),
        Framing::SingleObject => {
            // The canonical form knows no logical types.
            let writer = Schema::parse(&case.writer.schema(false)).unwrap();
            [&[0xc3, 0x01][..], &writer.fingerprint::<Rabin>().bytes].concat()
        }
    };
    framed.extend_from_slice(datum);
    framed
}

fn spec(case: &Case) -> AvroSpec {
    let mut spec = AvroSpec::from_schema(&case.reader.schema(true).to_string()).unwrap();
    let framing = match case.framing {
        Framing::Confluent => "confluent",
        Framing::Bare => "bare",
        Framing::SingleObject => "single_object",
    };
    spec.set("framing", framing).unwrap();
    spec.set("nested", if case.structs { "struct" } else { "flatten" }).unwrap();
    spec.set("union", if case.dense_unions { "dense" } else { "struct" }).unwrap();
    spec.set("enum", if case.dictionaries { "dictionary" } else { "utf8" }).unwrap();
    spec
}

/// The rows of the payloads, and which of them are bad, and why.
fn decode(case: &Case, payloads: &[Vec<u8>]) -> Result<(RecordBatch, Vec<(usize, String)>), String> {
    let writer = case.writer.schema(true).to_string();
    let mut spec = spec(case);
    if case.is_broken {
        // That this cannot be read is known before any record.
        let mut broken = spec.clone();
        broken.add_schema(ID, &writer).unwrap();
        if Spec::Avro(broken).resolve(Side::Value, &Default::default()).is_ok() {
            return Err("the schemas should not fit".to_owned());
        }
        spec.set("framing", "confluent").unwrap();
    } else {
        spec.add_schema(ID, &writer).unwrap();
    }
    let (columns, value) =
        Spec::Avro(spec).resolve(Side::Value, &Default::default()).map_err(|error| error.to_string())?;
    if let (true, Decoder::Avro(decoder)) = (case.is_broken, &value) {
        let (kind, references) = (SchemaKind::Avro, Vec::new());
        decoder.writers().learn(ID, &registry::Schema { id: Some(ID), version: None, kind, text: writer, references });
    }
    let (_, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).unwrap();
    // A batch has to have a column.
    let common = vec![(CommonColumn::Offset, "offset".to_owned())];
    let schema = Arc::new(TableSchema::new("t", common, Vec::new(), columns).map_err(|error| error.to_string())?);
    let rows = RowBuffer::new(Arc::clone(&schema), 0, key, value, ChunkLimits::default(), OnSeal::Begin).unwrap();
    let policies = Policies { value: BadRecordPolicy::Skip, ..Policies::default() };
    let mut rows = rows.with_policies(policies);
    let mut refused = Vec::new();
    for (offset, payload) in payloads.iter().enumerate() {
        let record = Record {
            offset: offset as i64,
            timestamp: RecordTime::None,
            receive_time_ns: 0,
            leader_epoch: None,
            key: None,
            value: Some(payload),
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

fn same_row(case: &Case, value: &Value, batch: &RecordBatch, row: usize) -> Result<(), String> {
    let Ty::Record { fields, .. } = &case.reader else { return Err("a case is of records".to_owned()) };
    let mut columns = Columns { case, batch, row, next: 1 };
    columns.fields(fields, Some(value))?;
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
    /// The fields of a record, or of none.
    fn fields(&mut self, fields: &[super::types::TyField], record: Option<&Value>) -> Result<(), String> {
        let members = match record {
            None => None,
            Some(Value::Record(members)) if members.len() == fields.len() => Some(members),
            Some(other) => return Err(format!("{other:?} is no record")),
        };
        for (place, field) in fields.iter().enumerate() {
            let value = members.map(|members| &members[place].1);
            let value = match value {
                Some(Value::Union(_, some)) if field.ty.nullable().is_some() => Some(&**some),
                other => other,
            };
            match (field.ty.nullable().unwrap_or(&field.ty), self.case.structs) {
                (Ty::Record { fields, .. }, false) => {
                    self.fields(fields, value.filter(|value| **value != Value::Null))?;
                }
                (ty, _) => {
                    let column = self.batch.column(self.next);
                    self.next += 1;
                    match value {
                        Some(value) => {
                            let told = |reason| format!("{}: {reason}", field.name);
                            same(self.case, ty, value, column, self.row).map_err(told)?;
                        }
                        None if is_null(column, self.row) => {}
                        None => return Err(format!("{} should be null", field.name)),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a row is null, which a dense union says in the child that it is in.
fn is_null(array: &ArrayRef, row: usize) -> bool {
    match array.data_type() {
        DataType::Null => true,
        DataType::Union(..) => {
            let union = array.as_union();
            is_null(union.child(union.type_id(row)), union.value_offset(row))
        }
        _ => array.is_null(row),
    }
}

fn same(case: &Case, ty: &Ty, value: &Value, array: &ArrayRef, row: usize) -> Result<(), String> {
    let value = match value {
        Value::Union(_, some) if ty.nullable().is_some() => some,
        other => other,
    };
    let ty = ty.nullable().unwrap_or(ty);
    if *value == Value::Null {
        return if is_null(array, row) { Ok(()) } else { Err("should be null".to_owned()) };
    }
    if let Ty::Union(branches) = ty {
        return same_union(case, branches, value, array, row);
    }
    if is_null(array, row) {
        return Err(format!("is null, and should be {value:?}"));
    }
    let is_same = match (ty, value) {
        (Ty::Boolean, Value::Boolean(value)) => array.as_boolean().value(row) == *value,
        (Ty::Int(logical), Value::Int(value)) => {
            let found = match logical {
                None => array.as_primitive::<Int32Type>().value(row),
                Some("date") => array.as_primitive::<Date32Type>().value(row),
                Some(_) => array.as_primitive::<Time32MillisecondType>().value(row),
            };
            found == *value
        }
        (Ty::Long(logical), Value::Long(value)) => {
            let zone = match array.data_type() {
                DataType::Timestamp(_, zone) => zone.as_deref(),
                _ => None,
            };
            let is_local = logical.is_some_and(|logical| logical.starts_with("local-"));
            if logical.is_some_and(|logical| logical.contains("timestamp")) && zone.is_some() == is_local {
                return Err(format!("is in the zone {zone:?}"));
            }
            let found = match *logical {
                None => array.as_primitive::<Int64Type>().value(row),
                Some("timestamp-millis" | "local-timestamp-millis") => {
                    array.as_primitive::<TimestampMillisecondType>().value(row)
                }
                Some("timestamp-micros" | "local-timestamp-micros") => {
                    array.as_primitive::<TimestampMicrosecondType>().value(row)
                }
                Some("timestamp-nanos" | "local-timestamp-nanos") => {
                    array.as_primitive::<TimestampNanosecondType>().value(row)
                }
                Some(_) => array.as_primitive::<Time64MicrosecondType>().value(row),
            };
            found == *value
        }
        (Ty::Float, Value::Float(value)) => {
            same_number(array.as_primitive::<Float32Type>().value(row).into(), (*value).into())
        }
        (Ty::Double, Value::Double(value)) => same_number(array.as_primitive::<Float64Type>().value(row), *value),
        (Ty::Bytes(Some((_, scale))), Value::Bytes(bytes))
        | (Ty::Fixed { logical: Some(FixedLogical::Decimal(_, scale)), .. }, Value::Fixed(_, bytes)) => {
            same_decimal(array, row, bytes, *scale)
        }
        (Ty::Bytes(None), Value::Bytes(bytes)) => array.as_binary::<i32>().value(row) == bytes,
        (Ty::String { is_uuid: true }, Value::String(text)) => {
            array.as_string::<i32>().value(row) == text.to_ascii_lowercase()
        }
        (Ty::String { is_uuid: false }, Value::String(text)) => array.as_string::<i32>().value(row) == text,
        (Ty::Fixed { logical: Some(FixedLogical::Uuid), .. }, Value::Fixed(_, bytes)) => {
            let uuid = apache_avro::Uuid::from_slice(bytes).unwrap().hyphenated().to_string();
            array.as_string::<i32>().value(row) == uuid
        }
        (Ty::Fixed { .. }, Value::Fixed(_, bytes)) => array.as_fixed_size_binary().value(row) == bytes,
        (Ty::Enum { symbols, .. }, Value::Enum(_, symbol)) if case.dictionaries => {
            let numbers = array.as_dictionary::<Int32Type>();
            let all = numbers.values().as_string::<i32>();
            let number = usize::try_from(numbers.keys().value(row)).unwrap();
            all.iter().flatten().eq(symbols) && all.value(number) == symbol
        }
        (Ty::Enum { .. }, Value::Enum(_, symbol)) => array.as_string::<i32>().value(row) == symbol,
        (Ty::Array(item), Value::Array(items)) => {
            let found = array.as_list::<i32>().value(row);
            for (place, value) in items.iter().enumerate().take(found.len()) {
                same(case, item, value, &found, place).map_err(|reason| format!("[{place}]: {reason}"))?;
            }
            found.len() == items.len()
        }
        (Ty::Map(of), Value::Map(entries)) => {
            let found = array.as_map().value(row);
            let keys = found.column(0).as_string::<i32>();
            for place in 0..found.len() {
                let key = keys.value(place);
                let value = entries.get(key).ok_or_else(|| format!("has a key {key:?}"))?;
                same(case, of, value, found.column(1), place).map_err(|reason| format!("{{{key:?}}}: {reason}"))?;
            }
            found.len() == entries.len()
        }
        (Ty::Record { fields, .. }, Value::Record(members)) => {
            let found = array.as_struct();
            for (place, (field, (_, value))) in fields.iter().zip(members).enumerate() {
                let told = |reason| format!(".{}: {reason}", field.name);
                same(case, &field.ty, value, found.column(place), row).map_err(told)?;
            }
            found.num_columns() == fields.len()
        }
        _ => false,
    };
    if is_same { Ok(()) } else { Err(format!("should be {value:?} of {ty:?}, and is {:?}", array.slice(row, 1))) }
}

fn same_union(case: &Case, branches: &[Ty], value: &Value, array: &ArrayRef, row: usize) -> Result<(), String> {
    let Value::Union(number, value) = value else { return Err(format!("{value:?} is of no union")) };
    let number = *number as usize;
    let branch = &branches[number];
    if case.dense_unions && !matches!(array.data_type(), DataType::Null) {
        let union = array.as_union();
        if usize::try_from(union.type_id(row)).ok() != Some(number) {
            return Err(format!("is of branch {}, and should be of {number}", union.type_id(row)));
        }
        return same(case, branch, value, union.child(union.type_id(row)), union.value_offset(row));
    }
    if **value == Value::Null {
        return if is_null(array, row) { Ok(()) } else { Err("should be null".to_owned()) };
    }
    if is_null(array, row) {
        return Err(format!("is null, and should be {value:?}"));
    }
    let found = array.as_struct();
    let member = branches[..number].iter().filter(|branch| **branch != Ty::Null).count();
    for (place, other) in found.columns().iter().enumerate() {
        if place != member && !is_null(other, row) {
            return Err(format!("has member {place}, and should have {member}"));
        }
    }
    same(case, branch, value, found.column(member), row)
}

/// The same bits, or both no number.
fn same_number(found: f64, expected: f64) -> bool {
    found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
}

fn same_decimal(array: &ArrayRef, row: usize, bytes: &[u8], scale: u8) -> bool {
    let expected = BigInt::from_signed_bytes_be(bytes);
    let (found, found_scale) = match array.data_type() {
        DataType::Decimal128(_, scale) => (BigInt::from(array.as_primitive::<Decimal128Type>().value(row)), *scale),
        DataType::Decimal256(_, scale) => {
            let value: i256 = array.as_primitive::<Decimal256Type>().value(row);
            (BigInt::from_signed_bytes_be(&value.to_be_bytes()), *scale)
        }
        _ => return false,
    };
    found == expected && u8::try_from(found_scale) == Ok(scale)
}
