//! Dates and times (rule J4): civil time by its own arithmetic, zones by jiff's database.

use arrow_schema::TimeUnit;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::number::Number;

const SECONDS_PER_DAY: i128 = 86_400;

/// How many of the unit make a second.
pub fn per_second(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub fn date(text: &str) -> Option<i32> {
    let days = Date::parse(text, Width::Full)?.days_since_1970();
    Some(i32::try_from(days).expect("four-digit years fit"))
}

/// The time since midnight, in the unit, of `HH:MM[:SS[.f]]`.
pub fn time(text: &str, unit: TimeUnit) -> Option<i128> {
    let time = Time::parse(text, Width::Full)?;
    in_unit(time.seconds_since_midnight(), &time.fraction, unit)
}

/// `YYYY-MM-DDTHH:MM[:SS[.f]]`, in the unit, as if it were UTC.
pub fn local_timestamp(text: &str, unit: TimeUnit) -> Option<i128> {
    let (date, time) = text.split_once(['T', 't'])?;
    let local = Local { date: Date::parse(date, Width::Full)?, time: Time::parse(time, Width::Full)? };
    local.at_offset(0, unit)
}

/// A count since 1970 whose own unit follows from its size.
pub fn timestamp_from_number(number: &Number, unit: TimeUnit) -> Option<i128> {
    let value = i64::try_from(number.integer()?).ok()?;
    let told_in = match value.unsigned_abs() {
        9_309_341_000_000_001.. => TimeUnit::Nanosecond,
        9_309_341_000_001.. => TimeUnit::Microsecond,
        9_309_341_001.. => TimeUnit::Millisecond,
        _ => TimeUnit::Second,
    };
    let scaled = i128::from(value) * per_second(unit);
    let is_finer = scaled % per_second(told_in) != 0;
    if is_finer { None } else { Some(scaled / per_second(told_in)) }
}

/// The four kinds of text that name an instant.
pub fn timestamp_from_text(text: &str, unit: TimeUnit) -> Option<i128> {
    if (1..=19).contains(&text.len()) && all_digits(text) {
        let significant = text.trim_start_matches('0');
        let number = Number::parse(if significant.is_empty() { "0" } else { significant });
        return timestamp_from_number(&number.expect("digits without leading zeros"), unit);
    }
    match text.split_once(' ') {
        Some((local, zone)) => timestamp_in_zone(local, zone, unit),
        None => rfc_3339(text, unit),
    }
}

/// `Y-M-D` or `Y-M-DTH:M[:S[.f]]` in a zone.
fn timestamp_in_zone(local: &str, zone: &str, unit: TimeUnit) -> Option<i128> {
    let zone = TimeZone::get(zone).ok()?;
    let (date, time) = local.split_once(['T', 't']).unwrap_or((local, "0:0"));
    let local = Local { date: Date::parse(date, Width::Any)?, time: Time::parse(time, Width::Any)? };
    let before = match local.offsets_in(&zone) {
        AmbiguousOffset::Unambiguous { offset } => offset,
        // Clocks go back: the earlier of two instants.
        AmbiguousOffset::Fold { before, .. } => before,
        // Clocks go forward: a time that is left out is later by as much as is left out.
        AmbiguousOffset::Gap { before, .. } => before,
    };
    local.at_offset(i128::from(before.seconds()), unit)
}

/// `YYYY-MM-DDTHH:MM[:SS[.f]](Z|±HH:MM)`, perhaps followed by `[Zone]`.
fn rfc_3339(text: &str, unit: TimeUnit) -> Option<i128> {
    let (text, zone) = match text.strip_suffix(']') {
        Some(text) => text.split_once('[').map(|(text, zone)| (text, Some(zone)))?,
        None => (text, None),
    };
    let (date, rest) = text.split_once(['T', 't'])?;
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let local = Local { date: Date::parse(date, Width::Full)?, time: Time::parse(time, Width::Full)? };
    let offset = parse_offset(offset)?;
    if let Some(zone) = zone {
        let zone = TimeZone::get(zone).ok()?;
        let is_offset = |candidate: jiff::tz::Offset| i128::from(candidate.seconds()) == offset;
        let fits = match local.offsets_in(&zone) {
            AmbiguousOffset::Unambiguous { offset } => is_offset(offset),
            AmbiguousOffset::Fold { before, after } => is_offset(before) || is_offset(after),
            // No clock of the zone ever showed this.
            AmbiguousOffset::Gap { .. } => false,
        };
        if !fits {
            return None;
        }
    }
    local.at_offset(offset, unit)
}

/// Seconds east of UTC.
fn parse_offset(text: &str) -> Option<i128> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, clock) = match text.strip_prefix('-') {
        Some(clock) => (-1, clock),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = clock.split_once(':')?;
    let seconds = number_of(hours, 2..=2, 23)? * 3600 + number_of(minutes, 2..=2, 59)? * 60;
    Some(sign * i128::from(seconds))
}

/// How many digits the fields of a date or time have.
#[derive(Clone, Copy)]
enum Width {
    /// Four for the year, two for all others.
    Full,
    /// Four for the year, one or two for all others.
    Any,
}

impl Width {
    fn digits(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Width::Full => 2..=2,
            Width::Any => 1..=2,
        }
    }
}

struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    fn parse(text: &str, width: Width) -> Option<Date> {
        let fields: Vec<&str> = text.split('-').collect();
        let [year, month, day] = fields[..] else { return None };
        let year = number_of(year, 4..=4, 9999)?;
        let month = number_of(month, width.digits(), 12).filter(|month| *month > 0)?;
        let day = number_of(day, width.digits(), days_in_month(year, month)).filter(|day| *day > 0)?;
        Some(Date { year, month, day })
    }

    fn days_since_1970(&self) -> i64 {
        let leap_days_until_end_of = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let leap_days = leap_days_until_end_of(self.year - 1) - leap_days_until_end_of(1969);
        let months: i64 = (1..self.month).map(|month| days_in_month(self.year, month)).sum();
        (self.year - 1970) * 365 + leap_days + months + self.day - 1
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap_year => 29,
        2 => 28,
        _ => 31,
    }
}

struct Time {
    hour: i64,
    minute: i64,
    second: i64,
    /// The digits of the fraction of a second.
    fraction: String,
}

impl Time {
    fn parse(text: &str, width: Width) -> Option<Time> {
        let fields: Vec<&str> = text.split(':').collect();
        let (hour, minute, second) = match fields[..] {
            [hour, minute] => (hour, minute, None),
            [hour, minute, second] => (hour, minute, Some(second)),
            _ => return None,
        };
        let (second, fraction) = match second.map(|second| second.split_once('.').ok_or(second)) {
            None => ("00", ""),
            Some(Err(second)) => (second, ""),
            Some(Ok((_, ""))) => return None,
            Some(Ok((second, fraction))) => (second, fraction),
        };
        if !all_digits(fraction) {
            return None;
        }
        Some(Time {
            hour: number_of(hour, width.digits(), 23)?,
            minute: number_of(minute, width.digits(), 59)?,
            second: number_of(second, width.digits(), 59)?,
            fraction: fraction.to_owned(),
        })
    }

    fn seconds_since_midnight(&self) -> i128 {
        i128::from(self.hour * 3600 + self.minute * 60 + self.second)
    }
}

/// A date and a time that some clock shows.
struct Local {
    date: Date,
    time: Time,
}

impl Local {
    /// The count of units since 1970, if the clock is this many seconds ahead of UTC.
    fn at_offset(&self, offset: i128, unit: TimeUnit) -> Option<i128> {
        let seconds = i128::from(self.date.days_since_1970()) * SECONDS_PER_DAY + self.time.seconds_since_midnight();
        in_unit(seconds - offset, &self.time.fraction, unit)
    }

    fn offsets_in(&self, zone: &TimeZone) -> AmbiguousOffset {
        let small = |value: i64| i8::try_from(value).expect("fields are checked");
        let Local { date, time } = self;
        let year = i16::try_from(date.year).expect("fields are checked");
        let time = civil::time(small(time.hour), small(time.minute), small(time.second), 0);
        zone.to_ambiguous_timestamp(civil::date(year, small(date.month), small(date.day)).to_datetime(time)).offset()
    }
}

/// Seconds and the digits of a fraction in a unit; `None` if the fraction is finer than the unit.
fn in_unit(seconds: i128, fraction: &str, unit: TimeUnit) -> Option<i128> {
    let digits_of_unit = per_second(unit).to_string().len() - 1;
    let significant = fraction.trim_end_matches('0');
    if significant.len() > digits_of_unit {
        return None;
    }
    let parts: i128 = format!("0{significant:0<digits_of_unit$}").parse().expect("a few digits");
    Some(seconds * per_second(unit) + parts)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// So many digits that say no more than the most.
fn number_of(text: &str, digits: std::ops::RangeInclusive<usize>, most: i64) -> Option<i64> {
    if !digits.contains(&text.len()) || !all_digits(text) {
        return None;
    }
    text.parse().ok().filter(|value| *value <= most)
}
