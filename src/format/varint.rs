//! Numbers of several lengths, as Avro and Protobuf have them: seven bits a byte, the lowest first; the highest bit of a byte
//! says that more follow.

/// Why there is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The bytes end in the midst of it.
    End,
    /// It goes on beyond 64 bits.
    TooLong,
}

type Read<T> = std::result::Result<T, Unread>;

/// The last eight of all bytes, the very last one highest; of fewer, with zeros in front. With it numbers among them are
/// looked at together like all others.
#[inline(always)]
pub fn last_of(bytes: &[u8]) -> u64 {
    let last = bytes.last_chunk().copied().unwrap_or_else(|| {
        let mut last = [0; 8];
        last[8 - bytes.len()..].copy_from_slice(bytes);
        last
    });
    u64::from_le_bytes(last)
}

/// The next eight bytes of what is left of some bytes, of which this are the [`last_of`] them, the first one lowest; behind
/// the end are zeros.
#[inline(always)]
pub fn word(rest: &[u8], last: u64) -> u64 {
    match rest.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => last.unbounded_shr(u64::BITS - 8 * rest.len() as u32),
    }
}

/// The number that comes first in what is left, and what follows it.
#[inline(always)]
pub fn read(rest: &[u8], last: u64) -> Read<(u64, &[u8])> {
    // The zeros behind the end are no bytes of the number.
    let behind = |length: usize| rest.get(length..).ok_or(Unread::End);
    // One byte to three is what most numbers take; all are looked at together.
    let word = word(rest, last);
    if word & 0x80 == 0 {
        return Ok((word & 0x7f, behind(1)?));
    }
    if word & 0x8000 == 0 {
        return Ok((word & 0x7f | word >> 1 & 0x3f80, behind(2)?));
    }
    if word & 0x0080_0000 == 0 {
        return Ok((word & 0x7f | word >> 1 & 0x3f80 | word >> 2 & 0x1f_c000, behind(3)?));
    }
    let (number, length) = read_long(rest, word)?;
    Ok((number, behind(length)?))
}

/// The number that a word begins with, and how many bytes it takes, if it ends there.
#[inline(always)]
pub fn of_word(word: u64) -> Option<(u64, usize)> {
    let ends = !word & HIGH;
    // The bits up to the end of the first byte that has its highest bit clear.
    let bits = ends ^ ends.wrapping_sub(1);
    (ends != 0).then(|| (together(word & bits), length_of(ends)))
}

/// The number with a sign that one without stands for: 0, -1, 1, -2 and so on, so that small ones take few bytes.
#[inline(always)]
pub fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// A number of any length, and how many bytes it takes: more than are left, if its end is missing. What is left is handed in
/// so that it need not be in memory for this, and the word that it begins with.
#[inline(never)]
fn read_long(rest: &[u8], word: u64) -> Read<(u64, usize)> {
    if let Some(read) = of_word(word) {
        return Ok(read);
    }
    let low = together(word);
    let [_, _, _, _, _, _, _, _, ninth, behind @ ..] = rest else { return Err(Unread::End) };
    if *ninth < 0x80 {
        return Ok((low | u64::from(*ninth) << 56, 9));
    }
    match behind.first() {
        None => Err(Unread::End),
        Some(tenth @ 0..=1) => Ok((low | u64::from(ninth & 0x7f) << 56 | u64::from(*tenth) << 63, LONGEST)),
        Some(_) => Err(Unread::TooLong),
    }
}

/// How many bytes there are up to the first of eight that is an end.
#[inline(always)]
pub fn length_of(ends: u64) -> usize {
    (ends.trailing_zeros() / 8 + 1) as usize
}

/// The highest bit of each of eight bytes.
/// cbindgen:ignore
pub const HIGH: u64 = 0x8080_8080_8080_8080;
/// How many bytes a number of 64 bits takes at most.
/// cbindgen:ignore
pub const LONGEST: usize = 10;

/// The low seven bits of eight bytes, next to each other.
#[inline(always)]
fn together(word: u64) -> u64 {
    let pairs = (word & 0x007f_007f_007f_007f) | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let fours = (pairs & 0x0000_3fff_0000_3fff) | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    (fours & 0x0fff_ffff) | (fours & 0x0fff_ffff_0000_0000) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a number may be read among: as it was handed in, and what was left.
    fn read_all(bytes: &[u8]) -> Vec<Read<u64>> {
        let (mut rest, last) = (bytes, last_of(bytes));
        let mut numbers = Vec::new();
        while !rest.is_empty() {
            let read = read(rest, last);
            numbers.push(read.map(|(number, _)| number));
            let Ok((_, behind)) = read else { break };
            rest = behind;
        }
        numbers
    }

    #[test]
    fn numbers_at_the_end_are_read_as_those_before() {
        for length in 1..=LONGEST {
            // Of this many bytes, and their highest bit where there is room for it.
            let mut number = vec![0x81; length];
            number[length - 1] = 1;
            let value = (0..length).fold(0, |value, place| value | 1_u64 << (7 * place));
            for count in 1..12 {
                assert_eq!(read_all(&number.repeat(count)), vec![Ok(value); count]);
            }
        }
    }

    #[test]
    fn what_lies_before_or_behind_the_bytes_is_no_part_of_a_number() {
        for length in 0..LONGEST {
            let cut = [&[1; 20][..], &vec![0x80; length]].concat();
            let numbers = read_all(&cut);
            assert_eq!(numbers.len(), 20 + usize::from(length > 0));
            assert_eq!(numbers.last(), Some(if length > 0 { &Err(Unread::End) } else { &Ok(1) }));
        }
        assert_eq!(read_all(&[0x80; LONGEST]), [Err(Unread::TooLong)]);
        assert_eq!(read_all(&[0x80; LONGEST + 5]), [Err(Unread::TooLong)]);
        assert_eq!(read(&[], last_of(&[])), Err(Unread::End));
        assert_eq!(read(&[], last_of(&[1; 9])), Err(Unread::End));
    }

    #[test]
    fn numbers_with_a_sign_alternate() {
        let signed: Vec<i64> = [0, 1, 2, 3, u64::MAX - 1, u64::MAX].map(super::signed).into();
        assert_eq!(signed, [0, -1, 1, -2, i64::MAX, i64::MIN]);
    }
}
