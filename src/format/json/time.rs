//! Dates and times as text, and instants as numbers (the rows of J4 that have to do with time).

use arrow_schema::TimeUnit;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

const NANOS_PER_SECOND: u32 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Why a text or a number is no time that fits the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It does not follow the form.
    Form,
    /// It is finer than the column's unit.
    Unit,
    /// It lies outside what the column's unit can say.
    Range,
    /// It names a zone that does not exist, or an offset that the zone does not have at that time.
    Zone,
}

type Outcome<T> = std::result::Result<T, Misfit>;

/// How many of a unit make a second.
fn per_second(unit: TimeUnit) -> u32 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => NANOS_PER_SECOND,
    }
}

/// Seconds and nanoseconds in a unit, if nothing gets lost.
#[inline]
fn in_unit(seconds: i64, nanos: u32, unit: TimeUnit) -> Outcome<i64> {
    let per_second = per_second(unit);
    let nanos_per_unit = NANOS_PER_SECOND / per_second;
    if !nanos.is_multiple_of(nanos_per_unit) {
        return Err(Misfit::Unit);
    }
    let value = i128::from(seconds) * i128::from(per_second) + i128::from(nanos / nanos_per_unit);
    i64::try_from(value).map_err(|_| Misfit::Range)
}

/// An instant as a number, whose unit its magnitude tells.
pub fn instant_from_number(number: i64, unit: TimeUnit) -> Outcome<i64> {
    // Deephaven's thresholds: about 1970-04-18 in the finer unit, and the year 2264 in the coarser one.
    const MICROS: u64 = 9_309_341_000_000;
    let given = match number.unsigned_abs() {
        magnitude if magnitude > MICROS * 1000 => TimeUnit::Nanosecond,
        magnitude if magnitude > MICROS => TimeUnit::Microsecond,
        magnitude if magnitude > MICROS / 1000 => TimeUnit::Millisecond,
        _ => TimeUnit::Second,
    };
    if given == unit {
        return Ok(number);
    }
    let per_second = i64::from(per_second(given));
    let nanos_per_unit = i64::from(NANOS_PER_SECOND) / per_second;
    let nanos = number.rem_euclid(per_second) * nanos_per_unit;
    let nanos = u32::try_from(nanos).expect("less than a second");
    in_unit(number.div_euclid(per_second), nanos, unit)
}

/// An instant as text: digits; RFC 3339 with an offset and perhaps a zone in brackets; a date, or date and time, a blank
/// and a zone.
pub fn instant(text: &str, unit: TimeUnit) -> Outcome<i64> {
    let bytes = text.as_bytes();
    if (1..=19).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit) {
        return instant_from_number(text.parse().map_err(|_| Misfit::Range)?, unit);
    }
    match DateTime::read(bytes) {
        Some((time, [b'Z' | b'z'])) => in_unit(time.seconds(), time.nanos?, unit),
        Some((time, rest @ [b'Z' | b'z' | b'+' | b'-', ..])) => with_offset(&time, rest, unit),
        _ => {
            let (time, zone) = text.split_once(' ').ok_or(Misfit::Form)?;
            in_zone(&DateTime::read_loosely(time).ok_or(Misfit::Form)?, zone, unit)
        }
    }
}

/// An instant as Java's ISO_INSTANT has it, in nanoseconds: a date and time with seconds, and an offset.
#[inline]
pub fn iso_instant(text: &str) -> Outcome<i64> {
    // Seconds, which may be missing elsewhere, and a fraction of at most nine digits.
    const SECONDS: usize = "YYYY-MM-DDTHH:MM".len();
    const MOST_DIGITS: usize = 9;
    let Some((time, rest)) = DateTime::read(text.as_bytes()) else { return Err(Misfit::Form) };
    let read = text.len() - rest.len();
    if text.as_bytes().get(SECONDS) != Some(&b':') || read > SECONDS + ":SS.".len() + MOST_DIGITS {
        return Err(Misfit::Form);
    }
    if let [b'Z' | b'z'] = rest {
        return in_unit(time.seconds(), time.nanos?, TimeUnit::Nanosecond);
    }
    const MOST_SECONDS: i32 = 18 * 3600;
    match read_offset(rest) {
        Some((offset, [])) if offset.abs() <= MOST_SECONDS => {
            in_unit(time.seconds() - i64::from(offset), time.nanos?, TimeUnit::Nanosecond)
        }
        _ => Err(Misfit::Form),
    }
}

/// A date and time without an offset.
pub fn local(text: &str, unit: TimeUnit) -> Outcome<i64> {
    match DateTime::read(text.as_bytes()) {
        Some((time, [])) => in_unit(time.seconds(), time.nanos?, unit),
        _ => Err(Misfit::Form),
    }
}

/// A date, as days since 1970.
pub fn date(text: &str) -> Outcome<i32> {
    match Date::read(text.as_bytes()) {
        Some((date, [])) => Ok(i32::try_from(date.days()).expect("a year of four digits")),
        _ => Err(Misfit::Form),
    }
}

/// A time of day, in a unit since midnight.
pub fn time_of_day(text: &str, unit: TimeUnit) -> Outcome<i64> {
    match TimeOfDay::read(text.as_bytes()) {
        Some((time, [])) => in_unit(time.seconds.into(), time.nanos?, unit),
        _ => Err(Misfit::Form),
    }
}

struct Date {
    year: u32,
    month: u32,
    day: u32,
}

struct TimeOfDay {
    seconds: u32,
    /// An error if it is finer than nanoseconds.
    nanos: Outcome<u32>,
}

struct DateTime {
    date: Date,
    seconds: u32,
    nanos: Outcome<u32>,
}

impl Date {
    fn new(year: u32, month: u32, day: u32) -> Option<Date> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        (1..=last).contains(&day).then_some(Date { year, month, day })
    }

    /// `YYYY-MM-DD`, and what follows.
    #[inline]
    fn read(bytes: &[u8]) -> Option<(Date, &[u8])> {
        let (date, rest) = bytes.split_first_chunk::<10>()?;
        if date[4] != b'-' || date[7] != b'-' {
            return None;
        }
        let year = two_digits(date[0], date[1])? * 100 + two_digits(date[2], date[3])?;
        Some((Date::new(year, two_digits(date[5], date[6])?, two_digits(date[8], date[9])?)?, rest))
    }

    /// Days since 1970-01-01 in the Gregorian calendar.
    #[inline]
    fn days(&self) -> i64 {
        // Years that begin in March end with the day that is not always there.
        let shifted = self.month <= 2;
        let year = i64::from(self.year) - i64::from(shifted);
        let month = if shifted { self.month + 9 } else { self.month - 3 };
        let day_of_year = i64::from((153 * month + 2) / 5 + self.day - 1);
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        const DAYS_TO_1970: i64 = 719_468;
        year * 365 + leap_days + day_of_year - DAYS_TO_1970
    }
}

impl TimeOfDay {
    /// `HH:MM[:SS[.f]]`, and what follows.
    #[inline]
    fn read(bytes: &[u8]) -> Option<(TimeOfDay, &[u8])> {
        let (minutes, mut rest) = bytes.split_first_chunk::<5>()?;
        if minutes[2] != b':' {
            return None;
        }
        let (hour, minute) = (two_digits(minutes[0], minutes[1])?, two_digits(minutes[3], minutes[4])?);
        let mut second = 0;
        let mut nanos = Ok(0);
        if let [b':', tens, ones, behind @ ..] = rest {
            second = two_digits(*tens, *ones)?;
            rest = behind;
            if let [b'.', fraction @ ..] = rest {
                (nanos, rest) = read_fraction(fraction)?;
            }
        }
        Some((TimeOfDay::new(hour, minute, second, nanos)?, rest))
    }

    fn new(hour: u32, minute: u32, second: u32, nanos: Outcome<u32>) -> Option<TimeOfDay> {
        let valid = hour < 24 && minute < 60 && second < 60;
        valid.then_some(TimeOfDay { seconds: (hour * 60 + minute) * 60 + second, nanos })
    }
}

impl DateTime {
    /// `YYYY-MM-DDTHH:MM[:SS[.f]]`, and what follows.
    #[inline]
    fn read(bytes: &[u8]) -> Option<(DateTime, &[u8])> {
        let (date, rest) = Date::read(bytes)?;
        let [b'T' | b't', rest @ ..] = rest else { return None };
        let (time, rest) = TimeOfDay::read(rest)?;
        Some((DateTime { date, seconds: time.seconds, nanos: time.nanos }, rest))
    }

    /// A date, or date and time, whose fields but the year may lack zeros in front.
    fn read_loosely(text: &str) -> Option<DateTime> {
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut fields = date.split('-');
        let year = fields.next().filter(|year| year.len() == 4)?;
        let date = Date::new(number(year)?, short(fields.next()?)?, short(fields.next()?)?)?;
        let time = match time {
            Some(time) => read_time_loosely(time)?,
            None => TimeOfDay { seconds: 0, nanos: Ok(0) },
        };
        fields.next().is_none().then_some(DateTime { date, seconds: time.seconds, nanos: time.nanos })
    }

    /// Seconds since 1970-01-01T00:00, as if in UTC.
    #[inline]
    fn seconds(&self) -> i64 {
        self.date.days() * SECONDS_PER_DAY + i64::from(self.seconds)
    }
}

fn read_time_loosely(text: &str) -> Option<TimeOfDay> {
    let mut fields = text.split(':');
    let (hour, minute) = (short(fields.next()?)?, short(fields.next()?)?);
    let (second, nanos) = match fields.next() {
        None => (0, Ok(0)),
        Some(seconds) => match seconds.split_once('.') {
            None => (short(seconds)?, Ok(0)),
            Some((second, fraction)) => match read_fraction(fraction.as_bytes())? {
                (nanos, []) => (short(second)?, nanos),
                _ => return None,
            },
        },
    };
    if fields.next().is_some() {
        return None;
    }
    TimeOfDay::new(hour, minute, second, nanos)
}

/// One or two digits.
fn short(text: &str) -> Option<u32> {
    if text.len() <= 2 { number(text) } else { None }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[inline(always)]
fn two_digits(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// The digits behind a point as nanoseconds, and what follows. `None` without a digit.
#[inline]
fn read_fraction(bytes: &[u8]) -> Option<(Outcome<u32>, &[u8])> {
    let count = bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(count);
    let (first, _) = digits.split_first()?;
    let mut nanos = u32::from(first - b'0');
    for place in 1..9 {
        nanos = nanos * 10 + digits.get(place).map_or(0, |digit| u32::from(digit - b'0'));
    }
    let finer = digits.iter().skip(9).any(|digit| *digit != b'0');
    Some((if finer { Err(Misfit::Unit) } else { Ok(nanos) }, rest))
}

/// `Z`, `+HH:MM` or `-HH:MM`, and perhaps a zone in brackets.
fn with_offset(time: &DateTime, rest: &[u8], unit: TimeUnit) -> Outcome<i64> {
    let (offset_seconds, rest) = read_offset(rest).ok_or(Misfit::Form)?;
    let seconds = time.seconds() - i64::from(offset_seconds);
    let value = in_unit(seconds, time.nanos?, unit)?;
    match rest {
        [] => Ok(value),
        [b'[', zone @ .., b']'] => {
            let zone = std::str::from_utf8(zone).map_err(|_| Misfit::Form)?;
            let has = match offsets_in_zone(time, zone)? {
                AmbiguousOffset::Unambiguous { offset } => offset.seconds() == offset_seconds,
                AmbiguousOffset::Fold { before, after } => {
                    [before, after].iter().any(|offset| offset.seconds() == offset_seconds)
                }
                // The clock never showed this.
                AmbiguousOffset::Gap { .. } => false,
            };
            if has { Ok(value) } else { Err(Misfit::Zone) }
        }
        _ => Err(Misfit::Form),
    }
}

fn read_offset(bytes: &[u8]) -> Option<(i32, &[u8])> {
    if let [b'Z' | b'z', rest @ ..] = bytes {
        return Some((0, rest));
    }
    let (offset, rest) = bytes.split_first_chunk::<6>()?;
    let (hours, minutes) = (two_digits(offset[1], offset[2])?, two_digits(offset[4], offset[5])?);
    if offset[3] != b':' || hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::try_from((hours * 60 + minutes) * 60).ok()?;
    match offset[0] {
        b'+' => Some((seconds, rest)),
        b'-' => Some((-seconds, rest)),
        _ => None,
    }
}

/// A local time in a zone. One that a change of the clock skips moves forward by what was skipped; one that it repeats
/// is the earlier of the two.
fn in_zone(time: &DateTime, zone: &str, unit: TimeUnit) -> Outcome<i64> {
    let offset = match offsets_in_zone(time, zone)? {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    in_unit(time.seconds() - i64::from(offset.seconds()), time.nanos?, unit)
}

/// How far a zone is ahead of UTC when its clocks show this.
fn offsets_in_zone(time: &DateTime, zone: &str) -> Outcome<AmbiguousOffset> {
    let zone = TimeZone::get(zone).map_err(|_| Misfit::Zone)?;
    let part = |value: u32| i8::try_from(value).expect("checked to be a part of a date or a time");
    let local = civil::DateTime::new(
        i16::try_from(time.date.year).expect("a year of four digits"),
        part(time.date.month),
        part(time.date.day),
        part(time.seconds / 3600),
        part(time.seconds / 60 % 60),
        part(time.seconds % 60),
        0,
    );
    Ok(zone.to_ambiguous_timestamp(local.expect("checked to be a date and a time")).offset())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NS: TimeUnit = TimeUnit::Nanosecond;
    const S: TimeUnit = TimeUnit::Second;

    #[test]
    fn instants_with_an_offset_are_read() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00z", 0),
            ("2023-12-23T00:48:52+01:00", 1_703_288_932),
            ("2023-12-22t23:48:52.000-00:00", 1_703_288_932),
            ("2023-12-23T00:48:52+01:00[Europe/Vienna]", 1_703_288_932),
            ("1969-12-31T23:59:59Z[UTC]", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("2024-02-29T12:00:00-23:59", 1_709_294_340),
        ] {
            assert_eq!(instant(text, S), Ok(seconds), "{text}");
        }
        assert_eq!(instant("1969-12-31T23:59:59.5Z", NS), Ok(-500_000_000));
        assert_eq!(instant("2262-04-11T23:47:16.854775807Z", NS), Ok(i64::MAX));
        assert_eq!(instant("2262-04-11T23:47:16.854775808Z", NS), Err(Misfit::Range));
        assert_eq!(instant("1677-09-21T00:12:43.145224192Z", NS), Ok(i64::MIN));
        assert_eq!(instant("1970-01-01T00:00:00.1000Z", TimeUnit::Millisecond), Ok(100));
        assert_eq!(instant("1970-01-01T00:00:00.0001Z", TimeUnit::Millisecond), Err(Misfit::Unit));
        assert_eq!(instant("1970-01-01T00:00:00.0000000010000Z", NS), Ok(1));
        assert_eq!(instant("1970-01-01T00:00:00.00000000001Z", NS), Err(Misfit::Unit));
    }

    #[test]
    fn instants_of_iso_8601_have_seconds_and_an_offset() {
        for (text, nanos) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:01.5z", 1_500_000_000),
            ("1970-01-01T00:00:00.123456789+00:00", 123_456_789),
            ("1970-01-01T18:00:00+18:00", 0),
            ("2262-04-11T23:47:16.854775807Z", i64::MAX),
        ] {
            assert_eq!(iso_instant(text), Ok(nanos), "{text}");
        }
        for text in [
            "",
            "0",
            "1970-01-01",
            "1970-01-01T00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "1970-01-01T00:00:00Z[UTC]",
            "1970-01-01T00:00:00+18:01",
            "1970-01-01T00:00:00 UTC",
            "1970-02-29T00:00:00Z",
            "1970-01-01T24:00:00Z",
        ] {
            assert_eq!(iso_instant(text), Err(Misfit::Form), "{text}");
        }
        assert_eq!(iso_instant("2262-04-11T23:47:16.854775808Z"), Err(Misfit::Range));
    }

    #[test]
    fn local_times_are_put_into_their_zone() {
        for (text, utc) in [
            ("2023-12-23T00:48:52 America/New_York", "2023-12-23T05:48:52Z"),
            ("2023-12-23 UTC", "2023-12-23T00:00:00Z"),
            ("2023-1-3T1:2 UTC", "2023-01-03T01:02:00Z"),
            ("2023-1-3T1:2:3.25 UTC", "2023-01-03T01:02:03.25Z"),
            // Clocks went from 2:00 to 3:00, and back from 3:00 to 2:00.
            ("2023-03-26T02:30:00 Europe/Vienna", "2023-03-26T01:30:00Z"),
            ("2023-10-29T02:30:00 Europe/Vienna", "2023-10-29T00:30:00Z"),
            ("2023-10-29T02:30:00+01:00[Europe/Vienna]", "2023-10-29T01:30:00Z"),
        ] {
            assert_eq!(instant(text, NS), instant(utc, NS), "{text}");
            assert!(instant(text, NS).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2023-12-23",
            "2023-12-23T00:48:52",
            "2023-12-23 00:48:52Z",
            "2023-12-23T00:48:60Z",
            "2023-12-23T24:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-12-23T00:48:52.Z",
            "2023-12-23T00:48:52+1:00",
            "2023-12-23T00:48:52+0100",
            "2023-12-23T00:48:52+24:00",
            "2023-12-23T00:48:52Z ",
            " 2023-12-23T00:48:52Z",
            "2023-12-23T00:48:52Z[UTC",
            "23-12-23 UTC",
            "2023-012-23 UTC",
            "2023-12-23T1 UTC",
            "2023-12-23-1 UTC",
            "2023-12-23T1:2:3:4 UTC",
            "2023-12-23  UTC",
            "-5",
            "12345678901234567890",
        ] {
            assert!(matches!(instant(text, NS), Err(Misfit::Form | Misfit::Zone)), "{text}");
        }
        assert_eq!(instant("2023-12-23 Nowhere/Else", NS), Err(Misfit::Zone));
        assert_eq!(instant("2023-12-23T00:48:52+02:00[Europe/Vienna]", NS), Err(Misfit::Zone));
        assert_eq!(instant("2023-03-26T02:30:00+01:00[Europe/Vienna]", NS), Err(Misfit::Zone));
        assert!(instant("9999-12-31T23:59:59 America/New_York", S).is_ok());
        assert_eq!(instant("2300-01-01T00:00:00Z", NS), Err(Misfit::Range));
    }

    #[test]
    fn the_magnitude_of_a_number_tells_its_unit() {
        for (number, nanos) in [
            (1_703_292_532, 1_703_292_532_000_000_000),
            (1_703_292_532_123, 1_703_292_532_123_000_000),
            (1_703_292_532_123_456, 1_703_292_532_123_456_000),
            (1_703_292_532_123_456_789, 1_703_292_532_123_456_789),
            (-5, -5_000_000_000),
            (9_309_341_001, 9_309_341_001_000_000),
            (9_309_341_000_001, 9_309_341_000_001_000),
            (9_309_341_000_000_001, 9_309_341_000_000_001),
            (-9_309_341_001, -9_309_341_001_000_000),
            (i64::MIN, i64::MIN),
        ] {
            assert_eq!(instant_from_number(number, NS), Ok(nanos), "{number}");
            assert_eq!(instant(&number.to_string(), NS).is_ok(), number >= 0, "{number}");
        }
        // Seconds up to the year 2264, which nanoseconds cannot say.
        for number in [9_309_341_000, 9_223_372_037, -9_223_372_037] {
            assert_eq!(instant_from_number(number, NS), Err(Misfit::Range));
            assert_eq!(instant_from_number(number, S), Ok(number));
        }
        assert_eq!(instant_from_number(-9_309_341_001, S), Err(Misfit::Unit));
        assert_eq!(instant_from_number(9_309_341_000_000, NS), Err(Misfit::Range));
    }

    proptest! {
        #[test]
        fn days_are_jiffs(year in 0_i16..=9999, month in 1_i8..=12, day in 1_i8..=31, second in 0..86_400_i64) {
            let text = format!("{year:04}-{month:02}-{day:02}");
            let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            match civil::Date::new(year, month, day) {
                Ok(theirs) => {
                    let days = theirs.since(civil::date(1970, 1, 1)).unwrap().get_days();
                    prop_assert_eq!(date(&text), Ok(days));
                    let seconds = i64::from(days) * SECONDS_PER_DAY + second;
                    prop_assert_eq!(instant(&format!("{text}T{time}Z"), S), Ok(seconds));
                    prop_assert_eq!(local(&format!("{text}T{time}"), S), Ok(seconds));
                    prop_assert_eq!(time_of_day(&time, S), Ok(second));
                }
                Err(_) => prop_assert_eq!(date(&text), Err(Misfit::Form)),
            }
        }
    }
}
