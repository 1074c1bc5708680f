//! What rules J1 to J4 say, written as plainly as possible, to compare the JSON decoder with.
//!
//! Nothing here is taken from the decoder: its rules are read a second time, a document is a tree, numbers are exact
//! decimals, and nothing is learnt from the record before. Property tests and the fuzz target share it.

pub mod compare;
pub mod document;
pub mod framing;
pub mod number;
pub mod time;
pub mod types;

use std::collections::BTreeMap;

use arrow_schema::{DataType, Field, TimeUnit};
use document::{Kind, Node, Text};
use number::Number;

/// A column as a spec declares it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// The type, as the spec says it (rule T); as it is shown, if an Arrow schema says it.
    pub type_name: String,
    /// The type this name stands for.
    pub data_type: DataType,
    /// Whether its field may be missing or null; only an Arrow schema can say that it may not.
    pub nullable: bool,
}

impl Column {
    /// A column of one of [`types::TYPES`].
    pub fn new(name: &str, type_name: &str) -> Column {
        let type_name = type_name.to_owned();
        Column { name: name.to_owned(), data_type: types::scalar(&type_name), type_name, nullable: true }
    }

    pub fn of(name: &str, data_type: DataType) -> Column {
        Column { name: name.to_owned(), type_name: types::name(&data_type), data_type, nullable: true }
    }

    /// The same as an Arrow schema has it.
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.data_type.clone(), self.nullable)
    }
}

/// The columns of a spec, and its mapping of fields, literal or JSON Pointers, to columns.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    pub columns: Vec<Column>,
    pub mapping: Vec<(String, String)>,
    /// Whether an Arrow schema declares the columns, and not the names of types.
    pub by_arrow: bool,
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
    List(Vec<Value>),
    /// A value for each member of the type.
    Struct(Vec<Value>),
    Map(Vec<(String, Value)>),
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
    /// All values that cannot be taken.
    BadValues(Vec<BadPlace>),
    /// The payload as a whole is at fault.
    Malformed,
}

/// Where a value is that cannot be taken.
#[derive(Debug, Clone, PartialEq)]
pub struct BadPlace {
    pub column: usize,
    /// Where inside the column: `[3].Price`; empty for the column itself.
    pub path: String,
}

/// A value, or where in it something is that cannot be taken.
type Converted = Result<Value, Vec<String>>;

/// Rules J1 to J4 for one payload (`None`: Kafka's null).
pub fn outcome(schema: &Schema, payload: Option<&[u8]>) -> Outcome {
    let document = match payload.map(document::read) {
        None | Some(Ok(None)) => return schema.without_fields(),
        Some(Err(_)) => return Outcome::Malformed,
        Some(Ok(Some(document))) => document,
    };
    match document.kind {
        Kind::Null => return schema.without_fields(),
        Kind::Object(_) => {}
        _ => return Outcome::Malformed,
    }
    let mut values = Vec::new();
    let mut bad = Vec::new();
    for (index, column) in schema.columns.iter().enumerate() {
        match field_value(schema.find(&document, &column.name), &column.field()) {
            Ok(value) => values.push(value),
            Err(paths) => bad.extend(paths.into_iter().map(|path| BadPlace { column: index, path })),
        }
    }
    if bad.is_empty() { Outcome::Row(values) } else { Outcome::BadValues(bad) }
}

impl Schema {
    /// A row of nulls, for payloads that hold no object (rule J2).
    fn without_fields(&self) -> Outcome {
        match self.columns.iter().position(|column| !column.nullable) {
            None => Outcome::Row(vec![Value::Null; self.columns.len()]),
            Some(column) => Outcome::BadValues(vec![BadPlace { column, path: String::new() }]),
        }
    }

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

/// Rules J2 and J4 for a column, a member, an item or the value of an entry.
fn field_value(node: Option<&Node<'_>>, field: &Field) -> Converted {
    let itself = || vec![String::new()];
    let Some(node) = node.filter(|node| !matches!(node.kind, Kind::Null)) else {
        return if field.is_nullable() { Ok(Value::Null) } else { Err(itself()) };
    };
    match (field.data_type(), &node.kind) {
        (DataType::List(item), Kind::Array(elements)) => {
            let items = elements.iter().enumerate();
            all(items.map(|(index, node)| (format!("[{index}]"), field_value(Some(node), item)))).map(Value::List)
        }
        (DataType::Struct(members), Kind::Object(_)) => {
            let members = members.iter();
            all(members.map(|member| (format!(".{}", member.name()), field_value(node.member(member.name()), member))))
                .map(Value::Struct)
        }
        (DataType::Map(entries, _), Kind::Object(members)) => {
            let entries_left = without_replaced(members);
            let value = types::map_value(entries);
            let values =
                entries_left.iter().map(|(index, _, node)| (format!("[{index}]"), field_value(Some(node), value)));
            let values = all(values);
            // Half a character is no key, so that this is no map.
            let keys: Option<Vec<String>> = entries_left.iter().map(|(_, key, _)| (*key).clone()).collect();
            match keys {
                Some(keys) => values.map(|values| Value::Map(keys.into_iter().zip(values).collect())),
                None => Err([itself(), values.err().unwrap_or_default()].concat()),
            }
        }
        (DataType::List(_) | DataType::Struct(_) | DataType::Map(..), _) => Err(itself()),
        (scalar, _) => convert(node, scalar).ok_or_else(itself),
    }
}

/// All values, or the places in all of them.
fn all(parts: impl Iterator<Item = (String, Converted)>) -> Result<Vec<Value>, Vec<String>> {
    let mut values = Vec::new();
    let mut bad = Vec::new();
    for (place, part) in parts {
        match part {
            Ok(value) => values.push(value),
            Err(paths) => bad.extend(paths.into_iter().map(|path| format!("{place}{path}"))),
        }
    }
    if bad.is_empty() { Ok(values) } else { Err(bad) }
}

/// The members that no later one of the same name replaces, each with its place among all of them.
fn without_replaced<'n, 'a>(members: &'n [(Text, Node<'a>)]) -> Vec<(usize, &'n Text, &'n Node<'a>)> {
    let last: BTreeMap<&str, usize> =
        members.iter().enumerate().filter_map(|(index, (name, _))| Some((name.as_deref()?, index))).collect();
    let is_last = |index: usize, name: &Text| name.as_deref().is_none_or(|name| last[name] == index);
    let places = members.iter().enumerate().filter(|(index, (name, _))| is_last(*index, name));
    places.map(|(index, (name, node))| (index, name, node)).collect()
}

/// Rule J4 for a value that is not null. `None`: the column cannot take it.
fn convert(node: &Node<'_>, data_type: &DataType) -> Option<Value> {
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
