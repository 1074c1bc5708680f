//! One JSON value into one column: the table of rule J4.
//!
//! Each kind of column has two ways. The plain one is tried first: it reads the form that values of the column usually
//! have straight from the document, and gives up without a word on anything else. The full one takes any value, knows every
//! conversion and every reason to refuse.

use std::str::FromStr;

use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::number::{self, Exact, plain_float, plain_integer, shortened};
use super::text::{Text, number_length};
use super::time;
use crate::column::ColumnBuffer;
use crate::types;

/// How values become those of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Decimal128 {
        precision: u8,
        scale: u8,
    },
    Decimal256 {
        precision: u8,
        scale: u8,
    },
    Utf8,
    Binary,
    Date32,
    Time32(TimeUnit),
    Time64(TimeUnit),
    /// A timestamp with a zone: an instant.
    Instant(TimeUnit),
    /// A timestamp without a zone.
    Local(TimeUnit),
    /// An instant of an object processor: text in ISO 8601 alone.
    Iso,
    /// The same as a number of so many powers of ten of nanoseconds.
    Epoch(u8),
    /// What an object processor has no plain way for.
    Strict,
    /// A list, a struct or a map, by its number.
    Nested(u32),
}

/// A value other than null as the document has it, checked by the grammar.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Bool(&'a str),
    Number(&'a str),
    /// Unescaped; `None`: a surrogate in it lacks its other half.
    String(Option<&'a str>),
    Container(&'a str),
}

/// Why a value is not in its column.
pub enum Refusal {
    /// It is of a kind that the column does not take.
    Kind,
    /// It is of a kind that the column takes, but not this one.
    Found(&'static str),
}

type Outcome = std::result::Result<(), Refusal>;

impl Writer {
    /// For a scalar type; `None` for types that no JSON value is written into.
    pub fn new(data_type: &DataType) -> Option<Writer> {
        Some(match data_type {
            DataType::Boolean => Writer::Bool,
            DataType::Int8 => Writer::Int8,
            DataType::Int16 => Writer::Int16,
            DataType::Int32 => Writer::Int32,
            DataType::Int64 => Writer::Int64,
            DataType::UInt8 => Writer::UInt8,
            DataType::UInt16 => Writer::UInt16,
            DataType::UInt32 => Writer::UInt32,
            DataType::UInt64 => Writer::UInt64,
            DataType::Float32 => Writer::Float32,
            DataType::Float64 => Writer::Float64,
            DataType::Decimal128(precision, scale) => {
                Writer::Decimal128 { precision: *precision, scale: decimal_scale(data_type, *scale)? }
            }
            DataType::Decimal256(precision, scale) => {
                Writer::Decimal256 { precision: *precision, scale: decimal_scale(data_type, *scale)? }
            }
            DataType::Utf8 => Writer::Utf8,
            DataType::Binary => Writer::Binary,
            DataType::Date32 => Writer::Date32,
            DataType::Time32(unit) => Writer::Time32(*unit),
            DataType::Time64(unit) => Writer::Time64(*unit),
            DataType::Timestamp(unit, Some(_)) => Writer::Instant(*unit),
            DataType::Timestamp(unit, None) => Writer::Local(*unit),
            _ => return None,
        })
    }

    /// The plain way: writes the value that begins at `at` and tells where it ends, or does nothing.
    #[inline(always)]
    pub fn write_plain(self, text: Text<'_>, at: usize, column: &mut ColumnBuffer) -> Option<usize> {
        if text.byte(at) == b'"' {
            let (start, end) = plain_string(text, at)?;
            match self {
                Writer::Utf8 => column.push_part(text.padded(), start, end),
                Writer::Instant(unit) => column.push_i64(time::instant(text.slice(start, end), unit).ok()?),
                Writer::Iso => column.push_i64(time::iso_instant(text.slice(start, end)).ok()?),
                _ => return None,
            }
            return Some(end + 1);
        }
        match self {
            Writer::Int64 => {
                let (value, end) = plain_integer(text, at)?;
                column.push_i64(value);
                Some(end)
            }
            Writer::Float64 => {
                let (value, end) = plain_float(text, at)?;
                column.push_f64(value);
                Some(end)
            }
            Writer::Int32 => {
                let (value, end) = plain_integer(text, at)?;
                column.push_i32(i32::try_from(value).ok()?);
                Some(end)
            }
            Writer::Instant(unit) => {
                let (value, end) = plain_integer(text, at)?;
                column.push_i64(time::instant_from_number(value, unit).ok()?);
                Some(end)
            }
            Writer::Epoch(power) => write_epoch(text, at, power, column),
            Writer::Bool if text.has(at, b"true") => {
                column.push_bool(true);
                Some(at + 4)
            }
            Writer::Bool if text.has(at, b"false") => {
                column.push_bool(false);
                Some(at + 5)
            }
            // The full way is good enough for what is rare in JSON.
            _ => None,
        }
    }

    /// The full way, for scalars other than null.
    pub fn write(self, value: Value<'_>, column: &mut ColumnBuffer) -> Outcome {
        match self {
            Writer::Bool => column.push_bool(boolean(value)?),
            Writer::Int8 => column.push_i8(integer(value)?),
            Writer::Int16 => column.push_i16(integer(value)?),
            Writer::Int32 => column.push_i32(integer(value)?),
            Writer::Int64 => column.push_i64(integer(value)?),
            Writer::UInt8 => column.push_u8(integer(value)?),
            Writer::UInt16 => column.push_u16(integer(value)?),
            Writer::UInt32 => column.push_u32(integer(value)?),
            Writer::UInt64 => column.push_u64(integer(value)?),
            Writer::Float32 => column.push_f32(float(value, f32::is_finite)?),
            Writer::Float64 => column.push_f64(float(value, f64::is_finite)?),
            Writer::Decimal128 { precision, scale } => {
                column.push_i128(exact(value)?.decimal128(scale, precision.into()).map_err(decimal_misfit)?);
            }
            Writer::Decimal256 { precision, scale } => {
                column.push_i256(exact(value)?.decimal256(scale, precision.into()).map_err(decimal_misfit)?);
            }
            Writer::Utf8 => column.push_str(text(value)?),
            Writer::Binary => column.push_bytes(&binary(value)?),
            Writer::Date32 => {
                column.push_i32(time::date(string(value)?).map_err(misfit_of("text that is not YYYY-MM-DD"))?)
            }
            Writer::Time32(unit) => {
                let time = time_of_day(value, unit)?;
                column.push_i32(i32::try_from(time).expect("a day has fewer than 2^31 milliseconds"));
            }
            Writer::Time64(unit) => column.push_i64(time_of_day(value, unit)?),
            Writer::Instant(unit) => column.push_i64(instant(value, unit)?),
            Writer::Local(unit) => {
                const FORM: &str = "text that is not YYYY-MM-DDTHH:MM:SS without an offset";
                column.push_i64(time::local(string(value)?, unit).map_err(misfit_of(FORM))?);
            }
            // The decoder writes what is inside, and what has one form alone.
            Writer::Nested(_) | Writer::Iso | Writer::Epoch(_) | Writer::Strict => return Err(Refusal::Kind),
        }
        Ok(())
    }
}

/// An instant as a plain number of so many powers of ten of nanoseconds.
#[inline(never)]
fn write_epoch(text: Text<'_>, at: usize, power: u8, column: &mut ColumnBuffer) -> Option<usize> {
    let (value, end) = plain_integer(text, at)?;
    column.push_i64(value.checked_mul(10_i64.pow(power.into()))?);
    Some(end)
}

/// The scale of a decimal that has a name (rule T): Arrow knows others, with digits that they have not.
fn decimal_scale(data_type: &DataType, scale: i8) -> Option<u8> {
    types::parse(&types::name(data_type)).ok()?;
    u8::try_from(scale).ok()
}

/// Where the text of the string that begins at `at` begins and ends, if nothing in it is escaped.
#[inline(always)]
fn plain_string(text: Text<'_>, at: usize) -> Option<(usize, usize)> {
    let start = at + 1;
    if let Some(end) = text.short_string_end(start) {
        return Some((start, end));
    }
    match text.string_end(start) {
        Ok((end, false)) => Some((start, end)),
        _ => None,
    }
}

fn boolean(value: Value<'_>) -> std::result::Result<bool, Refusal> {
    let text = match value {
        Value::Bool(literal) => literal,
        _ => string(value)?.trim_ascii(),
    };
    match text {
        "true" | "TRUE" | "True" | "T" | "t" => Ok(true),
        "false" | "FALSE" | "False" | "F" | "f" => Ok(false),
        _ => Err(Refusal::Found("a string that is neither true nor false")),
    }
}

fn integer<T: TryFrom<i128>>(value: Value<'_>) -> std::result::Result<T, Refusal> {
    let value = exact(value)?.integer().map_err(|misfit| match misfit {
        number::Misfit::Fraction => Refusal::Found("a number with a fraction"),
        number::Misfit::Range => OUT_OF_RANGE,
    })?;
    T::try_from(value).map_err(|_| OUT_OF_RANGE)
}

const OUT_OF_RANGE: Refusal = Refusal::Found("a number out of its range");

fn exact(value: Value<'_>) -> std::result::Result<Exact, Refusal> {
    Exact::parse(number_text(value)?).map_err(decimal_misfit)
}

fn decimal_misfit(misfit: number::Misfit) -> Refusal {
    match misfit {
        number::Misfit::Fraction => Refusal::Found("a number with more digits behind the point"),
        number::Misfit::Range => OUT_OF_RANGE,
    }
}

/// Rounds as the standard library does, which is correctly.
fn float<T: FromStr + Copy>(value: Value<'_>, is_finite: impl Fn(T) -> bool) -> std::result::Result<T, Refusal> {
    const NOT_A_NUMBER: Refusal = Refusal::Found("a string that is not a number");
    if let Value::String(Some(text)) = value
        && let text @ ("NaN" | "Infinity" | "-Infinity") = text.trim_ascii()
    {
        return text.parse().map_err(|_| NOT_A_NUMBER);
    }
    let number: T = shortened(number_text(value)?).parse().map_err(|_| NOT_A_NUMBER)?;
    if is_finite(number) { Ok(number) } else { Err(OUT_OF_RANGE) }
}

/// The text of a number, or of a string that holds one.
fn number_text(value: Value<'_>) -> std::result::Result<&str, Refusal> {
    if let Value::Number(number) = value {
        return Ok(number);
    }
    let text = string(value)?.trim_ascii();
    if number_length(text.as_bytes()) == Some(text.len()) {
        return Ok(text);
    }
    Err(Refusal::Found("a string that is not a number"))
}

fn text(value: Value<'_>) -> std::result::Result<&str, Refusal> {
    match value {
        Value::Bool(text) | Value::Number(text) | Value::Container(text) => Ok(text),
        _ => string(value),
    }
}

fn string(value: Value<'_>) -> std::result::Result<&str, Refusal> {
    match value {
        Value::String(text) => text.ok_or(Refusal::Found("a string with half a surrogate pair")),
        _ => Err(Refusal::Kind),
    }
}

fn binary(value: Value<'_>) -> std::result::Result<Vec<u8>, Refusal> {
    let text = string(value)?;
    // All of the padding or none.
    let engine = if text.ends_with('=') { STANDARD } else { STANDARD_NO_PAD };
    engine.decode(text).map_err(|_| Refusal::Found("a string that is not base64"))
}

fn time_of_day(value: Value<'_>, unit: TimeUnit) -> std::result::Result<i64, Refusal> {
    time::time_of_day(string(value)?, unit).map_err(misfit_of("text that is not HH:MM:SS"))
}

fn instant(value: Value<'_>, unit: TimeUnit) -> std::result::Result<i64, Refusal> {
    let outcome = match value {
        Value::Number(_) => time::instant_from_number(integer(value)?, unit),
        _ => time::instant(string(value)?, unit),
    };
    outcome.map_err(misfit_of("text that is not a time with a zone"))
}

/// What to say about a time that does not fit, with the words for one of the wrong form.
fn misfit_of(form: &'static str) -> impl Fn(time::Misfit) -> Refusal {
    move |misfit| {
        Refusal::Found(match misfit {
            time::Misfit::Form => form,
            time::Misfit::Unit => "a time that is finer",
            time::Misfit::Range => "a time out of its range",
            time::Misfit::Zone => "a time in an unknown zone, or with an offset that its zone does not have",
        })
    }
}
