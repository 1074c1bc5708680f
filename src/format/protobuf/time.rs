//! `google.protobuf.Timestamp` and `google.protobuf.Duration`, as nanoseconds.

use super::decode::{Misfit, NO_INT32, Problem};
use super::wire::{Key, Malformed, Span, Tag, Wire, WireType};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

const SECONDS: Key = Key::new(1, WireType::Varint);
const NANOS: Key = Key::new(2, WireType::Varint);

const NO_NANOS: Misfit = "expected 0 to 999999999 nanoseconds, found others";
const NO_TIMESTAMP: Misfit = "expected a timestamp from 1677-09-21 to 2262-04-11, found one beyond";
const OTHER_SIGN: Misfit = "expected seconds and nanoseconds of the same sign, found others";
const NO_DURATION: Misfit = "expected a duration of up to 292 years, found a longer one";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Since 1970.
    Timestamp,
    Duration,
}

/// The fields of either, by what has been read of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Time {
    seconds: i64,
    nanos: i64,
}

impl Time {
    /// What makes these nanoseconds. No other fields do.
    pub fn of(nanoseconds: i64, kind: Kind) -> Time {
        let (seconds, nanos) = match kind {
            Kind::Timestamp => (nanoseconds.div_euclid(NANOS_PER_SECOND), nanoseconds.rem_euclid(NANOS_PER_SECOND)),
            Kind::Duration => (nanoseconds / NANOS_PER_SECOND, nanoseconds % NANOS_PER_SECOND),
        };
        Time { seconds, nanos }
    }

    /// As nanoseconds, if they are in range.
    #[inline]
    pub fn nanoseconds(self, kind: Kind) -> Result<i64, Misfit> {
        let Time { seconds, nanos } = self;
        match kind {
            Kind::Timestamp if !(0..NANOS_PER_SECOND).contains(&nanos) => Err(NO_NANOS),
            Kind::Timestamp => total(seconds, nanos).ok_or(NO_TIMESTAMP),
            Kind::Duration if !(1 - NANOS_PER_SECOND..NANOS_PER_SECOND).contains(&nanos) => {
                Err("expected fewer than 1000000000 nanoseconds, found more")
            }
            Kind::Duration if seconds.signum() * nanos.signum() < 0 => Err(OTHER_SIGN),
            Kind::Duration => total(seconds, nanos).ok_or(NO_DURATION),
        }
    }

    /// Reads a part of it, the first one or a further one.
    pub fn read(&mut self, payload: &[u8], part: Span) -> Result<(), Problem> {
        let mut wire = Wire::new(payload, part);
        self.usual_fields(&mut wire);
        loop {
            if i32::try_from(self.nanos).is_err() {
                return Err(NO_INT32.into());
            }
            if !wire.has_more() {
                return Ok(());
            }
            let read = self.field(&mut wire);
            read.map_err(|malformed| Problem::Malformed(malformed, payload.len() - wire.left()))?;
        }
    }

    /// Reads what serializers write: both fields or one, in this order.
    #[inline(always)]
    fn usual_fields(&mut self, wire: &mut Wire<'_>) {
        const SECONDS_TAG: Tag = SECONDS.tag();
        const NANOS_TAG: Tag = NANOS.tag();
        if let Some(seconds) = wire.long_number(SECONDS_TAG) {
            self.seconds = seconds.cast_signed();
        }
        if let Some(nanos) = wire.long_number(NANOS_TAG) {
            self.nanos = nanos.cast_signed();
        }
    }

    #[inline]
    fn field(&mut self, wire: &mut Wire<'_>) -> Result<(), Malformed> {
        let mut ahead = *wire;
        let key = ahead.key()?;
        if key == SECONDS {
            self.seconds = ahead.varint()?.cast_signed();
        } else if key == NANOS {
            self.nanos = ahead.varint()?.cast_signed();
        } else if matches!(key.number(), 1 | 2) {
            key.wire_type()?;
            return Err(Malformed::OtherWireType);
        } else {
            ahead.skip(key)?;
        }
        *wire = ahead;
        Ok(())
    }
}

/// The nanoseconds that follow this tag, if it comes next and they are in range and written as serializers do.
#[inline(always)]
pub fn usual(wire: &mut Wire<'_>, tag: Tag, kind: Kind) -> Option<i64> {
    let mut ahead = *wire;
    let mut inside = ahead.short_message(tag)?;
    let mut time = Time::default();
    time.usual_fields(&mut inside);
    // Numbers beyond int32 are no nanoseconds of either.
    let nanoseconds = time.nanoseconds(kind).ok().filter(|_| !inside.has_more())?;
    *wire = ahead;
    Some(nanoseconds)
}

/// All of it, if that is less than 2^63: the seconds alone may be more before 1970.
fn total(seconds: i64, nanos: i64) -> Option<i64> {
    let total = i128::from(seconds) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
    i64::try_from(total).ok()
}
