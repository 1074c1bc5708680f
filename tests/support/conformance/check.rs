//! Cells and columns as cases write them.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::case::{Columns, FieldText};
use super::{Outcome, same};

/// Whether a schema has just the expected columns.
pub fn check_schema(expected: &[FieldText], schema: &SchemaRef) -> Outcome {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    same("the columns", names, expected.iter().map(|field| field.name.as_str()).collect())?;
    for (expected, field) in expected.iter().zip(schema.fields()) {
        let found = (karrow::types::name(field.data_type()), field.is_nullable());
        same(field.name(), found, (expected.type_name.clone(), expected.nullable))?;
        for (key, detail) in [("karrow.origin", &expected.origin), ("karrow.source", &expected.source)] {
            if let Some(detail) = detail {
                let what = format!("{key} of {}", field.name());
                same(&what, field.metadata().get(key), Some(detail))?;
            }
        }
    }
    Ok(())
}

/// Whether these rows have the expected cells, in the columns that are named.
pub fn check_columns(expected: &Columns, rows: &RecordBatch) -> Outcome {
    for (name, cells) in expected {
        let Some(column) = rows.column_by_name(name) else { return Err(format!("there is no column {name}")) };
        for (row, expected) in cells.iter().enumerate().take(column.len()) {
            if !cell_is(column, row, expected)? {
                return Err(format!("{name}, row {row}: {}, not {expected}", cell(column, row)?));
            }
        }
        same(&format!("the number of rows of {name}"), column.len(), cells.len())?;
    }
    Ok(())
}

/// Whether a row of the progress table has the expected cells, in the columns, and the members of columns, that are named.
/// `{topic}` stands for the topic's name.
pub fn check_progress(expected: &[(i32, Vec<(String, Value)>)], progress: &RecordBatch, topic: &str) -> Outcome {
    let partitions = progress.column_by_name("partition").ok_or("there is no column partition")?;
    let partitions = partitions.as_primitive::<Int32Type>().values();
    for (partition, cells) in expected {
        let Some(row) = partitions.iter().position(|id| id == partition) else {
            return Err(format!("[{partition}] has no row"));
        };
        for (name, expected) in cells {
            let Some(column) = progress.column_by_name(name) else { return Err(format!("there is no column {name}")) };
            let found = cell(column, row)?;
            let same = match expected {
                Value::Object(members) => members.iter().all(|(member, expected)| found[member] == *expected),
                Value::String(text) => found == text.replace("{topic}", topic).as_str(),
                other => found == *other,
            };
            if !same {
                return Err(format!("[{partition}] {name}: {found}, not {expected}"));
            }
        }
    }
    Ok(())
}

/// Whether a cell is as a case has it.
fn cell_is(column: &ArrayRef, row: usize, expected: &Value) -> Outcome<bool> {
    let (found, expected) = match (column.is_null(row), column.data_type(), expected) {
        (false, DataType::Float32, Value::String(text)) => {
            (column.as_primitive::<Float32Type>().value(row).into(), parsed::<f32>(text)?.into())
        }
        (false, DataType::Float64, Value::String(text)) => {
            (column.as_primitive::<Float64Type>().value(row), parsed::<f64>(text)?)
        }
        (false, DataType::Float32 | DataType::Float64, Value::Number(number)) => {
            (float(column, row), number.as_f64().ok_or("a float is expected to be none")?)
        }
        _ => return Ok(cell(column, row)? == *expected),
    };
    Ok(found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()))
}

fn parsed<T: std::str::FromStr>(text: &str) -> Outcome<T> {
    let text = text.replace("Infinity", "inf");
    text.parse().map_err(|_| format!("{text:?} is not the text of a float"))
}

fn float(column: &ArrayRef, row: usize) -> f64 {
    match column.data_type() {
        DataType::Float32 => column.as_primitive::<Float32Type>().value(row).into(),
        _ => column.as_primitive::<Float64Type>().value(row),
    }
}

/// A cell as cases write it. Floats are text here, for messages.
fn cell(column: &ArrayRef, row: usize) -> Outcome<Value> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Boolean => column.as_boolean().value(row).into(),
        DataType::Int8 => column.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => column.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => column.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt8 => column.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => column.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Float32 | DataType::Float64 => float(column, row).to_string().into(),
        DataType::Utf8 => column.as_string::<i32>().value(row).into(),
        DataType::Binary => STANDARD.encode(column.as_binary::<i32>().value(row)).into(),
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value_as_string(row).into(),
        DataType::Decimal256(..) => column.as_primitive::<Decimal256Type>().value_as_string(row).into(),
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).into(),
        DataType::Time32(_) => number_of::<Int32Type>(column, row).into(),
        DataType::Time64(_) | DataType::Timestamp(..) => number_of::<Int64Type>(column, row).into(),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            Value::Array((0..items.len()).map(|item| cell(&items, item)).collect::<Outcome<_>>()?)
        }
        DataType::Struct(members) => {
            let columns = members.iter().zip(column.as_struct().columns());
            let member =
                |(field, column): (&arrow_schema::FieldRef, &ArrayRef)| Ok((field.name().clone(), cell(column, row)?));
            Value::Object(columns.map(member).collect::<Outcome<_>>()?)
        }
        other => return Err(format!("cases do not say values of type {other}")),
    })
}

/// A time as the number that stands in its buffer.
fn number_of<T: arrow_array::ArrowPrimitiveType>(column: &ArrayRef, row: usize) -> T::Native {
    let data = column.to_data();
    data.buffer::<T::Native>(0)[row]
}
