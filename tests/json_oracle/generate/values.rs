//! Values aimed at a column's type: most fit, some just about, some not.

use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Tree;
use super::random::Random;
use crate::json_oracle::compare::MARKER;
use crate::json_oracle::time::per_second;

const UNESCAPED: usize = usize::MAX;

/// Stands in names for a surrogate without its other half, which no string of Rust holds.
pub const HALF_A_CHARACTER: char = '\u{f8ff}';

const ZONES: &[&str] = &[
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "America/St_Johns",
    // Half an hour of daylight saving time.
    "Australia/Lord_Howe",
    // Winter is what differs from the standard.
    "Europe/Dublin",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    // A day was left out.
    "Pacific/Apia",
    // Not a whole number of minutes for long.
    "Africa/Monrovia",
    "Europe/Amsterdam",
    "Etc/GMT+5",
    "Etc/GMT-14",
    "EST5EDT",
];

/// Floats that are easily rounded the wrong way, or near the ends of what there is.
const HARD_FLOATS: &[&str] = &[
    "9007199254740993",
    "9007199254740992.9999999999999999999999999999",
    "9007199254740993.00000000000000000000000000001",
    "16777217",
    "16777217.0000000000000000000000000000001",
    "1.00000017881393421514957253748434595763683319091796875001",
    "1.000000059604644775390625",
    "1.000000059604644775390624999999999999999999",
    "0.500000000000000166533453693773481063544750213623046875",
    "3.518437208883201171875e13",
    "62.5364939768271845828",
    "8.10109172351e-10",
    "1.50000000000000011102230246251565",
    "2.2250738585072011e-308",
    "2.2250738585072012e-308",
    "2.2250738585072014e-308",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "1e-400",
    "0e999999999999",
    "-0.0e-5",
    "-1e-999999999999999999999999",
    "1.7976931348623157e308",
    "1.7976931348623158e308",
    "1.1754943508222875e-38",
    "1.1754942807573643e-38",
    "1.401298464324817e-45",
    "7.006492321624085e-46",
    "7.0064923216240854e-46",
    "3.4028234663852886e38",
    "3.4028235677973362e38",
    "3.4028235677973366e38",
    "3.4028235677973367e38",
    "100000000000000016777215",
    "100000000000000016777216",
    "123456789012345678901234567890",
    "0.000000000000000000000000000000000000000000000000000000000000000123",
];

/// Text that is no number, or one that is too large for everything.
const NO_NUMBERS: &[&str] = &[
    "",
    " ",
    "-",
    "+5",
    ".5",
    "5.",
    "007",
    "-01",
    "0x10",
    "1_000",
    "1,5",
    "1e",
    "1e+",
    "--1",
    "1 2",
    "nan",
    "inf",
    "infinity",
    "+Infinity",
    "-NaN",
    "NULL",
    "null",
    "true",
    "١٢٣",
    "1\u{a0}",
    "\u{b}1",
    "1\0",
    "1e999999999999",
    "1.7976931348623159e308",
    "3.5e38",
];

/// What makes a document malformed in the place of a value.
const NO_VALUES: &[&str] = &[
    "",
    "tru",
    "trué",
    "ta日",
    "tr😀",
    "truee",
    "TRUE",
    "fals",
    "falsé",
    "fal日",
    "nul",
    "nulé",
    "nu日",
    "nulll",
    "NaN",
    "-Infinity",
    "01",
    "-",
    "-é",
    "+1",
    ".5",
    "1.",
    "1.é",
    "1e",
    "1e+",
    "1é",
    "12345678é",
    "0x1",
    "1_0",
    "'a'",
    "a",
    "\"",
    "\"\\",
    "\"\\x\"",
    "\"\\u12é4\"",
    "\"\\u123\"",
    "\"\\U0061\"",
    "\"a\tb\"",
    "\"\u{0}\"",
    "\"a\"b",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\" 1}",
    "{\"a\":}",
    "{a:1}",
    "{1:1}",
    "{\"a\":1]",
    "1/**/",
    "1,",
    "1:1",
    "\u{a0}1",
    "\u{c}1",
    "1\0",
    "\u{feff}1",
];

/// A value for a column of the type, which has no members.
pub fn value(random: &mut Random, data_type: &DataType, fits: bool) -> Tree {
    let scalar = match data_type {
        DataType::Boolean => bool(random, fits),
        DataType::Int8 => integer(random, i8::MIN.into(), i8::MAX.into(), fits),
        DataType::Int16 => integer(random, i16::MIN.into(), i16::MAX.into(), fits),
        DataType::Int32 => integer(random, i32::MIN.into(), i32::MAX.into(), fits),
        DataType::Int64 => integer(random, i64::MIN.into(), i64::MAX.into(), fits),
        DataType::UInt8 => integer(random, 0, u8::MAX.into(), fits),
        DataType::UInt16 => integer(random, 0, u16::MAX.into(), fits),
        DataType::UInt32 => integer(random, 0, u32::MAX.into(), fits),
        DataType::UInt64 => integer(random, 0, u64::MAX.into(), fits),
        DataType::Float32 => float(random, true, fits),
        DataType::Float64 => float(random, false, fits),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            decimal(random, usize::from(*precision), i64::from(*scale), fits)
        }
        DataType::Utf8 => return any_text(random, fits),
        DataType::Binary => base64(random, fits),
        DataType::Date32 => {
            let text = date(random, fits);
            string(random, &text)
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let text = time(random, *unit, fits);
            string(random, &text)
        }
        DataType::Timestamp(unit, None) => {
            let text = local_timestamp(random, *unit, fits);
            string(random, &text)
        }
        DataType::Timestamp(unit, Some(_)) => timestamp(random, *unit, fits),
        other => panic!("no values for {other}"),
    };
    Tree::Scalar(scalar)
}

/// What is most likely of the wrong kind, or no value at all.
pub fn unfit(random: &mut Random) -> Tree {
    if random.one_in(8) { Tree::Scalar(random.pick(NO_VALUES).to_owned()) } else { anything(random, 0) }
}

/// A value of any kind. Containers are not nested deeper than a few.
pub fn anything(random: &mut Random, depth: usize) -> Tree {
    let scalar = |text: String| Tree::Scalar(text);
    match random.below(if depth > 2 { 6 } else { 8 }) {
        0 => scalar("null".to_owned()),
        1 => scalar(random.pick(&["true", "false"]).to_owned()),
        2 => scalar(any_number(random)),
        3 => scalar(random.pick(&["0", "1", "-1", "17", "1.5", "[]", "{}"]).to_owned()),
        4 | 5 => scalar(any_string(random, random_escapes)),
        6 => Tree::Array((0..random.below(4)).map(|_| anything(random, depth + 1)).collect()),
        _ => {
            let member = |random: &mut Random| (super::unknown_name(random), anything(random, depth + 1));
            Tree::Object((0..random.below(4)).map(|_| member(random)).collect())
        }
    }
}

fn any_number(random: &mut Random) -> String {
    match random.below(4) {
        0 => random.pick(HARD_FLOATS).to_owned(),
        1 => random.pick(&["1e999999999999", "-1.7976931348623159e308", "1E+400"]).to_owned(),
        _ => {
            let digits = digits(random);
            let (negative, exponent) = (random.one_in(3), random.between(-30, 30));
            spell(random, negative, &digits, exponent)
        }
    }
}

fn digits(random: &mut Random) -> String {
    let count = match random.below(12) {
        0 => 25,
        1 => [30, 400, 790, 1500][random.below(4)],
        2 => 19 + random.below(3),
        _ => 1 + random.below(17),
    };
    random.digits(count)
}

/// One of the ways to write ±digits × 10^exponent. The digits begin with no zero, or are a single one.
fn spell(random: &mut Random, negative: bool, digits: &str, exponent: i64) -> String {
    let sign = if negative { "-" } else { "" };
    let length = i64::try_from(digits.len()).unwrap();
    // Where the point goes: so many digits before it, or so many zeros behind it.
    let before = match random.below(5) {
        0..=2 if (-40..=40).contains(&exponent) => length + exponent,
        3 => 1,
        _ => random.between(-3, length + 3),
    };
    let exponent = exponent + length - before;
    let mut text = match usize::try_from(before) {
        Err(_) | Ok(0) => format!("0.{}{digits}", "0".repeat(usize::try_from(-before).unwrap())),
        Ok(before) if before >= digits.len() && digits != "0" => {
            format!("{digits}{}", "0".repeat(before - digits.len()))
        }
        Ok(before) if before < digits.len() => format!("{}.{}", &digits[..before], &digits[before..]),
        Ok(_) => digits.to_owned(),
    };
    if random.one_in(8) {
        let zeros = "0".repeat(1 + random.below(30));
        text = if text.contains('.') { text + &zeros } else { format!("{text}.{zeros}") };
    }
    let with_exponent = exponent != 0 || random.one_in(10);
    if with_exponent {
        let plus = if exponent < 0 { "-" } else { random.pick(&["", "+"]) };
        let zeros = if random.one_in(6) { "00" } else { "" };
        text = format!("{text}{}{plus}{zeros}{}", random.pick(&["e", "E"]), exponent.abs());
    }
    format!("{sign}{text}")
}

/// A number as it is or in a string, perhaps with blanks around it.
fn number(random: &mut Random, text: &str) -> String {
    match random.below(6) {
        0 => string(random, text),
        1 => {
            let blanks = |random: &mut Random| random.pick(&["", " ", "\t", "\n", "\u{c}", "\r", "  \r\n "]);
            let padded = format!("{}{text}{}", blanks(random), blanks(random));
            string(random, &padded)
        }
        _ => text.to_owned(),
    }
}

fn no_number(random: &mut Random) -> String {
    let text = random.pick(NO_NUMBERS);
    string(random, text)
}

fn bool(random: &mut Random, fits: bool) -> String {
    let text = random.pick(&["true", "false", "TRUE", "FALSE", "True", "False", "T", "F", "t", "f"]);
    match random.below(6) {
        0..=2 => random.pick(&["true", "false"]).to_owned(),
        3 if !fits => string(random, random_bool_like(text)),
        4 if !fits => random.pick(&["0", "1", "[]", "{}", "\"\""]).to_owned(),
        _ => {
            let text = format!("{}{text}{}", random.pick(&["", " ", "\u{c}\t"]), random.pick(&["", "\r\n"]));
            string(random, &text)
        }
    }
}

fn random_bool_like(text: &str) -> &'static str {
    match text.len() {
        1 => "1",
        4 => "tRUE",
        _ => "yes",
    }
}

fn integer(random: &mut Random, least: i128, most: i128, fits: bool) -> String {
    let value = match random.below(10) {
        0 => least,
        1 => most,
        2 => 0,
        3 if !fits => least - 1,
        4 if !fits => most + 1,
        5 if !fits => return no_number(random),
        6 if !fits => {
            let digits = random.digits(2);
            let text = spell(random, false, &format!("{digits}5"), -1);
            return number(random, &text);
        }
        7 if !fits => {
            let digits = digits(random);
            return number(random, &digits);
        }
        8 => least + i128::from(random.bits()) % (most - least + 1),
        _ => {
            let digits = 1 + random.below(most.to_string().len());
            let value: i128 = random.digits(digits).parse().unwrap();
            (if least < 0 && random.one_in(2) { -value } else { value }).clamp(least, most)
        }
    };
    if value == 0 && random.one_in(2) {
        return random.pick(&["-0", "0.0", "0e5", "-0.0e-0", "\"0\"", "\"-0\"", "0E999999999999999999999"]).to_owned();
    }
    let text = if random.one_in(2) {
        value.to_string()
    } else {
        spell(random, value < 0, &value.unsigned_abs().to_string(), 0)
    };
    number(random, &text)
}

fn float(random: &mut Random, narrow: bool, fits: bool) -> String {
    let text = match random.below(9) {
        0 => random.pick(HARD_FLOATS).to_owned(),
        1 if narrow => format!("{:e}", any_f32(random)),
        1 => format!("{:e}", any_f64(random)),
        2 if narrow => format!("{}", any_f32(random)),
        2 => format!("{}", any_f64(random)),
        3 => halfway(random, narrow),
        4 if !fits => return no_number(random),
        5 => {
            let text = random.pick(&["NaN", "Infinity", "-Infinity", " NaN\t", "\nInfinity", "\u{c}-Infinity\r"]);
            return string(random, text);
        }
        6 => {
            let (digits, exponent) = (digits(random), random.between(-60, 10));
            let exponent = if narrow { exponent } else { exponent * 6 };
            spell(random, false, &digits, exponent - i64::try_from(digits.len()).unwrap())
        }
        // Prices.
        _ => {
            let (count, exponent) = (1 + random.below(9), random.between(-6, 0));
            let (negative, digits) = (random.one_in(5), random.digits(count));
            spell(random, negative, &digits, exponent)
        }
    };
    number(random, &text)
}

fn any_f64(random: &mut Random) -> f64 {
    Some(f64::from_bits(random.bits())).filter(|value| value.is_finite()).unwrap_or(f64::MIN_POSITIVE)
}

fn any_f32(random: &mut Random) -> f32 {
    let bits = u32::try_from(random.bits() >> 32).unwrap();
    Some(f32::from_bits(bits)).filter(|value| value.is_finite()).unwrap_or(f32::MIN_POSITIVE)
}

/// Exactly between two floats, or next to it.
fn halfway(random: &mut Random, narrow: bool) -> String {
    let (low, step) = if narrow {
        let low = any_f32(random).abs().min(f32::MAX.next_down());
        (f64::from(low), f64::from(low.next_up()) - f64::from(low))
    } else {
        let low = any_f64(random).abs().clamp(1e-290, 1e300);
        (low, low.next_up() - low)
    };
    let exact = sum(&exactly(low), &exactly(step / 2.0));
    let exact = exact.trim_end_matches('0').trim_end_matches('.');
    if !exact.contains('.') {
        return exact.to_owned();
    }
    match random.below(4) {
        0 => {
            let zeros = if random.one_in(4) { 900 } else { random.below(20) };
            format!("{exact}{}1", "0".repeat(zeros))
        }
        // The last digit is a five: the step is half a power of two.
        1 => format!("{}4{}", &exact[..exact.len() - 1], "9".repeat(1 + random.below(20))),
        _ => exact.to_owned(),
    }
}

/// All digits that a float has.
fn exactly(value: f64) -> String {
    format!("{value:01400.1080}")
}

/// The sum of two numbers with as many digits before and behind the point.
fn sum(a: &str, b: &str) -> String {
    let mut carry = 0;
    let mut digits: Vec<u8> = a
        .bytes()
        .zip(b.bytes())
        .rev()
        .map(|(a, b)| {
            if a == b'.' {
                return b'.';
            }
            let sum = a - b'0' + b - b'0' + carry;
            carry = sum / 10;
            b'0' + sum % 10
        })
        .collect();
    digits.reverse();
    let text = String::from_utf8(digits).unwrap();
    let text = text.trim_start_matches('0');
    if text.starts_with('.') { format!("0{text}") } else { text.to_owned() }
}

fn decimal(random: &mut Random, precision: usize, scale: i64, fits: bool) -> String {
    let (count, exponent) = match random.below(8) {
        0 => (precision, -scale),
        1 if !fits => (precision + 1, -scale),
        2 if !fits => (1 + random.below(precision), -scale - 1),
        3 if !fits => return no_number(random),
        4 => return random.pick(&["0", "-0", "0.000", "\"-0.0e9\""]).to_owned(),
        _ => {
            let count = 1 + random.below(precision);
            let room = i64::try_from(precision - count).unwrap();
            (count, random.between(0, room) - scale)
        }
    };
    let (negative, digits) = (random.one_in(3), random.digits(count));
    let text = spell(random, negative, &digits, exponent);
    number(random, &text)
}

fn any_text(random: &mut Random, fits: bool) -> Tree {
    match random.below(8) {
        0 => Tree::Scalar(any_number(random)),
        1 if random.one_in(80) => Tree::Scalar(super::deep(random, 0)),
        1 => anything(random, 0),
        2 if !fits => {
            let half = random.pick(&["\\ud800", "\\uDFFF", "\\udbff\\ud800\\udc00", "\\uDC00\\uD800", "\\ud83d\\n"]);
            let text = any_string(random, |_| UNESCAPED);
            Tree::Scalar(if random.one_in(2) {
                format!("\"{half}{}", &text[1..])
            } else {
                format!("{}{half}\"", &text[..text.len() - 1])
            })
        }
        _ => Tree::Scalar(any_string(random, random_escapes)),
    }
}

fn random_escapes(random: &mut Random) -> usize {
    match random.below(6) {
        0 => 1,
        1 => 5,
        2 => 30,
        _ => UNESCAPED,
    }
}

/// A string of a length around those that words and registers have.
fn any_string(random: &mut Random, escapes: impl Fn(&mut Random) -> usize) -> String {
    let around = [0, 1, 3, 8, 16, 32, 64, 130][random.below(8)];
    let length = (around + random.below(3)).saturating_sub(1);
    let alphabet = random.below(4);
    let mut text = String::new();
    while text.len() < length {
        text.push(match alphabet {
            0 => char::from(b' ' + u8::try_from(random.below(95)).unwrap()),
            1 if !random.one_in(12) => 'x',
            _ => *random.pick(&[
                &'a',
                &'0',
                &' ',
                &'"',
                &'\\',
                &'/',
                &'\u{8}',
                &'\n',
                &'\t',
                &'\r',
                &'\u{c}',
                &'\0',
                &'\u{1f}',
                &'\u{7f}',
                &'{',
                &'}',
                &'[',
                &']',
                &',',
                &':',
                &'é',
                &'ß',
                &'\u{7ff}',
                &'\u{800}',
                &'日',
                &'\u{d7ff}',
                &'\u{e000}',
                &'\u{fffd}',
                &'\u{ffff}',
                &'😀',
                &'\u{10ffff}',
                &'\u{2028}',
                &'\u{feff}',
                &MARKER,
            ]),
        });
    }
    let escapes = escapes(random);
    quote(random, &text, escapes)
}

fn string(random: &mut Random, text: &str) -> String {
    let escapes = if random.one_in(10) { 2 } else { UNESCAPED };
    quote(random, text, escapes)
}

/// The text as a JSON string. Beside what has to be, one in so many characters is escaped.
pub fn quote(random: &mut Random, text: &str, escapes: usize) -> String {
    let mut out = "\"".to_owned();
    for character in text.chars() {
        let short = match character {
            '"' => Some('"'),
            '\\' => Some('\\'),
            '/' if escapes != UNESCAPED => Some('/'),
            '\u{8}' => Some('b'),
            '\u{c}' => Some('f'),
            '\n' => Some('n'),
            '\r' => Some('r'),
            '\t' => Some('t'),
            _ => None,
        };
        if character == HALF_A_CHARACTER {
            out.push_str(random.pick(&["\\ud800", "\\uDBFF", "\\udc00", "\\uDfff"]));
            continue;
        }
        let by_number = random.one_in(escapes);
        match short {
            Some(short) if !by_number => out.extend(['\\', short]),
            None if !by_number && character >= ' ' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&if random.one_in(2) { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") });
                }
            }
        }
    }
    out.push('"');
    out
}

fn base64(random: &mut Random, fits: bool) -> String {
    let count = [0, 1, 2, 3, 4, 15, 31, 48, 100][random.below(9)] + random.below(3);
    let bytes: Vec<u8> = (0..count).flat_map(|_| random.bits().to_le_bytes()).take(count).collect();
    let text = match random.below(8) {
        0 if !fits => URL_SAFE.encode(&bytes),
        1 if !fits => STANDARD.encode(&bytes) + random.pick(&["=", "==", "\n", " ", "A", "é", "!"]),
        2 if !fits => {
            random.pick(&["=", "==", "A", "A=", "AA=", "AB", "AB==", "AAB", "AAB=", "A===", "AA==AA=="]).to_owned()
        }
        3 if !fits => format!(" {}", STANDARD.encode(&bytes)),
        4 | 5 => STANDARD_NO_PAD.encode(&bytes),
        _ => STANDARD.encode(&bytes),
    };
    string(random, &text)
}

fn date(random: &mut Random, fits: bool) -> String {
    if !fits && random.one_in(2) {
        return random
            .pick(&[
                "2023-02-29",
                "1900-02-29",
                "2023-13-01",
                "2023-00-10",
                "2023-01-00",
                "2023-04-31",
                "2023-1-3",
                "23-01-03",
                "12023-01-03",
                "-2023-01-03",
                "2023/01/03",
                "20230103",
                "2023-01-03T00:00",
                " 2023-01-03",
                "2023-01-03 ",
                "2023-W01-1",
                "٢٠٢٣-01-03",
                "",
                "2023-01-0３",
            ])
            .to_owned();
    }
    let year = random.between(0, 9999);
    match random.below(6) {
        0 => random
            .pick(&[
                "0000-01-01",
                "0000-02-29",
                "9999-12-31",
                "1970-01-01",
                "1969-12-31",
                "2000-02-29",
                "2024-02-29",
                "0001-01-01",
            ])
            .to_owned(),
        1 => format!("{year:04}-{}", random.pick(&["02-28", "03-01", "12-31", "01-01"])),
        _ => format!("{year:04}-{:02}-{:02}", random.between(1, 12), random.between(1, 28)),
    }
}

/// A fraction of a second, with its point, that says nothing finer than the unit; or nothing.
fn fraction(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    let most = i64::try_from(per_second(unit).to_string().len() - 1).unwrap();
    let count = if fits { random.between(0, most) } else { random.between(0, 12) };
    let mut digits = random.digits(usize::try_from(count).unwrap());
    if random.one_in(3) {
        digits.insert_str(0, &"0".repeat(usize::try_from(most - count.min(most)).unwrap()));
    }
    digits.push_str(&"0".repeat(if random.one_in(3) { random.below(15) } else { 0 }));
    if digits.is_empty() { digits } else { format!(".{digits}") }
}

fn time(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    if !fits && random.one_in(2) {
        return random
            .pick(&[
                "24:00",
                "24:00:00",
                "23:60",
                "23:59:60",
                "1:02",
                "01:2",
                "01:02:3",
                "0102",
                "01:02:",
                "01:02:03.",
                "01:02.5",
                "01:02:03,5",
                "01:02:03Z",
                "01:02:03+01:00",
                " 01:02",
                "01:02 ",
                "-1:02",
                "",
                "T01:02",
                "01:02:03.5x",
                "01",
                "01:02:03:04",
                "01:02:03.1.2",
                "01:02:03.+1",
            ])
            .to_owned();
    }
    let (hour, minute) = (random.between(0, 23), random.between(0, 59));
    match random.below(5) {
        0 => format!("{hour:02}:{minute:02}"),
        1 => random.pick(&["00:00", "23:59:59", "00:00:00.000000000000000", "23:59"]).to_owned(),
        _ => {
            let second = random.between(0, 59);
            format!("{hour:02}:{minute:02}:{second:02}{}", fraction(random, unit, fits))
        }
    }
}

fn local_timestamp(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    if !fits && random.one_in(3) {
        return random
            .pick(&[
                "2023-12-23T00:48:52Z",
                "2023-12-23T00:48:52+00:00",
                "2023-12-23 00:48:52",
                "2023-12-23",
                "1703292532",
                "2023-12-23T",
                "T00:48",
                "2023-12-23t00:48:52",
                "2023-12-23T0:48",
                "2023-1-3T00:48",
                "2023-12-23T24:00",
                "2023-12-23T00:48:60",
                "2023-12-23T00:48 UTC",
                "2023-12-23TT00:48",
                "2262-04-11T23:47:16.854775808",
                "1677-09-21T00:12:43.145224191",
                "0000-01-01T00:00",
                "9999-12-31T23:59:59.9",
            ])
            .to_owned();
    }
    if random.one_in(12) {
        return random
            .pick(&["2262-04-11T23:47:16", "1677-09-21T00:12:44", "1969-12-31T23:59:59", "1970-01-01T00:00"])
            .to_owned();
    }
    let date = instant(random, unit).strftime("%Y-%m-%d").to_string();
    format!("{date}T{}", time(random, unit, fits))
}

/// A date and time that a timestamp of the unit reaches.
fn instant(random: &mut Random, unit: TimeUnit) -> DateTime {
    let (least, most) = match (unit, random.below(3)) {
        (_, 0) => (0, 2_000_000_000),
        (TimeUnit::Nanosecond, _) => (-9_000_000_000, 9_000_000_000),
        // From year 0 to 9999.
        _ => (-62_167_219_200, 253_402_207_200),
    };
    let seconds = random.between(least, most);
    TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).expect("years 0 to 9999"))
}

fn timestamp(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    match random.below(10) {
        0..=2 => number_timestamp(random, unit, fits),
        3 if !fits => {
            let text = random.pick(&[
                "",
                " ",
                "2023-12-23",
                "2023-12-23T00:48:52",
                "2023-12-23 00:48:52Z",
                " 2023-12-23T00:48:52Z",
                "2023-12-23T00:48:52Z ",
                "2023-12-23T00:48:60Z",
                "2023-12-23T24:00Z",
                "2023-12-23T00:48:52+24:00",
                "2023-12-23T00:48:52+23:59",
                "2023-12-23T00:48:52-00:00",
                "2023-12-23T00:48:52+0100",
                "2023-12-23T00:48:52+01",
                "2023-12-23T00:48:52+01:60",
                "2023-12-23T00:48:52Z[Europe/Vienna]",
                "2023-12-23T00:48:52+01:00[Mars/Olympus]",
                "2023-12-23T00:48:52+01:00[]",
                "2023-12-23T00:48:52[UTC]",
                "2023-12-23T00:48:52Z[UTC][UTC]",
                "2023-12-23T00:48:52Z]",
                "2023-12-23 NY",
                "2023-12-23  UTC",
                "2023-12-23 UTC ",
                "2023-12-23 +01:00",
                "2023-12-23 Z",
                "2023-12-23t1:2 UTC",
                "2023-12-23 utc",
                "2023-12-23 ",
                "23-12-23 UTC",
                "2023-02-29 UTC",
                "2023-12-23T1 UTC",
                "2023-12-23T1:2: UTC",
                "2023-12-23T1:2:3. UTC",
                "2023-12-23T001:2 UTC",
                "12345678901234567890",
                "+1703292532",
                "-1703292532",
                "1703292532.0",
                " 1703292532",
                "1e9",
                "2023-12-23T00:48:52.Z",
                "2023-12-23T00:48:52,5Z",
                "١٧٠٣٢٩٢٥٣٢",
                "2262-04-11T23:47:16.854775807Z",
                "2262-04-11T23:47:16.854775808Z",
                "1677-09-21T00:12:43.145224192Z",
                "1677-09-21T00:12:43.145224191Z",
                "9999-12-31T23:59:59Z",
                "9999-12-31T23:59:59-23:59",
                "0000-01-01T00:00:00Z",
                "0000-01-01T00:00:00+23:59",
                "9999-12-31T23:59 America/New_York",
                "0000-01-01 Asia/Kolkata",
                "2023-12-23 Europe/Vienna/",
                "2023-12-23 ../UTC",
                "2023-12-23 Etc/Unknown",
                "2023-12-23 posixrules",
                "2023-12-23 localtime",
                "2023-12-23 Factory",
                "2023-12-23 ☠",
            ]);
            string(random, text)
        }
        _ => {
            let text = text_timestamp(random, unit, fits);
            string(random, &text)
        }
    }
}

/// A number that tells its unit by its size.
fn number_timestamp(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    const THRESHOLDS: [i64; 3] = [9_309_341_000, 9_309_341_000_000, 9_309_341_000_000_000];
    let value = match random.below(6) {
        0 => THRESHOLDS[random.below(3)] + random.between(-2, 2),
        1 if !fits => *random.pick(&[&i64::MAX, &i64::MIN, &(i64::MIN + 1), &9_223_372_036, &9_223_372_037, &0]),
        2 => random.between(-5, 2_000_000_000),
        _ => {
            // A recent time, told in one unit and fit for another.
            let told_in = random.pick(&[&1, &1000, &1_000_000, &1_000_000_000_i64]);
            let finest = per_second(unit).min((*told_in).into());
            let step = if fits { told_in / i64::try_from(finest).unwrap() } else { 1 };
            let seconds = random.between(1_000_000_000, 2_000_000_000);
            seconds * told_in + random.between(0, told_in / step) * step
        }
    };
    let value = if random.one_in(6) { value.saturating_neg() } else { value };
    let digits = value.unsigned_abs().to_string();
    match random.below(5) {
        0 if value >= 0 => {
            let zeros = if random.one_in(3) {
                random.below(if fits { 20 - digits.len() } else { 22 - digits.len() })
            } else {
                0
            };
            string(random, &format!("{}{digits}", "0".repeat(zeros)))
        }
        1 => spell(random, value < 0, &digits, 0),
        2 if !fits => any_number(random),
        _ => value.to_string(),
    }
}

fn text_timestamp(random: &mut Random, unit: TimeUnit, fits: bool) -> String {
    let zone = random.pick(ZONES);
    let tz = TimeZone::get(zone).expect("a zone that there is");
    let mut local = instant(random, unit);
    if random.one_in(2) {
        // Around a change of the zone's clocks, if there is one behind.
        let start = Timestamp::from_second(random.between(-2_000_000_000, 1_900_000_000)).expect("years 1906 to 2030");
        if let Some(transition) = tz.following(start).next() {
            let off = SignedDuration::from_mins(random.between(-150, 150));
            local = tz.to_datetime(transition.timestamp()).saturating_add(off);
        }
    }
    let fraction = fraction(random, unit, fits);
    let (date, hour, minute) = (local.strftime("%Y-%m-%d"), local.hour(), local.minute());
    let seconds = match random.below(3) {
        0 => String::new(),
        _ => format!(":{:02}{fraction}", local.second()),
    };
    match random.below(6) {
        0 => format!("{date} {zone}"),
        1 => format!("{date}T{hour:02}:{minute:02}{seconds} {zone}"),
        2 => format!("{:04}-{}-{}T{hour}:{minute}{seconds} {zone}", local.year(), local.month(), local.day()),
        3 => format!("{date}{}{hour:02}:{minute:02}{seconds}{}", random.pick(&["T", "t"]), random.pick(&["Z", "z"])),
        4 => {
            let (sign, hours) = (random.pick(&["+", "-"]), random.between(0, 23));
            format!("{date}T{hour:02}:{minute:02}{seconds}{sign}{hours:02}:{}", random.pick(&["00", "30", "59", "45"]))
        }
        _ => {
            let offset = match tz.to_ambiguous_timestamp(local).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset,
                AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                    *random.pick(&[&before, &after])
                }
            };
            let east = offset.seconds() / 60 + if fits { 0 } else { 30 };
            let (sign, east) = (if east < 0 { '-' } else { '+' }, east.abs());
            format!("{date}T{hour:02}:{minute:02}{seconds}{sign}{:02}:{:02}[{zone}]", east / 60, east % 60)
        }
    }
}
