//! Values that are more than bytes: decimals and UUIDs.

use apache_avro::Uuid;
use arrow_buffer::i256;
use num_bigint::BigInt;

use super::datum::Datum;
use crate::column::ColumnBuffer;

/// The most bytes of a number that becomes text, and the most digits behind its point: to write more takes longer than a
/// record should.
const MAX_TEXT_BYTES: usize = 4096;

/// What is expected and what was found of a value that does not fit its column.
pub type Misfit = &'static str;

/// Decimals of one type: two's complement, the highest byte first, of a scale that the type has.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    /// How many bytes each has; `None`: it says so itself.
    pub size: Option<usize>,
    /// The column that they go to.
    pub column: Width,
}

/// What keeps decimals, and the numbers that it has room for: those between this one and its opposite.
#[derive(Debug, Clone, Copy)]
pub enum Width {
    Bits128(i128),
    Bits256(i256),
    /// With as many digits at most, of which so many are behind the point.
    Text {
        precision: usize,
        scale: usize,
    },
}

const TOO_MANY_DIGITS: Misfit = "expected a decimal of the column's precision, found one of more digits";

impl Decimal {
    /// Decimals of so many digits, as wide as the column is.
    pub fn new(size: Option<usize>, precision: usize, scale: usize, data_type: &arrow_schema::DataType) -> Decimal {
        let digits = u32::try_from(precision).unwrap_or(u32::MAX);
        let column = match data_type {
            arrow_schema::DataType::Decimal128(..) => 10_i128.checked_pow(digits).map(Width::Bits128),
            arrow_schema::DataType::Decimal256(..) => i256::from(10).checked_pow(digits).map(Width::Bits256),
            _ => None,
        };
        Decimal { size, column: column.unwrap_or(Width::Text { precision, scale }) }
    }

    /// Writes a decimal.
    pub fn write(&self, bytes: &[u8], column: &mut ColumnBuffer) -> Result<(), Misfit> {
        match self.column {
            Width::Bits128(limit) => {
                let number = i128::from_be_bytes(extended(bytes).ok_or(TOO_MANY_DIGITS)?);
                if number >= limit || number <= -limit {
                    return Err(TOO_MANY_DIGITS);
                }
                column.push_i128(number);
            }
            Width::Bits256(limit) => {
                let number = i256::from_be_bytes(extended(bytes).ok_or(TOO_MANY_DIGITS)?);
                if number >= limit || number <= limit.wrapping_neg() {
                    return Err(TOO_MANY_DIGITS);
                }
                column.push_i256(number);
            }
            Width::Text { precision, scale } => {
                let scale = scale.try_into().map_err(|_| TOO_LONG)?;
                column.push_str(&decimal_text(bytes, precision, scale)?);
            }
        }
        Ok(())
    }

    /// What one may take more than the payload pays for.
    pub fn extra_bytes(&self) -> usize {
        match self.column {
            Width::Bits128(_) | Width::Bits256(_) => 0,
            Width::Text { .. } => MAX_TEXT,
        }
    }
}

/// The most letters of a number as text.
/// cbindgen:ignore
pub const MAX_TEXT: usize = 4 * MAX_TEXT_BYTES;

const TOO_LONG: Misfit = "expected a decimal that can be written out, found one of too many digits";

/// The bytes of a number, with as many of its sign in front as the width asks for; `None` if they are too many.
fn extended<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
    let mut all = [sign; N];
    let bytes = match bytes.len().checked_sub(N) {
        // Digits in front that say nothing.
        Some(more) => {
            let (front, bytes) = bytes.split_at(more);
            let same =
                front.iter().all(|byte| *byte == sign) && bytes.first().is_none_or(|b| (*b >= 0x80) == (sign != 0));
            same.then_some(bytes)?
        }
        None => bytes,
    };
    all[N - bytes.len()..].copy_from_slice(bytes);
    Some(all)
}

/// A number of so many digits at most, with a point.
fn decimal_text(bytes: &[u8], precision: usize, scale: i64) -> Result<String, Misfit> {
    let most = i64::try_from(MAX_TEXT_BYTES).unwrap_or(i64::MAX);
    if bytes.len() > MAX_TEXT_BYTES || scale.checked_abs().is_none_or(|scale| scale > most) {
        return Err(TOO_LONG);
    }
    let number = BigInt::from_signed_bytes_be(bytes);
    let (sign, digits) =
        (if number.sign() == num_bigint::Sign::Minus { "-" } else { "" }, number.magnitude().to_string());
    if digits.len() > precision {
        return Err(TOO_MANY_DIGITS);
    }
    let places = usize::try_from(scale.unsigned_abs()).map_err(|_| TOO_LONG)?;
    if places == 0 {
        return Ok(format!("{sign}{digits}"));
    }
    if scale < 0 {
        let zeros = if digits == "0" { 0 } else { places };
        return Ok(format!("{sign}{digits}{}", "0".repeat(zeros)));
    }
    // A digit at least stands in front of the point.
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    Ok(format!("{sign}{whole}.{fraction}"))
}

/// Writes a decimal that says its own scale: its bytes, behind their length, and the scale.
pub fn write_big_decimal(bytes: &[u8], column: &mut ColumnBuffer) -> Result<(), Misfit> {
    const MALFORMED: Misfit = "expected a number and its scale, found other bytes";
    let mut datum = Datum::new(bytes);
    let number = datum.bytes().map_err(|_| MALFORMED)?;
    let scale = datum.long().map_err(|_| MALFORMED)?;
    column.push_str(&decimal_text(number, usize::MAX, scale)?);
    Ok(())
}

/// Writes the text of a UUID, in lower case.
pub fn write_uuid(text: &[u8], column: &mut ColumnBuffer) -> Result<(), Misfit> {
    const EXPECTED: Misfit = "expected the text of a UUID (8-4-4-4-12 hexadecimal digits), found other text";
    // Only that form is so long.
    let uuid = if text.len() == UUID_LETTERS { Uuid::try_parse_ascii(text).ok() } else { None };
    push_uuid(uuid.ok_or(EXPECTED)?, column);
    Ok(())
}

/// Writes a UUID as text.
pub fn push_uuid(uuid: Uuid, column: &mut ColumnBuffer) {
    column.push_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
}

/// How many letters a UUID has as text.
/// cbindgen:ignore
pub const UUID_LETTERS: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_extended_to_what_they_were(number: i64, more in 0..20_usize) {
            let sign = if number < 0 { 0xff } else { 0 };
            let mut bytes = vec![sign; more];
            bytes.extend_from_slice(&number.to_be_bytes());
            prop_assert_eq!(extended(&bytes).map(i128::from_be_bytes), Some(i128::from(number)));
            let shorter: Option<[u8; 4]> = extended(&bytes);
            prop_assert_eq!(shorter.map(i32::from_be_bytes), i32::try_from(number).ok());
        }

        #[test]
        fn text_of_a_decimal_is_the_number(number: i64, scale in 0..18_u32) {
            let text = decimal_text(&number.to_be_bytes(), 19, i64::from(scale)).unwrap();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            prop_assert_eq!(fraction.len(), scale as usize);
            prop_assert_eq!(format!("{whole}{fraction}").parse::<i128>().unwrap(), i128::from(number));
        }
    }

    #[test]
    fn decimals_as_text_have_a_point_where_it_belongs() {
        for (number, scale, text) in
            [(5_i8, 2, "0.05"), (-5, 2, "-0.05"), (0, 0, "0"), (12, -3, "12000"), (0, -3, "0"), (-128, 1, "-12.8")]
        {
            assert_eq!(decimal_text(&number.to_be_bytes(), 19, scale).unwrap(), text);
        }
        assert!(decimal_text(&[1; MAX_TEXT_BYTES + 1], 99_999, 0).is_err());
        assert!(decimal_text(&[1], 9, i64::MIN).is_err());
        assert_eq!(decimal_text(&[100], 2, 1), Err(TOO_MANY_DIGITS));
        assert_eq!(decimal_text(&[], 9, 1).unwrap(), "0.0");
    }
}
