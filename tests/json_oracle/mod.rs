//! What rules J1 to J4 say, written as plainly as possible, to compare the JSON decoder with.
//!
//! Nothing here is taken from the decoder: its rules are read a second time, a document is a tree, numbers are exact
//! decimals, and nothing is learnt from the record before. Property tests and the fuzz target share it.

pub mod compare;
pub mod document;
pub mod framing;
pub mod number;
pub mod time;

use arrow_schema::{DataType, TimeUnit};
use document::{Kind, Node};
use number::Number;

/// A column as a spec declares it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// The type, as the spec says it (rule T).
    pub type_name: String,
    /// The type this name stands for.
    pub data_type: DataType,
}

/// The name of a type, and what it stands for.
pub type NamedType = (&'static str, fn() -> DataType);

pub const TYPES: &[NamedType] = &[
    ("bool", || DataType::Boolean),
    ("int8", || DataType::Int8),
    ("int16", || DataType::Int16),
    ("int32", || DataType::Int32),
    ("int64", || DataType::Int64),
    ("uint8", || DataType::UInt8),
    ("uint16", || DataType::UInt16),
    ("uint32", || DataType::UInt32),
    ("uint64", || DataType::UInt64),
    ("float32", || DataType::Float32),
    ("float64", || DataType::Float64),
    ("decimal128(10, 2)", || DataType::Decimal128(10, 2)),
    ("decimal128(38, 0)", || DataType::Decimal128(38, 0)),
    ("decimal128(38, 38)", || DataType::Decimal128(38, 38)),
    ("decimal256(3, 1)", || DataType::Decimal256(3, 1)),
    ("decimal256(40, 9)", || DataType::Decimal256(40, 9)),
    ("decimal256(76, 38)", || DataType::Decimal256(76, 38)),
    ("utf8", || DataType::Utf8),
    ("binary", || DataType::Binary),
    ("date32", || DataType::Date32),
    ("time32[s]", || DataType::Time32(TimeUnit::Second)),
    ("time32[ms]", || DataType::Time32(TimeUnit::Millisecond)),
    ("time64[us]", || DataType::Time64(TimeUnit::Microsecond)),
    ("time64[ns]", || DataType::Time64(TimeUnit::Nanosecond)),
    ("timestamp[s, UTC]", || timestamp(TimeUnit::Second, "UTC")),
    ("timestamp[ms, UTC]", || timestamp(TimeUnit::Millisecond, "UTC")),
    ("timestamp[us, UTC]", || timestamp(TimeUnit::Microsecond, "UTC")),
    ("timestamp[ns, UTC]", || timestamp(TimeUnit::Nanosecond, "UTC")),
    ("timestamp[ms, Europe/Vienna]", || timestamp(TimeUnit::Millisecond, "Europe/Vienna")),
    ("timestamp[ns, America/New_York]", || timestamp(TimeUnit::Nanosecond, "America/New_York")),
    ("timestamp[s]", || DataType::Timestamp(TimeUnit::Second, None)),
    ("timestamp[ms]", || DataType::Timestamp(TimeUnit::Millisecond, None)),
    ("timestamp[us]", || DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamp[ns]", || DataType::Timestamp(TimeUnit::Nanosecond, None)),
    ("boolean", || DataType::Boolean),
    ("byte", || DataType::Int8),
    ("short", || DataType::Int16),
    ("int", || DataType::Int32),
    ("long", || DataType::Int64),
    ("float", || DataType::Float32),
    ("double", || DataType::Float64),
    ("String", || DataType::Utf8),
    ("byte[]", || DataType::Binary),
    ("Instant", || timestamp(TimeUnit::Nanosecond, "UTC")),
];

fn timestamp(unit: TimeUnit, zone: &str) -> DataType {
    DataType::Timestamp(unit, Some(zone.into()))
}

impl Column {
    /// A column of one of [`TYPES`].
    pub fn new(name: &str, type_name: &str) -> Column {
        let (_, data_type) = TYPES.iter().find(|(name, _)| *name == type_name).expect("one of the types");
        Column { name: name.to_owned(), type_name: type_name.to_owned(), data_type: data_type() }
    }
}

/// The columns of a spec, and its mapping of fields, literal or JSON Pointers, to columns.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub columns: Vec<Column>,
    pub mapping: Vec<(String, String)>,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// An integer, or the number that Arrow has for a date, a time or a timestamp.
    Int(i128),
    /// The bits, so that zeros have signs. All NaNs are the same.
    Float32(u32),
    Float64(u64),
    /// The digits of the unscaled integer.
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    pub fn float32(value: f32) -> Value {
        Value::Float32(if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() })
    }

    pub fn float64(value: f64) -> Value {
        Value::Float64(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
    }
}

/// What becomes of a payload.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A value for each column.
    Row(Vec<Value>),
    /// These columns cannot take their values.
    BadValues(Vec<usize>),
    /// The payload as a whole is at fault.
    Malformed,
}

/// Rules J1 to J4 for one payload (`None`: Kafka's null).
pub fn outcome(schema: &Schema, payload: Option<&[u8]>) -> Outcome {
    let nulls = || Outcome::Row(vec![Value::Null; schema.columns.len()]);
    let document = match payload.map(document::read) {
        None | Some(Ok(None)) => return nulls(),
        Some(Err(_)) => return Outcome::Malformed,
        Some(Ok(Some(document))) => document,
    };
    match document.kind {
        Kind::Null => return nulls(),
        Kind::Object(_) => {}
        _ => return Outcome::Malformed,
    }
    let values: Vec<Option<Value>> = schema
        .columns
        .iter()
        .map(|column| match schema.find(&document, &column.name) {
            None => Some(Value::Null),
            Some(node) => convert(node, &column.data_type),
        })
        .collect();
    let bad: Vec<usize> = (0..values.len()).filter(|index| values[*index].is_none()).collect();
    if bad.is_empty() { Outcome::Row(values.into_iter().flatten().collect()) } else { Outcome::BadValues(bad) }
}

impl Schema {
    /// The value that feeds a column (rule J1).
    fn find<'n, 'a>(&self, document: &'n Node<'a>, column: &str) -> Option<&'n Node<'a>> {
        let mapped = self.mapping.iter().find(|(_, name)| name == column);
        let Some((field, _)) = mapped else { return document.member(column) };
        match field.strip_prefix('/') {
            None => document.member(field),
            Some(pointer) => pointer
                .split('/')
                .map(|token| token.replace("~1", "/").replace("~0", "~"))
                .try_fold(document, |node, token| node.step(&token)),
        }
    }
}

/// Rule J4. `None`: the column cannot take the value.
fn convert(node: &Node<'_>, data_type: &DataType) -> Option<Value> {
    if matches!(node.kind, Kind::Null) {
        return Some(Value::Null);
    }
    match data_type {
        DataType::Boolean => to_bool(node).map(Value::Bool),
        DataType::Int8 => to_integer(node, i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => to_integer(node, i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => to_integer(node, i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => to_integer(node, i64::MIN.into(), i64::MAX.into()),
        DataType::UInt8 => to_integer(node, 0, u8::MAX.into()),
        DataType::UInt16 => to_integer(node, 0, u16::MAX.into()),
        DataType::UInt32 => to_integer(node, 0, u32::MAX.into()),
        DataType::UInt64 => to_integer(node, 0, u64::MAX.into()),
        DataType::Float32 => {
            let value = match special_float(node) {
                #[expect(clippy::cast_possible_truncation, reason = "NaN and the infinities")]
                Some(special) => special as f32,
                None => Some(to_number(node)?.nearest_f32()).filter(|value| value.is_finite())?,
            };
            Some(Value::float32(value))
        }
        DataType::Float64 => {
            let value = match special_float(node) {
                Some(special) => special,
                None => Some(to_number(node)?.nearest_f64()).filter(|value| value.is_finite())?,
            };
            Some(Value::float64(value))
        }
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            to_number(node)?.unscaled(*precision, *scale).map(Value::Decimal)
        }
        DataType::Utf8 => match &node.kind {
            Kind::String(text) => text.clone().map(Value::Text),
            _ => Some(Value::Text(node.text.to_owned())),
        },
        DataType::Binary => to_text(node).and_then(decode_base64).map(Value::Bytes),
        DataType::Date32 => to_text(node).and_then(time::date).map(|days| Value::Int(days.into())),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            to_text(node).and_then(|text| time::time(text, *unit)).map(Value::Int)
        }
        DataType::Timestamp(unit, None) => in_64_bits(time::local_timestamp(to_text(node)?, *unit)?),
        DataType::Timestamp(unit, Some(_)) => in_64_bits(to_timestamp(node, *unit)?),
        other => panic!("no rule for {other}"),
    }
}

/// The text of a string, and of nothing else.
fn to_text<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    match &node.kind {
        Kind::String(text) => text.as_deref(),
        _ => None,
    }
}

/// The text of a string without blanks at its ends.
fn to_trimmed<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    Some(to_text(node)?.trim_matches([' ', '\t', '\n', '\u{c}', '\r']))
}

fn to_bool(node: &Node<'_>) -> Option<bool> {
    if let Kind::Bool(value) = node.kind {
        return Some(value);
    }
    match to_trimmed(node)? {
        "true" | "TRUE" | "True" | "T" | "t" => Some(true),
        "false" | "FALSE" | "False" | "F" | "f" => Some(false),
        _ => None,
    }
}

/// A number, or a string that is one.
fn to_number(node: &Node<'_>) -> Option<Number> {
    match node.kind {
        Kind::Number => Number::parse(node.text),
        _ => Number::parse(to_trimmed(node)?),
    }
}

fn to_integer(node: &Node<'_>, least: i128, most: i128) -> Option<Value> {
    to_number(node)?.integer().filter(|value| (least..=most).contains(value)).map(Value::Int)
}

fn special_float(node: &Node<'_>) -> Option<f64> {
    match to_trimmed(node)? {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn to_timestamp(node: &Node<'_>, unit: TimeUnit) -> Option<i128> {
    match node.kind {
        Kind::Number => time::timestamp_from_number(&Number::parse(node.text)?, unit),
        _ => time::timestamp_from_text(to_text(node)?, unit),
    }
}

fn in_64_bits(value: i128) -> Option<Value> {
    i64::try_from(value).ok().map(|value| Value::Int(value.into()))
}

/// Base64 with the standard alphabet; all of the padding or none.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let unpadded = match text.len() % 4 {
        0 => text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text),
        _ => text,
    };
    let mut bits = String::new();
    for byte in unpadded.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits.push_str(&format!("{value:06b}"));
    }
    let (whole, left) = bits.split_at(bits.len() / 8 * 8);
    // Six bits are a character that says nothing, and what is left over must not say anything either.
    if left.len() == 6 || left.contains('1') {
        return None;
    }
    let byte = |index: usize| u8::from_str_radix(&whole[index..index + 8], 2).expect("eight binary digits");
    Some((0..whole.len()).step_by(8).map(byte).collect())
}
