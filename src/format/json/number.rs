//! Numbers: the ordinary ones eight digits at a time, the others exactly, digit by digit.

use std::borrow::Cow;

use arrow_buffer::i256;

use super::text::Text;

/// A number that ends where a number may end, and the place behind it.
type Read<T> = Option<(T, usize)>;

/// Digits that fit u64 whatever they are.
const SAFE_DIGITS: usize = 19;

/// A plain integer: an optional minus and at most 19 digits. `None` for any other number, and for what is none.
#[inline(always)]
pub fn plain_integer(text: Text<'_>, at: usize) -> Read<i64> {
    let negative = text.byte(at) == b'-';
    let start = at + usize::from(negative);
    let (magnitude, end) = digits(text, start)?;
    if leading_zero(text, start, end) || matches!(text.byte(end), b'.' | b'e' | b'E') {
        return None;
    }
    let value = if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    Some((value?, end))
}

/// A plain decimal number without an exponent whose digits fit a double exactly, which makes the result correctly
/// rounded: it is one division of two exact doubles. `None` for any other number, and for what is none.
#[inline(always)]
pub fn plain_float(text: Text<'_>, at: usize) -> Read<f64> {
    let negative = text.byte(at) == b'-';
    let start = at + usize::from(negative);
    let (mut mantissa, mut end) = digits(text, start)?;
    if leading_zero(text, start, end) {
        return None;
    }
    let mut scale = 0;
    if text.byte(end) == b'.' {
        let (fraction, fraction_end) = digits(text, end + 1)?;
        scale = fraction_end - end - 1;
        mantissa = mantissa.checked_mul(*POWERS_OF_TEN.get(scale)?)?.checked_add(fraction)?;
        end = fraction_end;
    }
    if mantissa > MAX_EXACT || matches!(text.byte(end), b'e' | b'E') {
        return None;
    }
    // Doubles hold both exactly: an integer up to 2^53 and a power of ten below 10^22.
    let value = mantissa.cast_signed() as f64 / EXACT_POWERS_OF_TEN[scale];
    Some((if negative { -value } else { value }, end))
}

/// The largest integer up to which a double holds every one.
const MAX_EXACT: u64 = 1 << 53;

const EXACT_POWERS_OF_TEN: [f64; 20] = {
    let mut powers = [1.0; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = powers[exponent - 1] * 10.0;
        exponent += 1;
    }
    powers
};

const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < 20 {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

#[inline(always)]
fn leading_zero(text: Text<'_>, start: usize, end: usize) -> bool {
    text.byte(start) == b'0' && end > start + 1
}

/// A run of 1 to 19 digits.
#[inline(always)]
fn digits(text: Text<'_>, at: usize) -> Read<u64> {
    let (value, count) = up_to_eight_digits(text.word(at));
    match count {
        0 => None,
        8 => more_digits(text, at, value),
        _ => Some((value, at + count)),
    }
}

fn more_digits(text: Text<'_>, start: usize, mut value: u64) -> Read<u64> {
    let mut at = start + 8;
    loop {
        let (more, count) = up_to_eight_digits(text.word(at));
        at += count;
        if at - start > SAFE_DIGITS {
            return None;
        }
        value = value * POWERS_OF_TEN[count] + more;
        if count < 8 {
            return Some((value, at));
        }
    }
}

/// The value of the digits that a word begins with (in memory order), and how many there are.
#[inline(always)]
fn up_to_eight_digits(word: u64) -> (u64, usize) {
    const LANES: u64 = 0x0101_0101_0101_0101;
    // Digits become 0 to 9, everything else more.
    let lanes = word ^ (LANES * 0x30);
    // The highest bit of each lane that is more than 9. A carry out of a lane reaches only lanes behind it.
    let others = (lanes.wrapping_add(LANES * 0x76) | lanes) & (LANES * 0x80);
    let count = (others.trailing_zeros() / 8) as usize;
    if count == 0 {
        return (0, 0);
    }
    // Zeros in front, then pairs, fours and eights of digits are put together.
    let lanes = lanes << (64 - 8 * count);
    let pairs = (lanes * 10 + (lanes >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let eight = (fours * 10_000 + (fours >> 32)) & 0xffff_ffff;
    (eight, count)
}

/// Digits beyond what the widest column holds.
const MAX_DIGITS: usize = 76;

/// The exact value of a number: an integer of at most 76 digits, times a power of ten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    negative: bool,
    /// Without zeros at either end; the first `count` count. None: zero.
    digits: [u8; MAX_DIGITS],
    count: usize,
    /// `i64::MAX` and `i64::MIN` stand for anything beyond.
    exponent: i64,
}

/// Why a number does not fit an integer or a decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It has digits below the smallest that the column keeps.
    Fraction,
    /// It is too large.
    Range,
}

impl Exact {
    /// The value of a number that follows the grammar; why not, if it has too many digits for any column.
    pub fn parse(number: &str) -> Result<Exact, Misfit> {
        let parts = Parts::of(number);
        let Parts { negative, .. } = parts;
        let Some(first) = parts.first_significant() else {
            return Ok(Exact { negative, digits: [0; MAX_DIGITS], count: 0, exponent: 0 });
        };
        let zeros_behind = parts.zeros_behind();
        let exponent = parts.exponent_of_last_digit().saturating_add(saturated(zeros_behind));
        let count = parts.length() - first - zeros_behind;
        if count > MAX_DIGITS {
            return Err(if exponent < 0 { Misfit::Fraction } else { Misfit::Range });
        }
        let mut digits = [0; MAX_DIGITS];
        for (place, digit) in digits.iter_mut().zip(parts.digits().skip(first).take(count)) {
            *place = digit - b'0';
        }
        Ok(Exact { negative, digits, count, exponent })
    }

    /// The value times 10^scale, if that is an integer of at most `precision` digits: its sign and digits.
    fn scaled(&self, scale: u8, precision: usize) -> Result<impl Iterator<Item = u8>, Misfit> {
        let zeros = if self.count == 0 { 0 } else { self.exponent.saturating_add(i64::from(scale)) };
        let zeros = usize::try_from(zeros).map_err(|_| if zeros < 0 { Misfit::Fraction } else { Misfit::Range })?;
        if self.count.saturating_add(zeros) > precision {
            return Err(Misfit::Range);
        }
        Ok(self.digits[..self.count].iter().copied().chain(std::iter::repeat_n(0, zeros)))
    }

    /// The value as an integer.
    pub fn integer(&self) -> Result<i128, Misfit> {
        self.decimal128(0, I128_DIGITS)
    }

    /// The value times 10^scale, if it has at most `precision` digits.
    pub fn decimal128(&self, scale: u8, precision: usize) -> Result<i128, Misfit> {
        let magnitude =
            self.scaled(scale, precision.min(I128_DIGITS))?.fold(0, |value, digit| value * 10 + i128::from(digit));
        Ok(if self.negative { -magnitude } else { magnitude })
    }

    /// The same, wider.
    pub fn decimal256(&self, scale: u8, precision: usize) -> Result<i256, Misfit> {
        let ten = i256::from_i128(10);
        let magnitude = self
            .scaled(scale, precision.min(MAX_DIGITS))?
            .fold(i256::ZERO, |value, digit| value.wrapping_mul(ten).wrapping_add(i256::from_i128(digit.into())));
        Ok(if self.negative { magnitude.wrapping_neg() } else { magnitude })
    }
}

/// Every number of this many digits fits i128.
const I128_DIGITS: usize = 38;

/// A number that follows the grammar, taken apart.
#[derive(Clone, Copy)]
struct Parts<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn of(number: &'a str) -> Parts<'a> {
        let (negative, number) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = match number.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)),
            None => (number, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        Parts { negative, integer, fraction, exponent }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.integer.bytes().chain(self.fraction.bytes())
    }

    fn length(&self) -> usize {
        self.integer.len() + self.fraction.len()
    }

    /// Which digit is the first that is not zero.
    fn first_significant(&self) -> Option<usize> {
        self.digits().position(|digit| digit != b'0')
    }

    fn zeros_behind(&self) -> usize {
        let backwards = self.fraction.bytes().rev().chain(self.integer.bytes().rev());
        backwards.take_while(|digit| *digit == b'0').count()
    }

    /// The power of ten that the last digit counts.
    fn exponent_of_last_digit(&self) -> i64 {
        self.exponent.saturating_sub(saturated(self.fraction.len()))
    }
}

fn saturated(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// An exponent that follows the grammar, however long.
fn parse_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let append = |value: i64, digit: u8| value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let magnitude = digits.bytes().fold(0, append);
    if negative { -magnitude } else { magnitude }
}

/// The digits of a number times 10^power in front of the point, with a minus if it is negative; `None` if there would be more
/// than so many. What is behind the point is cut off.
pub fn whole_digits(number: &str, power: i64, most: usize) -> Option<String> {
    let parts = Parts::of(number);
    let zero = || Some("0".to_owned());
    let Some(first) = parts.first_significant() else { return zero() };
    // How many digits from the first one on stand in front of the point.
    let count = saturated(parts.integer.len()).saturating_add(parts.exponent).saturating_add(power);
    let count = count.saturating_sub(saturated(first));
    if count <= 0 {
        return zero();
    }
    let count = usize::try_from(count).ok().filter(|count| *count <= most)?;
    let digits = parts.digits().skip(first).chain(std::iter::repeat(b'0')).take(count).map(char::from);
    Some(if parts.negative { std::iter::once('-').chain(digits).collect() } else { digits.collect() })
}

/// The same number in a text of bounded length, for the standard library, which gives up on exponents beyond some digits
/// even where as many zeros in front make up for them. Rounds to the same float.
pub fn shortened(number: &str) -> Cow<'_, str> {
    // More than the 767 digits that can matter to a double.
    const MAX_FLOAT_DIGITS: usize = 800;
    // Far beyond any float, far within what the standard library reads.
    const MAX_EXPONENT: i64 = 9999;
    if number.len() <= MAX_FLOAT_DIGITS {
        let exponent = Parts::of(number).exponent;
        if (-MAX_EXPONENT..=MAX_EXPONENT).contains(&exponent) {
            return Cow::Borrowed(number);
        }
    }
    let parts = Parts::of(number);
    let sign = if parts.negative { "-" } else { "" };
    let Some(first) = parts.first_significant() else { return Cow::Owned(format!("{sign}0")) };
    let mut digits: String = parts.digits().skip(first).take(MAX_FLOAT_DIGITS).map(char::from).collect();
    let left_out = parts.length() - first - digits.len();
    let mut exponent = parts.exponent_of_last_digit().saturating_add(saturated(left_out));
    if parts.digits().skip(first + digits.len()).any(|digit| digit != b'0') {
        // Anything behind what matters says only that the number is a little larger.
        digits.push('1');
        exponent = exponent.saturating_sub(1);
    }
    Cow::Owned(format!("{sign}{digits}e{}", exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT)))
}

#[cfg(test)]
mod tests {
    use super::super::text::Padded;
    use super::*;
    use proptest::prelude::*;

    fn with<T>(number: &str, read: impl Fn(Text<'_>, usize) -> Read<T>) -> Read<T> {
        read(Padded::default().fill(format!("{number},").as_bytes()).unwrap(), 0)
    }

    #[test]
    fn plain_integers_are_read_and_others_left_alone() {
        for number in [
            "0",
            "-0",
            "7",
            "-12345678",
            "123456789",
            "1234567890123456",
            "9223372036854775807",
            "-9223372036854775808",
        ] {
            assert_eq!(with(number, plain_integer), Some((number.parse().unwrap(), number.len())), "{number}");
        }
        for number in ["", "-", "01", "1.0", "1e3", "12345678.5", "9223372036854775808", "12345678901234567890", "a"] {
            assert_eq!(with(number, plain_integer), None, "{number}");
        }
    }

    #[test]
    fn exact_values_know_what_fits() {
        let integer = |number: &str| Exact::parse(number).unwrap().integer();
        assert_eq!(integer("1.0"), Ok(1));
        assert_eq!(integer("3e2"), Ok(300));
        assert_eq!(integer("-10E-1"), Ok(-1));
        assert_eq!(integer("-0.000e99999999999999999999"), Ok(0));
        assert_eq!(integer("1.5"), Err(Misfit::Fraction));
        assert_eq!(integer("1e-99999999999999999999"), Err(Misfit::Fraction));
        assert_eq!(integer("1e99999999999999999999"), Err(Misfit::Range));
        assert_eq!(integer(&"9".repeat(39)), Err(Misfit::Range));
        assert_eq!(Exact::parse(&"9".repeat(77)), Err(Misfit::Range));
        assert_eq!(Exact::parse(&format!("0.{}", "3".repeat(77))), Err(Misfit::Fraction));
        let decimal = |number: &str| Exact::parse(number).unwrap().decimal128(2, 5);
        assert_eq!(decimal("123.450"), Ok(12345));
        assert_eq!(decimal("-1e2"), Ok(-10000));
        assert_eq!(decimal("1e3"), Err(Misfit::Range));
        assert_eq!(decimal("1.505"), Err(Misfit::Fraction));
        let wide = "9".repeat(76);
        assert_eq!(Exact::parse(&wide).unwrap().decimal256(0, 76).unwrap().to_string(), wide);
    }

    #[test]
    fn whole_digits_are_those_in_front_of_the_point() {
        for (number, power, digits) in [
            ("0", 0, "0"),
            ("-0.000", 9, "0"),
            ("42", 0, "42"),
            ("-42.99", 0, "-42"),
            ("0.99", 0, "0"),
            ("-0.0123456789", 9, "-12345678"),
            ("1.5e3", 0, "1500"),
            ("007", 2, "700"),
            (".5", 1, "5"),
            ("5.", 1, "50"),
            ("123456789e-5", 0, "1234"),
            ("1e-99999999999999999999", 0, "0"),
            ("0e99999999999999999999", 0, "0"),
            ("9999999999", 0, "9999999999"),
        ] {
            assert_eq!(whole_digits(number, power, 10).as_deref(), Some(digits), "{number}");
        }
        for (number, power) in [("12345678901", 0), ("1", 10), ("1e99999999999999999999", 0), ("-1.5e10", 0)] {
            assert_eq!(whole_digits(number, power, 10), None, "{number}");
        }
    }

    #[test]
    fn numbers_of_any_length_are_shortened_to_the_same_float() {
        let (zeros, nines) = ("0".repeat(700_000), "9".repeat(2000));
        for (number, float) in [
            (format!("0.{zeros}1e700001"), 1.0),
            (format!("-1{zeros}e-700000"), -1.0),
            (format!("1{zeros}"), f64::INFINITY),
            (format!("0.{zeros}e99999999999999999999"), 0.0),
            (format!("0.{zeros}1"), 0.0),
            (format!("0.{nines}"), 1.0),
            ("1e-99999999999999999999".to_owned(), 0.0),
            ("-1e99999999999999999999".to_owned(), f64::NEG_INFINITY),
            // Half way between two doubles, and a little more, far behind.
            (format!("9007199254740993.{}", "0".repeat(900)), 9_007_199_254_740_992.0),
            (format!("9007199254740993.{}1", "0".repeat(900)), 9_007_199_254_740_994.0),
        ] {
            assert_eq!(shortened(&number).parse::<f64>().unwrap(), float, "{}", &number[..20]);
            assert!(shortened(&number).len() < 1000);
        }
        assert!(matches!(shortened("-12.5e3"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn shortening_does_not_change_a_float(number in "-?(0|[1-9][0-9]{0,900})\\.[0-9]{1,900}(e-?[0-9]{1,4})?") {
            let (short, long) = (shortened(&number).parse::<f64>().unwrap(), number.parse::<f64>().unwrap());
            prop_assert_eq!(short.to_bits(), long.to_bits());
        }

        #[test]
        fn plain_floats_are_rounded_like_the_standard_librarys(number in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?") {
            if let Some((value, end)) = with(&number, plain_float) {
                prop_assert_eq!(end, number.len());
                prop_assert_eq!(value.to_bits(), number.parse::<f64>().unwrap().to_bits());
            } else {
                prop_assert!(number.len() > 15, "{} is plain enough", number);
            }
        }

        #[test]
        fn runs_of_digits_have_their_value(number in "[0-9]{1,19}", behind in "[^0-9.eE]") {
            let text = format!("{number}{behind}");
            prop_assert_eq!(with(&text, digits), Some((number.parse().unwrap(), number.len())));
        }

        #[test]
        fn exact_integers_are_their_own_text(number: i128) {
            let exact = Exact::parse(&number.to_string()).unwrap().integer();
            if number.unsigned_abs() < 10_u128.pow(38) { prop_assert_eq!(exact, Ok(number)) } else { prop_assert_eq!(exact, Err(Misfit::Range)) }
        }
    }
}
