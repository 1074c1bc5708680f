//! Gives the same payloads to the decoder, by way of a partition's row buffer, and to the rules, and compares.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, TimeUnit};
use karrow::format::json::JsonSpec;
use karrow::format::{Side, Spec};
use karrow::rows::{BadRecord, ChunkLimits, OnSeal, Record, RecordTime, RowBuffer, Unwritten};
use karrow::schema::{CommonColumn, TableSchema};

use super::{BadPlace, Column, Outcome, Schema, Value, outcome};

/// Payloads of one partition, in order: the decoder learns from one what to expect of the next.
#[derive(Debug, Clone)]
pub struct Case {
    pub schema: Schema,
    /// `None`: Kafka's null.
    pub payloads: Vec<Option<Vec<u8>>>,
}

/// Small, so that a few payloads fill several chunks and are published in the middle of one.
const LIMITS: ChunkLimits = ChunkLimits { rows: 7, bytes: 1 << 20, span_ms: i64::MAX };
const SEAL_AFTER: usize = 3;

/// A name that no schema here has.
pub const OFFSET_COLUMN: &str = "KafkaOffset";

/// Never written but inside strings of payloads, so that a reason that has it shows payload.
pub const MARKER: char = '☠';

/// The spec that declares a schema.
pub fn spec(schema: &Schema) -> Spec {
    let mut spec = JsonSpec::default();
    if schema.by_arrow {
        let fields: Vec<Field> = schema.columns.iter().map(Column::field).collect();
        spec = JsonSpec::from_schema(&ArrowSchema::new(fields)).expect("names are unique and types are supported");
    } else {
        for column in &schema.columns {
            spec.add_column(&column.name, &column.type_name).expect("names are unique and types are known");
        }
    }
    for (field, column) in &schema.mapping {
        spec.map_field(field, column).expect("every column has one field");
    }
    Spec::Json(spec)
}

/// How the decoder differs from the rules, if it does.
pub fn compare(case: &Case) -> Result<(), String> {
    let mut rows = row_buffer(&case.schema);
    let mut sealed = Vec::new();
    let mut expected = Vec::new();
    for (index, payload) in case.payloads.iter().enumerate() {
        let offset = i64::try_from(index).expect("a few payloads");
        let found = rows.append(&record(offset, payload.as_deref())).map_err(|unwritten| match unwritten {
            Unwritten::Bad(bad) => bad,
            Unwritten::Waits(schema) => panic!("JSON names no schema like {schema:?}"),
        });
        let wanted = outcome(&case.schema, payload.as_deref());
        agree(&case.schema, &wanted, found).map_err(|difference| format!("payload {index}: {difference}"))?;
        if let Outcome::Row(values) = wanted {
            expected.push((offset, values));
        }
        if index % SEAL_AFTER == SEAL_AFTER - 1 {
            sealed.extend(rows.seal(false));
        }
    }
    sealed.extend(rows.seal(false));
    let mut found = 0;
    for part in &sealed {
        let batch = part.batch.arrays();
        validate(batch)?;
        let batch = batch.slice(part.already_published, batch.num_rows() - part.already_published);
        let rest = expected.get(found..).unwrap_or_default();
        same_rows(&case.schema, &batch, rest)?;
        found += batch.num_rows();
    }
    if found == expected.len() { Ok(()) } else { Err(format!("{found} rows instead of {}", expected.len())) }
}

fn row_buffer(schema: &Schema) -> RowBuffer {
    let (none, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).expect("nothing to resolve");
    let (columns, value) = spec(schema).resolve(Side::Value, &Default::default()).expect("the spec is in order");
    let common = vec![(CommonColumn::Offset, OFFSET_COLUMN.to_owned())];
    let table = TableSchema::new("orders", common, none, columns).expect("names are unique");
    RowBuffer::new(Arc::new(table), 0, key, value, LIMITS, OnSeal::Continue).expect("every type has a buffer")
}

fn record(offset: i64, value: Option<&[u8]>) -> Record<'_> {
    let timestamp = RecordTime::None;
    Record { offset, timestamp, receive_time_ns: 0, leader_epoch: None, key: None, value, headers: &[] }
}

fn agree(schema: &Schema, wanted: &Outcome, found: Result<(), BadRecord>) -> Result<(), String> {
    let agreed = match (wanted, &found) {
        (Outcome::Row(_), Ok(())) | (Outcome::Malformed, Err(_)) => true,
        (Outcome::BadValues(places), Err(told)) => {
            places.iter().any(|place| told.column == Some(place.column(schema)) && told.path == place.path(schema))
        }
        _ => false,
    };
    if !agreed {
        return Err(format!("wanted {wanted:?}, found {found:?}"));
    }
    match found {
        Err(bad) if bad.side != "value" => Err(format!("side {} is not read", bad.side)),
        Err(bad) if bad.reason.contains(MARKER) => Err(format!("the reason shows payload: {}", bad.reason)),
        Err(bad) if bad.path.as_ref().is_some_and(|path| path.contains(MARKER)) => {
            Err(format!("the path shows payload: {:?}", bad.path))
        }
        _ => Ok(()),
    }
}

impl BadPlace {
    /// The name of the column, as a bad record has it.
    pub fn column(&self, schema: &Schema) -> String {
        schema.columns[self.column].name.clone()
    }

    /// The path, as a bad record has it: behind the name of the column, and only if there is one.
    pub fn path(&self, schema: &Schema) -> Option<String> {
        if self.path.is_empty() { None } else { Some(format!("{}{}", self.column(schema), self.path)) }
    }
}

fn validate(batch: &RecordBatch) -> Result<(), String> {
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let valid = column.to_data().validate_full();
        valid.map_err(|error| format!("column {:?} is not valid: {error}", field.name()))?;
        if !nulls_hide_nulls(column) {
            return Err(format!("column {:?} has a null struct with a member that is not null", field.name()));
        }
    }
    Ok(())
}

/// Whether every member of a null struct is null.
fn nulls_hide_nulls(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::List(_) => nulls_hide_nulls(array.as_list::<i32>().values()),
        DataType::Map(..) => nulls_hide_nulls(array.as_map().entries()),
        DataType::Struct(_) => array.as_struct().columns().iter().all(|member| {
            nulls_hide_nulls(member) && (0..array.len()).all(|row| array.is_valid(row) || member.is_null(row))
        }),
        _ => true,
    }
}

/// Whether the batch holds the first of the expected rows, each with its offset.
pub fn same_rows(schema: &Schema, batch: &RecordBatch, expected: &[(i64, Vec<Value>)]) -> Result<(), String> {
    if batch.num_rows() > expected.len() {
        return Err(format!("{} rows, only {} of them expected", batch.num_rows(), expected.len()));
    }
    let column_of = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column {name:?}"));
    let offsets = column_of(OFFSET_COLUMN)?;
    for (row, (offset, values)) in expected.iter().take(batch.num_rows()).enumerate() {
        let found = value_at(offsets, row);
        if found != Value::Int((*offset).into()) {
            return Err(format!("row of offset {offset}: offset is {found:?}"));
        }
        for (column, wanted) in schema.columns.iter().zip(values) {
            let array = column_of(&column.name)?;
            if array.data_type() != &column.data_type {
                return Err(format!("column {:?} is of type {}", column.name, array.data_type()));
            }
            let found = value_at(array, row);
            if &found != wanted {
                return Err(format!(
                    "row of offset {offset}, column {:?}: wanted {wanted:?}, found {found:?}",
                    column.name
                ));
            }
        }
    }
    Ok(())
}

fn value_at(array: &dyn Array, row: usize) -> Value {
    macro_rules! int {
        ($type:ty) => {
            Value::Int(array.as_primitive::<$type>().value(row).into())
        };
    }
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::List(_) => Value::List(values_of(&array.as_list::<i32>().value(row))),
        DataType::Struct(_) => {
            let members = array.as_struct().columns();
            Value::Struct(members.iter().map(|member| value_at(member, row)).collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let keys = entries.column(0).as_string::<i32>();
            assert_eq!(keys.null_count(), 0, "a key is not null");
            let keys = keys.iter().flatten().map(str::to_owned);
            Value::Map(keys.zip(values_of(entries.column(1))).collect())
        }
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => int!(UInt64Type),
        DataType::Float32 => Value::float32(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => Value::float64(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(..) => Value::Decimal(array.as_primitive::<Decimal128Type>().value(row).to_string()),
        DataType::Decimal256(..) => Value::Decimal(array.as_primitive::<Decimal256Type>().value(row).to_string()),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_owned()),
        DataType::Date32 => int!(Date32Type),
        DataType::Time32(TimeUnit::Second) => int!(Time32SecondType),
        DataType::Time32(_) => int!(Time32MillisecondType),
        DataType::Time64(TimeUnit::Microsecond) => int!(Time64MicrosecondType),
        DataType::Time64(_) => int!(Time64NanosecondType),
        DataType::Timestamp(TimeUnit::Second, _) => int!(TimestampSecondType),
        DataType::Timestamp(TimeUnit::Millisecond, _) => int!(TimestampMillisecondType),
        DataType::Timestamp(TimeUnit::Microsecond, _) => int!(TimestampMicrosecondType),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => int!(TimestampNanosecondType),
        other => panic!("no column of a spec is of type {other}"),
    }
}

fn values_of(array: &dyn Array) -> Vec<Value> {
    (0..array.len()).map(|index| value_at(array, index)).collect()
}
