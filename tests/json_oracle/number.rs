//! Numbers as they are written: exact decimals of any length.

use super::document;

/// A sign, digits without zeros at either end (none at all: zero), and the power of ten they are multiplied by.
#[derive(Debug, Clone)]
pub struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// Stands for every exponent beyond: no payload is long enough for its digits to make up for it.
const LARGEST_EXPONENT: i64 = 1 << 60;

impl Number {
    /// Reads a number of RFC 8259.
    pub fn parse(text: &str) -> Option<Number> {
        if !document::is_number(text) {
            return None;
        }
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = format!("{whole}{fraction}");
        let no_zeros_behind = written.trim_end_matches('0');
        let zeros_behind = written.len() - no_zeros_behind.len();
        let exponent = parse_exponent(exponent) - length(fraction) + i64::try_from(zeros_behind).unwrap();
        Some(Number { negative, digits: no_zeros_behind.trim_start_matches('0').to_owned(), exponent })
    }

    /// The number, if it is an integer that an `i128` holds, which is more than any integer column does.
    pub fn integer(&self) -> Option<i128> {
        self.unscaled(38, 0)?.parse().ok()
    }

    /// The number times 10^scale, if that is an integer of at most `precision` digits.
    pub fn unscaled(&self, precision: u8, scale: i8) -> Option<String> {
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        let zeros = usize::try_from(self.exponent + i64::from(scale)).ok()?;
        if self.digits.len() + zeros > usize::from(precision) {
            return None;
        }
        let sign = if self.negative { "-" } else { "" };
        Some(format!("{sign}{}{}", self.digits, "0".repeat(zeros)))
    }

    /// The nearest `f64`; infinite if it is too large for one.
    pub fn nearest_f64(&self) -> f64 {
        self.scientific().parse().expect("a number, for Rust too")
    }

    /// The nearest `f32`; infinite if it is too large for one.
    pub fn nearest_f32(&self) -> f32 {
        self.scientific().parse().expect("a number, for Rust too")
    }

    /// The same number as 0.digits × 10^n, with n in the range in which it makes a difference to floats.
    fn scientific(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let exponent = (self.exponent + length(&self.digits)).clamp(-2000, 2000);
        format!("{sign}0.{}e{exponent}", if self.digits.is_empty() { "0" } else { &self.digits })
    }
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap()
}

fn parse_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // What does not parse has more digits than an i64 holds.
    let size = digits.parse().unwrap_or(LARGEST_EXPONENT).min(LARGEST_EXPONENT);
    if negative { -size } else { size }
}
