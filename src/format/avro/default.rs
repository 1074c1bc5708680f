//! Defaults of fields, as data: a field that a writer does not have is read like any other, from bytes made here.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value;

use super::schema::{PendingDefault, Schema, TypeId, Wire};

/// How deeply what is missing in a default may be filled with other defaults.
const MAX_DEPTH: usize = 64;

/// The most bytes of one default. Defaults that are filled with defaults could be longer than anybody wants to wait for.
const MAX_BYTES: usize = 1024 * 1024;

/// The most values in all defaults of a schema, those that take no bytes included.
const MAX_VALUES: usize = 1_000_000;

type Pending<'p> = HashMap<(TypeId, usize), &'p Value>;

/// Writes all defaults of a schema as data. One that does not fit its field says so where it is used.
pub fn encode_all(schema: &mut Schema, defaults: Vec<PendingDefault<'_>>) {
    let pending: Pending<'_> =
        defaults.iter().map(|default| ((default.record, default.field), default.value)).collect();
    let left = Cell::new(MAX_VALUES);
    for PendingDefault { record, field, value } in &defaults {
        let Wire::Record(_, fields) = &schema.get(*record).wire else { continue };
        let ty = fields[*field].ty;
        let mut datum = Vec::new();
        let encoded =
            Encoder { schema, pending: &pending, left: &left }.encode(ty, value, &mut datum, 0).map(|()| datum);
        schema.set_default(*record, *field, encoded);
    }
}

struct Encoder<'s, 'p> {
    schema: &'s Schema,
    pending: &'s Pending<'p>,
    /// How many more values there may be.
    left: &'s Cell<usize>,
}

impl Encoder<'_, '_> {
    /// Adds the value to the datum.
    fn encode(&self, ty: TypeId, value: &Value, datum: &mut Vec<u8>, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH || datum.len() > MAX_BYTES {
            return Err(format!(
                "it is nested more than {MAX_DEPTH} levels deep, or takes more than {MAX_BYTES} bytes"
            ));
        }
        let left = self.left.get().checked_sub(1);
        self.left.set(left.ok_or_else(|| format!("the schema's defaults have more than {MAX_VALUES} values"))?);
        match (&self.schema.get(ty).wire, value) {
            (Wire::Null, Value::Null) => {}
            (Wire::Boolean, Value::Bool(value)) => datum.push(u8::from(*value)),
            (Wire::Int, Value::Number(number)) => {
                let number = number.as_i64().and_then(|number| i32::try_from(number).ok());
                put_long(number.ok_or("it is no int")?.into(), datum);
            }
            (Wire::Long, Value::Number(number)) => put_long(number.as_i64().ok_or("it is no long")?, datum),
            (Wire::Float, value) => {
                // The nearest float, whichever way the text says it.
                let number = number_of(value).ok_or("it is no float")? as f32;
                datum.extend_from_slice(&number.to_le_bytes());
            }
            (Wire::Double, value) => {
                datum.extend_from_slice(&number_of(value).ok_or("it is no double")?.to_le_bytes());
            }
            (Wire::Bytes, Value::String(text)) => put_bytes(&bytes_of(text)?, datum),
            (Wire::String, Value::String(text)) => put_bytes(text.as_bytes(), datum),
            (Wire::Fixed(_, size), Value::String(text)) => {
                let bytes = bytes_of(text)?;
                if bytes.len() != *size {
                    return Err(format!("it has {} bytes, not {size}", bytes.len()));
                }
                datum.extend_from_slice(&bytes);
            }
            (Wire::Enum(_, symbols), Value::String(text)) => {
                let symbol = symbols.names.iter().position(|name| name == text);
                put_length(symbol.ok_or("it is none of the symbols")?, datum);
            }
            (Wire::Array(item), Value::Array(items)) => {
                if !items.is_empty() {
                    put_length(items.len(), datum);
                    items.iter().try_for_each(|value| self.encode(*item, value, datum, depth + 1))?;
                }
                datum.push(0);
            }
            (Wire::Map(of), Value::Object(entries)) => {
                if !entries.is_empty() {
                    put_length(entries.len(), datum);
                    for (key, value) in entries {
                        put_bytes(key.as_bytes(), datum);
                        self.encode(*of, value, datum, depth + 1)?;
                    }
                }
                datum.push(0);
            }
            (Wire::Union(branches), value) => {
                let start = datum.len();
                for (index, branch) in branches.iter().enumerate() {
                    put_length(index, datum);
                    if self.encode(*branch, value, datum, depth + 1).is_ok() {
                        return Ok(());
                    }
                    datum.truncate(start);
                }
                return Err("it is a value of no branch of its union".to_owned());
            }
            (Wire::Record(_, fields), Value::Object(members)) => {
                for (index, field) in fields.iter().enumerate() {
                    let value = members.get(&field.name).or_else(|| self.pending.get(&(ty, index)).copied());
                    let value = value.ok_or_else(|| format!("it has no member {}", field.name))?;
                    self.encode(field.ty, value, datum, depth + 1)
                        .map_err(|reason| format!("{}: {reason}", field.name))?;
                }
            }
            _ => return Err(format!("it is no {}", self.schema.type_name(ty))),
        }
        Ok(())
    }
}

/// A number, or what JSON has no numbers for.
fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "INF" => Some(f64::INFINITY),
            "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Each character is a byte.
fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let byte = |c| u8::try_from(u32::from(c)).map_err(|_| "it has a character that is no byte".to_owned());
    text.chars().map(byte).collect()
}

fn put_bytes(bytes: &[u8], datum: &mut Vec<u8>) {
    put_length(bytes.len(), datum);
    datum.extend_from_slice(bytes);
}

fn put_length(length: usize, datum: &mut Vec<u8>) {
    put_long(i64::try_from(length).expect("what is in memory is shorter than 2^63"), datum);
}

fn put_long(value: i64, datum: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        datum.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    datum.push(rest as u8);
}
