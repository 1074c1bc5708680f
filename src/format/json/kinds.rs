//! One JSON value into one column of an object processor, which takes just the kinds that it is told to (rule V1).
//!
//! What J4 converts because nothing gets lost is refused here unless it is asked for, and what is asked for may cut
//! something off: the digits behind the point of a number that becomes a whole one.

use std::str::FromStr;

use arrow_buffer::i256;
use arrow_schema::{DataType, TimeUnit};

use super::number::{self, Exact, shortened, whole_digits};
use super::text::{Kind, Malformed, Text};
use super::time;
use crate::column::ColumnBuffer;
use crate::types;

/// Kinds of values, a bit for each.
/// cbindgen:ignore
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

/// cbindgen:ignore
impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    pub const MISSING: Kinds = Kinds(1);
    pub const NULL: Kinds = Kinds(2);
    /// A number without a point and an exponent.
    pub const INT: Kinds = Kinds(4);
    /// A number with one of them.
    pub const DECIMAL: Kinds = Kinds(8);
    pub const STRING: Kinds = Kinds(16);
    pub const BOOL: Kinds = Kinds(32);
    pub const OBJECT: Kinds = Kinds(64);
    pub const ARRAY: Kinds = Kinds(128);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// The same with this kind, or without it.
    #[must_use]
    pub const fn with(self, kind: Kinds, allowed: bool) -> Kinds {
        if allowed { Kinds(self.0 | kind.0) } else { Kinds(self.0 & !kind.0) }
    }

    /// Whether this kind is among them.
    pub const fn have(self, kind: Kinds) -> bool {
        self.0 & kind.0 != 0
    }

    /// The kind of the value that begins at `at`.
    pub fn at(text: Text<'_>, at: usize) -> Result<Kinds, Malformed> {
        Ok(match text.kind(at)? {
            Kind::Null => Kinds::NULL,
            Kind::Bool => Kinds::BOOL,
            Kind::String => Kinds::STRING,
            Kind::Array => Kinds::ARRAY,
            Kind::Object => Kinds::OBJECT,
            Kind::Number => Kinds::of_number(text.slice(at, text.number_end(at)?)),
        })
    }

    /// Of a number, as it is written.
    pub fn of_number(number: &str) -> Kinds {
        let is_decimal = number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        if is_decimal { Kinds::DECIMAL } else { Kinds::INT }
    }

    /// How messages name the one that was found.
    pub fn name(self) -> &'static str {
        match self {
            Kinds::MISSING => "nothing",
            Kinds::NULL => Kind::Null.name(),
            Kinds::INT => "a whole number",
            Kinds::DECIMAL => "a decimal number",
            Kinds::STRING => Kind::String.name(),
            Kinds::BOOL => Kind::Bool.name(),
            Kinds::OBJECT => Kind::Object.name(),
            _ => Kind::Array.name(),
        }
    }
}

/// What values become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Bool,
    /// One unit of UTF-16.
    Char,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    String,
    /// Text in ISO 8601.
    Instant,
    /// A number of so many powers of ten of nanoseconds.
    Epoch(u8),
    /// Exact text, or a decimal of so many digits.
    BigInteger(Option<u8>),
    /// The same, with so many digits, and so many of them behind the point.
    BigDecimal(Option<(u8, u8)>),
    /// The text of whatever it is.
    Any,
    /// The name of a type: a string, or a whole number as it is written.
    TypeName,
    /// A list of what an array holds.
    Array,
    /// A map of what an object holds.
    Entries,
    /// A struct.
    Struct,
}

/// Whole numbers of more digits are not written out: a few bytes of an exponent could ask for all memory.
const MOST_DIGITS: usize = 10_000;

/// Every number of this many digits fits i128.
const I128_DIGITS: usize = 38;

/// What is found, if it cannot be written.
type Outcome<T = ()> = Result<T, &'static str>;

const OUT_OF_RANGE: &str = "a number out of its range";
const NOT_A_NUMBER: &str = "a string that is not a number";
const TIME_OUT_OF_RANGE: &str = "a time out of its range";

impl What {
    /// How descriptions and messages name it.
    pub fn name(self) -> &'static str {
        match self {
            What::Bool => "bool",
            What::Char => "char",
            What::Byte => "byte",
            What::Short => "short",
            What::Int => "int",
            What::Long => "long",
            What::Float => "float",
            What::Double => "double",
            What::String => "string",
            What::Instant | What::Epoch(_) => "instant",
            What::BigInteger(_) => "big_integer",
            What::BigDecimal(_) => "big_decimal",
            What::Any => "any",
            What::TypeName => "the name of a type",
            What::Array => "array",
            What::Entries => "object_entries",
            What::Struct => "struct",
        }
    }

    /// The type of its column, if it has one without anything inside it.
    pub fn data_type(self) -> Option<DataType> {
        Some(match self {
            What::Bool => DataType::Boolean,
            What::Byte => DataType::Int8,
            What::Short => DataType::Int16,
            What::Int => DataType::Int32,
            What::Long => DataType::Int64,
            What::Float => DataType::Float32,
            What::Double => DataType::Float64,
            What::Instant | What::Epoch(_) => types::timestamp(TimeUnit::Nanosecond, Some("UTC")),
            What::BigInteger(Some(precision)) => types::big_number(precision, 0),
            What::BigDecimal(Some((precision, scale))) => types::big_number(precision, i8::try_from(scale).ok()?),
            What::Char
            | What::String
            | What::BigInteger(None)
            | What::BigDecimal(None)
            | What::Any
            | What::TypeName => DataType::Utf8,
            What::Array | What::Entries | What::Struct => return None,
        })
    }

    /// Whether it is a whole number, which decimals are cut to if they are allowed.
    fn is_whole(self) -> bool {
        matches!(self, What::Byte | What::Short | What::Int | What::Long | What::Epoch(_) | What::BigInteger(_))
    }

    /// Writes a value of one of the kinds that are allowed.
    pub fn write_allowed(self, allowed: Kinds, kind: Kinds, text: &str, column: &mut ColumnBuffer) -> Outcome {
        if kind == Kinds::STRING && self.is_whole() && !allowed.have(Kinds::DECIMAL) {
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("a string that is not a whole number");
            }
        }
        self.write(kind, text, column)
    }

    /// Whether this text stands for null, where text is allowed.
    pub fn is_null(self, text: &str) -> bool {
        self == What::Bool && trimmed(text).eq_ignore_ascii_case("null")
    }

    /// Writes a value, a string without its quotes and escapes, anything else as it is
    /// written.
    fn write(self, kind: Kinds, text: &str, column: &mut ColumnBuffer) -> Outcome {
        match self {
            What::Bool => column.push_bool(boolean(text)?),
            What::Char => {
                if text.chars().map(char::len_utf16).sum::<usize>() != 1 {
                    return Err("a string that is not one character of UTF-16");
                }
                column.push_str(text);
            }
            What::Byte => column.push_i8(integer(kind, text, 0)?),
            What::Short => column.push_i16(integer(kind, text, 0)?),
            What::Int => column.push_i32(integer(kind, text, 0)?),
            What::Long => column.push_i64(integer(kind, text, 0)?),
            What::Float => column.push_f32(float(kind, text, f32::is_finite)?),
            What::Double => column.push_f64(float(kind, text, f64::is_finite)?),
            What::String | What::Any | What::TypeName => column.push_str(text),
            What::Instant => column.push_i64(time::iso_instant(text).map_err(|misfit| match misfit {
                time::Misfit::Range => TIME_OUT_OF_RANGE,
                _ => "text that is not an instant in ISO 8601",
            })?),
            What::Epoch(power) => {
                let nanos = integer(kind, text, power);
                column.push_i64(nanos.map_err(|found| if found == OUT_OF_RANGE { TIME_OUT_OF_RANGE } else { found })?);
            }
            What::BigInteger(None) => column.push_str(&whole(kind, text, 0, MOST_DIGITS)?),
            What::BigInteger(Some(precision)) => {
                let digits = whole(kind, text, 0, precision.into())?;
                push_decimal(&Exact::parse(&digits).map_err(decimal_misfit)?, precision, 0, column)?;
            }
            What::BigDecimal(None) => column.push_str(number_of(kind, text)?),
            What::BigDecimal(Some((precision, scale))) => {
                let exact = Exact::parse(number_of(kind, text)?).map_err(decimal_misfit)?;
                push_decimal(&exact, precision, scale, column)?;
            }
            // The decoder writes what is inside.
            What::Array | What::Entries | What::Struct => return Err(Kind::Null.name()),
        }
        Ok(())
    }
}

/// A value that stands for null, or for one that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    kind: Kinds,
    text: Box<str>,
}

impl Constant {
    /// A value that can be written, or why it cannot.
    pub fn new(what: What, kind: Kinds, text: &str) -> Outcome<Constant> {
        let constant = Constant { kind, text: text.into() };
        let data_type = what.data_type().ok_or(Kind::Object.name())?;
        let column = ColumnBuffer::new(&data_type, &Default::default());
        constant.try_write(what, &mut column.map_err(|_| Kind::Object.name())?).map(|()| constant)
    }

    fn try_write(&self, what: What, column: &mut ColumnBuffer) -> Outcome {
        // An instant is given as text, whatever records have.
        let what = if matches!(what, What::Epoch(_)) { What::Instant } else { what };
        what.write_allowed(Kinds::INT, self.kind, &self.text, column)
    }

    /// Writes it.
    pub fn write(&self, what: &What, column: &mut ColumnBuffer) {
        self.try_write(*what, column).expect("a constant has been written once before");
    }
}

/// Without blanks and control characters around it, as Java trims.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character <= ' ')
}

fn boolean(text: &str) -> Outcome<bool> {
    match trimmed(text) {
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("a string that is neither true nor false"),
    }
}

/// A whole number, times a power of ten; what is then behind the point is cut off.
fn integer<T: TryFrom<i128>>(kind: Kinds, text: &str, power: u8) -> Outcome<T> {
    let value = match text.parse::<i64>() {
        Ok(value) => i128::from(value) * 10_i128.pow(power.into()),
        // A decimal, something long, or no number.
        Err(_) => whole(kind, text, power, I128_DIGITS)?.parse().map_err(|_| OUT_OF_RANGE)?,
    };
    T::try_from(value).map_err(|_| OUT_OF_RANGE)
}

fn whole(kind: Kinds, text: &str, power: u8, most: usize) -> Outcome<String> {
    whole_digits(number_of(kind, text)?, power.into(), most).ok_or(OUT_OF_RANGE)
}

fn push_decimal(exact: &Exact, precision: u8, scale: u8, column: &mut ColumnBuffer) -> Outcome {
    if usize::from(precision) <= I128_DIGITS {
        column.push_i128(exact.decimal128(scale, precision.into()).map_err(decimal_misfit)?);
    } else {
        let value: i256 = exact.decimal256(scale, precision.into()).map_err(decimal_misfit)?;
        column.push_i256(value);
    }
    Ok(())
}

fn decimal_misfit(misfit: number::Misfit) -> &'static str {
    match misfit {
        number::Misfit::Fraction => "a number with more digits behind the point",
        number::Misfit::Range => OUT_OF_RANGE,
    }
}

/// Rounds as the standard library does, which is correctly.
fn float<T: FromStr + Copy>(kind: Kinds, text: &str, is_finite: impl Fn(T) -> bool) -> Outcome<T> {
    let text = if kind == Kinds::STRING { trimmed(text) } else { text };
    if let "NaN" | "+NaN" | "-NaN" | "Infinity" | "+Infinity" | "-Infinity" = text {
        return text.parse().map_err(|_| NOT_A_NUMBER);
    }
    let number: T = shortened(number_of(kind, text)?).parse().map_err(|_| NOT_A_NUMBER)?;
    if is_finite(number) { Ok(number) } else { Err(OUT_OF_RANGE) }
}

/// The text of a number, or of a string that holds one as Java writes and reads them: with a plus, with zeros in front, or
/// without a digit on one side of the point. Without the plus.
fn number_of(kind: Kinds, text: &str) -> Outcome<&str> {
    if kind != Kinds::STRING {
        return Ok(text);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction);
    let has_exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    if has_digits && has_exponent { Ok(text.strip_prefix('+').unwrap_or(text)) } else { Err(NOT_A_NUMBER) }
}
