//! Cells and columns as cases write them.

use std::collections::BTreeSet;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray, UnionArray};
use arrow_schema::{DataType, Field, FieldRef, Fields, SchemaRef};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::case::{Columns, DeadLetter, FieldText};
use super::{Outcome, same};

/// Whether a schema has just the expected columns.
pub fn check_schema(expected: &[FieldText], schema: &SchemaRef) -> Outcome {
    check_fields("the columns", expected, schema.fields())
}

fn check_fields(what: &str, expected: &[FieldText], fields: &Fields) -> Outcome {
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    same(what, names, expected.iter().map(|field| field.name.as_str()).collect())?;
    expected.iter().zip(fields).try_for_each(|(expected, field)| check_field(expected, field))
}

fn check_field(expected: &FieldText, field: &Field) -> Outcome {
    let (type_name, inside) = match (field.data_type(), &expected.children) {
        (DataType::List(item), Some(_)) => ("list".to_owned(), Fields::from(vec![item.clone()])),
        (DataType::Map(entries, _), Some(_)) => ("map".to_owned(), Fields::from(vec![entries.clone()])),
        (DataType::Struct(members), Some(_)) => ("struct".to_owned(), members.clone()),
        (DataType::Union(members, _), Some(_)) => {
            ("union".to_owned(), members.iter().map(|(_, member)| member.clone()).collect())
        }
        (data_type, _) => (karrow::types::name(data_type), Fields::empty()),
    };
    let found = (type_name, field.is_nullable());
    same(field.name(), found, (expected.type_name.clone(), expected.nullable))?;
    let own = [("karrow.origin", &expected.origin), ("karrow.source", &expected.source)];
    let own = own.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    for (key, value) in own.chain(expected.metadata.iter().map(|(key, value)| (key.as_str(), value))) {
        let what = format!("{key} of {}", field.name());
        same(&what, field.metadata().get(key), Some(value))?;
    }
    let Some(children) = &expected.children else { return Ok(()) };
    check_fields(&format!("the fields inside {}", field.name()), children, &inside)
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

/// Whether a schema has just the columns that dead letters have.
pub fn check_letters_schema(schema: &SchemaRef) -> Outcome {
    let told = |field: &FieldRef| format!("{}: {}", field.name(), karrow::types::name(field.data_type()));
    let columns: Vec<String> = schema.fields().iter().map(told).collect();
    same("the columns of dead letters", columns, LETTERS.map(|(name, of_type)| format!("{name}: {of_type}")).to_vec())
}

/// Every dead letter of a batch: its partition, and its cells by column.
pub fn dead_letters(batch: &RecordBatch, topic: &str) -> Outcome<Vec<(i32, Map<String, Value>)>> {
    check_letters_schema(batch.schema_ref())?;
    let partitions = batch.column(1).as_primitive::<Int32Type>();
    let letter = |row| {
        let cells = LETTERS.iter().zip(batch.columns());
        let cell = |((name, _), column): (&(&str, _), _)| Ok(((*name).to_owned(), cell(column, row)?));
        let cells: Map<_, _> = cells.map(cell).collect::<Outcome<_>>()?;
        same("the topic of a dead letter", cells["topic"].as_str(), Some(topic))?;
        Ok((partitions.value(row), cells))
    };
    (0..batch.num_rows()).map(letter).collect()
}

/// The columns of dead letters.
const LETTERS: [(&str, &str); 11] = [
    ("topic", "utf8"),
    ("partition", "int32"),
    ("offset", "int64"),
    ("timestamp", "timestamp[ms, UTC]"),
    ("key", "binary"),
    ("value", "binary"),
    ("headers", "list<struct<key: binary, value: binary>>"),
    ("side", "utf8"),
    ("column", "utf8"),
    ("path", "utf8"),
    ("reason", "utf8"),
];

/// Whether these are the expected dead letters, in their order within each partition.
pub fn check_dead_letters(expected: &[DeadLetter], found: &[(i32, Map<String, Value>)]) -> Outcome {
    let partitions: BTreeSet<i32> =
        expected.iter().map(|letter| letter.partition).chain(found.iter().map(|(partition, _)| *partition)).collect();
    for partition in partitions {
        let expected: Vec<_> = expected.iter().filter(|letter| letter.partition == partition).collect();
        let found: Vec<_> = found.iter().filter(|(id, _)| *id == partition).map(|(_, cells)| cells).collect();
        for (index, (expected, found)) in expected.iter().zip(&found).enumerate() {
            for (column, cell) in &expected.cells {
                if found[*column] != *cell {
                    return Err(format!("[{partition}] letter {index}, {column}: {}, not {cell}", found[*column]));
                }
            }
        }
        same(&format!("[{partition}] the number of letters"), found.len(), expected.len())?;
    }
    Ok(())
}

/// Whether a cell is as a case has it.
fn cell_is(column: &ArrayRef, row: usize, expected: &Value) -> Outcome<bool> {
    if let DataType::Union(..) = column.data_type() {
        let (name, child, place) = chosen(column, row)?;
        return match expected.as_object().map(|members| (members.len(), members.get(&name))) {
            Some((1, Some(expected))) => cell_is(&child, place, expected),
            _ => Ok(false),
        };
    }
    if is_null(column, row) {
        return Ok(expected.is_null());
    }
    let (found, expected) = match (column.data_type(), expected) {
        (DataType::Float32, Value::String(text)) => {
            (column.as_primitive::<Float32Type>().value(row).into(), parsed::<f32>(text)?.into())
        }
        (DataType::Float64, Value::String(text)) => {
            (column.as_primitive::<Float64Type>().value(row), parsed::<f64>(text)?)
        }
        (DataType::Float32 | DataType::Float64, Value::Number(number)) => {
            (float(column, row), number.as_f64().ok_or("a float is expected to be none")?)
        }
        (DataType::List(_), Value::Array(expected)) => return items_are(&column.as_list::<i32>().value(row), expected),
        (DataType::Struct(_), Value::Object(expected)) => return members_are(column.as_struct(), row, expected),
        (DataType::Map(..), Value::Array(expected)) => {
            let entries = column.as_map().value(row);
            let part = |of: usize| expected.iter().map(move |pair| pair[of].clone()).collect::<Vec<_>>();
            let pairs = expected.iter().all(|pair| pair.as_array().is_some_and(|parts| parts.len() == 2));
            return Ok(pairs && items_are(entries.column(0), &part(0))? && items_are(entries.column(1), &part(1))?);
        }
        _ => return Ok(cell(column, row)? == *expected),
    };
    Ok(found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan()))
}

fn items_are(items: &ArrayRef, expected: &[Value]) -> Outcome<bool> {
    if items.len() != expected.len() {
        return Ok(false);
    }
    let same = expected.iter().enumerate().map(|(item, expected)| cell_is(items, item, expected));
    Ok(same.collect::<Outcome<Vec<_>>>()?.into_iter().all(|same| same))
}

fn members_are(found: &StructArray, row: usize, expected: &Map<String, Value>) -> Outcome<bool> {
    if found.num_columns() != expected.len() {
        return Ok(false);
    }
    let members = found.fields().iter().zip(found.columns());
    let same = members.map(|(field, column)| match expected.get(field.name()) {
        Some(expected) => cell_is(column, row, expected),
        None => Ok(false),
    });
    Ok(same.collect::<Outcome<Vec<_>>>()?.into_iter().all(|same| same))
}

/// Of a union's row the child that it is in: its name, the child, and the row there.
fn chosen(column: &ArrayRef, row: usize) -> Outcome<(String, ArrayRef, usize)> {
    let union = column.as_any().downcast_ref::<UnionArray>().ok_or("a union is expected to be one")?;
    let DataType::Union(fields, _) = union.data_type() else { return Err("a union is expected to be one".to_owned()) };
    let id = union.type_id(row);
    let (_, field) =
        fields.iter().find(|(known, _)| *known == id).ok_or("a union has a child that it does not have")?;
    Ok((field.name().clone(), union.child(id).clone(), union.value_offset(row)))
}

/// Whether a cell is null: what has the type null is nothing else, without a bitmap that says so.
fn is_null(column: &ArrayRef, row: usize) -> bool {
    column.is_null(row) || column.data_type().is_null()
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
    if let DataType::Union(..) = column.data_type() {
        let (name, child, place) = chosen(column, row)?;
        return Ok(Value::Object([(name, cell(&child, place)?)].into_iter().collect()));
    }
    if is_null(column, row) {
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
        DataType::FixedSizeBinary(_) => STANDARD.encode(column.as_fixed_size_binary().value(row)).into(),
        DataType::Dictionary(..) => {
            let symbols = column.as_dictionary::<Int32Type>();
            let symbol =
                usize::try_from(symbols.keys().value(row)).map_err(|_| "a dictionary has a negative number")?;
            cell(symbols.values(), symbol)?
        }
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value_as_string(row).into(),
        DataType::Decimal256(..) => column.as_primitive::<Decimal256Type>().value_as_string(row).into(),
        DataType::Date32
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Duration(_) => number_of(column, row).into(),
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
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let entry = |entry| Ok(vec![cell(entries.column(0), entry)?, cell(entries.column(1), entry)?].into());
            Value::Array((0..entries.len()).map(entry).collect::<Outcome<_>>()?)
        }
        other => return Err(format!("cases do not say values of type {other}")),
    })
}

/// A time as the number that stands in its buffer.
fn number_of(column: &ArrayRef, row: usize) -> i64 {
    let data = column.to_data();
    let place = data.offset() + row;
    match data.data_type().primitive_width() {
        Some(4) => data.buffers()[0].typed_data::<i32>()[place].into(),
        _ => data.buffers()[0].typed_data::<i64>()[place],
    }
}
