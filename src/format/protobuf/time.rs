//! `google.protobuf.Timestamp` and `google.protobuf.Duration`, as nanoseconds.

use super::decode::{Misfit, NO_INT32, Parts, Problem};
use super::wire::{Key, Malformed, Wire, WireType};

const NANOS_PER_SECOND: i64 = 1_000_000_000;

const NO_NANOS: Misfit = "expected 0 to 999999999 nanoseconds, found others";
const NO_TIMESTAMP: Misfit = "expected a timestamp from 1677-09-21 to 2262-04-11, found one beyond";
const OTHER_SIGN: Misfit = "expected seconds and nanoseconds of the same sign, found others";
const NO_DURATION: Misfit = "expected a duration of up to 292 years, found a longer one";

/// Nanoseconds since 1970.
pub fn timestamp(payload: &[u8], parts: Parts<'_>) -> Result<i64, Problem> {
    let (seconds, nanos) = read(payload, parts)?;
    if !(0..NANOS_PER_SECOND).contains(&nanos) {
        return Err(NO_NANOS.into());
    }
    Ok(total(seconds, nanos).ok_or(NO_TIMESTAMP)?)
}

/// Nanoseconds.
pub fn duration(payload: &[u8], parts: Parts<'_>) -> Result<i64, Problem> {
    let (seconds, nanos) = read(payload, parts)?;
    if !(1 - NANOS_PER_SECOND..NANOS_PER_SECOND).contains(&nanos) {
        return Err("expected fewer than 1000000000 nanoseconds, found more".into());
    }
    if seconds.signum() * nanos.signum() < 0 {
        return Err(OTHER_SIGN.into());
    }
    Ok(total(seconds, nanos).ok_or(NO_DURATION)?)
}

/// All of it, if that is less than 2^63: the seconds alone may be more before 1970.
fn total(seconds: i64, nanos: i64) -> Option<i64> {
    let total = i128::from(seconds) * i128::from(NANOS_PER_SECOND) + i128::from(nanos);
    i64::try_from(total).ok()
}

/// The fields of either, seconds and nanoseconds.
#[inline]
fn read(payload: &[u8], parts: Parts<'_>) -> Result<(i64, i64), Problem> {
    let (mut seconds, mut nanos) = (0, 0);
    for part in std::iter::once(&parts.first).chain(parts.more) {
        let mut wire = Wire::new(payload, *part);
        let told = |malformed, wire: &Wire<'_>| Problem::Malformed(malformed, payload.len() - wire.left());
        while wire.has_more() {
            let read = field(&mut wire, &mut seconds, &mut nanos);
            read.map_err(|malformed| told(malformed, &wire))?;
            if i32::try_from(nanos).is_err() {
                return Err(NO_INT32.into());
            }
        }
    }
    Ok((seconds, nanos))
}

#[inline]
fn field(wire: &mut Wire<'_>, seconds: &mut i64, nanos: &mut i64) -> Result<(), Malformed> {
    let mut ahead = *wire;
    let key = ahead.key()?;
    if key == Key::new(1, WireType::Varint) {
        *seconds = ahead.long_varint()?.cast_signed();
    } else if key == Key::new(2, WireType::Varint) {
        *nanos = ahead.long_varint()?.cast_signed();
    } else if matches!(key.number(), 1 | 2) {
        key.wire_type()?;
        return Err(Malformed::OtherWireType);
    } else {
        ahead.skip(key)?;
    }
    *wire = ahead;
    Ok(())
}
