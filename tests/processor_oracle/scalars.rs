//! One value as one cell.

use super::{Cell, Input, NULL, Outcome, Refused, Scalar, kind_of};
use crate::document::Kind;

impl Scalar {
    /// What becomes of a value.
    pub fn value(&self, input: Input<'_, '_>) -> Outcome<Cell> {
        let missing = self.on_missing.clone().unwrap_or(NULL.to_owned());
        let any_null = if self.kind == "any" { quoted("null") } else { NULL.to_owned() };
        let null = self.on_null.clone().unwrap_or(any_null);
        let (kind, text) = match input {
            Input::Missing => return if self.allowed.contains(&"missing") { Ok(missing) } else { Err(Refused) },
            Input::Null => ("null", NULL.to_owned()),
            Input::Text(text) => ("string", text.to_owned()),
            Input::Value(node) if self.kind == "any" => return Ok(quoted(node.text)),
            Input::Value(node) => match &node.kind {
                Kind::String(text) => {
                    ("string", if self.allowed.contains(&"string") { text.clone() } else { None }.ok_or(Refused)?)
                }
                _ => (kind_of(node), node.text.to_owned()),
            },
        };
        if !self.allowed.contains(&kind) {
            return Err(Refused);
        }
        if kind == "null" {
            return Ok(null);
        }
        let trimmed = text.trim_matches(|character: char| character <= ' ');
        match &self.kind[..] {
            "bool" => match &trimmed.to_ascii_lowercase()[..] {
                "true" => Ok("true".to_owned()),
                "false" => Ok("false".to_owned()),
                "null" if self.allowed.contains(&"null") => Ok(null),
                _ => Err(Refused),
            },
            "char" if text.encode_utf16().count() != 1 => Err(Refused),
            "char" | "string" | "type name" => Ok(quoted(&text)),
            "byte" => self.integer(kind, &text, 0, i8::MIN.into(), i8::MAX.into()),
            "short" => self.integer(kind, &text, 0, i16::MIN.into(), i16::MAX.into()),
            "int" => self.integer(kind, &text, 0, i32::MIN.into(), i32::MAX.into()),
            "long" => self.integer(kind, &text, 0, i64::MIN.into(), i64::MAX.into()),
            "instant" => match self.format.as_deref() {
                None => instant(&text),
                Some(unit) => {
                    let power = match unit {
                        "s" => 9,
                        "ms" => 6,
                        "us" => 3,
                        _ => 0,
                    };
                    self.integer(kind, &text, power, i64::MIN.into(), i64::MAX.into())
                }
            },
            "float" => {
                let number: f32 = float(kind, trimmed)?.parse().map_err(|_| Refused)?;
                is_fitting(trimmed, number.is_infinite())?;
                Ok(if number.is_nan() { "NaN".to_owned() } else { format!("{:x}", number.to_bits()) })
            }
            "double" => {
                let number: f64 = float(kind, trimmed)?.parse().map_err(|_| Refused)?;
                is_fitting(trimmed, number.is_infinite())?;
                Ok(if number.is_nan() { "NaN".to_owned() } else { format!("{:x}", number.to_bits()) })
            }
            "big_integer" => {
                let digits = self.whole(kind, &text, 0)?;
                match self.digits {
                    None if digits.trim_start_matches('-').len() > 10_000 => Err(Refused),
                    None => Ok(quoted(&digits)),
                    Some((precision, _)) if digits.trim_start_matches('-').len() <= precision => Ok(digits),
                    Some(_) => Err(Refused),
                }
            }
            _ => {
                let number = number(kind, &text)?;
                let Some((precision, scale)) = self.digits else {
                    return Ok(quoted(text.strip_prefix('+').unwrap_or(&text)));
                };
                let shifted = number.times_ten_to(i64::try_from(scale).expect("few digits"));
                if !shifted.is_whole() {
                    return Err(Refused);
                }
                let digits = shifted.whole_digits(precision).ok_or(Refused)?;
                Ok(digits)
            }
        }
    }

    fn whole(&self, kind: &str, text: &str, power: i64) -> Outcome<String> {
        if kind == "string" && !self.allowed.contains(&"decimal") && text.contains(['.', 'e', 'E']) {
            return Err(Refused);
        }
        number(kind, text)?.times_ten_to(power).whole_digits(20_000).ok_or(Refused)
    }

    fn integer(&self, kind: &str, text: &str, power: i64, least: i128, greatest: i128) -> Outcome<Cell> {
        let number: i128 = self.whole(kind, text, power)?.parse().map_err(|_| Refused)?;
        if (least..=greatest).contains(&number) { Ok(number.to_string()) } else { Err(Refused) }
    }
}

/// Text as a cell.
pub fn quoted(text: &str) -> Cell {
    format!("{text:?}")
}

/// A number, as its digits and the power of ten of the last one.
struct Number {
    is_negative: bool,
    digits: String,
    exponent: i128,
}

/// Of a value of JSON, or of Java's text.
fn number(kind: &str, text: &str) -> Outcome<Number> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (is_negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') if kind == "string" => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        None => (rest, 0),
        Some(at) => {
            let (sign, digits) = match rest.as_bytes().get(at + 1) {
                Some(b'-') => (-1, &rest[at + 2..]),
                Some(b'+') => (1, &rest[at + 2..]),
                _ => (1, &rest[at + 1..]),
            };
            if digits.is_empty() || !is_digits(digits) {
                return Err(Refused);
            }
            // Beyond this all numbers are zero, or too large for anything.
            (&rest[..at], sign * digits.parse::<i128>().unwrap_or(1 << 70).min(1 << 70))
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return Err(Refused);
    }
    let exponent = exponent - i128::try_from(fraction.len()).expect("a text has a length");
    Ok(Number { is_negative, digits: format!("{whole}{fraction}").trim_start_matches('0').to_owned(), exponent })
}

impl Number {
    fn times_ten_to(mut self, power: i64) -> Number {
        self.exponent += i128::from(power);
        self
    }

    fn is_whole(&self) -> bool {
        let zeros = self.digits.bytes().rev().take_while(|digit| *digit == b'0').count();
        self.digits.is_empty() || self.exponent + i128::try_from(zeros).expect("a text has a length") >= 0
    }

    /// The digits in front of the point, if there are no more than so many.
    fn whole_digits(&self, most: usize) -> Option<String> {
        let length = i128::try_from(self.digits.len()).expect("a text has a length");
        let count = length + self.exponent;
        if self.digits.is_empty() || count <= 0 {
            return Some("0".to_owned());
        }
        let count = usize::try_from(count).ok().filter(|count| *count <= most)?;
        let mut digits: String = self.digits.chars().take(count).collect();
        digits.extend(std::iter::repeat_n('0', count - digits.len()));
        Some(if self.is_negative { format!("-{digits}") } else { digits })
    }
}

/// What the standard library reads as a float.
fn float(kind: &str, text: &str) -> Outcome<String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if kind == "string" && (unsigned == "NaN" || unsigned == "Infinity") {
        return Ok(text.to_owned());
    }
    let number = number(kind, text)?;
    let sign = if text.starts_with('-') { "-" } else { "" };
    if number.digits.is_empty() {
        return Ok(format!("{sign}0"));
    }
    // The exponent of the first digit, which decides about those that are too long for the library.
    let first = number.exponent + i128::try_from(number.digits.len()).expect("a text has a length");
    Ok(match first {
        first if first > 400 => format!("{sign}1e400"),
        first if first < -400 => format!("{sign}0"),
        _ => format!("{sign}{}e{}", number.digits, number.exponent),
    })
}

/// Infinity is only what says so.
fn is_fitting(text: &str, is_infinite: bool) -> Outcome<()> {
    if is_infinite && !text.contains('I') { Err(Refused) } else { Ok(()) }
}

/// `YYYY-MM-DDTHH:MM:SS[.f]` and an offset.
fn instant(text: &str) -> Outcome<Cell> {
    let bytes = text.as_bytes();
    let form = "dddd-dd-ddTdd:dd:dd";
    if bytes.len() < form.len() || !text.is_ascii() {
        return Err(Refused);
    }
    let (front, mut rest) = text.split_at(form.len());
    let follows = front.bytes().zip(form.bytes()).all(|(byte, form)| match form {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        form => byte == form,
    });
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=9).contains(&count) {
            return Err(Refused);
        }
        nanos = format!("{:0<9}", &fraction[..count]).parse::<i128>().map_err(|_| Refused)?;
        rest = &fraction[count..];
    }
    let offset = match rest.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) => {
            let number = |tens: &u8, ones: &u8| i128::from(tens - b'0') * 10 + i128::from(ones - b'0');
            let (hours, minutes) = (number(a, b), number(c, d));
            let seconds = (hours * 60 + minutes) * 60;
            if minutes > 59 || seconds > 18 * 3600 {
                return Err(Refused);
            }
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return Err(Refused),
    };
    if !follows {
        return Err(Refused);
    }
    // jiff reads a civil time, and knows what there is in a calendar.
    let local: jiff::civil::DateTime = front.to_ascii_uppercase().parse().map_err(|_| Refused)?;
    if &front[17..] == "60" {
        return Err(Refused);
    }
    let zero = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let seconds = local.duration_since(zero).as_secs();
    let value = (i128::from(seconds) - offset) * 1_000_000_000 + nanos;
    i64::try_from(value).map(|value| value.to_string()).map_err(|_| Refused)
}
