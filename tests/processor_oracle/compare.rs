//! Gives the same payloads to an object processor, by way of a partition's row buffer, and to the rules, and compares.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampNanosecondType,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use karrow::format::json::processor::ProcessorSpec;
use karrow::format::{Side, Spec};
use karrow::rows::{ChunkLimits, OnSeal, Record, RecordTime, RowBuffer, Unwritten};
use karrow::schema::{CommonColumn, TableSchema};

use super::scalars::quoted;
use super::{Cell, Input, NULL, Value, read};
use crate::document;

/// A description, and payloads of one partition, in order: the decoder learns from one what to expect of the next.
#[derive(Debug, Clone)]
pub struct Case {
    pub description: String,
    /// `None`: Kafka's null.
    pub payloads: Vec<Option<Vec<u8>>>,
}

/// What came of the payloads of a case.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub rows: usize,
    pub refused: usize,
    pub malformed: usize,
}

/// Small, so that a few payloads fill several chunks and are published in the middle of one.
const LIMITS: ChunkLimits = ChunkLimits { rows: 7, bytes: 1 << 20, span_ms: i64::MAX };
const SEAL_AFTER: i64 = 3;

/// A name that no column here has.
const OFFSET_COLUMN: &str = "Kafka Offset";

/// Never written but inside strings of payloads, so that a reason that has it shows payload.
pub const MARKER: char = '☠';

/// How the decoder differs from the rules, if it does. A description that is none says nothing.
pub fn compare(case: &Case) -> Result<Option<Counts>, String> {
    let Ok(spec) = ProcessorSpec::new(&case.description) else { return Ok(None) };
    let description = document::read(case.description.as_bytes()).map_err(|reason| format!("taken, but {reason}"))?;
    let value = read(&description.ok_or("taken, but there is nothing")?);
    let mut rows = row_buffer(spec);
    let mut counts = Counts::default();
    let mut sealed = Vec::new();
    let mut expected: Vec<(i64, Vec<Cell>)> = Vec::new();
    for (offset, payload) in (0..).zip(&case.payloads) {
        let timestamp = RecordTime::None;
        let bytes = payload.as_deref();
        let record =
            Record { offset, timestamp, receive_time_ns: 0, leader_epoch: None, key: None, value: bytes, headers: &[] };
        let found = rows.append(&record).map_err(|unwritten| match unwritten {
            Unwritten::Bad(bad) => bad,
            Unwritten::Waits(schema) => panic!("JSON names no schema like {schema:?}"),
        });
        let differs = |wanted: &str| format!("payload {offset}: wanted {wanted}, found {found:?}");
        match (outcome(&value, bytes), &found) {
            (Outcome::Row(cells), Ok(())) => {
                expected.push((offset, cells));
                counts.rows += 1;
            }
            (Outcome::Malformed, Err(bad)) if bad.reason.contains("malformed") || bad.reason.contains("UTF-8") => {
                counts.malformed += 1;
            }
            (Outcome::Refused, Err(bad)) if !bad.reason.contains("malformed") => counts.refused += 1,
            (wanted, _) => return Err(differs(&format!("{wanted:?}"))),
        }
        if let Err(bad) = &found
            && (bad.reason.contains(MARKER) || bad.path.as_ref().is_some_and(|path| path.contains(MARKER)))
        {
            return Err(differs("no payload in the reason"));
        }
        if offset % SEAL_AFTER == SEAL_AFTER - 1 {
            sealed.extend(rows.seal(false));
        }
    }
    sealed.extend(rows.seal(false));
    let mut found = 0;
    for part in &sealed {
        let batch = part.batch.arrays();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            column.to_data().validate_full().map_err(|error| format!("column {:?}: {error}", field.name()))?;
        }
        let batch = batch.slice(part.already_published, batch.num_rows() - part.already_published);
        same_rows(&batch, expected.get(found..).unwrap_or_default())?;
        found += batch.num_rows();
    }
    if found == expected.len() { Ok(Some(counts)) } else { Err(format!("{found} rows instead of {}", expected.len())) }
}

#[derive(Debug)]
enum Outcome {
    Row(Vec<Cell>),
    Refused,
    Malformed,
}

fn outcome(value: &Value, payload: Option<&[u8]>) -> Outcome {
    let Some(payload) = payload else { return Outcome::Row(vec![NULL.to_owned(); value.columns().len()]) };
    let cells = match document::read(payload) {
        Err(_) => return Outcome::Malformed,
        Ok(None) => value.cells(Input::Missing),
        Ok(Some(node)) => value.cells(Input::Value(&node)),
    };
    cells.map_or(Outcome::Refused, Outcome::Row)
}

fn row_buffer(spec: ProcessorSpec) -> RowBuffer {
    let (none, key) = Spec::Ignore.resolve(Side::Key, &Default::default()).expect("nothing to resolve");
    let (columns, decoder) =
        Spec::Processor(spec).resolve(Side::Value, &Default::default()).expect("the spec is in order");
    let common = vec![(CommonColumn::Offset, OFFSET_COLUMN.to_owned())];
    let table = TableSchema::new("orders", common, none, columns).expect("names are unique");
    RowBuffer::new(Arc::new(table), 0, key, decoder, LIMITS, OnSeal::Continue).expect("every type has a buffer")
}

/// Whether the batch holds the first of the expected rows, each with its offset.
fn same_rows(batch: &RecordBatch, expected: &[(i64, Vec<Cell>)]) -> Result<(), String> {
    if batch.num_rows() > expected.len() {
        return Err(format!("{} rows, only {} of them expected", batch.num_rows(), expected.len()));
    }
    for (row, (offset, cells)) in expected.iter().take(batch.num_rows()).enumerate() {
        let found: Vec<Cell> = batch.columns().iter().map(|column| cell_at(column, row)).collect();
        let wanted: Vec<Cell> = std::iter::once(offset.to_string()).chain(cells.iter().cloned()).collect();
        if found != wanted {
            return Err(format!("row of offset {offset}: wanted {wanted:?}, found {found:?}"));
        }
    }
    Ok(())
}

fn cell_at(array: &dyn Array, row: usize) -> Cell {
    macro_rules! number {
        ($type:ty) => {
            array.as_primitive::<$type>().value(row).to_string()
        };
    }
    let cells = |array: &dyn Array| (0..array.len()).map(|row| cell_at(array, row)).collect::<Vec<_>>();
    let float = |is_nan: bool, bits: u64| if is_nan { "NaN".to_owned() } else { format!("{bits:x}") };
    if array.is_null(row) {
        return NULL.to_owned();
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::Decimal128(..) => number!(Decimal128Type),
        DataType::Decimal256(..) => number!(Decimal256Type),
        DataType::Timestamp(..) => number!(TimestampNanosecondType),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(value.is_nan(), value.to_bits().into())
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(value.is_nan(), value.to_bits())
        }
        DataType::Utf8 => quoted(array.as_string::<i32>().value(row)),
        DataType::List(_) => format!("[{}]", cells(&array.as_list::<i32>().value(row)).join(",")),
        DataType::Struct(_) => {
            let members = array.as_struct().columns().iter().map(|member| cell_at(member, row));
            format!("{{{}}}", members.collect::<Vec<_>>().join(";"))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let entries = cells(entries.column(0)).into_iter().zip(cells(entries.column(1)));
            let entries: Vec<Cell> = entries.map(|(key, value)| format!("{key}=>{value}")).collect();
            format!("[{}]", entries.join(","))
        }
        other => panic!("no column of an object processor is of type {other}"),
    }
}
